//! Argument texts: `copy: src=a dest="b c"` and free-form commands, split as Ansible splits them.
//!
//! The rules (those of ansible-core 2.19's argument splitter) are about words: a text is cut at spaces and newlines,
//! and words are glued again while a quote or a `{{ }}`, `{% %}` or `{# #}` block is open.

use rplay_value::{Map, Text};

/// Options that commands take out of their free-form text; every other `a=b` there belongs to the command line.
const COMMAND_OPTIONS: [&str; 8] =
    ["creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"];

/// A quote or template block that is never closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// What an argument text says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// `key=value` options, in order.
    pub options: Map,
    /// Everything else, with its spaces and newlines.
    pub free_form: Option<String>,
}

/// Cuts a text into words, keeping quoted and templated parts together; quotes stay.
pub fn split(text: &str) -> Result<Vec<String>, Unbalanced> {
    let mut words: Vec<String> = Vec::new();
    let mut quote: Option<char> = None;
    let mut depth = [0_usize; 3];
    let lines: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split('\n').collect() };
    for (line_number, line) in lines.iter().enumerate() {
        let mut continued = false;
        for (position, word) in line.split(' ').enumerate() {
            if word.is_empty() && position != 0 {
                last(&mut words).push(' ');
                continue;
            }
            if word == "\\" && quote.is_none() {
                continued = true;
                continue;
            }
            let was_quoted = quote.is_some();
            quote = quote_after(word, quote);
            let nested = depth.iter().any(|d| *d > 0);
            if nested || was_quoted {
                let last = last(&mut words);
                if position > 0 {
                    last.push(' ');
                }
                last.push_str(word);
            } else if !word.is_empty() {
                words.push(word.to_owned());
            }
            for (depth, (open, close)) in depth.iter_mut().zip([("{{", "}}"), ("{%", "%}"), ("{#", "#}")]) {
                *depth = (*depth + word.matches(open).count()).saturating_sub(word.matches(close).count());
            }
        }
        if line_number + 1 < lines.len() && !continued {
            last(&mut words).push('\n');
        }
    }
    if quote.is_some() || depth.iter().any(|d| *d > 0) { Err(Unbalanced) } else { Ok(words) }
}

fn last(words: &mut Vec<String>) -> &mut String {
    if words.is_empty() {
        words.push(String::new());
    }
    let index = words.len() - 1;
    &mut words[index]
}

/// The quote open after a word; a backslash just before a quote (in the same word) hides it.
fn quote_after(word: &str, mut quote: Option<char>) -> Option<char> {
    let mut before = None;
    for c in word.chars() {
        if matches!(c, '"' | '\'') && before != Some('\\') {
            match quote {
                Some(open) if open == c => quote = None,
                Some(_) => {}
                None => quote = Some(c),
            }
        }
        before = Some(c);
    }
    quote
}

/// Takes `key=value` options and the free form apart. `command`: only the options of command-like modules are taken.
///
/// Values keep the origin and the trust of `text`.
pub fn parse(text: &Text, command: bool) -> Result<Parsed, Unbalanced> {
    let mut parsed = Parsed::default();
    let like = |s: String| {
        let fresh = if text.is_trusted() { Text::trusted(s) } else { Text::data(s) };
        fresh.with_origin(text.origin())
    };
    let mut free: Option<String> = None;
    for word in split(text)? {
        let decoded = unescape(&word);
        let rest = match assignment(&decoded) {
            Some(at) if !command || COMMAND_OPTIONS.contains(&&decoded[..at]) => {
                let value = unquote(decoded[at + 1..].trim()).to_owned();
                parsed.options.insert(like(decoded[..at].trim().to_owned()), like(value));
                continue;
            }
            Some(_) => word,
            None if decoded.contains('=') => decoded.replace("\\=", "="),
            None => word,
        };
        let free = free.get_or_insert_default();
        if !free.is_empty() && !free.ends_with('\n') {
            free.push(' ');
        }
        free.push_str(&rest);
    }
    parsed.free_form = free;
    Ok(parsed)
}

/// Where the first `=` that separates a key from a value stands: not at the start, not after a backslash.
fn assignment(word: &str) -> Option<usize> {
    let bytes = word.as_bytes();
    (1..bytes.len()).find(|i| bytes[*i] == b'=' && bytes[*i - 1] != b'\\')
}

