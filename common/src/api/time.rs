//! Times as the API shows them: UTC, whole seconds.

use ::time::OffsetDateTime;
use ::time::UtcOffset;
use ::time::format_description::FormatItem;
use ::time::macros::format_description;

const FORMAT: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// `2026-07-24T11:00:04Z`.
#[must_use]
pub fn render(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC)
        .format(FORMAT)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ::time::macros::datetime;

    #[test]
    fn times_are_utc_whatever_their_offset() {
        assert_eq!(
            super::render(datetime!(2026-07-24 13:00:04.9 +2)),
            "2026-07-24T11:00:04Z"
        );
    }
}
