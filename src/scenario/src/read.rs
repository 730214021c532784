//! Fields of a mapping that has been checked: what does not fit its kind was told before, and reads as absent here.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use ipnet::IpNet;
use rplay_diag::{Sources, Span};
use rplay_value::{Map, Value};
use rplay_yaml::Node;

use crate::units::{self, Size};

/// A text with its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spot {
    /// The text.
    pub text: String,
    /// Where it was written.
    pub span: Span,
}

impl Spot {
    fn of(node: &Node) -> Option<Self> {
        Some(Self { text: node.raw()?.to_owned(), span: node.span() })
    }
}

/// The fields of a mapping.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) node: &'a Node,
    pub(crate) sources: &'a Sources,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(node: &'a Node, sources: &'a Sources) -> Self {
        Self { node, sources }
    }

    /// The field's value; null is absence.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        self.node.get(name).filter(|node| !node.is_null())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.raw().map(str::to_owned)
    }

    pub(crate) fn spot(&self, name: &str) -> Option<Spot> {
        Spot::of(self.get(name)?)
    }

    /// A list of texts; one alone counts as a list.
    pub(crate) fn spots(&self, name: &str) -> Vec<Spot> {
        match self.get(name) {
            None => Vec::new(),
            Some(node) => match node.as_sequence() {
                Some(items) => items.iter().filter_map(Spot::of).collect(),
                None => Spot::of(node).into_iter().collect(),
            },
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.spots(name).into_iter().map(|spot| spot.text).collect()
    }

    pub(crate) fn int<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        T::try_from(self.get(name)?.as_int()?).ok()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    pub(crate) fn size(&self, name: &str) -> Option<Size> {
        Size::parse(self.get(name)?.raw()?)
    }

    pub(crate) fn time(&self, name: &str) -> Option<Duration> {
        units::time(self.get(name)?.raw()?)
    }

    pub(crate) fn percent(&self, name: &str) -> Option<f64> {
        units::percent(self.get(name)?.raw()?)
    }

    pub(crate) fn rate(&self, name: &str) -> Option<u64> {
        units::rate(self.get(name)?.raw()?)
    }

    pub(crate) fn cidr(&self, name: &str) -> Option<IpNet> {
        self.get(name)?.raw()?.parse().ok()
    }

    pub(crate) fn address(&self, name: &str) -> Option<IpAddr> {
        self.get(name)?.raw()?.parse().ok()
    }

    /// A path, relative to the file that it is written in.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.here(self.get(name)?)
    }

    pub(crate) fn paths(&self, name: &str) -> Vec<PathBuf> {
        match self.get(name) {
            None => Vec::new(),
            Some(node) => match node.as_sequence() {
                Some(items) => items.iter().filter_map(|item| self.here(item)).collect(),
                None => self.here(node).into_iter().collect(),
            },
        }
    }

    fn here(&self, node: &Node) -> Option<PathBuf> {
        let path = Path::new(node.raw()?);
        if let Ok(below) = path.strip_prefix("~")
            && let Some(home) = std::env::var_os("HOME")
        {
            return Some(Path::new(&home).join(below));
        }
        let file = self.sources.name(node.span().source);
        let folder = file.as_deref().map(Path::new).and_then(Path::parent);
        Some(folder.map_or_else(|| path.to_owned(), |folder| folder.join(path)))
    }

    /// The mappings of a list, or the one mapping.
    pub(crate) fn each(&self, name: &str) -> Vec<Self> {
        let items: &[Node] = match self.get(name) {
            None => &[],
            Some(node) => node.as_sequence().unwrap_or(std::slice::from_ref(node)),
        };
        items.iter().map(|node| Self { node, sources: self.sources }).collect()
    }

    pub(crate) fn below(&self, name: &str) -> Option<Self> {
        Some(Self { node: self.get(name)?, sources: self.sources })
    }

    /// The entries of a mapping of names.
    pub(crate) fn named(&self, name: &str) -> Vec<(Spot, Self)> {
        let entries = self.get(name).and_then(Node::as_mapping).unwrap_or_default();
        entries.iter().filter_map(|(key, node)| Some((Spot::of(key)?, Self { node, sources: self.sources }))).collect()
    }

    /// A mapping of texts.
    pub(crate) fn pairs(&self, name: &str) -> IndexMap<String, String> {
        let named = self.named(name).into_iter();
        named.filter_map(|(key, value)| Some((key.text, value.node.raw()?.to_owned()))).collect()
    }

    /// Variables: texts are templates, as in any file of variables.
    pub(crate) fn vars(&self, name: &str) -> Map {
        match self.get(name).map(Node::to_value) {
            Some(Value::Map(map)) => map,
            _ => Map::new(),
        }
    }
}
