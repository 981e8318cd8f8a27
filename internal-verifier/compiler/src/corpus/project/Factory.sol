// SPDX-License-Identifier: MIT
pragma solidity >=0.6.2 <0.9.0;

import "./Vault.sol";

/// Holds the code of another contract.
contract Factory is Owned {
    Vault[] public vaults;

    event Made(Vault indexed vault, uint256 number);

    function make(uint256 cap, string calldata name, bytes32 salt) external onlyOwner returns (Vault vault) {
        vault = new Vault{salt: salt}(cap, name);
        vaults.push(vault);
        emit Made(vault, vaults.length);
    }

    function ask(uint256 number) external view returns (uint256 answer) {
        try vaults[number].total() returns (uint256 total) {
            answer = total;
        } catch Error(string memory) {
            answer = 1;
        } catch {
            answer = uint256(-int256(-2) + int256(bytes("ab").length));
        }
    }
}
