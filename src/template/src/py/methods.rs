//! Method calls on values.

use minijinja::Value as Mj;

use super::{Kind, dict_methods, kind, list_methods, str_methods, type_name};
use crate::plugin::Keywords;
use crate::{Scope, TemplateError};

/// `owner.name(args, **keywords)`.
pub fn call_method(
    owner: &Mj,
    name: &str,
    args: &[Mj],
    keywords: &Keywords,
    scope: &Scope,
) -> Result<Mj, TemplateError> {
    for value in args.iter().chain(keywords.iter().map(|(_, value)| value)) {
        super::trip(value)?;
    }
    let call = Args { name, args, keywords };
    match kind(owner) {
        Kind::Str(text) => str_methods::call(text, &call),
        Kind::List(list) => list_methods::call(owner, list, &call),
        Kind::Dict(dict) => dict_methods::call(dict, &call),
        Kind::Tuple(items) => list_methods::call_tuple(items, &call),
        Kind::Bytes(bytes) => str_methods::call_bytes(bytes, &call),
        Kind::Object(object) => match object.method(name, args, keywords, scope) {
            Some(result) => result,
            None => Err(unknown(owner, name)),
        },
        Kind::Float(f) if name == "is_integer" => Ok(Mj::from(f.fract() == 0.0)),
        Kind::Int(i) if name == "bit_length" => Ok(Mj::from(64 - i.unsigned_abs().leading_zeros())),
        Kind::Marker(marker) => Err(marker.error().clone()),
        _ => Err(unknown(owner, name)),
    }
}

fn unknown(owner: &Mj, name: &str) -> TemplateError {
    if let Some(error) = super::access::refused(owner, name) {
        return error;
    }
    let error = TemplateError::undefined(format!("object of type '{}' has no attribute '{name}'", type_name(owner)));
    let names = match kind(owner) {
        Kind::Str(_) => str_methods::NAMES,
        Kind::List(_) => list_methods::NAMES,
        Kind::Dict(_) => dict_methods::NAMES,
        _ => return error,
    };
    match rplay_diag::nearest(name, names.iter().copied()) {
        Some(near) => error.hint(format!("there is a method `{near}`")),
        None => error,
    }
}

/// Whether the value's Python type has a method of this name.
pub(crate) fn has_method(owner: &Mj, name: &str) -> bool {
    match kind(owner) {
        Kind::Str(_) => str_methods::NAMES.contains(&name),
        Kind::List(_) => list_methods::NAMES.contains(&name),
        Kind::Dict(_) => is_dict_method(name),
        Kind::Tuple(_) => matches!(name, "count" | "index"),
        Kind::Bytes(_) => name == "decode",
        Kind::Float(_) => name == "is_integer",
        Kind::Int(_) => name == "bit_length",
        _ => false,
    }
}

pub(crate) fn is_dict_method(name: &str) -> bool {
    dict_methods::NAMES.contains(&name)
}

/// The arguments of one method call.
#[expect(clippy::struct_field_names, reason = "positional arguments have no better name")]
pub(super) struct Args<'a> {
    pub(super) name: &'a str,
    pub(super) args: &'a [Mj],
    pub(super) keywords: &'a Keywords,
}

impl Args<'_> {
    /// Argument number `index`, or the keyword of that name.
    pub(super) fn get(&self, index: usize, name: &str) -> Option<&Mj> {
        self.args.get(index).or_else(|| self.keywords.iter().find(|(key, _)| **key == *name).map(|(_, value)| value))
    }

    /// An argument that must be there.
    pub(super) fn need(&self, index: usize, name: &str) -> Result<&Mj, TemplateError> {
        self.get(index, name).ok_or_else(|| {
            TemplateError::type_error(format!(
                "{}() takes at least {} argument ({} given)",
                self.name,
                index + 1,
                self.args.len()
            ))
        })
    }

    /// A text argument that must be there.
    pub(super) fn text(&self, index: usize, name: &str) -> Result<&str, TemplateError> {
        let value = self.need(index, name)?;
        value.as_str().ok_or_else(|| {
            let message = format!("{}() argument {} must be str, not {}", self.name, index + 1, type_name(value));
            TemplateError::type_error(message)
        })
    }

    /// A text argument; absent and `None` are `None`.
    pub(super) fn opt_text(&self, index: usize, name: &str) -> Result<Option<&str>, TemplateError> {
        match self.get(index, name) {
            Some(value) if !value.is_none() => self.text(index, name).map(Some),
            _ => Ok(None),
        }
    }

    /// An integer argument; absent and `None` are `None`.
    pub(super) fn opt_int(&self, index: usize, name: &str) -> Result<Option<i64>, TemplateError> {
        match self.get(index, name) {
            Some(value) if !value.is_none() => super::as_index(value).map(Some).ok_or_else(|| {
                TemplateError::type_error(format!("'{}' object cannot be interpreted as an integer", type_name(value)))
            }),
            _ => Ok(None),
        }
    }

    /// No more arguments than the method takes.
    pub(super) fn most(&self, count: usize) -> Result<(), TemplateError> {
        let given = self.args.len() + self.keywords.len();
        if given > count {
            let message = format!("{}() takes at most {count} arguments ({given} given)", self.name);
            return Err(TemplateError::type_error(message));
        }
        Ok(())
    }
}
