//! The salt of a crypt(3) hash.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The salt of a crypt(3) hash.
pub static FILTER: Filter = Filter {
    name: "hash_salt",
    collection: "ansible.netcommon",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    match text.split('$').collect::<Vec<_>>()[..] {
        [_, _, salt, _] => Ok(py::text(salt)),
        _ => Err(call.error(format!("Could not parse salt out password correctly from {text}"))),
    }
}
