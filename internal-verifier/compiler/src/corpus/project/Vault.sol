// SPDX-License-Identifier: MIT
pragma solidity >=0.6.2 <0.9.0;

import "./Ledger.sol";
import {Limits, Sums as Totals} from "./math/Sums.sol";

contract Vault is Ledger {
    using Totals for Totals.Series;
    using Limits for uint256;
    using Limits for address;

    Totals.Series private deposits;
    uint256 public immutable cap;
    bytes32 public constant KIND = keccak256("Vault");
    string public name;

    constructor(uint256 cap_, string memory name_) public {
        cap = cap_;
        name = name_;
    }

    receive() external payable {
        deposit();
    }

    function deposit() public payable {
        address sender = msg.sender;
        require(!sender.isContract(), "Vault: contracts may not");
        uint256 amount = msg.value.least(cap);
        accounts[msg.sender].balance += uint128(amount);
        deposits.add(amount);
    }

    function move(address to, uint128 amount, bytes memory note) public override returns (bool) {
        bool moved = super.move(to, amount, note);
        assert(moved);
        return moved;
    }

    function total() external view returns (uint256) {
        return deposits.total();
    }

    function tally(uint256[3][] calldata rows) external pure returns (uint256[] memory sums) {
        sums = new uint256[](rows.length);
        for (uint256 i = 0; i < rows.length; i++) {
            sums[i] = rows[i][0] + rows[i][1] * rows[i][2];
        }
    }
}
