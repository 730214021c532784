//! Whether a password is the one of a type 5 hash; with `return_original` the hash.

use crate::filters::type5_pw::type5;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Whether a password is the one of a type 5 hash; with `return_original` the hash.
pub static FILTER: Filter = Filter {
    name: "comp_type5",
    collection: "ansible.netcommon",
    aliases: &[],
    params: &["encrypted_password", "return_original"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (password, known) = (py::str(call.input()), py::str(call.arg("encrypted_password")?));
    let [_, _, salt, _] = known.split('$').collect::<Vec<_>>()[..] else {
        return Err(call.error(format!("Could not parse salt out password correctly from {known}")));
    };
    let same = type5(&password, Some(salt)).map_err(|error| call.error(error))?.as_str() == Some(known.as_str());
    Ok(if same && call.bool("return_original", false)? { py::text(known) } else { Mj::from(same) })
}
