//! CSV text as a list of dicts, named by the first row or by `fieldnames`.

use crate::csv;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// CSV text as a list of dicts, named by the first row or by `fieldnames`.
pub static FILTER: Filter = Filter {
    name: "from_csv",
    collection: "community.general",
    aliases: &[],
    params: &["dialect", "fieldnames", "delimiter", "skipinitialspace", "strict"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let dialect = call.text_or("dialect", "excel")?;
    let mut delimiter = match &*dialect {
        "excel" | "unix" => ',',
        "excel-tab" => '\t',
        other => {
            let message = format!("Dialect '{other}' is not supported by your version of python.");
            return Err(call.error(message).hint("the dialects are excel, excel-tab and unix"));
        }
    };
    if let Some(given) = call.opt("delimiter").filter(|given| !given.is_none()) {
        let text = py::str(given);
        let mut chars = text.chars();
        let (Some(only), None) = (chars.next(), chars.next()) else {
            let message = "Unable to create custom dialect: \"delimiter\" must be a 1-character string";
            return Err(call.error(message));
        };
        delimiter = only;
    }
    let skip_blanks = call.bool("skipinitialspace", false)?;
    let strict = call.bool("strict", false)?;
    let text = py::str(call.input());
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let format = csv::Format { delimiter, skip_blanks, strict };
    let mut rows =
        csv::rows(text, &format).map_err(|error| call.error(format!("Unable to process file: {error}")))?.into_iter();
    let names: Vec<Mj> = match call.opt("fieldnames").filter(|names| !names.is_none()) {
        Some(names) => py::iterate(names)?,
        None => rows.next().unwrap_or_default().into_iter().map(py::text).collect(),
    };
    let mut out = Vec::new();
    for row in rows.filter(|row| !row.is_empty()) {
        let mut cells = row.into_iter();
        let mut pairs: Vec<(Mj, Mj)> =
            names.iter().map(|name| (name.clone(), cells.next().map_or_else(py::none, py::text))).collect();
        let more: Vec<Mj> = cells.map(py::text).collect();
        if !more.is_empty() {
            pairs.push((py::none(), py::list(more)));
        }
        out.push(py::dict(pairs)?);
    }
    Ok(py::list(out))
}
