//! INI text as a dict of sections, with the case of keys kept.

use crate::configparser;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// INI text as a dict of sections, with the case of keys kept.
pub static FILTER: Filter = Filter {
    name: "from_ini",
    collection: "community.general",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let name = py::type_name(call.input());
        return Err(call.error(format!("from_ini requires a str, got <class '{name}'>")));
    };
    let sections = configparser::parse(text, &configparser::Rules::default())
        .map_err(|error| call.error(format!("from_ini failed to parse given string: {}", error.message())))?;
    let value = |value: Option<String>| value.map_or_else(py::none, py::text);
    let mut out = Vec::new();
    for (name, _) in sections.iter().filter(|(name, _)| name != "DEFAULT") {
        let entries = configparser::entries(&sections, name).unwrap_or_default();
        out.push((
            py::text(name.as_str()),
            py::dict(entries.into_iter().map(|(key, own)| (py::text(key), value(own))))?,
        ));
    }
    let defaults = configparser::entries(&sections, "DEFAULT").filter(|entries| !entries.is_empty());
    if let Some(defaults) = defaults {
        out.push((py::text("DEFAULT"), py::dict(defaults.into_iter().map(|(key, own)| (py::text(key), value(own))))?));
    }
    py::dict(out)
}
