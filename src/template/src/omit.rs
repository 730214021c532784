//! The `omit` value: an argument or element that is left out.

use minijinja::Value as Mj;

use crate::py::{self, Instance, Kind, Object};

#[derive(Debug)]
struct Omit;

impl Instance for Omit {
    fn type_name(&self) -> &'static str {
        "_OmitType"
    }

    fn compare(&self, other: &Mj) -> Option<std::cmp::Ordering> {
        is_omit(other).then_some(std::cmp::Ordering::Equal)
    }

    fn str(&self) -> String {
        "<<Omit>>".to_owned()
    }

    fn snapshot(&self) -> Option<Result<rplay_value::Value, crate::TemplateError>> {
        None
    }
}

/// The value of `omit`.
pub fn omit() -> Mj {
    Object::value(Omit)
}

/// Whether `omit` is somewhere in this.
pub(crate) fn holds_omit(value: &Mj) -> bool {
    match py::kind(value) {
        Kind::List(list) => list.plain().is_none() && list.items().iter().any(holds_omit),
        Kind::Tuple(items) => items.iter().any(holds_omit),
        Kind::Dict(dict) => dict.plain().is_none() && dict.values().iter().any(holds_omit),
        _ => is_omit(value),
    }
}

/// Whether this is `omit`.
pub fn is_omit(value: &Mj) -> bool {
    Object::downcast::<Omit>(value).is_some()
}
