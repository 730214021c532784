//! The entries of dicts as `{key: ..., value: ...}`.

use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;

/// The entries of dicts as `{key: ..., value: ...}`.
pub static LOOKUP: Lookup = Lookup { name: "dict", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let mut out = Vec::new();
    for term in call.terms() {
        py::trip(term)?;
        if !py::is_mapping(term) {
            let (shown, name) = (py::str(term), py::type_name(term));
            return Err(call.error(format!(
                "the 'dict' lookup plugin expects a dictionary, got '{shown}' of type <class '{name}'>)"
            )));
        }
        for key in py::iterate(term)? {
            let value = py::get_item(term, &key);
            out.push(py::dict_of([("key", key), ("value", value)]));
        }
    }
    Ok(out)
}
