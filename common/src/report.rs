//! An error with everything that caused it, in one line.

use std::error::Error;

/// `what we tried: why it failed: why that failed`. Our errors do not print their source themselves.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut words = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let sentence = error.to_string();
        // Other people's errors often repeat their source's words.
        if words.last().is_none_or(|last| !last.contains(&sentence)) {
            words.push(sentence);
        }
        cause = error.source();
    }
    words.join(": ")
}
