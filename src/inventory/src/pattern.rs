//! Patterns that choose hosts: `web:&east:!old`, `db[0]`, `~n\d+`, `@file`.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use fancy_regex::Regex;
use rplay_diag::Diagnostic;

use crate::inventory::{HostId, Inventory};
use crate::{InventoryError, address};

/// Chosen hosts and what there is to say about the choice.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Host names in inventory order of the patterns, each once. A name that the inventory does not declare is the
    /// controller (`localhost`).
    pub hosts: Vec<Arc<str>>,
    /// Patterns that matched nothing, with Ansible's words.
    pub warnings: Vec<Diagnostic>,
}

/// In which order a play takes its hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they come.
    #[default]
    Inventory,
    /// The other way round.
    ReverseInventory,
    /// By name.
    Sorted,
    /// By name, the other way round.
    ReverseSorted,
    /// Mixed; the caller mixes.
    Shuffle,
}

impl std::str::FromStr for Order {
    type Err = InventoryError;

    fn from_str(text: &str) -> Result<Self, InventoryError> {
        Ok(match text {
            "inventory" => Self::Inventory,
            "reverse_inventory" => Self::ReverseInventory,
            "sorted" => Self::Sorted,
            "reverse_sorted" => Self::ReverseSorted,
            "shuffle" => Self::Shuffle,
            other => return Err(InventoryError::Order(other.to_owned())),
        })
    }
}

impl Order {
    /// Puts hosts into this order (`Shuffle` leaves them).
    pub fn apply(self, hosts: &mut [Arc<str>]) {
        match self {
            Self::Inventory | Self::Shuffle => {}
            Self::ReverseInventory => hosts.reverse(),
            Self::Sorted => hosts.sort(),
            Self::ReverseSorted => hosts.sort_by(|a, b| b.cmp(a)),
        }
    }
}

static PARTS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:[^\s:\[\]]|\[[^\]]*\])+").ok());
static SUBSCRIPT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$").ok());

