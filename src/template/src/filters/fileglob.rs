//! The regular files that match a shell pattern, sorted.

use crate::lookups::glob;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The regular files that match a shell pattern, sorted.
pub static FILTER: Filter = Filter {
    name: "fileglob",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut files = glob::matching_files(&py::str(call.input()));
    files.sort();
    Ok(py::list(files.into_iter().map(py::text).collect()))
}
