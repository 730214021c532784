//! Names of the hosts that inventory patterns stand for.

use crate::lookups::{glob, terms};
use crate::pyregex::{self, Flags};
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// Names of the hosts that inventory patterns stand for.
pub static LOOKUP: Lookup =
    Lookup { name: "inventory_hostnames", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let Some(groups) = call.scope().get("groups") else { return Ok(Vec::new()) };
    let mut members: Vec<(String, Vec<String>)> = Vec::new();
    for group in py::iterate(&groups)? {
        let hosts = py::iterate(&py::get_item(&groups, &group))?.iter().map(py::str).collect();
        members.push((py::str(&group), hosts));
    }
    let mut patterns: Vec<String> = Vec::new();
    for term in terms::flatten(call.terms())? {
        patterns.extend(split(&terms::text(&term)?));
    }
    // Exclusions and intersections are applied to what the plain patterns gave.
    patterns.sort_by_key(|pattern| match pattern.chars().next() {
        Some('&') => 1,
        Some('!') => 2,
        _ => 0,
    });
    if patterns.first().is_some_and(|first| first.starts_with(['&', '!'])) {
        patterns.insert(0, "all".to_owned());
    }
    let mut chosen: Vec<String> = Vec::new();
    for pattern in &patterns {
        let (kind, name) = match pattern.chars().next() {
            Some(kind @ ('&' | '!')) => (kind, &pattern[1..]),
            _ => (' ', pattern.as_str()),
        };
        let found = hosts(name, &members)?;
        match kind {
            '&' => chosen.retain(|host| found.contains(host)),
            '!' => chosen.retain(|host| !found.contains(host)),
            _ => {
                for host in found {
                    if !chosen.contains(&host) {
                        chosen.push(host);
                    }
                }
            }
        }
    }
    Ok(chosen.into_iter().map(py::text).collect())
}

/// Patterns are separated by commas or colons; a regular expression takes everything.
fn split(text: &str) -> Vec<String> {
    if text.starts_with('~') {
        return vec![text.to_owned()];
    }
    let separator = if text.contains(',') { ',' } else { ':' };
    let mut parts: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut part = String::new();
    for c in text.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if c == separator && depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn hosts(pattern: &str, groups: &[(String, Vec<String>)]) -> Result<Vec<String>, TemplateError> {
    let (name, slice) = match pattern.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        Some((name, slice)) if slice.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '-')) => {
            (name, Some(slice))
        }
        _ => (pattern, None),
    };
    let regex = match name.strip_prefix('~') {
        Some(regex) => Some(pyregex::compile(regex, Flags::default())?),
        None => None,
    };
    let wanted: Vec<char> = name.chars().collect();
    let fits = |candidate: &str| match &regex {
        Some(regex) => regex.is_at_start(candidate).unwrap_or(false),
        None => glob::fits(&wanted, &candidate.chars().collect::<Vec<_>>()),
    };
    let mut found: Vec<String> = Vec::new();
    let mut add = |host: &String| {
        if !found.contains(host) {
            found.push(host.clone());
        }
    };
    for (group, hosts) in groups {
        if fits(group) {
            hosts.iter().for_each(&mut add);
        }
    }
    for (_, hosts) in groups {
        hosts.iter().filter(|host| fits(host)).for_each(&mut add);
    }
    let Some(slice) = slice else { return Ok(found) };
    let at = |text: &str, default: i64| {
        let number: i64 = text.parse().unwrap_or(default);
        let number = if number < 0 { number + found.len() as i64 } else { number };
        usize::try_from(number).unwrap_or(0)
    };
    Ok(match slice.split_once(':') {
        // Both ends belong to the slice.
        Some((start, end)) => {
            let (start, end) = (at(start, 0), at(end, -1));
            found.get(start..(end + 1).min(found.len())).map(<[String]>::to_vec).unwrap_or_default()
        }
        None => found.get(at(slice, 0)).cloned().into_iter().collect(),
    })
}
