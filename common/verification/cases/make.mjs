// Makes the cases in this folder that come from a compiler. See README.md.
//
// usage: node make.mjs TOOLS [NAME…]    all cases, or those named
//   TOOLS/node_modules/solc-<release>   npm's solc, installed as `solc-0.8.28@npm:solc@0.8.28`
//   TOOLS/vyper-<release>               a Python environment with that Vyper
//
// A recipe compiles a contract, makes the chain's code from what the compiler printed, and says
// what must come out. It knows nothing of the matcher: places are found by the compiler's own
// references or by searching for bytes.

import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileSync } from "node:fs";
import differences from "./recipes/differences.mjs";
import recipes from "./recipes.mjs";

const tools = resolve(process.argv[2] ?? ".");
const here = dirname(fileURLToPath(import.meta.url));
const load = createRequire(join(tools, "index.js"));
const wrapper = load("solc-0.8.28/wrapper");
const loaded = new Map();

function solc(release) {
  if (!loaded.has(release)) {
    loaded.set(release, wrapper(load(`solc-${release}/soljson.js`)));
  }
  return loaded.get(release);
}

function compile({ compiler, language = "Solidity", sources, settings = {}, target }) {
  const contents = Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }]));
  const input = { language, sources: contents, settings: { ...settings } };
  const [path, name] = target.split(":");
  if (language === "Vyper") {
    input.settings.outputSelection = { [path]: { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } };
    const program = join(tools, `vyper-${compiler}`, "bin", "vyper-json");
    const output = JSON.parse(execFileSync(program, { input: JSON.stringify(input), stdio: ["pipe", "pipe", "ignore"] }));
    const version = execFileSync(join(tools, `vyper-${compiler}`, "bin", "vyper"), ["--version"]).toString().trim();
    return { version, output, contract: output.contracts[path][name] };
  }
  input.settings.outputSelection = { "*": { "*": ["abi", "evm.legacyAssembly", "evm.bytecode", "evm.deployedBytecode"] } };
  const output = JSON.parse(solc(compiler).compile(JSON.stringify(input)));
  const errors = (output.errors ?? []).filter((error) => error.severity === "error");
  if (errors.length > 0) throw new Error(errors[0].formattedMessage);
  const contract = output.contracts[path]?.[name] ?? output.contracts[""][name];
  return { version: solc(compiler).version(), output, contract };
}

// Only what a verdict needs, so that a case stays small.
function trimmed(contract) {
  const code = ({ object, linkReferences, immutableReferences }) => ({ object, linkReferences, immutableReferences });
  return {
    abi: contract.abi?.filter((item) => item.type === "constructor"),
    evm: {
      bytecode: code(contract.evm.bytecode),
      deployedBytecode: code(contract.evm.deployedBytecode ?? {}),
      legacyAssembly: contract.evm.legacyAssembly && assembly(contract.evm.legacyAssembly),
    },
  };
}

// Of the instructions, only those that put an embedded assembly into the code.
function assembly(node) {
  if (typeof node !== "object") return undefined;
  const pushes = (node[".code"] ?? []).filter(({ name }) => name === "PUSH [$]").map(({ name, value }) => ({ name, value }));
  const data = Object.entries(node[".data"] ?? {}).map(([key, nested]) => [key, assembly(nested)]);
  const nested = data.filter(([, value]) => value);
  return {
    ".auxdata": node[".auxdata"],
    ".code": pushes.length > 0 ? pushes : undefined,
    ".data": nested.length > 0 ? Object.fromEntries(nested) : undefined,
  };
}

function withSpaces(sources) {
  return Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, `${content} `]));
}

const named = process.argv.slice(3);
for (const recipe of recipes) {
  if (named.length > 0 && !named.includes(recipe.name)) continue;
  const compiled = compile(recipe);
  const digits = (code) => code?.object?.replace(/^0x/, "") ?? "";
  const ours = {
    creation: digits(compiled.contract.evm.bytecode),
    runtime: digits(compiled.contract.evm.deployedBytecode),
    contract: compiled.contract,
  };
  recipe.change?.(ours);
  const another = (changes) => {
    const { evm } = compile({ ...recipe, ...changes }).contract;
    return { creation: digits(evm.bytecode), runtime: digits(evm.deployedBytecode) };
  };
  const { creation, runtime, expected } = recipe.chain(ours, another);
  const [path, name] = recipe.target.split(":");
  const output = (contract) => ({ contracts: { [path]: { [name]: trimmed(contract) } } });
  const document = {
    shows: recipe.shows,
    language: recipe.language ?? "Solidity",
    compilerVersion: compiled.version.replace(/\.Emscripten.*/, ""),
    target: recipe.target,
    optimizer: recipe.settings?.optimizer?.enabled ? true : undefined,
    output: output(compiled.contract),
    outputOfEditedSources: recipe.edited
      ? output(compile({ ...recipe, sources: withSpaces(recipe.sources) }).contract)
      : undefined,
    onChain: { creation: creation ? `0x${creation}` : null, runtime: `0x${runtime}` },
    expected: { ...expected, errorData: differences[recipe.name] },
  };
  writeFileSync(join(here, `${recipe.name}.json`), `${JSON.stringify(document, null, 1)}\n`);
  console.log(recipe.name);
}
