//! Character encodings that filters take by name.

use crate::TemplateError;

fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', ' '], "-")
}

fn unknown(name: &str) -> TemplateError {
    TemplateError::value_error(format!("unknown encoding: {name}"))
        .hint("rplay knows utf-8, utf-16, utf-16-le, utf-16-be, ascii, latin-1 and windows-1252")
}

/// What windows-1252 has from 0x80 to 0x9f; five places are empty.
const WINDOWS_1252: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

fn is_windows_1252(name: &str) -> bool {
    matches!(name, "windows-1252" | "cp1252" | "1252")
}

fn windows_1252(c: char) -> Option<u8> {
    match u8::try_from(u32::from(c)).ok() {
        Some(byte) if !(0x80..0xa0).contains(&byte) => Some(byte),
        _ => (0x80_u8..).zip(WINDOWS_1252).find(|(_, known)| *known == Some(c)).map(|(byte, _)| byte),
    }
}

/// Text as bytes, in an encoding by one of Python's names for it.
pub fn encode(text: &str, encoding: &str) -> Result<Vec<u8>, TemplateError> {
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
        name if is_windows_1252(name) => text.chars().map(windows_1252).collect::<Option<Vec<u8>>>().ok_or_else(|| {
            TemplateError::value_error(format!("'{encoding}' codec can't encode characters in {text:?}"))
        }),
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
        name if is_windows_1252(name) => bytes
            .into_iter()
            .map(|byte| match byte {
                0x80..0xa0 => WINDOWS_1252[usize::from(byte - 0x80)],
                byte => Some(char::from(byte)),
            })
            .collect::<Option<String>>()
            .ok_or_else(fail),
        _ => Err(unknown(encoding)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_1252_goes_both_ways() {
        let text = "a€ü—Ÿ";
        let bytes = encode(text, "Windows-1252").unwrap();
        assert_eq!(bytes, [b'a', 0x80, 0xfc, 0x97, 0x9f]);
        assert_eq!(decode(bytes, "cp1252").unwrap(), text);
        assert!(decode(vec![0x81], "cp1252").is_err() && encode("\u{81}", "cp1252").is_err());
        assert!(encode("ł", "cp1252").is_err());
    }
}
