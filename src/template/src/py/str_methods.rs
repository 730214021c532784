//! Methods of `str`.

use minijinja::Value as Mj;

use super::methods::Args;
use super::{Kind, iterate, kind, limits, list, tuple};
use crate::TemplateError;

/// Every method name.
pub(super) const NAMES: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

pub(super) fn call(s: &str, call: &Args<'_>) -> Result<Mj, TemplateError> {
    Ok(match call.name {
        "upper" => Mj::from(s.to_uppercase()),
        "lower" => Mj::from(s.to_lowercase()),
        "casefold" => Mj::from(s.to_lowercase().replace('ß', "ss")),
        "capitalize" => Mj::from(capitalize(s)),
        "title" => Mj::from(title(s)),
        "swapcase" => Mj::from(swapcase(s)),
        "strip" | "lstrip" | "rstrip" => Mj::from(strip(s, call)?),
        "split" | "rsplit" => split(s, call)?,
        "splitlines" => {
            let keep = call.get(0, "keepends").is_some_and(Mj::is_true);
            list(lines(s, keep).into_iter().map(Mj::from).collect())
        }
        "join" => {
            let mut out = String::new();
            for (i, item) in iterate(call.need(0, "iterable")?)?.iter().enumerate() {
                if i > 0 {
                    out.push_str(s);
                }
                super::trip(item)?;
                if let Some(text) = item.as_str() {
                    limits::text(out.len() + text.len())?;
                    out.push_str(text);
                } else {
                    let message = format!("sequence item {i}: expected str instance, {} found", super::type_name(item));
                    return Err(TemplateError::type_error(message));
                }
            }
            Mj::from(out)
        }
        "startswith" => Mj::from(affix(s, call, |s, part| s.starts_with(part))?),
        "endswith" => Mj::from(affix(s, call, |s, part| s.ends_with(part))?),
        "replace" => {
            let (old, new) = (call.text(0, "old")?, call.text(1, "new")?);
            let count = call.opt_int(2, "count")?.unwrap_or(-1);
            limits::replaced(s, old, new)?;
            Mj::from(match usize::try_from(count) {
                Ok(count) => s.replacen(old, new, count),
                Err(_) => s.replace(old, new),
            })
        }
        "find" | "rfind" | "index" | "rindex" => find(s, call)?,
        "count" => {
            let (part, _, _) = window(s, call)?;
            let needle = call.text(0, "sub")?;
            Mj::from(if needle.is_empty() { part.chars().count() + 1 } else { part.matches(needle).count() })
        }
        "center" | "ljust" | "rjust" => pad(s, call)?,
        "zfill" => {
            let width = usize::try_from(call.opt_int(0, "width")?.unwrap_or(0)).unwrap_or(0);
            let (sign, digits) = match s.chars().next() {
                Some(c @ ('+' | '-')) => (c.to_string(), &s[1..]),
                _ => (String::new(), s),
            };
            let fill = width.saturating_sub(s.chars().count());
            limits::text(width)?;
            Mj::from(format!("{sign}{}{digits}", "0".repeat(fill)))
        }
        "partition" => {
            let sep = separator(call)?;
            tuple(match s.split_once(sep) {
                Some((a, b)) => vec![Mj::from(a), Mj::from(sep), Mj::from(b)],
                None => vec![Mj::from(s), Mj::from(""), Mj::from("")],
            })
        }
        "rpartition" => {
            let sep = separator(call)?;
            tuple(match s.rsplit_once(sep) {
                Some((a, b)) => vec![Mj::from(a), Mj::from(sep), Mj::from(b)],
                None => vec![Mj::from(""), Mj::from(""), Mj::from(s)],
            })
        }
        "removeprefix" => Mj::from(s.strip_prefix(call.text(0, "prefix")?).unwrap_or(s)),
        "removesuffix" => Mj::from(s.strip_suffix(call.text(0, "suffix")?).unwrap_or(s)),
        "expandtabs" => {
            let size = call.opt_int(0, "tabsize")?.unwrap_or(8);
            limits::text(s.matches('\t').count().saturating_mul(usize::try_from(size).unwrap_or(0)))?;
            Mj::from(expandtabs(s, size))
        }
        "encode" => match call.opt_text(0, "encoding")?.unwrap_or("utf-8").to_lowercase().as_str() {
            "utf-8" | "utf8" | "u8" => Mj::from_bytes(s.as_bytes().to_vec()),
            "ascii" | "us-ascii" => Mj::from_bytes(narrow(s, "ascii", 128, call)?),
            "latin-1" | "latin1" | "iso-8859-1" => Mj::from_bytes(narrow(s, "latin-1", 256, call)?),
            "utf-16-le" | "utf-16le" => Mj::from_bytes(s.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            other => return Err(TemplateError::value_error(format!("unknown encoding: {other}"))),
        },
        "format" => Mj::from(super::format::format(s, call.args, call.keywords)?),
        "format_map" => Mj::from(super::format::format_map(s, call.need(0, "mapping")?)?),
        "translate" => Mj::from(translate(s, call.need(0, "table")?)?),
        "maketrans" => maketrans(call)?,
        name if name.starts_with("is") => Mj::from(classify(s, name)?),
        name => {
            let error = TemplateError::undefined(format!("object of type 'str' has no attribute '{name}'"));
            return Err(super::access::refused(&Mj::from(s), name).unwrap_or(error));
        }
    })
}

/// Text as bytes of an encoding whose characters are the first of Unicode.
fn narrow(s: &str, encoding: &str, limit: u32, call: &Args<'_>) -> Result<Vec<u8>, TemplateError> {
    let errors = call.opt_text(1, "errors")?.unwrap_or("strict");
    let mut bytes = Vec::with_capacity(s.len());
    for (at, c) in s.chars().enumerate() {
        match (u8::try_from(u32::from(c)), errors) {
            (Ok(byte), _) if u32::from(c) < limit => bytes.push(byte),
            (_, "ignore") => {}
            (_, "replace") => bytes.push(b'?'),
            (_, "xmlcharrefreplace") => bytes.extend(format!("&#{};", u32::from(c)).bytes()),
            (_, "backslashreplace") => {
                let escaped = super::printf::ascii(&c.to_string());
                bytes.extend(escaped.bytes());
            }
            (_, "strict") => {
                let shown = super::printf::ascii(&c.to_string());
                return Err(TemplateError::value_error(format!(
                    "'{encoding}' codec can't encode character '{shown}' in position {at}: ordinal not in range({limit})"
                )));
            }
            (_, other) => {
                return Err(TemplateError::value_error(format!("unknown error handler name '{other}'")));
            }
        }
    }
    Ok(bytes)
}

pub(super) fn call_bytes(bytes: &[u8], call: &Args<'_>) -> Result<Mj, TemplateError> {
    match call.name {
        "decode" => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Mj::from(text)),
            Err(error) => Err(TemplateError::value_error(format!("'utf-8' codec can't decode: {error}"))),
        },
        name => Err(TemplateError::undefined(format!("object of type 'bytes' has no attribute '{name}'"))),
    }
}

