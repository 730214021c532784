//! `local`: the `*.fact` files of `fact_path`, each JSON, INI, or a program that prints one of them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rplay_value::{Map, Value};

use super::{Found, Probe};

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let mut local = Map::new();
    let mut files = probe.list(probe.fact_path);
    files.retain(|name| Path::new(name).extension().is_some_and(|kind| kind == "fact") && !name.starts_with('.'));
    files.sort();
    for name in files {
        let path = format!("{}/{name}", probe.fact_path.trim_end_matches('/'));
        let fact = read(probe, &path).unwrap_or_else(|failure| {
            found.warn(failure.clone());
            Value::from(failure)
        });
        local.insert(name.replace(".fact", ""), fact);
    }
    found.set("local", local);
    found
}

fn read(probe: &Probe<'_>, path: &str) -> Result<Value, String> {
    let real = probe.path(path);
    let meta = std::fs::metadata(&real).map_err(|error| format!("Could not stat fact ({path}): {error}"))?;
    let text = if meta.permissions().mode() & 0o100 != 0 {
        let program = crate::Program::new([path]);
        let output = probe.cx().sys().run(&program);
        let output = output.map_err(|error| format!("Could not execute fact script ({path}): {error}"))?;
        if !output.success() {
            return Err(format!("Failure executing fact script ({path}), rc: {}, err: {}", output.rc, output.err()));
        }
        output.out()
    } else {
        // As ansible-core, to which a file that is no text is an empty one.
        std::fs::read_to_string(real).unwrap_or_default()
    };
    if let Ok(value) = serde_json::from_str::<Value>(text.trim()) {
        return Ok(value);
    }
    let unreadable = || format!("error loading facts as JSON or ini - please check content: {path}");
    let map = ini(&text).ok_or_else(unreadable)?;
    interpolated(map)
        .map(Value::from)
        .map_err(|problem| format!("error loading facts as ini - please check content: {path} ({problem})"))
}

/// `%%` is a percent sign, `%(name)s` another option of the section; anything else after `%` is a mistake.
fn interpolated(sections: Map) -> Result<Map, String> {
    sections
        .iter()
        .map(|(name, section)| {
            let options = section.as_map().cloned().unwrap_or_default();
            let each = options
                .iter()
                .map(|(key, value)| Ok((key.clone(), Value::from(option(&value.to_str(), &options, 0)?))));
            Ok((name.clone(), Value::Map(each.collect::<Result<Map, String>>()?)))
        })
        .collect()
}

fn option(text: &str, options: &Map, depth: usize) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(next) = after.strip_prefix('%') {
            out.push('%');
            rest = next;
        } else if let Some((name, next)) = after.strip_prefix('(').and_then(|name| name.split_once(")s")) {
            let other = options.get(&name.to_lowercase()).filter(|_| depth < 10);
            let other = other.ok_or_else(|| format!("Bad value substitution: option {name:?} is not there"))?;
            out.push_str(&option(&other.to_str(), options, depth + 1)?);
            rest = next;
        } else {
            return Err(format!("'%' must be followed by '%' or '(', found: {}", Value::from(&rest[at..]).repr()));
        }
    }
    Ok(out + rest)
}

/// Sections of options, as Python's `ConfigParser` reads them: options in lower case, `[DEFAULT]` in every section,
/// indented lines continue a value. `None` for anything it would refuse.
fn ini(text: &str) -> Option<Map> {
    let mut sections: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut defaults: Vec<(String, String)> = Vec::new();
    let mut current: Option<usize> = None;
    let mut in_default = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let options = if in_default { Some(&mut defaults) } else { current.map(|index| &mut sections[index].1) };
        if line.starts_with(char::is_whitespace) {
            if let Some((_, value)) = options.and_then(|options| options.last_mut()) {
                value.push('\n');
                value.push_str(trimmed);
                continue;
            }
            return None;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            in_default = name == "DEFAULT";
            if !in_default {
                if sections.iter().any(|(section, _)| section == name) {
                    return None;
                }
                sections.push((name.to_owned(), Vec::new()));
                current = Some(sections.len() - 1);
            }
            continue;
        }
        let (key, value) = trimmed.split_once(['=', ':'])?;
        options?.push((key.trim().to_lowercase(), value.trim().to_owned()));
    }
    let section = |options: Vec<(String, String)>| {
        let mut map: Map = options.into_iter().collect();
        for (key, value) in &defaults {
            if !map.contains(key) {
                map.insert(key, value);
            }
        }
        map
    };
    Some(sections.into_iter().map(|(name, options)| (name, section(options))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ini_reads_as_configparser() {
        let map = ini("[general]\nAsdf = 1\nbar: 2\n  more\n; note\n[empty]\n").unwrap();
        assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"general":{"asdf":"1","bar":"2\nmore"},"empty":{}}"#);
        assert!(ini("no section = 1").is_none());
        let values = |text: &str| interpolated(ini(text).unwrap()).map(|map| serde_json::to_string(&map).unwrap());
        assert_eq!(values("[a]\nx = 100%%\ny = %(x)s!\n").unwrap(), r#"{"a":{"x":"100%","y":"100%!"}}"#);
        assert_eq!(values("[a]\nx = a % b\n").unwrap_err(), "'%' must be followed by '%' or '(', found: '% b'");
        assert!(ini("[a]\nword").is_none());
        assert!(ini("[a]\n[a]\n").is_none());
    }
}
