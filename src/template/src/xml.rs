//! XML as the Python library xmltodict reads and writes it: elements are keys, attributes keys with `@`, text `#text`.

use minijinja::Value as Mj;

use crate::TemplateError;
use crate::py::{self, Dict, Kind};

/// Elements nested deeper than this are refused.
const DEEPEST: usize = 200;

struct Reader<'t> {
    rest: &'t str,
}

/// An element being read: its attributes and children, and its text so far.
#[derive(Default)]
struct Open {
    name: String,
    entries: Dict,
    text: String,
}

impl Open {
    /// What the element is: a dict, its text alone, or nothing.
    fn close(self) -> (String, Mj) {
        let text = self.text.trim();
        let value = match (self.entries.is_empty(), text.is_empty()) {
            (true, true) => py::none(),
            (true, false) => py::text(text),
            (false, true) => Mj::from_object(self.entries),
            (false, false) => {
                self.entries.set_text("#text", py::text(text));
                Mj::from_object(self.entries)
            }
        };
        (self.name, value)
    }

    /// Adds a child; those of one name become a list.
    fn add(&self, name: &str, value: Mj) {
        match self.entries.get_text(name) {
            None => self.entries.set_text(name, value),
            Some(known) => match py::kind(&known) {
                Kind::List(list) => list.change(|items| items.push(value)),
                _ => self.entries.set_text(name, py::list(vec![known, value])),
            },
        }
    }
}

/// The root element's name and content.
pub(crate) fn parse(text: &str) -> Result<(String, Mj), String> {
    let mut reader = Reader { rest: text.trim_start_matches('\u{feff}') };
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    while !reader.rest.is_empty() {
        let Some(at) = reader.rest.find('<') else {
            add_text(reader.rest, &mut open)?;
            break;
        };
        let (before, tag) = reader.rest.split_at(at);
        add_text(before, &mut open)?;
        reader.rest = tag;
        if let Some(after) = tag.strip_prefix("<!--") {
            reader.rest = after.split_once("-->").ok_or("a comment is never closed")?.1;
        } else if let Some(after) = tag.strip_prefix("<![CDATA[") {
            let (data, rest) = after.split_once("]]>").ok_or("a CDATA section is never closed")?;
            open.last_mut().ok_or("text outside of the root element")?.text.push_str(data);
            reader.rest = rest;
        } else if tag.starts_with("<?") {
            reader.rest = tag.split_once("?>").ok_or("a processing instruction is never closed")?.1;
        } else if tag.starts_with("<!DOCTYPE") {
            // Entities of its own are refused, as xmltodict refuses them.
            let (declaration, rest) = tag.split_once('>').ok_or("the document type is never closed")?;
            if declaration.contains('[') {
                return Err("entities are disabled".to_owned());
            }
            reader.rest = rest;
        } else if let Some(after) = tag.strip_prefix("</") {
            let (name, rest) = after.split_once('>').ok_or("a tag is never closed")?;
            let closed = open.pop().filter(|open| open.name == name.trim()).ok_or("mismatched tag")?;
            reader.rest = rest;
            finish(closed, &mut open, &mut root)?;
        } else {
            reader.rest = &tag[1..];
            let (element, is_closed) = reader.element()?;
            if is_closed {
                finish(element, &mut open, &mut root)?;
            } else {
                if open.len() >= DEEPEST {
                    return Err("elements are nested too deeply".to_owned());
                }
                open.push(element);
            }
        }
    }
    match (root, open.is_empty()) {
        (Some(root), true) => Ok(root),
        (None, true) => Err("no element found".to_owned()),
        (_, false) => Err("an element is never closed".to_owned()),
    }
}

fn add_text(text: &str, open: &mut [Open]) -> Result<(), String> {
    match open.last_mut() {
        Some(element) => element.text.push_str(&unescape(text)?),
        None if text.trim().is_empty() => {}
        None => return Err("text outside of the root element".to_owned()),
    }
    Ok(())
}

fn finish(closed: Open, open: &mut [Open], root: &mut Option<(String, Mj)>) -> Result<(), String> {
    let (name, value) = closed.close();
    match open.last_mut() {
        Some(parent) => parent.add(&name, value),
        None if root.is_some() => return Err("junk after document element".to_owned()),
        None => *root = Some((name, value)),
    }
    Ok(())
}

impl<'t> Reader<'t> {
    fn name(&mut self) -> Result<&'t str, String> {
        let end = self.rest.find(|c: char| c.is_whitespace() || "=/><\"'".contains(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') {
            return Err("not well-formed (invalid token)".to_owned());
        }
        self.rest = rest;
        Ok(name)
    }

