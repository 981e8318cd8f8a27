// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import "./MathLib.sol";

/// Constructor arguments, an immutable and a library, linked at two places.
contract Counter {
    uint256 public number;
    address public immutable owner;
    string public name;

    constructor(uint256 number_, string memory name_) {
        number = number_;
        name = name_;
        owner = msg.sender;
    }

    function increase() external {
        number = MathLib.add(number, 1);
    }

    function double() external returns (uint256) {
        number = MathLib.add(number, number);
        return number;
    }
}
