//! Documentation for people, laid out as `ansible-doc` does.

use rplay_value::{List, Map, Value};
use rplay_yaml::{DumpStyle, dump};

use super::docstring::Docs;
use super::kind::Kind;
use super::markup::{Fill, Style, fill};

/// How a page is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) style: Style,
    /// Columns of the terminal.
    pub(super) columns: usize,
    /// Say since when everything is there.
    pub(super) verbose: bool,
}

/// A page that cannot be written: the documentation has not the shape that all have.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// An option or a result says nothing.
    #[error("`{0}` has no description")]
    Silent(String),
    /// `required` is no boolean.
    #[error("`required` of `{0}` is not a boolean")]
    Required(String),
}

const INDENT: &str = "        ";
/// What has its own place on a page or none.
const IGNORED: [&str; 10] = [
    "module",
    "docuri",
    "version_added",
    "version_added_collection",
    "short_description",
    "now_date",
    "plainexamples",
    "returndocs",
    "collection",
    "plugin_name",
];

impl Page {
    /// Four fifths of the terminal, at least 70 columns.
    pub(super) fn limit(self) -> usize {
        (self.columns - self.columns / 5).max(70)
    }

    fn wrapped(self, text: &str, width: usize, first: &str, rest: &str) -> String {
        fill(&self.style.marks(text), Fill { width, first, rest, taken: 0 })
    }

    /// One plugin.
    pub(super) fn plugin(self, docs: &Docs, kind: Kind) -> Result<String, PageError> {
        let (limit, style) = (self.limit(), self.style);
        let mut doc = docs.doc.clone();
        let mut take = |name: &str| doc.remove(name).unwrap_or_default();
        let file = take("filename").to_str().into_owned();
        let file = if file.is_empty() { "Jinja2".to_owned() } else { file };
        let name = style.bold(&take("plugin_name").to_str());
        let mut text = vec![format!("> {} {name} ({file})", kind.name().to_uppercase()), String::new()];
        for paragraph in items(&take("description")) {
            text.push(self.wrapped(&paragraph, limit, "  ", "  "));
        }
        let since = (take("version_added"), take("version_added_collection"));
        let deprecated = take("deprecated");
        let collection = take("collection").to_str().into_owned();
        if truthy(&deprecated) {
            text.push(format!("{}\n\t{}", style.bold("DEPRECATED: "), gone(&deprecated, &collection)));
        }
        if take("has_action").as_bool() == Some(true) {
            text.push(format!("\n{} This {kind} has a corresponding action plugin.", style.bold("  * note:")));
        }
        if let Value::Map(options) = take("options")
            && !options.is_empty()
        {
            text.push(format!(
                "\n{} ({} indicates it is required):",
                style.bold("OPTIONS"),
                if style.color { "red" } else { "=" }
            ));
            self.fields(&mut text, &options, INDENT, "", false)?;
        }
        if let Value::Map(attributes) = take("attributes")
            && !attributes.is_empty()
        {
            text.push(format!("\n{}", style.bold("ATTRIBUTES:")));
            for (name, about) in &attributes {
                let name = format!("{}:", name.to_str());
                let name = if style.color { name } else { format!("`{name}`") };
                text.push(format!("\n{}", self.wrapped(&name, limit - 6, INDENT, INDENT)));
                text.push(self.indented(&yaml(about, false), INDENT));
            }
        }
        let bullet = format!("{}* ", &INDENT[2..]);
        if let Value::List(notes) = take("notes")
            && !notes.is_empty()
        {
            text.push(format!("\n{}", style.bold("NOTES:")));
            for note in &notes {
                text.push(self.wrapped(&note.to_str(), limit - 6, &bullet, INDENT));
            }
        }
        if let Value::List(others) = take("seealso")
            && !others.is_empty()
        {
            text.push(format!("\n{}", style.bold("SEE ALSO:")));
            let deeper = format!("{INDENT}   ");
            for other in others.iter().filter_map(Value::as_map).filter_map(SeeAlso::of) {
                text.push(self.wrapped(&other.title, limit - 6, &bullet, INDENT));
                for line in other.about {
                    text.push(self.wrapped(&line, limit - 6, &deeper, &deeper));
                }
                if let Some(link) = other.link {
                    text.push(self.wrapped(&link, limit - 6, &deeper, INDENT));
                }
            }
        }
        let requirements = take("requirements");
        if truthy(&requirements) {
            let all = items(&requirements).join(", ");
            text.push(format!("\n{}{}\n", style.bold("REQUIREMENTS:"), self.wrapped(&all, limit - 16, "  ", INDENT)));
        }
        if self.verbose {
            let version = if since.0.is_null() { "historical".to_owned() } else { since.0.to_str().into_owned() };
            let of = if since.1.is_null() { "ansible-core".into() } else { since.1.to_str() };
            doc.insert("added_in", added_in(&version, Some(&of)));
        }
        doc.insert("metadata", docs.metadata.clone());
        self.rest(&mut text, &doc, kind);
        if truthy(&docs.examples) {
            text.push(format!("\n{}", style.bold("EXAMPLES:")));
            text.push(match &docs.examples {
                Value::Text(examples) => examples.trim().to_owned(),
                other => yaml(other, false),
            });
        }
        if let Value::Map(returns) = &docs.returns
            && !returns.is_empty()
        {
            text.push(format!("\n{}", style.bold("RETURN VALUES:")));
            self.fields(&mut text, returns, INDENT, "", true)?;
        }
        text.push("\n".to_owned());
        Ok(text.join("\n"))
    }

