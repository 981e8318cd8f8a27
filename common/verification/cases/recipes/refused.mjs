// What must not match, and the failure or the null side it must be instead.

import { address, failure, insertArguments, lastBlob, length, put, side, slice, word } from "./code.mjs";
import { fillImmutables } from "./holes.mjs";

const storage = `pragma solidity *;
contract Storage { uint256 public number; function store(uint256 num) public { number = num; } }`;
const other = storage.replace("number = num", "number = num + 1");

const withArguments = `pragma solidity *;
contract C { uint8 a; string b; constructor(uint8 x, string memory y) { a = x; b = y; } }`;
const head = word("7") + word("40");
const tail = word("3") + "616263".padEnd(64, "0");

const immutables = `pragma solidity *;
contract WithImmutables { uint256 public immutable a; constructor(uint256 x) { a = x; }
  function f() public view returns (uint256) { return a + 1; } }`;
const empty = `pragma solidity *;
contract Empty { constructor(uint256) {} }`;

const linked = `pragma solidity *;
library L { function f(uint256 a) public returns (uint256) { return a + 1; } }
contract User { uint256 public x; function f() public { x = L.f(x); } function g() public { x = L.f(x) + L.f(2); } }`;

const compilerOf = (release, source, target, more = {}) => ({
  compiler: release, sources: { "c.sol": source }, target: `c.sol:${target}`, ...more,
});

// The creation code goes on with something that is no encoding of the arguments.
const notArguments = (name, shows, bytes) => ({
  name, shows, ...compilerOf("0.8.28", withArguments, "C"),
  chain: ({ creation, runtime }) => ({
    creation: creation + bytes, runtime, expected: { creation: null, runtime: side("exact_match") },
  }),
});

const linkAll = (code, references, addresses) =>
  references.reduce((all, { start }, rank) => put(all, start, addresses[rank % addresses.length]), code);

