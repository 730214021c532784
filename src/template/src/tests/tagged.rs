//! Whether ansible-core would have tagged a value with anything: where it was written, that it is a template, that it is
//! a vault value. One of ansible-core's own internals, there for playbooks that test templating.

use crate::{TemplateError, Test, TestCall, protomatter};

/// Whether ansible-core would have tagged a value with anything.
pub static TEST: Test = Test {
    name: "tagged",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(!protomatter::untag(call.input()).1.names().is_empty())
}
