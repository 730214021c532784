//! Lists inside a list opened, all of them or `levels` deep; nulls are dropped unless `skip_nulls` is false.

use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Lists inside a list opened, all of them or `levels` deep; nulls are dropped unless `skip_nulls` is false.
pub static FILTER: Filter = Filter {
    name: "flatten",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["levels", "skip_nulls"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let levels = match call.opt("levels").filter(|levels| !levels.is_none()) {
        Some(_) => Some(call.int("levels", 0)?),
        None => None,
    };
    py::limits::depth(call.input())?;
    let mut out = Vec::new();
    flatten(call.input(), levels, call.bool("skip_nulls", true)?, &mut out)?;
    Ok(py::list(out))
}

fn flatten(list: &Mj, levels: Option<i64>, skip_nulls: bool, out: &mut Vec<Mj>) -> Result<(), TemplateError> {
    for item in py::iterate(list)? {
        if skip_nulls && (item.is_none() || matches!(item.as_str(), Some("None" | "null"))) {
            continue;
        }
        let is_list = matches!(py::kind(&item), Kind::List(_) | Kind::Tuple(_));
        if is_list && levels.is_none_or(|levels| levels >= 1) {
            flatten(&item, levels.map(|levels| levels - 1), skip_nulls, out)?;
        } else {
            out.push(item);
        }
    }
    Ok(())
}
