//! A list of pairs as a dict.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A list of pairs as a dict.
pub static FILTER: Filter =
    Filter { name: "dict", collection: "community.general", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut pairs = Vec::new();
    for (at, pair) in py::iterate(call.input())?.iter().enumerate() {
        let parts = py::iterate(pair)?;
        let length = parts.len();
        let [key, value]: [Mj; 2] = parts.try_into().map_err(|_| {
            let message = format!("dictionary update sequence element #{at} has length {length}; 2 is required");
            TemplateError::value_error(message)
        })?;
        pairs.push((key, value));
    }
    py::dict(pairs)
}
