//! `--snippet`: a task, a source of hosts or a lookup to be filled in.

use rplay_value::{Map, Value};

use super::docstring::Docs;
use super::kind::Kind;
use super::markup::{Fill, Style, fill};
use super::text::items;

/// Kinds that have snippets.
pub(super) const KINDS: [Kind; 3] = [Kind::Inventory, Kind::Lookup, Kind::Module];

/// Why there is no snippet.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnippetError {
    /// A source of hosts that takes no such file.
    #[error("the inventory plugin {0} takes no YAML that begins with its name")]
    NoFile(String),
    /// `required` is no boolean.
    #[error("`required` of `{0}` is not a boolean")]
    Required(String),
}

/// The snippet of one plugin.
pub(super) fn snippet(name: &str, docs: &Docs, kind: Kind, columns: usize) -> Result<String, SnippetError> {
    let options = docs.doc.get("options").and_then(Value::as_map).cloned().unwrap_or_default();
    // As in ansible-doc, those that are told apart by `plugin:`.
    if kind == Kind::Inventory && options.contains("plugin") {
        return Err(SnippetError::NoFile(name.to_owned()));
    }
    let mut sorted: Vec<(String, &Map)> =
        options.iter().filter_map(|(name, about)| Some((name.to_str().into_owned(), about.as_map()?))).collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let own = |key: &str| docs.doc.get(key).map(|name| name.to_str().into_owned());
    let lines = match kind {
        Kind::Lookup => lookup(&own("plugin").or_else(|| own("name")).unwrap_or_else(|| name.to_owned()), &sorted)?,
        _ => yaml(docs, &sorted, columns)?,
    };
    Ok(lines.join("\n") + "\n")
}

fn required(name: &str, about: &Map) -> Result<bool, SnippetError> {
    match about.get("required") {
        None => Ok(false),
        Some(Value::Bool(required)) => Ok(*required),
        Some(_) => Err(SnippetError::Required(name.to_owned())),
    }
}

fn yaml(docs: &Docs, options: &[(String, &Map)], columns: usize) -> Result<Vec<String>, SnippetError> {
    const PLAIN: Style = Style { color: false };
    const PAD: usize = 29;
    let own = |key: &str| docs.doc.get(key).map(|name| name.to_str().into_owned());
    let module = own("module");
    let mut lines = match &module {
        Some(module) => vec![
            format!("- name: {}", PLAIN.marks(&own("short_description").unwrap_or_default())),
            format!("  {module}:"),
        ],
        None => vec![format!("# {}:", own("plugin").or_else(|| own("name")).unwrap_or_default())],
    };
    let below = format!("{}# ", " ".repeat(PAD));
    for (name, about) in options {
        let said = PLAIN.marks(&about.get("description").map(items).unwrap_or_default().join(" "));
        let required = required(name, about)?;
        let how = Fill { width: columns - PAD, first: "", rest: &below, taken: 0 };
        let key = format!("{name}:");
        if module.is_some() {
            let said = if required { format!("(required) {said}") } else { said };
            lines.push(format!("      {key:<20}   # {}", fill(&said, how)));
        } else {
            let default = if required {
                "(required)".to_owned()
            } else {
                about.get("default").map_or_else(|| "None".to_owned(), |value| value.to_str().into_owned())
            };
            lines.push(format!("{key} {default:<9} # {}", three_lines(&fill(&said, how), how.width)));
        }
    }
    Ok(lines)
}

/// The first three lines, the last one with a sign that there were more.
fn three_lines(text: &str, width: usize) -> String {
    const MORE: &str = " [...]";
    let lines: Vec<&str> = text.lines().collect();
    let [first, second, third, _, ..] = lines.as_slice() else { return text.to_owned() };
    let mut third = third.trim_end();
    while third.chars().count() + MORE.len() > width {
        let Some((shorter, _)) = third.rsplit_once(' ') else { break };
        third = shorter.trim_end();
    }
    format!("{first}\n{second}\n{third}{MORE}")
}

fn lookup(name: &str, options: &[(String, &Map)]) -> Result<Vec<String>, SnippetError> {
    let mut lines = Vec::new();
    let mut call = format!("lookup('{name}', ");
    for (option, about) in options {
        let kind = about.get("type").map_or_else(|| "string".to_owned(), |kind| kind.to_str().into_owned());
        let said = about.get("description").map(|said| said.to_str().into_owned()).unwrap_or_default();
        lines.push(format!("# {option}({kind}): {said}"));
        if matches!(option.as_str(), "_terms" | "_raw" | "_list") {
            call.push_str(&format!("< {option} >"));
            continue;
        }
        let default = match (required(option, about)?, about.get("default")) {
            (true, _) => "<REQUIRED>".to_owned(),
            (false, Some(default)) => default.to_str().into_owned(),
            (false, None) => "None".to_owned(),
        };
        let quote = if matches!(kind.as_str(), "string" | "str") && about.contains("type") { "'" } else { "" };
        call.push_str(&format!(", {option}={quote}{default}{quote}"));
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(call + ")");
    Ok(lines)
}
