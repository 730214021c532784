//! Lists of `linecount` items each; `fill_with` completes the last one.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Lists of `linecount` items each; `fill_with` completes the last one.
pub static FILTER: Filter = Filter {
    name: "batch",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["linecount", "fill_with"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let size = call.int("linecount", 0)?;
    let fill = call.opt("fill_with").filter(|fill| !fill.is_none());
    let mut rows: Vec<Vec<Mj>> = Vec::new();
    let items = py::iterate(call.input())?;
    if size == 0 && !items.is_empty() {
        // A row of none is full before its first item.
        rows.push(Vec::new());
    }
    for item in items {
        match rows.last_mut() {
            Some(row) if row.len() as i64 != size => row.push(item),
            _ => rows.push(vec![item]),
        }
    }
    if let (Some(fill), Some(row)) = (fill, rows.last_mut()) {
        py::limits::list(usize::try_from(size).unwrap_or(0))?;
        while (row.len() as i64) < size {
            row.push(fill.clone());
        }
    }
    Ok(py::list(rows.into_iter().map(py::list).collect()))
}
