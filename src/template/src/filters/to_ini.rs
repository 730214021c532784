//! A dict of sections as INI text.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A dict of sections as INI text.
pub static FILTER: Filter = Filter {
    name: "to_ini",
    collection: "community.general",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    if !py::is_mapping(input) {
        let name = py::type_name(input);
        return Err(call.error(format!("to_ini requires a dict, got <class '{name}'>")));
    }
    let sections = py::pairs(input)?;
    if sections.is_empty() {
        return Err(call.error("to_ini received an empty dict. An empty dict cannot be converted."));
    }
    let mut blocks: Vec<(String, String)> = Vec::new();
    for (name, entries) in sections {
        py::trip(&entries)?;
        if !py::is_mapping(&entries) {
            let name = py::type_name(&entries);
            let why = format!("'{name}' object has no attribute 'items'");
            return Err(call.error(format!("to_ini failed to parse given dict:{why}")));
        }
        let mut lines = String::new();
        for (key, value) in py::pairs(&entries)? {
            py::trip(&value)?;
            if value.is_none() {
                return Err(call.error("to_ini failed to parse given dict:option values must be strings"));
            }
            let value = py::str(&value).replace('\n', "\n\t");
            lines.push_str(&format!("{} = {value}\n", py::str(&key)));
        }
        blocks.push((py::str(&name), lines));
    }
    // The defaults come first, and not at all when there are none.
    blocks.sort_by_key(|(name, _)| name != "DEFAULT");
    blocks.retain(|(name, lines)| name != "DEFAULT" || !lines.is_empty());
    let text: Vec<String> = blocks.into_iter().map(|(name, lines)| format!("[{name}]\n{lines}")).collect();
    Ok(py::text(text.join("\n")))
}
