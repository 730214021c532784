//! Version comparison: loose, strict, semantic and PEP 440, as the `version` test offers them.

use std::cmp::Ordering;

/// Which rules two versions are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Numbers and words in turn (`distutils`' LooseVersion).
    Loose,
    /// `N.N[.N][aN|bN]` (`distutils`' StrictVersion).
    Strict,
    /// Semantic Versioning 2.0.0.
    Semantic,
    /// Python packages' versions.
    Pep440,
}

/// A version that does not follow its scheme, or two that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct VersionError(pub(crate) String);

/// How `a` stands to `b`.
pub(crate) fn compare(a: &str, b: &str, scheme: Scheme) -> Result<Ordering, VersionError> {
    match scheme {
        Scheme::Loose => loose(a, b),
        Scheme::Strict => Ok(strict(a)?.cmp(&strict(b)?)),
        Scheme::Semantic => Ok(semantic(a)?.cmp(&semantic(b)?)),
        Scheme::Pep440 => Ok(pep440(a)?.cmp(&pep440(b)?)),
    }
}

/// A part of a loose version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A run of digits, without leading zeros (compared by length, then text: any size fits).
    Number(String),
    /// A run of lower-case letters, or whatever stands between parts.
    Word(String),
}

/// The parts of a loose version: runs of digits, runs of lower-case letters, and what stands between; dots are dropped.
pub(crate) fn loose_parts(text: &str) -> Vec<Part> {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Digit,
        Letter,
        Dot,
        Other,
    }
    let kind = |c: char| match c {
        '0'..='9' => Kind::Digit,
        'a'..='z' => Kind::Letter,
        '.' => Kind::Dot,
        _ => Kind::Other,
    };
    let mut parts = Vec::new();
    let mut run = String::new();
    let mut last = Kind::Dot;
    let mut flush = |run: &mut String, last: Kind| {
        if run.is_empty() {
            return;
        }
        let text = std::mem::take(run);
        match last {
            Kind::Digit => {
                let number = text.trim_start_matches('0');
                parts.push(Part::Number(if number.is_empty() { "0".to_owned() } else { number.to_owned() }));
            }
            Kind::Dot => {}
            Kind::Letter | Kind::Other => parts.push(Part::Word(text)),
        }
    };
    for c in text.chars() {
        if kind(c) != last || last == Kind::Dot {
            flush(&mut run, last);
            last = kind(c);
        }
        run.push(c);
    }
    flush(&mut run, last);
    parts
}