    /// A tag's name and attributes, and whether it ends itself.
    fn element(&mut self) -> Result<(Open, bool), String> {
        let open = Open { name: self.name()?.to_owned(), ..Open::default() };
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                return Ok((open, true));
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return Ok((open, false));
            }
            let name = self.name()?;
            let value = self.rest.trim_start().strip_prefix('=').map(str::trim_start);
            let value = value.ok_or("an attribute has no value")?;
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or("an attribute is not quoted")?;
            let (value, rest) = value[1..].split_once(quote).ok_or("an attribute is never closed")?;
            let key = format!("@{name}");
            if open.entries.get_text(&key).is_some() {
                return Err("duplicate attribute".to_owned());
            }
            open.entries.set_text(&key, py::text(unescape(value)?));
            self.rest = rest;
        }
    }
}

/// Text with its entities replaced.
fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (entity, after) = rest[at + 1..].split_once(';').ok_or("an entity is never closed")?;
        let number = entity.strip_prefix('#').map(|number| match number.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        });
        out.push(match (entity, number) {
            ("amp", _) => '&',
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            (_, Some(Ok(code))) => char::from_u32(code).ok_or("an entity is no character")?,
            _ => return Err("undefined entity".to_owned()),
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Nested dicts as XML. A full document has one root and a declaration.
pub(crate) fn write(value: &Mj, indent: &str, full: bool) -> Result<String, TemplateError> {
    let mut out = String::new();
    if full {
        out.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    }
    let roots = py::pairs(value)?;
    if full && roots.len() != 1 {
        return Err(TemplateError::value_error("Document must have exactly one root."));
    }
    for (name, content) in roots {
        emit(&py::str(&name), &content, 0, indent, full, &mut out)?;
    }
    Ok(out)
}

fn emit(name: &str, value: &Mj, depth: usize, indent: &str, full: bool, out: &mut String) -> Result<(), TemplateError> {
    if depth > DEEPEST {
        return Err(TemplateError::value_error("the data is nested too deeply"));
    }
    let several = match py::kind(value) {
        Kind::List(list) => list.items(),
        Kind::Tuple(items) => items.to_vec(),
        _ => vec![value.clone()],
    };
    for (at, value) in several.iter().enumerate() {
        if full && depth == 0 && at > 0 {
            return Err(TemplateError::value_error("document with multiple roots"));
        }
        py::trip(value)?;
        let (mut text, mut attributes, mut children) = (None, String::new(), Vec::new());
        match py::kind(value) {
            Kind::None => {}
            Kind::Dict(dict) => {
                for (key, inner) in dict.pairs() {
                    let key = py::str(&key);
                    if key == "#text" {
                        text = (!inner.is_none()).then(|| plain(&inner));
                    } else if let Some(attribute) = key.strip_prefix('@') {
                        let shown = if inner.is_none() { String::new() } else { plain(&inner) };
                        attributes.push_str(&format!(" {attribute}={}", quoted(&shown)));
                    } else {
                        children.push((key, inner));
                    }
                }
            }
            _ => text = Some(plain(value)),
        }
        out.push_str(&indent.repeat(depth));
        out.push_str(&format!("<{name}{attributes}>"));
        if !children.is_empty() {
            out.push('\n');
        }
        for (key, inner) in &children {
            emit(key, inner, depth + 1, indent, full, out)?;
        }
        if let Some(text) = text {
            out.push_str(&escaped(&text));
        }
        if !children.is_empty() {
            out.push_str(&indent.repeat(depth));
        }
        out.push_str(&format!("</{name}>"));
        if depth > 0 {
            out.push('\n');
        }
    }
    Ok(())
}

fn plain(value: &Mj) -> String {
    match py::kind(value) {
        Kind::Bool(true) => "true".to_owned(),
        Kind::Bool(false) => "false".to_owned(),
        _ => py::str(value),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('>', "&gt;").replace('<', "&lt;")
}

/// An attribute's value in the quotes it does not hold.
fn quoted(text: &str) -> String {
    let text = escaped(text).replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;");
    match (text.contains('"'), text.contains('\'')) {
        (true, false) => format!("'{text}'"),
        (true, true) => format!("\"{}\"", text.replace('"', "&quot;")),
        _ => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_documents_say_why() {
        let error = |text: &str| parse(text).unwrap_err();
        assert_eq!(error("<a>"), "an element is never closed");
        assert_eq!(error("<a></b>"), "mismatched tag");
        assert_eq!(error("<a/><b/>"), "junk after document element");
        assert_eq!(error("<a x=1/>"), "an attribute is not quoted");
        assert_eq!(error("<a>&nope;</a>"), "undefined entity");
        assert_eq!(error(""), "no element found");
        assert_eq!(error("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"), "entities are disabled");
    }
}
