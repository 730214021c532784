//! Items grouped by an attribute: a list of `(grouper, list)` pairs, sorted by the attribute.

use crate::filters::attribute::{Attribute, fold_case};
use crate::py::{Instance, Object};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::Value;

/// Items grouped by an attribute: a list of `(grouper, list)` pairs, sorted by the attribute.
pub static FILTER: Filter = Filter {
    name: "groupby",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["attribute", "default", "case_sensitive"],
    accepts_undefined: false,
    run,
};

/// A group: a tuple of two whose parts have names.
#[derive(Debug)]
struct Group {
    grouper: Mj,
    list: Mj,
}

impl Group {
    fn parts(&self) -> Vec<Mj> {
        vec![self.grouper.clone(), self.list.clone()]
    }
}

impl Instance for Group {
    fn type_name(&self) -> &'static str {
        "tuple"
    }

    fn str(&self) -> String {
        py::str(&py::tuple(self.parts()))
    }

    fn attr(&self, name: &str) -> Option<Mj> {
        match name {
            "grouper" => Some(self.grouper.clone()),
            "list" => Some(self.list.clone()),
            _ => None,
        }
    }

    fn item(&self, key: &Mj) -> Result<Option<Mj>, TemplateError> {
        Ok(match py::as_index(key) {
            Some(0 | -2) => Some(self.grouper.clone()),
            Some(1 | -1) => Some(self.list.clone()),
            _ => None,
        })
    }

    fn is_sequence(&self) -> bool {
        true
    }

    fn items(&self) -> Option<Vec<Mj>> {
        Some(self.parts())
    }

    fn len(&self) -> Option<usize> {
        Some(2)
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        Some(py::to_value(&py::list(self.parts())))
    }
}

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let path = Attribute::new(Some(call.arg("attribute")?));
    let default = call.opt("default").filter(|default| !default.is_none());
    let case_sensitive = call.bool("case_sensitive", false)?;
    let mut rows = Vec::new();
    for item in py::iterate(call.input())? {
        let found = path.get(&item, default);
        py::trip(&found)?;
        rows.push((if case_sensitive { found.clone() } else { fold_case(found.clone()) }, found, item));
    }
    py::sort(&mut rows, |row| &row.0, false)?;
    let mut groups: Vec<(Mj, Mj, Vec<Mj>)> = Vec::new();
    for (key, found, item) in rows {
        match groups.last_mut() {
            Some(group) if py::equal(&group.0, &key) => group.2.push(item),
            _ => groups.push((key, found, vec![item])),
        }
    }
    let group = |(_, grouper, items): (Mj, Mj, Vec<Mj>)| Object::value(Group { grouper, list: py::list(items) });
    Ok(py::list(groups.into_iter().map(group).collect()))
}
