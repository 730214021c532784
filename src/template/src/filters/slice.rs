//! Items dealt into `slices` columns; `fill_with` evens them out.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Items dealt into `slices` columns; `fill_with` evens them out.
pub static FILTER: Filter = Filter {
    name: "slice",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["slices", "fill_with"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let items = py::iterate(call.input())?;
    if let Some(slices) = call.opt("slices").filter(|slices| !py::is_number(slices)) {
        let message = format!("unsupported operand type(s) for //: 'int' and '{}'", py::type_name(slices));
        return Err(TemplateError::type_error(message));
    }
    let slices = usize::try_from(call.int("slices", 0)?).unwrap_or(0);
    if slices == 0 {
        return Err(TemplateError::value_error("integer division or modulo by zero"));
    }
    py::limits::list(slices)?;
    let fill = call.opt("fill_with").filter(|fill| !fill.is_none());
    let (each, extra) = (items.len() / slices, items.len() % slices);
    let mut rest = items.into_iter();
    let mut columns = Vec::with_capacity(slices);
    for number in 0..slices {
        let mut column: Vec<Mj> = rest.by_ref().take(each + usize::from(number < extra)).collect();
        if let Some(fill) = fill
            && number >= extra
        {
            column.push(fill.clone());
        }
        columns.push(py::list(column));
    }
    Ok(py::list(columns))
}
