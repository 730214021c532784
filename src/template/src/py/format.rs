//! `str.format` and format specifications.

use minijinja::Value as Mj;

use super::{Kind, kind, printf, type_name};
use crate::TemplateError;
use crate::plugin::Keywords;

/// `text.format(*args, **keywords)`.
pub(super) fn format(text: &str, args: &[Mj], keywords: &Keywords) -> Result<String, TemplateError> {
    let mut find = |name: &str| -> Result<Mj, TemplateError> {
        if let Ok(index) = name.parse::<usize>() {
            return args.get(index).cloned().ok_or_else(|| {
                TemplateError::value_error(format!("Replacement index {index} out of range for positional args tuple"))
            });
        }
        keywords
            .iter()
            .find(|(key, _)| **key == *name)
            .map(|(_, value)| value.clone())
            .ok_or_else(|| TemplateError::value_error(format!("'{name}'")))
    };
    expand(text, &mut find, &mut Numbering::Unknown, 0)
}

/// `text.format_map(mapping)`.
pub(super) fn format_map(text: &str, mapping: &Mj) -> Result<String, TemplateError> {
    let mut find = |name: &str| -> Result<Mj, TemplateError> {
        let value = super::get_item(mapping, &Mj::from(name));
        if super::is_undefined(&value) {
            return Err(TemplateError::value_error(format!("'{name}'")));
        }
        Ok(value)
    };
    expand(text, &mut find, &mut Numbering::Unknown, 0)
}

/// How a format's fields are numbered: by their order or by what they say, never both.
enum Numbering {
    Unknown,
    Automatic(usize),
    Manual,
}

type Find<'a> = dyn FnMut(&str) -> Result<Mj, TemplateError> + 'a;

