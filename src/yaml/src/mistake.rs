//! The mistakes everybody makes in YAML, told from the line a parser stopped at, in the order ansible-core looks for them.

use std::ops::Range;

/// A usual mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// A tab in the line.
    Tab,
    /// `key: {{ value }}` without quotes.
    UnquotedTemplate,
    /// `copy: src=a` followed by `dest: b`.
    MixedArguments,
    /// A value with an unquoted `: ` in it.
    UnquotedColon,
    /// `key:value` without a space, next to real entries.
    MissingSpace,
    /// `"foo" in bar`.
    TextAfterQuote,
    /// `"foo" and "bar"`.
    QuoteInside,
}

impl Mistake {
    /// One sentence.
    pub fn message(&self) -> &'static str {
        match self {
            Self::Tab => "Tabs are usually invalid in YAML.",
            Self::UnquotedTemplate => "This may be an issue with missing quotes around a template block.",
            Self::MixedArguments => "`key=value` arguments and `key: value` entries cannot be mixed in one task.",
            Self::UnquotedColon => "Colons in unquoted values must be followed by a non-space character.",
            Self::MissingSpace => "A colon after a key must be followed by a space.",
            Self::TextAfterQuote => "Values starting with a quote must end with the same quote.",
            Self::QuoteInside => {
                "Values starting with a quote must end with the same quote, and not contain that quote."
            }
        }
    }

    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Tab => "indent with spaces",
            Self::UnquotedTemplate => "quote the template: `raw: \"{{ some_var }}\"`",
            Self::MixedArguments => "give every argument on a line of its own as `key: value`",
            Self::UnquotedColon => "quote the whole value: `raw: \"echo 'name: ansible'\"`",
            Self::MissingSpace => "write `key: value`",
            Self::TextAfterQuote => "quote the whole value with the other quote: `raw: '\"foo\" in bar'`",
            Self::QuoteInside => "quote the whole value with the other quote: `raw: '\"foo\" in \"bar\"'`",
        }
    }

    /// The mistake in the line that holds byte `at`, or in the one before it, and the bytes it is about.
    pub(crate) fn find(text: &str, at: usize) -> Option<(Self, Range<usize>)> {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
        let line = &text[start..end];
        let here = |range: Range<usize>| start + range.start..start + range.end;
        if let Some(tab) = line.find('\t') {
            return Some((Self::Tab, here(tab..tab + 1)));
        }
        if let Some(before) = text[..start].strip_suffix('\n') {
            let previous = &before[before.rfind('\n').map_or(0, |i| i + 1)..];
            if mixes(previous, line) {
                return Some((Self::MixedArguments, here(indent(line)..line.trim_end().len())));
            }
            if let Some(range) = misses_space(previous) {
                let previous_start = before.len() - previous.len();
                return Some((Self::MissingSpace, previous_start + range.start..previous_start + range.end));
            }
        }
        let value_at = value_start(line, |c| c.is_alphanumeric() || c == '_' || c.is_whitespace());
        let value = &line[value_at..];
        if value.starts_with("{{") && value.contains("}}") {
            let length = value.rfind("}}").map_or(value.len(), |i| i + 2);
            return Some((Self::UnquotedTemplate, here(value_at..value_at + length)));
        }
        if !line.trim_start().starts_with(':') {
            let wide_at = value_start(line, |c| {
                c.is_alphanumeric() || c.is_whitespace() || matches!(c, '_' | '[' | ']' | '{' | '}')
            });
            let value = &line[wide_at..];
            if !is_quoted(value.trim()) {
                let colon = value
                    .match_indices(':')
                    .map(|(i, _)| i)
                    .find(|i| matches!(value.as_bytes().get(i + 1), None | Some(b' ')));
                if let Some(colon) = colon {
                    return Some((Self::UnquotedColon, here(wide_at + colon..wide_at + colon + 1)));
                }
            }
        }
        let value = value.trim_end();
        let first = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let last = value.chars().next_back()?;
        let range = here(value_at..value_at + value.len());
        if first != last {
            Some((Self::TextAfterQuote, range))
        } else if line.matches(first).count() > 2 {
            Some((Self::QuoteInside, range))
        } else {
            None
        }
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// `- copy: src=a` above an indented `dest: b`.
fn mixes(previous: &str, line: &str) -> bool {
    let at = value_start(previous, |c| c.is_alphanumeric() || matches!(c, '_' | '.' | ' '));
    let value = &previous[at..];
    let word = value.split_whitespace().next().unwrap_or_default();
    let is_pair = word.split_once('=').is_some_and(|(key, _)| !key.is_empty() && is_name(key));
    let entry = line
        .trim()
        .split_once(':')
        .is_some_and(|(key, rest)| is_name(key) && (rest.is_empty() || rest.starts_with(' ')));
    at > 0 && is_pair && entry && indent(line) > indent(previous)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// `key:value` alone on its line.
fn misses_space(line: &str) -> Option<Range<usize>> {
    let trimmed = line.trim_start().trim_start_matches("- ").trim_start();
    let at = line.len() - trimmed.len();
    let (key, rest) = trimmed.split_once(':')?;
    let fine = is_name(key) && !rest.is_empty() && !rest.starts_with([' ', '/', ':']) && !rest.contains(": ");
    fine.then(|| at..line.trim_end().len())
}

/// Where the value of a line starts: after list dashes and one `key: ` whose characters satisfy `in_key`.
fn value_start(line: &str, in_key: impl Fn(char) -> bool) -> usize {
    let mut at = indent(line);
    while let Some(rest) = line[at..].strip_prefix('-') {
        let trimmed = rest.trim_start();
        if trimmed.len() == rest.len() {
            break;
        }
        at = line.len() - trimmed.len();
    }
    let rest = &line[at..];
    let key = rest.find(|c| !in_key(c)).unwrap_or(rest.len());
    if key > 0 && rest[key..].starts_with(':') {
        let after = &rest[key + 1..];
        let trimmed = after.trim_start();
        if trimmed.len() < after.len() {
            return line.len() - trimmed.len();
        }
    }
    at
}

fn is_quoted(value: &str) -> bool {
    ['\'', '"'].iter().any(|quote| {
        value.len() > 1
            && value.starts_with(*quote)
            && value.ends_with(*quote)
            && !value[1..value.len() - 1].contains(*quote)
    })
}

#[cfg(test)]
mod tests {
    use rplay_diag::{Diagnose, Sources, render};

    use super::*;

    /// The mistake a document is answered with and the text it points at.
    fn told(text: &str) -> (Option<Mistake>, String) {
        let sources = Sources::new();
        let source = sources.add("site.yml", text);
        let error = crate::parse(&sources, source).unwrap_err();
        let mistake = match &error {
            crate::YamlError::Syntax { mistake, .. } | crate::YamlError::UnhashableKey { mistake, .. } => *mistake,
            _ => None,
        };
        let drawn = render(&error.diagnostic(), &sources, false);
        assert!(drawn.starts_with("error: YAML parsing failed: ") && drawn.contains("--> site.yml:"), "{drawn}");
        (mistake, sources.snippet(error.span()).unwrap_or_default())
    }

    #[test]
    fn usual_mistakes_are_named_where_they_are() {
        for (text, mistake, at) in [
            ("- hosts: all\n\ttasks: []\n", Mistake::Tab, "\t"),
            ("a: {{ b }}", Mistake::UnquotedTemplate, "{{ b }}"),
            ("- debug:\n    msg: {{ b }}/c\n", Mistake::UnquotedTemplate, "{{ b }}"),
            ("- {{ b }}", Mistake::UnquotedTemplate, "{{ b }}"),
            ("- copy: src=a\n    dest: b\n", Mistake::MixedArguments, "dest: b"),
            ("- shell: echo 'name: x'\n", Mistake::UnquotedColon, ":"),
            ("a: b: c\n", Mistake::UnquotedColon, ":"),
            ("- debug:\n    msg:hello\n    verbosity: 1\n", Mistake::MissingSpace, "msg:hello"),
            ("a: \"b\" and c\n", Mistake::TextAfterQuote, "\"b\" and c"),
            ("a: \"b\" and \"c\"\n", Mistake::QuoteInside, "\"b\" and \"c\""),
        ] {
            assert_eq!(told(text), (Some(mistake), at.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn other_errors_keep_the_parsers_words() {
        for text in ["a: [1, 2\n", "a: 'b\n", "a: @b\n", "[a, , b]\n", "a: *b\n", "a: !wault b\n"] {
            assert_eq!(told(text).0, None, "{text:?}");
        }
    }
}
