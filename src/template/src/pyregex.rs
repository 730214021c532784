//! Python's `re` over fancy-regex: pattern syntax, replacement templates and iteration rules.
//!
//! [`compile`] translates a pattern (the two dialects differ in anchors, braces, classes, escapes and flags) and keeps
//! it in a process-wide cache. Messages of [`PatternError`] are those of Python 3.11's `re.error`, which playbooks'
//! users know and search for.

mod template;
mod translate;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub(crate) use template::escape;

/// How many compiled patterns are kept; the cache is emptied when it is full.
const CACHE_SIZE: usize = 512;

/// A pattern or replacement template that Python would refuse too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PatternError(pub(crate) String);

impl PatternError {
    fn at(message: impl std::fmt::Display, position: usize) -> Self {
        Self(format!("{message} at position {position}"))
    }
}

/// `re.I`, `re.M`, `re.S`, `re.X` and `re.A`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flags {
    /// Letters match whatever their case.
    pub(crate) ignore_case: bool,
    /// `^` and `$` match at every line.
    pub(crate) multiline: bool,
    /// `.` matches a newline too.
    pub(crate) dot_all: bool,
    /// Blanks and comments in the pattern mean nothing.
    pub(crate) verbose: bool,
    /// `\w`, `\d`, `\s` and `\b` know ASCII only.
    pub(crate) ascii: bool,
}

impl Flags {
    /// The two flags that Ansible's regex filters and tests take.
    pub(crate) fn new(ignore_case: bool, multiline: bool) -> Self {
        Self { ignore_case, multiline, ..Self::default() }
    }
}

/// Where in the text a match has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    /// Anywhere.
    Search = 0,
    /// At the start (`re.match`).
    Start = 1,
    /// Anywhere, but not an empty match at the very place the search starts.
    Advance = 2,
    /// The whole text (`re.fullmatch`).
    Whole = 3,
}

/// The byte ranges of the groups of one match; group 0 is the match itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found(Vec<Option<(usize, usize)>>);

impl Found {
    /// The characters of a group; none when the group took no part in the match or does not exist.
    pub(crate) fn group<'t>(&self, text: &'t str, index: usize) -> Option<&'t str> {
        let (start, end) = (*self.0.get(index)?)?;
        text.get(start..end)
    }

    /// The byte range of the whole match.
    pub(crate) fn range(&self) -> (usize, usize) {
        self.0.first().copied().flatten().unwrap_or_default()
    }
}

/// A compiled Python pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    translated: translate::Translated,
    /// One engine per anchor, and per "the text ends with a newline" where `$` makes that matter.
    engines: [OnceLock<Result<fancy_regex::Regex, PatternError>>; 8],
}

/// The pattern compiled, from the cache when it was seen before.
pub(crate) fn compile(pattern: &str, flags: Flags) -> Result<Arc<Pattern>, PatternError> {
    type Cache = Mutex<HashMap<(String, Flags), Arc<Pattern>>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Cache::default);
    let key = (pattern.to_owned(), flags);
    if let Some(found) = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(Arc::clone(found));
    }
    let compiled = Arc::new(Pattern::new(pattern, flags)?);
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CACHE_SIZE {
        cache.clear();
    }
    cache.insert(key, Arc::clone(&compiled));
    Ok(compiled)
}

impl Pattern {
    fn new(pattern: &str, flags: Flags) -> Result<Self, PatternError> {
        let pattern = Self { translated: translate::translate(pattern, flags)?, engines: Default::default() };
        pattern.engine(Anchor::Search, false)?;
        Ok(pattern)
    }

