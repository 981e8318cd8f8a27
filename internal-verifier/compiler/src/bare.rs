//! bare
use std::path::PathBuf;
use std::process::ExitCode;
/// What to measure.
#[derive(Debug, Clone)]
pub struct Run {
    pub version: String,
    pub input: PathBuf,
    pub repeat: u32,
    pub output: Option<PathBuf>,
    pub cache: PathBuf,
}
pub fn run(_run: &Run) -> ExitCode {
    ExitCode::SUCCESS
}
