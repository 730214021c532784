//! `cmdline` and `proc_cmdline`: the kernel's command line.

use rplay_value::{List, Map, Value};

use super::{Found, Probe};

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let Some(line) = probe.read("/proc/cmdline") else { return found };
    let mut last = Map::new();
    let mut every = Map::new();
    for word in words(&line) {
        let Some((key, value)) = word.split_once('=') else {
            last.insert(word.as_str(), true);
            every.insert(word.as_str(), true);
            continue;
        };
        last.insert(key, value);
        let all = match every.get(key) {
            None => Value::from(value),
            Some(Value::List(list)) => {
                let mut list = list.clone();
                list.push(value);
                Value::from(list)
            }
            Some(first) => Value::from(List::from(vec![first.clone(), Value::from(value)])),
        };
        every.insert(key, all);
    }
    found.set("cmdline", last);
    found.set("proc_cmdline", every);
    found
}

/// Words at white space; quotes keep white space together and stay in the word, as Python's `shlex` does outside POSIX.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(open) => {
                word.push(c);
                if c == open {
                    quote = None;
                }
            }
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            None => {
                if matches!(c, '"' | '\'') {
                    quote = Some(c);
                }
                word.push(c);
            }
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(words("ro a=1 b=\"x y\" c"), ["ro", "a=1", "b=\"x y\"", "c"]);
    }
}
