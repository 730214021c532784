//! The PEM blocks of a text, one by one.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The PEM blocks of a text, one by one.
pub static FILTER: Filter = Filter {
    name: "split_pem",
    collection: "community.crypto",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let name = py::type_name(call.input());
        let message = "The community.crypto.split_pem input must be a text type, not";
        return Err(call.error(format!("{message} <class '{name}'>")));
    };
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in text.split_inclusive('\n').filter(|line| !line.trim().is_empty()) {
        if line.starts_with("-----BEGIN ") {
            block = Some(String::new());
        }
        if let Some(open) = &mut block {
            open.push_str(line);
            if line.starts_with("-----END ") {
                blocks.extend(block.take().map(py::text));
            }
        }
    }
    Ok(py::list(blocks))
}