    /// Everything else that a documentation says, sorted.
    fn rest(self, text: &mut Vec<String>, doc: &Map, kind: Kind) {
        let mut names: Vec<String> = doc.keys().map(|key| key.to_str().into_owned()).collect();
        names.sort();
        for name in names {
            let Some(value) = doc.get(&name).filter(|value| truthy(value)) else { continue };
            if IGNORED.contains(&name.as_str()) || name == kind.name() {
                continue;
            }
            let header = self.style.bold(&name.to_uppercase());
            text.push(match value {
                Value::Text(value) => {
                    let limit = self.limit() - (name.len() + 2);
                    format!("\n{header}: {}", self.wrapped(value, limit, "", INDENT))
                }
                Value::List(list) => format!(
                    "\n{header}: {}",
                    list.iter().map(|item| item.to_str().into_owned()).collect::<Vec<_>>().join(", ")
                ),
                other => format!("\n{header}: {}", self.indented(&yaml(other, false), &" ".repeat(name.len() + 2))),
            });
        }
    }

    /// Options or results, sorted by name. `base` is what those inside of others are moved to the right by.
    fn fields(
        self,
        text: &mut Vec<String>,
        fields: &Map,
        indent: &str,
        base: &str,
        returns: bool,
    ) -> Result<(), PageError> {
        let limit = self.limit();
        let mut sorted: Vec<(String, &Value)> =
            fields.iter().map(|(name, about)| (name.to_str().into_owned(), about)).collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, about) in sorted {
            let mut about = about.as_map().cloned().unwrap_or_default();
            let required = match about.remove("required") {
                None => false,
                Some(Value::Bool(required)) => required,
                Some(_) => return Err(PageError::Required(name)),
            };
            let lead = match (self.style.color, required) {
                (true, _) => "  ",
                (false, true) => "=",
                (false, false) => "-",
            };
            let shown = if required { self.style.required(&name) } else { self.style.name(&name) };
            let length = name.chars().count();
            let inline = " ".repeat(indent.len().saturating_sub(length + base.len()).max(2));
            let extra = base.len() + length + 3;
            let below = format!("{inline}{}", " ".repeat(extra));
            let description = about.remove("description").ok_or_else(|| PageError::Silent(name.clone()))?;
            let key = format!("{base}{lead} {shown}");
            let paragraphs = items(&description);
            if paragraphs.is_empty() {
                text.push(format!("\n{key}"));
            }
            for (at, paragraph) in paragraphs.iter().enumerate() {
                let paragraph = self.style.marks(paragraph);
                if at == 0 {
                    let how = Fill { width: limit, first: &inline, rest: &below, taken: extra };
                    text.push(format!("\n{key}{}", fill(&paragraph, how)));
                } else {
                    text.push(fill(&paragraph, Fill { width: limit, first: &below, rest: &below, taken: 0 }));
                }
            }
            let inside: Vec<(&str, Value)> = ["options", "suboptions", "contains", "spec"]
                .into_iter()
                .filter_map(|key| Some((key, about.remove(key)?)))
                .collect();
            if !required && !returns && !about.contains("default") {
                about.insert("default", Value::Null);
            }
            let set_by = self.set_by(&mut about);
            if !set_by.is_empty() {
                let set_by = Map::from_iter([("set_via", set_by)]);
                text.push(self.indented(&yaml(&Value::from(set_by), false), indent));
            }
            let version = about.remove("version_added");
            let of = about.remove("version_added_collection");
            let mut keys: Vec<String> = about.keys().map(|key| key.to_str().into_owned()).collect();
            keys.sort();
            for key in keys.iter().filter(|key| !key.starts_with('_')) {
                let Some(value) = about.get(key) else { continue };
                let line = match value {
                    Value::List(_) => format!("{key}: {}", yaml(value, true)),
                    value => yaml(&Value::from(Map::from_iter([(key.as_str(), value.clone())])), false),
                };
                text.push(self.indented(&line, indent));
            }
            // Of what is inside of others, always.
            if let Some(version) = version.filter(|version| (self.verbose || !base.is_empty()) && truthy(version)) {
                let of = of.map(|of| of.to_str().into_owned());
                text.push(format!("{indent}added in: {}", added_in(&version.to_str(), of.as_deref())));
            }
            for (key, inner) in inside {
                text.push(format!("{indent}{key}:"));
                let inner = inner.as_map().cloned().unwrap_or_default();
                self.fields(text, &inner, &format!("{indent}  "), indent, returns)?;
            }
        }
        Ok(())
    }

    /// Environment, configuration, variables, ... that an option is set by.
    fn set_by(self, about: &mut Map) -> Map {
        let mut all = Map::new();
        for key in ["env", "ini", "yaml", "vars", "keyword"] {
            let Some(Value::List(list)) = about.get(key).filter(|value| truthy(value)).cloned() else { continue };
            about.remove(key);
            let cleaned = list.iter().map(|item| {
                let mut item = item.as_map().cloned().unwrap_or_default();
                if self.verbose
                    && let Some(version) = item.get("version_added").map(|version| version.to_str().into_owned())
                {
                    item.insert("added_in", added_in(&version, Some("ansible-core")));
                }
                for ignored in IGNORED {
                    item.remove(ignored);
                }
                Value::from(item)
            });
            all.insert(key, cleaned.collect::<List>());
        }
        if let Some(Value::List(list)) = about.get("cli").filter(|value| truthy(value)).cloned() {
            about.remove("cli");
            let named = list.iter().map(|item| {
                let name = item.get("name").map(|name| name.to_str().into_owned()).unwrap_or_default();
                match item.get("option") {
                    Some(_) => item.clone(),
                    None => Value::from(Map::from_iter([
                        ("name", name.clone()),
                        ("option", format!("--{}", name.replace('_', "-"))),
                    ])),
                }
            });
            all.insert("cli", named.collect::<List>());
        }
        all
    }

    fn indented(self, text: &str, indent: &str) -> String {
        let lines: Vec<String> = text.split('\n').map(|line| format!("{indent}{line}")).collect();
        self.style.marks(&lines.join("\n"))
    }

    /// A role: each of its entry points with its options.
    pub(super) fn role(self, name: &str, role: &Map) -> Result<String, PageError> {
        const INDENT: &str = "          ";
        let (limit, style) = (self.limit(), self.style);
        let path = role.get("path").map(|path| path.to_str().into_owned()).unwrap_or_default();
        let mut text =
            vec![format!("> ROLE: {} ({path})", if style.color { style.bold(name) } else { format!("*{name}*") })];
        for (entry, about) in role.get("entry_points").and_then(Value::as_map).into_iter().flatten() {
            let about = about.as_map().cloned().unwrap_or_default();
            let short = about
                .get("short_description")
                .filter(|short| truthy(short))
                .map(|short| format!("- {}", short.to_str()))
                .unwrap_or_default();
            let entry = entry.to_str();
            let entry = if style.color { style.bold(&entry) } else { format!("*{entry}*") };
            text.push(format!("\nENTRY POINT: {entry} {short}\n"));
            let paragraphs = about.get("description").map(items).unwrap_or_default();
            for paragraph in &paragraphs {
                text.push(self.wrapped(paragraph, limit, INDENT, INDENT));
            }
            if !paragraphs.is_empty() {
                text.push(String::new());
            }
            if let Some(Value::Map(options)) = about.get("options").filter(|options| truthy(options)) {
                text.push(format!(
                    "{} ({} indicates it is required):",
                    style.bold("Options"),
                    if style.color { "red" } else { "=" }
                ));
                self.fields(&mut text, options, INDENT, "", false)?;
            }
            match about.get("author") {
                Some(Value::Text(author)) => {
                    text.push(format!("\nAUTHOR: {}", self.wrapped(author, limit - 8, "", INDENT)));
                }
                Some(Value::List(authors)) => {
                    text.push(format!(
                        "\nAUTHOR: {}",
                        authors.iter().map(|one| one.to_str().into_owned()).collect::<Vec<_>>().join(", ")
                    ));
                }
                _ => {}
            }
            if let Some(examples) = about.get("examples").filter(|examples| truthy(examples)) {
                text.push(format!("\n{}", style.bold("EXAMPLES:")));
                text.push(match examples {
                    Value::Text(examples) => examples.trim().to_owned(),
                    other => yaml(other, false),
                });
            }
        }
        Ok(text.join("\n"))
    }
}

