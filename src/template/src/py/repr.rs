//! `str()` and `repr()`.

use std::fmt::Write as _;

use minijinja::Value as Mj;

use super::{Kind, kind};

/// Containers nested deeper than this are shown as `...` (they may hold themselves).
const DEEPEST: usize = 200;

/// `str(x)`.
pub fn str(value: &Mj) -> String {
    let mut out = String::new();
    str_into(value, &mut out);
    out
}

/// Appends `str(x)`.
pub fn str_into(value: &Mj, out: &mut String) {
    match kind(value) {
        Kind::Str(s) => out.push_str(s),
        Kind::Object(object) => out.push_str(&object.str()),
        _ => repr_into(value, out, 0),
    }
}

/// `repr(x)`.
pub fn repr(value: &Mj) -> String {
    let mut out = String::new();
    repr_into(value, &mut out, 0);
    out
}

pub(super) fn tuple_repr(items: &[Mj]) -> String {
    let mut out = String::new();
    tuple_into(items, &mut out, 0);
    out
}

fn tuple_into(items: &[Mj], out: &mut String, depth: usize) {
    out.push('(');
    join(items, out, depth);
    out.push_str(if items.len() == 1 { ",)" } else { ")" });
}

fn join(items: &[Mj], out: &mut String, depth: usize) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        repr_into(item, out, depth + 1);
    }
}

fn repr_into(value: &Mj, out: &mut String, depth: usize) {
    if depth > DEEPEST {
        out.push_str("...");
        return;
    }
    match kind(value) {
        Kind::Marker(_) | Kind::Undefined => out.push_str("Undefined"),
        Kind::None => out.push_str("None"),
        Kind::Bool(b) => out.push_str(if b { "True" } else { "False" }),
        Kind::Int(i) => _ = write!(out, "{i}"),
        Kind::Big(big) => _ = write!(out, "{big}"),
        Kind::Float(f) => rplay_value::number::push_float(out, f),
        Kind::Str(s) => rplay_value::push_str_repr(out, s),
        Kind::Bytes(bytes) => bytes_repr(bytes, out),
        Kind::List(list) => {
            out.push('[');
            join(&list.items(), out, depth);
            out.push(']');
        }
        Kind::Tuple(items) => tuple_into(items, out, depth),
        Kind::Dict(dict) => {
            out.push('{');
            for (i, (key, value)) in dict.pairs().iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                repr_into(key, out, depth + 1);
                out.push_str(": ");
                repr_into(value, out, depth + 1);
            }
            out.push('}');
        }
        Kind::Object(object) => out.push_str(&object.repr()),
        Kind::Foreign => _ = write!(out, "{value}"),
    }
}

fn bytes_repr(bytes: &[u8], out: &mut String) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.push('b');
    out.push(quote as char);
    for &b in bytes {
        match b {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b if b == quote => {
                out.push('\\');
                out.push(b as char);
            }
            b' '..=b'~' => out.push(b as char),
            b => _ = write!(out, "\\x{b:02x}"),
        }
    }
    out.push(quote as char);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repr_quotes_and_escapes() {
        for (s, text) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("\"'", "'\"\\''"),
            ("a\u{a0}\n\\", "'a\\xa0\\n\\\\'"),
            ("é\u{200b}", "'é\\u200b'"),
        ] {
            assert_eq!(repr(&Mj::from(s)), text);
        }
    }
}
