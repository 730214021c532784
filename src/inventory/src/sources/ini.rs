//! INI inventories: `[group]`, `[group:vars]`, `[group:children]` and lines of hosts.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use rplay_diag::{SourceId, Sources, Span};
use rplay_value::{List, Map, Text, Value, literal_eval};

use crate::inventory::GroupId;
use crate::load::{Files, Target};
use crate::{InventoryError, address, shlex};

/// What the lines below a header say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hosts,
    Vars,
    Children,
}

/// A group that has been mentioned but not declared yet.
struct Pending {
    kind: Kind,
    span: Span,
    parents: Vec<GroupId>,
}

/// Reads the file of the target.
pub(crate) fn read(sources: &Sources, files: &dyn Files, target: &mut Target<'_>) -> Result<(), InventoryError> {
    let text = files.read(target.path).map_err(|source| InventoryError::Io { path: target.path.to_owned(), source })?;
    let text: Arc<str> = text.into();
    let source = sources.add(target.source, Arc::clone(&text));
    parse(&text, source, target)
}

pub(crate) fn parse(text: &str, source: SourceId, target: &mut Target<'_>) -> Result<(), InventoryError> {
    let mut pending: IndexMap<String, Pending> = IndexMap::new();
    let mut group = target.inventory.add_group("ungrouped");
    let mut kind = Kind::Hosts;
    for range in lines(text) {
        let raw = &text[range.clone()];
        let line = raw.trim();
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        let start = range.start + (raw.len() - raw.trim_start().len());
        let place = Line { text: line, source, start };
        if let Some((name, tag)) = header(line) {
            kind = match tag {
                None | Some("hosts") => Kind::Hosts,
                Some("vars") => Kind::Vars,
                Some("children") => Kind::Children,
                Some(other) => {
                    let message = format!("Section [{name}:{other}] has unknown type: {other}");
                    let error = InventoryError::syntax(message, place.span());
                    return Err(error.hint("a section is [group], [group:vars] or [group:children]"));
                }
            };
            let name = target.group_name(name).into_owned();
            if target.inventory.group_id(&name).is_none() && kind == Kind::Vars && !pending.contains_key(&name) {
                pending.insert(name.clone(), Pending { kind, span: place.span(), parents: Vec::new() });
            }
            group = target.inventory.add_group(&name);
            if kind != Kind::Vars
                && let Some(waiting) = pending.shift_remove(&name)
            {
                for parent in waiting.parents {
                    target.inventory.add_child(parent, group).map_err(|e| e.at(Some(waiting.span)))?;
                }
            }
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') && !line.contains("]:") {
            let message = format!(
                "Invalid section entry: '{line}'. Please make sure that there are no spaces in the section entry, and that \
                 there are no other invalid characters"
            );
            return Err(InventoryError::syntax(message, place.span()));
        }
        match kind {
            Kind::Hosts => hosts(&place, group, target)?,
            Kind::Vars => {
                let Some((key, value)) = line.split_once('=') else {
                    let error = InventoryError::syntax(format!("Expected key=value, got: {line}"), place.span());
                    return Err(error.hint("lines of a [group:vars] section are `name=value`"));
                };
                let value_start = start + key.len() + 1 + (value.len() - value.trim_start().len());
                let key = key.trim();
                let value = value.trim();
                let span = Span::new(source, value_start, value_start + value.len());
                let key = Text::written(key, Span::new(source, start, start + key.len())).untrusted();
                target.inventory.set_group_var(group, key, variable(value, span));
            }
            Kind::Children => {
                let name = line.split_once('#').map_or(line, |(name, _)| name).trim_end();
                if name.is_empty() || name.contains([':', ']']) || name.contains(char::is_whitespace) {
                    return Err(InventoryError::syntax(format!("Expected group name, got: {line}"), place.span()));
                }
                if let Some(child) = target.inventory.group_id(name)
                    && pending.get(name).is_none_or(|p| p.kind == Kind::Vars)
                {
                    target.inventory.add_child(group, child).map_err(|e| e.at(Some(place.span())))?;
                    continue;
                }
                let waiting = pending.entry(name.to_owned()).or_insert_with(|| Pending {
                    kind,
                    span: place.span(),
                    parents: Vec::new(),
                });
                waiting.parents.push(group);
            }
        }
    }
    let Some((name, waiting)) = pending.into_iter().next() else { return Ok(()) };
    let message = if waiting.kind == Kind::Vars {
        format!("Section [{name}:vars] not valid for undefined group '{name}'.")
    } else {
        let parent =
            waiting.parents.last().and_then(|id| target.inventory.group_by_id(*id)).map(|g| Arc::clone(&g.name));
        format!("Section [{}:children] includes undefined group '{name}'.", parent.unwrap_or_default())
    };
    let near = rplay_diag::nearest(&name, target.inventory.groups().map(|g| &*g.name).filter(|n| *n != name));
    let hint =
        near.map_or_else(|| format!("declare it with a [{name}] section"), |near| format!("there is a group `{near}`"));
    Err(InventoryError::syntax(message, waiting.span).hint(hint))
}

