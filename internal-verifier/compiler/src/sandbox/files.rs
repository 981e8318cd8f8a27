//! No files and no sockets: a landlock rule set that allows nothing.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};

/// The newest version whose rules we know; older kernels get what they have.
const NEWEST: ABI = ABI::V6;

/// Which version the kernel has; `None` if it has none, or landlock is switched off.
pub(crate) fn landlock_version() -> Option<u32> {
    const VERSION_FLAG: libc::c_ulong = 1;
    let nothing = std::ptr::null::<libc::c_void>();
    #[expect(unsafe_code, reason = "there is no safe form of this query")]
    // SAFETY: with this flag the kernel reads neither pointer nor length; it gives a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            nothing,
            0_usize,
            VERSION_FLAG,
        )
    };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// From now on the calling thread, and threads it starts, open and connect to nothing. What is open
/// stays open. Gives the version, or `None` where the kernel has no landlock.
pub(crate) fn allow_no_files() -> Result<Option<u32>, RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::NotEnforced => None,
        _ => landlock_version(),
    })
}