    fn engine(&self, anchor: Anchor, newline_at_end: bool) -> Result<&fancy_regex::Regex, PatternError> {
        let newline_at_end = newline_at_end && self.translated.soft_end;
        let cell = &self.engines[anchor as usize * 2 + usize::from(newline_at_end)];
        let built = cell.get_or_init(|| {
            let body = self.translated.text(newline_at_end);
            let text = match anchor {
                Anchor::Search => body,
                Anchor::Start => format!(r"\A(?:{body})"),
                Anchor::Advance => format!(r"(?:{body})(?!\G)"),
                Anchor::Whole => format!(r"\A(?:{body})\z"),
            };
            let mut builder = fancy_regex::RegexBuilder::new(&text);
            builder.backtrack_limit(20_000_000).delegate_size_limit(64 << 20);
            builder.build().map_err(|e| PatternError(e.to_string()))
        });
        built.as_ref().map_err(Clone::clone)
    }

    fn run(&self, anchor: Anchor, text: &str, from: usize) -> Result<Option<Found>, PatternError> {
        let engine = self.engine(anchor, text.ends_with('\n'))?;
        let captures = engine.captures_from_pos(text, from).map_err(|e| PatternError(e.to_string()))?;
        Ok(captures.map(|captures| {
            Found((0..captures.len()).map(|i| captures.get(i).map(|m| (m.start(), m.end()))).collect())
        }))
    }

    /// The first match anywhere (`re.search`).
    pub(crate) fn search(&self, text: &str) -> Result<Option<Found>, PatternError> {
        self.run(Anchor::Search, text, 0)
    }

    /// A match at the start of the text (`re.match`).
    pub(crate) fn at_start(&self, text: &str) -> Result<Option<Found>, PatternError> {
        self.run(Anchor::Start, text, 0)
    }

    /// Whether there is a match anywhere.
    pub(crate) fn is_found(&self, text: &str) -> Result<bool, PatternError> {
        self.engine(Anchor::Search, text.ends_with('\n'))?.is_match(text).map_err(|e| PatternError(e.to_string()))
    }

    /// Whether there is a match at the start of the text.
    pub(crate) fn is_at_start(&self, text: &str) -> Result<bool, PatternError> {
        self.engine(Anchor::Start, text.ends_with('\n'))?.is_match(text).map_err(|e| PatternError(e.to_string()))
    }

    /// Whether the whole text matches (`re.fullmatch`).
    pub(crate) fn is_whole(&self, text: &str) -> Result<bool, PatternError> {
        self.engine(Anchor::Whole, text.ends_with('\n'))?.is_match(text).map_err(|e| PatternError(e.to_string()))
    }

    /// All matches as `re.finditer` walks them: an empty match may follow another match, but not an empty one.
    pub(crate) fn find_all(&self, text: &str, limit: usize) -> Result<Vec<Found>, PatternError> {
        let mut all = Vec::new();
        let (mut from, mut anchor) = (0, Anchor::Search);
        while all.len() < limit && from <= text.len() {
            let Some(found) = self.run(anchor, text, from)? else { break };
            let (start, end) = found.range();
            anchor = if start == end { Anchor::Advance } else { Anchor::Search };
            from = end;
            all.push(found);
        }
        Ok(all)
    }

    /// How many groups the pattern has.
    pub(crate) fn groups(&self) -> usize {
        self.translated.groups
    }

    /// The number of a named group.
    pub(crate) fn group_index(&self, name: &str) -> Option<usize> {
        self.translated.names.iter().find(|(known, _)| known == name).map(|(_, index)| *index)
    }

