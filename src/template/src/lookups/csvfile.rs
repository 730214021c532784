//! A column of the row of a CSV file whose first (`keycol`) column is the term.

use crate::csv;
use crate::lookups::terms;
use crate::py::Kind;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// A column of the row of a CSV file whose first (`keycol`) column is the term.
pub static LOOKUP: Lookup = Lookup { name: "csvfile", collection: "ansible.builtin", accepts_undefined: false, run };

const OPTIONS: [&str; 6] = ["file", "col", "keycol", "delimiter", "default", "encoding"];

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    if call.terms().is_empty() {
        return Err(call.error("Search key is required but was not found"));
    }
    terms::only_options(call, &OPTIONS)?;
    let mut out = Vec::new();
    for term in call.terms() {
        let (key, pairs) = terms::key_values(&terms::text(term)?);
        if key.is_empty() {
            return Err(call.error("Search key is required but was not found"));
        }
        let option = |name: &str, default: &str| match pairs.iter().find(|(known, _)| known == name) {
            Some((_, value)) => value.clone(),
            None => call.opt(name).map_or_else(|| default.to_owned(), py::str),
        };
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !OPTIONS.contains(&name.as_str())) {
            return Err(TemplateError::value_error(format!("'{name}' is not a valid option")));
        }
        let column = |name: &str, default: &str| {
            let text = option(name, default);
            text.parse::<usize>().map_err(|_| {
                call.error(format!(
                    "Config '{name}' for 'csvfile' lookup plugin from 'Direct' has an invalid value: Invalid value provided for \
                     'integer': '{text}'"
                ))
            })
        };
        let (column, key_column) = (column("col", "1")?, column("keycol", "0")?);
        let delimiter = match option("delimiter", "TAB").as_str() {
            "TAB" | "\\t" => '\t',
            other => other.chars().next().unwrap_or('\t'),
        };
        let text = terms::encoded_text(call, &option("file", "ansible.csv"), &option("encoding", "utf-8"))?;
        let format = csv::Format { delimiter, skip_blanks: false, strict: false };
        let rows = csv::rows(&text, &format).map_err(|error| call.error(error))?;
        let row = rows.into_iter().find(|row| row.get(key_column) == Some(&key));
        if let Some(row) = row {
            match row.into_iter().nth(column) {
                Some(cell) => out.push(py::text(cell)),
                None => return Err(TemplateError::new(crate::ErrorKind::Value, "list index out of range")),
            }
        } else {
            let default = call.opt("default").cloned();
            let inline = pairs.iter().find(|(name, _)| name == "default").map(|(_, value)| py::text(value.as_str()));
            match inline.or(default).filter(|default| !default.is_none()) {
                // The items of a list are results of their own.
                Some(several) if matches!(py::kind(&several), Kind::List(_)) => out.extend(py::iterate(&several)?),
                found => out.extend(found),
            }
        }
    }
    Ok(out)
}
