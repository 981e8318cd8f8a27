// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {Counter} from "./Counter.sol";

/// Its child's creation code stands in no transaction, only in a trace.
contract Factory {
    Counter public last;

    function make(uint256 number) external returns (Counter child) {
        child = new Counter(number, "made");
        last = child;
    }
}
