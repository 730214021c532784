//! The entries of a dict as pairs, sorted by key or value.

use crate::filters::attribute::fold_case;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The entries of a dict as pairs, sorted by key or value.
pub static FILTER: Filter = Filter {
    name: "dictsort",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["case_sensitive", "by", "reverse"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let by_value = match &*call.text_or("by", "key")? {
        "key" => false,
        "value" => true,
        _ => return Err(call.error("You can only sort by either \"key\" or \"value\"")),
    };
    let case_sensitive = call.bool("case_sensitive", false)?;
    let dict = call.input();
    if !py::is_mapping(dict) {
        let message = format!("'{}' object has no attribute 'items'", py::type_name(dict));
        return Err(TemplateError::type_error(message));
    }
    let mut rows = Vec::new();
    for key in py::iterate(dict)? {
        let value = py::get_item(dict, &key);
        let by = if by_value { value.clone() } else { key.clone() };
        py::trip(&by)?;
        rows.push((if case_sensitive { by } else { fold_case(by) }, py::tuple(vec![key, value])));
    }
    py::sort(&mut rows, |row| &row.0, call.bool("reverse", false)?)?;
    Ok(py::list(rows.into_iter().map(|row| row.1).collect()))
}
