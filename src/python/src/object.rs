//! Objects of plugins that rplay has no value for: they stay in Python, and go back to other plugins as they are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use minijinja::Value as Mj;
use rplay_template::py::{Instance, Object};
use rplay_template::{TemplateError, py};
use rplay_value::Value;

use crate::python::Inner;

/// An object of the Python process.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) id: u64,
    /// The process it lives in.
    pub(crate) generation: u64,
    kind: &'static str,
    text: String,
    repr: String,
    truth: bool,
    owner: Weak<Inner>,
}

impl Remote {
    /// The value for an object: `[id, type, str, repr, truth]`.
    pub(crate) fn value(parts: &[serde_json::Value], generation: u64, owner: &Arc<Inner>) -> Option<Mj> {
        let [id, kind, text, repr, truth] = parts else { return None };
        Some(Object::value(Self {
            id: id.as_u64()?,
            generation,
            kind: type_name(kind.as_str()?),
            text: text.as_str()?.to_owned(),
            repr: repr.as_str()?.to_owned(),
            truth: truth.as_bool()?,
            owner: Arc::downgrade(owner),
        }))
    }
}

/// The names of types live as long as the program: there are few, and values name their type statically.
fn type_name(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}

impl Instance for Remote {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn str(&self) -> String {
        self.text.clone()
    }

    fn repr(&self) -> String {
        self.repr.clone()
    }

    fn truthy(&self) -> bool {
        self.truth
    }

    fn attr(&self, name: &str) -> Option<Mj> {
        let owner = self.owner.upgrade()?;
        owner.attribute(self, name).unwrap_or_else(|error| Some(py::marker(error)))
    }

    fn item(&self, key: &Mj) -> Result<Option<Mj>, TemplateError> {
        Ok(key.as_str().and_then(|name| self.attr(name)))
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        None
    }
}