    /// `re.subn`: the text with matches replaced (`count` 0 is all of them), and how many there were.
    pub(crate) fn substitute(
        &self,
        replacement: &str,
        text: &str,
        count: usize,
    ) -> Result<(String, usize), PatternError> {
        let template = template::parse(replacement, self)?;
        let limit = if count == 0 { usize::MAX } else { count };
        let (mut out, mut done, mut number) = (String::with_capacity(text.len()), 0, 0);
        let (mut from, mut anchor) = (0, Anchor::Search);
        while number < limit && from <= text.len() {
            let Some(found) = self.run(anchor, text, from)? else { break };
            let (start, end) = found.range();
            anchor = if start == end { Anchor::Advance } else { Anchor::Search };
            from = end;
            number += 1;
            out.push_str(text.get(done..start).unwrap_or_default());
            template::expand(&template, &found, text, &mut out);
            done = end;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Ok((out, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sub(pattern: &str, replacement: &str, text: &str) -> String {
        compile(pattern, Flags::default()).unwrap().substitute(replacement, text, 0).unwrap().0
    }

    fn all(pattern: &str, text: &str) -> Vec<String> {
        let pattern = compile(pattern, Flags::default()).unwrap();
        let found = pattern.find_all(text, usize::MAX).unwrap();
        found.iter().map(|f| f.group(text, 0).unwrap().to_owned()).collect()
    }

    fn error(pattern: &str) -> String {
        compile(pattern, Flags::default()).unwrap_err().0
    }

    #[test]
    fn empty_matches_go_as_in_python() {
        assert_eq!(sub("x*", "-", "abxd"), "-a-b--d-");
        assert_eq!(sub("(^.*$)", "A\\1", "foo"), "Afoo");
        assert_eq!(sub(".*", "x", "foo"), "xx");
        assert_eq!(sub("", "-", "ab"), "-a-b-");
        assert_eq!(sub("$", "!", "a\n"), "a!\n!");
    }

    #[test]
    fn templates_know_groups_and_escapes() {
        assert_eq!(sub("(?P<a>.)(.)", r"\2\g<a>\g<1>\n\.", "xy"), "yxx\n\\.");
        assert_eq!(sub("(a)|b", r"[\1]", "ab"), "[a][]");
        assert_eq!(sub("a", r"\\1", "a"), r"\1");
        let pattern = compile("a", Flags::default()).unwrap();
        assert_eq!(pattern.substitute(r"\1", "a", 0).unwrap_err().0, "invalid group reference 1 at position 1");
        assert_eq!(pattern.substitute(r"\q", "a", 0).unwrap_err().0, r"bad escape \q at position 0");
    }

    #[test]
    fn dollar_means_before_a_last_newline() {
        assert_eq!(all("b$", "b\nb\n"), ["b"]);
        assert_eq!(all(r"b\Z", "b\n"), [""; 0]);
        assert_eq!(all("(?m)^b$", "b\nb\n"), ["b", "b"]);
    }

    #[test]
    fn braces_and_brackets_that_mean_themselves() {
        assert_eq!(all("a{,2}", "aaa"), ["aa", "a", ""]);
        assert_eq!(all("{a}", "x{a}"), ["{a}"]);
        assert_eq!(all("[]a]+", "x]a"), ["]a"]);
        assert_eq!(all("[[a]", "["), ["["]);
        assert_eq!(all("[a&&b]+", "&&a"), ["&&a"]);
        assert_eq!(all("]", "]"), ["]"]);
        assert_eq!(all(r"[^\]]+", "ab]"), ["ab"]);
        assert_eq!(all(r"(?x) a  b # c", "ab"), ["ab"]);
    }

    #[test]
    fn errors_are_pythons() {
        assert_eq!(error("*a"), "nothing to repeat at position 0");
        assert_eq!(error("a**"), "multiple repeat at position 2");
        assert_eq!(error("(a"), "missing ), unterminated subpattern at position 0");
        assert_eq!(error("a)"), "unbalanced parenthesis at position 1");
        assert_eq!(error("[a"), "unterminated character set at position 0");
        assert_eq!(error(r"\q"), r"bad escape \q at position 0");
        assert_eq!(error("[b-a]"), "bad character range b-a at position 1");
        assert_eq!(error(r"\1"), "invalid group reference 1 at position 1");
        assert_eq!(error("(?P<n>a)(?P=m)"), "unknown group name 'm' at position 12");
    }

    #[test]
    fn back_references_and_look_around() {
        assert_eq!(all(r"(.)\1", "abbc"), ["bb"]);
        assert_eq!(all(r#"(?P<q>['"]).*?(?P=q)"#, "a'b'c"), ["'b'"]);
        assert_eq!(all(r"(?<=a)b(?!c)", "abc abd"), ["b"]);
        assert_eq!(all(r"(a)?(?(1)b|c)", "ab c"), ["ab", "c"]);
    }
}