/// `str.capitalize`.
pub(crate) fn capitalize(s: &str) -> String {
    let mut chars = s.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase())
}

fn title(s: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    out
}

fn swapcase(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

/// Python's whitespace: Unicode's, and the four ASCII separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip<'s>(s: &'s str, call: &Args<'_>) -> Result<&'s str, TemplateError> {
    call.most(1)?;
    let set = call.opt_text(0, "chars")?;
    let cut = |c: char| set.map_or_else(|| is_space(c), |set| set.contains(c));
    Ok(match call.name {
        "strip" => s.trim_matches(cut),
        "lstrip" => s.trim_start_matches(cut),
        _ => s.trim_end_matches(cut),
    })
}

fn separator<'a>(call: &'a Args<'_>) -> Result<&'a str, TemplateError> {
    let sep = call.text(0, "sep")?;
    if sep.is_empty() { Err(TemplateError::value_error("empty separator")) } else { Ok(sep) }
}

fn split(s: &str, call: &Args<'_>) -> Result<Mj, TemplateError> {
    call.most(2)?;
    let most = usize::try_from(call.opt_int(1, "maxsplit")?.unwrap_or(-1)).unwrap_or(usize::MAX);
    let from_right = call.name == "rsplit";
    let parts: Vec<&str> = match call.opt_text(0, "sep")? {
        Some("") => return Err(TemplateError::value_error("empty separator")),
        Some(sep) if from_right => s.rsplitn(most.saturating_add(1), sep).collect(),
        Some(sep) => s.splitn(most.saturating_add(1), sep).collect(),
        None => words(s, most, from_right),
    };
    let mut parts: Vec<Mj> = parts.into_iter().map(Mj::from).collect();
    if from_right {
        parts.reverse();
    }
    Ok(list(parts))
}

