//! Nodes to values.

use std::collections::HashMap;
use std::sync::Arc;

use rplay_diag::{Diagnostic, SourceId, Sources, Span};
use rplay_value::{List, Map, Text, Value, Vaulted, json};

use crate::compose::{Options, parse_text};
use crate::error::YamlError;
use crate::node::{Kind, Node, Scalar};
use crate::tags::Tag;

/// Whether texts may be templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The user wrote them: texts are trusted and know their place.
    Written,
    /// They came from somewhere else: texts are data.
    Data,
}

impl Node {
    /// The value of this node and everything inside, texts trusted as written by the user. What aliases share stays
    /// shared.
    pub fn to_value(&self) -> Value {
        self.value(Trust::Written)
    }

    /// As [`Node::to_value`], but texts are data.
    pub fn to_data(&self) -> Value {
        self.value(Trust::Data)
    }

    fn value(&self, trust: Trust) -> Value {
        Loader { shared: HashMap::new() }.value(self, trust)
    }

    /// The text of a text node, trusted unless it is `!unsafe`.
    pub fn to_text(&self) -> Option<Text> {
        match &self.kind {
            Kind::Scalar(Scalar { text, typed: None, .. }) => {
                Some(make_text(text, self.span, trust_of(self, Trust::Written)))
            }
            _ => None,
        }
    }
}

fn trust_of(node: &Node, trust: Trust) -> Trust {
    if node.tag == Tag::Unsafe { Trust::Data } else { trust }
}

fn make_text(text: &Arc<str>, span: Span, trust: Trust) -> Text {
    let text = match trust {
        Trust::Written => Text::trusted(Arc::clone(text)),
        Trust::Data => Text::data(Arc::clone(text)),
    };
    text.with_origin((span.source != SourceId::UNKNOWN).then_some(span))
}

struct Loader {
    /// Values of nodes that aliases refer to.
    shared: HashMap<(*const (), Trust), Value>,
}

impl Loader {
    fn value(&mut self, node: &Node, trust: Trust) -> Value {
        let trust = trust_of(node, trust);
        let identity = match &node.kind {
            Kind::Scalar(scalar) => return scalar_value(node, scalar, trust),
            Kind::Sequence(items) => Arc::as_ptr(items).cast::<()>(),
            Kind::Mapping(entries) => Arc::as_ptr(entries).cast::<()>(),
        };
        if node.anchored
            && let Some(value) = self.shared.get(&(identity, trust))
        {
            return value.clone();
        }
        let value = match &node.kind {
            Kind::Sequence(items) => Value::List(items.iter().map(|item| self.value(item, trust)).collect::<List>()),
            Kind::Mapping(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries.iter() {
                    let value = self.value(value, trust);
                    map.insert(self.value(key, trust), value);
                }
                Value::Map(map)
            }
            Kind::Scalar(scalar) => scalar_value(node, scalar, trust),
        };
        if node.anchored {
            self.shared.insert((identity, trust), value.clone());
        }
        value
    }
}

fn scalar_value(node: &Node, scalar: &Scalar, trust: Trust) -> Value {
    match &scalar.typed {
        Some(value) => value.clone(),
        None if node.tag == Tag::Vault => {
            Value::Vault(Vaulted { ciphertext: Arc::clone(&scalar.text), origin: Some(node.span) })
        }
        None => Value::Text(make_text(&scalar.text, node.span, trust)),
    }
}

/// Reads a registered text of the user as Ansible reads variables: JSON when it is JSON, else one YAML document. Null
/// when it is empty.
pub fn load(sources: &Sources, source: SourceId) -> Result<Value, YamlError> {
    let text = sources.text(source).unwrap_or_default();
    load_str(&text, source, Trust::Written).map(|(value, _)| value)
}

/// As [`load`], for any text and trust, with the warnings.
pub fn load_str(text: &str, source: SourceId, trust: Trust) -> Result<(Value, Vec<Diagnostic>), YamlError> {
    if looks_like_json(text) {
        let make = |string: String, range: std::ops::Range<usize>| {
            make_text(&string.into(), Span::new(source, range.start, range.end), trust)
        };
        if let Ok(value) = json::loads_with(text, make) {
            return Ok((unwrap_tagged(value), Vec::new()));
        }
    }
    let document = parse_text(text, source, Options::default())?;
    Ok((document.node.value(trust), document.warnings))
}

/// Only a text that starts like JSON is worth a try: everything else is YAML.
fn looks_like_json(text: &str) -> bool {
    matches!(text.trim_start().bytes().next(), Some(b'{' | b'[' | b'"' | b'0'..=b'9' | b'-'))
}

/// Ansible's JSON marks unsafe and vaulted texts with one-entry mappings.
fn unwrap_tagged(value: Value) -> Value {
    match value {
        Value::Map(map) => {
            if let (1, Some((Value::Text(key), inner @ Value::Text(text)))) = (map.len(), map.get_index(0)) {
                match key.as_str() {
                    "__ansible_unsafe" => return Value::Text(text.clone().untrusted()),
                    "__ansible_vault" => {
                        return Value::Vault(Vaulted { ciphertext: text.shared(), origin: inner.origin() });
                    }
                    _ => {}
                }
            }
            if map.values().all(|value| !matches!(value, Value::Map(_) | Value::List(_))) {
                return Value::Map(map);
            }
            Value::Map(map.into_iter().map(|(key, value)| (key, unwrap_tagged(value))).collect())
        }
        Value::List(list) if list.iter().any(|v| matches!(v, Value::Map(_) | Value::List(_))) => {
            Value::List(list.into_iter().map(unwrap_tagged).collect())
        }
        other => other,
    }
}
