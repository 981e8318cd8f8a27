// Metadata of older releases and of several contracts with one hash each.

import { failure, lastBlob, places, put, replaceBlob, side } from "../../../common/verification/cases/recipes/code.mjs";

const storage = (comment = "") => `pragma solidity *;
contract Storage { uint256 public number; function store(uint256 num) public { number = num; } }${comment}`;

const copied = `pragma solidity *;
contract C { function copy() public pure returns (bytes memory) {
  return hex"COPY"; } }`;

// The blob of a contract of the same shape, in which the author then looks for a place to hide.
const withCopy = (blob) => copied.replace("COPY", blob + "11".repeat(100));

const crlf = (text) => text.replaceAll("\n", "\r\n");

const documented = `contract Documented {
  /// @notice one
  /// two
  function f() public {}
}`;

const exact = { creation: side("exact_match"), runtime: side("exact_match") };

export default [
  {
    name: "line_endings_of_another_system",
    shows: "Deployed from files with CRLF, submitted with LF: what was deployed is found, and the match is exact.",
    compiler: "0.8.28", sources: { "s.sol": storage(" // text\n") }, target: "s.sol:Storage",
    chain: (_, another) => ({ ...another({ sources: { "s.sol": crlf(storage(" // text\n")) } }), expected: exact }),
  },
  {
    name: "line_endings_within_documentation",
    shows: "Before 0.6.9 they go on into the documentation, and the first search finds nothing: the second does.",
    compiler: "0.6.2", sources: { "d.sol": `${documented}\n` }, target: "d.sol:Documented",
    chain: (_, another) => ({ ...another({ sources: { "d.sol": crlf(documented) } }), expected: exact }),
  },
  {
    name: "other_metadata_of_an_older_release",
    shows: "solc 0.6.12, another comment: the blob is replaced on both sides.",
    compiler: "0.6.12", sources: { "s.sol": storage() }, target: "s.sol:Storage",
    chain: (ours, another) => {
      const { creation, runtime } = another({ sources: { "s.sol": storage(" // other") } });
      const differs = (mine, theirs) => side("match", [replaceBlob(lastBlob(mine).offset, "1")],
        { cborAuxdata: { 1: `0x${lastBlob(theirs).value}` } });
      return {
        creation, runtime,
        expected: { creation: differs(ours.creation, creation), runtime: differs(ours.runtime, runtime) },
      };
    },
  },
  {
    name: "a_constant_that_looks_like_metadata",
    shows: "CBOR with a hash inside a constant: on the chain it holds another hash, and that is other code.",
    compiler: "0.8.28", target: "c.sol:C",
    sources: { "c.sol": withCopy(`a2646970667358221220${"ab".repeat(32)}64736f6c634300081c0033`) },
    chain: ({ creation, runtime }) => {
      const forged = (code) => put(code, places(code, "ab".repeat(32))[0], "cd".repeat(32));
      return { creation: forged(creation), runtime: forged(runtime), expected: failure("no_match") };
    },
  },
];
