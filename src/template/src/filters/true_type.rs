//! The name of the Python class that ansible-core has for a value: `_AnsibleTaggedStr` for a text that a playbook wrote.
//! One of ansible-core's own internals, there for playbooks that test templating.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, protomatter, py};
use minijinja::Value as Mj;

/// The name of the Python class that ansible-core has for a value.
pub static FILTER: Filter = Filter {
    name: "true_type",
    collection: protomatter::COLLECTION,
    aliases: &[],
    params: &[],
    accepts_undefined: true,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let (value, tags) = protomatter::untag(call.input());
    Ok(py::text(match py::kind(&value) {
        Kind::Str(_) if tags != protomatter::Tags::default() => "_AnsibleTaggedStr",
        Kind::List(list) if list.is_bound() => "_AnsibleLazyTemplateList",
        Kind::Dict(dict) if dict.is_bound() => "_AnsibleLazyTemplateDict",
        Kind::Marker(marker) if marker.error().kind() == crate::ErrorKind::Vault => "VaultExceptionMarker",
        Kind::Marker(marker) if !marker.error().is_undefined() => "CapturedExceptionMarker",
        _ if py::is_undefined(&value) => "UndefinedMarker",
        _ => py::type_name(&value).rsplit('.').next().unwrap_or_default(),
    }))
}
