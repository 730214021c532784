//! String literals: Python's `unicode-escape`.

use crate::TemplateError;

/// The text a string token's inside stands for. `at` is its byte offset in the template.
pub(super) fn decode(inside: &str, at: usize) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some((_, kind)) = chars.next() else {
            out.push('\\');
            break;
        };
        match kind {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(kind),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            '0'..='7' => {
                let mut code = kind.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    match chars.next_if(|(_, c)| c.is_digit(8)) {
                        Some((_, digit)) => code = code * 8 + digit.to_digit(8).unwrap_or(0),
                        None => break,
                    }
                }
                out.extend(char::from_u32(code));
            }
            'x' | 'u' | 'U' => {
                let wanted = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let mut code = 0_u32;
                let mut digits = 0;
                while digits < wanted {
                    let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_hexdigit()) else { break };
                    code = code << 4 | digit.to_digit(16).unwrap_or(0);
                    digits += 1;
                }
                let decoded = if digits == wanted { char::from_u32(code) } else { None };
                let Some(decoded) = decoded else {
                    let error = TemplateError::syntax(format!("invalid escape `\\{kind}` in a string literal"));
                    let hint = format!(
                        "`\\{kind}` needs {wanted} hexadecimal digits of one character; write `\\\\{kind}` for a backslash"
                    );
                    return Err(error.at_offset(at + i, at + i + 2 + digits).hint(hint));
                };
                out.push(decoded);
            }
            'N' => {
                let error = TemplateError::syntax("character names (`\\N{...}`) are not supported in string literals");
                return Err(error.at_offset(at + i, at + i + 2).hint("write the character itself or its `\\u` code"));
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_pythons() {
        for (text, want) in [
            (r"a\/b", r"a\/b"),
            (r"\n\t\\", "\n\t\\"),
            (r"\x41\u00e9\U0001F600", "Aé😀"),
            (r"\101\0", "A\0"),
            ("a\\\nb", "ab"),
            (r"\d", r"\d"),
        ] {
            assert_eq!(decode(text, 0).unwrap(), want);
        }
        assert!(decode(r"\x4", 0).is_err());
        assert!(decode(r"\udc80", 0).is_err());
    }
}
