//! An address moved by a number.

use crate::ipaddr::ip_math;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// An address moved by a number.
pub static FILTER: Filter = Filter {
    name: "ipmath",
    collection: "ansible.utils",
    aliases: &[],
    params: &["amount"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(amount) = py::as_index(call.arg("amount")?) else {
        let shown = py::str(call.arg("amount")?);
        return Err(call.error(format!("You must pass an integer for arithmetic; {shown} is not a valid integer")));
    };
    Ok(py::text(ip_math(&py::str(call.input()), i128::from(amount))?))
}
