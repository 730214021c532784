//! Executable inventories: a program that answers `--list` and `--host NAME` with JSON.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use indexmap::IndexSet;
use rplay_diag::{Diagnostic, Severity, Sources, Span};
use rplay_value::{List, Map, Text, Value, Vaulted};

use crate::InventoryError;
use crate::inventory::HostId;
use crate::load::Target;

/// Runs the program of the target and takes in what it says. `show_stderr`: what it writes to standard error is told even
/// when nothing else is wrong.
pub(crate) fn read(sources: &Sources, show_stderr: bool, target: &mut Target<'_>) -> Result<(), InventoryError> {
    let path = std::path::absolute(target.path).unwrap_or_else(|_| target.path.to_owned());
    let (text, stderr) = run(&path, &["--list"])?;
    if show_stderr && !stderr.trim().is_empty() {
        target.inventory.warn(Diagnostic::error(stderr.trim_end().to_owned()));
    }
    let failed = |what: &str| failed(&path, what, &stderr);
    let place = format!("<inventory script output from {}>", target.source);
    let source = sources.add(place, text.as_str());
    let span = Span::new(source, 0, 0);
    let answer = match serde_json::from_str(&text) {
        Ok(Value::Map(answer)) => answer,
        other => {
            let why = match other {
                Ok(other) => format!("Value is '{}' instead of 'dict'.", other.type_name()),
                Err(error) => format!("Value could not be parsed as JSON. ({error})"),
            };
            return Err(failed(&format!("Unable to get JSON decoder for inventory script result. {why}")));
        }
    };
    if let Err(why) = known_profile(&answer) {
        return Err(failed(&format!("Unable to get JSON decoder for inventory script result. {why}")));
    }
    if let Err(why) = well_wrapped(&Value::Map(answer.clone())) {
        return Err(failed(&format!("Inventory script result could not be parsed as JSON. {why}")));
    }
    let mut hostvars = None;
    let mut named: IndexSet<HostId> = IndexSet::new();
    for (name, data) in &answer {
        let Some(name) = name.as_str() else { continue };
        if name == "_meta" {
            match data.get("hostvars") {
                Some(Value::Map(map)) => hostvars = Some(map.clone()),
                None => {}
                Some(other) => {
                    let kind = other.type_name();
                    return Err(failed(&format!(
                        "Value contains '_meta.hostvars' which is '{kind}' instead of 'dict'."
                    )));
                }
            }
        } else {
            group(name, data, span, &failed, target, &mut named)?;
        }
    }
    if hostvars.is_none() {
        target.inventory.warn(
            Diagnostic::new(
                Severity::Deprecated,
                "Inventory scripts should always provide 'meta.hostvars'. Host variables will be collected by running the \
                 inventory script with the '--host' option for each host.",
            )
            .at(span, "this script"),
        );
    }
    for id in named {
        let name = target.inventory.host_by_id(id).map(|host| host.name.clone()).unwrap_or_default();
        let vars = if let Some(all) = &hostvars {
            all.get(&name).cloned().unwrap_or_default()
        } else {
            let (text, stderr) = run(&path, &["--host", &name])?;
            let read = || {
                serde_json::from_str(&text).map_err(|error| {
                    let what =
                        format!("Inventory script result for host '{name}' could not be parsed as JSON. ({error})");
                    self::failed(&path, &what, &stderr)
                })
            };
            if text.trim().is_empty() { Value::Null } else { read()? }
        };
        match trusted(vars, span) {
            Value::Map(vars) => {
                target.set_vars(id, &vars);
            }
            Value::Null => {}
            other => {
                let kind = other.type_name();
                return Err(failed(&format!(
                    "Invalid data from file, expected dictionary and got '{kind}' for '{name}'."
                )));
            }
        }
    }
    Ok(())
}

fn group(
    name: &str,
    data: &Value,
    span: Span,
    failed: &dyn Fn(&str) -> InventoryError,
    target: &mut Target<'_>,
    named: &mut IndexSet<HostId>,
) -> Result<(), InventoryError> {
    let name = target.group_name(name).into_owned();
    let group = target.inventory.add_group(&name);
    let wrong = |part: &str, found: &Value, kind: &str| {
        failed(&format!("Value contains '{name}.{part}' which is '{}' instead of '{kind}'.", found.type_name()))
    };
    let aged = |inventory: &mut crate::Inventory, message: String| {
        inventory.warn(Diagnostic::new(Severity::Deprecated, message).at(span, "this script"));
    };
    let whole;
    let mut written = true;
    let data = match data {
        Value::Map(map) if ["hosts", "vars", "children"].iter().any(|key| map.contains(key)) => map,
        Value::Map(vars) => {
            // Old scripts: a group that only holds variables is a host of that name.
            aged(
                target.inventory,
                format!(
                    "Treating malformed group '{name}' as the sole host of that group. Variables provided in this manner \
                     cannot be templated."
                ),
            );
            written = false;
            whole =
                [("hosts", Value::from(vec![name.as_str()])), ("vars", Value::Map(vars.clone()))].into_iter().collect();
            &whole
        }
        other => {
            let kind = other.type_name();
            aged(target.inventory, format!("Group '{name}' was converted to 'dict' from '{kind}'."));
            whole = [("hosts", other.clone())].into_iter().collect::<Map>();
            &whole
        }
    };
    if let Some(hosts) = data.get("hosts") {
        let hosts = hosts.as_list().ok_or_else(|| wrong("hosts", hosts, "list"))?;
        for host in hosts {
            let host = host.as_str().ok_or_else(|| wrong("hosts", host, "str"))?;
            let id = target.host(host);
            target.inventory.join(id, group);
            named.insert(id);
        }
    }
    if let Some(vars) = data.get("vars") {
        let vars = vars.as_map().ok_or_else(|| wrong("vars", vars, "dict"))?;
        for (key, value) in vars {
            let value = if written { trusted(value.clone(), span) } else { unwrapped(value.clone()) };
            target.inventory.set_group_var(group, key.clone(), value);
        }
    }
    if let Some(children) = data.get("children") {
        let children = children.as_list().ok_or_else(|| wrong("children", children, "list"))?;
        for child in children.iter().filter_map(Value::as_str) {
            let child = target.group_name(child).into_owned();
            let child = target.inventory.add_group(&child);
            target.inventory.add_child(group, child).map_err(|e| e.at(Some(span)))?;
        }
    }
    Ok(())
}

