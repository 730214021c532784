//! A text as one that may be a template; anything else as it is. One of ansible-core's own internals, there for
//! playbooks that test templating.

use crate::{Filter, FilterCall, TemplateError, protomatter};
use minijinja::Value as Mj;

/// A text as one that may be a template; anything else as it is.
pub static FILTER: Filter = Filter {
    name: "apply_trust",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (value, _) = protomatter::untag(call.input());
    Ok(value.as_str().map(|text| Mj::from_safe_string(text.to_owned())).unwrap_or(value))
}
