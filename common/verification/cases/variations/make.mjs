// Makes the cases in this folder. See ../README.md.
//
// usage: node make.mjs TOOLS       where TOOLS/node_modules/solc-<release> is npm's solc
//
// The chain has what `deployed` compiles to; `submitted` is what a user sends. Nothing here knows
// how a variation is found: `finds` is `deployed` itself, or null.

import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileSync } from "node:fs";

const tools = resolve(process.argv[2] ?? ".");
const here = dirname(fileURLToPath(import.meta.url));
const load = createRequire(join(tools, "index.js"));
const wrapper = load("solc-0.8.28/wrapper");
const loaded = new Map();

function compile({ compiler, settings }, sources) {
  if (!loaded.has(compiler)) loaded.set(compiler, wrapper(load(`solc-${compiler}/soljson.js`)));
  const contents = Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }]));
  const outputSelection = { "*": { "*": ["metadata", "devdoc", "userdoc", "evm.bytecode.object", "evm.deployedBytecode.object"] } };
  const input = { language: "Solidity", sources: contents, settings: { ...settings, outputSelection } };
  const output = JSON.parse(loaded.get(compiler).compile(JSON.stringify(input)));
  const contract = output.contracts?.["a.sol"]?.A;
  if (!contract) throw new Error(JSON.stringify(output.errors));
  return { contract, version: loaded.get(compiler).version().replace(/\.Emscripten.*/, "") };
}

const crlf = (text) => text.replaceAll("\n", "\r\n");
const each = (sources, edit) => Object.fromEntries(Object.entries(sources).map(([path, text]) => [path, edit(text)]));

const lf = {
  "a.sol": "pragma solidity *;\nimport \"./b.sol\";\nimport \"./c.sol\";\ncontract A {\n  // text\n}\n",
  "b.sol": "// the same content twice\n",
  "c.sol": "// the same content twice\n",
};
const odd = { "a.sol": "import \"./\\xc3\\xbc \\\\ q.sol\";\ncontract A {} // é 😀 \" \\ \t \u007f\n", "ü \\ q.sol": "// é\n" };
const literal = { metadata: { useLiteralContent: true } };
// Files that end in three ways, as version control leaves them.
const documented = {
  "a.sol": "/**\n * @title lines\n * that go on\n * @dev more\n *\n * after a blank\n */\ncontract A {\n  /// @notice one\n  /// two\n  function f() public {}\n}\n",
};
// Compiled before it was linked, submitted with the library's address.
const linking = {
  "a.sol": "library L { function f() public {} }\ncontract A { function g() public { L.f(); } }\n",
};
const address = "0x1111111111111111111111111111111111111111";
const linked = { libraries: { "a.sol": { L: address } } };
const ends = { "a.sol": "import \"./b.sol\";\nimport \"./c.sol\";\ncontract A {}", "b.sol": "//\n\n", "c.sol": "//\n" };

