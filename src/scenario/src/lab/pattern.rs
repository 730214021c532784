//! Patterns of hosts in checks and faults: names, groups, `all`, wildcards and `!` for what is left out.

use rplay_diag::{Diagnostic, nearest};

use super::LabError;
use crate::handoff::{Reached, groups};
use crate::scenario::Scenario;
use crate::topology::Node;

/// The nodes that a pattern means, in the scenario's order.
pub(super) fn select<'r, 'n>(
    scenario: &Scenario,
    reached: &'r [Reached<'n>],
    pattern: Option<&str>,
) -> Result<Vec<&'r Reached<'n>>, LabError> {
    let nodes: Vec<&Node<'_>> = reached.iter().map(|reached| reached.node).collect();
    let chosen = chosen(scenario, &nodes, pattern)?;
    Ok(reached.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(node, _)| node).collect())
}

/// As [`select`], of nodes that may not be there yet.
pub(super) fn nodes<'r, 'n>(
    scenario: &Scenario,
    nodes: &[&'r Node<'n>],
    pattern: Option<&str>,
) -> Result<Vec<&'r Node<'n>>, LabError> {
    let chosen = chosen(scenario, nodes, pattern)?;
    Ok(nodes.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(node, _)| *node).collect())
}

fn chosen(scenario: &Scenario, nodes: &[&Node<'_>], pattern: Option<&str>) -> Result<Vec<bool>, LabError> {
    let groups = groups(scenario, nodes.iter().copied());
    let mut chosen = vec![false; nodes.len()];
    let pattern = pattern.unwrap_or("all");
    let terms: Vec<&str> = pattern.split([',', ':']).map(str::trim).filter(|term| !term.is_empty()).collect();
    // As inventories have it: what is left out comes last, and alone it is taken from all.
    let only_not = terms.iter().all(|term| term.starts_with('!'));
    if only_not {
        chosen.fill(true);
    }
    let (without, with): (Vec<&str>, Vec<&str>) = terms.into_iter().partition(|term| term.starts_with('!'));
    for (terms, value) in [(with, true), (without, false)] {
        for term in terms {
            let name = term.trim_start_matches('!');
            let mut found = false;
            for (at, node) in nodes.iter().enumerate() {
                let mut in_group = groups.iter().filter(|(group, _)| matches(name, group));
                let member = in_group.any(|(_, members)| members.contains(&node.name));
                if name == "all" || matches(name, &node.name) || member {
                    chosen[at] = value;
                    found = true;
                }
            }
            // A count of none is a group without nodes.
            if !found && !scenario.nodes.contains_key(name) {
                let known = nodes.iter().map(|node| node.name.as_str()).chain(groups.keys().copied());
                let error = Diagnostic::error(format!("no node and no group is `{name}`"));
                let near = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
                return Err(LabError::said(error.hint_maybe(near)));
            }
        }
    }
    Ok(chosen)
}

/// A name with `*` for any text.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match() {
        for (pattern, name, wanted) in [
            ("web-*", "web-0", true),
            ("web-*", "web", false),
            ("*", "x", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("web", "web", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
        }
    }
}