/// One line without surrounding blanks, and where it stands.
struct Line<'a> {
    text: &'a str,
    source: SourceId,
    start: usize,
}

impl Line<'_> {
    fn span(&self) -> Span {
        self.part(0..self.text.len())
    }

    fn part(&self, range: Range<usize>) -> Span {
        Span::new(self.source, self.start + range.start, self.start + range.end)
    }
}

/// Lines as Python's `splitlines` cuts them.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let end = |c: char| {
        matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut at = 0;
    text.split(end).map(move |line| {
        let range = at..at + line.len();
        at = range.end + text[range.end..].chars().next().map_or(0, char::len_utf8);
        range
    })
}

/// Group and tag of `[group]`, `[group:tag]`, perhaps with a comment after it.
fn header(line: &str) -> Option<(&str, Option<&str>)> {
    let (inside, rest) = line.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    if !rest.is_empty() && !rest.starts_with('#') {
        return None;
    }
    let (name, tag) = inside.split_once(':').map_or((inside, None), |(name, tag)| (name, Some(tag)));
    let name_ok = !name.is_empty() && !name.contains(char::is_whitespace);
    let tag_ok = tag.is_none_or(|tag| !tag.is_empty() && tag.chars().all(|c| c.is_alphanumeric() || c == '_'));
    (name_ok && tag_ok).then_some((name, tag))
}

/// `name[1:3]:port key=value ...`
fn hosts(line: &Line<'_>, group: GroupId, target: &mut Target<'_>) -> Result<(), InventoryError> {
    let words = shlex::split(line.text).map_err(|error| {
        let message = format!("Error parsing host definition '{}': {error}", line.text);
        InventoryError::syntax(message, line.span()).hint("quote a quote: name=\"it's\"")
    })?;
    let Some((first, rest)) = words.split_first() else { return Ok(()) };
    let place = line.part(first.range.clone());
    let (names, port) =
        address::expand(&first.text).map_err(|error| InventoryError::syntax(error.to_string(), place))?;
    if first.text.trim().ends_with(':') && port.is_none() {
        let message = format!(
            "Invalid host pattern '{}' supplied, ending in ':' is not allowed, this character is reserved to provide a port.",
            first.text
        );
        return Err(InventoryError::syntax(message, place));
    }
    if names.iter().any(|name| name.trim() == "---") {
        let message =
            format!("Invalid host pattern '{}' supplied, '---' is normally a sign this is a YAML file.", first.text);
        return Err(InventoryError::syntax(message, place));
    }
    if names.iter().any(String::is_empty) {
        return Err(InventoryError::syntax("Invalid empty host name provided", place));
    }
    let mut vars = Map::with_capacity(rest.len());
    for word in rest {
        let place = line.part(word.range.clone());
        let Some((key, value)) = word.text.split_once('=') else {
            let message = format!("Expected key=value host variable assignment, got: {}", word.text);
            let error = InventoryError::syntax(message, place);
            return Err(error.hint("a value with blanks needs quotes: name=\"two words\""));
        };
        vars.insert(Text::written(key, place).untrusted(), variable(value, place));
    }
    for name in names {
        let id = target.host(&name);
        target.inventory.join(id, group);
        if let Some(port) = port {
            target.inventory.set_host_var(id, "ansible_port", port);
        }
        if !vars.is_empty() {
            target.set_vars(id, &vars);
        }
    }
    Ok(())
}

/// A value: a Python literal if it is one, else text. Texts in it are templates.
fn variable(text: &str, span: Span) -> Value {
    if is_word(text) {
        return Value::Text(Text::written(text, span));
    }
    literal_eval(text).map_or_else(|_| Value::Text(Text::written(text, span)), |value| written(value, span))
}

