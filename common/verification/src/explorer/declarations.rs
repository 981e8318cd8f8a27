//! Which contracts a Solidity file declares, as far as words tell.
//!
//! Not a parser: it only keeps comments and texts apart from the program, so that a contract that is
//! merely spoken of is not taken for one.

/// Whether the file declares a contract, library or interface of this name.
pub(super) fn declares(content: &str, name: &str) -> bool {
    let mut before = "";
    for word in (Words { rest: content }) {
        if word == name && matches!(before, "contract" | "library" | "interface") {
            return true;
        }
        before = word;
    }
    false
}

/// The words of a program, one by one; any other character that matters is a word of its own.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            if let Some(comment) = self.rest.strip_prefix("//") {
                self.rest = after(comment, "\n");
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = after(comment, "*/");
            } else if matches!(first, '"' | '\'') {
                self.rest = after_text(self.rest, first);
            } else {
                let length = self.rest.find(|letter| !is_of_word(letter));
                let length = length.unwrap_or(self.rest.len()).max(first.len_utf8());
                let (word, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                return Some(word);
            }
        }
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$')
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// Behind the quotation mark that ends the text; texts end with their line at the latest.
fn after_text(text: &str, quote: char) -> &str {
    let mut letters = text.chars();
    letters.next();
    while let Some(letter) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote || letter == '\n' {
            break;
        }
    }
    letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_is_where_it_is_declared() {
        for content in [
            "contract C {}",
            "abstract\ncontract\n\tC is B{}",
            "library C{}",
            "interface /* the */ C // here\n{}",
            "import 'it\\'s'; contract C{}",
            "string constant S = \"//\"; contract C {}",
            "/** contract D */ contract C{}",
        ] {
            assert!(declares(content, "C"), "{content}");
        }
        for content in [
            "",
            "contract CC {}",
            "contract D { C c; }",
            "// contract C {}",
            "/* contract C {}",
            "/* a */ string constant S = 'contract C {}';",
            "string constant S = \"\\\" contract C {}\";",
            "contract",
            "contract \"C\"",
            "ß contractC",
        ] {
            assert!(!declares(content, "C"), "{content}");
        }
    }
}
