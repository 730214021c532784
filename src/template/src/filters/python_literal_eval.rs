//! The value of a Python literal; with `ignore_errors` the text itself where it is none. One of ansible-core's own
//! internals, there for playbooks that test templating.

use crate::{Filter, FilterCall, TemplateError, protomatter, py};
use minijinja::Value as Mj;
use rplay_value::literal_eval;

/// The value of a Python literal; with `ignore_errors` the text itself where it is none.
pub static FILTER: Filter = Filter {
    name: "python_literal_eval",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &["ignore_errors"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (value, _) = protomatter::untag(call.input());
    let read = match value.as_str() {
        Some(text) => literal_eval(text).map_err(|error| TemplateError::value_error(error.to_string())),
        None => Err(TemplateError::type_error("The `value` to eval must be a string.")),
    };
    match read {
        Ok(read) => Ok(py::from_value(read)),
        Err(_) if call.bool("ignore_errors", false)? => Ok(value),
        Err(error) => Err(error),
    }
}
