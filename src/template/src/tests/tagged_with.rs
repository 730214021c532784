//! Whether ansible-core would have tagged a value with this: `Origin` for what was written in a file,
//! `TrustedAsTemplate`, `VaultedValue`. One of ansible-core's own internals, there for playbooks that test templating.

use crate::{TemplateError, Test, TestCall, protomatter, py};

/// Whether ansible-core would have tagged a value with this.
pub static TEST: Test = Test {
    name: "tagged_with",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &["tag_name"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let name = call.arg("tag_name")?;
    if !name.as_str().is_some_and(|name| protomatter::KNOWN.contains(&name)) {
        return Err(TemplateError::value_error(format!("Unknown tag name {}.", py::repr(name))));
    }
    let (_, tags) = protomatter::untag(call.input());
    Ok(tags.names().into_iter().any(|tag| name.as_str() == Some(tag)))
}
