//! A nested value as one dict of paths (`a.b[0]`) to values.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A nested value as one dict of paths (`a.b[0]`) to values.
pub static FILTER: Filter = Filter {
    name: "to_paths",
    collection: "ansible.utils",
    aliases: &[],
    params: &["prepend", "wantlist"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut pairs = Vec::new();
    let prefix = call.opt("prepend").filter(|prefix| !prefix.is_none()).map(py::str).unwrap_or_default();
    walk(call.input(), prefix, &mut pairs)?;
    let paths = py::dict(pairs)?;
    Ok(if call.bool("wantlist", false)? { py::list(vec![paths]) } else { paths })
}

fn walk(value: &Mj, path: String, out: &mut Vec<(Mj, Mj)>) -> Result<(), TemplateError> {
    match py::kind(value) {
        Kind::Dict(dict) if !dict.is_empty() => {
            for (key, inner) in dict.pairs() {
                let name = py::str(&key);
                let plain = key.as_str().is_some() && name.chars().all(|c| c == '_' || c.is_alphanumeric());
                let step = match (plain, path.is_empty(), key.as_str().is_some()) {
                    (true, true, _) => name,
                    (true, false, _) => format!("{path}.{name}"),
                    (false, _, true) => format!("{path}['{name}']"),
                    (false, _, false) => format!("{path}[{name}]"),
                };
                walk(&inner, step, out)?;
            }
        }
        Kind::List(list) if !list.is_empty() => {
            for (at, inner) in list.items().iter().enumerate() {
                walk(inner, format!("{path}[{at}]"), out)?;
            }
        }
        _ => out.push((py::text(path), value.clone())),
    }
    Ok(())
}
