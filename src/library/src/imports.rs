//! What a Python file imports, without running Python: statements are found by their first word once texts and comments
//! are out of the way.

/// One thing that is imported, as the parts of its name. The last part of `from a import b` may be a module or something
/// in one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// `ansible`, `module_utils`, `basic`, `AnsibleModule`.
    pub(crate) parts: Vec<String>,
    /// Not at the top level of the file: whether it is there, the file may find out for itself.
    pub(crate) optional: bool,
}

/// The imports of a file that is called `name` (dotted) among Python's modules; `package` when it is an `__init__.py`.
pub(crate) fn imports(text: &str, name: &str, package: bool) -> Vec<Import> {
    let mut found = Vec::new();
    for line in logical_lines(text) {
        let top = !line.starts_with([' ', '\t']);
        for (at, statement) in line.split(';').enumerate() {
            let (statement, nested) = simple(statement.trim());
            let optional = !top || nested || (at > 0 && line.contains(": "));
            statement_imports(statement, name, package, optional, &mut found);
        }
    }
    found
}

/// `try: import x` is `import x`.
fn simple(statement: &str) -> (&str, bool) {
    if is_import(statement) {
        return (statement, false);
    }
    match statement.match_indices(':').map(|(at, _)| statement[at + 1..].trim_start()).find(|rest| is_import(rest)) {
        Some(rest) => (rest, true),
        None => (statement, false),
    }
}

fn is_import(statement: &str) -> bool {
    let word = statement.split([' ', '\t', '.', '(']).next();
    matches!(word, Some("import" | "from"))
}

fn statement_imports(statement: &str, name: &str, package: bool, optional: bool, found: &mut Vec<Import>) {
    let parts = |text: &str| text.split('.').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
    let names = |text: &str| {
        let text = text.trim().trim_start_matches('(').trim_end_matches(')').to_owned();
        let each = text.split(',').map(|name| name.split_whitespace().next().unwrap_or_default().to_owned());
        each.filter(|name| !name.is_empty()).collect::<Vec<_>>()
    };
    if let Some(rest) = statement.strip_prefix("import").filter(|rest| rest.starts_with([' ', '\t'])) {
        found.extend(names(rest).iter().map(|name| Import { parts: parts(name), optional }));
        return;
    }
    let Some(rest) = statement.strip_prefix("from") else { return };
    let Some(at) = rest
        .find("import")
        .filter(|at| {
            // Not a part of the name, as in `from importlib import x`.
            let bounded = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
            bounded(rest[..*at].chars().next_back()) && bounded(rest[at + 6..].chars().next())
        })
        .or_else(|| rest.find(" import ").map(|at| at + 1))
    else {
        return;
    };
    let (from, what) = (rest[..at].trim(), &rest[at + 6..]);
    let dots = from.chars().take_while(|c| *c == '.').count();
    let from = from[dots..].trim();
    let mut base: Vec<String> = Vec::new();
    if dots > 0 {
        let own = parts(name);
        let up = if package { dots - 1 } else { dots };
        let Some(kept) = own.len().checked_sub(up) else { return };
        base.extend_from_slice(&own[..kept]);
    }
    if !from.is_empty() {
        base.extend(parts(from));
    }
    found.extend(names(what).into_iter().map(|name| {
        let mut parts = base.clone();
        parts.push(name);
        Import { parts, optional }
    }));
}

/// The lines of a file as Python joins them: texts are empty, comments gone, what stands in brackets is on one line.
fn logical_lines(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let (mut lines, mut line, mut depth, mut at) = (Vec::new(), String::new(), 0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'#' => {
                at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            quote @ (b'"' | b'\'') => {
                at = after_text(bytes, at, quote);
                line.push_str("\"\"");
                continue;
            }
            b'\\' if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => {
                at += if bytes[at + 1..].starts_with(b"\r\n") { 2 } else { 1 };
                line.push(' ');
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                line.push(bytes[at].into());
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                line.push(bytes[at].into());
            }
            b'\n' | b'\r' if depth == 0 => {
                if !line.trim().is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                line.clear();
            }
            b'\n' | b'\r' => line.push(' '),
            // Names beyond ASCII do not matter here.
            byte => line.push(if byte.is_ascii() { byte.into() } else { '?' }),
        }
        at += 1;
    }
    if !line.trim().is_empty() {
        lines.push(line);
    }
    lines
}

/// Where a text that begins here has ended.
fn after_text(bytes: &[u8], start: usize, quote: u8) -> usize {
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if triple { 3 } else { 1 };
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' if !triple => return at,
            byte if byte == quote && (!triple || bytes[at..].starts_with(&[quote; 3])) => {
                return at + if triple { 3 } else { 1 };
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<String> {
        let shown = |import: &Import| format!("{}{}", import.parts.join("."), if import.optional { "?" } else { "" });
        imports(text, "ansible.modules.mine", false).iter().map(shown).collect()
    }

    #[test]
    fn every_form_of_import_is_found() {
        assert_eq!(names("import a.b, c as d\n"), ["a.b", "c"]);
        assert_eq!(names("from a.b import (c as d,  # why\n    e,\n)\n"), ["a.b.c", "a.b.e"]);
        assert_eq!(names("from a import \\\n  b\n"), ["a.b"]);
        assert_eq!(names("from a import *"), ["a.*"]);
        assert_eq!(names("try:\n    import a\nexcept ImportError:\n    a = None\n"), ["a?"]);
        assert_eq!(names("try: import a\nexcept ImportError: pass\n"), ["a?"]);
        assert_eq!(names("x = 1; import a; from b import c"), ["a", "b.c"]);
        assert_eq!(names("def f():\n\tfrom a import b\n"), ["a.b?"]);
        assert_eq!(
            names("from importlib import metadata\nfrom important.imports import x\n"),
            ["importlib.metadata", "important.imports.x"]
        );
        assert_eq!(
            names("from ..module_utils.x import y\nfrom . import z\n"),
            ["ansible.module_utils.x.y", "ansible.modules.z"]
        );
        assert_eq!(names("from....too.far import x\n"), [""; 0]);
    }

    #[test]
    fn a_package_is_its_own_parent() {
        let found = imports("from .x import y\nfrom ..z import q", "a.b", true);
        let names: Vec<_> = found.iter().map(|import| import.parts.join(".")).collect();
        assert_eq!(names, ["a.b.x.y", "a.z.q"]);
    }

    #[test]
    fn texts_and_comments_are_no_imports() {
        let text = "DOC = r'''\nimport a\n'''\n# import b\nX = 'it\\'s' \"\"\"\nfrom c import d\\\"\"\"\n\"\"\"\nimport real\nkey = {\n'a': 1,\n}\n";
        assert_eq!(names(text), ["real"]);
        assert_eq!(names("raise_from = 1\nfrom_x = 2\nimportant = 3\nyield_from(x)\n"), [""; 0]);
        assert_eq!(names("x = 'open\nimport a\n"), ["a"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|[a-z .,;:()'\"#\\\\\n\t]{0,200}") {
            let _ = imports(&text, "a.b", false);
        }
    }
}