fn words(s: &str, most: usize, from_right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = if from_right { s.trim_end_matches(is_space) } else { s.trim_start_matches(is_space) };
    while !rest.is_empty() {
        if parts.len() == most {
            parts.push(if from_right { rest.trim_end_matches(is_space) } else { rest });
            if from_right {
                break;
            }
            // What remains keeps its inner and trailing blanks, as in Python.
            break;
        }
        if from_right {
            let at = rest.rfind(is_space).map_or(0, |at| at + rest[at..].chars().next().map_or(1, char::len_utf8));
            parts.push(&rest[at..]);
            rest = rest[..at].trim_end_matches(is_space);
        } else {
            let at = rest.find(is_space).unwrap_or(rest.len());
            parts.push(&rest[..at]);
            rest = rest[at..].trim_start_matches(is_space);
        }
    }
    parts
}

/// `str.splitlines`.
pub(crate) fn lines(s: &str, keep: bool) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut chars = s.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            continue;
        }
        let mut end = at + c.len_utf8();
        if c == '\r' && chars.next_if(|(_, c)| *c == '\n').is_some() {
            end += 1;
        }
        out.push(&s[start..if keep { end } else { at }]);
        start = end;
    }
    if start < s.len() {
        out.push(&s[start..]);
    }
    out
}

/// The part of the text that `start` and `end` arguments leave, and where it begins and ends, in characters.
fn window<'s>(s: &'s str, call: &Args<'_>) -> Result<(&'s str, usize, usize), TemplateError> {
    let (start, end) = (call.opt_int(1, "start")?, call.opt_int(2, "end")?);
    if start.is_none() && end.is_none() {
        return Ok((s, 0, usize::MAX));
    }
    let len = s.chars().count() as i64;
    let clamp = |at: i64| (if at < 0 { at + len } else { at }).clamp(0, len) as usize;
    let (from, to) = (start.map_or(0, clamp), end.map_or(len as usize, clamp));
    let byte = |at: usize| s.char_indices().nth(at).map_or(s.len(), |(i, _)| i);
    if from >= to {
        return Ok(("", from, to));
    }
    Ok((&s[byte(from)..byte(to)], from, to))
}

fn affix(s: &str, call: &Args<'_>, has: fn(&str, &str) -> bool) -> Result<bool, TemplateError> {
    let (part, _, _) = window(s, call)?;
    let needle = call.need(0, "prefix")?;
    if let Kind::Tuple(items) = kind(needle) {
        return Ok(items.iter().any(|item| item.as_str().is_some_and(|item| has(part, item))));
    }
    if let Some(needle) = needle.as_str() {
        Ok(has(part, needle))
    } else {
        let name = call.name;
        let message = format!("{name} first arg must be str or a tuple of str, not {}", super::type_name(needle));
        Err(TemplateError::type_error(message))
    }
}

fn find(s: &str, call: &Args<'_>) -> Result<Mj, TemplateError> {
    let (part, from, _) = window(s, call)?;
    let needle = call.text(0, "sub")?;
    let found = if call.name.starts_with('r') { part.rfind(needle) } else { part.find(needle) };
    match found {
        Some(at) => Ok(Mj::from(from + part[..at].chars().count())),
        None if call.name.ends_with("index") => Err(TemplateError::value_error("substring not found")),
        None => Ok(Mj::from(-1)),
    }
}

