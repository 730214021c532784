//! A list of dicts with keys renamed: `target` is a list of `{before: ..., after: ...}`.

use crate::filters::keys::{self, Target};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A list of dicts with keys renamed: `target` is a list of `{before: ..., after: ...}`.
pub static FILTER: Filter = Filter {
    name: "replace_keys",
    collection: "community.general",
    aliases: &[],
    params: &["target", "matching_parameter"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut pairs = Vec::new();
    for item in py::iterate(call.arg("target")?)? {
        let part = |name: &str| {
            let found = py::get_item(&item, &Mj::from(name));
            py::trip(&found).map(|()| py::str(&found))
        };
        pairs.push((Target::new(call, part("before")?)?, part("after")?));
    }
    keys::rename(call, |key| {
        let found = pairs.iter().find(|(target, _)| target.fits(key));
        Some(found.map_or_else(|| key.to_owned(), |(_, after)| after.clone()))
    })
}
