//! Character encodings that filters take by name.

use crate::TemplateError;

fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', ' '], "-")
}

fn unknown(name: &str) -> TemplateError {
    TemplateError::value_error(format!("unknown encoding: {name}"))
        .hint("rplay knows utf-8, utf-16, utf-16-le, utf-16-be, ascii and latin-1")
}

/// Text as bytes.
pub(crate) fn encode(text: &str, encoding: &str) -> Result<Vec<u8>, TemplateError> {
    let narrow = |limit: u32| {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).ok().filter(|b| u32::from(*b) < limit))
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(|| {
                TemplateError::value_error(format!("'{encoding}' codec can't encode characters in {text:?}"))
            })
    };
    match normal(encoding).as_str() {
        "utf-8" | "utf8" => Ok(text.as_bytes().to_vec()),
        "utf-16" => Ok([0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()),
        "utf-16-le" | "utf-16le" => Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        "utf-16-be" | "utf-16be" => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        "ascii" | "us-ascii" => narrow(128),
        "latin-1" | "latin1" | "iso-8859-1" => narrow(256),
        _ => Err(unknown(encoding)),
    }
}

/// Bytes as text; what cannot be decoded is an error.
pub(crate) fn decode(bytes: Vec<u8>, encoding: &str) -> Result<String, TemplateError> {
    let fail = || TemplateError::value_error(format!("'{encoding}' codec can't decode the data"));
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        if !bytes.len().is_multiple_of(2) {
            return Err(fail());
        }
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| fail())
    };
    match normal(encoding).as_str() {
        "utf-8" | "utf8" => Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                error.into_bytes().into_iter().map(|b| if b < 128 { char::from(b) } else { '\u{fffd}' }).collect()
            }
        }),
        "utf-16" => match bytes.as_slice() {
            [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
            [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
            bytes => wide(bytes, u16::from_le_bytes),
        },
        "utf-16-le" | "utf-16le" => wide(&bytes, u16::from_le_bytes),
        "utf-16-be" | "utf-16be" => wide(&bytes, u16::from_be_bytes),
        "ascii" | "us-ascii" if bytes.is_ascii() => Ok(bytes.into_iter().map(char::from).collect()),
        "ascii" | "us-ascii" => Err(fail()),
        "latin-1" | "latin1" | "iso-8859-1" => Ok(bytes.into_iter().map(char::from).collect()),
        _ => Err(unknown(encoding)),
    }
}
