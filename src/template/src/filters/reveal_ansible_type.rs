//! The type of a value and of what is in it: `dict[str, int|list]`.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use std::collections::BTreeSet;

/// The type of a value and of what is in it: `dict[str, int|list]`.
pub static FILTER: Filter = Filter {
    name: "reveal_ansible_type",
    collection: "community.general",
    aliases: &[],
    params: &["alias"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    of_type(call.input(), call.opt("alias")).map(py::text)
}

/// The type; `alias` is a dict of other names for types.
pub(crate) fn of_type(value: &Mj, alias: Option<&Mj>) -> Result<String, TemplateError> {
    let alias = alias.filter(|alias| !alias.is_none());
    if let Some(alias) = alias.filter(|alias| !py::is_mapping(alias)) {
        let (shown, name) = (py::str(alias), py::type_name(alias));
        return Err(TemplateError::plugin(format!(
            "The argument alias must be a dictionary. {shown} is <class '{name}'>"
        )));
    }
    let name = |value: &Mj| -> Result<String, TemplateError> {
        py::trip(value)?;
        // What a playbook wrote carries a tag in ansible-core, which shows in the name of its type.
        let name = match py::kind(value) {
            Kind::Str(_) if value.is_safe() => "_AnsibleTaggedStr",
            _ => py::type_name(value).rsplit('.').next().unwrap_or_default(),
        };
        let known = alias.map(|alias| py::get_item(alias, &Mj::from(name))).filter(|known| !py::is_undefined(known));
        Ok(known.map_or_else(|| name.to_owned(), |known| py::str(&known)))
    };
    let several = |values: &[Mj]| -> Result<String, TemplateError> {
        let names = values.iter().map(name).collect::<Result<BTreeSet<_>, _>>()?;
        Ok(names.into_iter().collect::<Vec<_>>().join("|"))
    };
    let own = name(value)?;
    Ok(match py::kind(value) {
        Kind::List(list) if !list.is_empty() && own == "list" => format!("{own}[{}]", several(&list.items())?),
        Kind::Dict(dict) if !dict.is_empty() && own == "dict" => {
            format!("{own}[{}, {}]", several(&dict.keys())?, several(&dict.values())?)
        }
        _ => own,
    })
}
