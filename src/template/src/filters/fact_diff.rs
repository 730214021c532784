//! The lines in which two values differ, as a unified difference of all their lines.

use crate::py::Kind;
use crate::pyregex::{self, Flags, Pattern};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::JsonStyle;
use rplay_value::json::dumps;
use std::sync::Arc;

/// The lines in which two values differ, as a unified difference of all their lines.
pub static FILTER: Filter = Filter {
    name: "fact_diff",
    collection: "ansible.utils",
    aliases: &[],
    params: &["after", "plugin", "common"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut skip: Vec<Arc<Pattern>> = Vec::new();
    if let Some(plugin) = call.opt("plugin").filter(|plugin| plugin.is_true()) {
        let name = py::get_attr(plugin, "name");
        if !py::is_undefined(&name) && name.as_str() != Some("ansible.utils.native") {
            let error = call.error(format!("fact_diff has no plugin {}", py::repr(&name)));
            return Err(error.hint("there is `ansible.utils.native`"));
        }
        let lines = py::get_attr(&py::get_attr(plugin, "vars"), "skip_lines");
        if !py::is_undefined(&lines) && !lines.is_none() {
            let patterns: Vec<String> = match lines.as_str() {
                Some(text) => text.split(',').map(str::to_owned).collect(),
                None => py::iterate(&lines)?.iter().map(py::str).collect(),
            };
            for text in patterns {
                skip.push(pyregex::compile(&text, Flags::default()).map_err(|error| {
                    let message = format!("The regex '{text}', is not valid. The error was {error}.");
                    call.error(format!("Error when using filter plugin 'fact_diff': {message}"))
                })?);
            }
        }
    }
    let (before, after) = (lines(call.input(), &skip)?, lines(call.arg("after")?, &skip)?);
    let common = call.bool("common", false)?;
    let mut out = Vec::new();
    if before != after {
        let (before, after): (Vec<&str>, Vec<&str>) = (split(&before), split(&after));
        let difference = similar::TextDiff::configure().newline_terminated(true).diff_slices(&before, &after);
        let text = difference.unified_diff().context_radius(usize::MAX / 4).header("before", "after").to_string();
        out.extend(text.lines().filter(|line| !common || !line.starts_with(['+', '-'])).map(py::text));
        // An empty line ends each difference.
        out.push(py::text(""));
    }
    // The collection's filter gives the text of the list.
    Ok(py::text(py::repr(&py::list(out))))
}

/// Lines with their ends; what says that the last one has none belongs to it.
fn split(text: &str) -> Vec<&str> {
    let (text, last) = match text.strip_suffix(UNENDED) {
        Some(rest) => text.split_at(rest.rfind('\n').map_or(0, |at| at + 1)),
        None => (text, ""),
    };
    text.split_inclusive('\n').chain(Some(last).filter(|last| !last.is_empty())).collect()
}

/// Behind a last line without an end.
const UNENDED: &str = "\n\\ No newline at end of file\n";

/// What is compared: text, a list's items line by line, a dict as JSON.
fn lines(value: &Mj, skip: &[Arc<Pattern>]) -> Result<String, TemplateError> {
    let items = match (py::kind(value), skip.is_empty()) {
        (Kind::List(list), _) => list.items(),
        (Kind::Str(text), false) => text.lines().map(py::text).collect(),
        (Kind::Str(text), true) => return Ok(ended(text)),
        (Kind::None, true) => return Ok(String::new()),
        (Kind::Dict(_), _) => {
            let style = JsonStyle { indent: Some("    ".to_owned()), sort_keys: true, ..JsonStyle::default() };
            let text =
                dumps(&py::to_value(value)?, &style).map_err(|error| TemplateError::value_error(error.to_string()))?;
            return Ok(text + "\n");
        }
        _ => {
            let message = format!("'{}' object has no attribute 'splitlines'", py::type_name(value));
            return Err(TemplateError::type_error(message));
        }
    };
    let mut out = String::new();
    for item in items {
        let line = py::str(&item);
        let mut skipped = false;
        for pattern in skip {
            skipped |= pattern.is_at_start(&line)?;
        }
        if !skipped {
            out.push_str(&line);
            out.push('\n');
        }
    }
    Ok(out)
}

/// Text whose last line says that it has no newline.
fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') {
        return text.to_owned();
    }
    format!("{text}{UNENDED}")
}
