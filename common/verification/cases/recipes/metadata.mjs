// Metadata that differs, lies in several places, or has no hash.

import { failure, lastBlob, length, places, put, replaceBlob, side, slice } from "./code.mjs";

const storage = (comment = "") => `pragma solidity *;
contract Storage { uint256 public number; function store(uint256 num) public { number = num; } }${comment}`;

const child = `contract Child { uint256 public x; function f() public { x = 5; } }`;
const factory = (comment = "") => `${child}
contract Factory { address public last; function make() public { last = address(new Child()); } }${comment}`;
const twice = (comment = "") => `${child}
contract Factory { address public last; constructor() { last = address(new Child()); }
  function make() public { last = address(new Child()); } }${comment}`;
const three = (comment = "") => `${child}
${["M1", "M2", "M3"].map((name) => `contract ${name} { constructor() { new Child(); } }`).join("\n")}
contract Factory { uint256 public x; constructor() { new M1(); new M2(); new M3(); } }${comment}`;
const embedded = Array.from({ length: 11 }, (_, n) => n);
const eleven = (comment = "") => `${embedded.map((n) => `contract C${n} { uint256 public x${n}; }`).join("\n")}
contract Factory { address[11] public all;
  constructor() { ${embedded.map((n) => `all[${n}] = address(new C${n}());`).join(" ")} } }${comment}`;

// What solc 0.8.28 writes for child.sol alone, and the same with another hash. solc keeps literals
// of more than 128 bytes in one piece.
const COPY = "a2646970667358221220cb5d3fab02eb1c3950cae8709479c96b7eb130f16b591360c68a6b9db865ecf564736f6c634300081c0033";
const OTHER = put(COPY, 20, "00".repeat(20));
// The same of child.sol alone with the optimizer.
const OPTIMIZED_COPY = "a26469706673582212205c3b77de41b06c0d3ee82855e465b73476b584aeffdbe9d57988d33ca68b307564736f6c634300081c0033";
// What looks like the metadata of solc before 0.5.
const BZZR0 = `a165627a7a72305820${"ab".repeat(32)}0029`;
const SHORT = "a164736f6c634300081c000a";
const PADDING = "11".repeat(100);

const none = { metadata: { bytecodeHash: "none" } };

// The auxdata of an assembly's tree in order, parents first.
function blobs(node) {
  const nested = Object.entries(node[".data"] ?? {})
    .filter(([, value]) => typeof value === "object")
    .sort(([a], [b]) => parseInt(a, 16) - parseInt(b, 16));
  return [...(node[".auxdata"] ? [node[".auxdata"]] : []), ...nested.flatMap(([, value]) => blobs(value))];
}

// All blobs of our code, each once, with what the chain's code has there.
function replaced(ours, onChain, ids) {
  const transformations = [];
  const cborAuxdata = {};
  const taken = new Set();
  ids.forEach((blob, index) => {
    const offset = places(ours, blob).find((place) => !taken.has(place));
    if (offset === undefined) return;
    taken.add(offset);
    transformations.push(replaceBlob(offset, `${index + 1}`));
    cborAuxdata[index + 1] = `0x${slice(onChain, offset, length(blob))}`;
  });
  return side("match", transformations, { cborAuxdata });
}

const otherSources = (source, sources = { "f.sol": source(" // other") }) => ({ creation, runtime, contract }, another) => {
  const chain = another({ sources });
  const tree = contract.evm.legacyAssembly;
  const all = blobs(tree);
  const inRuntime = blobs(tree[".data"]["0"]);
  return {
    ...chain,
    expected: {
      creation: replaced(creation, chain.creation, all),
      runtime: replaced(runtime, chain.runtime, inRuntime),
    },
  };
};

const storageOf = (compiler, settings) => ({
  compiler, settings, sources: { "f.sol": storage() }, target: "f.sol:Storage",
});

