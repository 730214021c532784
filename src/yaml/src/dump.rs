//! Values to YAML, as PyYAML's dumper with the classes Ansible uses: `to_yaml` and `to_nice_yaml`.

use std::ffi::CStr;

use rplay_value::{Map, Time, Value};

use crate::emitter::{EmitError, Emitter, Written};
use crate::node::{Kind, Node, Style};
use crate::resolve::{Implied, implied};

/// How [`dump`] writes: the arguments of `yaml.dump`.
#[derive(Clone, Debug)]
pub struct DumpStyle {
    /// Spaces a level, 2 to 9; `None` and everything else means 2.
    pub indent: Option<i32>,
    /// Preferred line width; `None` means 80.
    pub width: Option<i32>,
    /// `Some(true)` all in flow style, `Some(false)` all in block style, `None` flow style for the innermost collections.
    pub flow: Option<bool>,
    /// Sort keys, where they can be compared.
    pub sort_keys: bool,
    /// Write characters beyond ASCII as they are.
    pub allow_unicode: bool,
    /// Start with `---`.
    pub explicit_start: bool,
    /// End with `...`.
    pub explicit_end: bool,
    /// The style of every scalar; `None` lets each have the plainest that works.
    pub scalars: Option<Style>,
    /// Texts this returns true for are written as literal blocks (`|`).
    pub literal: Option<fn(&str) -> bool>,
    /// Canonical form: everything tagged and quoted.
    pub canonical: bool,
    /// Lists in mappings stand two columns to the right of their key, as with a dumper whose `increase_indent` never
    /// is indentless.
    pub indent_lists: bool,
}

impl Default for DumpStyle {
    /// `to_yaml` without arguments.
    fn default() -> Self {
        Self {
            indent: None,
            width: None,
            flow: None,
            sort_keys: true,
            allow_unicode: true,
            explicit_start: false,
            explicit_end: false,
            scalars: None,
            literal: None,
            canonical: false,
            indent_lists: false,
        }
    }
}

impl DumpStyle {
    /// `to_nice_yaml` without arguments.
    pub fn nice() -> Self {
        Self { indent: Some(4), flow: Some(false), ..Self::default() }
    }
}

/// A value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// Python's `yaml` has no representation of this type.
    #[error("cannot represent an object of type {0} as YAML")]
    Type(&'static str),
    /// libyaml refused.
    #[error("cannot write YAML: {0}")]
    Emit(String),
}

impl From<EmitError> for DumpError {
    fn from(EmitError(problem): EmitError) -> Self {
        Self::Emit(problem)
    }
}

/// A value as one document.
pub fn dump(value: &Value, style: &DumpStyle) -> Result<String, DumpError> {
    dump_all(std::iter::once(value), style)
}

/// Several values as one document each.
pub fn dump_all<'a>(values: impl IntoIterator<Item = &'a Value>, style: &DumpStyle) -> Result<String, DumpError> {
    let mut dumper = Dumper {
        out: Emitter::new(style.indent, style.width, style.allow_unicode, style.canonical),
        style,
        astral: Vec::new(),
    };
    dumper.out.start_stream()?;
    for value in values {
        dumper.out.start_document(style.explicit_start)?;
        dumper.value(value)?;
        dumper.out.end_document(style.explicit_end)?;
    }
    dumper.out.end_stream()?;
    let text = restore_astral(dumper.out.finish(), &dumper.astral);
    Ok(if style.indent_lists { with_indented_lists(&text) } else { text })
}

/// Moves every block list that stands below its key's column to the right, with all that is inside. libyaml's emitter
/// cannot be told to.
fn with_indented_lists(text: &str) -> String {
    let Ok(documents) = crate::parse_all(text, rplay_diag::SourceId::UNKNOWN, crate::Options::default()) else {
        return text.to_owned();
    };
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1)).collect();
    // How much deeper each line is than the one before it.
    let mut deeper = vec![0_isize; starts.len() + 1];
    let place = |offset: usize| {
        let line = starts.partition_point(|start| *start <= offset) - 1;
        (line, offset - starts[line])
    };
    let mut open: Vec<&Node> = documents.iter().collect();
    while let Some(node) = open.pop() {
        match node.kind() {
            Kind::Scalar(_) => {}
            Kind::Sequence(items) => open.extend(items.iter()),
            Kind::Mapping(entries) => {
                for (key, value) in entries.iter() {
                    open.push(value);
                    let (key_line, key_column) = place(key.span().start as usize);
                    let (line, column) = place(value.span().start as usize);
                    if matches!(value.kind(), Kind::Sequence(_)) && line > key_line && column == key_column {
                        deeper[line] += 1;
                        deeper[place((value.span().end as usize).saturating_sub(1)).0 + 1] -= 1;
                    }
                }
            }
        }
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut depth = 0_isize;
    for (line, more) in text.split_inclusive('\n').zip(deeper) {
        depth += more;
        if line != "\n" {
            (0..depth).for_each(|_| out.push_str("  "));
        }
        out.push_str(line);
    }
    out
}

