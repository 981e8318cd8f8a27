//! Where a source may lie, read from paths and URLs that anybody can write.
//!
//! Only two kinds of places are known, and of each only the part that names a content is kept: no
//! host, port, user or query of a metadata document ever reaches a network.

/// A place that we may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourcePlace {
    /// The name of a content in IPFS: letters and digits, nothing else.
    Ipfs(String),
    /// Owner, repository, branch or commit, and the path: what follows GitHub's raw host.
    GitHub(Vec<String>),
}

/// The longest names of contents in use have 62 characters.
const MAX_CID_LENGTH: usize = 128;
const MAX_SEGMENTS: usize = 64;
/// Owner, repository, branch, and a file.
const LEAST_SEGMENTS: usize = 4;

impl SourcePlace {
    /// Nothing for every other kind of text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("dweb:/ipfs/") {
            Some(name) => Self::ipfs(name),
            None => Self::github(text),
        }
    }

    fn ipfs(name: &str) -> Option<Self> {
        let is_name = (1..=MAX_CID_LENGTH).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| Self::Ipfs(name.to_owned()))
    }

    /// `https://github.com/owner/repository/blob/branch/path`, as Remix writes imports; the scheme
    /// and `blob` may be missing.
    fn github(text: &str) -> Option<Self> {
        let rest = ["https://", "http://"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .unwrap_or(text);
        let path = rest.strip_prefix("github.com/")?;
        let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        if segments
            .get(2)
            .is_some_and(|word| word == "blob" || word == "raw")
        {
            segments.remove(2);
        }
        let fits = (LEAST_SEGMENTS..=MAX_SEGMENTS).contains(&segments.len())
            && segments.iter().all(|segment| is_segment(segment));
        fits.then_some(Self::GitHub(segments))
    }
}

/// Neither empty nor a step to elsewhere, and nothing that means something in a URL.
fn is_segment(segment: &str) -> bool {
    let is_plain = |letter: char| {
        !letter.is_control() && !matches!(letter, '\\' | '?' | '#' | '%' | ':' | '@')
    };
    // Packages of npm begin with an `@`, and some repositories hold them.
    let name = segment.strip_prefix('@').unwrap_or(segment);
    !name.is_empty() && name.chars().all(is_plain) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_kinds_of_places_are_known() {
        let cid = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n";
        let ipfs = SourcePlace::parse(&format!("dweb:/ipfs/{cid}"));
        assert_eq!(ipfs, Some(SourcePlace::Ipfs(cid.to_owned())));
        let wanted = [
            "OpenZeppelin",
            "contracts",
            "v3.4.0",
            "math",
            "Safe Math.sol",
        ];
        let wanted = SourcePlace::GitHub(wanted.map(str::to_owned).into());
        for text in [
            "https://github.com/OpenZeppelin/contracts/blob/v3.4.0/math/Safe Math.sol",
            "http://github.com/OpenZeppelin/contracts/raw/v3.4.0/math/Safe Math.sol",
            "github.com/OpenZeppelin/contracts/v3.4.0/math/Safe Math.sol",
        ] {
            assert_eq!(SourcePlace::parse(text), Some(wanted.clone()), "{text}");
        }
    }

    #[test]
    fn every_other_text_is_no_place() {
        for text in [
            "",
            "a.sol",
            "bzz-raw://d1b9c1c0",
            "file:///etc/passwd",
            "http://127.0.0.1:8080/a.sol",
            "https://169.254.169.254/computeMetadata/v1/token",
            "https://example.org/github.com/a/b/blob/c/d.sol",
            "https://github.com.example.org/a/b/blob/c/d.sol",
            "https://github.com@example.org/a/b/blob/c/d.sol",
            "https://user@github.com/a/b/blob/c/d.sol",
            "https://github.com:8080/a/b/blob/c/d.sol",
            "https://github.com/a/b/blob",
            "https://github.com/a/b/blob/c",
            "https://github.com/a/b/blob/c/../../../../x.sol",
            "https://github.com/a/b/blob/c//x.sol",
            "https://github.com/a/b/blob/c/x.sol?token=1",
            "https://github.com/a/b/blob/c/%2e%2e/x.sol",
            "https://github.com/a/b/blob/c\\d/x.sol",
            "dweb:/ipfs/",
            "dweb:/ipfs/Qm/../../x",
            "dweb:/ipfs/Qm?x=1",
            "dweb:/ipfs//127.0.0.1",
            "dweb:/ipns/example.org",
        ] {
            assert_eq!(SourcePlace::parse(text), None, "{text}");
        }
        let long = format!("dweb:/ipfs/{}", "Q".repeat(129));
        assert_eq!(SourcePlace::parse(&long), None);
    }
}
