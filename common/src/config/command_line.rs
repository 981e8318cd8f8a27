//! The command line of a service: where its settings are, and which there are.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command, value_parser};

use super::given::Given;
use super::reader::Reader;
use super::setting::{Setting, as_help};
use crate::version;

/// What a service is, and how its settings are read.
#[derive(Debug)]
pub struct Program<T> {
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    pub read: fn(&mut Reader) -> Option<T>,
}

impl<T> Program<T> {
    /// The settings, as the command line and the environment have them.
    ///
    /// # Errors
    /// How the process ends: well, if it was only asked what there is, else with 2 after each mistake
    /// was printed.
    pub fn settings(&self) -> Result<T, ExitCode> {
        self.settings_given(std::env::args_os(), Given::environment())
    }

    fn settings_given(
        &self,
        arguments: impl IntoIterator<Item = OsString>,
        mut given: Given,
    ) -> Result<T, ExitCode> {
        let arguments = match self.command().try_get_matches_from(arguments) {
            Ok(arguments) => arguments,
            Err(answer) => {
                // Nobody is left to tell if this cannot be written.
                let _ = answer.print();
                let code = u8::try_from(answer.exit_code()).unwrap_or(2);
                return Err(ExitCode::from(code));
            }
        };
        if arguments.get_flag("settings") {
            return Err(print(&self.known()));
        }
        if let Some(path) = arguments.get_one::<PathBuf>("config") {
            given = given
                .with_file(path)
                .map_err(|mistakes| self.refuse(&mistakes))?;
        }
        let mut reader = Reader::new(given);
        let settings = (self.read)(&mut reader);
        reader
            .finish(settings)
            .map_err(|mistakes| self.refuse(&mistakes))
    }

    fn command(&self) -> Command {
        Command::new(self.name)
            .about(self.about)
            .version(version::VERSION)
            .arg(
                Arg::new("config")
                    .long("config")
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help("A JSON object of settings, as in {\"PORT\": 8080}; the environment wins over it"),
            )
            .arg(
                Arg::new("settings")
                    .long("settings")
                    .action(ArgAction::SetTrue)
                    .help("Print every setting with its meaning and default, as JSON"),
            )
            .after_help(as_help(&self.known()))
    }

    /// Every setting that is asked for where none is given.
    fn known(&self) -> Vec<Setting> {
        let mut reader = Reader::new(Given::nothing());
        (self.read)(&mut reader);
        reader.settings()
    }

    fn refuse(&self, mistakes: &super::Mistakes) -> ExitCode {
        let _ = writeln!(io::stderr(), "{}: {mistakes}", self.name);
        ExitCode::from(2)
    }
}

fn print(settings: &[Setting]) -> ExitCode {
    let printed = serde_json::to_string_pretty(settings)
        .map_err(io::Error::from)
        .and_then(|text| writeln!(io::stdout(), "{text}"));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(_nobody_reads) => ExitCode::FAILURE,
    }
}
