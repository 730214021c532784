//! A version 5 UUID of a text, in Ansible's namespace or the one given.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use uuid::Uuid;

/// A version 5 UUID of a text, in Ansible's namespace or the one given.
pub static FILTER: Filter = Filter {
    name: "to_uuid",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["namespace"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let namespace = match call.opt("namespace").map(|given| (given, given.as_str())) {
        None => "361E6D51-FAEC-444A-9079-341386DA8E2E".into(),
        Some((_, Some(text))) => text.to_owned(),
        Some((other, None)) => {
            let (shown, kind) = (py::str(other), py::type_name(other));
            let message =
                format!("Invalid value '{shown}' for 'namespace': '{kind}' object has no attribute 'replace'");
            return Err(call.error(message));
        }
    };
    let namespace = Uuid::parse_str(&namespace).map_err(|_| {
        let message = format!("Invalid value '{namespace}' for 'namespace': badly formed hexadecimal UUID string");
        call.error(message)
    })?;
    Ok(py::text(Uuid::new_v5(&namespace, py::str(call.input()).as_bytes()).to_string()))
}
