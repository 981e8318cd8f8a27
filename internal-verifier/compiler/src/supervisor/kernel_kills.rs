//! Whether the kernel killed somebody for want of memory: it counts so for each group of processes.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;

/// Opened before the walls stand, asked when the program has ended.
pub(super) struct KernelKills {
    counter: Option<(File, u64)>,
}

impl KernelKills {
    /// Where the kernel has no such counter, there is never more.
    pub(super) fn watch() -> Self {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let counter = places(&groups).into_iter().find_map(|place| {
            let mut file = File::open(place).ok()?;
            let count = read(&mut file).ok()??;
            Some((file, count))
        });
        Self { counter }
    }

    /// Whether it killed since.
    pub(super) fn has_more(&mut self) -> bool {
        let Some((file, before)) = &mut self.counter else {
            return false;
        };
        matches!(read(file), Ok(Some(now)) if now > *before)
    }
}

/// In a container a group's path is that of the machine, and its files lie at the top.
fn places(groups: &str) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for group in groups.lines() {
        let mut parts = group.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.events"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.oom_control"),
            _ => continue,
        };
        let path = path.trim_matches('/');
        places.extend([
            PathBuf::from(root).join(path).join(file),
            PathBuf::from(root).join(file),
        ]);
    }
    places
}

fn read(file: &mut File) -> io::Result<Option<u64>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(count(&text))
}

fn count(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_groups_are_found() {
        let named = |groups| {
            let places = places(groups);
            let names = places
                .iter()
                .map(|place| place.to_str().unwrap().to_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(
            named("0::/a/b\n"),
            [
                "/sys/fs/cgroup/a/b/memory.events",
                "/sys/fs/cgroup/memory.events"
            ]
        );
        assert_eq!(
            named("3:cpu,cpuacct:/x\n2:memory:/\n"),
            [
                "/sys/fs/cgroup/memory/memory.oom_control",
                "/sys/fs/cgroup/memory/memory.oom_control"
            ]
        );
        assert!(named("").is_empty());
    }

    #[test]
    fn kills_are_counted_not_mere_pressure() {
        let events = "low 0\nhigh 3\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n";
        assert_eq!(count(events), Some(1));
        assert_eq!(
            count("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
            Some(4)
        );
        assert_eq!(count("oom 2\n"), None);
    }

    #[test]
    fn only_what_came_later_counts() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), "oom_kill 5\n").unwrap();
        let mut file = path.reopen().unwrap();
        let before = read(&mut file).unwrap().unwrap();
        let mut kills = KernelKills {
            counter: Some((file, before)),
        };
        assert!(!kills.has_more());
        std::fs::write(path.path(), "oom_kill 6\n").unwrap();
        assert!(kills.has_more());
        assert!(!KernelKills { counter: None }.has_more());
    }
}