fn loose(a: &str, b: &str) -> Result<Ordering, VersionError> {
    let (a, b) = (loose_parts(a), loose_parts(b));
    for (a, b) in a.iter().zip(&b) {
        let order = match (a, b) {
            (Part::Number(a), Part::Number(b)) => number_order(a, b),
            (Part::Word(a), Part::Word(b)) => a.cmp(b),
            (Part::Number(_), Part::Word(_)) => return Err(unlike("int", "str")),
            (Part::Word(_), Part::Number(_)) => return Err(unlike("str", "int")),
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(a.len().cmp(&b.len()))
}

/// Like [`compare`] with [`Scheme::Loose`], but a number against a word is decided (numbers first) and not an error:
/// for sorting, where one odd name must not spoil a list.
pub(crate) fn loose_order(a: &str, b: &str) -> Ordering {
    let (a, b) = (loose_parts(a), loose_parts(b));
    for (a, b) in a.iter().zip(&b) {
        let order = match (a, b) {
            (Part::Number(a), Part::Number(b)) => number_order(a, b),
            (Part::Word(a), Part::Word(b)) => a.cmp(b),
            (Part::Number(_), Part::Word(_)) => Ordering::Less,
            (Part::Word(_), Part::Number(_)) => Ordering::Greater,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

fn unlike(a: &str, b: &str) -> VersionError {
    VersionError(format!("'<' not supported between instances of '{a}' and '{b}'"))
}

/// Order of two runs of digits without leading zeros.
fn number_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn trimmed(digits: &str) -> &str {
    let rest = digits.trim_start_matches('0');
    if rest.is_empty() { "0" } else { rest }
}

/// Digits as a number that orders by value whatever its length.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits(String);

impl Digits {
    fn read(text: &str) -> Option<Self> {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| Self(trimmed(text).to_owned()))
    }

    fn zero() -> Self {
        Self("0".to_owned())
    }
}

impl Ord for Digits {
    fn cmp(&self, other: &Self) -> Ordering {
        number_order(&self.0, &other.0)
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct StrictVersion {
    numbers: [Digits; 3],
    /// `(false, ..)` is a pre-release and comes first.
    released: bool,
    pre: Option<(char, Digits)>,
}

fn strict(text: &str) -> Result<StrictVersion, VersionError> {
    let invalid = || VersionError(format!("invalid version number '{text}'"));
    let (numbers, pre) = match text.find(['a', 'b']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let mut read: Vec<Digits> = numbers.split('.').map(Digits::read).collect::<Option<_>>().ok_or_else(invalid)?;
    if read.len() == 2 {
        read.push(Digits::zero());
    }
    let numbers: [Digits; 3] = read.try_into().map_err(|_| invalid())?;
    let pre = match pre {
        Some(pre) => {
            let letter = pre.chars().next().ok_or_else(invalid)?;
            Some((letter, Digits::read(&pre[1..]).ok_or_else(invalid)?))
        }
        None => None,
    };
    Ok(StrictVersion { numbers, released: pre.is_none(), pre })
}

/// A dot-separated identifier of a semantic pre-release; numbers come before words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(Digits),
    Word(String),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SemanticVersion {
    numbers: Vec<Digits>,
    released: bool,
    pre: Vec<Identifier>,
}

fn semantic(text: &str) -> Result<SemanticVersion, VersionError> {
    let invalid = || VersionError(format!("invalid semantic version '{text}'"));
    let strip = text.strip_suffix('\n').unwrap_or(text);
    let (rest, build) = match strip.split_once('+') {
        Some((rest, build)) => (rest, Some(build)),
        None => (strip, None),
    };
    let (core, pre) = match rest.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (rest, None),
    };
    let plain = |part: &str| Digits::read(part).filter(|_| part == "0" || !part.starts_with('0'));
    let numbers: Vec<Digits> = core.split('.').map(plain).collect::<Option<_>>().ok_or_else(invalid)?;
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if numbers.len() != 3 || build.is_some_and(|build| !build.split('.').all(word)) {
        return Err(invalid());
    }
    let mut identifiers = Vec::new();
    for part in pre.iter().flat_map(|pre| pre.split('.')) {
        if !word(part) {
            return Err(invalid());
        }
        identifiers.push(if part.bytes().all(|b| b.is_ascii_digit()) {
            Identifier::Number(plain(part).ok_or_else(invalid)?)
        } else {
            Identifier::Word(part.to_owned())
        });
    }
    Ok(SemanticVersion { numbers, released: identifiers.is_empty(), pre: identifiers })
}

/// A PEP 440 version as its comparison key.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pep440 {
    epoch: Digits,
    /// Without trailing zeros.
    release: Vec<Digits>,
    pre: Bounded<(u8, Digits)>,
    post: Bounded<Digits>,
    dev: Bounded<Digits>,
    local: Vec<LocalPart>,
}

/// A key part that may be absent and then sorts before or after all present ones.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bounded<T> {
    Lowest,
    Value(T),
    Highest,
}

/// A segment of a local version; words come before numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LocalPart {
    Word(String),
    Number(Digits),
}

/// Reads a version the way PEP 440's appendix B does.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn eat(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn separator(&mut self) -> bool {
        self.eat("-") || self.eat("_") || self.eat(".")
    }

    fn digits(&mut self) -> Option<&'t str> {
        let end = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(end);
        if digits.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(digits)
    }

    /// `[sep] word [sep] [digits]`; nothing is consumed when no word fits.
    fn labelled(&mut self, words: &[(&str, u8)]) -> Option<(u8, Digits)> {
        let start = self.rest;
        self.separator();
        let Some((_, label)) = words.iter().find(|(word, _)| self.eat(word)) else {
            self.rest = start;
            return None;
        };
        let before_number = self.rest;
        self.separator();
        let number = if let Some(digits) = self.digits() {
            Digits(trimmed(digits).to_owned())
        } else {
            self.rest = before_number;
            Digits::zero()
        };
        Some((*label, number))
    }
}