/// Takes a text with several patterns apart: at commas, else (when it is no address) at colons.
pub fn split_patterns(text: &str) -> Vec<String> {
    let parts: Vec<&str> = if text.contains(',') {
        text.split(',').collect()
    } else if address::parse(text).is_some() {
        vec![text]
    } else {
        PARTS.as_ref().map_or_else(Vec::new, |parts| {
            parts.find_iter(text).filter_map(Result::ok).map(|found| found.as_str()).collect()
        })
    };
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The patterns of a limit, `@file` replaced by the lines of the file.
fn limit_patterns(limit: &str) -> Result<Vec<String>, InventoryError> {
    let mut out = Vec::new();
    for pattern in split_patterns(limit) {
        let Some(file) = pattern.strip_prefix('@') else {
            out.push(pattern);
            continue;
        };
        let path = Path::new(file);
        if !path.exists() {
            return Err(InventoryError::NoLimitFile(path.to_owned()));
        }
        if !path.is_file() {
            return Err(InventoryError::LimitNotAFile(path.to_owned()));
        }
        let text =
            fs_err::read_to_string(path).map_err(|source| InventoryError::Io { path: path.to_owned(), source })?;
        out.extend(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
    }
    Ok(out)
}

/// A host that a pattern matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Match {
    Declared(HostId),
    /// The controller under the name at this place of [`CONTROLLER`].
    Controller(usize),
}

const CONTROLLER: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Inventory {
    /// The hosts that patterns choose, within a limit. Patterns are those of a play's `hosts` (each may hold several,
    /// separated by commas or colons), the limit that of `--limit`.
    pub fn select<S: AsRef<str>>(&self, patterns: &[S], limit: Option<&str>) -> Result<Selection, InventoryError> {
        let mut warnings = Vec::new();
        let patterns: Vec<String> = patterns.iter().flat_map(|p| split_patterns(p.as_ref())).collect();
        let mut hosts = self.evaluate(&patterns, &mut warnings)?;
        if let Some(limit) = limit {
            let within: HashSet<Match> = self.evaluate(&limit_patterns(limit)?, &mut warnings)?.into_iter().collect();
            hosts.retain(|host| within.contains(host));
        }
        let mut seen = HashSet::new();
        hosts.retain(|host| seen.insert(*host));
        let hosts = hosts.into_iter().map(|host| self.match_name(host)).collect();
        Ok(Selection { hosts, warnings })
    }

    fn match_name(&self, host: Match) -> Arc<str> {
        match host {
            Match::Declared(id) => Arc::clone(&self.h(id).name),
            Match::Controller(index) => CONTROLLER[index].into(),
        }
    }

    /// Plain patterns first, then `&`, then `!`; only modifiers stand for `all` with them.
    fn evaluate(&self, patterns: &[String], warnings: &mut Vec<Diagnostic>) -> Result<Vec<Match>, InventoryError> {
        let kind = |p: &&String| match p.as_bytes().first() {
            Some(b'!') => 2,
            Some(b'&') => 1,
            _ => 0,
        };
        let all = "all".to_owned();
        let mut ordered: Vec<&String> = patterns.iter().collect();
        ordered.sort_by_key(kind);
        if !ordered.iter().any(|p| kind(p) == 0) {
            ordered.insert(0, &all);
        }
        let mut hosts: Vec<Match> = Vec::new();
        let mut seen: HashSet<Match> = HashSet::new();
        for pattern in ordered {
            if let Some(id) = self.host_id(pattern) {
                hosts.push(Match::Declared(id));
                seen.insert(Match::Declared(id));
                continue;
            }
            let found = self.matches(pattern.trim_start_matches_one(&['!', '&']), warnings)?;
            match kind(&pattern) {
                0 => hosts.extend(found.into_iter().filter(|host| seen.insert(*host))),
                modifier => {
                    let found: HashSet<Match> = found.into_iter().collect();
                    hosts.retain(|host| found.contains(host) == (modifier == 1));
                    seen.retain(|host| found.contains(host) == (modifier == 1));
                }
            }
        }
        Ok(hosts)
    }

    /// One pattern without modifier, its subscript applied.
    fn matches(&self, pattern: &str, warnings: &mut Vec<Diagnostic>) -> Result<Vec<Match>, InventoryError> {
        let (expression, subscript) = split_subscript(pattern, warnings);
        let hosts = self.enumerate(expression, warnings)?;
        let Some(subscript) = subscript else { return Ok(hosts) };
        if hosts.is_empty() {
            return Ok(hosts);
        }
        let n = hosts.len() as i64;
        match subscript {
            Subscript::One(index) => {
                let at = if index < 0 { index + n } else { index };
                let host = usize::try_from(at).ok().and_then(|at| hosts.get(at)).copied();
                host.map(|host| vec![host]).ok_or_else(|| InventoryError::Subscript(pattern.to_owned()))
            }
            Subscript::Range(start, end) => {
                // An end of 0 counts as no end at all in Ansible: `web[0:0]` is `web[0]`.
                if end == Some(0) {
                    let host = usize::try_from(start).ok().and_then(|at| hosts.get(at)).copied();
                    return host.map(|host| vec![host]).ok_or_else(|| InventoryError::Subscript(pattern.to_owned()));
                }
                let end = end.map_or(n, |end| (end + 1).min(n));
                let start = start.min(end);
                Ok(hosts[start as usize..end as usize].to_vec())
            }
        }
    }

    /// Hosts of the groups that an expression names, and hosts that it names themselves.
    fn enumerate(&self, expression: &str, warnings: &mut Vec<Diagnostic>) -> Result<Vec<Match>, InventoryError> {
        let matcher = Matcher::new(expression)?;
        let groups: Vec<_> = match &matcher {
            Matcher::Exact(name) => self.group_id(name).into_iter().collect(),
            other => {
                let names = self.groups().map(|g| Arc::clone(&g.name)).collect::<Vec<_>>();
                names.iter().filter(|name| other.matches(name)).filter_map(|name| self.group_id(name)).collect()
            }
        };
        let mut hosts: Vec<Match> = Vec::new();
        for group in &groups {
            hosts.extend(self.hosts_of(*group).iter().map(|id| Match::Declared(*id)));
        }
        let special = expression.starts_with('~') || expression.contains(['.', '?', '*', '[']);
        if groups.is_empty() || special {
            match &matcher {
                Matcher::Exact(name) => hosts.extend(self.host_id(name).map(Match::Declared)),
                other => {
                    let found = self.hosts().filter(|host| other.matches(&host.name));
                    hosts.extend(found.filter_map(|host| self.host_id(&host.name)).map(Match::Declared));
                }
            }
        }
        if hosts.is_empty()
            && let Some(index) = CONTROLLER.iter().position(|name| *name == expression)
        {
            // A declared localhost answers for its other names too.
            let declared = CONTROLLER.iter().find_map(|name| self.host_id(name));
            hosts.push(declared.map_or(Match::Controller(index), Match::Declared));
        }
        if hosts.is_empty() && groups.is_empty() && expression != "all" {
            warnings
                .push(Diagnostic::warning(format!("Could not match supplied host pattern, ignoring: {expression}")));
        }
        Ok(hosts)
    }
}

trait TrimOne {
    fn trim_start_matches_one(&self, chars: &[char]) -> &str;
}

impl TrimOne for String {
    /// Without its first character if that is one of these.
    fn trim_start_matches_one(&self, chars: &[char]) -> &str {
        self.strip_prefix(chars).unwrap_or(self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subscript {
    One(i64),
    /// Both ends belong to it; no end is up to the last.
    Range(i64, Option<i64>),
}

fn split_subscript<'a>(pattern: &'a str, warnings: &mut Vec<Diagnostic>) -> (&'a str, Option<Subscript>) {
    if pattern.starts_with('~') || !pattern.ends_with(']') {
        return (pattern, None);
    }
    let Some(Ok(Some(found))) = SUBSCRIPT.as_ref().map(|re| re.captures(pattern)) else { return (pattern, None) };
    let number = |group: usize| found.get(group).and_then(|m| m.as_str().parse::<i64>().ok());
    let base = found.get(1).map_or(pattern, |m| &pattern[m.range()]);
    if let Some(index) = number(2) {
        return (base, Some(Subscript::One(index)));
    }
    if found.get(4).is_some_and(|m| m.as_str() == "-") {
        warnings.push(Diagnostic::warning("Use [x:y] inclusive subscripts instead of [x-y] which has been removed"));
    }
    match number(3) {
        Some(start) => (base, Some(Subscript::Range(start, number(5)))),
        None => (pattern, None),
    }
}

/// How one expression is compared with names.
enum Matcher<'a> {
    Exact(&'a str),
    Glob(Vec<Piece>),
    Regex(Regex),
}

enum Piece {
    Star,
    One,
    Char(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl<'a> Matcher<'a> {
    fn new(expression: &'a str) -> Result<Self, InventoryError> {
        if let Some(regex) = expression.strip_prefix('~') {
            let compiled = Regex::new(&format!("^(?:{regex})"));
            return compiled.map(Self::Regex).map_err(|_| InventoryError::Pattern(expression.to_owned()));
        }
        if !expression.contains(['*', '?', '[']) {
            return Ok(Self::Exact(expression));
        }
        Ok(Self::Glob(glob(expression)))
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(expected) => *expected == name,
            Self::Regex(regex) => regex.is_match(name).unwrap_or(false),
            Self::Glob(pieces) => glob_matches(pieces, &name.chars().collect::<Vec<_>>()),
        }
    }
}

/// A shell glob as Python's `fnmatch` reads it: `*`, `?`, `[abc]`, `[!a-z]`; an unclosed `[` is itself.
fn glob(text: &str) -> Vec<Piece> {
    let chars: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        i += 1;
        match chars[i - 1] {
            '*' => pieces.push(Piece::Star),
            '?' => pieces.push(Piece::One),
            '[' => {
                let negated = chars.get(i) == Some(&'!');
                let first = i + usize::from(negated);
                // A bracket right at the start is a member of the set.
                let close = (first + 1..chars.len()).find(|j| chars[*j] == ']');
                let Some(close) = close else {
                    pieces.push(Piece::Char('['));
                    continue;
                };
                let mut ranges = Vec::new();
                let mut j = first;
                while j < close {
                    if j + 2 < close && chars[j + 1] == '-' {
                        ranges.push((chars[j], chars[j + 2]));
                        j += 3;
                    } else {
                        ranges.push((chars[j], chars[j]));
                        j += 1;
                    }
                }
                pieces.push(Piece::Set { negated, ranges });
                i = close + 1;
            }
            c => pieces.push(Piece::Char(c)),
        }
    }
    pieces
}

/// Linear in practice: only the last star is ever tried again.
fn glob_matches(pieces: &[Piece], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        let fits = match pieces.get(p) {
            Some(Piece::Star) => {
                retry = Some((p, n));
                p += 1;
                continue;
            }
            Some(Piece::One) => true,
            Some(Piece::Char(c)) => *c == name[n],
            Some(Piece::Set { negated, ranges }) => {
                ranges.iter().any(|(a, b)| (*a..=*b).contains(&name[n])) != *negated
            }
            None => false,
        };
        if fits {
            p += 1;
            n += 1;
        } else if let Some((star, from)) = retry {
            retry = Some((star, from + 1));
            p = star + 1;
            n = from + 1;
        } else {
            return false;
        }
    }
    pieces[p..].iter().all(|piece| matches!(piece, Piece::Star))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let mut inventory = Inventory::new();
        for (group, hosts) in [("web", ["w1", "w2", "w3"]), ("db", ["d1", "d2", "w3"]), ("old", ["w2", "d2", "x.y"])] {
            let group = inventory.add_group(group);
            for host in hosts {
                let (host, _) = inventory.add_host(host);
                inventory.join(host, group);
            }
        }
        inventory.reconcile();
        inventory
    }

    fn select(pattern: &str) -> String {
        let hosts = inventory().select(&[pattern], None).unwrap().hosts;
        hosts.iter().map(|h| &**h).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn unions_intersections_exclusions_in_any_order() {
        assert_eq!(select("web:db"), "w1 w2 w3 d1 d2");
        assert_eq!(select("!old:web"), "w1 w3");
        assert_eq!(select("web,&db"), "w3");
        assert_eq!(select("&db"), "w3 d1 d2");
        assert_eq!(select("all:!web:!d1"), "d2 x.y");
        assert_eq!(select("*:!~w.*"), "d1 d2 x.y");
    }

    #[test]
    fn globs_regexes_and_subscripts() {
        assert_eq!(select("w?"), "w1 w2 w3");
        assert_eq!(select("we*"), "w1 w2 w3");
        assert_eq!(select("~[wd]1"), "w1 d1");
        assert_eq!(select("web[0]"), "w1");
        assert_eq!(select("web[-1]"), "w3");
        assert_eq!(select("web[1:]"), "w2 w3");
        assert_eq!(select("web[0:1]"), "w1 w2");
        assert_eq!(select("web[1:9]"), "w2 w3");
        assert_eq!(select("x.y"), "x.y");
        assert_eq!(select("w[!1]"), "w2 w3");
    }

    #[test]
    fn limits_and_the_controller() {
        let inventory = inventory();
        let selection = inventory.select(&["all"], Some("web:!w1")).unwrap();
        assert_eq!(selection.hosts, ["w2".into(), "w3".into()] as [Arc<str>; 2]);
        assert_eq!(inventory.select(&["localhost"], None).unwrap().hosts, ["localhost".into()] as [Arc<str>; 1]);
        let nothing = inventory.select(&["nope"], None).unwrap();
        assert_eq!(nothing.warnings[0].message, "Could not match supplied host pattern, ignoring: nope");
        assert!(matches!(inventory.select(&["web[7]"], None), Err(InventoryError::Subscript(_))));
        assert!(matches!(inventory.select(&["~("], None), Err(InventoryError::Pattern(_))));
    }
}
