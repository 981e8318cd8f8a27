//! Which contracts a Solidity file declares, as far as words tell.
//!
//! Not a parser: it only keeps comments and texts apart from the program, so that a contract that is
//! merely spoken of is not taken for one.

/// What a declaration makes of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Contract,
    AbstractContract,
    Library,
    Interface,
}

/// What the file declares, with its name.
pub(super) fn declarations(content: &str) -> impl Iterator<Item = (Kind, &str)> {
    let mut before = ("", "");
    let words = Words { rest: content };
    words.filter_map(move |word| {
        let kind = match before {
            ("abstract", "contract") => Some(Kind::AbstractContract),
            (_, "contract") => Some(Kind::Contract),
            (_, "library") => Some(Kind::Library),
            (_, "interface") => Some(Kind::Interface),
            _ => None,
        };
        before = (before.1, word);
        Some((kind?, word))
    })
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
        let find = |content: &str| {
            let mut declared = declarations(content).filter(|(_, name)| *name == "C");
            declared.next().map(|(kind, _)| kind)
        };
        for (content, kind) in [
            ("contract C {}", Kind::Contract),
            ("abstract\ncontract\n\tC is B{}", Kind::AbstractContract),
            ("abstract contract B {} contract C {}", Kind::Contract),
            ("library C{}", Kind::Library),
            ("interface /* the */ C // here\n{}", Kind::Interface),
            ("import 'it\\'s'; contract C{}", Kind::Contract),
            ("string constant S = \"//\"; contract C {}", Kind::Contract),
            ("/** contract D */ contract C{}", Kind::Contract),
        ] {
            assert_eq!(find(content), Some(kind), "{content}");
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
            assert_eq!(find(content), None, "{content}");
        }
    }
}
