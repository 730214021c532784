//! Constants of Python files, read without running them: `DOCUMENTATION = r"""..."""`.

use rplay_value::{Value, literal_eval};

/// What a name is given.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    /// A literal.
    Known(Value),
    /// Something that has to be run to be known.
    Computed,
}

/// Names that the top of a file assigns literals to, in order; a name may come more than once.
pub(super) fn of_file(text: &str) -> Vec<(&str, Constant)> {
    statements(text).into_iter().filter(|line| line.indent == 0).flat_map(|line| assigned(line.text)).collect()
}

/// The same of a class's body. `None` when the file has no such class.
pub(super) fn of_class<'t>(text: &'t str, class: &str) -> Option<Vec<(&'t str, Constant)>> {
    let mut lines = statements(text).into_iter();
    lines.find(|line| {
        let name = line.text.strip_prefix("class ").map(str::trim_start);
        line.indent == 0
            && name.and_then(|name| name.strip_prefix(class)).is_some_and(|rest| !rest.starts_with(is_word))
    })?;
    let body: Vec<Statement<'_>> = lines.take_while(|line| line.indent > 0).collect();
    let first = body.first().map_or(0, |line| line.indent);
    Some(body.into_iter().filter(|line| line.indent == first).flat_map(|line| assigned(line.text)).collect())
}

/// The text of the first function of this name, with its indented body.
pub(super) fn function<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let lines = statements(text);
    let at = lines.iter().position(|line| {
        line.text
            .strip_prefix("def ")
            .and_then(|rest| rest.trim_start().strip_prefix(name))
            .is_some_and(|rest| rest.trim_start().starts_with('('))
    })?;
    let start = lines[at].at;
    let end = lines[at + 1..].iter().find(|line| line.indent <= lines[at].indent).map_or(text.len(), |line| line.at);
    text.get(start..end)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A logical line: with everything that its brackets and strings hold, without the comment that ends it.
struct Statement<'t> {
    at: usize,
    indent: usize,
    text: &'t str,
}

fn statements(text: &str) -> Vec<Statement<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\x0c')) {
            at += 1;
        }
        let (begin, mut end, mut depth) = (at, None, 0_usize);
        loop {
            match bytes.get(at) {
                None => break,
                Some(b'\n') if depth == 0 => break,
                Some(b'\\') => at += 2,
                Some(b'#') => {
                    if depth == 0 {
                        end = end.or(Some(at));
                    }
                    at += text[at..].find('\n').unwrap_or(bytes.len() - at);
                }
                Some(b'\'' | b'"') => at = past_string(bytes, at),
                Some(b'(' | b'[' | b'{') => {
                    depth += 1;
                    at += 1;
                }
                Some(b')' | b']' | b'}') => {
                    depth = depth.saturating_sub(1);
                    at += 1;
                }
                Some(_) => at += 1,
            }
        }
        at = at.min(bytes.len());
        let line = text.get(begin..end.unwrap_or(at)).unwrap_or_default().trim_end();
        if !line.is_empty() {
            found.push(Statement { at: start, indent: begin - start, text: line });
        }
        at += 1;
    }
    found
}

/// The byte after the string that begins here.
fn past_string(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let long = bytes[at..].starts_with(&[quote, quote, quote]);
    let mut at = at + if long { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            // Also in raw strings a backslash keeps the quote after it from ending them.
            b'\\' => at += 2,
            _ if long && bytes[at..].starts_with(&[quote, quote, quote]) => return at + 3,
            b'\n' if !long => return at,
            byte if !long && *byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The names and the value of `A = B = "..."` or `A: str = "..."`.
fn assigned(line: &str) -> Vec<(&str, Constant)> {
    let mut names = Vec::new();
    let mut rest = line;
    loop {
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (name, mut after) = (&rest[..end], rest[end..].trim_start());
        if let Some(annotated) = after.strip_prefix(':') {
            after = annotated.find('=').map_or("", |at| &annotated[at..]);
        }
        let value = after.strip_prefix('=').filter(|value| !name.is_empty() && !value.starts_with('='));
        let Some(value) = value.filter(|_| !name.starts_with(|c: char| c.is_ascii_digit())) else { break };
        names.push(name);
        rest = value.trim_start();
    }
    if names.is_empty() {
        return Vec::new();
    }
    let value = literal_eval(rest).map_or(Constant::Computed, Constant::Known);
    names.into_iter().map(|name| (name, value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Constant {
        Constant::Known(Value::data(value))
    }

    #[test]
    fn constants_of_a_file() {
        let file = "#!/usr/bin/python\n# DOCUMENTATION = 'no'\n'''DOCUMENTATION = 'no'\n'''\n\
            from x import (y,\n  z)\nDOCUMENTATION = r'''\n---\nmodule: a\\n\n'''\n\
            EXAMPLES = RETURN = (\"one\\n\"  # first\n  'two')\nA: str = u\"b\"\nB = A + 'c'\nC = {'a': [1, None]}\n\
            if x:\n    D = 'inside'\ndef f():\n    E = 'x'\nF == 'g'\nG.h = 'i'\n";
        let found = of_file(file);
        let expected = [
            ("DOCUMENTATION", text("\n---\nmodule: a\\n\n")),
            ("EXAMPLES", text("one\ntwo")),
            ("RETURN", text("one\ntwo")),
            ("A", text("b")),
            ("B", Constant::Computed),
            ("C", Constant::Known(literal_eval("{'a': [1, None]}").unwrap())),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn constants_of_a_class_and_the_text_of_a_function() {
        let file = "class Other(object):\n    X = 'no'\n\nclass ModuleDocFragment(object):\n    '''About it.'''\n\n    # one\n    \
            DOCUMENTATION = r'''\noptions: {}\n'''\n    def f(self):\n        Y = 'no'\n    FILES = 'x'\n\nclass Last:\n    Z = 'no'\n";
        let found = of_class(file, "ModuleDocFragment").unwrap();
        assert_eq!(found, [("DOCUMENTATION", text("\noptions: {}\n")), ("FILES", text("x"))]);
        assert_eq!(of_class(file, "Mod"), None);
        assert_eq!(function(file, "f").map(str::trim), Some("def f(self):\n        Y = 'no'"));
        assert_eq!(function(file, "g"), None);
    }

    #[test]
    fn files_that_end_in_the_middle_of_things() {
        for file in ["A = '''x", "A = (1,", "A = 'x\nB = 'y'", "A = 'x\\", "A = ", "=", "\"", "\\"] {
            let _ = (of_file(file), of_class(file, "A"), function(file, "f"));
        }
    }
}
