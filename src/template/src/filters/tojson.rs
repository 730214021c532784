//! JSON with sorted keys that is safe inside HTML.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::JsonStyle;
use rplay_value::json::dumps;

/// JSON with sorted keys that is safe inside HTML.
pub static FILTER: Filter = Filter {
    name: "tojson",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["indent"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let indent = match call.opt("indent").filter(|indent| !indent.is_none()) {
        Some(_) => Some(" ".repeat(usize::try_from(call.int("indent", 0)?).unwrap_or(0))),
        None => None,
    };
    let style = JsonStyle { indent, sort_keys: true, ..JsonStyle::default() };
    let json = dumps(&py::to_value(call.input())?, &style).map_err(|e| TemplateError::type_error(e.to_string()))?;
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\'' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    Ok(py::text(out))
}
