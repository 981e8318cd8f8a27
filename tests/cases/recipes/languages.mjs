// Old solc, and Vyper.

import { address, length, side } from "../../../common/verification/cases/recipes/code.mjs";

const word = (value) => value.toString(16).padStart(64, "0");
const person = `${"0".repeat(24)}${address("a")}`;

// What a constructor was given stands at the end of its code.
const withArguments = (creation, values) => ({
  creation: creation + values.join(""),
  expected: side("match", [{ type: "insert", reason: "constructorArguments", offset: length(creation) }],
    { constructorArguments: `0x${values.join("")}` }),
});

const ledger = `# @version ^0.3.7

event Paid:
    who: indexed(address)
    amount: uint256

owner: public(address)
total: public(uint256)
paid: public(HashMap[address, uint256])

@external
def __init__(_owner: address, _start: uint256):
    self.owner = _owner
    self.total = _start

@external
def pay(who: address, amount: uint256) -> uint256:
    assert msg.sender == self.owner, "owner"
    for i in range(3):
        if amount > 5 and amount < 1000:
            self.paid[who] += amount
    log Paid(who, amount)
    self.total += amount
    return self.total
`;

const limited = `# pragma version ^0.4.0

OWNER: public(immutable(address))
LIMIT: immutable(uint256)
paid: public(uint256)

@deploy
def __init__(_owner: address, _limit: uint256):
    OWNER = _owner
    LIMIT = _limit

@external
@payable
def pay() -> uint256:
    assert msg.value <= LIMIT, "too much"
    self.paid += msg.value
    return self.paid
`;

export default [
  {
    name: "solc_that_is_asm_js",
    shows: "Before 0.6.2 there is no WebAssembly, and metadata is named by Swarm.",
    compiler: "0.5.16", sources: { "o.sol": "pragma solidity ^0.5.0;\ncontract Old { address public owner; constructor(address o) public { owner = o; } }" },
    target: "o.sol:Old",
    chain: ({ creation, runtime }) => {
      const made = withArguments(creation, [person]);
      return { creation: made.creation, runtime, expected: { creation: { ...made.expected, status: "exact_match" }, runtime: side("exact_match") } };
    },
  },
  {
    name: "vyper_before_0_3_10",
    shows: "Nothing but code, and a constructor's arguments after it.",
    language: "Vyper", compiler: "0.3.7", sources: { "ledger.vy": ledger }, target: "ledger.vy:ledger",
    chain: ({ creation, runtime }) => {
      const made = withArguments(creation, [person, word(42)]);
      return { creation: made.creation, runtime, expected: { creation: made.expected, runtime: side("match") } };
    },
  },
  {
    name: "vyper_with_immutables",
    shows: "They stand behind the runtime code, all of them one value.",
    language: "Vyper", compiler: "0.4.0", sources: { "limited.vy": limited }, target: "limited.vy:limited",
    chain: ({ creation, runtime }) => {
      const values = [person, word(1000)];
      const made = withArguments(creation, values);
      return {
        creation: made.creation, runtime: runtime + values.join(""),
        expected: {
          creation: made.expected,
          runtime: side("match", [{ type: "insert", reason: "immutable", offset: length(runtime), id: "0" }],
            { immutables: { 0: `0x${values.join("")}` } }),
        },
      };
    },
  },
];
