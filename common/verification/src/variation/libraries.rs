//! Metadata of an input that names libraries, as it would be had they been linked later.

use super::json_text::members;

/// The metadata with no library in its settings. Nothing if there is none in them.
pub(super) fn left_out(text: &str) -> Option<String> {
    let place_of = |at: usize, name: &str| {
        let mut members = members(text, at)?.into_iter();
        members.find_map(|(key, place)| (key == name).then_some(place))
    };
    let settings = place_of(0, "settings")?;
    let libraries = place_of(settings.start, "libraries")?;
    if members(text, libraries.start)?.is_empty() {
        return None;
    }
    let before = text.get(..libraries.start)?;
    let after = text.get(libraries.end..)?;
    Some(format!("{before}{{}}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_libraries_of_the_settings_are_left_out() {
        let text = |libraries: &str| {
            format!(
                r#"{{"libraries":{{"x":1}}, "settings": {{"a":[{{}}],"libraries" : {libraries},"b":""}},"c":0}}"#
            )
        };
        for named in [r#"{"a.sol:L":"0x11"}"#, r#"{ "L":"0x11", "M":"}"}"#] {
            assert_eq!(left_out(&text(named)), Some(text("{}")), "{named}");
        }
        for none in ["{}", "[]", "null", r#""L""#] {
            assert_eq!(left_out(&text(none)), None, "{none}");
        }
        for broken in ["", "{}", "[]", r#"{"settings":[]}"#, r#"{"settings":{}}"#] {
            assert_eq!(left_out(broken), None, "{broken}");
        }
    }
}
