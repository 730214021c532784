//! The header (`//!`) of a native plugin's file, taken apart: what it does, its options, what it returns, an example.

use rplay_value::{List, Map, Value};

/// A header's parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header<'h> {
    paragraphs: Vec<String>,
    /// Items of `Options:`, each on one line.
    options: Vec<String>,
    returns: String,
    example: Option<&'h str>,
    /// Of plugins that this one refers to.
    others: Vec<Header<'static>>,
}

impl<'h> Header<'h> {
    /// Reads a header's text.
    pub(super) fn read(text: &'h str) -> Self {
        let mut out = Self::default();
        let (text, example) = match text.split_once("```yaml\n") {
            Some((before, rest)) => (before, rest.split_once("```").map(|(example, _)| example)),
            None => (text, None),
        };
        out.example = example;
        for block in text.split("\n\n") {
            let block = block.trim();
            let first = block.lines().next().unwrap_or_default();
            if block.starts_with("Options:") {
                out.options = items(block.trim_start_matches("Options:"));
            } else if let Some(returns) = block.strip_prefix("Returns:") {
                // `Check mode` may stand on the line below.
                let returns: Vec<&str> = returns.lines().take_while(|line| !is_modes(line)).collect();
                out.returns = one_line(&returns.join("\n"));
            } else if !block.is_empty() && !first.starts_with("Example") && !is_modes(first) {
                if block.starts_with("- ") {
                    out.paragraphs.extend(items(block));
                } else {
                    out.paragraphs.push(one_line(block));
                }
            }
        }
        out
    }

    /// With the headers of plugins that it refers to.
    pub(super) fn with(mut self, others: Vec<Header<'static>>) -> Self {
        self.others = others;
        self
    }

    /// The first sentence, without its full stop.
    pub(super) fn short(&self) -> String {
        let first = self.paragraphs.first().map(String::as_str).unwrap_or_default();
        let end = first.find(". ").or_else(|| first.strip_suffix('.').map(str::len)).unwrap_or(first.len());
        plain(&first[..end])
    }

    /// The paragraphs that say what it does.
    pub(super) fn description(&self) -> Vec<String> {
        self.paragraphs.iter().map(|paragraph| plain(paragraph)).collect()
    }

    /// The example.
    pub(super) fn example(&self) -> Option<&'h str> {
        self.example
    }

    /// What is said of an option: the words from its name, or from one that it is enumerated with, to the next name in the
    /// same item. A name with `*` stands for all that fit.
    pub(super) fn option(&self, name: &str) -> Option<String> {
        let own = self.options.iter().find_map(|item| words_of(item, name));
        own.or_else(|| self.others.iter().find_map(|other| other.option(name)))
    }

    /// Every option that has an item.
    pub(super) fn options(&self) -> Vec<String> {
        let names = |item: &String| -> Vec<String> {
            leading(item).iter().map(|at| item[at.start + 1..at.end - 1].to_owned()).collect()
        };
        self.options.iter().flat_map(names).filter(|name| !name.contains('*')).collect()
    }

    /// The item that an option without words of its own stands in, if it has any.
    pub(super) fn item(&self, name: &str) -> Option<String> {
        let item = self.options.iter().find(|item| at_name(&leading(item), item, name).is_some() && has_words(item))?;
        // `Networks: a, b, c` says what all of them are.
        let intro = item.split('`').next().unwrap_or_default().trim_end();
        Some(sentence(intro.strip_suffix(':').filter(|intro| has_words(intro)).unwrap_or(item)))
    }

    /// The sentence that speaks of an option in passing.
    pub(super) fn mention(&self, name: &str) -> Option<String> {
        let quoted = format!("`{name}`");
        let texts = self.options.iter().chain(&self.paragraphs);
        let mut sentences = texts.flat_map(|text| text.split_inclusive(". ")).map(str::trim);
        let said = sentences.find(|sentence| sentence.contains(&quoted)).map(sentence);
        said.or_else(|| self.others.iter().find_map(|other| other.mention(name)))
    }

    /// What is returned: every name that is written as one, with the words behind it or the sentence it stands in.
    pub(super) fn returns(&self) -> Value {
        let mut out = Map::new();
        for part in self.returns.split_inclusive(['.', ';']) {
            for (at, name) in quoted(part) {
                let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let inside = part[..at].ends_with(['(', '/', '=']);
                let after = &part[at + name.len() + 2..];
                let ends = after.trim().is_empty() || after.starts_with([',', '.', ';', ':']);
                let ends = ends
                    || [" (", " and `", " or `", " in ", " of ", " when ", " if ", " with "]
                        .iter()
                        .any(|next| after.starts_with(next));
                if !word || inside || !ends || out.contains(name) {
                    continue;
                }
                let text = part.trim().trim_end_matches(';');
                let said = words_of(&self.returns, name).or_else(|| has_words(text).then(|| sentence(text)));
                out.insert(
                    name,
                    Map::from_iter([("description", said.into_iter().map(Value::data).collect::<List>())]),
                );
            }
        }
        if out.is_empty() { Value::Null } else { Value::Map(out) }
    }
}

