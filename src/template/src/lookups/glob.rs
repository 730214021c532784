//! Shell patterns over files, as Python's `glob` reads them: `*`, `?`, `[seq]`; names with a leading dot only when the
//! pattern has one too.

use std::path::{Path, PathBuf};

/// Regular files that match, in the order the folders list them.
pub(crate) fn matching_files(pattern: &str) -> Vec<String> {
    matching(pattern).into_iter().filter(|path| Path::new(path).is_file()).collect()
}

/// Everything that matches.
pub(crate) fn matching(pattern: &str) -> Vec<String> {
    let mut found: Vec<PathBuf> = vec![PathBuf::from(if pattern.starts_with('/') { "/" } else { "" })];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for base in found {
            if !part.contains(['*', '?', '[']) {
                let path = base.join(part);
                if fs_err::symlink_metadata(&path).is_ok() {
                    next.push(path);
                }
                continue;
            }
            let folder = if base.as_os_str().is_empty() { Path::new(".") } else { &base };
            let Ok(entries) = fs_err::read_dir(folder) else { continue };
            let pattern: Vec<char> = part.chars().collect();
            let mut names: Vec<String> = entries
                .filter_map(Result::ok)
                .filter_map(|entry| entry.file_name().into_string().ok())
                .filter(|name| part.starts_with('.') || !name.starts_with('.'))
                .filter(|name| fits(&pattern, &name.chars().collect::<Vec<_>>()))
                .collect();
            names.sort();
            next.extend(names.into_iter().map(|name| base.join(name)));
        }
        found = next;
    }
    found.retain(|path| !path.as_os_str().is_empty());
    found.into_iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

/// `fnmatch`: whether a name fits a pattern.
pub(crate) fn fits(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|skip| fits(rest, &name[skip..])),
        Some(('?', rest)) => name.split_first().is_some_and(|(_, name)| fits(rest, name)),
        Some(('[', rest)) => {
            // A bracket directly after the opening one is a member.
            let start = usize::from(rest.first() == Some(&'!'));
            let Some(end) = rest.iter().skip(start + 1).position(|c| *c == ']').map(|at| at + start + 1) else {
                return name.split_first().is_some_and(|(c, name)| *c == '[' && fits(rest, name));
            };
            let Some((c, name)) = name.split_first() else { return false };
            let members = &rest[start..end];
            let mut inside = false;
            let mut at = 0;
            while at < members.len() {
                if members.get(at + 1) == Some(&'-') && at + 2 < members.len() {
                    inside |= (members[at]..=members[at + 2]).contains(c);
                    at += 3;
                } else {
                    inside |= members[at] == *c;
                    at += 1;
                }
            }
            inside == (start == 0) && fits(&rest[end + 1..], name)
        }
        Some((c, rest)) => name.split_first().is_some_and(|(first, name)| first == c && fits(rest, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        let fits =
            |pattern: &str, name: &str| fits(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
        assert!(fits("*.yml", "a.yml"));
        assert!(fits("a?[b-d]", "axc"));
        assert!(fits("[!a]*", "bc"));
        assert!(fits("[]a]", "]"));
        assert!(!fits("[!a]*", "ab"));
        assert!(!fits("*.yml", "a.yaml"));
    }
}