export default [
  {
    name: "other_metadata",
    shows: "The same program from sources with another comment.",
    ...storageOf("0.8.28"),
    chain: otherSources(storage),
  },
  {
    name: "other_metadata_of_an_embedded_contract",
    shows: "Both blobs are replaced.",
    compiler: "0.8.28", sources: { "f.sol": factory() }, target: "f.sol:Factory",
    chain: otherSources(factory),
  },
  {
    name: "a_contract_embedded_twice_needs_a_second_compile",
    shows: "One blob stands in the constructor and in the runtime code: only editing the sources tells where.",
    compiler: "0.8.28", sources: { "f.sol": twice() }, target: "f.sol:Factory", edited: true,
    chain: otherSources(twice),
  },
  {
    name: "equal_blobs_in_the_constructor_alone",
    shows: "One contract embedded in three that the constructor makes: equal blobs on the creation side, one on the other.",
    compiler: "0.8.28", sources: { "f.sol": three() }, target: "f.sol:Factory", edited: true,
    chain: otherSources(three),
  },
  {
    name: "one_blob_of_two_differs",
    shows: "Once one differs every blob is replaced, also the embedded contract's that is equal.",
    compiler: "0.8.28", sources: inTwoFiles(), target: "f.sol:Factory",
    chain: otherSources(undefined, inTwoFiles(" // other")),
  },
  {
    name: "metadata_that_says_experimental",
    shows: "A key more in the blob.",
    compiler: "0.4.24", sources: { "f.sol": `pragma experimental ABIEncoderV2;\n${storage()}` }, target: "f.sol:Storage",
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("exact_match"), runtime: side("exact_match") },
    }),
  },
  {
    name: "more_than_ten_embedded_contracts",
    shows: "The assembly's keys are hexadecimal: the eleventh is a.",
    compiler: "0.8.28", settings: { optimizer: { enabled: true } },
    sources: { "f.sol": eleven() }, target: "f.sol:Factory",
    chain: otherSources(eleven),
  },
  {
    name: "a_chain_without_metadata",
    shows: "Deployed with appendCBOR false: the blob is deleted from the runtime code; creation codes differ in lengths they hold.",
    ...storageOf("0.8.28"),
    chain: ({ runtime }, another) => {
      const chain = another({ settings: { metadata: { appendCBOR: false } } });
      const { offset, value } = lastBlob(runtime);
      const deleted = { type: "delete", reason: "cborAuxdata", offset: offset - 1, length: length(value) + 1 };
      return { ...chain, expected: { creation: null, runtime: side("match", [deleted]) } };
    },
  },
  {
    name: "a_chain_with_shorter_metadata",
    shows: "Deployed with bytecodeHash none: the blob gives way to a shorter one.",
    ...storageOf("0.8.28"),
    chain: ({ runtime }, another) => {
      const chain = another({ settings: none });
      const { offset, value } = lastBlob(runtime);
      const shorter = { cborAuxdata: { 1: `0x${lastBlob(chain.runtime).value}` } };
      return {
        ...chain,
        expected: { creation: null, runtime: side("match", [replaceBlob(offset, "1", length(value))], shorter) },
      };
    },
  },
  {
    name: "metadata_without_a_hash",
    shows: "Equal bytes, but nothing in them proves the sources.",
    ...storageOf("0.8.28", none),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("match"), runtime: side("match") },
    }),
  },
  {
    name: "identical_blobs_without_a_hash",
    shows: "Which is which can't be told and needn't be: the codes are equal.",
    compiler: "0.8.28", settings: none, sources: { "f.sol": factory() }, target: "f.sol:Factory",
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("match"), runtime: side("match") },
    }),
  },
  {
    name: "identical_blobs_without_a_hash_that_differ",
    shows: "A second compile would tell nothing, so nothing is placed and nothing replaced.",
    compiler: "0.8.28", settings: none, sources: { "f.sol": factory() }, target: "f.sol:Factory",
    chain: ({ creation, runtime }) => {
      const older = (code) => code.replaceAll("64736f6c634300081c", "64736f6c634300081b");
      return { creation: older(creation), runtime: older(runtime), expected: failure("no_match") };
    },
  },
  {
    name: "a_copy_of_metadata_without_a_hash",
    shows: "An author repeats the blob, which is the same for all contracts; the chain has other bytes there.",
    compiler: "0.8.28", settings: none, target: "f.sol:Storage",
    sources: { "f.sol": storage().replace("{ uint256", `{ bytes32 public constant copy = 0x${SHORT}${"1".repeat(40)}; uint256`) },
    chain: ({ creation, runtime }) => {
      const forged = (code) => code.replaceAll(`${SHORT}${"1".repeat(40)}`, `a164736f6c634300081b000a${"1".repeat(40)}`);
      return { creation: forged(creation), runtime: forged(runtime), expected: failure("no_match") };
    },
  },
  {
    name: "two_blobs_of_another_length",
    shows: "A known limit: shorter blobs in the middle shift what follows (database-specs #39).",
    compiler: "0.8.28", sources: { "f.sol": factory() }, target: "f.sol:Factory",
    chain: (_, another) => ({ ...another({ settings: none }), expected: failure("no_match") }),
  },
  {
    name: "metadata_cut_in_two",
    shows: "The chain's code ends within the blob: what is left is no CBOR.",
    ...storageOf("0.8.28"),
    chain: ({ creation, runtime }) => ({
      creation: slice(creation, 0, length(creation) - 10), runtime: slice(runtime, 0, length(runtime) - 10),
      expected: failure("no_match"),
    }),
  },
  {
    name: "metadata_cut_off_after_code_that_runs",
    shows: "A blob is deleted only after an invalid instruction; old compilers write none.",
    ...storageOf("0.4.24"),
    chain: ({ creation, runtime }) => ({
      creation: slice(creation, 0, lastBlob(creation).offset), runtime: slice(runtime, 0, lastBlob(runtime).offset),
      expected: failure("no_match"),
    }),
  },
  {
    name: "before_metadata",
    shows: "solc 0.4.6 writes none.",
    ...storageOf("0.4.6"),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("match"), runtime: side("match") },
    }),
  },
  {
    name: "metadata_before_it_was_printed",
    shows: "solc 0.4.10 writes it at the end of both codes and doesn't name it in the assembly.",
    ...storageOf("0.4.10"),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("exact_match"), runtime: side("exact_match") },
    }),
  },
  {
    name: "other_metadata_before_it_was_printed",
    shows: "solc 0.4.10, another comment.",
    ...storageOf("0.4.10"),
    chain: ({ creation, runtime }, another) => {
      const chain = another({ sources: { "f.sol": storage(" // other") } });
      const differs = (ours, theirs) => side("match", [replaceBlob(lastBlob(ours).offset, "1")],
        { cborAuxdata: { 1: `0x${lastBlob(theirs).value}` } });
      return {
        ...chain,
        expected: { creation: differs(creation, chain.creation), runtime: differs(runtime, chain.runtime) },
      };
    },
  },
  {
    name: "data_after_metadata_before_it_was_printed",
    shows: "solc 0.4.11 puts the constructor's long literals after the embedded code: they are no metadata, whatever they look like.",
    ...literalInConstructor(),
    chain: ({ creation, runtime }) => ({
      creation: creation.replace(BZZR0, put(BZZR0, 9, "00".repeat(20))), runtime,
      expected: { creation: null, runtime: side("exact_match") },
    }),
  },
  {
    name: "data_after_metadata_that_is_equal",
    shows: "The same without a difference: where the metadata lies in the creation code can't be told, so nothing is proved there.",
    ...literalInConstructor(),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("match"), runtime: side("exact_match") },
    }),
  },
  {
    name: "metadata_of_an_embedded_contract_alone",
    shows: "A constructor that returns code of its own: equal bytes, but the only blob is of another contract.",
    ...handwritten(),
    chain: ({ creation }) => ({
      creation, runtime: "6001600055", expected: { creation: side("match"), runtime: null },
    }),
  },
  {
    name: "a_copy_of_metadata_that_is_equal",
    shows: "A constant that repeats an embedded contract's blob: equal codes still match exactly.",
    ...copyOfMetadata(),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("exact_match"), runtime: side("exact_match") },
    }),
  },
  {
    name: "a_copy_of_metadata_is_not_metadata",
    shows: "The same, but the chain has other bytes in that constant: it is code.",
    ...copyOfMetadata(),
    chain: ({ creation, runtime }) => {
      const forged = (code) => put(code, places(code, COPY + PADDING)[0], OTHER);
      return { creation: forged(creation), runtime: forged(runtime), expected: { failure: "no_match" } };
    },
  },
  {
    name: "a_copy_of_metadata_that_is_nowhere_else",
    shows: "The embedded contract is never made, so its blob is in the assembly and not in the code, where a constant repeats it.",
    ...copyWithoutOriginal(),
    chain: ({ creation, runtime }) => ({
      creation, runtime, expected: { creation: side("exact_match"), runtime: side("exact_match") },
    }),
  },
  {
    name: "a_copy_of_metadata_that_is_nowhere_else_is_not_metadata",
    shows: "The same, but the chain has other bytes in that constant: it is code.",
    ...copyWithoutOriginal(),
    chain: ({ creation, runtime }) => {
      const forged = (code) => put(code, places(code, OPTIMIZED_COPY + PADDING)[0], put(OPTIMIZED_COPY, 20, "00".repeat(20)));
      return { creation: forged(creation), runtime: forged(runtime), expected: failure("no_match") };
    },
  },
];

