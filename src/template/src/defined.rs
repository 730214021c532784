//! Values without what is undefined in them, as `with_first_found` takes its terms.

use rplay_value::{List, Map, Value};

use crate::engine::{Asked, Engine, finish, is_template};
use crate::py::Kind;
use crate::scope::Scope;
use crate::{TemplateError, omit, py};
use minijinja::Value as Mj;

impl Engine {
    /// Renders a value and leaves out what is undefined in it: entries of lists, tuples and mappings, also of those that
    /// templates result in. `None` when the whole is undefined or omitted.
    ///
    /// As the terms of ansible-core 2.19's `with_first_found`.
    pub fn defined(&self, value: &Value, scope: &Scope) -> Result<Option<Value>, TemplateError> {
        scope.bind(self);
        Ok(match value {
            Value::List(items) => {
                let mut known = Vec::with_capacity(items.len());
                for item in items {
                    known.extend(self.defined(item, scope)?);
                }
                Some(Value::List(List::from(known)))
            }
            Value::Map(entries) => {
                let mut known = Map::with_capacity(entries.len());
                for (key, entry) in entries {
                    if let Some(entry) = self.defined(entry, scope)? {
                        known.insert(key.clone(), entry);
                    }
                }
                Some(Value::Map(known))
            }
            Value::Text(text) if is_template(text) => {
                let rendered = self.run_text(text, scope).and_then(|value| without_undefined(&value));
                match rendered {
                    Ok(Some(value)) if !omit::is_omit(&value) => Some(py::to_value(&value)?),
                    Ok(_) => None,
                    Err(error) if error.is_undefined() => None,
                    Err(error) => return Err(finish(error, Asked::Template, scope)),
                }
            }
            other => self.render(other, scope)?.value(),
        })
    }
}

/// `None` for what is undefined itself.
fn without_undefined(value: &Mj) -> Result<Option<Mj>, TemplateError> {
    if py::is_undefined(value) {
        return Ok(None);
    }
    py::trip(value)?;
    let kept = |items: Vec<Mj>| -> Result<Vec<Mj>, TemplateError> {
        items.iter().map(without_undefined).filter_map(Result::transpose).collect()
    };
    Ok(Some(match py::kind(value) {
        Kind::List(_) => py::list(kept(py::iterate(value)?)?),
        Kind::Tuple(_) => py::tuple(kept(py::iterate(value)?)?),
        _ if py::is_mapping(value) => {
            let mut pairs = Vec::new();
            for (key, entry) in py::pairs(value)? {
                pairs.extend(without_undefined(&entry)?.map(|entry| (key, entry)));
            }
            py::dict(pairs)?
        }
        _ => value.clone(),
    }))
}
