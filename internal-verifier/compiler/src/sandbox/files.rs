//! Landlock: no sockets, and no files but those that are named.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
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

#[derive(Debug, thiserror::Error)]
pub(crate) enum WallError {
    #[error(transparent)]
    Landlock(#[from] RulesetError),
    #[error("`{}` can't be opened: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
}

/// From now on the calling thread, and threads it starts, open and connect to nothing. What is open
/// stays open. Gives the version, or `None` where the kernel has no landlock.
pub(crate) fn allow_no_files() -> Result<Option<u32>, RulesetError> {
    restrict(nothing()?)
}

/// The same but for a program, which may be read and started, and what it needs besides: files, and
/// folders with all that is in them. Nothing may be written.
pub(crate) fn allow_only(program: &File, readable: &[PathBuf]) -> Result<Option<u32>, WallError> {
    let mut rules = nothing()?.add_rule(PathBeneath::new(program, of_a_file()))?;
    for path in readable {
        let unreadable = |source| WallError::Open {
            path: path.clone(),
            source,
        };
        let (file, access) = open(path).map_err(unreadable)?;
        rules = rules.add_rule(PathBeneath::new(file, access))?;
    }
    Ok(restrict(rules)?)
}

/// Starting is reading too: a program's loader is among its libraries.
fn of_a_file() -> landlock::BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::Execute
}

fn open(path: &Path) -> io::Result<(File, landlock::BitFlags<AccessFs>)> {
    let file = File::open(path)?;
    let is_folder = file.metadata()?.is_dir();
    let listing = is_folder.then_some(AccessFs::ReadDir);
    Ok((file, of_a_file() | listing.unwrap_or(AccessFs::ReadFile)))
}

fn nothing() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}

fn restrict(rules: RulesetCreated) -> Result<Option<u32>, RulesetError> {
    let status = rules.restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::NotEnforced => None,
        _ => landlock_version(),
    })
}