/// Without the quotes around it, if the same ones stand at both ends.
pub(crate) fn unquote(text: &str) -> &str {
    let bytes = text.as_bytes();
    let n = bytes.len();
    if n > 1 && bytes[0] == bytes[n - 1] && matches!(bytes[0], b'"' | b'\'') && bytes[n - 2] != b'\\' {
        &text[1..n - 1]
    } else {
        text
    }
}

/// Python's backslash escapes; other backslashes stay.
fn unescape(word: &str) -> String {
    if !word.contains('\\') {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let (decoded, used) = match tail.chars().next() {
            Some(c @ ('\\' | '\'' | '"')) => (Some(c), 1),
            Some('a') => (Some('\u{7}'), 1),
            Some('b') => (Some('\u{8}'), 1),
            Some('f') => (Some('\u{c}'), 1),
            Some('n') => (Some('\n'), 1),
            Some('r') => (Some('\r'), 1),
            Some('t') => (Some('\t'), 1),
            Some('v') => (Some('\u{b}'), 1),
            Some('x') => (hex(&tail[1..], 2), 3),
            Some('u') => (hex(&tail[1..], 4), 5),
            Some('U') => (hex(&tail[1..], 8), 9),
            _ => (None, 0),
        };
        if let Some(c) = decoded {
            out.push(c);
            rest = &tail[used..];
        } else {
            out.push('\\');
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

fn hex(text: &str, digits: usize) -> Option<char> {
    let digits = text.get(..digits)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values recorded from ansible-core 2.19's `split_args`.
    #[test]
    fn words_keep_quotes_and_templates_together() {
        let split = |s: &str| split(s).unwrap();
        assert_eq!(split("a=b c=\"foo bar\""), ["a=b", "c=\"foo bar\""]);
        assert_eq!(split("a={{ x | default('y z') }} b"), ["a={{ x | default('y z') }}", "b"]);
        assert_eq!(split("echo  two"), ["echo ", "two"]);
        assert_eq!(split("one\ntwo"), ["one\n", "two"]);
        assert_eq!(split("one \\\n two"), ["one", "two"]);
        assert_eq!(split("a='{{ x }}'\n  b=1"), ["a='{{ x }}'\n ", "b=1"]);
        assert_eq!(split("a=b  \n c"), ["a=b  \n", "c"]);
        assert_eq!(split(" lead x"), ["lead", "x"]);
        assert_eq!(split("a='b\nc d' e"), ["a='b\nc d'", "e"]);
        assert_eq!(split("{{ a }}b {% if x y %} z {% endif %}"), ["{{ a }}b", "{% if x y %}", "z", "{% endif %}"]);
        assert_eq!(split("x {# a b #} y"), ["x", "{# a b #}", "y"]);
        assert_eq!(split(""), Vec::<String>::new());
    }

    #[test]
    fn an_open_quote_or_block_is_an_error() {
        assert_eq!(split("echo 'oops"), Err(Unbalanced));
        assert_eq!(split("a={{ b"), Err(Unbalanced));
    }

    #[test]
    fn commands_keep_what_is_not_an_option_of_theirs() {
        let text = Text::trusted("FOO=1 make -j 2  creates=/x chdir='/a b'");
        let parsed = parse(&text, true).unwrap();
        assert_eq!(parsed.free_form.as_deref(), Some("FOO=1 make -j 2 "));
        assert_eq!(parsed.options.get("chdir").and_then(|v| v.as_str()), Some("/a b"));
        assert!(parsed.options.get("creates").and_then(|v| v.as_text()).is_some_and(Text::is_trusted));
    }

    #[test]
    fn other_modules_take_every_assignment() {
        let parsed = parse(&Text::trusted("src=a dest=\"b\\tc\" x\\=y =z"), false).unwrap();
        assert_eq!(parsed.options.get("dest").and_then(|v| v.as_str()), Some("b\tc"));
        assert_eq!(parsed.free_form.as_deref(), Some("x=y =z"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics_and_no_word_is_lost(text in "[a-c={}%#'\"\\\\ \n]{0,60}") {
            for command in [true, false] {
                let _ = parse(&Text::trusted(text.as_str()), command);
            }
            if let Ok(words) = super::split(&text) {
                let kept: usize = words.iter().flat_map(|w| w.chars()).filter(|c| c.is_alphabetic()).count();
                proptest::prop_assert_eq!(kept, text.chars().filter(|c| c.is_alphabetic()).count());
            }
        }
    }
}
