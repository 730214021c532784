//! The `omit` value: an argument or element that is left out.

use minijinja::Value as Mj;

use crate::py::{Instance, Object};

#[derive(Debug)]
struct Omit;

impl Instance for Omit {
    fn type_name(&self) -> &'static str {
        "Omit"
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

/// Whether this is `omit`.
pub fn is_omit(value: &Mj) -> bool {
    Object::downcast::<Omit>(value).is_some()
}