fn pep440(text: &str) -> Result<Pep440, VersionError> {
    let invalid = || VersionError(format!("Invalid version: '{text}'"));
    let lower = text.trim().to_ascii_lowercase();
    let mut reader = Reader { rest: lower.strip_prefix('v').unwrap_or(&lower) };
    let mut first = reader.digits().ok_or_else(invalid)?;
    let mut epoch = Digits::zero();
    if reader.eat("!") {
        epoch = Digits(trimmed(first).to_owned());
        first = reader.digits().ok_or_else(invalid)?;
    }
    let mut release = vec![Digits(trimmed(first).to_owned())];
    while reader.rest.starts_with('.') && reader.rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        reader.eat(".");
        release.extend(reader.digits().map(|digits| Digits(trimmed(digits).to_owned())));
    }
    while release.last().is_some_and(|number| number.0 == "0") {
        release.pop();
    }
    // Longer spellings first: `eat` takes the first that fits.
    let pre = reader.labelled(&[
        ("alpha", 0),
        ("beta", 1),
        ("preview", 2),
        ("pre", 2),
        ("rc", 2),
        ("a", 0),
        ("b", 1),
        ("c", 2),
    ]);
    let dash = reader.rest.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let post = if dash.is_some() {
        reader.eat("-");
        reader.digits().map(|digits| Digits(trimmed(digits).to_owned()))
    } else {
        reader.labelled(&[("post", 0), ("rev", 0), ("r", 0)]).map(|(_, number)| number)
    };
    let dev = reader.labelled(&[("dev", 0)]).map(|(_, number)| number);
    let mut local = Vec::new();
    if reader.eat("+") {
        for part in std::mem::take(&mut reader.rest).split(['-', '_', '.']) {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(invalid());
            }
            local.push(Digits::read(part).map_or_else(|| LocalPart::Word(part.to_owned()), LocalPart::Number));
        }
    }
    if !reader.rest.is_empty() {
        return Err(invalid());
    }
    Ok(Pep440 {
        epoch,
        release,
        pre: match (pre, &post, &dev) {
            (Some(pre), _, _) => Bounded::Value(pre),
            (None, None, Some(_)) => Bounded::Lowest,
            _ => Bounded::Highest,
        },
        post: post.map_or(Bounded::Lowest, Bounded::Value),
        dev: dev.map_or(Bounded::Highest, Bounded::Value),
        local,
    })
}

#[cfg(test)]
mod tests {
    use super::Scheme::*;
    use super::*;

    fn order(a: &str, b: &str, scheme: Scheme) -> Ordering {
        compare(a, b, scheme).unwrap()
    }

    #[test]
    fn loose_versions_compare_part_by_part() {
        assert_eq!(order("1.10", "1.9", Loose), Ordering::Greater);
        assert_eq!(order("1.0", "1.0.0", Loose), Ordering::Less);
        assert_eq!(order("1.5.1", "1.5.2b2", Loose), Ordering::Less);
        assert_eq!(order("2.6.1-rc1", "2.6.1", Loose), Ordering::Greater);
        assert_eq!(
            compare("1.0", "1.x", Loose).unwrap_err().0,
            "'<' not supported between instances of 'int' and 'str'"
        );
    }

    #[test]
    fn strict_versions_put_pre_releases_first() {
        assert_eq!(order("1.0a1", "1.0", Strict), Ordering::Less);
        assert_eq!(order("1.0.0", "1.0", Strict), Ordering::Equal);
        assert_eq!(compare("1", "2.0", Strict).unwrap_err().0, "invalid version number '1'");
    }

    #[test]
    fn semantic_versions_ignore_build_metadata() {
        for pair in ["1.0.0-alpha 1.0.0-alpha.1", "1.0.0-alpha.1 1.0.0-beta", "1.0.0-rc.1 1.0.0", "1.2.3 1.10.0"] {
            let (a, b) = pair.split_once(' ').unwrap();
            assert_eq!(order(a, b, Semantic), Ordering::Less, "{pair}");
        }
        assert_eq!(order("1.0.0+a", "1.0.0+b", Semantic), Ordering::Equal);
        assert!(compare("01.0.0", "1.0.0", Semantic).is_err());
    }

    #[test]
    fn pep440_versions_follow_the_specification() {
        let sorted = [
            "1.0.dev1",
            "1.0a1.dev1",
            "1.0a1",
            "1.0b2",
            "1.0rc1",
            "1.0",
            "1.0+abc",
            "1.0+5",
            "1.0.post1",
            "1.1",
            "1!0",
        ];
        for pair in sorted.windows(2) {
            assert_eq!(order(pair[0], pair[1], Pep440), Ordering::Less, "{pair:?}");
        }
        assert_eq!(order("1.0", "v1.0.0", Pep440), Ordering::Equal);
        assert_eq!(order("1.0-1", "1.0.post1", Pep440), Ordering::Equal);
        assert_eq!(order("1.0_alpha-2", "1.0a2", Pep440), Ordering::Equal);
        assert!(compare("x", "1", Pep440).is_err());
    }
}