/// Lists of one line for lists of several, joined.
fn items(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("- ") {
            Some(item) => out.push(item.to_owned()),
            None => match out.last_mut() {
                Some(item) => {
                    item.push(' ');
                    item.push_str(line);
                }
                None => out.push(line.to_owned()),
            },
        }
    }
    out
}

fn is_modes(line: &str) -> bool {
    line.starts_with("Check mode") || line.starts_with("Check and diff mode") || line.starts_with("Diff")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which of an item's names is meant.
fn at_name(names: &[Name], item: &str, name: &str) -> Option<usize> {
    let fits = |given: &str| match given.split_once('*') {
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
        None => given == name,
    };
    names.iter().position(|found| fits(&item[found.start + 1..found.end - 1]))
}

/// The words behind a name, or behind the names that it is enumerated with.
fn words_of(item: &str, name: &str) -> Option<String> {
    let names = leading(item);
    for at in at_name(&names, item, name)?..names.len() {
        let part = &item[names[at].end..names.get(at + 1).map_or(item.len(), |next| next.start)];
        let words = about(part);
        if has_words(&words) && !part.trim_start().starts_with(';') {
            return Some(sentence(&words));
        }
        let rest = part.trim_end();
        if !(rest.ends_with(',') || rest.ends_with(" and") || rest.ends_with(" or")) || rest.contains([':', ';']) {
            return None;
        }
    }
    None
}

/// Words with a capital and a full stop.
fn sentence(words: &str) -> String {
    let words = plain(words.trim());
    let mut chars = words.chars();
    let mut out: String = match chars.next() {
        // A mark such as C(x) stays as it is.
        Some(first) if !words[first.len_utf8()..].starts_with('(') => first.to_uppercase().chain(chars).collect(),
        _ => words,
    };
    if out.ends_with(|c: char| c.is_alphanumeric() || c == ')') {
        out.push('.');
    }
    out
}

struct Name {
    /// Of its first and behind its last backquote.
    start: usize,
    end: usize,
}

/// Names in backquotes, with the byte of the first quote.
fn quoted(text: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('`').map(|found| at + found) {
        let Some(end) = text[start + 1..].find('`').map(|found| start + 1 + found) else { break };
        out.push((start, &text[start + 1..end]));
        at = end + 1;
    }
    out
}

/// The names that an item is about: at its beginning and behind a full stop, a colon or a comma, in front of punctuation.
fn leading(item: &str) -> Vec<Name> {
    let mut depth_end = 0;
    let names = quoted(item).into_iter().filter_map(|(start, name)| {
        let end = start + name.len() + 2;
        let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '*' | '-'));
        let open = item[..start].matches('(').count() > item[..start].matches(')').count();
        let before = item[..start].trim_end();
        let first = before.is_empty()
            || before.ends_with(['.', ';', ':', ',', ')'])
            || before.ends_with(" and")
            || before.ends_with(" or");
        let after = &item[end..];
        let last = after.is_empty()
            || after.starts_with([',', ':', '.', ';'])
            || after.starts_with(" (")
            || after.starts_with(" and `")
            || after.starts_with(" or `");
        // Choices are written like names: `state`: `absent`, `present`.
        let choice =
            depth_end > 0 && item[depth_end..start].contains(':') && !item[depth_end..start].contains(['.', ';']);
        let found = word && !open && first && last && !choice;
        if found {
            depth_end = end;
        }
        found.then_some(Name { start, end })
    });
    names.collect()
}

