// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// Made by the factory: its creation code stands in no transaction, only in a trace.
contract Child {
    uint256 public immutable number;
    address public immutable maker;

    constructor(uint256 number_) {
        number = number_;
        maker = msg.sender;
    }
}

/// Makes children and remembers the last one.
contract Factory {
    Child public last;

    function make(uint256 number) external returns (Child child) {
        child = new Child(number);
        last = child;
    }
}
