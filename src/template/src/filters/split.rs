//! Text split at a separator (at blanks), at most `maxsplit` times.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text split at a separator (at blanks), at most `maxsplit` times.
pub static FILTER: Filter = Filter {
    name: "split",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["sep", "maxsplit"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Kind::Str(_) = py::kind(call.input()) else {
        let name = py::type_name(call.input());
        let message = format!("descriptor 'split' for 'str' objects doesn't apply to a '{name}' object");
        return Err(TemplateError::type_error(message));
    };
    if let Some(separator) = call.opt("sep").filter(|sep| !sep.is_none() && sep.as_str().is_none()) {
        let message = format!("must be str or None, not {}", py::type_name(separator));
        return Err(TemplateError::type_error(message));
    }
    let mut args = vec![call.opt("sep").cloned().unwrap_or_else(py::none)];
    args.extend(call.opt("maxsplit").cloned());
    py::call_method(call.input(), "split", &args, &Vec::new(), call.scope())
}
