//! Whether an address or network is in exactly one of several networks.

use crate::tests::in_any_network::count;
use crate::{TemplateError, Test, TestCall};

/// Whether an address or network is in exactly one of several networks.
pub static TEST: Test = Test {
    name: "in_one_network",
    collection: "ansible.utils",
    aliases: &[],
    params: &["networks"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(count(call)? == 1)
}
