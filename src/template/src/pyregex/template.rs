//! Replacement templates (`\1`, `\g<name>`) and `re.escape`.

use super::{Found, Pattern, PatternError};

/// A piece of a replacement template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Group(usize),
}

/// Reads a template as Python's `re` does, groups checked against the pattern.
pub(super) fn parse(template: &str, pattern: &Pattern) -> Result<Vec<Part>, PatternError> {
    let chars: Vec<char> = template.chars().collect();
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    let mut push_group = |text: &mut String, group: usize, position: usize| {
        if group > pattern.groups() {
            return Err(PatternError::at(format!("invalid group reference {group}"), position));
        }
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(text)));
        }
        parts.push(Part::Group(group));
        Ok(())
    };
    while let Some(&c) = chars.get(at) {
        let start = at;
        at += 1;
        if c != '\\' {
            text.push(c);
            continue;
        }
        let Some(&c) = chars.get(at) else {
            return Err(PatternError::at("bad escape (end of pattern)", start));
        };
        at += 1;
        match c {
            'g' => {
                if chars.get(at) != Some(&'<') {
                    return Err(PatternError::at("missing <", at));
                }
                at += 1;
                let Some(length) = chars[at..].iter().position(|c| *c == '>') else {
                    return Err(PatternError::at("missing >, unterminated name", at));
                };
                let name: String = chars[at..at + length].iter().collect();
                if name.is_empty() {
                    return Err(PatternError::at("missing group name", at));
                }
                let group = match name.parse::<usize>() {
                    Ok(number) => number,
                    Err(_) if name.starts_with(|c: char| c == '_' || c.is_alphabetic()) => {
                        // Python raises an IndexError with this text here, not a re.error.
                        pattern
                            .group_index(&name)
                            .ok_or_else(|| PatternError(format!("unknown group name '{name}'")))?
                    }
                    Err(_) => {
                        return Err(PatternError::at(format!("bad character in group name '{name}'"), at));
                    }
                };
                push_group(&mut text, group, at)?;
                at += length + 1;
            }
            '0' => {
                let mut code = 0;
                for _ in 0..2 {
                    let Some(digit) = chars.get(at).and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    at += 1;
                }
                text.extend(char::from_u32(code));
            }
            '1'..='9' => {
                let digits: String = chars[at - 1..].iter().take(3).take_while(|c| c.is_ascii_digit()).collect();
                let octal = digits.len() == 3 && digits.chars().all(|c| c.is_digit(8));
                if octal {
                    let code = u32::from_str_radix(&digits, 8).unwrap_or_default();
                    if code > 0o377 {
                        let message = format!("octal escape value \\{digits} outside of range 0-0o377");
                        return Err(PatternError::at(message, start));
                    }
                    text.extend(char::from_u32(code));
                    at += 2;
                } else {
                    let digits = &digits[..digits.len().min(2)];
                    push_group(&mut text, digits.parse().unwrap_or(usize::MAX), start + 1)?;
                    at += digits.len() - 1;
                }
            }
            'a' => text.push('\x07'),
            'b' => text.push('\x08'),
            'f' => text.push('\x0c'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\x0b'),
            '\\' => text.push('\\'),
            c if c.is_ascii_alphabetic() => return Err(PatternError::at(format!("bad escape \\{c}"), start)),
            c => {
                text.push('\\');
                text.push(c);
            }
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// Writes a template with the groups of one match; a group that took no part is empty.
pub(super) fn expand(template: &[Part], found: &Found, text: &str, out: &mut String) {
    for part in template {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Group(group) => out.push_str(found.group(text, *group).unwrap_or_default()),
        }
    }
}

/// `re.escape` of Python 3.7 and later.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
