//! Library placeholders in a compiler's hexadecimal text.
//!
//! From solc 0.5 a placeholder is `__$`, 34 digits of the name's hash, `$__`; before, it is the
//! name itself between underscores, cut at 36 bytes. Compilers before standard JSON give no link
//! references, but their underscores can't be anything else.

use alloy_primitives::keccak256;

use super::{ByteRange, Code, CodeObject, LibraryPlace, LinkReferences, NotCode, Placeholder};

mod names;

/// In digits; an address is half as many bytes.
const PLACEHOLDER_DIGITS: usize = 40;
const ADDRESS_LENGTH: usize = 20;

pub(super) fn read(object: CodeObject) -> Result<Code, NotCode> {
    let CodeObject {
        object,
        source_map,
        link_references,
    } = object;
    let mut digits = match object.strip_prefix("0x") {
        Some(digits) => digits.as_bytes().to_vec(),
        None => object.into_bytes(),
    };
    let mut libraries = places(link_references.as_ref(), |place, forms| {
        take_placeholder(&mut digits, place, forms)
    });
    libraries.extend(scan(&mut digits)?);
    let bytes = hex::decode(digits).ok().ok_or(NotCode)?;
    Ok(Code {
        bytes,
        source_map,
        link_references,
        libraries,
    })
}

/// Every reference with what stands there. A reference that isn't as long as an address is foreign.
fn places(
    references: Option<&LinkReferences>,
    mut judge: impl FnMut(ByteRange, &[Vec<u8>]) -> Placeholder,
) -> Vec<LibraryPlace> {
    let mut places = Vec::new();
    for (file, libraries) in references.into_iter().flatten() {
        for (name, ranges) in libraries {
            let library = format!("{file}:{name}");
            let forms = placeholder_forms(file, name);
            for range in ranges {
                let placeholder = match range.length == ADDRESS_LENGTH {
                    true => judge(*range, &forms),
                    false => Placeholder::Foreign,
                };
                places.push(LibraryPlace {
                    range: *range,
                    library: library.clone(),
                    placeholder,
                });
            }
        }
    }
    places
}

/// Every text the placeholder of this library may have.
fn placeholder_forms(file: &str, name: &str) -> Vec<Vec<u8>> {
    let mut full_names = vec![format!("{file}:{name}")];
    if file.is_empty() {
        // Before 0.4.9 a library's full name was its bare name.
        full_names.push(name.to_owned());
    }
    let mut forms = vec![vec![b'0'; PLACEHOLDER_DIGITS]];
    for full_name in full_names {
        let hash = hex::encode(keccak256(&full_name));
        let hashed = format!("__${}$__", hash.get(..34).unwrap_or_default());
        forms.push(hashed.into_bytes());
        forms.extend(names::placeholders(&full_name));
    }
    forms
}

/// Zeros in place of a fitting placeholder.
fn take_placeholder(digits: &mut [u8], place: ByteRange, forms: &[Vec<u8>]) -> Placeholder {
    let hole = place
        .start
        .checked_mul(2)
        .map(|start| ByteRange {
            start,
            length: PLACEHOLDER_DIGITS,
        })
        .and_then(|digit_range| digit_range.of_mut(digits));
    match hole {
        Some(hole) if forms.iter().any(|form| form == hole) => {
            hole.fill(b'0');
            Placeholder::OfLibrary
        }
        _ => Placeholder::Foreign,
    }
}

/// Placeholders that no reference named.
fn scan(digits: &mut [u8]) -> Result<Vec<LibraryPlace>, NotCode> {
    let mut places = Vec::new();
    let mut from = 0_usize;
    while let Some(skipped) = digits
        .get(from..)
        .and_then(|rest| rest.iter().position(|digit| *digit == b'_'))
    {
        let at = from.saturating_add(skipped);
        let hole = ByteRange {
            start: at,
            length: PLACEHOLDER_DIGITS,
        };
        let hole = hole.of_mut(digits).ok_or(NotCode)?;
        let text = std::str::from_utf8(hole).ok().ok_or(NotCode)?;
        let name = text.strip_prefix("__").ok_or(NotCode)?;
        let library = name.trim_end_matches('_').to_owned();
        if at.checked_rem(2) != Some(0) {
            return Err(NotCode);
        }
        // A hash without a reference doesn't tell which library it is of.
        let placeholder = match library.is_empty() || library.starts_with('$') {
            true => Placeholder::Foreign,
            false => Placeholder::OfLibrary,
        };
        places.push(LibraryPlace {
            range: ByteRange {
                start: at.checked_div(2).unwrap_or_default(),
                length: ADDRESS_LENGTH,
            },
            library,
            placeholder,
        });
        hole.fill(b'0');
        from = at.saturating_add(PLACEHOLDER_DIGITS);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(object: String, references: Option<LinkReferences>) -> CodeObject {
        CodeObject {
            object,
            source_map: None,
            link_references: references,
        }
    }

    fn references(file: &str, name: &str, start: usize) -> Option<LinkReferences> {
        let range = ByteRange { start, length: 20 };
        let libraries = [(name.to_owned(), vec![range])].into();
        Some([(file.to_owned(), libraries)].into())
    }

    #[test]
    fn each_form_of_placeholder_becomes_zeros() {
        let hash = hex::encode(keccak256("a.sol:L"));
        for hole in [
            format!("__${}$__", &hash[..34]),
            format!("{:_<40}", "__a.sol:L"),
            "0".repeat(40),
        ] {
            let code = read(object(format!("0x73{hole}30"), references("a.sol", "L", 1))).unwrap();
            assert_eq!(hex::encode(&code.bytes), format!("73{}30", "0".repeat(40)));
            assert_eq!(code.libraries[0].placeholder, Placeholder::OfLibrary);
            assert_eq!(code.libraries[0].library, "a.sol:L");
        }
    }

    #[test]
    fn a_reference_that_points_elsewhere_is_foreign() {
        let other = hex::encode(keccak256("a.sol:M"));
        for text in [
            format!("73{}30", "ab".repeat(20)),
            format!("73__${}$__30", &other[..34]),
            "73".to_owned(),
        ] {
            let code = read(object(text, references("a.sol", "L", 1))).unwrap();
            assert!(
                code.libraries
                    .iter()
                    .all(|place| place.placeholder == Placeholder::Foreign)
            );
        }
        let far = read(object(
            "73".to_owned(),
            references("a.sol", "L", usize::MAX),
        ))
        .unwrap();
        assert_eq!(far.libraries[0].placeholder, Placeholder::Foreign);
    }

    #[test]
    fn placeholders_of_old_compilers_are_found_without_references() {
        let text = format!("73{:_<40}30{:_<40}", "__Lib", "__Other");
        let code = read(object(text, None)).unwrap();
        let found: Vec<_> = code
            .libraries
            .iter()
            .map(|place| (place.library.as_str(), place.range.start))
            .collect();
        assert_eq!(found, [("Lib", 1), ("Other", 22)]);
        assert_eq!(code.bytes.len(), 42);
    }

    #[test]
    fn what_is_neither_hexadecimal_nor_a_placeholder_is_refused() {
        for text in ["7", "7g", "7__", "73_", "__", &format!("7{:_<40}3", "__L")] {
            assert!(read(object(text.to_owned(), None)).is_err(), "{text}");
        }
        assert_eq!(read(object(String::new(), None)).unwrap().bytes, b"");
    }
}
