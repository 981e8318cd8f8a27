//! Which of the pinned wheels fit a Python.
//!
//! A package that isn't pure Python is pinned with one wheel per Python and kind of machine; its version
//! is the same in all of them.

use crate::python::Python;
use crate::release::{PinnedPackage, Release};

#[derive(Debug, thiserror::Error)]
#[error("{package} {version} has no pinned wheel for Python {python} on {machine}")]
pub struct NoWheel {
    package: String,
    version: String,
    python: String,
    machine: String,
}

/// One wheel of each package.
pub(crate) fn choose(release: &Release, python: &Python) -> Result<Vec<PinnedPackage>, NoWheel> {
    let pinned = release.vyper_pin().map(|pin| pin.packages.as_slice());
    choose_of(pinned.unwrap_or_default(), python)
}

pub(crate) fn choose_of(
    pinned: &[PinnedPackage],
    python: &Python,
) -> Result<Vec<PinnedPackage>, NoWheel> {
    let mut chosen: Vec<PinnedPackage> = Vec::new();
    for package in pinned {
        if chosen.iter().any(|other| other.name == package.name) {
            continue;
        }
        let mut wheels = pinned.iter().filter(|wheel| wheel.name == package.name);
        let fitting = wheels.find(|wheel| fits(&wheel.file, python));
        chosen.push(fitting.cloned().ok_or_else(|| NoWheel {
            package: package.name.clone(),
            version: package.version.clone(),
            python: python.number(),
            machine: python.machine.clone(),
        })?);
    }
    Ok(chosen)
}

/// By the last three parts of the name: Python, interface, machine.
fn fits(file: &str, python: &Python) -> bool {
    let name = file.strip_suffix(".whl").unwrap_or(file);
    let mut parts = name.rsplit('-');
    let (Some(machine), Some(interface), Some(pythons)) =
        (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let fits_machine = machine.split('.').any(|machine| {
        machine == "any" || (machine.starts_with("manylinux") && machine.ends_with(&python.machine))
    });
    fits_machine
        && pythons
            .split('.')
            .any(|tag| fits_python(tag, interface, python))
}

fn fits_python(tag: &str, interface: &str, python: &Python) -> bool {
    let (major, minor) = python.version;
    if tag == "py3" {
        return interface == "none" && major == 3;
    }
    let wanted: Option<u16> = tag.strip_prefix("cp3").and_then(|minor| minor.parse().ok());
    match wanted {
        Some(wanted) if interface == "abi3" => major == 3 && wanted <= minor,
        Some(wanted) => major == 3 && wanted == minor && interface == tag,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(minor: u16) -> Python {
        Python {
            executable: "/usr/bin/python3".into(),
            version: (3, minor),
            folders: Vec::new(),
            machine: "x86_64".to_owned(),
        }
    }

    fn pinned(name: &str, file: &str) -> PinnedPackage {
        PinnedPackage {
            name: name.to_owned(),
            version: "1".to_owned(),
            file: file.to_owned(),
            sha256: String::new(),
        }
    }

    #[test]
    fn a_wheel_fits_by_its_name() {
        for (file, fits_11) in [
            ("vyper-0.4.3-py3-none-any.whl", true),
            ("six-1.17.0-py2.py3-none-any.whl", true),
            ("old-1.0-py2-none-any.whl", false),
            (
                "p-3-cp37-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
                true,
            ),
            ("p-3-cp312-abi3-manylinux2014_x86_64.whl", false),
            ("i-1-cp311-cp311-manylinux_2_17_x86_64.whl", true),
            ("i-1-cp312-cp312-manylinux_2_17_x86_64.whl", false),
            ("i-1-cp311-cp311-manylinux_2_17_aarch64.whl", false),
            ("i-1-cp311-cp311-musllinux_1_2_x86_64.whl", false),
            ("gibberish", false),
        ] {
            assert_eq!(fits(file, &python(11)), fits_11, "{file}");
        }
    }

    #[test]
    fn one_wheel_of_each_package_is_chosen() {
        let of_11 = pinned("i", "i-1-cp311-cp311-manylinux2014_x86_64.whl");
        let of_12 = pinned("i", "i-1-cp312-cp312-manylinux2014_x86_64.whl");
        let pure = pinned("vyper", "vyper-0.4.3-py3-none-any.whl");
        let all = [pure.clone(), of_11, of_12.clone()];
        let chosen = choose_of(&all, &python(12)).unwrap();
        assert_eq!(chosen, [pure, of_12]);
        let error = choose_of(&all, &python(13)).unwrap_err().to_string();
        assert_eq!(error, "i 1 has no pinned wheel for Python 3.13 on x86_64");
    }
}
