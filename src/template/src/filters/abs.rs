//! The absolute value of a number.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The absolute value of a number.
pub static FILTER: Filter =
    Filter { name: "abs", collection: "ansible.builtin", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let number = call.input();
    if !py::is_number(number) {
        let message = format!("bad operand type for abs(): '{}'", py::type_name(number));
        return Err(TemplateError::type_error(message));
    }
    if py::less(number, &Mj::from(0))? { py::neg(number) } else { py::pos(number) }
}
