//! File names with `*`, `?` and `[...]`, as Python's `glob` and `fnmatch` match them.

use std::path::{Path, PathBuf};

/// The paths a pattern stands for; the path itself when it holds no wildcard and exists.
pub(crate) fn matches(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern {
        let text = part.to_string_lossy();
        let mut next = Vec::new();
        for base in found {
            if !has_wildcards(&text) {
                let path = base.join(part);
                if path.symlink_metadata().is_ok() {
                    next.push(path);
                }
                continue;
            }
            let folder = if base.as_os_str().is_empty() { Path::new(".") } else { base.as_path() };
            let Ok(entries) = fs_err::read_dir(folder) else { continue };
            let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
            // A leading dot is only matched by a dot, as in a shell.
            let mut names: Vec<_> = names
                .filter(|name| {
                    let name = name.to_string_lossy();
                    (!name.starts_with('.') || text.starts_with('.')) && fnmatch(&text, &name)
                })
                .collect();
            names.sort();
            next.extend(names.into_iter().map(|name| base.join(name)));
        }
        found = next;
    }
    found.retain(|path| !path.as_os_str().is_empty());
    found
}

fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether a name matches a shell pattern; nothing is special about dots and slashes.
pub(crate) fn fnmatch(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` was, and the first character it has not swallowed yet.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class(&pattern[p..], name[n]),
            Some(c) => (*c == name[n]).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(width), _) => {
                p += width;
                n += 1;
            }
            (None, Some((after, eaten))) => {
                p = after;
                n = eaten + 1;
                star = Some((after, n));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The length of a `[...]` that matches, or `None`. An unclosed bracket is a bracket.
fn class(pattern: &[char], c: char) -> Option<usize> {
    let negated = pattern.get(1) == Some(&'!');
    let start = if negated { 2 } else { 1 };
    let Some(end) = pattern.iter().skip(start + 1).position(|p| *p == ']').map(|at| at + start + 1) else {
        return (c == '[').then_some(1);
    };
    let set = &pattern[start..end];
    let mut at = 0;
    let mut found = false;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == '-' {
            found |= (set[at]..=set[at + 2]).contains(&c);
            at += 3;
        } else {
            found |= set[at] == c;
            at += 1;
        }
    }
    (found != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_pattern_is_answered(pattern in "[a-c*?!\\[\\]-]{0,8}", name in "[a-c\\[\\]-]{0,8}") {
            let _ = fnmatch(&pattern, &name);
            let star = format!("*{name}*");
            prop_assert!(name.contains('[') || fnmatch(&star, &name));
        }
    }

    #[test]
    fn names_match_as_in_python() {
        for (pattern, name, expected) in [
            ("*.log", "a.log", true),
            ("*.log", "a.logs", false),
            ("a?c*", "abcdef", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("*a*b", "xxaxxab", true),
            ("[", "[", true),
            ("[]]", "]", true),
            ("*", "", true),
            ("?", "", false),
        ] {
            assert_eq!(fnmatch(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn paths_match_in_every_part() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a1/x.txt", "a2/x.txt", "b/x.txt", ".a3/x.txt"] {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        assert_eq!(matches(&folder.path().join("a*/*.txt")).len(), 2);
        assert_eq!(matches(&folder.path().join("b/x.txt")).len(), 1);
        assert!(matches(&folder.path().join("none*")).is_empty());
        assert!(matches(Path::new("/no/such/file")).is_empty());
    }
}
