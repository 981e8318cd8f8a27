object "Counter" {
    code {
        datacopy(0, dataoffset("runtime"), datasize("runtime"))
        return(0, datasize("runtime"))
    }
    object "runtime" {
        code {
            function next(slot) -> value {
                value := add(sload(slot), 1)
                sstore(slot, value)
            }
            for { let i := 0 } lt(i, calldatasize()) { i := add(i, 32) } {
                pop(next(calldataload(i)))
            }
            mstore(0, next(0))
            return(0, 32)
        }
    }
}
