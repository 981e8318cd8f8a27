//! What may have happened to a text on its way: other line endings, another end.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnding {
    Lf,
    CrLf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    AsIs,
    Trimmed,
    TrimmedThen(LineEnding),
    AsIsThen(LineEnding),
}

/// One way to write the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variation {
    line_ending: LineEnding,
    end: End,
}

const LINE_ENDINGS: [LineEnding; 2] = [LineEnding::CrLf, LineEnding::Lf];
/// The first is what version control does: files that end in several ways keep their ends.
const ENDS: [End; 6] = [
    End::AsIs,
    End::Trimmed,
    End::TrimmedThen(LineEnding::Lf),
    End::TrimmedThen(LineEnding::CrLf),
    End::AsIsThen(LineEnding::Lf),
    End::AsIsThen(LineEnding::CrLf),
];

impl LineEnding {
    fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}

impl Variation {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ENDS.into_iter()
            .flat_map(|end| LINE_ENDINGS.map(|line_ending| Self { line_ending, end }))
    }

    /// Ends as they are.
    pub(super) fn of_line_endings_alone() -> impl Iterator<Item = Self> {
        LINE_ENDINGS.into_iter().map(|line_ending| Self {
            line_ending,
            end: End::AsIs,
        })
    }

    pub(crate) fn of(self, content: &str) -> String {
        let lines = content.replace("\r\n", "\n");
        let text = match self.line_ending {
            LineEnding::Lf => lines,
            LineEnding::CrLf => lines.replace('\n', "\r\n"),
        };
        match self.end {
            End::AsIs => text,
            End::Trimmed => text.trim_end().to_owned(),
            End::TrimmedThen(ending) => format!("{}{}", text.trim_end(), ending.text()),
            End::AsIsThen(ending) => format!("{text}{}", ending.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_twelve_variations() {
        let found: Vec<_> = Variation::all()
            .map(|variation| variation.of("a\r\nb\n \n"))
            .collect();
        let wanted = [
            "a\r\nb\r\n \r\n",
            "a\nb\n \n",
            "a\r\nb",
            "a\nb",
            "a\r\nb\n",
            "a\nb\n",
            "a\r\nb\r\n",
            "a\nb\r\n",
            "a\r\nb\r\n \r\n\n",
            "a\nb\n \n\n",
            "a\r\nb\r\n \r\n\r\n",
            "a\nb\n \n\r\n",
        ];
        assert_eq!(found, wanted);
    }
}
