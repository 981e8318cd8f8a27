// SPDX-License-Identifier: MIT
pragma solidity >=0.6.2 <0.9.0;

interface ILedger {
    event Moved(address indexed from, address indexed to, uint256 amount, bytes note);

    function balanceOf(address account) external view returns (uint256);
}

abstract contract Owned {
    address public owner;

    constructor() internal {
        owner = msg.sender;
    }

    modifier onlyOwner() {
        require(msg.sender == owner, "Owned: the caller is somebody else");
        _;
    }
}

abstract contract Ledger is ILedger, Owned {
    enum State { Open, Frozen }

    struct Account {
        uint128 balance;
        uint64 since;
        State state;
    }

    mapping(address => Account) internal accounts;

    function balanceOf(address account) public view virtual override returns (uint256) {
        return accounts[account].balance;
    }

    function freeze(address account) external onlyOwner {
        accounts[account].state = State.Frozen;
    }

    /// @notice Moves an amount.
    /// @dev Both sides must be open.
    /// @param to who gets it
    /// @param amount how much
    /// @param note anything
    function move(address to, uint128 amount, bytes memory note) public virtual returns (bool) {
        Account storage from = accounts[msg.sender];
        require(from.state == State.Open && accounts[to].state == State.Open, "Ledger: frozen");
        require(from.balance >= amount, "Ledger: too little");
        from.balance -= amount;
        accounts[to].balance += amount;
        accounts[to].since = uint64(block.timestamp);
        emit Moved(msg.sender, to, amount, note);
        return true;
    }
}
