//! Which collectors a `gather_subset` selects, and which facts a `filter` lets through.

use std::collections::BTreeSet;

use super::Collector;
use crate::glob::fnmatch;

/// Indexes of the collectors to run, in table order. As ansible-core: `min` comes first, additions are united, then
/// exclusions are taken out unless the same name was also asked for; an unknown exclusion is ignored.
pub(super) fn select(collectors: &[Collector], subset: &[&str]) -> Result<BTreeSet<usize>, String> {
    let valid: BTreeSet<&str> = collectors.iter().flat_map(|c| c.ids.iter().copied().chain([c.name])).collect();
    let minimal: BTreeSet<&str> = collectors.iter().filter(|c| c.minimal).map(|c| c.name).collect();
    let subset = if subset.is_empty() { &["all"][..] } else { subset };

    let mut added: BTreeSet<&str> = minimal.clone();
    let mut excluded: BTreeSet<&str> = BTreeSet::new();
    let mut explicit: BTreeSet<&str> = BTreeSet::new();
    for name in subset {
        match name.strip_prefix('!') {
            None if *name == "min" => added.extend(&minimal),
            None if *name == "all" => added.extend(&valid),
            None if valid.contains(name) => {
                explicit.insert(name);
                added.insert(name);
            }
            None => {
                let options: Vec<&str> = valid.into_iter().collect();
                let options = options.join(", ");
                return Err(format!(
                    "Bad subset '{name}' given to Ansible. gather_subset options allowed: all, {options}"
                ));
            }
            Some("min") => excluded.extend(&minimal),
            Some("all") => excluded.extend(valid.difference(&minimal)),
            Some(name) => {
                excluded.insert(name);
                excluded.extend(collectors.iter().filter(|c| c.name == name).flat_map(|c| c.ids));
            }
        }
    }
    let names: BTreeSet<&str> =
        added.into_iter().filter(|name| !excluded.contains(name) || explicit.contains(name)).collect();

    let mut selected: BTreeSet<usize> = BTreeSet::new();
    let mut open: Vec<usize> = (0..collectors.len())
        .filter(|i| names.contains(collectors[*i].name) || collectors[*i].ids.iter().any(|id| names.contains(id)))
        .collect();
    while let Some(index) = open.pop() {
        if selected.insert(index) {
            let needs = collectors[index].needs;
            open.extend((0..collectors.len()).filter(|i| needs.contains(&collectors[*i].name)));
        }
    }
    Ok(selected)
}

/// Whether a fact passes the filter globs; a glob without `ansible_` is tried with it too.
pub(super) fn wanted(name: &str, filter: &[&str]) -> bool {
    if filter.iter().all(|glob| *glob == "*") {
        return true;
    }
    filter.iter().any(|glob| {
        let prefixed = ["ansible_", "facter", "ohai"].iter().any(|prefix| glob.starts_with(prefix));
        glob.is_empty() || fnmatch(glob, name) || !prefixed && fnmatch(&format!("ansible_{glob}"), name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::COLLECTORS;

    fn names(subset: &[&str]) -> Vec<&'static str> {
        select(COLLECTORS, subset).unwrap().into_iter().map(|i| COLLECTORS[i].name).collect()
    }

    #[test]
    fn subsets_select_as_ansible_does() {
        assert_eq!(names(&["all"]).len(), COLLECTORS.len());
        assert_eq!(names(&[]).len(), COLLECTORS.len());
        assert_eq!(names(&["!all"]).len(), 18);
        assert_eq!(names(&["!all", "!min"]), Vec::<&str>::new());
        assert_eq!(names(&["!all", "!min", "network"]), ["platform", "distribution", "python_version", "network"]);
        assert_eq!(names(&["!all", "!min", "mounts"]), ["platform", "python_version", "hardware"]);
        assert_eq!(names(&["!all", "!min", "python"]), ["python"]);
        assert!(!names(&["!hardware"]).contains(&"hardware"));
        assert!(names(&["!unknown"]).contains(&"platform"));
        let error = select(COLLECTORS, &["bad"]).unwrap_err();
        assert!(
            error.starts_with(
                "Bad subset 'bad' given to Ansible. gather_subset options allowed: all, all_ipv4_addresses"
            )
        );
    }

    #[test]
    fn filters_are_globs_with_or_without_prefix() {
        assert!(wanted("ansible_kernel", &[]));
        assert!(wanted("ansible_memory_mb", &["mem*"]));
        assert!(wanted("ansible_eth0", &["ansible_eth[0-2]"]));
        assert!(!wanted("ansible_eth3", &["ansible_eth[0-2]"]));
        assert!(wanted("ansible_eth3", &["ansible_eth[!0-2]"]));
        assert!(wanted("gather_subset", &["gather*"]));
        assert!(!wanted("module_setup", &["kernel*"]));
        assert!(wanted("facter_os", &["facter_*"]));
    }
}
