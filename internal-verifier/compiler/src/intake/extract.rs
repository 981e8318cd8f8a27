//! Takes the WebAssembly module and the JavaScript around it out of a `soljson.js`.
//!
//! Two packings exist: plain base64 (0.6.2 to 0.8.11), and base64 of LZ4 blocks (from 0.8.12, where
//! the second argument of the unpacking function is the size of the module). Releases up to 0.6.1 are
//! asm.js and hold no module.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The text has no padding, and bits that belong to no byte may be left over at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A run of base64 characters this long is data, not a name or a sentence.
const LONG_TEXT_BYTES: usize = 2000;

/// The largest module so far has 24 MB.
const MAX_MODULE_BYTES: usize = 256 << 20;

const WASM_MAGIC: &[u8] = b"\0asm";

/// A `soljson.js`, taken apart.
#[derive(Debug)]
pub struct Extracted {
    pub module: Vec<u8>,
    pub javascript: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    #[error("there is no WebAssembly module inside")]
    NoModule,
    #[error("block {block} of the packed module can't be unpacked")]
    Block {
        block: usize,
        #[source]
        source: lz4_flex::block::DecompressError,
    },
    #[error("the packed module ends within block {0}")]
    Truncated(usize),
    #[error("the packed module says it has {said} bytes, but has {has}")]
    WrongSize { said: usize, has: usize },
}

/// # Errors
///
/// When the file holds no module, or its packing is damaged.
pub fn extract(soljson: &[u8]) -> Result<Extracted, ExtractError> {
    let runs = long_runs(soljson);
    let module = find_module(soljson, &runs)?.ok_or(ExtractError::NoModule)?;
    let mut javascript = Vec::new();
    let mut from = 0;
    for run in &runs {
        javascript.extend_from_slice(soljson.get(from..run.start).unwrap_or_default());
        from = run.end;
    }
    javascript.extend_from_slice(soljson.get(from..).unwrap_or_default());
    let javascript = String::from_utf8_lossy(&javascript).into_owned();
    Ok(Extracted { module, javascript })
}

fn long_runs(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let mut runs = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let rest = text.get(from..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_base64(byte)).count();
        let end = from.saturating_add(length);
        if length >= LONG_TEXT_BYTES {
            runs.push(from..end);
        }
        from = end.saturating_add(1);
    }
    runs
}

fn find_module(
    text: &[u8],
    runs: &[std::ops::Range<usize>],
) -> Result<Option<Vec<u8>>, ExtractError> {
    for run in runs {
        let Some(raw) = text.get(run.clone()).and_then(decode_base64) else {
            continue;
        };
        if raw.starts_with(WASM_MAGIC) {
            return Ok(Some(raw));
        }
        if let Some(size) = size_after(text.get(run.end..).unwrap_or_default()) {
            return unpack(&raw, size).map(Some);
        }
    }
    Ok(None)
}

fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let mut length = text.len().saturating_sub(padding);
    if length % 4 == 1 {
        length = length.saturating_sub(1);
    }
    BASE64.decode(text.get(..length)?).ok()
}

/// The `20500348` of `", 20500348)` that follows the packed text.
fn size_after(text: &[u8]) -> Option<usize> {
    let tail = std::str::from_utf8(text.get(..text.len().min(64))?).ok()?;
    let tail = tail
        .strip_prefix('"')?
        .trim_start()
        .strip_prefix(',')?
        .trim_start();
    let digits = tail.find(|letter: char| !letter.is_ascii_digit())?;
    let (digits, rest) = tail.split_at(digits);
    let size = digits
        .parse()
        .ok()
        .filter(|&size| size <= MAX_MODULE_BYTES)?;
    rest.trim_start().starts_with(')').then_some(size)
}

/// A block is its length (4 bytes, little-endian) and LZ4 data; length 0 ends the sequence.
fn unpack(mut raw: &[u8], size: usize) -> Result<Vec<u8>, ExtractError> {
    let mut module = vec![0; size];
    let mut has = 0_usize;
    for block in 0.. {
        let Some((length, rest)) = raw.split_first_chunk::<4>() else {
            break;
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length == 0 {
            break;
        }
        let (data, rest) = rest
            .split_at_checked(length)
            .ok_or(ExtractError::Truncated(block))?;
        let room = module.get_mut(has..).unwrap_or_default();
        let bytes = lz4_flex::block::decompress_into(data, room)
            .map_err(|source| ExtractError::Block { block, source })?;
        has = has.saturating_add(bytes);
        raw = rest;
    }
    if has != size {
        return Err(ExtractError::WrongSize { said: size, has });
    }
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> Vec<u8> {
        let mut module = WASM_MAGIC.to_vec();
        // Compressible and incompressible parts, over more than one block.
        module.extend((0..30_000_u32).flat_map(|n| (n / 7).to_le_bytes()));
        module
    }

    fn unpadded(bytes: &[u8]) -> String {
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
    }

    fn packed(module: &[u8], said: usize) -> String {
        let mut raw = Vec::new();
        for block in module.chunks(50_000) {
            let data = lz4_flex::block::compress(block);
            raw.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
            raw.extend(data);
        }
        raw.extend([0; 4]);
        let text = unpadded(&raw);
        format!(
            "var Module = unpack(function (source, uncompressedSize) {{}})(\"{text}\", {said});\nrest"
        )
    }

    #[test]
    fn plain_base64_is_taken_apart() {
        let text = unpadded(&module());
        let soljson = format!("var a=1;url=\"data:base64,{text}\";var b=2;");
        let extracted = extract(soljson.as_bytes()).unwrap();
        assert!(extracted.module == module());
        assert_eq!(
            extracted.javascript,
            "var a=1;url=\"data:base64,\";var b=2;"
        );
    }

    #[test]
    fn a_character_too_many_does_not_matter() {
        let mut bytes = module();
        bytes.truncate(bytes.len() / 3 * 3);
        let soljson = format!("\"{}A\"", unpadded(&bytes));
        assert!(extract(soljson.as_bytes()).unwrap().module == bytes);
    }

    #[test]
    fn packed_blocks_are_unpacked() {
        let module = module();
        let extracted = extract(packed(&module, module.len()).as_bytes()).unwrap();
        assert!(extracted.module == module);
        assert!(extracted.javascript.ends_with("\nrest"));
    }

    #[test]
    fn damaged_files_are_refused() {
        let module = module();
        let error = |text: &str| extract(text.as_bytes()).unwrap_err();
        assert!(matches!(error(""), ExtractError::NoModule));
        assert!(matches!(
            error("var Module={};use asm"),
            ExtractError::NoModule
        ));
        assert!(matches!(
            error(&packed(&module, module.len() + 1)),
            ExtractError::WrongSize { .. }
        ));
        assert!(matches!(
            error(&packed(&module, module.len() - 1)),
            ExtractError::Block { .. }
        ));
        // A size nobody can mean is not even allocated.
        assert!(matches!(
            error(&packed(&module, 1 << 40)),
            ExtractError::NoModule
        ));
        let cut = packed(&module, module.len()).replacen("\", ", "AAAA\", ", 1);
        let half = cut.len() / 2;
        let cut = format!("{}\", {});", cut.get(..half).unwrap(), module.len());
        assert!(matches!(error(&cut), ExtractError::Truncated(_)));
    }
}