/// Texts of an inventory script may be templates, as those of inventory files.
fn trusted(value: Value, span: Span) -> Value {
    match value {
        Value::Text(text) => Value::Text(Text::written(text.shared(), span)),
        Value::List(list) => Value::List(list.into_iter().map(|item| trusted(item, span)).collect::<List>()),
        Value::Map(map) => {
            if let Some(Value::Text(text)) = map.get("__ansible_unsafe") {
                return Value::Text(text.clone());
            }
            if let Some(Value::Text(text)) = map.get("__ansible_vault") {
                return Value::Vault(Vaulted { ciphertext: text.shared(), origin: Some(span) });
            }
            Value::Map(map.into_iter().map(|(key, value)| (key, trusted(value, span))).collect())
        }
        other => other,
    }
}

/// Values as they were sent, nothing of which is a template.
fn unwrapped(value: Value) -> Value {
    match value {
        Value::List(list) => Value::List(list.into_iter().map(unwrapped).collect::<List>()),
        Value::Map(map) => match map.get("__ansible_unsafe") {
            Some(Value::Text(text)) => Value::Text(text.clone()),
            _ => Value::Map(map.into_iter().map(|(key, value)| (key, unwrapped(value))).collect()),
        },
        other => other,
    }
}

/// Refuses what `_meta.profile` says unless it is what every inventory script writes.
fn known_profile(answer: &Map) -> Result<(), String> {
    let meta = match answer.get("_meta") {
        None => return Ok(()),
        Some(Value::Map(meta)) => meta,
        Some(other) => {
            return Err(format!("Value contains '_meta' which is '{}' instead of 'dict'.", other.type_name()));
        }
    };
    match meta.get("profile") {
        None => Ok(()),
        Some(Value::Text(name)) if name == "inventory_legacy" => Ok(()),
        Some(Value::Text(name)) if name.starts_with("inventory_") => Err(format!("Unknown profile name '{name}'.")),
        Some(Value::Text(name)) => Err(format!("Non-inventory profile '{name}' is not allowed.")),
        Some(other) => {
            Err(format!("Value contains '_meta.profile' which is '{}' instead of 'str'.", other.type_name()))
        }
    }
}

/// Refuses wrappers that do not hold text.
fn well_wrapped(value: &Value) -> Result<(), String> {
    match value {
        Value::List(list) => list.iter().try_for_each(well_wrapped),
        Value::Map(map) => {
            for wrapper in ["__ansible_unsafe", "__ansible_vault"] {
                if let Some(found) = map.get(wrapper).filter(|found| found.as_str().is_none()) {
                    return Err(format!("{wrapper} is <class '{}'> not <class 'str'>", found.type_name()));
                }
            }
            map.iter().try_for_each(|(_, value)| well_wrapped(value))
        }
        _ => Ok(()),
    }
}

/// What the program writes to standard output and standard error.
fn run(path: &Path, arguments: &[&str]) -> Result<(String, String), InventoryError> {
    let output = Command::new(path).args(arguments.iter().map(OsStr::new)).output().map_err(|error| {
        let command = format!("{} {}", path.display(), arguments.join(" "));
        failed(path, &format!("Failed to execute inventory script command '{command}'. {error}"), "")
    })?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        use std::os::unix::process::ExitStatusExt as _;
        // As Python, which counts signals below zero.
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| -signal)).unwrap_or_default();
        return Err(failed(path, &format!("Inventory script returned non-zero exit code {code}."), &stderr));
    }
    if let Ok(text) = String::from_utf8(output.stdout) {
        return Ok((text, stderr));
    }
    let what = "Inventory script result contained characters that cannot be interpreted as UTF-8.";
    Err(failed(path, what, &stderr))
}

fn failed(path: &Path, what: &str, stderr: &str) -> InventoryError {
    InventoryError::Script { path: path.to_owned(), what: what.to_owned(), stderr: stderr.to_owned() }
}
