// Makes the cases of this folder. See docs/cases.md.
//
// usage: node make.mjs COMPILERS VYPERS
//   COMPILERS/emscripten-*/solc-emscripten-*-v<release>+commit.<hash>.js    as the Solidity project publishes them
//   VYPERS/<release>/bin/vyper                                              virtual environments with Vyper
//
// A recipe compiles a contract with soljson under Node or with Vyper, makes the chain's code from what the
// compiler printed, and says what must come out. Neither our engine nor our matcher has a part in it.

import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import recipes from "./recipes.mjs";

const [compilers, vypers] = [2, 3].map((place) => resolve(process.argv[place] ?? "."));
const here = dirname(fileURLToPath(import.meta.url));
const load = createRequire(import.meta.url);
const loaded = new Map();

function solc(release) {
  if (!loaded.has(release)) {
    const files = ["wasm32", "asmjs"].flatMap((platform) => {
      const folder = join(compilers, `emscripten-${platform}`);
      return readdirSync(folder).map((name) => join(folder, name));
    });
    const file = files.find((path) => path.includes(`-v${release}+commit.`) && path.endsWith(".js"));
    if (!file) throw new Error(`there is no ${release} in ${compilers}`);
    const run = load(file).cwrap("solidity_compile", "string", ["string", "number", "number"]);
    const version = basename(file, ".js").split("-v")[1];
    loaded.set(release, { version, run: (input) => JSON.parse(run(JSON.stringify(input), 0, 0)) });
  }
  return loaded.get(release);
}

const contents = (sources) => Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }]));

// What the user sends.
const submitted = ({ language = "Solidity", sources, settings = {} }) => ({ language, sources: contents(sources), settings });

const vyper = (release, args) => execFileSync(join(vypers, release, "bin/vyper"), args, { encoding: "utf8" }).trim();

function compileVyper({ compiler, sources, target }) {
  const folder = mkdtempSync(join(tmpdir(), "cases-"));
  for (const [path, content] of Object.entries(sources)) writeFileSync(join(folder, path), content);
  const print = (what) => vyper(compiler, ["-f", what, join(folder, target.split(":")[0])]).slice("0x".length);
  const codes = { creation: print("bytecode"), runtime: print("bytecode_runtime") };
  rmSync(folder, { recursive: true });
  return codes;
}

const versionOf = ({ language, compiler }) => (language === "Vyper" ? vyper(compiler, ["--version"]) : solc(compiler).version);

function compile(recipe) {
  if (recipe.language === "Vyper") return compileVyper(recipe);
  const input = submitted(recipe);
  const outputSelection = { "*": { "*": ["abi", "evm.legacyAssembly", "evm.bytecode", "evm.deployedBytecode"] } };
  const output = solc(recipe.compiler).run({ ...input, settings: { ...input.settings, outputSelection } });
  const errors = (output.errors ?? []).filter((error) => error.severity === "error");
  if (errors.length > 0) throw new Error(`${recipe.name}: ${errors[0].formattedMessage}`);
  const [path, name] = recipe.target.split(":");
  const contract = output.contracts[path][name];
  const digits = (code) => code?.object ?? "";
  return { creation: digits(contract.evm.bytecode), runtime: digits(contract.evm.deployedBytecode), contract };
}

function expectation(expected, isOwn) {
  if (expected.failure) return expected;
  const sides = ["creation", "runtime"].map((side) => [
    [side, expected[side]?.status ?? null],
    [`${side}Transformations`, expected[side]?.transformations ?? null],
    [`${side}Values`, expected[side]?.values ?? null],
  ]);
  // A transaction is believed if the chain says that it made this contract, and not another one.
  const deployment = expected.creation || isOwn ? "known" : "unknown";
  return { ...Object.fromEntries(sides.flat()), deployment };
}

for (const recipe of recipes) {
  const another = (changes) => compile({ ...recipe, ...changes });
  const { creation, runtime, expected, traces, receiptNames } = recipe.chain(compile(recipe), another);
  const document = {
    shows: recipe.shows,
    input: {
      compilerVersion: versionOf(recipe),
      contractIdentifier: recipe.target,
      stdJson: recipe.submits?.(submitted(recipe)) ?? submitted(recipe),
    },
    onchain: { creationCode: creation ? `0x${creation}` : null, runtimeCode: `0x${runtime}`, traces, receiptNames },
    expected: expectation(expected, creation && !traces && !receiptNames),
  };
  writeFileSync(join(here, `${recipe.name}.json`), `${JSON.stringify(document, null, 1)}\n`);
  console.log(recipe.name);
}
