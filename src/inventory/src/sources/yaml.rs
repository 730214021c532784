//! YAML and JSON inventories: groups with `hosts`, `vars` and `children`.

use std::path::Path;
use std::sync::Arc;

use rplay_diag::{Diagnose as _, Diagnostic, Sources, Span};
use rplay_value::{Map, Value};

use crate::inventory::GroupId;
use crate::load::{Files, Target, Templates};
use crate::sources::{constructed, generator};
use crate::{InventoryError, address};

/// A YAML or JSON document with the places of its texts, and warnings about it.
pub(crate) fn document(
    sources: &Sources,
    path: &Path,
    text: String,
) -> Result<(Value, Vec<Diagnostic>), InventoryError> {
    let text: Arc<str> = text.into();
    let source = sources.add_file(path, Arc::clone(&text));
    rplay_yaml::load_str(&text, source, rplay_yaml::Trust::Written)
        .map_err(|error| InventoryError::Document(Box::new(error.diagnostic())))
}

/// Reads the file of the target.
pub(crate) fn read(
    sources: &Sources,
    files: &dyn Files,
    templates: Option<&dyn Templates>,
    target: &mut Target<'_>,
) -> Result<(), InventoryError> {
    let text = files.read(target.path).map_err(|source| InventoryError::Io { path: target.path.to_owned(), source })?;
    let (value, warnings) = document(sources, target.path, text)?;
    for warning in warnings {
        target.inventory.warn(warning);
    }
    let groups = match value {
        Value::Map(map) if !map.is_empty() => map,
        Value::Null | Value::Map(_) => return Err(InventoryError::syntax("Parsed empty YAML file", None)),
        other => {
            let message =
                format!("YAML inventory has invalid structure, it should be a dictionary, got: {}", kind(&other));
            return Err(InventoryError::syntax(message, other.origin()));
        }
    };
    if let Some(plugin) = groups.get("plugin") {
        let name = plugin.to_str();
        let own = name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy."));
        match (own.unwrap_or(&name), templates) {
            ("constructed", Some(templates)) => return constructed::read(&groups, templates, target),
            ("generator", Some(templates)) => return generator::read(&groups, templates, target),
            _ => {}
        }
        let message = "Plugin configuration YAML file, not YAML inventory";
        let hint =
            format!("there is no inventory plugin `{}`: is its collection installed?", plugin.as_str().unwrap_or("?"));
        return Err(InventoryError::syntax(message, plugin.origin()).hint(hint));
    }
    for (name, data) in &groups {
        group(name, data, target)?;
    }
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Big(_) | Value::Float(_) => "a number",
        Value::List(_) => "a list",
        Value::Map(_) => "a dictionary",
        _ => "text",
    }
}

/// A part of a group as a mapping; a text alone is a mapping of that one name.
fn section(name: &str, part: &str, value: &Value) -> Result<Map, InventoryError> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Map(map) => Ok(map.clone()),
        Value::Text(_) => Ok([(value.clone(), Value::Null)].into_iter().collect()),
        other => {
            let found = kind(other);
            let message =
                format!("Invalid \"{part}\" entry for \"{name}\" group, requires a dictionary, found {found} instead.");
            let place = other.as_list().and_then(|list| list.first()).and_then(first_place);
            let error = InventoryError::syntax(message, place);
            Err(if part == "vars" { error } else { error.hint("write `name:` for each, not `- name`") })
        }
    }
}

/// The first place known in a value.
fn first_place(value: &Value) -> Option<Span> {
    match value {
        Value::List(list) => list.iter().find_map(first_place),
        Value::Map(map) => map.iter().find_map(|(key, value)| key.origin().or_else(|| first_place(value))),
        other => other.origin(),
    }
}

fn group(key: &Value, data: &Value, target: &mut Target<'_>) -> Result<Option<GroupId>, InventoryError> {
    let Some(name) = key.as_str() else {
        let message = format!("Invalid group name supplied, expected a string but got {}", kind(key));
        return Err(InventoryError::syntax(message, first_place(data)).hint("put the name in quotes"));
    };
    let data = match data {
        Value::Null => &Map::new(),
        Value::Map(map) => map,
        _ => {
            let message = format!("Skipping '{name}' as this is not a valid group definition");
            target.inventory.warn(Diagnostic::warning(message).at_maybe(key.origin(), ""));
            return Ok(None);
        }
    };
    let safe = target.group_name(name).into_owned();
    let id = target.inventory.add_group(&safe);
    for (part, value) in data {
        match part.as_str() {
            Some("vars") => {
                for (variable, value) in &section(name, "vars", value)? {
                    target.inventory.set_group_var(id, variable.clone(), value.clone());
                }
            }
            Some("children") => {
                for (child, data) in &section(name, "children", value)? {
                    if let Some(child_id) = group(child, data, target)? {
                        target.inventory.add_child(id, child_id).map_err(|e| e.at(child.origin()))?;
                    }
                }
            }
            Some("hosts") => {
                for (pattern, vars) in &section(name, "hosts", value)? {
                    hosts(id, pattern, vars, target)?;
                }
            }
            _ => {
                let part_name = part.as_str().unwrap_or("?");
                let message = if matches!(value, Value::Map(_) | Value::Null) {
                    format!(
                        "Skipping unexpected key ({part_name}) in group ({name}), only \"vars\", \"children\" and \"hosts\" are valid"
                    )
                } else {
                    format!(
                        "Skipping key ({part_name}) in group ({name}) as it is not a mapping, it is {}",
                        kind(value)
                    )
                };
                if !value.is_null() {
                    target.inventory.warn(Diagnostic::warning(message).at_maybe(part.origin(), ""));
                }
            }
        }
    }
    Ok(Some(id))
}

/// A host or range of hosts with its variables.
pub(super) fn hosts(
    group: GroupId,
    pattern: &Value,
    vars: &Value,
    target: &mut Target<'_>,
) -> Result<(), InventoryError> {
    let Some(text) = pattern.as_str() else {
        let shown = match pattern {
            Value::Int(i) => i.to_string(),
            Value::Float(f) => f.to_string(),
            other => kind(other).to_owned(),
        };
        let message = format!("Host pattern {shown} must be a string. Enclose integers/floats in quotation marks.");
        return Err(InventoryError::syntax(message, first_place(vars)));
    };
    let (names, port) = address::expand(text).map_err(|e| InventoryError::syntax(e.to_string(), pattern.origin()))?;
    let vars = match vars {
        Value::Null => &Map::new(),
        Value::Map(map) => map,
        other => {
            let message = format!("The variables of host `{text}` must be a mapping, they are {}", kind(other));
            return Err(InventoryError::syntax(message, first_place(other).or(pattern.origin())));
        }
    };
    for name in names {
        if name.is_empty() {
            return Err(InventoryError::syntax("Invalid empty host name provided", pattern.origin()));
        }
        let id = target.host(&name);
        target.inventory.join(id, group);
        if let Some(port) = port {
            target.inventory.set_host_var(id, "ansible_port", port);
        }
        if !vars.is_empty() {
            target.set_vars(id, vars);
        }
    }
    Ok(())
}
