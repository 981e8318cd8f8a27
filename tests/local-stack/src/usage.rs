//! What a process has used, as the kernel counts it under `/proc`.

use std::fs;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};

/// A process's fair share of memory (PSS): pages that it shares count in parts.
///
/// # Errors
/// When there is no such process, or the kernel does not tell.
pub fn proportional_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    kilobytes(&rollup, "Pss:").with_context(|| format!("understanding {path}"))
}

/// Of the line that begins with this name, as the kernel writes it.
fn kilobytes(lines: &str, name: &str) -> Option<u64> {
    let line = lines.lines().find(|line| line.starts_with(name))?;
    number::<u64>(line.split_whitespace().nth(1)?)?.checked_mul(1024)
}

/// Memory and processor time of one process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub resident_bytes: u64,
    /// The most there ever was (`VmHWM`).
    pub peak_resident_bytes: u64,
    pub cpu: Duration,
    /// Of children that have ended and been waited for, and of theirs: the compilers.
    pub cpu_of_ended_children: Duration,
}

impl Usage {
    /// Of a process that has not ended yet.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).with_context(|| format!("reading {path}"))
        };
        Self::parse(&read("status")?, &read("stat")?).context("understanding /proc")
    }

    fn parse(status: &str, stat: &str) -> Option<Self> {
        // The second field is the program's name in brackets and may hold anything, so count the
        // fields behind it: utime is the 12th of them.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks: Vec<u64> = fields
            .split_whitespace()
            .skip(11)
            .take(4)
            .map(number)
            .collect::<Option<_>>()?;
        let &[user, system, children_user, children_system] = ticks.as_slice() else {
            return None;
        };
        Some(Self {
            resident_bytes: kilobytes(status, "VmRSS:")?,
            peak_resident_bytes: kilobytes(status, "VmHWM:")?,
            cpu: time(user.checked_add(system)?)?,
            cpu_of_ended_children: time(children_user.checked_add(children_system)?)?,
        })
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// The kernel shows times to programs in hundredths of a second, whatever its own clock is.
fn time(ticks: u64) -> Option<Duration> {
    ticks.checked_mul(10).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_no_trouble() {
        let status = "Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1 0";
        let usage = Usage::parse(status, stat);
        assert_eq!(
            usage,
            Some(Usage {
                resident_bytes: 1024 * 1024,
                peak_resident_bytes: 2048 * 1024,
                cpu: Duration::from_millis(330),
                cpu_of_ended_children: Duration::from_millis(770),
            })
        );
        assert_eq!(Usage::parse("", ""), None);
        let this = std::process::id();
        assert!(Usage::of(this).unwrap().resident_bytes > 0);
        assert!(proportional_bytes(this).unwrap() > 0);
    }
}
