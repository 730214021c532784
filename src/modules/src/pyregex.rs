//! Python's regular expressions on top of `fancy-regex`: what patterns and replacements mean in Ansible's modules.

use std::fmt::Write as _;

use fancy_regex::{Captures, Regex};

use crate::ModuleError;
use crate::convert::quoted;

/// A compiled Python pattern.
#[derive(Debug)]
pub(crate) struct PyRegex(Regex);

/// Python's `re` flags that modules use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    /// `^` and `$` match at every line.
    pub(crate) multiline: bool,
    /// `.` matches newlines.
    pub(crate) dotall: bool,
}

impl PyRegex {
    /// Compiles a pattern without flags.
    pub(crate) fn new(pattern: &str) -> Result<Self, ModuleError> {
        Self::with(pattern, Flags::default())
    }

    /// Compiles a pattern.
    pub(crate) fn with(pattern: &str, flags: Flags) -> Result<Self, ModuleError> {
        Regex::new(&translate(pattern, flags))
            .map(Self)
            .map_err(|error| ModuleError::msg(format!("invalid regular expression {}: {error}", quoted(pattern))))
    }

    /// Whether it matches anywhere. A pattern that backtracks without end counts as no match.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text).unwrap_or(false)
    }

    /// The first match.
    pub(crate) fn search<'t>(&self, text: &'t str) -> Option<Captures<'t, str>> {
        self.0.captures(text).ok().flatten()
    }

    /// The groups' names by number; group 0 is the whole match.
    pub(crate) fn group_names(&self) -> Vec<Option<&str>> {
        self.0.capture_names().collect()
    }

    /// Python's `re.subn` with count 0: the new text and how many matches were replaced.
    pub(crate) fn replace_all(&self, template: &Template, text: &str) -> (String, usize) {
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut from, mut count) = (0, 0, 0);
        while from <= text.len() {
            let Ok(Some(captures)) = self.0.captures_from_pos(text, from) else { break };
            let Some(whole) = captures.get(0) else { break };
            out.push_str(&text[copied..whole.start()]);
            template.expand(&captures, &mut out);
            count += 1;
            copied = whole.end();
            from = whole.end();
            if whole.start() == whole.end() {
                // The same empty match must not be found again.
                from += text[from..].chars().next().map_or(1, char::len_utf8);
            }
        }
        out.push_str(&text[copied..]);
        (out, count)
    }
}

/// A replacement with `\1`, `\g<name>` and escapes, read once.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Number(usize),
    Name(String),
}

impl Template {
    /// Whether the groups it names are in the pattern; the error is Python's.
    pub(crate) fn fits(&self, regex: &PyRegex) -> Result<(), String> {
        let groups = regex.0.captures_len();
        for piece in &self.0 {
            match piece {
                Piece::Number(number) if *number >= groups => {
                    return Err(format!("invalid group reference {number} at position 1"));
                }
                Piece::Name(name) if !regex.group_names().contains(&Some(name.as_str())) => {
                    return Err(format!("unknown group name {}", crate::convert::quoted(name)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads a replacement; the error is Python's.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let chars: Vec<char> = template.chars().collect();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            if c != '\\' {
                text.push(c);
                continue;
            }
            let Some(&escaped) = chars.get(at) else {
                return Err(format!("bad escape (end of pattern) at position {}", at - 1));
            };
            at += 1;
            match escaped {
                'g' => {
                    let end = chars[at..].iter().position(|c| *c == '>').filter(|_| chars.get(at) == Some(&'<'));
                    let end = end.ok_or_else(|| format!("missing < at position {at}"))?;
                    let name: String = chars[at + 1..at + end].iter().collect();
                    at += end + 1;
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(name.parse().map_or(Piece::Name(name), Piece::Number));
                }
                '0' => {
                    let digits = chars[at..].iter().take(2).take_while(|c| c.is_digit(8)).count();
                    text.extend(octal(&chars[at..at + digits]));
                    at += digits;
                }
                '1'..='9' => {
                    let is_octal =
                        escaped.is_digit(8) && chars[at..].iter().take(2).filter(|c| c.is_digit(8)).count() == 2;
                    if is_octal {
                        text.extend(octal(&chars[at - 1..at + 2]));
                        at += 2;
                        continue;
                    }
                    let mut number = escaped.to_digit(10).unwrap_or_default() as usize;
                    if let Some(digit) = chars.get(at).and_then(|c| c.to_digit(10)) {
                        number = number * 10 + digit as usize;
                        at += 1;
                    }
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Number(number));
                }
                'a' => text.push('\u{7}'),
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'v' => text.push('\u{b}'),
                '\\' => text.push('\\'),
                c if c.is_ascii_alphabetic() => return Err(format!("bad escape \\{c} at position {}", at - 2)),
                c => text.extend(['\\', c]),
            }
        }
        pieces.push(Piece::Text(text));
        Ok(Self(pieces))
    }

    /// The replacement for one match; groups that took no part are empty.
    pub(crate) fn expand(&self, captures: &Captures<'_, str>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Number(number) => out.push_str(captures.get(*number).map_or("", |m| m.as_str())),
                Piece::Name(name) => out.push_str(captures.name(name).map_or("", |m| m.as_str())),
            }
        }
    }
}