fn pad(s: &str, call: &Args<'_>) -> Result<Mj, TemplateError> {
    let width = usize::try_from(call.opt_int(0, "width")?.unwrap_or(0)).unwrap_or(0);
    let fill = call.opt_text(1, "fillchar")?.unwrap_or(" ");
    if fill.chars().count() != 1 {
        return Err(TemplateError::type_error("The fill character must be exactly one character long"));
    }
    let len = s.chars().count();
    let missing = width.saturating_sub(len);
    let left = match call.name {
        "ljust" => 0,
        "rjust" => missing,
        // CPython puts the odd blank left when both the gap and the width are odd.
        _ => missing / 2 + (missing & width & 1),
    };
    limits::text(width.saturating_mul(fill.len()))?;
    Ok(Mj::from(format!("{}{s}{}", fill.repeat(left), fill.repeat(missing - left))))
}

fn expandtabs(s: &str, size: i64) -> String {
    let size = usize::try_from(size).unwrap_or(0);
    let (mut out, mut column) = (String::new(), 0);
    for c in s.chars() {
        match c {
            '\t' if size > 0 => {
                let fill = size - column % size;
                out.push_str(&" ".repeat(fill));
                column += fill;
            }
            '\t' => {}
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}

fn translate(s: &str, table: &Mj) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        let Kind::Dict(dict) = kind(table) else {
            return Err(TemplateError::type_error("translate() needs a mapping"));
        };
        match dict.get(&Mj::from(u32::from(c)))? {
            None => out.push(c),
            Some(to) if to.is_none() => {}
            Some(to) => match (to.as_str(), super::as_index(&to)) {
                (Some(text), _) => out.push_str(text),
                (None, Some(code)) => out.extend(u32::try_from(code).ok().and_then(char::from_u32)),
                _ => return Err(TemplateError::type_error("character mapping must return integer, None or str")),
            },
        }
    }
    Ok(out)
}

fn maketrans(call: &Args<'_>) -> Result<Mj, TemplateError> {
    let code = |c: char| Mj::from(u32::from(c));
    if call.args.len() == 1 {
        let pairs = super::dict_methods::pairs(&call.args[0])?;
        return super::dict(pairs.into_iter().map(|(key, value)| {
            let key = key.as_str().and_then(|s| s.chars().next()).map_or(key.clone(), code);
            (key, value)
        }));
    }
    let (from, to) = (call.text(0, "x")?, call.text(1, "y")?);
    if from.chars().count() != to.chars().count() {
        return Err(TemplateError::value_error("the first two maketrans arguments must have equal length"));
    }
    let gone = call.opt_text(2, "z")?.unwrap_or_default();
    let pairs = from.chars().zip(to.chars()).map(|(a, b)| (code(a), code(b)));
    super::dict(pairs.chain(gone.chars().map(|c| (code(c), super::none()))))
}

fn classify(s: &str, name: &str) -> Result<bool, TemplateError> {
    let all = |test: fn(char) -> bool| !s.is_empty() && s.chars().all(test);
    Ok(match name {
        "isalnum" => all(char::is_alphanumeric),
        "isalpha" => all(char::is_alphabetic),
        "isascii" => s.is_ascii(),
        "isdecimal" => {
            let digits = crate::pyregex::compile(r"\d+", crate::pyregex::Flags::default())?;
            digits.is_whole(s)?
        }
        "isdigit" => all(|c| {
            c.is_ascii_digit() || (c.is_numeric() && !c.is_ascii() && c.to_digit(36).is_none() && !c.is_alphabetic())
        }),
        "isnumeric" => all(char::is_numeric),
        "isspace" => all(is_space),
        "isprintable" => s.chars().all(rplay_value::is_printable),
        "islower" => s.chars().any(char::is_lowercase) && !s.chars().any(char::is_uppercase),
        "isupper" => s.chars().any(char::is_uppercase) && !s.chars().any(char::is_lowercase),
        "isidentifier" => {
            let mut chars = s.chars();
            chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && chars.all(|c| c.is_alphanumeric() || c == '_')
        }
        "istitle" => title(s) == s && s.chars().any(char::is_alphabetic),
        name => return Err(TemplateError::undefined(format!("object of type 'str' has no attribute '{name}'"))),
    })
}
