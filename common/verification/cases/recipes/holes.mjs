// Libraries, immutables, call protection, constructor arguments.

import { address, failure, insertArguments, lastBlob, length, put, replaceBlob, side, slice, word } from "./code.mjs";

const storage = `pragma solidity *;
contract Storage { uint256 public number; function store(uint256 num) public { number = num; } }`;

const twoLibraries = (pragma) => `pragma solidity ${pragma};
library Adder { function add(uint256 a) public returns (uint256) { return a + 1; } }
library LongerThanThirtySixCharactersTogether { function sub(uint256 a) public returns (uint256) { return a - 1; } }
contract User { uint256 public x;
  function f() public { x = Adder.add(x); }
  function g() public { x = LongerThanThirtySixCharactersTogether.sub(x) + Adder.add(2); } }`;

const oneLibrary = `pragma solidity *;
library Adder { function add(uint256 a) public returns (uint256) { return a + 1; } }
contract User { uint256 public x; function f() public { x = Adder.add(x); } }`;

const withArguments = `pragma solidity *;
contract C { uint256 a; string b; uint8[] c;
  constructor(uint256 x, string memory y, uint8[] memory z) { a = x; b = y; c = z; } }`;

const text = "68656c6c6f".padEnd(64, "0");
const encoded = word("7") + word("60") + word("a0") + word("5") + text + word("2") + word("1") + word("ff");

// Fills every reference of the code with an address per library, and says so.
export function link(code, linkReferences, addresses) {
  const transformations = [];
  const libraries = {};
  let linked = code;
  for (const [file, names] of Object.entries(linkReferences)) {
    for (const [name, references] of Object.entries(names)) {
      const id = `${file}:${name}`;
      libraries[id] = `0x${addresses[name]}`;
      for (const { start } of references) {
        linked = put(linked, start, addresses[name]);
        transformations.push({ type: "replace", reason: "library", offset: start, id });
      }
    }
  }
  return { linked, transformations, values: { libraries } };
}

function linkedOnBothSides({ creation, runtime, contract }) {
  const addresses = { Adder: address("a"), LongerThanThirtySixCharactersTogether: address("b") };
  // A character of a placeholder may be several bytes.
  const bytes = (code) => Buffer.from(code).toString("latin1");
  const onCreation = link(bytes(creation), contract.evm.bytecode.linkReferences, addresses);
  const onRuntime = link(bytes(runtime), contract.evm.deployedBytecode.linkReferences, addresses);
  return {
    creation: onCreation.linked,
    runtime: onRuntime.linked,
    expected: {
      creation: side("exact_match", onCreation.transformations, onCreation.values),
      runtime: side("exact_match", onRuntime.transformations, onRuntime.values),
    },
  };
}

// Fills every immutable with the value at its rank.
export function fillImmutables(code, references, values) {
  const transformations = [];
  const immutables = {};
  let filled = code;
  Object.entries(references).forEach(([id, ranges], rank) => {
    immutables[id] = `0x${values[rank]}`;
    for (const { start } of ranges) {
      filled = put(filled, start, values[rank]);
      transformations.push({ type: "replace", reason: "immutable", offset: start, id });
    }
  });
  return { filled, transformations, values: { immutables } };
}

const immutables = `pragma solidity *;
contract C { address immutable owner; uint256 immutable limit;
  constructor(uint256 l) { owner = msg.sender; limit = l; }
  function f() public view returns (address, uint256) { return (owner, limit); }
  function g() public view returns (uint256) { return limit + 1; } }`;

const everything = (comment = "") => `pragma solidity *;
library L { function f(uint256 a) public returns (uint256) { return a + 1; } }
contract C { uint256 immutable limit; uint256 public x; constructor(uint256 l) { limit = l; x = L.f(l); }
  function f() public { x = L.f(limit); } }${comment}`;

const library = `pragma solidity *;
library L { function add(uint256 a) public pure returns (uint256) { return a + 1; } }`;

