//! One of two values by the truth of the input; `none_val`, when given, for none.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// One of two values by the truth of the input; `none_val`, when given, for none.
pub static FILTER: Filter = Filter {
    name: "ternary",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["true_val", "false_val", "none_val"],
    accepts_undefined: true,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let input = call.input();
    call.need(&["true_val", "false_val"])?;
    let none_val = call.opt("none_val").filter(|value| !value.is_none());
    let name = match none_val {
        Some(value) if input.is_none() => return Ok(value.clone()),
        _ if py::truthy(input)? => "true_val",
        _ => "false_val",
    };
    call.arg(name).cloned()
}