const cases = [
  ...["0.4.10", "0.4.11", "0.4.24", "0.5.9", "0.5.16", "0.8.28"].map((compiler) => ({
    name: `other_line_endings_in_${compiler.replaceAll(".", "_")}`,
    shows: "Deployed from CRLF, submitted with LF. Two files have one content.",
    compiler, deployed: each(lf, crlf), submitted: lf,
  })),
  ...["0.4.11", "0.4.24", "0.5.16", "0.8.18", "0.8.28"].map((compiler) => ({
    name: `literal_contents_in_${compiler.replaceAll(".", "_")}`,
    shows: "The metadata holds the sources themselves, in the compiler's own escapes.",
    compiler, settings: literal, deployed: each(odd, (text) => text.trimEnd()), submitted: each(odd, crlf),
  })),
  {
    name: "addresses_of_files_with_odd_names", shows: "Paths are compared by what they say, not by how they are escaped.",
    compiler: "0.8.28", deployed: each(odd, crlf), submitted: odd,
  },
  {
    name: "metadata_named_by_swarm", shows: "The settings ask for bzzr1, the sources still have IPFS addresses.",
    compiler: "0.8.28", settings: { metadata: { bytecodeHash: "bzzr1" } }, deployed: lf, submitted: each(lf, crlf),
  },
  { name: "a_line_too_many", shows: "The end of each file was trimmed before.", compiler: "0.8.28",
    deployed: each(lf, (text) => text.trimEnd()), submitted: each(lf, (text) => `${text}\n \n`) },
  { name: "a_line_too_few", shows: "Each file had one more line, ended with CRLF.", compiler: "0.8.28",
    deployed: each(lf, (text) => `${text}\r\n`), submitted: lf },
  { name: "ends_that_differ", shows: "Files end with no, one and two line breaks: all kept.", compiler: "0.8.28",
    deployed: each(ends, crlf), submitted: ends },
  { name: "a_file_that_metadata_does_not_name", shows: "It is varied with the others.", compiler: "0.8.28",
    deployed: each({ ...lf, "d.sol": "contract D {}\n" }, crlf), submitted: { ...lf, "d.sol": "contract D {}\n" } },
  ...["0.4.11", "0.5.16", "0.6.2"].map((compiler) => ({
    name: `documentation_of_many_lines_in_${compiler.replaceAll(".", "_")}`,
    shows: "Comments take their line endings with them into the metadata: only another compile tells.",
    compiler, deployed: each(documented, (text) => crlf(text.trimEnd())), submitted: documented, again: each(documented, crlf),
  })),
  { name: "documentation_of_many_lines_in_0_6_9", shows: "From there on they don't.", compiler: "0.6.9",
    deployed: each(documented, (text) => crlf(text.trimEnd())), submitted: documented },
  ...["0.4.24", "0.5.16", "0.8.28"].map((compiler) => ({
    name: `linked_after_compiling_in_${compiler.replaceAll(".", "_")}`,
    shows: "Submitted with the library's address, as Hardhat does: the metadata that was deployed names none.",
    compiler, settings: linked, onChain: {}, deployed: linking, submitted: linking,
  })),
  { name: "linked_after_compiling_other_line_endings", shows: "Both at once.", compiler: "0.8.28",
    settings: linked, onChain: {}, deployed: each(linking, crlf), submitted: linking },
  { name: "linked_elsewhere", shows: "The metadata names a library, but another: that input is not ours to invent.",
    compiler: "0.8.28", settings: linked, onChain: { libraries: { "a.sol": { L: address.replaceAll("1", "2") } } },
    deployed: linking, submitted: linking, none: true },
  { name: "nothing_differs", shows: "The hash is ours already.", compiler: "0.8.28", deployed: lf, submitted: lf, none: true },
  { name: "another_comment", shows: "No line ending gives that.", compiler: "0.8.28",
    deployed: { ...lf, "b.sol": "// another\n" }, submitted: lf, none: true },
  { name: "one_file_of_three", shows: "A variation goes to all files: a tool that changes one changes all.", compiler: "0.8.28",
    deployed: { ...lf, "b.sol": crlf(lf["b.sol"]) }, submitted: lf, none: true },
  { name: "no_hash_on_the_chain", shows: "Nothing could be proven.", compiler: "0.8.28",
    onChain: { metadata: { bytecodeHash: "none" } }, deployed: each(lf, crlf), submitted: lf, none: true },
  { name: "no_hash_in_our_code", shows: "Other settings, other metadata: line endings don't heal that.", compiler: "0.8.28",
    settings: { metadata: { bytecodeHash: "none" } }, onChain: {}, deployed: each(lf, crlf), submitted: lf, none: true },
  { name: "another_kind_of_hash", shows: "The same.", compiler: "0.8.28",
    settings: { metadata: { bytecodeHash: "bzzr1" } }, onChain: {}, deployed: each(lf, crlf), submitted: lf, none: true },
];

const printed = ({ metadata, devdoc, userdoc, evm }) => ({
  metadata, devdoc, userdoc,
  evm: { bytecode: { object: evm.bytecode.object }, deployedBytecode: { object: evm.deployedBytecode.object } },
});

for (const { name, shows, deployed, submitted, again, none, onChain, ...how } of cases) {
  const ours = compile(how, submitted);
  const theirs = compile(onChain ? { ...how, settings: onChain } : how, deployed);
  const document = {
    shows, compilerVersion: ours.version, settings: how.settings, submitted,
    output: printed(ours.contract),
    again, outputOfAgain: again && printed(compile(how, again).contract),
    onChain: `0x${theirs.contract.evm.deployedBytecode.object.replace(/__.{38}/g, address.slice(2))}`,
    finds: none ? null : deployed,
    findsSettings: none ? undefined : onChain,
  };
  writeFileSync(join(here, `${name}.json`), `${JSON.stringify(document, null, 1)}\n`);
  console.log(name);
}