/// An entry of `seealso`.
struct SeeAlso {
    title: String,
    about: Vec<String>,
    link: Option<String>,
}

impl SeeAlso {
    fn of(item: &Map) -> Option<Self> {
        let text = |key: &str| item.get(key).map(|value| value.to_str().into_owned());
        let linked = |name: &str, kind: &str| {
            let official = name.starts_with("ansible.builtin.");
            official.then(|| site(&format!("collections/{}_{kind}.html", name.replacen('.', "/", 2))))
        };
        if let Some(name) = text("module") {
            let official = name
                .starts_with("ansible.builtin.")
                .then(|| format!("The official documentation on the {name} module."));
            let link = linked(&name, "module");
            return Some(Self {
                about: text("description").or(official).into_iter().collect(),
                title: format!("Module {name}"),
                link,
            });
        }
        if let (Some(name), Some(kind)) = (text("plugin"), text("plugin_type")) {
            let suffix = if matches!(kind.as_str(), "module" | "role") { "" } else { " plugin" };
            let official = name
                .starts_with("ansible.builtin.")
                .then(|| format!("The official documentation on the {name} {kind}{suffix}."));
            let mut title: Vec<char> = kind.chars().collect();
            title.iter_mut().take(1).for_each(|c| *c = c.to_ascii_uppercase());
            let title: String = title.into_iter().collect();
            let link = linked(&name, &kind);
            return Some(Self {
                about: text("description").or(official).into_iter().collect(),
                title: format!("{title}{suffix} {name}"),
                link,
            });
        }
        if let (Some(name), Some(link), Some(description)) = (text("name"), text("link"), text("description")) {
            return Some(Self { title: name, about: vec![description, link], link: None });
        }
        let (reference, description) = (text("ref")?, text("description")?);
        let link = site(&format!("#stq={reference}&stp=1"));
        Some(Self { title: format!("Ansible documentation [{reference}]"), about: vec![description, link], link: None })
    }
}

