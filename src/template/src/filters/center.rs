//! Text in the middle of a field of `width` characters (80).

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text in the middle of a field of `width` characters (80).
pub static FILTER: Filter = Filter {
    name: "center",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["width"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let width = usize::try_from(call.int("width", 80)?).unwrap_or(0);
    py::limits::text(width)?;
    let missing = width.saturating_sub(text.chars().count());
    // Python puts the odd blank on the left when the width is odd.
    let left = missing / 2 + (missing & width & 1);
    Ok(py::text(format!("{}{text}{}", " ".repeat(left), " ".repeat(missing - left))))
}
