// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {BeaconProxy} from "@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {UpgradeableBeacon} from "@openzeppelin/contracts/proxy/beacon/UpgradeableBeacon.sol";

/// What the proxies forward to.
contract Target {
    function answer() external pure returns (uint256) {
        return 42;
    }
}

contract Beacon is UpgradeableBeacon {
    constructor(address target) UpgradeableBeacon(target, msg.sender) {}
}

/// EIP-1967, by itself.
contract Upgradeable is ERC1967Proxy {
    constructor(address target) ERC1967Proxy(target, "") {}
}

/// EIP-1967, through a beacon, which is an immutable.
contract Lit is BeaconProxy {
    constructor(address beacon) BeaconProxy(beacon, "") {}
}

abstract contract Forwarding {
    function _target() internal view virtual returns (address);

    fallback() external payable {
        address target = _target();
        assembly {
            calldatacopy(0, 0, calldatasize())
            let succeeded := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(succeeded) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}

/// To the same for ever.
contract Pinned is Forwarding {
    address private immutable _pinned;

    constructor(address target) {
        _pinned = target;
    }

    function _target() internal view override returns (address) {
        return _pinned;
    }
}

/// EIP-2535, cut down to what is looked at: it lists its facets itself.
contract Diamond is Forwarding {
    address[] private _facets;

    constructor(address target) {
        _facets.push(target);
        _facets.push(address(this));
    }

    function facetAddresses() external view returns (address[] memory) {
        return _facets;
    }

    function _target() internal view override returns (address) {
        return _facets[0];
    }
}

/// As a Safe's proxy: the first slot, and a getter for it.
contract Safe is Forwarding {
    address public masterCopy;

    constructor(address target) {
        masterCopy = target;
    }

    function _target() internal view override returns (address) {
        return masterCopy;
    }
}

/// EIP-1822.
contract Proxiable is Forwarding {
    constructor(address target) {
        assembly {
            sstore(0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7, target)
        }
    }

    function _target() internal view override returns (address target) {
        assembly {
            target := sload(0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7)
        }
    }
}