fn octal(digits: &[char]) -> Option<char> {
    let value = digits.iter().fold(0, |sum, c| sum * 8 + c.to_digit(8).unwrap_or_default());
    char::from_u32(value & 0xff)
}

/// The same pattern in `fancy-regex`'s words.
fn translate(pattern: &str, flags: Flags) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    if flags.multiline {
        out.push_str("(?m)");
    }
    if flags.dotall {
        out.push_str("(?s)");
    }
    let chars: Vec<char> = pattern.chars().collect();
    let mut multiline = flags.multiline;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            '\\' => at += escape(&chars[at..], false, &mut out),
            '[' => at += class(&chars[at..], &mut out),
            // Python's `$` also matches before a newline that ends the text.
            '$' if !multiline => out.push_str("(?=\\n?\\z)"),
            '{' if !is_quantifier(&chars[at..]) => out.push_str("\\{"),
            '(' if chars[at..].starts_with(&['?', '#']) => {
                at += chars[at..].iter().position(|c| *c == ')').map_or(chars.len() - at, |end| end + 1);
            }
            '(' if chars.get(at) == Some(&'?') && chars.get(at + 1).is_some_and(|c| "aiLmsux".contains(*c)) => {
                let letters: String = chars[at + 1..].iter().take_while(|c| c.is_ascii_alphabetic()).collect();
                let known: String = letters.chars().filter(|c| "imsx".contains(*c)).collect();
                multiline |= known.contains('m');
                at += 1 + letters.len();
                let ends = chars.get(at) == Some(&')');
                if known.is_empty() && ends {
                    at += 1;
                } else {
                    let _ = write!(out, "(?{known}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// What follows a backslash; returns how many characters were read.
fn escape(rest: &[char], in_class: bool, out: &mut String) -> usize {
    let Some(&c) = rest.first() else {
        out.push('\\');
        return 0;
    };
    match c {
        'Z' if !in_class => out.push_str("\\z"),
        'b' if in_class => out.push_str("\\x08"),
        '0' => {
            let digits = 1 + rest[1..].iter().take(2).take_while(|c| c.is_digit(8)).count();
            let code = octal(&rest[..digits]).map_or(0, u32::from);
            let _ = write!(out, "\\x{code:02x}");
            return digits;
        }
        '<' | '>' => out.push(c),
        c if !c.is_ascii() => out.push(c),
        c => out.extend(['\\', c]),
    }
    1
}

/// A `[...]` up to its end; returns how many characters were read.
fn class(rest: &[char], out: &mut String) -> usize {
    out.push('[');
    let mut at = 0;
    if rest.first() == Some(&'^') {
        out.push('^');
        at = 1;
    }
    let first = at;
    while let Some(&c) = rest.get(at) {
        at += 1;
        match c {
            ']' if at - 1 > first => {
                out.push(']');
                return at;
            }
            '\\' => at += escape(&rest[at..], true, out),
            // Set operations and nesting of the other syntax.
            ']' | '[' | '&' | '~' => out.extend(['\\', c]),
            '-' if rest.get(at) == Some(&'-') => out.push_str("\\-"),
            c => out.push(c),
        }
    }
    at
}

/// Whether `{` starts a repetition: `{2}`, `{2,}`, `{,3}`, `{2,3}`.
fn is_quantifier(rest: &[char]) -> bool {
    let Some(end) = rest.iter().position(|c| *c == '}') else { return false };
    let inside: String = rest[..end].iter().collect();
    let (low, high) = inside.split_once(',').unwrap_or((&inside, "0"));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    digits(low) && digits(high) && !(low.is_empty() && (high.is_empty() || !inside.contains(',')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_pattern_and_template_are_read_or_refused(pattern in "[a-b0-9\\\\(){}\\[\\]^$|?*+.<>P=#&~,:ä-]{0,12}", template in "[a-z0-9\\\\<>ä]{0,8}") {
            let regex = PyRegex::new(&pattern);
            let template = Template::parse(&template);
            if let (Ok(regex), Ok(template)) = (regex, template) {
                let _ = regex.replace_all(&template, "aäb\nab{1}\n");
            }
        }

        #[test]
        fn any_text_is_found_when_escaped(text in "[ -~]{1,12}") {
            let pattern: String = text.chars().flat_map(|c| if c.is_ascii_alphanumeric() { vec![c] } else { vec!['\\', c] }).collect();
            prop_assert!(PyRegex::new(&pattern).unwrap().is_match(&text), "{}", pattern);
        }
    }

    fn sub(pattern: &str, template: &str, text: &str) -> (String, usize) {
        let regex = PyRegex::with(pattern, Flags { multiline: true, dotall: false }).unwrap();
        regex.replace_all(&Template::parse(template).unwrap(), text)
    }

    /// Expected values are those of Python 3.11's `re.subn(pattern, template, text, flags=re.M)`.
    #[test]
    fn substitution_is_pythons() {
        for (pattern, template, text, expected, count) in [
            ("x*", "-", "abxd", "-a-b--d-", 5),
            ("^(\\w+)=(.*)$", "\\2=\\g<1>", "a=1\nb=2\n", "1=a\n2=b\n", 2),
            ("(?P<k>a)(b)?", "<\\g<k>\\2>", "ab a", "<ab> <a>", 2),
            ("a{b}", "x", "a{b}", "x", 1),
            ("[[]x]", "y", "[x]", "y", 1),
            ("\\<b\\>", "c", "<b>", "c", 1),
            ("(?i)ABC", "\\t\\\\", "xabc", "x\t\\", 1),
            ("$", "!", "a\nb", "a!\nb!", 2),
            ("a\\Z", "b", "a\na", "a\nb", 1),
            ("(?#comment)a", "b", "a", "b", 1),
            ("(a)(?=b)", "\\1\\1", "abac", "aabac", 1),
        ] {
            assert_eq!(sub(pattern, template, text), (expected.to_owned(), count), "{pattern}");
        }
    }

    #[test]
    fn a_dollar_matches_before_the_last_newline() {
        let regex = PyRegex::new("b$").unwrap();
        assert!(regex.is_match("ab\n") && regex.is_match("ab") && !regex.is_match("ab\n\n") && !regex.is_match("b\na"));
    }

    #[test]
    fn wrong_patterns_and_templates_are_refused() {
        assert!(PyRegex::new("(a").unwrap_err().to_string().starts_with("invalid regular expression '(a': "));
        assert_eq!(Template::parse("a\\q").unwrap_err(), "bad escape \\q at position 1");
    }
}
