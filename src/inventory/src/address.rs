//! Host names with ports and ranges: `web[01:20:2].example:2222`.

use std::sync::LazyLock;

use fancy_regex::Regex;

/// Why a range cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RangeError {
    #[error("host range must be begin:end or begin:end:step")]
    Bounds,
    #[error("host range must specify end value")]
    NoEnd,
    #[error("host range must specify equal-length begin and end formats")]
    Width,
    #[error("host range must have begin <= end")]
    Backwards,
    #[error("host range `{0}` is neither of numbers nor of letters")]
    NotARange(String),
    #[error("host range `{0}` would make more than a million hosts")]
    TooMany(String),
}

/// More than any inventory has; a typo in a range must not eat the memory.
const MOST_HOSTS: usize = 1_000_000;

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

struct Shapes {
    bracketed_port: Regex,
    port: Regex,
    address: Regex,
}

/// What counts as an address: an IPv4 or IPv6 address or a host name, each perhaps with ranges.
static SHAPES: LazyLock<Option<Shapes>> = LazyLock::new(|| {
    let numbers = r"\[[0-9]+:[0-9]+(?::[0-9]+)?\]";
    let hex = r"\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]";
    let letters = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]";
    let four = format!(r"(?:[01]?[0-9]{{1,2}}|2[0-4][0-9]|25[0-5]|{numbers})");
    let six = format!("(?:[0-9a-f]{{1,4}}|{hex})");
    let mut shapes = vec![
        format!(r"(?:{four}\.){{3}}{four}"),
        format!("(?:{six}:){{7}}{six}"),
        format!("(?:{six}:){{1,6}}:"),
        format!("{six}?::|:(?::{six}){{1,6}}"),
        format!(r"(?:0:){{6}}(?:{six}\.){{3}}{six}"),
        format!(r"::(?:ffff:)?(?:{six}\.){{3}}{six}"),
        format!(r"(?:0:){{5}}ffff:(?:{six}\.){{3}}{six}"),
    ];
    shapes.extend((1..=6).map(|n| format!("(?:{six}:){{{n}}}(?::{six}){{1,{}}}", 7 - n)));
    let label = format!(r"(?:\w|{letters})(?:[\w-]|{letters})*(?<![_-])");
    shapes.push(format!(r"{label}(?:\.{label})*"));
    Some(Shapes {
        bracketed_port: Regex::new(r"^\[(.+)\]:([0-9]+)$").ok()?,
        port: Regex::new(r"^((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)$").ok()?,
        address: Regex::new(&format!("(?i)^(?:{})$", shapes.join("|"))).ok()?,
    })
});

/// Host identifier and port, or nothing when the text is no address.
pub(crate) fn parse(text: &str) -> Option<(&str, Option<u32>)> {
    if is_plain(text) {
        return Some((text, None));
    }
    let shapes = SHAPES.as_ref()?;
    let mut host = text;
    let mut port = None;
    for shape in [&shapes.bracketed_port, &shapes.port] {
        if let Ok(Some(found)) = shape.captures(host)
            && let (Some(name), Some(number)) = (found.get(1), found.get(2))
        {
            port = Some(number.as_str().parse().ok()?);
            host = &host[name.range()];
        }
    }
    shapes.address.is_match(host).unwrap_or(false).then_some((host, port))
}

/// Whether a text is a name of letters, digits, dots and inner dashes: no need for the full shapes.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && text.split('.').all(|label| {
            let b = label.as_bytes();
            b.first().is_some_and(u8::is_ascii_alphanumeric) && b.last().is_some_and(u8::is_ascii_alphanumeric)
        })
}

/// The hosts a text names, and their port.
pub(crate) fn expand(text: &str) -> Result<(Vec<String>, Option<u32>), RangeError> {
    let (host, port) = parse(text).unwrap_or((text, None));
    let hosts = if host.contains('[') { ranges(host)? } else { vec![host.to_owned()] };
    Ok((hosts, port))
}

