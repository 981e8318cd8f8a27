// Vyper: one blob, at the end, by rules that changed with the releases.

import { failure, insertArguments, length, places, put, replaceBlob, side, slice, word } from "./code.mjs";

const counter = `
x: public(uint256)

@external
def f(a: uint256):
    self.x = a
`;

const withImmutables = (decorator) => `
LIMIT: immutable(uint256)
OWNER: immutable(address)

@${decorator}
def __init__(limit: uint256):
    LIMIT = limit
    OWNER = msg.sender

@external
def f() -> uint256:
    return LIMIT

@external
def g() -> address:
    return OWNER
`;

const other = counter.replace("self.x = a", "self.x = a + a * 3 + 77");
const compilerOf = (compiler, source = counter) => ({
  compiler, language: "Vyper", sources: { "c.vy": source }, target: "c.vy:c",
});

export default [
  {
    name: "vyper_with_a_fixed_blob",
    shows: "Before 0.3.5 the blob says nothing but the release.",
    ...compilerOf("0.3.4"),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("match"), runtime: side("match") },
    }),
  },
  {
    name: "vyper_with_a_length_field",
    shows: "0.3.5 to 0.3.9: on both sides, without a hash.",
    ...compilerOf("0.3.7"),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("match"), runtime: side("match") },
    }),
  },
  {
    name: "vyper_immutables",
    shows: "The creation code's blob tells how many bytes the constructor appends.",
    ...compilerOf("0.4.0", withImmutables("deploy")),
    chain: ({ creation, runtime }) => {
      const values = word("5") + word("c".repeat(40));
      return {
        creation: creation + word("5"),
        runtime: runtime + values,
        expected: {
          creation: side("match", [insertArguments(creation)], { constructorArguments: `0x${word("5")}` }),
          runtime: side("match", [{ type: "insert", reason: "immutable", offset: length(runtime), id: "0" }],
            { immutables: { 0: `0x${values}` } }),
        },
      };
    },
  },
  {
    name: "vyper_immutables_with_a_byte_too_many",
    shows: "Exactly as many bytes as the blob says.",
    ...compilerOf("0.4.0", withImmutables("deploy")),
    chain: ({ creation, runtime }) => ({
      creation: creation + word("5"),
      runtime: `${runtime + word("5") + word("c".repeat(40))}00`,
      expected: {
        creation: side("match", [insertArguments(creation)], { constructorArguments: `0x${word("5")}` }),
        runtime: null,
      },
    }),
  },
  {
    name: "vyper_without_its_immutables",
    shows: "None of them at all: the codes are equal, and each immutable reads as zero. A simulated deployment gives that.",
    ...compilerOf("0.4.0", withImmutables("deploy")),
    chain: ({ runtime }) => ({ runtime, expected: { creation: null, runtime: side("match") } }),
  },
  {
    name: "vyper_immutables_of_an_unknown_size",
    shows: "Before 0.3.10 their size is nowhere recorded: the creation code alone can match.",
    ...compilerOf("0.3.7", withImmutables("external")),
    chain: ({ creation, runtime }) => ({
      creation: creation + word("5"),
      runtime: runtime + word("5") + word("c".repeat(40)),
      expected: {
        creation: side("match", [insertArguments(creation)], { constructorArguments: `0x${word("5")}` }),
        runtime: null,
      },
    }),
  },
  {
    name: "vyper_integrity",
    shows: "From 0.4.1 on, the creation code holds a hash of the input.",
    ...compilerOf("0.4.1b1"),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("exact_match"), runtime: side("match") },
    }),
  },
  {
    name: "vyper_other_integrity",
    shows: "The same program from sources with another comment.",
    ...compilerOf("0.4.1b1"),
    chain: ({ creation, runtime }) => {
      // 85 5820: a list of five that begins with 32 bytes.
      const [offset] = places(creation, "855820");
      const onChain = put(creation, offset + 3, "ab".repeat(32));
      const blob = { cborAuxdata: { 1: `0x${slice(onChain, offset, length(onChain) - offset)}` } };
      return {
        creation: onChain, runtime,
        expected: { creation: side("match", [replaceBlob(offset, "1")], blob), runtime: side("match") },
      };
    },
  },
  {
    name: "vyper_longer_than_the_chain",
    shows: "Our code doesn't fit into the chain's.",
    ...compilerOf("0.4.0", other),
    chain: (_, another) => ({
      ...another({ sources: { "c.vy": counter } }), expected: failure("bytecode_length_mismatch"),
    }),
  },
  {
    name: "vyper_other_contract",
    shows: "Our code is shorter than the chain's and differs.",
    ...compilerOf("0.4.0"),
    chain: (_, another) => ({ ...another({ sources: { "c.vy": other } }), expected: failure("no_match") }),
  },
];
