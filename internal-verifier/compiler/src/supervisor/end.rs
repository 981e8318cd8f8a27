//! What a program's end means: decided from its exit status, its answer and its last words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::watch::Stop;
use crate::frame::Kind;
use crate::outcome::is_sent_from_outside;

/// What compilers say last when memory is refused: C++, Python, V8, Node, and solc inside Node.
const NO_MEMORY: [&str; 7] = [
    "std::bad_alloc",
    "MemoryError",
    "out of memory",
    "Out of memory",
    "Zone Allocation failed",
    "Array buffer allocation failed",
    "Cannot enlarge memory",
];

/// What is known of a program that has ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) stop: Stop,
    pub(super) status: ExitStatus,
    /// The kernel killed for want of memory while it ran.
    pub(super) killed_by_kernel: bool,
    pub(super) output: Vec<u8>,
    /// The beginning and the end of what it said on stderr.
    pub(super) words: Vec<u8>,
}

impl End {
    pub(super) fn verdict(&self) -> Kind {
        match (self.stop, self.status.signal()) {
            (Stop::OutputTooLong, _) => Kind::OutputTooLong,
            (Stop::Deadline, _) | (Stop::Ended, Some(libc::SIGXCPU)) => Kind::TimedOut,
            (Stop::Ended, Some(libc::SIGKILL)) if self.killed_by_kernel => Kind::OutOfMemory,
            (Stop::Ended, Some(signal)) if is_sent_from_outside(signal) => Kind::Killed,
            (Stop::Ended, None) if self.is_answer() => {
                if answers_out_of_memory(&self.output) {
                    Kind::OutOfMemory
                } else {
                    Kind::Output
                }
            }
            (Stop::Ended, _) if speak_of_no_memory(&self.words) => Kind::OutOfMemory,
            (Stop::Ended, _) => Kind::Crashed,
        }
    }

    /// How it ended, and its last words.
    pub(super) fn tell(&self) -> String {
        let words = String::from_utf8_lossy(&self.words);
        match (words.trim(), self.status.success()) {
            ("", true) => "it ended without an answer".to_owned(),
            (words, _) => format!("{} {words}", self.status).trim_end().to_owned(),
        }
    }

    /// A program that fails may still have answered: some tell errors of the source so.
    fn is_answer(&self) -> bool {
        let is_silent = self.output.iter().all(u8::is_ascii_whitespace);
        let is_json = || serde_json::from_slice::<IgnoredAny>(&self.output).is_ok();
        !is_silent && (self.status.success() || is_json())
    }
}

fn speak_of_no_memory(words: &[u8]) -> bool {
    let words = String::from_utf8_lossy(words);
    NO_MEMORY
        .iter()
        .any(|words_of_it| words.contains(words_of_it))
}

/// Compilers catch their own exceptions, this one too, and tell it as an error of theirs. What an error
/// of the source says is somebody else's words.
fn answers_out_of_memory(output: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        errors: Vec<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        r#type: String,
        #[serde(default)]
        message: String,
    }
    const NOT_OF_THE_SOURCE: [&str; 4] = [
        "InternalCompilerError",
        "Exception",
        "FatalError",
        "MemoryError",
    ];
    let Ok(answer) = serde_json::from_slice::<Answer>(output) else {
        return false;
    };
    answer.errors.iter().any(|error| {
        NOT_OF_THE_SOURCE.contains(&error.r#type.as_str())
            && (error.r#type == "MemoryError" || speak_of_no_memory(error.message.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(status: i32, output: &str, words: &str) -> End {
        End {
            stop: Stop::Ended,
            status: ExitStatus::from_raw(status),
            killed_by_kernel: false,
            output: output.into(),
            words: words.into(),
        }
    }

    const FAILED: i32 = 1 << 8;

    #[test]
    fn what_we_stopped_is_told_as_what_stopped_it() {
        let stopped = |stop| End {
            stop,
            ..end(libc::SIGKILL, "{}", "std::bad_alloc")
        };
        assert_eq!(stopped(Stop::Deadline).verdict(), Kind::TimedOut);
        assert_eq!(stopped(Stop::OutputTooLong).verdict(), Kind::OutputTooLong);
        assert_eq!(end(libc::SIGXCPU, "", "").verdict(), Kind::TimedOut);
    }

    #[test]
    fn a_kill_is_the_kernels_if_it_counted_one() {
        let killed = end(libc::SIGKILL, "", "");
        assert_eq!(killed.verdict(), Kind::Killed);
        let by_kernel = End {
            killed_by_kernel: true,
            ..killed
        };
        assert_eq!(by_kernel.verdict(), Kind::OutOfMemory);
    }

    #[test]
    fn a_request_to_end_is_nothing_that_the_input_did() {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            assert_eq!(end(signal, "", "").verdict(), Kind::Killed, "{signal}");
        }
    }

    #[test]
    fn last_words_tell_that_memory_was_refused() {
        let node =
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory";
        for words in [
            "terminate called after throwing an instance of 'std::bad_alloc'",
            "Traceback:\nMemoryError",
            node,
        ] {
            assert_eq!(end(libc::SIGABRT, "", words).verdict(), Kind::OutOfMemory);
            assert_eq!(end(FAILED, "", words).verdict(), Kind::OutOfMemory);
        }
        // Said beside a whole answer, it was survived.
        assert_eq!(end(0, "{}", "MemoryError").verdict(), Kind::Output);
    }

    #[test]
    fn answers_are_told_from_last_gasps() {
        assert_eq!(end(0, "{}", "a warning").verdict(), Kind::Output);
        assert_eq!(end(FAILED, "{\"errors\":[]}", "").verdict(), Kind::Output);
        for (status, output) in [
            (0, ""),
            (0, "\n"),
            (FAILED, "Internal error"),
            (FAILED, "{\"err"),
            (libc::SIGSEGV, "{}"),
        ] {
            assert_eq!(end(status, output, "").verdict(), Kind::Crashed, "{output}");
        }
        assert_eq!(end(0, "", "").tell(), "it ended without an answer");
        assert_eq!(end(FAILED, "", " why \n").tell(), "exit status: 1 why");
        assert_eq!(end(libc::SIGSEGV, "", "").tell(), "signal: 11 (SIGSEGV)");
    }

    #[test]
    fn an_answer_may_say_that_memory_was_refused() {
        let answer = |kind, message| {
            let errors = serde_json::json!([{ "type": kind, "message": message }]);
            end(0, &serde_json::json!({ "errors": errors }).to_string(), "").verdict()
        };
        let said = "Exception during compilation: std::bad_alloc";
        assert_eq!(answer("Exception", said), Kind::OutOfMemory);
        assert_eq!(answer("InternalCompilerError", said), Kind::OutOfMemory);
        assert_eq!(answer("MemoryError", ""), Kind::OutOfMemory);
        // The source's own words.
        assert_eq!(answer("ParserError", said), Kind::Output);
        assert_eq!(answer("Exception", "no more stack"), Kind::Output);
    }
}
