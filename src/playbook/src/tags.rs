//! Which tasks `--tags` and `--skip-tags` leave.

use std::collections::HashSet;

/// The tags asked for and those to leave out.
///
/// `all`, `tagged`, `untagged`, `always` and `never` mean what they mean to Ansible: `always` runs unless skipped by
/// name, `never` runs only when asked for by one of its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagSelection {
    only: HashSet<String>,
    skip: HashSet<String>,
}

impl TagSelection {
    /// A selection; no `only` at all means `all`. Every entry may hold several tags separated by commas.
    pub fn new<S: AsRef<str>>(only: &[S], skip: &[S]) -> Self {
        let split = |list: &[S]| -> HashSet<String> {
            list.iter().flat_map(|entry| entry.as_ref().split(',')).map(|tag| tag.trim().to_owned()).collect()
        };
        let mut only = split(only);
        if only.is_empty() {
            only.insert("all".to_owned());
        }
        Self { only, skip: split(skip) }
    }

    /// What `--list-tags` selects when neither `--tags` nor `--skip-tags` is given: everything, `never` included.
    #[must_use]
    pub fn for_tag_listing(mut self) -> Self {
        if self.skip.is_empty() && self.only.len() == 1 && self.only.contains("all") {
            self.only.insert("never".to_owned());
        }
        self
    }

    /// Whether a task with these (rendered, inherited ones included) tags runs.
    pub fn allows<S: AsRef<str>>(&self, tags: &[S]) -> bool {
        let has =
            |name: &str| if tags.is_empty() { name == "untagged" } else { tags.iter().any(|t| t.as_ref() == name) };
        let meets = |set: &HashSet<String>| {
            if tags.is_empty() { set.contains("untagged") } else { tags.iter().any(|t| set.contains(t.as_ref())) }
        };
        let tagged = tags.iter().any(|t| t.as_ref() != "untagged");
        let wanted = self.only.is_empty()
            || has("always")
            || self.only.contains("all") && !has("never")
            || meets(&self.only)
            || self.only.contains("tagged") && tagged && !has("never");
        if !wanted || self.skip.is_empty() {
            return wanted;
        }
        if self.skip.contains("all") {
            return has("always") && !self.skip.contains("always");
        }
        !(meets(&self.skip) || self.skip.contains("tagged") && tagged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_special_tags() {
        let allows = |only: &[&str], skip: &[&str], tags: &[&str]| TagSelection::new(only, skip).allows(tags);
        assert!(allows(&[], &[], &[]));
        assert!(allows(&[], &[], &["a"]));
        assert!(!allows(&[], &[], &["never", "a"]));
        assert!(allows(&["a"], &[], &["never", "a"]));
        assert!(allows(&["b"], &[], &["always"]));
        assert!(!allows(&["b"], &["always"], &["always"]));
        assert!(!allows(&["b"], &[], &["a"]));
        assert!(!allows(&["b"], &[], &[]));
        assert!(allows(&["untagged"], &[], &[]));
        assert!(allows(&["tagged"], &[], &["a"]));
        assert!(!allows(&["tagged"], &[], &[]));
        assert!(!allows(&["tagged"], &[], &["never"]));
        assert!(!allows(&["all"], &["tagged"], &["a"]));
        assert!(allows(&["all"], &["tagged"], &[]));
        assert!(!allows(&["all"], &["untagged"], &[]));
        assert!(allows(&["all"], &["all"], &["always"]));
        assert!(!allows(&["all"], &["all"], &["a"]));
        assert!(!allows(&["a,b"], &["c"], &["b", "c"]));
    }
}
