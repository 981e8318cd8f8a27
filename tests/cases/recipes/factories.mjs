// Contracts made by contracts: their creation code stands in the transaction's traces alone.

import { insertArguments, side, word } from "../../../common/verification/cases/recipes/code.mjs";

const child = `pragma solidity *;
contract Child { uint256 public number; constructor(uint256 n) { number = n; } }`;

const caller = "0xfafafafafafafafafafafafafafafafafafafafa";
const stranger = "0x0101010101010101010101010101010101010101";

// The frames of `callTracer`: a call of the factory with what it did.
const call = (...calls) => ({ type: "CALL", from: stranger, to: caller, input: "0xefc81a8c", output: "0x", calls });
const creation = (type, to, input, ...calls) => ({ type, from: caller, to, input, output: "0x6001", calls });
const ours = (type, ...calls) => creation(type, "$address", "$creationCode", ...calls);

// The entries of `trace_transaction`.
const flat = (address, init, more = {}) => ({
  type: "create", action: { from: caller, init, value: "0x0" },
  result: { address, code: "0x6001", gasUsed: "0x1" }, traceAddress: [0], subtraces: 0, ...more,
});
const flatCall = {
  type: "call", action: { callType: "call", from: stranger, to: caller, input: "0xefc81a8c" },
  result: { output: "0x", gasUsed: "0x1" }, traceAddress: [], subtraces: 1,
};

const childOf = (name, shows, traces, receiptNames) => ({
  name, shows, compiler: "0.8.28", sources: { "child.sol": child }, target: "child.sol:Child",
  chain: ({ creation: code, runtime }) => ({
    creation: code + word("2a"), runtime, traces, receiptNames,
    expected: {
      creation: side("exact_match", [insertArguments(code)], { constructorArguments: `0x${word("2a")}` }),
      runtime: side("exact_match"),
    },
  }),
});

// Only the runtime side matches: nothing shows how the contract was made.
const notMade = (name, shows, traces) => ({
  ...childOf(name, shows, traces),
  chain: ({ creation: code, runtime }) => ({
    creation: code + word("2a"), runtime, traces, expected: { creation: null, runtime: side("exact_match") },
  }),
});

export default [
  childOf("factory_by_flat_traces", "A factory's child, as trace_transaction tells it, after another child.",
    { trace_transaction: [flatCall, flat(stranger, "0x6001"), flat("$address", "$creationCode")] }),
  childOf("factory_by_call_tree", "A factory's child, as debug_traceTransaction tells it.",
    { debug_traceTransaction: call(creation("CREATE", stranger, "0x6001"), ours("CREATE")) }),
  childOf("factory_with_create2", "The same with CREATE2.", { debug_traceTransaction: call(ours("CREATE2")) }),
  childOf("factory_in_a_constructor", "Below a CREATE frame: made by the constructor of a contract that a call made.",
    { debug_traceTransaction: call(creation("CREATE", stranger, "0x6001", ours("CREATE"))) }),
  childOf("factory_called_by_a_constructor", "Below a CREATE frame and a call: a constructor called a factory.",
    { debug_traceTransaction: call(creation("CREATE", stranger, "0x6001", call(ours("CREATE2")))) }),
  childOf("factory_that_is_being_deployed", "The receipt names the parent, whose constructor made this contract.",
    { debug_traceTransaction: creation("CREATE", stranger, "0x6001", ours("CREATE")) }, stranger),
  childOf("factory_with_two_ways_of_tracing", "One node knows nothing of the transaction, the other shows it.",
    { trace_transaction: [], debug_traceTransaction: call(ours("CREATE")) }),
  notMade("factory_that_failed", "A failed creation made nothing: whatever is there was made otherwise.", {
    trace_transaction: [flatCall, flat("$address", "$creationCode", { error: "Reverted" })],
    debug_traceTransaction: call({ ...ours("CREATE"), error: "execution reverted" }),
  }),
  notMade("factory_whose_call_failed", "The factory made it, and then failed: what it had made was undone with it.", {
    trace_transaction: [flatCall, { ...flatCall, error: "Reverted", traceAddress: [0] },
      flat("$address", "$creationCode", { traceAddress: [0, 0] })],
    debug_traceTransaction: call({ ...call(ours("CREATE")), error: "execution reverted" }),
  }),
  childOf("factory_that_tried_twice", "The first try was undone with the call that made it; the second one stayed.", {
    trace_transaction: [flatCall, { ...flatCall, error: "Reverted", traceAddress: [0] },
      flat("$address", "0x6001", { traceAddress: [0, 0] }), flat("$address", "$creationCode", { traceAddress: [1] })],
  }),
  notMade("factory_of_another_contract", "The transaction made a twin of the contract and not this one.", {
    trace_transaction: [flatCall, flat(stranger, "$creationCode")],
    debug_traceTransaction: call(creation("CREATE", stranger, "$creationCode")),
  }),
  {
    ...notMade("creation_transaction_of_a_twin",
      "The same code, made by its own transaction at another address: the creation is not this contract's."),
    chain: ({ creation: code, runtime }) => ({
      creation: code + word("2a"), runtime, receiptNames: stranger,
      expected: { creation: null, runtime: side("exact_match") },
    }),
  },
];
