//! The item of a container under the input key, and further under `morekeys`.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The item of a container under the input key, and further under `morekeys`.
pub static FILTER: Filter = Filter {
    name: "extract",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["container", "morekeys"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut value = py::get_item(call.arg("container")?, call.input());
    match call.opt("morekeys").filter(|keys| !keys.is_none()) {
        None => {}
        Some(keys) => match py::kind(keys) {
            Kind::List(list) => {
                for key in list.items() {
                    value = py::get_item(&value, &key);
                }
            }
            _ => value = py::get_item(&value, keys),
        },
    }
    Ok(value)
}