const STR: &CStr = c"tag:yaml.org,2002:str";

struct Dumper<'a> {
    out: Emitter,
    style: &'a DumpStyle,
    /// Characters beyond the basic plane, in the order they are written.
    astral: Vec<char>,
}

/// libyaml 0.2.5, which PyYAML's wheels carry, escapes characters beyond the basic plane; the Rust translation writes
/// them. Two characters it does escape, of the same width together, stand in for each one.
const STAND_IN: &str = "\u{fffe}\u{80}";
const ESCAPED_STAND_IN: &str = "\\uFFFE\\x80";

fn restore_astral(text: String, astral: &[char]) -> String {
    if astral.is_empty() {
        return text;
    }
    let mut parts = text.split(ESCAPED_STAND_IN);
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut found = astral.iter();
    for part in parts {
        match found.next() {
            Some(c) => out.push_str(&format!("\\U{:08X}", u32::from(*c))),
            None => out.push_str(ESCAPED_STAND_IN),
        }
        out.push_str(part);
    }
    out
}

impl Dumper<'_> {
    fn value(&mut self, value: &Value) -> Result<(), DumpError> {
        match value {
            Value::Null => self.scalar(c"tag:yaml.org,2002:null", Implied::Null, "null", None),
            Value::Bool(b) => {
                self.scalar(c"tag:yaml.org,2002:bool", Implied::Bool, if *b { "true" } else { "false" }, None)
            }
            Value::Int(i) => self.scalar(c"tag:yaml.org,2002:int", Implied::Int, &i.to_string(), None),
            Value::Big(big) => self.scalar(c"tag:yaml.org,2002:int", Implied::Int, &big.to_string(), None),
            Value::Float(f) => self.scalar(c"tag:yaml.org,2002:float", Implied::Float, &float_text(*f), None),
            Value::Text(text) => {
                let literal = self.style.literal.is_some_and(|wants| wants(text)).then_some(Style::Literal);
                self.scalar(STR, Implied::Str, text, literal)
            }
            Value::Vault(vaulted) => Ok(self.out.scalar(&Written {
                tag: c"!vault",
                text: &vaulted.ciphertext,
                plain_implicit: false,
                quoted_implicit: false,
                style: Some(Style::Literal),
            })?),
            Value::Time(time @ (Time::Date(_) | Time::DateTime(..))) => {
                self.scalar(c"tag:yaml.org,2002:timestamp", Implied::Timestamp, &time.to_string(), None)
            }
            Value::Time(time) => Err(DumpError::Type(time.type_name())),
            Value::List(list) => {
                self.out.start_sequence(self.flow(value))?;
                for item in list {
                    self.value(item)?;
                }
                Ok(self.out.end_sequence()?)
            }
            Value::Map(map) => {
                self.out.start_mapping(self.flow(value))?;
                for (key, value) in self.entries(map) {
                    self.value(key)?;
                    self.value(value)?;
                }
                Ok(self.out.end_mapping()?)
            }
        }
    }

    fn entries<'m>(&self, map: &'m Map) -> Vec<(&'m Value, &'m Value)> {
        let mut entries: Vec<_> = map.iter().collect();
        if self.style.sort_keys {
            // Keys that cannot be compared stay in their order, as in PyYAML.
            let _ = rplay_value::sort_by_key(&mut entries, false, |(key, _)| (*key).clone());
        }
        entries
    }

    /// PyYAML's best style: flow when everything inside is a scalar without a style of its own.
    fn flow(&self, value: &Value) -> bool {
        if let Some(flow) = self.style.flow {
            return flow;
        }
        let plain = |value: &Value| {
            self.style.scalars.is_none()
                && match value {
                    Value::List(_) | Value::Map(_) | Value::Vault(_) => false,
                    Value::Text(text) => !self.style.literal.is_some_and(|wants| wants(text)),
                    _ => true,
                }
        };
        match value {
            Value::List(list) => list.iter().all(plain),
            Value::Map(map) => map.iter().all(|(key, value)| plain(key) && plain(value)),
            _ => false,
        }
    }

    fn scalar(&mut self, tag: &CStr, kind: Implied, text: &str, style: Option<Style>) -> Result<(), DumpError> {
        let mut replaced = String::new();
        let is_astral = |c: char| u32::from(c) > 0xffff;
        let mut text = text;
        if text.contains(is_astral) {
            self.astral.extend(text.chars().filter(|c| is_astral(*c)));
            for c in text.chars() {
                if is_astral(c) {
                    replaced.push_str(STAND_IN);
                } else {
                    replaced.push(c);
                }
            }
            text = &replaced;
        }
        let written = Written {
            tag,
            text,
            plain_implicit: implied(text) == kind,
            quoted_implicit: kind == Implied::Str,
            style: style.or(self.style.scalars),
        };
        Ok(self.out.scalar(&written)?)
    }
}

/// PyYAML's text of a float: `repr`, with `.0` before an exponent that has no point.
fn float_text(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = rplay_value::number::float_repr(number);
    if text.contains('.') { text } else { text.replacen('e', ".0e", 1) }
}