fn ranges(text: &str) -> Result<Vec<String>, RangeError> {
    let not_a_range = || RangeError::NotARange(text.to_owned());
    let Some((head, rest)) = text.split_once('[') else { return Ok(vec![text.to_owned()]) };
    let (range, tail) = rest.split_once(']').ok_or_else(not_a_range)?;
    let bounds: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match bounds.as_slice() {
        [begin, end] => (*begin, *end, "1"),
        [begin, end, step] => (*begin, *end, *step),
        _ => return Err(RangeError::Bounds),
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err(RangeError::NoEnd);
    }
    let width = if begin.len() > 1 && begin.starts_with('0') { begin.len() } else { 0 };
    if width > 0 && width != end.len() {
        return Err(RangeError::Width);
    }
    let step: usize = step.parse().ok().filter(|step| *step > 0).ok_or_else(not_a_range)?;
    let parts: Vec<String> = match (LETTERS.find(begin), LETTERS.find(end)) {
        (Some(from), Some(to)) if begin.len() == 1 && end.len() == 1 => {
            if from > to {
                return Err(RangeError::Backwards);
            }
            LETTERS[from..=to].chars().step_by(step).map(String::from).collect()
        }
        _ => {
            let from: u64 = begin.parse().map_err(|_| not_a_range())?;
            let to: u64 = end.parse().map_err(|_| not_a_range())?;
            // As Ansible: letters must ascend, numbers that do not name no host.
            if to.saturating_sub(from) / step as u64 >= MOST_HOSTS as u64 {
                return Err(RangeError::TooMany(text.to_owned()));
            }
            (from..=to).step_by(step).map(|n| format!("{n:0width$}")).collect()
        }
    };
    let tails = if tail.contains('[') { ranges(tail)? } else { vec![tail.to_owned()] };
    if parts.len().saturating_mul(tails.len()) > MOST_HOSTS {
        return Err(RangeError::TooMany(text.to_owned()));
    }
    Ok(parts.iter().flat_map(|part| tails.iter().map(move |tail| format!("{head}{part}{tail}"))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_numbers_letters_and_both() {
        let expand = |text: &str| expand(text).unwrap().0;
        assert_eq!(expand("web[08:12:2]"), ["web08", "web10", "web12"]);
        assert_eq!(expand("a[1:2]b[x:z]"), ["a1bx", "a1by", "a1bz", "a2bx", "a2by", "a2bz"]);
        assert_eq!(expand("n[:1].example"), ["n0.example", "n1.example"]);
    }

    #[test]
    fn bad_ranges_say_why() {
        assert_eq!(expand("w[z:a]"), Err(RangeError::Backwards));
        assert_eq!(expand("w[5:1]").unwrap().0, Vec::<String>::new());
        assert_eq!(expand("w[01:100]"), Err(RangeError::Width));
        assert_eq!(expand("w[1:]"), Err(RangeError::NoEnd));
        assert_eq!(expand("w[1]"), Err(RangeError::Bounds));
        assert!(matches!(expand("w[1:999999999999]"), Err(RangeError::TooMany(_))));
        assert!(matches!(expand("w[1:2"), Err(RangeError::NotARange(_))));
    }

    #[test]
    fn ports_are_split_off_where_they_can_be() {
        assert_eq!(parse("web:22"), Some(("web", Some(22))));
        assert_eq!(parse("10.0.0.1:22"), Some(("10.0.0.1", Some(22))));
        assert_eq!(parse("[fe80::1]:22"), Some(("fe80::1", Some(22))));
        assert_eq!(parse("fe80::1"), Some(("fe80::1", None)));
        assert_eq!(parse("::1"), Some(("::1", None)));
        assert_eq!(parse("web[1:3]:22"), Some(("web[1:3]", Some(22))));
        assert_eq!(parse("a_b-c.d"), Some(("a_b-c.d", None)));
        assert_eq!(parse("a:b"), None);
        assert_eq!(parse("web-"), None);
        assert_eq!(parse("x:!y"), None);
    }
}
