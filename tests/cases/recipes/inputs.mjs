// What the input says, and how it reaches the compiler.

import { address, failure, put, side } from "../../../common/verification/cases/recipes/code.mjs";
import { link } from "../../../common/verification/cases/recipes/holes.mjs";

const exact = ({ creation, runtime }) => ({
  creation, runtime, expected: { creation: side("exact_match"), runtime: side("exact_match") },
});

const refused = ({ creation, runtime }) => ({ creation, runtime, expected: failure("compiler_error") });

const circle = {
  "a.sol": `import "./b.sol";
contract A is B { function g(C c) public {} }`,
  "b.sol": `import "./a.sol";
contract B {}
contract C { A a; function f() public returns (A) { return a; } }`,
};

const linkedByCompiler = `pragma solidity *;
library L { function f(uint256 a) public returns (uint256) { return a + 1; } }
contract User { uint256 public x; function f() public { x = L.f(x); } }`;

const reasons = `pragma solidity *;
contract C { uint256 public x; function f(uint256 y) public { require(y > 1, "too little"); x = y; } }`;

const constant = `pragma solidity *;
contract C { uint256 public x; function f() public { x = 7; } }`;

const circular = (name, compiler, shows) => ({
  name, shows, compiler, sources: circle, target: "b.sol:C", chain: exact,
});

export default [
  circular("circular_imports", "0.8.28", "Files that import each other compile only if the compiler is asked for all files."),
  circular("circular_imports_before_0_8_28", "0.8.13",
    "The same where asking for all files costs much: the target is asked for alone first, and that fails."),
  {
    name: "libraries_linked_by_the_compiler",
    shows: "Addresses in the settings: nothing is left to fill.",
    compiler: "0.8.28", settings: { libraries: { "c.sol": { L: `0x${address("a")}` } } },
    sources: { "c.sol": linkedByCompiler }, target: "c.sol:User", chain: exact,
  },
  {
    name: "libraries_linked_after_compiling",
    shows: "Addresses in the settings, but deployed from an input without, as Hardhat does: that one is found, and the match is exact.",
    compiler: "0.8.28", settings: { libraries: { "c.sol": { L: `0x${address("a")}` } } },
    sources: { "c.sol": linkedByCompiler }, target: "c.sol:User",
    chain: (_, another) => {
      const { contract: { evm } } = another({ settings: {} });
      const [creation, runtime] = [evm.bytecode, evm.deployedBytecode].map(({ object, linkReferences }) =>
        link(object, linkReferences, { L: address("a") }));
      const filled = ({ transformations, values }) => side("exact_match", transformations, values);
      return {
        creation: creation.linked, runtime: runtime.linked,
        expected: { creation: filled(creation), runtime: filled(runtime) },
      };
    },
  },
  {
    name: "revert_strings_are_a_setting",
    shows: "A setting that changes code reaches the compiler.",
    compiler: "0.8.28", settings: { debug: { revertStrings: "strip" } },
    sources: { "c.sol": reasons }, target: "c.sol:C", chain: exact,
  },
  {
    name: "other_settings_reach_the_compiler",
    shows: "Remappings, the EVM version, the optimizer's steps, compilation by way of IR.",
    compiler: "0.8.28",
    settings: {
      remappings: ["@lib/=vendor/"], evmVersion: "paris", viaIR: true,
      optimizer: { enabled: true, runs: 7, details: { yul: true, yulDetails: { optimizerSteps: "dhfoDgvulfnTUtnIf" } } },
    },
    sources: { "c.sol": `import {Base} from "@lib/Base.sol"; ${reasons.replace("contract C", "contract C is Base")}`,
      "vendor/Base.sol": "contract Base { uint256 public base = 3; }" },
    target: "c.sol:C", chain: exact,
  },
  {
    name: "what_must_not_reach_the_compiler",
    shows: "Each of these would make the compiler refuse the input, stop early or print something else.",
    compiler: "0.8.28", sources: { "c.sol": reasons }, target: "c.sol:C", chain: exact,
    submits: (input) => ({
      ...input,
      sources: { "c.sol": { ...input.sources["c.sol"], urls: ["file:///etc/passwd"], keccak256: `0x${"00".repeat(32)}` } },
      settings: {
        ...input.settings, modelChecker: { engine: "no such engine" }, stopAfter: "parsing",
        outputSelection: { "*": { "": ["ast"] } },
      },
      auxiliaryInput: { smtlib2responses: "no object" },
    }),
  },
  {
    name: "an_unknown_setting",
    shows: "It reaches the compiler, whose refusal is the answer.",
    compiler: "0.8.28", sources: { "c.sol": constant }, target: "c.sol:C",
    submits: (input) => ({ ...input, settings: { optimiser: { enabled: true } } }),
    chain: refused,
  },
  {
    name: "a_file_of_the_machine",
    shows: "An import can't read what isn't among the sources.",
    compiler: "0.8.28", sources: { "c.sol": constant }, target: "c.sol:C",
    submits: (input) => ({ ...input, sources: { "c.sol": { content: `import "/etc/hostname"; ${constant}` } } }),
    chain: refused,
  },
  {
    name: "a_source_that_nobody_imports",
    shows: "Unused files are given to the compiler all the same: they are part of the input.",
    compiler: "0.8.28", sources: { "c.sol": constant, "unused.sol": "contract Unused {}" }, target: "c.sol:C", chain: exact,
  },
  {
    name: "names_and_line_ends_of_all_kinds",
    shows: "Sources go through byte for byte: CRLF, no last line end, letters beyond ASCII in names and comments.",
    compiler: "0.8.28", sources: { "src/Zähler & Co.sol": `${constant.replaceAll("\n", "\r\n")} // größer ≥ 7 🙂` },
    target: "src/Zähler & Co.sol:C", chain: exact,
  },
  {
    name: "an_older_release",
    shows: "solc 0.6.12, optimised.",
    compiler: "0.6.12", settings: { optimizer: { enabled: true, runs: 200 } },
    sources: { "c.sol": constant }, target: "c.sol:C", chain: exact,
  },
  {
    name: "another_optimizer_setting",
    shows: "Other settings make other code of another length.",
    compiler: "0.8.28", settings: { optimizer: { enabled: true, runs: 200 } },
    sources: { "c.sol": reasons }, target: "c.sol:C",
    chain: (_, another) => ({ ...another({ settings: {} }), expected: failure("bytecode_length_mismatch") }),
  },
  {
    name: "one_other_constant",
    shows: "Another program of the same length.",
    compiler: "0.8.28", sources: { "c.sol": constant }, target: "c.sol:C",
    chain: (_, another) => ({
      ...another({ sources: { "c.sol": constant.replace("x = 7", "x = 8") } }), expected: failure("no_match"),
    }),
  },
  {
    name: "code_changed_after_the_deployment",
    shows: "The creation code is the contract's, the code at the address is not: the sides are judged apart.",
    compiler: "0.8.28", sources: { "c.sol": constant }, target: "c.sol:C",
    chain: ({ creation, runtime }) => ({
      creation, runtime: put(runtime, 20, "5b"), expected: { creation: side("exact_match"), runtime: null },
    }),
  },
];
