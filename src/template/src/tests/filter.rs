//! Whether there is a filter of this name.

use crate::{PluginKind, TemplateError, Test, TestCall, py};

/// Whether there is a filter of this name.
pub static TEST: Test =
    Test { name: "filter", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    Ok(call.engine().has_plugin(PluginKind::Filter, &py::str(call.input())))
}
