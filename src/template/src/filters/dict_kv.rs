//! A dict with one entry: the input under a key.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A dict with one entry: the input under a key.
pub static FILTER: Filter = Filter {
    name: "dict_kv",
    collection: "community.general",
    aliases: &[],
    params: &["key"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    py::dict([(call.arg("key")?.clone(), call.input().clone())])
}
