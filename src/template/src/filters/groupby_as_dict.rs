//! A list of dicts as a dict under one of their attributes, which must differ.

use crate::py::Dict;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A list of dicts as a dict under one of their attributes, which must differ.
pub static FILTER: Filter = Filter {
    name: "groupby_as_dict",
    collection: "community.general",
    aliases: &[],
    params: &["attribute"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let attribute = call.arg("attribute")?;
    if !py::is_sequence(call.input()) || py::is_mapping(call.input()) {
        return Err(call.error("Input is not a sequence"));
    }
    let out = Dict::new();
    for (at, item) in py::iterate(call.input())?.into_iter().enumerate() {
        if !py::is_mapping(&item) {
            return Err(call.error(format!("Sequence element #{at} is not a mapping")));
        }
        if !py::contains(&item, attribute)? {
            return Err(call.error(format!("Attribute not contained in element #{at} of sequence")));
        }
        let key = py::get_item(&item, attribute);
        if out.has(&key)? {
            let message = format!("Multiple sequence entries have attribute value {}", py::repr(&key));
            return Err(call.error(message));
        }
        out.set(key, item)?;
    }
    Ok(Mj::from_object(out))
}
