//! JSON text as a value.

use crate::filters::json_text;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::json::loads;
use rplay_value::{Map, Text, Value, Vaulted};

/// JSON text as a value.
pub static FILTER: Filter = Filter {
    name: "from_json",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["profile", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let message = format!("the JSON object must be str, bytes or bytearray, not {}", py::type_name(call.input()));
        return Err(TemplateError::type_error(message));
    };
    let profile = match call.opt("profile").map(py::str).as_deref() {
        Some("legacy") => Profile::Legacy,
        Some("inventory_legacy") => Profile::Inventory,
        _ => Profile::Tagless,
    };
    if let Some(name) = call.opt("profile").filter(|_| profile == Profile::Tagless) {
        json_text::known_profile(call.name(), name)?;
    }
    for (name, value) in call.keywords() {
        match &**name {
            "strict" if py::truthy(value)? => {}
            "strict" => {
                let message = "from_json does not support strict=false: control characters in texts must be escaped";
                return Err(TemplateError::value_error(message));
            }
            "object_hook" | "object_pairs_hook" | "parse_float" | "parse_int" | "parse_constant" if value.is_none() => {
            }
            "object_hook" | "object_pairs_hook" | "parse_float" | "parse_int" | "parse_constant" => {
                let message = format!("'{}' object is not callable", py::type_name(value));
                return Err(TemplateError::type_error(message).hint(format!("`{name}` takes a function; leave it out")));
            }
            other => {
                let message = format!("JSONDecoder.__init__() got an unexpected keyword argument '{other}'");
                return Err(TemplateError::type_error(message));
            }
        }
    }
    let value = loads(text).map_err(|e| TemplateError::value_error(e.to_string()))?;
    if profile == Profile::Tagless {
        return Ok(py::from_value(value));
    }
    let trusted = call.input().is_safe();
    let open = |vaulted: &Vaulted| call.scope().decrypt(vaulted);
    Reader { trusted, profile, open: &open }.read(&value, &mut Vec::new()).map(py::from_value)
}

/// What the JSON may carry besides JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    /// Nothing.
    Tagless,
    /// `__ansible_unsafe` and `__ansible_vault`; texts are as trusted as the JSON.
    Legacy,
    /// The same, but only the variables of an inventory are trusted.
    Inventory,
}

/// Reads values of the legacy profiles.
struct Reader<'a> {
    /// Whether the JSON may be a template.
    trusted: bool,
    profile: Profile,
    open: &'a dyn Fn(&Vaulted) -> Result<Text, TemplateError>,
}

impl Reader<'_> {
    /// `path`: the keys that lead to the value.
    fn read<'v>(&self, value: &'v Value, path: &mut Vec<&'v str>) -> Result<Value, TemplateError> {
        let of_variable = matches!(path.as_slice(), ["_meta", "hostvars", _, _, ..] | [_, "vars", _, ..]);
        Ok(match value {
            Value::Text(text) if self.trusted && (self.profile == Profile::Legacy || of_variable) => {
                Value::Text(Text::trusted(text.shared()))
            }
            Value::List(list) => {
                let items = list.iter().map(|item| self.read(item, path)).collect::<Result<Vec<_>, _>>()?;
                Value::List(items.into())
            }
            Value::Map(map) => {
                for wrapper in ["__ansible_unsafe", "__ansible_vault"] {
                    let Some(inner) = map.get(wrapper) else { continue };
                    let Value::Text(text) = inner else {
                        let kind = inner.type_name();
                        let message = format!("{wrapper} is <class '{kind}'> not <class 'str'>");
                        return Err(TemplateError::type_error(message));
                    };
                    return Ok(Value::Text(match wrapper {
                        "__ansible_vault" => {
                            (self.open)(&Vaulted { ciphertext: text.shared(), origin: text.origin() })?
                        }
                        _ => text.clone(),
                    }));
                }
                let mut out = Map::with_capacity(map.len());
                for (key, value) in map {
                    path.push(key.as_str().unwrap_or_default());
                    let value = self.read(value, path);
                    path.pop();
                    out.insert(key.clone(), value?);
                }
                Value::Map(out)
            }
            other => other.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_profiles_trust_variables_and_unwrap_what_is_unsafe() {
        let text =
            r#"{"_meta": {"hostvars": {"h": {"a": "x", "b": {"__ansible_unsafe": "y"}}}}, "g": {"hosts": ["h"]}}"#;
        let open = |_: &Vaulted| Ok(Text::data("secret"));
        let value = loads(text).unwrap();
        let read = |profile| Reader { trusted: true, profile, open: &open }.read(&value, &mut Vec::new()).unwrap();
        let trusted = |value: &Value, path: &[&str]| {
            let mut at = value.clone();
            for key in path {
                at = at.get(key).cloned().unwrap();
            }
            at.as_text().is_some_and(Text::is_trusted)
        };
        let inventory = read(Profile::Inventory);
        assert!(trusted(&inventory, &["_meta", "hostvars", "h", "a"]));
        assert!(!trusted(&inventory, &["_meta", "hostvars", "h", "b"]));
        let Value::List(hosts) = inventory.get("g").unwrap().get("hosts").unwrap().clone() else { unreachable!() };
        assert!(!hosts.first().unwrap().as_text().unwrap().is_trusted());
        let Value::List(hosts) = read(Profile::Legacy).get("g").unwrap().get("hosts").unwrap().clone() else {
            unreachable!()
        };
        assert!(hosts.first().unwrap().as_text().unwrap().is_trusted());
    }
}
