//! Merging mappings: the `combine` filter and `hash_behaviour = merge`, as ansible-core's `merge_hash`.

use std::collections::HashSet;
use std::str::FromStr;

use crate::{List, Map, Value};

/// What becomes of two lists under the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListMerge {
    /// The later list wins.
    #[default]
    Replace,
    /// The earlier list wins.
    Keep,
    /// Earlier items, then later ones.
    Append,
    /// Later items, then earlier ones.
    Prepend,
    /// Earlier items that are not in the later list, then the later list.
    AppendRp,
    /// The later list, then earlier items that are not in it.
    PrependRp,
}

impl ListMerge {
    /// The names users write, in the order documentation lists them.
    pub const NAMES: [&'static str; 6] = ["replace", "keep", "append", "prepend", "append_rp", "prepend_rp"];
}

impl FromStr for ListMerge {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "replace" => Ok(Self::Replace),
            "keep" => Ok(Self::Keep),
            "append" => Ok(Self::Append),
            "prepend" => Ok(Self::Prepend),
            "append_rp" => Ok(Self::AppendRp),
            "prepend_rp" => Ok(Self::PrependRp),
            _ => Err(()),
        }
    }
}

impl Map {
    /// This mapping with `other` laid over it. Keys keep their place; new ones follow. With `recursive`, mappings
    /// under the same key are merged too.
    #[must_use]
    pub fn merged(&self, other: &Self, recursive: bool, lists: ListMerge) -> Self {
        if self.is_empty() || self.same(other) {
            return other.clone();
        }
        let mut merged = self.clone();
        merged.merge(other, recursive, lists);
        merged
    }

    /// Lays `other` over this mapping, see [`Map::merged`].
    pub fn merge(&mut self, other: &Self, recursive: bool, lists: ListMerge) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        let entries = self.make_mut();
        for (key, later) in other {
            let Some(earlier) = entries.get_mut(key) else {
                entries.insert(key.clone(), later.clone());
                continue;
            };
            match (&mut *earlier, later) {
                (Value::Map(earlier), Value::Map(later)) if recursive => earlier.merge(later, recursive, lists),
                (Value::List(earlier), Value::List(later)) => merge_lists(earlier, later, lists),
                _ => *earlier = later.clone(),
            }
        }
    }
}

fn merge_lists(earlier: &mut List, later: &List, how: ListMerge) {
    let absent = |from: &List| -> Vec<Value> {
        let present: HashSet<&Value> = later.iter().collect();
        from.iter().filter(|item| !present.contains(item)).cloned().collect()
    };
    match how {
        ListMerge::Replace => *earlier = later.clone(),
        ListMerge::Keep => {}
        ListMerge::Append => earlier.make_mut().extend_from_slice(later),
        ListMerge::Prepend => {
            let mut items = later.to_vec();
            items.extend_from_slice(earlier);
            *earlier = items.into();
        }
        ListMerge::AppendRp => {
            let mut items = absent(earlier);
            items.extend_from_slice(later);
            *earlier = items.into();
        }
        ListMerge::PrependRp => {
            let mut items = later.to_vec();
            items.extend(absent(earlier));
            *earlier = items.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    /// Expected values were returned by ansible-core's `combine`.
    #[test]
    fn merging_is_ansibles() {
        let a = json::loads(r#"{"x": {"p": 1, "q": [1, 2, 3]}, "l": [1, 2, 3], "k": 0}"#).unwrap();
        let b = json::loads(r#"{"l": [3, 4, 4], "x": {"q": [3, 9]}, "n": null}"#).unwrap();
        let (a, b) = (a.as_map().unwrap(), b.as_map().unwrap());
        for (recursive, lists, want) in [
            (false, "replace", "{'x': {'q': [3, 9]}, 'l': [3, 4, 4], 'k': 0, 'n': None}"),
            (true, "replace", "{'x': {'p': 1, 'q': [3, 9]}, 'l': [3, 4, 4], 'k': 0, 'n': None}"),
            (false, "append", "{'x': {'q': [3, 9]}, 'l': [1, 2, 3, 3, 4, 4], 'k': 0, 'n': None}"),
            (true, "append_rp", "{'x': {'p': 1, 'q': [1, 2, 3, 9]}, 'l': [1, 2, 3, 4, 4], 'k': 0, 'n': None}"),
            (true, "prepend_rp", "{'x': {'p': 1, 'q': [3, 9, 1, 2]}, 'l': [3, 4, 4, 1, 2], 'k': 0, 'n': None}"),
            (true, "prepend", "{'x': {'p': 1, 'q': [3, 9, 1, 2, 3]}, 'l': [3, 4, 4, 1, 2, 3], 'k': 0, 'n': None}"),
            (true, "keep", "{'x': {'p': 1, 'q': [1, 2, 3]}, 'l': [1, 2, 3], 'k': 0, 'n': None}"),
        ] {
            assert_eq!(Value::Map(a.merged(b, recursive, lists.parse().unwrap())).repr(), want, "{recursive} {lists}");
        }
    }
}