// The embedded contract's metadata depends on its own file alone.
function inTwoFiles(comment = "") {
  return {
    "child.sol": child,
    "f.sol": `import "./child.sol";
contract Factory { address public last; function make() public { last = address(new Child()); } }${comment}`,
  };
}

// An author who repeats the blob of child.sol's contract, which depends on that file alone.
function copyOfMetadata() {
  return {
    compiler: "0.8.28", target: "f.sol:Factory", edited: true,
    sources: {
      "child.sol": child,
      "f.sol": `import "./child.sol";
contract Factory { address public last; function make() public { last = address(new Child()); }
  function copy() public pure returns (bytes memory) { return hex"${COPY}${PADDING}"; } }`,
    },
  };
}

function literalInConstructor() {
  return {
    compiler: "0.4.11", target: "f.sol:Storage",
    sources: { "f.sol": storage().replace("{ uint256", `{ bytes public data = hex"${PADDING}${BZZR0}"; uint256`) },
  };
}

// The constructor makes a contract and returns code of its own, so that nothing of the runtime code
// is in the creation code.
function handwritten() {
  return {
    compiler: "0.8.28", target: "f.sol:Raw",
    sources: {
      "child.sol": child,
      "f.sol": `import "./child.sol";
contract Raw { uint256 public y; constructor() { new Child(); assembly { mstore(0, 0x6001600055) return(27, 5) } } }`,
    },
  };
}

// The optimizer drops the only instruction that refers to the embedded contract, and with it that
// contract's code; the assembly still lists it.
function copyWithoutOriginal() {
  return {
    compiler: "0.8.28", settings: { optimizer: { enabled: true } }, target: "f.sol:Factory", edited: true,
    sources: {
      "child.sol": child,
      "f.sol": `import "./child.sol";
contract Factory { function make() public { if (false) new Child(); }
  function copy() public pure returns (bytes memory) { return hex"${OPTIMIZED_COPY}${PADDING}"; } }`,
    },
  };
}
