//! The tree a document is read into: every node knows where it was written.

use std::sync::Arc;

use rplay_diag::Span;
use rplay_value::Value;

use crate::tags::Tag;

/// A value in a document, with its place. Clones share what is inside.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) span: Span,
    pub(crate) tag: Tag,
    /// Other places refer to it.
    pub(crate) anchored: bool,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Text, a number, a boolean, null or a time.
    Scalar(Scalar),
    /// A list.
    Sequence(Arc<[Node]>),
    /// A mapping: keys are unique, merge keys are merged in, the order is Python's.
    Mapping(Arc<[(Node, Node)]>),
}

/// A leaf.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// The characters after unquoting and folding.
    pub text: Arc<str>,
    /// How it was written.
    pub style: Style,
    /// What the characters mean when they are not text.
    pub(crate) typed: Option<Value>,
}

/// How a scalar was written, or is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// `text`
    Plain,
    /// `'text'`
    SingleQuoted,
    /// `"text"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

impl Node {
    /// Where it was written. A block collection ends with its last entry.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Its Ansible tag.
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// What it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The characters of a text (not of a number, boolean or null).
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(Scalar { text, typed: None, .. }) => Some(text),
            _ => None,
        }
    }

    /// The characters of any scalar as they were written: `yes`, `0644`, `1.10`.
    pub fn raw(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// How a scalar was written.
    pub fn style(&self) -> Option<Style> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar.style),
            _ => None,
        }
    }

    /// A real boolean.
    pub fn as_bool(&self) -> Option<bool> {
        self.typed()?.as_bool()
    }

    /// A real integer.
    pub fn as_int(&self) -> Option<i64> {
        self.typed()?.as_int()
    }

    fn typed(&self) -> Option<&Value> {
        match &self.kind {
            Kind::Scalar(Scalar { typed: Some(value), .. }) => Some(value),
            _ => None,
        }
    }

    /// Whether it is null: empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.typed().is_some_and(Value::is_null)
    }

    /// The items of a list.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping, in order.
    pub fn as_mapping(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            Kind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a text key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.get_entry(key).map(|(_, value)| value)
    }

    /// The key and value of an entry with a text key.
    pub fn get_entry(&self, key: &str) -> Option<(&Node, &Node)> {
        let entries = self.as_mapping()?;
        entries.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(k, v)| (k, v))
    }

    /// What users call this kind of node: `mapping`, `list`, `text`, `number`, `boolean`, `null`, `time`.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Sequence(_) => "list",
            Kind::Mapping(_) => "mapping",
            Kind::Scalar(scalar) => match &scalar.typed {
                None => "text",
                Some(Value::Null) => "null",
                Some(Value::Bool(_)) => "boolean",
                Some(Value::Time(_)) => "time",
                Some(_) => "number",
            },
        }
    }
}

impl Node {
    /// Another document's node laid over this one: mappings go into one another, everything else is replaced, and null
    /// takes away what is there. Every part keeps its own place.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        let (Kind::Mapping(below), Kind::Mapping(above)) = (&self.kind, &over.kind) else { return over.clone() };
        let mut entries: Vec<(Self, Self)> = below.to_vec();
        for (key, value) in above.iter() {
            let known = key.raw().and_then(|name| entries.iter_mut().find(|(key, _)| key.raw() == Some(name)));
            match known {
                Some((known_key, known_value)) => {
                    *known_value = known_value.overlaid(value);
                    *known_key = key.clone();
                }
                None => entries.push((key.clone(), value.clone())),
            }
        }
        // What is new and null stays: it may mean all defaults.
        entries.retain(|(key, value)| !value.is_null() || !below.iter().any(|(known, _)| known.raw() == key.raw()));
        Self { kind: Kind::Mapping(entries.into()), ..over.clone() }
    }
}
