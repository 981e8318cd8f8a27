//! HTML that can only be put together from words of ours and from escaped text.
//!
//! What a page shows was written by strangers: sources, paths, names, a compiler's messages. There
//! is no way to add a string that is neither a literal of this program nor escaped.

use std::fmt::{self, Display, Write};

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Tags: what stands in the program's own text.
    pub(super) fn tags(mut self, tags: &'static str) -> Self {
        self.0.push_str(tags);
        self
    }

    /// Anything else, as text or as the value of an attribute in quotes.
    pub(super) fn text(mut self, text: impl Display) -> Self {
        // Writing to a string fails only if what is displayed does; then what came before it is kept.
        let _ = write!(Escaping(&mut self.0), "{text}");
        self
    }

    pub(super) fn then(mut self, other: Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

/// Text in the typeface of code.
pub(super) fn code(text: impl Display) -> Html {
    Html::default().tags("<code>").text(text).tags("</code>")
}

/// A link. The target is a path of ours, relative to the page.
pub(super) fn link(target: impl Display, text: impl Display) -> Html {
    let start = Html::default().tags("<a href=\"").text(target);
    start.tags("\">").text(text).tags("</a>")
}

/// One line of a list of facts.
pub(super) fn fact(name: &'static str, value: Html) -> Html {
    let name = Html::default().tags("<dt>").tags(name);
    name.tags("</dt><dd>").then(value).tags("</dd>\n")
}

/// A long text, closed until somebody opens it.
pub(super) fn folded(title: impl Display, text: impl Display) -> Html {
    let title = Html::default().tags("<details><summary>").text(title);
    // A line break after the tag is none of the text's: a parser leaves out the first one.
    let text = title.tags("</summary><pre>\n").text(text);
    text.tags("</pre></details>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_wrote_stays_text() {
        let hostile = "</pre><script>alert('1')</script>&\"";
        let escaped = "&lt;/pre&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;";
        assert_eq!(Html::default().text(hostile).into_string(), escaped);
        assert_eq!(
            link(hostile, hostile).into_string(),
            format!("<a href=\"{escaped}\">{escaped}</a>")
        );
        assert_eq!(
            folded(hostile, hostile).into_string(),
            format!("<details><summary>{escaped}</summary><pre>\n{escaped}</pre></details>\n")
        );
        assert_eq!(code(5).into_string(), "<code>5</code>");
        assert_eq!(
            fact("Chain", code("é")).into_string(),
            "<dt>Chain</dt><dd><code>é</code></dd>\n"
        );
    }
}
