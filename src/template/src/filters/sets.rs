//! Set arithmetic on lists: `union`, `intersect`, `difference`, `symmetric_difference`, `subset`, `superset`.
//!
//! Python's sets have no order anybody may count on; these keep the order of appearance.

use std::collections::HashSet;

use minijinja::Value as Mj;

use crate::py::{self, Key};
use crate::{FilterCall, TemplateError};

/// The members of a list, for membership questions: hashed, or one by one when something in it cannot be.
pub(crate) enum Members {
    Hashed(HashSet<Key>),
    Listed(Vec<Mj>),
}

impl Members {
    pub(crate) fn of(items: &[Mj]) -> Self {
        match items.iter().map(|item| Key::new(item.clone())).collect::<Result<HashSet<_>, _>>() {
            Ok(keys) => Self::Hashed(keys),
            Err(_) => Self::Listed(items.to_vec()),
        }
    }

    pub(crate) fn has(&self, item: &Mj) -> bool {
        match self {
            Self::Hashed(keys) => Key::new(item.clone()).is_ok_and(|key| keys.contains(&key)),
            Self::Listed(items) => items.iter().any(|known| py::equal(known, item)),
        }
    }
}

/// The items without repetitions, in order of appearance.
pub(crate) fn distinct(items: Vec<Mj>) -> Vec<Mj> {
    let mut seen = HashSet::new();
    let mut listed: Vec<Mj> = Vec::new();
    items
        .into_iter()
        .filter(|item| {
            if let Ok(key) = Key::new(item.clone()) {
                seen.insert(key)
            } else {
                let is_new = !listed.iter().any(|known| py::equal(known, item));
                if is_new {
                    listed.push(item.clone());
                }
                is_new
            }
        })
        .collect()
}

/// The two lists a set filter works on.
pub(crate) fn operands(call: &FilterCall<'_>) -> Result<(Vec<Mj>, Vec<Mj>), TemplateError> {
    let read = |value: &Mj| {
        let items = py::iterate(value)?;
        items.iter().try_for_each(py::trip)?;
        Ok::<_, TemplateError>(items)
    };
    Ok((read(call.input())?, read(call.arg("b")?)?))
}