fn expand(text: &str, find: &mut Find<'_>, numbering: &mut Numbering, depth: usize) -> Result<String, TemplateError> {
    if depth > 2 {
        return Err(TemplateError::value_error("Max string recursion exceeded"));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if after.starts_with(brace) {
            out.push_str(brace);
            rest = &after[1..];
            continue;
        }
        if brace == "}" {
            return Err(TemplateError::value_error("Single '}' encountered in format string"));
        }
        let mut level = 1;
        let end = after.char_indices().find(|(_, c)| {
            level += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            level == 0
        });
        let Some((end, _)) = end else {
            let message = if after.is_empty() {
                "Single '{' encountered in format string"
            } else {
                "expected '}' before end of string"
            };
            return Err(TemplateError::value_error(message));
        };
        out.push_str(&field(&after[..end], find, numbering, depth)?);
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn field(field: &str, find: &mut Find<'_>, numbering: &mut Numbering, depth: usize) -> Result<String, TemplateError> {
    let split = {
        let mut inside = false;
        field.char_indices().find(|(_, c)| {
            match c {
                '[' => inside = true,
                ']' => inside = false,
                _ => {}
            }
            !inside && matches!(c, '!' | ':')
        })
    };
    let (path, mut rest) = split.map_or((field, ""), |(at, _)| field.split_at(at));
    let mut conversion = None;
    if let Some(after) = rest.strip_prefix('!') {
        conversion = after.chars().next();
        rest = conversion.map_or("", |c| &after[c.len_utf8()..]);
    }
    let head_end = path.find(['.', '[']).unwrap_or(path.len());
    let (head, mut tail) = path.split_at(head_end);
    let head = match (head.is_empty(), &mut *numbering) {
        (true, Numbering::Manual) => {
            let message = "cannot switch from manual field specification to automatic field numbering";
            return Err(TemplateError::value_error(message));
        }
        (true, Numbering::Unknown) => {
            *numbering = Numbering::Automatic(1);
            "0".to_owned()
        }
        (true, Numbering::Automatic(next)) => {
            *next += 1;
            (*next - 1).to_string()
        }
        (false, _) => {
            if head.bytes().all(|b| b.is_ascii_digit()) {
                if matches!(numbering, Numbering::Automatic(_)) {
                    let message = "cannot switch from automatic field numbering to manual field specification";
                    return Err(TemplateError::value_error(message));
                }
                *numbering = Numbering::Manual;
            }
            head.to_owned()
        }
    };
    let mut value = find(&head)?;
    while !tail.is_empty() {
        if let Some(after) = tail.strip_prefix('[') {
            let Some((key, next)) = after.split_once(']') else {
                return Err(TemplateError::value_error("Missing ']' in format string"));
            };
            let key = key.parse::<i64>().map_or_else(|_| Mj::from(key), Mj::from);
            value = super::get_item(&value, &key);
            tail = next;
        } else {
            let after = tail.strip_prefix('.').unwrap_or(tail);
            let end = after.find(['.', '[']).unwrap_or(after.len());
            value = super::get_attr(&value, &after[..end]);
            tail = &after[end..];
        }
        super::trip(&value)?;
    }
    let spec = expand(rest.strip_prefix(':').unwrap_or_default(), find, numbering, depth + 1)?;
    let value = match conversion {
        Some('r') => Mj::from(super::repr(&value)),
        Some('a') => Mj::from(printf::ascii(&super::repr(&value))),
        Some('s') => Mj::from(super::str(&value)),
        Some(other) => return Err(TemplateError::value_error(format!("Unknown conversion specifier '{other}'"))),
        None => value,
    };
    apply(&value, &spec)
}

/// `format(value, spec)`.
fn apply(value: &Mj, spec: &str) -> Result<String, TemplateError> {
    if spec.is_empty() {
        return Ok(super::str(value));
    }
    if let Some(moment) = super::as_time(value) {
        return Ok(crate::pytime::format(&moment, spec));
    }
    if !matches!(kind(value), Kind::Str(_)) && !super::is_number(value) {
        let message = format!("unsupported format string passed to {}.__format__", type_name(value));
        return Err(TemplateError::type_error(message));
    }
    let invalid = || {
        TemplateError::value_error(format!(
            "Invalid format specifier '{spec}' for object of type '{}'",
            type_name(value)
        ))
    };
    let chars: Vec<char> = spec.chars().collect();
    let mut at = 0;
    let (mut fill, mut align) = (' ', None);
    let is_align = |c: Option<&char>| matches!(c, Some('<' | '>' | '^' | '='));
    if is_align(chars.get(1)) {
        (fill, align, at) = (chars[0], Some(chars[1]), 2);
    } else if is_align(chars.first()) {
        (align, at) = (Some(chars[0]), 1);
    }
    let mut take = |set: &str| {
        let found = chars.get(at).copied().filter(|c| set.contains(*c));
        at += usize::from(found.is_some());
        found
    };
    let sign = take("+- ");
    let alternate = take("#").is_some();
    if take("0").is_some() && align.is_none() {
        (fill, align) = ('0', Some('='));
    }
    let mut width = 0_usize;
    while let Some(digit) = take("0123456789") {
        width = (width * 10 + digit as usize - '0' as usize).min(1 << 20);
    }
    let group = take(",_");
    let mut precision = None;
    if take(".").is_some() {
        let mut n = 0_usize;
        while let Some(digit) = take("0123456789") {
            n = (n * 10 + digit as usize - '0' as usize).min(1 << 10);
        }
        precision = Some(n);
    }
    let conversion = take("sdxXobcneEfFgG%");
    if at != chars.len() {
        return Err(invalid());
    }
    let is_text = value.as_str().is_some();
    let (negative, prefix, mut digits) = match (conversion, kind(value)) {
        (None | Some('s'), _) if is_text => {
            let text = super::str(value);
            (false, "", precision.map_or(text.clone(), |most| text.chars().take(most).collect()))
        }
        (Some('d' | 'x' | 'X' | 'o' | 'b' | 'n') | None, Kind::Int(_) | Kind::Bool(_) | Kind::Big(_)) => {
            let text = super::str(value);
            let number: rplay_value::BigInt = match kind(value) {
                Kind::Bool(b) => u8::from(b).into(),
                _ => text.parse().map_err(|_| invalid())?,
            };
            let (radix, prefix) = match conversion {
                Some('x') => (16, "0x"),
                Some('X') => (16, "0X"),
                Some('o') => (8, "0o"),
                Some('b') => (2, "0b"),
                _ => (10, ""),
            };
            let text = number.to_str_radix(radix);
            let text = if conversion == Some('X') { text.to_uppercase() } else { text };
            let negative = text.starts_with('-');
            (negative, if alternate { prefix } else { "" }, text.trim_start_matches('-').to_owned())
        }
        (Some('c'), Kind::Int(code)) => {
            (false, "", u32::try_from(code).ok().and_then(char::from_u32).map(String::from).ok_or_else(invalid)?)
        }
        (conversion, _) if super::is_number(value) => {
            let f = super::as_float(value).ok_or_else(invalid)?;
            let text = match conversion {
                Some('%') => printf::float(f.abs() * 100.0, 'f', precision.unwrap_or(6), alternate) + "%",
                Some(c @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G')) => {
                    printf::float(f.abs(), c, precision.unwrap_or(6), alternate)
                }
                Some('n') => printf::float(f.abs(), 'g', precision.unwrap_or(6), alternate),
                None => {
                    precision.map_or_else(|| super::float_text(f.abs()), |p| printf::float(f.abs(), 'g', p, alternate))
                }
                Some(c) => {
                    let message = format!("Unknown format code '{c}' for object of type '{}'", type_name(value));
                    return Err(TemplateError::value_error(message));
                }
            };
            (f.is_sign_negative(), "", text)
        }
        _ => {
            let c = conversion.unwrap_or(' ');
            let message = format!("Unknown format code '{c}' for object of type '{}'", type_name(value));
            return Err(TemplateError::value_error(message));
        }
    };
    if let Some(separator) = group {
        let every = if matches!(conversion, Some('x' | 'X' | 'o' | 'b')) { 4 } else { 3 };
        digits = grouped(&digits, separator, every);
    }
    let sign = if negative {
        "-"
    } else {
        sign.map_or("", |c| {
            if c == '+' {
                "+"
            } else if c == ' ' {
                " "
            } else {
                ""
            }
        })
    };
    let used = sign.chars().count() + prefix.len() + digits.chars().count();
    let gap = width.saturating_sub(used);
    let blank = |n: usize| fill.to_string().repeat(n);
    let body = format!("{sign}{prefix}{digits}");
    Ok(match align.unwrap_or(if super::is_number(value) { '>' } else { '<' }) {
        '<' => body + &blank(gap),
        '^' => format!("{}{body}{}", blank(gap / 2), blank(gap - gap / 2)),
        '=' => format!("{sign}{prefix}{}{digits}", blank(gap)),
        _ => blank(gap) + &body,
    })
}

fn grouped(digits: &str, separator: char, every: usize) -> String {
    let whole = digits.find(['.', 'e', 'E', '%']).unwrap_or(digits.len());
    let (whole, tail) = digits.split_at(whole);
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(every) {
            out.push(separator);
        }
        out.push(c);
    }
    out + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_python() {
        let f = |text: &str, args: &[Mj]| format(text, args, &Vec::new()).unwrap();
        assert_eq!(f("{0} {1} {{}}", &[Mj::from(1), Mj::from("b")]), "1 b {}");
        assert_eq!(f("{:>5}|{:<4}|{:^5}|", &[Mj::from("a"), Mj::from(1), Mj::from("x")]), "    a|1   |  x  |");
        assert_eq!(
            f("{:05d} {:,} {:.2f} {:x}", &[Mj::from(42), Mj::from(1_234_567), Mj::from(1.005), Mj::from(255)]),
            "00042 1,234,567 1.00 ff"
        );
        assert!(format("{", &[], &Vec::new()).is_err());
        assert!(format("{0}", &[], &Vec::new()).is_err());
    }
}