export default [
  notArguments("an_argument_out_of_range", "A uint8 of 256 decodes in some tools, but doesn't encode back.",
    word("100") + word("40") + tail),
  notArguments("arguments_with_a_gap", "The string lies further back than encoding would put it.",
    word("7") + word("60") + word("0") + tail),
  notArguments("arguments_with_dirty_padding", "Bytes after the string's end are not zero.",
    head + word("3") + "61626364".padEnd(64, "0")),
  notArguments("extra_bytes_after_the_arguments", "All bytes must be arguments.",
    head + tail + "00"),
  notArguments("arguments_that_end_early", "The string's last word is missing.", head + word("3")),
  {
    name: "bytes_after_a_constructor_without_arguments",
    shows: "No constructor in the ABI and bytes left.",
    ...compilerOf("0.8.28", storage, "Storage"),
    chain: ({ creation, runtime }) => ({
      creation: creation + word("1"), runtime, expected: { creation: null, runtime: side("exact_match") },
    }),
  },
  {
    name: "creation_transaction_of_another_contract",
    shows: "The runtime code matches, the creation code is a stranger's.",
    ...compilerOf("0.8.28", storage, "Storage"),
    chain: ({ runtime }, another) => ({
      creation: another({ sources: { "c.sol": other } }).creation,
      runtime,
      expected: { creation: null, runtime: side("exact_match") },
    }),
  },
  {
    name: "an_empty_contract_with_the_same_constructor",
    shows: "Submitted for a contract with immutables and its transaction: neither side.",
    ...compilerOf("0.8.28", empty, "Empty"),
    chain: (_, another) => {
      const chain = another({ sources: { "c.sol": immutables }, target: "c.sol:WithImmutables" });
      return { creation: chain.creation + word("5"), runtime: chain.runtime, expected: failure("bytecode_length_mismatch") };
    },
  },
  {
    name: "an_abstract_contract",
    shows: "Its code is empty, a prefix of everything: neither side.",
    ...compilerOf("0.8.28", "abstract contract A { function f() public virtual; }", "A"),
    chain: (_, another) => ({
      ...another({ sources: { "c.sol": storage }, target: "c.sol:Storage" }),
      expected: failure("compiled_bytecode_is_zero"),
    }),
  },
  {
    name: "the_same_metadata_for_other_code",
    shows: "The optimizer, files missing from the input: code of another length with our metadata.",
    ...compilerOf("0.8.28", storage, "Storage", { settings: { optimizer: { enabled: true } } }),
    chain: ({ creation, runtime }) => ({
      creation, runtime: `${slice(runtime, 0, 40)}5b${slice(runtime, 40, length(runtime))}`,
      expected: failure("extra_file_input_bug"),
    }),
  },
  {
    name: "the_same_metadata_for_other_code_without_the_optimizer",
    shows: "Missing files can't be the cause then.",
    ...compilerOf("0.8.28", storage, "Storage"),
    chain: ({ creation, runtime }) => ({
      creation, runtime: `${slice(runtime, 0, 40)}5b${slice(runtime, 40, length(runtime))}`,
      expected: failure("bytecode_length_mismatch"),
    }),
  },
  {
    name: "no_metadata_is_not_the_same_metadata",
    shows: "The optimizer, another length, and metadata on neither side: nothing hints at missing files.",
    ...compilerOf("0.8.28", storage, "Storage",
      { settings: { optimizer: { enabled: true }, metadata: { appendCBOR: false } } }),
    chain: ({ creation, runtime }) => ({ creation: `${creation}5b`, runtime: `${runtime}5b`, expected: failure("no_match") }),
  },
  {
    name: "other_code_of_the_same_length",
    shows: "No metadata on either side, one other byte.",
    ...compilerOf("0.8.28", storage, "Storage", { settings: { metadata: { appendCBOR: false } } }),
    chain: ({ creation, runtime }) => ({
      creation: put(creation, 40, "5b"), runtime: put(runtime, 40, "5b"), expected: failure("no_match"),
    }),
  },
  {
    name: "no_cbor_in_place_of_metadata",
    shows: "Whatever stands there on the chain, it isn't metadata.",
    ...compilerOf("0.8.28", storage, "Storage"),
    chain: ({ creation, runtime }) => {
      const nonsense = (code) => put(code, lastBlob(code).offset, "ff".repeat(length(lastBlob(code).value)));
      return { creation: nonsense(creation), runtime: nonsense(runtime), expected: failure("no_match") };
    },
  },
  {
    name: "two_values_for_one_immutable",
    shows: "The runtime side is null, though each place could be filled.",
    ...compilerOf("0.8.28", immutables, "WithImmutables"),
    chain: ({ creation, runtime, contract }) => {
      const references = contract.evm.deployedBytecode.immutableReferences;
      const { filled } = fillImmutables(runtime, references, [word("5")]);
      const [[, second]] = Object.values(references);
      return {
        creation: creation + word("5"),
        runtime: put(filled, second.start, word("6")),
        expected: {
          creation: side("exact_match", [insertArguments(creation)], { constructorArguments: `0x${word("5")}` }),
          runtime: null,
        },
      };
    },
  },
  {
    name: "two_addresses_for_one_library",
    shows: "Both sides are null.",
    ...compilerOf("0.8.28", linked, "User"),
    chain: ({ creation, runtime, contract: { evm } }) => {
      const two = [address("a"), address("b")];
      return {
        creation: linkAll(creation, evm.bytecode.linkReferences["c.sol"].L, two),
        runtime: linkAll(runtime, evm.deployedBytecode.linkReferences["c.sol"].L, two),
        expected: failure("no_match"),
      };
    },
  },
  {
    name: "a_link_reference_to_no_placeholder",
    shows: "The runtime code has one more reference, into plain code: nothing may be filled there.",
    ...compilerOf("0.8.28", linked, "User"),
    change: ({ contract: { evm } }) => {
      evm.deployedBytecode.linkReferences["c.sol"].Other = [{ start: 5, length: 20 }];
    },
    chain: ({ creation, runtime, contract: { evm } }) => {
      const references = evm.bytecode.linkReferences["c.sol"].L;
      const onRuntime = evm.deployedBytecode.linkReferences["c.sol"].L;
      const one = [address("a")];
      const transformations = references.map(({ start }) => (
        { type: "replace", reason: "library", offset: start, id: "c.sol:L" }));
      return {
        creation: linkAll(creation, references, one),
        runtime: linkAll(runtime, onRuntime, one),
        expected: {
          creation: side("exact_match", transformations, { libraries: { "c.sol:L": `0x${one[0]}` } }),
          runtime: null,
        },
      };
    },
  },
];
