// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// About the smallest contract that does something.
contract Small {
    uint256 public count;

    function increase(uint256 by) external returns (uint256) {
        count += by;
        return count;
    }
}
