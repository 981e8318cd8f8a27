//! Where the built programs lie.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Each program and the package that builds it.
const PROGRAMS: [(&str, &str); 8] = [
    ("public-api", "public-api"),
    ("internal-verifier", "internal-verifier"),
    ("compiler-host", "compiler"),
    ("compilers", "compiler"),
    ("migrate", "common"),
    ("local-identity", "local-stack"),
    ("local-scheduler", "local-stack"),
    ("local-cloud-run", "local-stack"),
];

/// The folder of one cargo profile, such as `target/release`.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The folder of the running program; for a test that is the one above `deps`.
    ///
    /// # Errors
    /// When the system does not tell where the running program lies.
    pub fn beside_this_one() -> Result<Self> {
        let this = std::env::current_exe().context("finding the running program")?;
        Self::beside(&this).with_context(|| format!("{} lies in no folder", this.display()))
    }

    fn beside(program: &Path) -> Option<Self> {
        let folder = program.parent()?;
        let folder = match folder.file_name()?.to_str() {
            Some("deps" | "examples") => folder.parent()?,
            _ => folder,
        };
        Some(Self {
            folder: folder.to_path_buf(),
        })
    }

    /// The program's path.
    ///
    /// # Errors
    /// When it has not been built: the message says how.
    pub fn find(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if !path.is_file() {
            bail!("{} is missing: {}", path.display(), self.how_to_build(name));
        }
        Ok(path)
    }

    /// Where compilers are kept, with the two programs that run and prepare them.
    ///
    /// # Errors
    /// When one of them has not been built.
    pub fn compilers(&self) -> Result<compiler::Config> {
        self.find("compiler-host")?;
        self.find("compilers")?;
        Ok(compiler::Config::with_programs_in(&self.folder))
    }

    fn how_to_build(&self, name: &str) -> String {
        let package = PROGRAMS.iter().find(|(program, _)| *program == name);
        let package = package.map_or(name, |(_, package)| package);
        let profile = match self.folder.ends_with("release") {
            true => " --release",
            false => "",
        };
        format!("cargo build{profile} -p {package} --bin {name}")
    }

    /// The folder above all profiles, for what every profile shares.
    #[must_use]
    pub fn target_folder(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_says_how_it_is_built() {
        for (this, wanted) in [
            (
                "/x/target/debug/deps/system-1a2b",
                "/x/target/debug/migrate is missing: cargo build -p common --bin migrate",
            ),
            (
                "/x/target/release/stack",
                "/x/target/release/migrate is missing: cargo build --release -p common --bin migrate",
            ),
        ] {
            let programs = Programs::beside(Path::new(this)).unwrap();
            let error = programs.find("migrate").unwrap_err();
            assert_eq!(error.to_string(), wanted);
            assert_eq!(programs.target_folder(), Path::new("/x/target"));
        }
    }
}
