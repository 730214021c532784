//! What ansible-core knows about a text besides its characters: where it was written, whether it is a template,
//! whether it is a vault value. Its internal collection `ansible._protomatter` looks at that, for playbooks that test
//! templating; so do the filters and tests of that name here.
//!
//! Values in a template know only whether they are trusted. The rest is found where the expression leads: a variable,
//! an entry of one, or the lookup of an environment variable.

use minijinja::Value as Mj;
use rplay_diag::Span;
use rplay_value::{Text, Value};

use crate::py::{self, Instance, Object};
use crate::syntax::{Expr, Node};
use crate::{Scope, TemplateError, globals};

/// The collection. Its plugins have no short names.
pub(crate) const COLLECTION: &str = "ansible._protomatter";

/// The tags that ansible-core 2.19 knows.
pub(crate) const KNOWN: [&str; 5] = ["Deprecated", "Origin", "SourceWasEncrypted", "TrustedAsTemplate", "VaultedValue"];

/// What is known about a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    /// Where it comes from: `path:line:column`, or words.
    pub(crate) origin: Option<String>,
    /// Whether it may be a template.
    pub(crate) trusted: bool,
    /// Whether it is, or was, a vault value.
    pub(crate) vaulted: bool,
}

impl Tags {
    /// The names of what it is tagged with, sorted.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let tags =
            [("Origin", self.origin.is_some()), ("TrustedAsTemplate", self.trusted), ("VaultedValue", self.vaulted)];
        tags.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
}

/// A value with its tags, on its way to a plugin of the collection.
#[derive(Debug)]
struct Tagged {
    value: Mj,
    tags: Tags,
}

impl Instance for Tagged {
    fn type_name(&self) -> &'static str {
        py::type_name(&self.value)
    }

    fn str(&self) -> String {
        py::str(&self.value)
    }
}

/// A vault value that a filter made: its text is the envelope, and it stays one in variables and `to_yaml`.
#[derive(Debug)]
pub(crate) struct Envelope(pub(crate) Text);

impl Instance for Envelope {
    fn type_name(&self) -> &'static str {
        "EncryptedString"
    }

    fn str(&self) -> String {
        self.0.to_string()
    }

    fn repr(&self) -> String {
        py::repr(&py::text(self.0.shared()))
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        Some(Ok(Value::Vault(rplay_value::Vaulted { ciphertext: self.0.shared(), origin: self.0.origin() })))
    }
}

/// The value with what is known about it, for a plugin of the collection. What is undefined stays as it is.
pub(crate) fn tagged(expr: &Expr, value: Mj, scope: &Scope) -> Mj {
    if py::trip(&value).is_err() {
        return value;
    }
    let mut tags = own(&value);
    match written(expr, scope) {
        Some(Value::Vault(vaulted)) => {
            tags.vaulted = true;
            tags.origin = place(vaulted.origin, scope);
        }
        Some(raw) => tags.origin = place(raw.origin(), scope),
        None => tags.origin = environment(expr, scope),
    }
    Object::value(Tagged { value, tags })
}

/// A plugin's input: the value itself, and what is known about it.
pub(crate) fn untag(input: &Mj) -> (Mj, Tags) {
    match Object::downcast::<Tagged>(input) {
        Some(tagged) => (tagged.value.clone(), tagged.tags.clone()),
        None => (input.clone(), own(input)),
    }
}

/// What the value itself knows.
fn own(value: &Mj) -> Tags {
    Tags {
        origin: None,
        trusted: value.as_str().is_some() && value.is_safe(),
        vaulted: Object::downcast::<Envelope>(value).is_some(),
    }
}

fn place(span: Option<Span>, scope: &Scope) -> Option<String> {
    scope.engine().sources().position(span?).map(|position| position.to_string())
}

/// What a variable, or an entry of one, was written as.
fn written(expr: &Expr, scope: &Scope) -> Option<Value> {
    let entry = |container: Option<Value>, key: &Mj| match container? {
        Value::Map(map) => map.get(key.as_str()?).cloned(),
        Value::List(list) => list.get(usize::try_from(py::as_index(key)?).ok()?).cloned(),
        _ => None,
    };
    match &expr.node {
        Node::Name(name) => scope.written(name),
        Node::Attr(object, name) => entry(written(object, scope), &Mj::from(&**name)),
        Node::Item(object, key) => match &key.node {
            Node::Const(key) => entry(written(object, scope), key),
            _ => None,
        },
        _ => None,
    }
}

/// The origin of `lookup('env', 'NAME')` of a variable that is set.
fn environment(expr: &Expr, scope: &Scope) -> Option<String> {
    let Node::Call(callee, args) = &expr.node else { return None };
    let Node::Name(function) = &callee.node else { return None };
    let is_lookup = &**function == "lookup" && !scope.has("lookup") && globals::find(function).is_some();
    let [plugin, term] = args.positional.as_slice() else { return None };
    let (Node::Const(plugin), Node::Const(term)) = (&plugin.node, &term.node) else { return None };
    let (plugin, name) = (plugin.as_str()?, term.as_str()?.split_whitespace().next()?);
    let is_env = crate::find_lookup(plugin).is_some_and(|lookup| lookup.name == "env");
    (is_lookup && is_env && std::env::var_os(name).is_some())
        .then(|| format!("<environment variable {}>", py::repr(&py::text(name))))
}