/// Whether a text says more than names and what stands in brackets.
fn has_words(text: &str) -> bool {
    let (mut depth, mut code, mut words) = (0_usize, false, String::new());
    for c in text.chars() {
        match c {
            '`' => {
                code = !code;
                // What stands alone behind a colon is a list of choices.
                words.push(' ');
            }
            '(' if !code => depth += 1,
            ')' if !code => depth = depth.saturating_sub(1),
            c if depth == 0 && !code => words.push(c),
            _ => {}
        }
    }
    let mut words = words.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    words.any(|word| !matches!(word, "and" | "or" | "with" | "as"))
}

/// Words behind a name, without type and default in brackets and without punctuation around them.
fn about(text: &str) -> String {
    let mut text = text.trim();
    if let Some(rest) = text.strip_prefix('(')
        && let Some((_, rest)) = rest.split_once(')')
    {
        text = rest.trim();
    }
    let text = text.trim_start_matches([':', ',', ';']).trim().trim_end_matches([',', ';', ':']).trim();
    if matches!(text, "." | "and") { String::new() } else { text.to_owned() }
}

/// Backquotes as the marks that documentation in Python has: `x` is C(x). Brackets inside would end the mark.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, name) in quoted(text) {
        out.push_str(&text[at..start]);
        if name.contains(')') || name.is_empty() {
            out.push_str(name);
        } else {
            out.push_str(&format!("C({name})"));
        }
        at = start + name.len() + 2;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Puts things\nin place. Twice.\n\nAnd more.\n\nOptions:\n- `src` (path), `dest` (path, required): where from and to.\n\
        - `state` (default `present`): `absent`, `present`. `force`: allows\n  to shrink. `device_*`, `opts`\n- The image: `pull`\n\n\
        Returns: `msg`; of a volume `vg`, `size` (`4m`).\nCheck mode: full.\n\nCheck mode: full. Diff: none.\n\nExample:\n```yaml\n- m:\n    a: 1\n```\n";

    #[test]
    fn a_header_is_taken_apart() {
        let header = Header::read(TEXT);
        assert_eq!(header.short(), "Puts things in place");
        assert_eq!(header.description(), ["Puts things in place. Twice.", "And more."]);
        assert_eq!(header.example(), Some("- m:\n    a: 1\n"));
        let said = |name: &str| header.option(name).unwrap_or_default();
        assert_eq!((said("dest").as_str(), said("src").as_str()), ("Where from and to.", "Where from and to."));
        assert_eq!((said("state").as_str(), said("none").as_str()), ("", ""));
        assert_eq!(said("force"), "Allows to shrink.");
        assert_eq!(header.item("pull").as_deref(), Some("The image."));
        assert_eq!(header.mention("present").as_deref(), Some("C(state) (default C(present)): C(absent), C(present)."));
        let globs = Header::read("X.\n\nOptions:\n- `device_*`, `x`: limits\n");
        assert_eq!(globs.option("device_a").as_deref(), Some("Limits."));
        let returns = header.returns();
        let words = |name: &str| returns.get(name).unwrap().get("description").unwrap().to_str().into_owned();
        assert_eq!(words("vg"), "['Of a volume C(vg), C(size) (C(4m)).']");
        assert_eq!((words("msg").as_str(), returns.as_map().unwrap().len()), ("[]", 3));
        assert_eq!(Header::read("").short(), "");
    }
}