export default [
  {
    name: "exact_on_both_sides",
    shows: "Nothing to fill, equal bytes, a metadata hash.",
    compiler: "0.8.28", sources: { "s.sol": storage }, target: "s.sol:Storage",
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("exact_match"), runtime: side("exact_match") },
    }),
  },
  {
    name: "only_runtime_code_is_known",
    shows: "Without creation code that side is null and the other matches all the same.",
    compiler: "0.8.28", sources: { "s.sol": storage }, target: "s.sol:Storage",
    chain: ({ runtime }) => ({ runtime, expected: { creation: null, runtime: side("exact_match") } }),
  },
  {
    name: "constructor_arguments",
    shows: "Static and dynamic arguments follow the creation code.",
    compiler: "0.8.28", sources: { "c.sol": withArguments }, target: "c.sol:C",
    chain: ({ creation, runtime }) => ({
      creation: creation + encoded,
      runtime,
      expected: {
        creation: side("exact_match", [insertArguments(creation)], { constructorArguments: `0x${encoded}` }),
        runtime: side("exact_match"),
      },
    }),
  },
  {
    name: "libraries_manually_linked",
    shows: "Placeholders are hashes of names; one library is referenced twice.",
    compiler: "0.8.18", sources: { "l.sol": twoLibraries("*") }, target: "l.sol:User",
    chain: linkedOnBothSides,
  },
  {
    name: "libraries_manually_linked_before_0_5",
    shows: "Placeholders are names, cut at 36 characters.",
    compiler: "0.4.24", sources: { "l.sol": twoLibraries("*") }, target: "l.sol:User",
    chain: linkedOnBothSides,
  },
  {
    name: "libraries_in_a_file_with_an_accent",
    shows: "Before 0.5 the name in a placeholder has at most 36 bytes, however many characters that is.",
    compiler: "0.4.24", sources: { "contrats/été.sol": twoLibraries("*") }, target: "contrats/été.sol:User",
    chain: linkedOnBothSides,
  },
  {
    name: "libraries_in_a_file_with_many_accents",
    shows: "The name is cut within a character, and the underscore after it is printed as the character's end.",
    compiler: "0.4.24",
    sources: { [`contrats/${"é".repeat(19)}.sol`]: oneLibrary }, target: `contrats/${"é".repeat(19)}.sol:User`,
    chain: linkedOnBothSides,
  },
  {
    name: "libraries_without_link_references",
    shows: "A compiler that gives no references: placeholders are found by their underscores.",
    compiler: "0.4.6", sources: { "l.sol": twoLibraries("*") }, target: "l.sol:User",
    change: ({ contract }) => {
      delete contract.evm.bytecode.linkReferences;
      delete contract.evm.deployedBytecode.linkReferences;
    },
    chain: ({ creation, runtime }) => {
      // Before 0.4.9 the placeholder names the library without its file.
      const scanned = (code) => {
        const holes = [...code.matchAll(/__[^0-9].{37}/g)];
        const names = holes.map(([hole]) => hole.replace(/^_+|_+$/g, ""));
        const byName = (name) => (name === "Adder" ? address("a") : address("b"));
        return {
          linked: holes.reduce((all, { index }, rank) => put(all, index / 2, byName(names[rank])), code),
          transformations: holes.map(({ index }, rank) => (
            { type: "replace", reason: "library", offset: index / 2, id: names[rank] })),
          values: { libraries: Object.fromEntries(names.map((name) => [name, `0x${byName(name)}`])) },
        };
      };
      const [onCreation, onRuntime] = [scanned(creation), scanned(runtime)];
      return {
        creation: onCreation.linked,
        runtime: onRuntime.linked,
        expected: {
          creation: side("match", onCreation.transformations, onCreation.values),
          runtime: side("match", onRuntime.transformations, onRuntime.values),
        },
      };
    },
  },
  {
    name: "immutables",
    shows: "Two immutables, one of them read twice, and the constructor's argument.",
    compiler: "0.8.28", sources: { "c.sol": immutables }, target: "c.sol:C",
    chain: ({ creation, runtime, contract }) => {
      const references = contract.evm.deployedBytecode.immutableReferences;
      const { filled, transformations, values } =
        fillImmutables(runtime, references, [word(address("c")), word("64")]);
      return {
        creation: creation + word("64"),
        runtime: filled,
        expected: {
          creation: side("exact_match", [insertArguments(creation)], { constructorArguments: `0x${word("64")}` }),
          runtime: side("exact_match", transformations, values),
        },
      };
    },
  },
  {
    name: "every_kind_of_hole",
    shows: "A library, an immutable, an argument, and metadata of another comment: both sides match, neither exactly.",
    compiler: "0.8.28", sources: { "c.sol": everything() }, target: "c.sol:C",
    chain: ({ creation, runtime, contract: { evm } }, another) => {
      const chain = another({ sources: { "c.sol": everything(" // other") } });
      const addresses = { L: address("a") };
      const fill = (code, { linkReferences }, start = { filled: code, transformations: [], values: {} }) => {
        const linked = link(start.filled, linkReferences, addresses);
        const { offset } = lastBlob(code);
        return {
          code: linked.linked,
          transformations: [...start.transformations, ...linked.transformations, replaceBlob(offset, "1")],
          values: { ...start.values, ...linked.values, cborAuxdata: { 1: `0x${lastBlob(code).value}` } },
        };
      };
      const immutable = fillImmutables(chain.runtime, evm.deployedBytecode.immutableReferences, [word("64")]);
      const onCreation = fill(chain.creation, evm.bytecode);
      const onRuntime = fill(chain.runtime, evm.deployedBytecode, immutable);
      return {
        creation: onCreation.code + word("64"),
        runtime: onRuntime.code,
        expected: {
          creation: side("match", [...onCreation.transformations, insertArguments(creation)],
            { ...onCreation.values, constructorArguments: `0x${word("64")}` }),
          runtime: side("match", onRuntime.transformations, onRuntime.values),
        },
      };
    },
  },
  {
    name: "call_protection",
    shows: "A deployed library holds its own address.",
    compiler: "0.8.28", sources: { "l.sol": library }, target: "l.sol:L",
    chain: ({ creation, runtime }) => ({
      creation,
      runtime: put(runtime, 1, address("d")),
      expected: {
        creation: side("exact_match"),
        runtime: side("exact_match", [{ type: "replace", reason: "callProtection", offset: 1 }],
          { callProtection: `0x${address("d")}` }),
      },
    }),
  },
  {
    name: "call_protection_compiled_by_way_of_ir",
    shows: "Such libraries hold their address as an immutable.",
    compiler: "0.8.28", settings: { viaIR: true, optimizer: { enabled: true } },
    // Only functions that may write ask for it.
    sources: { "l.sol": library.replace("uint256 a) public pure", "uint256[] storage a) public")
      .replace("return a + 1", "a.push(1); return 1") }, target: "l.sol:L",
    chain: ({ creation, runtime, contract }) => {
      const references = contract.evm.deployedBytecode.immutableReferences;
      const { filled, transformations, values } = fillImmutables(runtime, references, [word(address("d"))]);
      return {
        creation, runtime: filled,
        expected: { creation: side("exact_match"), runtime: side("exact_match", transformations, values) },
      };
    },
  },
  {
    name: "yul",
    shows: "No metadata, so that equal bytes are a match and not an exact one.",
    compiler: "0.8.28", language: "Yul", target: "o.yul:O",
    sources: { "o.yul": `object "O" { code { datacopy(0, dataoffset("r"), datasize("r")) return(0, datasize("r")) }
      object "r" { code { mstore(0, calldataload(0)) return(0, 32) } } }` },
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("match"), runtime: side("match") },
    }),
  },
  {
    name: "yul_of_another_length",
    shows: "Lengths are not compared, also where the chain's code ends with metadata.",
    compiler: "0.8.28", language: "Yul", target: "o.yul:O",
    sources: { "o.yul": `object "O" { code { datacopy(0, dataoffset("r"), datasize("r")) return(0, datasize("r")) }
      object "r" { code { mstore(0, calldataload(0)) return(0, 32) } } }` },
    chain: (_, another) => ({
      ...another({ language: "Solidity", sources: { "s.sol": storage }, target: "s.sol:Storage" }),
      expected: failure("no_match"),
    }),
  },
  {
    name: "yul_takes_no_call_protection",
    shows: "Zeros after the first PUSH20 are a library's address in Solidity only.",
    compiler: "0.8.28", language: "Yul", target: "o.yul:O",
    sources: { "o.yul": `object "O" { code { datacopy(0, dataoffset("r"), datasize("r")) return(0, datasize("r")) }
      object "r" { code { sstore(0x73, 1) } data "d" hex"00" } }` },
    change: (ours) => {
      const runtime = `73${"0".repeat(40)}${slice(ours.runtime, 0, length(ours.runtime))}`;
      ours.contract.evm.deployedBytecode.object = ours.runtime = runtime;
    },
    chain: ({ creation, runtime }) => ({
      creation, runtime: put(runtime, 1, address("d")), expected: { creation: side("match"), runtime: null },
    }),
  },
];
