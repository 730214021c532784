//! Variables whose names fit a pattern, merged in the order of their names.

use crate::py::Kind;
use crate::pyregex::{self, Flags};
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;
use std::collections::BTreeSet;

/// Variables whose names fit a pattern, merged in the order of their names.
pub static LOOKUP: Lookup =
    Lookup { name: "merge_variables", collection: "community.general", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let initial = call.opt("initial_value").filter(|initial| !initial.is_none()).cloned();
    let choice = |name: &str, default: &str, known: &[&'static str]| {
        let given = call.text_or(name, default)?;
        if known.contains(&&*given) {
            return Ok(given);
        }
        let message = format!(
            "Invalid value '{given}' for config '{name}' for 'ansible_collections.community.general.plugins.lookup.merge_variables' lookup plugin."
        );
        Err(call.error(message).hint(format!("it is one of {}", rplay_diag::quoted_list(known.iter().copied()))))
    };
    let pattern_type = choice("pattern_type", "regex", &["prefix", "suffix", "regex"])?;
    let overriding = choice("override", "error", &["error", "warn", "ignore"])?;
    let groups = call.opt("groups").filter(|groups| !groups.is_none()).map(py::iterate).transpose()?;
    let mut out = Vec::new();
    for term in call.terms() {
        let Some(pattern) = term.as_str() else {
            let name = py::type_name(term);
            return Err(call.error(format!("Non-string type '<class '{name}'>' passed, only 'str' types are allowed!")));
        };
        let fits = |name: &str| {
            Ok::<bool, TemplateError>(match &*pattern_type {
                "prefix" => name.starts_with(pattern),
                "suffix" => name.ends_with(pattern),
                _ => pyregex::compile(pattern, Flags::default())?.is_found(name)?,
            })
        };
        let mut result = initial.clone();
        let Some(groups) = &groups else {
            let scope = call.scope();
            let names = scope.names().iter().map(|name| name.as_str().to_owned()).collect();
            merge(call, names, &|name| scope.get(name), &fits, &overriding, &mut result)?;
            out.push(result.unwrap_or_else(py::none));
            continue;
        };
        // Hosts of the groups, each with its own variables.
        let hostvars = call.scope().get("hostvars").unwrap_or_else(|| py::dict_of([]));
        for host in py::iterate(&hostvars)? {
            let vars = py::get_item(&hostvars, &host);
            let own = py::iterate(&py::get_item(&vars, &Mj::from("group_names"))).unwrap_or_default();
            let all = groups.iter().any(|group| group.as_str() == Some("all"));
            if all || own.iter().any(|name| groups.iter().any(|group| py::equal(group, name))) {
                let names = py::iterate(&vars)?.iter().map(py::str).collect();
                let get = |name: &str| Some(py::get_item(&vars, &Mj::from(name)));
                merge(call, names, &get, &fits, &overriding, &mut result)?;
            }
        }
        out.push(result.unwrap_or_else(py::none));
    }
    Ok(out)
}

type Fits<'a> = dyn Fn(&str) -> Result<bool, TemplateError> + 'a;

/// Merges what fits among some variables, in the order of their names.
fn merge(
    call: &LookupCall<'_>,
    names: BTreeSet<String>,
    get: &dyn Fn(&str) -> Option<Mj>,
    fits: &Fits<'_>,
    overriding: &str,
    result: &mut Option<Mj>,
) -> Result<(), TemplateError> {
    for name in names {
        if fits(&name)?
            && let Some(value) = get(&name)
        {
            add(call, &name, &value, overriding, result)?;
        }
    }
    Ok(())
}

/// Merges one more variable into the result.
fn add(
    call: &LookupCall<'_>,
    name: &str,
    value: &Mj,
    overriding: &str,
    result: &mut Option<Mj>,
) -> Result<(), TemplateError> {
    py::trip(value)?;
    let kind = |value: &Mj| match py::kind(value) {
        Kind::List(_) => Ok("list"),
        Kind::Dict(_) => Ok("dict"),
        _ => Err(call.error("Not supported type detected, variable must be a list or a dict")),
    };
    let found = kind(value)?;
    let Some(known) = result else {
        *result = Some(value.clone());
        return Ok(());
    };
    if kind(known)? != found {
        return Err(call.error("Unable to merge, not all variables are of the same type"));
    }
    *result =
        Some(if found == "list" { py::add(known, value)? } else { merged(call, known, value, name, overriding)? });
    Ok(())
}

fn merged(call: &LookupCall<'_>, low: &Mj, high: &Mj, path: &str, overriding: &str) -> Result<Mj, TemplateError> {
    let mut pairs = py::pairs(low)?;
    for (key, value) in py::pairs(high)? {
        py::trip(&value)?;
        let at = pairs.iter().position(|(known, _)| py::equal(known, &key));
        let Some(at) = at else {
            pairs.push((key, value));
            continue;
        };
        let known = pairs[at].1.clone();
        let shown = py::str(&key);
        pairs[at].1 = match (py::kind(&known), py::kind(&value)) {
            (Kind::Dict(_), Kind::Dict(_)) => merged(call, &known, &value, &format!("{path}.{shown}"), overriding)?,
            (Kind::List(_), Kind::List(_)) => py::add(&known, &value)?,
            _ => {
                if !py::equal(&known, &value) {
                    let (old, new) = (py::str(&known), py::str(&value));
                    let message = format!(
                        "The key '{shown}' with value '{old}' will be overwritten with value '{new}' from '{path}.{shown}'"
                    );
                    match overriding {
                        "error" => return Err(call.error(message)),
                        "warn" => call.engine().notice(rplay_diag::Diagnostic::warning(message)),
                        _ => {}
                    }
                }
                value
            }
        };
    }
    py::dict(pairs)
}
