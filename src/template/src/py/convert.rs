//! Between rplay's values and minijinja's.

use minijinja::Value as Mj;
use rplay_value::{Map, Text, Value};

use super::{Dict, Kind, List, kind, limits, marker};
use crate::scope::{RED_ZONE, SEGMENT};
use crate::{Scope, TemplateError};

/// A value as data: nothing in it is rendered. O(1), containers are shared.
pub fn from_value(value: Value) -> Mj {
    wrap(&value, None)
}

/// A value as a template sees it: with a scope, trusted template text is rendered now, and containers render their
/// elements when those are read. Failures become markers.
pub(crate) fn wrap(value: &Value, scope: Option<&Scope>) -> Mj {
    match value {
        Value::Null => Mj::from(()),
        Value::Bool(b) => Mj::from(*b),
        Value::Int(i) => Mj::from(*i),
        Value::Big(big) => super::int((**big).clone()),
        Value::Float(f) => Mj::from(*f),
        Value::Text(text) => match scope {
            Some(scope) if crate::engine::is_template(text) => scope.render_text(text).unwrap_or_else(marker),
            _ => from_text(text),
        },
        Value::Time(time) => super::time(*time),
        Value::List(list) => Mj::from_object(List::shared(list.clone(), scope.cloned())),
        Value::Map(map) => Mj::from_object(Dict::shared(map.clone(), scope.cloned())),
        Value::Vault(vaulted) => match scope {
            Some(scope) => scope.decrypt(vaulted).map_or_else(marker, |text| from_text(&text)),
            None => marker(TemplateError::new(crate::ErrorKind::Vault, "a vault value was read outside of a run")),
        },
    }
}

/// Text: trusted text stays recognisable (as a safe string) through names, `set` and macros.
pub(crate) fn from_text(text: &Text) -> Mj {
    if text.is_trusted() { Mj::from_safe_string(text.as_str().to_owned()) } else { Mj::from(text.shared()) }
}

/// A snapshot of a value as rplay's own; everything lazy in it is rendered now. O(1) for what comes unchanged from a
/// variable.
pub fn to_value(value: &Mj) -> Result<Value, TemplateError> {
    snapshot(value, limits::DEEPEST)
}

/// So many levels fit on what [`RED_ZONE`] leaves of a stack.
const FEW: usize = 16;

/// `left`: how many more lists and mappings may stand in one another.
fn snapshot(value: &Mj, left: usize) -> Result<Value, TemplateError> {
    let left = left.checked_sub(1).ok_or_else(limits::too_deep)?;
    if left % FEW == 0 {
        return stacker::maybe_grow(RED_ZONE, SEGMENT, || snapshot_here(value, left));
    }
    snapshot_here(value, left)
}

fn snapshot_here(value: &Mj, left: usize) -> Result<Value, TemplateError> {
    Ok(match kind(value) {
        Kind::Undefined => return Err(TemplateError::undefined("value is undefined")),
        Kind::Marker(marker) => return Err(marker.error().clone()),
        Kind::None => Value::Null,
        Kind::Bool(b) => Value::Bool(b),
        Kind::Int(i) => Value::Int(i),
        Kind::Big(big) => Value::from_bigint(big),
        Kind::Float(f) => Value::Float(f),
        Kind::Str(s) if value.is_safe() => Value::Text(Text::trusted(s)),
        Kind::Str(s) => value.to_str().map_or_else(|| Value::data(s), Value::data),
        Kind::Bytes(bytes) => Value::data(String::from_utf8_lossy(bytes)),
        Kind::List(list) => match list.plain() {
            Some(list) => Value::List(list),
            None => list_value(&list.items(), left)?,
        },
        Kind::Tuple(items) => list_value(items, left)?,
        Kind::Dict(dict) => match dict.plain() {
            Some(map) => Value::Map(map),
            None => map_value(dict.pairs(), left)?,
        },
        Kind::Object(object) => {
            if let Some(value) = object.snapshot() {
                value?
            } else {
                let message = format!("Type '{}' is unsupported for variable storage.", object.type_name());
                return Err(TemplateError::type_error(message));
            }
        }
        Kind::Foreign => foreign(value, left)?,
    })
}

fn list_value(items: &[Mj], left: usize) -> Result<Value, TemplateError> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        if !crate::omit::is_omit(item) {
            out.push(snapshot(item, left)?);
        }
    }
    Ok(Value::List(out.into()))
}

fn map_value(pairs: Vec<(Mj, Mj)>, left: usize) -> Result<Value, TemplateError> {
    let mut out = Map::with_capacity(pairs.len());
    for (key, value) in pairs {
        if !crate::omit::is_omit(&value) {
            if matches!(kind(&key), Kind::Tuple(_)) {
                // Tuples leave a template as lists, which no mapping has as keys.
                return Err(TemplateError::type_error("unhashable type: 'list'"));
            }
            out.insert(snapshot(&key, left)?, snapshot(&value, left)?);
        }
    }
    Ok(Value::Map(out))
}

fn foreign(value: &Mj, left: usize) -> Result<Value, TemplateError> {
    use minijinja::value::ValueKind;
    let iterate = |value: &Mj| value.try_iter().map_err(|error| TemplateError::from_minijinja(&error));
    match value.kind() {
        ValueKind::Map => {
            let pairs = iterate(value)?.map(|key| (key.clone(), value.get_item(&key).unwrap_or_default())).collect();
            map_value(pairs, left)
        }
        ValueKind::Seq | ValueKind::Iterable => list_value(&iterate(value)?.collect::<Vec<_>>(), left),
        _ => Ok(Value::data(value.to_string())),
    }
}
