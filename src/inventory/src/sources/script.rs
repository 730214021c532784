//! Executable inventories: a program that answers `--list` and `--host NAME` with JSON.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use indexmap::IndexSet;
use rplay_diag::{Diagnostic, Sources, Span};
use rplay_value::{List, Map, Text, Value};

use crate::InventoryError;
use crate::inventory::HostId;
use crate::load::Target;

/// Runs the program of the target and takes in what it says.
pub(crate) fn read(sources: &Sources, target: &mut Target<'_>) -> Result<(), InventoryError> {
    let path = std::path::absolute(target.path).unwrap_or_else(|_| target.path.to_owned());
    let text = run(&path, &["--list"])?;
    let place = format!("<inventory script output from {}>", target.source);
    let source = sources.add(place, text.as_str());
    let span = Span::new(source, 0, 0);
    let Value::Map(answer) = json(&path, &text)? else {
        return Err(failed(&path, "did not answer --list with a JSON object", ""));
    };
    let mut hostvars = None;
    let mut named: IndexSet<HostId> = IndexSet::new();
    for (name, data) in &answer {
        let Some(name) = name.as_str() else { continue };
        if name == "_meta" {
            match data.get("hostvars") {
                Some(Value::Map(map)) => hostvars = Some(map.clone()),
                None => {}
                Some(_) => return Err(failed(&path, "answered --list with a `_meta.hostvars` that is no object", "")),
            }
        } else {
            group(name, data, span, &path, target, &mut named)?;
        }
    }
    if hostvars.is_none() {
        target.inventory.warn(
            Diagnostic::new(
                rplay_diag::Severity::Deprecated,
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
            let text = run(&path, &["--host", &name])?;
            if text.trim().is_empty() { Value::Null } else { json(&path, &text)? }
        };
        match trusted(vars, span) {
            Value::Map(vars) => {
                target.set_vars(id, &vars);
            }
            Value::Null => {}
            _ => return Err(failed(&path, &format!("gave variables of host `{name}` that are no object"), "")),
        }
    }
    Ok(())
}

fn group(
    name: &str,
    data: &Value,
    span: Span,
    path: &Path,
    target: &mut Target<'_>,
    named: &mut IndexSet<HostId>,
) -> Result<(), InventoryError> {
    let name = target.group_name(name).into_owned();
    let group = target.inventory.add_group(&name);
    let wrong = |part: &str, kind: &str| failed(path, &format!("gave `{name}.{part}` that is no {kind}"), "");
    let whole;
    let data = match data {
        Value::Map(map) if ["hosts", "vars", "children"].iter().any(|key| map.contains(key)) => map,
        Value::Map(vars) => {
            // Old scripts: a group that only holds variables is a host of that name.
            whole =
                [("hosts", Value::from(vec![name.as_str()])), ("vars", Value::Map(vars.clone()))].into_iter().collect();
            &whole
        }
        other => {
            whole = [("hosts", other.clone())].into_iter().collect::<Map>();
            &whole
        }
    };
    if let Some(hosts) = data.get("hosts") {
        let hosts = hosts.as_list().ok_or_else(|| wrong("hosts", "list"))?;
        for host in hosts {
            let host = host.as_str().ok_or_else(|| wrong("hosts", "list of names"))?;
            let id = target.host(host);
            target.inventory.join(id, group);
            named.insert(id);
        }
    }
    if let Some(vars) = data.get("vars") {
        let vars = vars.as_map().ok_or_else(|| wrong("vars", "object"))?;
        for (key, value) in vars {
            target.inventory.set_group_var(group, key.clone(), trusted(value.clone(), span));
        }
    }
    if let Some(children) = data.get("children") {
        let children = children.as_list().ok_or_else(|| wrong("children", "list"))?;
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
            Value::Map(map.into_iter().map(|(key, value)| (key, trusted(value, span))).collect())
        }
        other => other,
    }
}

fn run(path: &Path, arguments: &[&str]) -> Result<String, InventoryError> {
    let output = Command::new(path)
        .args(arguments.iter().map(OsStr::new))
        .output()
        .map_err(|error| failed(path, &format!("cannot be run: {error}"), ""))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let code = output.status.code().map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        return Err(failed(path, &format!("{} ended with {code}", arguments.join(" ")), &stderr));
    }
    String::from_utf8(output.stdout).map_err(|_| failed(path, "wrote what is not UTF-8", &stderr))
}

fn json(path: &Path, text: &str) -> Result<Value, InventoryError> {
    serde_json::from_str(text).map_err(|error| failed(path, &format!("wrote what is not JSON: {error}"), ""))
}

fn failed(path: &Path, what: &str, stderr: &str) -> InventoryError {
    InventoryError::Script { path: path.to_owned(), what: what.to_owned(), stderr: stderr.to_owned() }
}