/// A page of the documentation of the release that is followed.
fn site(path: &str) -> String {
    let full = rplay_value::Compat::default().full();
    let release: Vec<&str> = full.split('.').take(2).collect();
    format!("https://docs.ansible.com/ansible-core/{}/{path}", release.join("."))
}

fn added_in(version: &str, of: Option<&str>) -> String {
    match (version, of) {
        ("historical", Some("ansible.builtin")) => "historical".to_owned(),
        (version, Some("ansible.builtin")) => format!("version {version} of ansible-core"),
        (version, Some(of)) if !of.is_empty() => format!("version {version} of {of}"),
        (version, _) => format!("version {version}"),
    }
}

/// Why something goes away, when, and what to use.
fn gone(deprecated: &Value, collection: &str) -> String {
    let text = |key: &str| deprecated.get(key).filter(|value| truthy(value)).map(|value| value.to_str().into_owned());
    let why = text("why").unwrap_or_default();
    let when = match (text("removed_at_date"), text("removed_in").or_else(|| text("version"))) {
        (Some(date), _) => format!("after {date}"),
        (None, Some(version)) => format!("{collection} {version}"),
        (None, None) => "a future release".to_owned(),
    };
    let other = text("alternative").or_else(|| text("alternatives")).unwrap_or_else(|| "none".to_owned());
    format!("Reason: {why}\n\tWill be removed in: {when}\n\tAlternatives: {other}")
}

/// A text, or each of a list's.
pub(super) fn items(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::List(list) => list.iter().map(|item| item.to_str().into_owned()).collect(),
        other => vec![other.to_str().into_owned()],
    }
}

pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Text(text) => !text.is_empty(),
        Value::List(list) => !list.is_empty(),
        Value::Map(map) => !map.is_empty(),
        _ => true,
    }
}

/// As YAML: lists in flow style when they stand behind their key.
pub(super) fn yaml(value: &Value, flow: bool) -> String {
    let style = DumpStyle { flow: Some(flow), allow_unicode: false, ..DumpStyle::default() };
    // What cannot be written is not what YAML was read to; a bare value's end mark is not shown.
    let text = dump(value, &style).unwrap_or_else(|error| error.to_string());
    text.trim_end_matches('\n').trim_end_matches("\n...").to_owned()
}
