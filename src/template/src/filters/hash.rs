//! The hash sum of a text: `md5`, `sha1` (the default), `sha224`, `sha256`, `sha384`, `sha512`.

use crate::filters::digest::{NAMES, digest};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The hash sum of a text: `md5`, `sha1` (the default), `sha224`, `sha256`, `sha384`, `sha512`.
pub static FILTER: Filter = Filter {
    name: "hash",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["hashtype"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let name = call.text_or("hashtype", "sha1")?;
    let sum = digest(&name, py::str(call.input()).as_bytes());
    sum.map(py::text).ok_or_else(|| {
        let hint = format!("rplay knows {}", rplay_diag::quoted_list(NAMES));
        call.error(format!("unsupported hash type {name}")).hint(hint)
    })
}
