// SPDX-License-Identifier: MIT
pragma solidity >=0.6.2 <0.9.0;

/// Called where it is deployed: its users hold references to it.
library Sums {
    struct Series {
        uint256[] values;
        mapping(bytes32 => uint256) named;
    }

    function add(Series storage series, uint256 value) public {
        series.values.push(value);
        series.named[keccak256(abi.encode(value, series.values.length))] = value;
    }

    function total(Series storage series) public view returns (uint256 sum) {
        for (uint256 i = 0; i < series.values.length; i++) {
            sum += series.values[i];
        }
    }
}

/// Becomes part of whoever uses it.
library Limits {
    function least(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function isContract(address account) internal view returns (bool) {
        uint256 size;
        assembly {
            size := extcodesize(account)
        }
        return size > 0;
    }
}