/// Whether a text is obviously no literal: most values are names, addresses, paths.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let literal_start =
        |b: &u8| b.is_ascii_digit() || matches!(b, b'"' | b'\'' | b'[' | b'{' | b'(' | b'-' | b'+' | b'.' | b' ');
    if bytes.first().is_none_or(literal_start) || matches!(text, "True" | "False" | "None") {
        return bytes.first().is_some_and(u8::is_ascii_digit)
            && text.matches('.').count() > 1
            && bytes.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    }
    !text.contains(['\'', '"', '(', '#'])
}

fn written(value: Value, span: Span) -> Value {
    match value {
        Value::Text(text) => Value::Text(Text::written(text.shared(), span)),
        Value::List(list) => Value::List(list.into_iter().map(|item| written(item, span)).collect::<List>()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(key, value)| (key, written(value, span))).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::{InvalidGroupNames, Inventory};

    fn load(text: &str) -> Result<Inventory, InventoryError> {
        let sources = Sources::new();
        let id = sources.add("hosts", text);
        let mut inventory = Inventory::new();
        let mut target = Target::new(&mut inventory, "hosts", Path::new("hosts"), InvalidGroupNames::Never);
        parse(text, id, &mut target)?;
        inventory.reconcile();
        Ok(inventory)
    }

    fn error(text: &str) -> String {
        load(text).unwrap_err().to_string()
    }

    fn var(inventory: &Inventory, host: &str, name: &str) -> String {
        format!("{:?}", inventory.host(host).unwrap().vars.get(name).unwrap())
    }

    #[test]
    fn hosts_with_ports_ranges_and_literals() {
        let inventory = load(
            "lone\n[web]\nw[1:2]:2222 a=1 b='two words' c=\"{'k': [1, 'x']}\" # said\n; no\n[db]\n10.0.0.1 d=0755 e=True f=1.5\n",
        )
        .unwrap();
        assert_eq!(var(&inventory, "w2", "ansible_port"), "Int(2222)");
        assert_eq!(var(&inventory, "w1", "a"), "Int(1)");
        assert_eq!(var(&inventory, "w1", "b"), "Text(\"two words\")");
        assert_eq!(inventory.host("w1").unwrap().vars.get("c").unwrap().get("k").unwrap().as_list().unwrap().len(), 2);
        assert_eq!(var(&inventory, "10.0.0.1", "d"), "Text(\"0755\")");
        assert_eq!(var(&inventory, "10.0.0.1", "e"), "Bool(true)");
        assert_eq!(inventory.group_names(inventory.host("lone").unwrap()), ["ungrouped".into()] as [Arc<str>; 1]);
    }

    #[test]
    fn children_may_be_declared_later() {
        let inventory = load("[top:children]\nweb\n[web]\na\n[top:vars]\nx = {{ y }}\n").unwrap();
        let a = inventory.host("a").unwrap();
        assert_eq!(inventory.group_names(a), ["top".into(), "web".into()] as [Arc<str>; 2]);
        assert!(inventory.group("top").unwrap().vars.get("x").unwrap().holds_template());
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(error("[a:children]\nb\n"), "Section [a:children] includes undefined group 'b'.");
        assert_eq!(error("[a:vars]\nx=1\n"), "Section [a:vars] not valid for undefined group 'a'.");
        assert_eq!(error("[a:hots]\n"), "Section [a:hots] has unknown type: hots");
        assert_eq!(error("[a]\nh x\n"), "Expected key=value host variable assignment, got: x");
        assert_eq!(error("[a]\n[a:vars]\nx\n"), "Expected key=value, got: x");
        assert_eq!(error("h x='1\n"), "Error parsing host definition 'h x='1': No closing quotation");
        assert!(error("[a b]\n").starts_with("Invalid section entry: '[a b]'."));
        assert!(error("---\n").starts_with("Invalid host pattern '---' supplied"));
        assert!(error("w[1:\n").contains("neither of numbers nor of letters"));
        assert!(error("[a:children]\nb\n[b:children]\na\n").contains("recursive dependency loop"));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[\\[\\]a-c:=#'\"\\\\ \n0-9{},;-]{0,80}") {
            let _ = load(&text);
        }

        #[test]
        fn lines_cover_the_text(text in "\\PC*[\n\r]\\PC*") {
            for range in lines(&text) {
                prop_assert!(text.get(range).is_some());
            }
        }
    }
}
