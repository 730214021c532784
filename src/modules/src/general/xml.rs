//! Changes XML files, or tells what is in them, by XPath.
//!
//! Options:
//! - `path` (path; also `dest`, `file`) or `xmlstring` (text); `xpath`, `namespaces` (mapping of prefixes).
//! - `state` (`present` or `absent`; also `ensure`): what the path finds is removed, or made where it is simple.
//! - `value`, with `attribute` (name): the text or the attribute of what the path finds.
//! - `add_children`, `set_children` (lists of names or mappings, or of XML texts with `input_type`); `insertbefore`,
//!   `insertafter` (bool): beside what the path finds.
//! - `input_type` (default `yaml`): `yaml` or `xml`, what the children are written in.
//! - `count`, `print_match` (bool), `content` (`attribute` or `text`): tell.
//! - `pretty_print`, `strip_cdata_tags`, `backup` (bool).
//!
//! XPath is 1.0 without the namespace axis, `id()` and extensions.
//!
//! Returns: `actions`, `count`, `matches`, `msg`, `xmlstring`, `backup_file`.
//!
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - community.general.xml:
//!     path: /etc/libvirt/net.xml
//!     xpath: /network/ip/@netmask
//!     value: 255.255.255.0
//! ```

use std::collections::HashMap;

use fancy_regex::Regex;
use rplay_protocol::{Diff, Reply};
use rplay_value::{List, Map, Value};

use crate::xml::tree::{Kind as NodeKind, Name};
use crate::xml::write::Form;
use crate::xml::xpath::{Found, Outcome, XPath, XPathError};
use crate::xml::{Document, Id};
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Replace, Support, backup};

/// `community.general.xml`
pub static MODULE: Module = Module {
    name: "xml",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::path("path").alias(&["dest", "file"]),
            Arg::text("xmlstring"),
            Arg::text("xpath"),
            Arg::map("namespaces").default("{}"),
            Arg::text("state").default("present").choices(&["absent", "present"]).alias(&["ensure"]),
            Arg::raw("value"),
            Arg::raw("attribute"),
            Arg::list("add_children").elements(Kind::Raw),
            Arg::list("set_children").elements(Kind::Raw),
            Arg::bool("count").default("false"),
            Arg::bool("print_match").default("false"),
            Arg::bool("pretty_print").default("false"),
            Arg::text("content").choices(&["attribute", "text"]),
            Arg::text("input_type").default("yaml").choices(&["xml", "yaml"]),
            Arg::bool("backup").default("false"),
            Arg::bool("strip_cdata_tags").default("false"),
            Arg::bool("insertbefore").default("false"),
            Arg::bool("insertafter").default("false"),
        ],
        required_by: &[
            ("add_children", &["xpath"]),
            ("attribute", &["value"]),
            ("content", &["xpath"]),
            ("set_children", &["xpath"]),
            ("value", &["xpath"]),
        ],
        required_if: &[
            ("count", "True", &["xpath"]),
            ("print_match", "True", &["xpath"]),
            ("insertbefore", "True", &["xpath"]),
            ("insertafter", "True", &["xpath"]),
        ],
        one_of: &[
            &["path", "xmlstring"],
            &["add_children", "content", "count", "pretty_print", "print_match", "set_children", "value"],
        ],
        exclusive: &[
            &["add_children", "content", "count", "print_match", "set_children", "value"],
            &["path", "xmlstring"],
            &["insertbefore", "insertafter"],
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let given = args.text("xmlstring").filter(|text| !text.is_empty());
    let content = match (given, args.need("path")) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, path) if cx.path(path).is_file() => fs_err::read(cx.path(path))?,
        (None, path) => return Err(ModuleError::msg(format!("The target XML source '{path}' does not exist."))),
    };
    let xpath = args.text("xpath");
    if let Some(Err(error)) = xpath.map(XPath::compile) {
        let path = xpath.unwrap_or_default();
        return Err(ModuleError::msg(format!("Syntax error in xpath expression: {path} ({error})")));
    }
    let document = Document::parse(&content, args.flag("pretty_print"), args.flag("strip_cdata_tags"));
    let document = document.map_err(|error| {
        let shown = args.text("path").unwrap_or("xml_string");
        ModuleError::msg(format!("Error while parsing document: {shown} ({error})"))
    })?;
    let namespaces = args.map("namespaces").into_iter().flat_map(Map::texts);
    let namespaces = namespaces.map(|(prefix, uri)| (prefix.as_str().to_owned(), uri.to_str().into_owned())).collect();
    let mut edit = Edit { args, original: document.clone(), document, namespaces };
    let Some(xpath) = xpath else {
        return if args.flag("pretty_print") {
            edit.make_pretty(cx, &content)
        } else {
            Err(ModuleError::msg("Don't know what to do"))
        };
    };
    let mut told = Told::default();
    if args.flag("print_match") {
        let mut paths = Vec::new();
        for found in edit.find(xpath)? {
            let Found::Node(id) = found else {
                return Err(ModuleError::msg(format!(
                    "selector '{xpath}' finds attributes, which have no path to print"
                )));
            };
            paths.push(edit.document.path(id));
        }
        let list = Value::from(paths.iter().map(String::as_str).collect::<List>());
        let json = rplay_json(&list);
        told.msg = Some(Value::from(format!("selector '{xpath}' match: {json}")));
    } else if args.flag("count") {
        let hits = match edit.evaluate(&format!("count(/{xpath})"), Document::ROOT)? {
            Outcome::Number(hits) => hits as i64,
            _ => 0,
        };
        told = Told { msg: Some(Value::from(format!("found {hits} nodes"))), hits, ..Told::default() };
    } else if let Some(content) = args.text("content") {
        told = edit.contents(xpath, content)?;
    } else if args.need("state") == "absent" {
        edit.delete(xpath)?;
    } else if let Some(children) = args.list("set_children") {
        edit.set_children(xpath, children)?;
    } else if let Some(children) = args.list("add_children").filter(|list| !list.is_empty()) {
        edit.add_children(xpath, children)?;
    } else if let Some(value) = args.get("value") {
        edit.set(xpath, value)?;
    } else if !edit.is_node(Document::ROOT, xpath)? {
        edit.make(Document::ROOT, xpath)?;
    }
    edit.finish(cx, xpath, told)
}

fn rplay_json(value: &Value) -> String {
    // Python's separators.
    serde_json::to_string(value).unwrap_or_default().replace("\",\"", "\", \"")
}

/// What is told besides changes.
#[derive(Default)]
struct Told {
    msg: Option<Value>,
    hits: i64,
    matches: Option<List>,
}

impl From<XPathError> for ModuleError {
    fn from(error: XPathError) -> Self {
        Self::msg(error.to_string())
    }
}

struct Edit<'a> {
    args: &'a Args,
    original: Document,
    document: Document,
    namespaces: HashMap<String, String>,
}

impl Edit<'_> {
    fn evaluate(&self, xpath: &str, from: Id) -> Result<Outcome, XPathError> {
        XPath::compile(xpath)?.evaluate(&self.document, from, &self.namespaces)
    }

    fn find(&self, xpath: &str) -> Result<Vec<Found>, XPathError> {
        self.find_from(Document::ROOT, xpath)
    }

    fn find_from(&self, from: Id, xpath: &str) -> Result<Vec<Found>, XPathError> {
        match self.evaluate(xpath, from)? {
            Outcome::Nodes(nodes) => Ok(nodes),
            _ => Err(XPathError::Evaluation(format!("{xpath} finds no nodes but a value"))),
        }
    }

    /// Elements, comments and instructions that a path finds.
    fn elements(&self, from: Id, xpath: &str) -> Result<Vec<Id>, XPathError> {
        let found = self.find_from(from, xpath)?.into_iter();
        Ok(found.filter_map(|found| self.counted(found)).collect())
    }

    fn counted(&self, found: Found) -> Option<Id> {
        match found {
            Found::Node(id) if id != Document::ROOT && !self.document.is_text(id) => Some(id),
            _ => None,
        }
    }

    fn is_node(&self, from: Id, xpath: &str) -> Result<bool, XPathError> {
        let odd = |class: &str| Err(XPathError::Evaluation(format!("'{class}' object is not subscriptable")));
        match self.evaluate(xpath, from)? {
            Outcome::Nodes(nodes) => Ok(nodes.first().is_some_and(|found| self.counted(*found).is_some())),
            // `.../text()='x'` is true or false, and where it is false it is a wish.
            Outcome::Truth(true) => odd("bool"),
            Outcome::Number(number) if number != 0.0 => odd("float"),
            Outcome::Truth(_) | Outcome::Number(_) | Outcome::Text(_) => Ok(false),
        }
    }

    /// The document in an error: Python's form of the bytes.
    fn shown(&self) -> String {
        let text = self.document.write(Form { pretty: true, declaration: false });
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
        let escaped = if quote == '\'' { escaped.replace('\'', "\\'") } else { escaped };
        format!("b{quote}{escaped}{quote}")
    }

    fn contents(&self, xpath: &str, content: &str) -> Result<Told, ModuleError> {
        if !self.is_node(Document::ROOT, xpath)? {
            return Err(ModuleError::msg(format!("Xpath {xpath} does not reference a node!")));
        }
        let elements = self.elements(Document::ROOT, xpath)?;
        let about = |id: &Id| {
            let name = self.document.name(*id).map(Name::clark).unwrap_or_default();
            let value = if content == "text" {
                Value::from(self.document.text(*id))
            } else {
                let attributes = self.document.attributes(*id).iter();
                Value::from(attributes.map(|(name, value)| (name.clark(), value.as_str())).collect::<Map>())
            };
            Value::from(Map::from_iter([(name, value)]))
        };
        let matches: List = elements.iter().map(about).collect();
        let hits = elements.len() as i64;
        Ok(Told { msg: Some(Value::from(hits)), hits, matches: Some(matches) })
    }

    fn delete(&mut self, xpath: &str) -> Result<(), ModuleError> {
        let cannot = |why: &str| ModuleError::msg(format!("Couldn't delete xpath target: {xpath} ({why})"));
        let found = self.find(xpath).map_err(|error| cannot(&error.to_string()))?;
        // Attributes are numbered: the names are taken before any is gone.
        let named: Vec<(Id, Option<String>)> = found
            .into_iter()
            .map(|found| match found {
                Found::Node(id) => (id, None),
                Found::Attribute(id, at) => (id, Some(self.document.attributes(id)[at].0.clark())),
            })
            .collect();
        for (id, attribute) in named {
            match attribute {
                Some(name) => self.document.remove_attribute(id, &name),
                None if self.document.is_text(id) => return Err(cannot("None")),
                None if self.document.parent(id) == Some(Document::ROOT) => {
                    return Err(cannot("'NoneType' object has no attribute 'remove'"));
                }
                None => self.document.remove(id),
            }
        }
        Ok(())
    }

    fn set_children(&mut self, xpath: &str, children: &List) -> Result<(), ModuleError> {
        let children = self.new_children(children)?;
        let wanted: Vec<String> = children.iter().map(|child| self.document.write_node(*child)).collect();
        for id in self.elements(Document::ROOT, xpath)? {
            let present = self.document.counted(id);
            if present.iter().map(|child| self.document.write_node(*child)).collect::<Vec<_>>() == wanted {
                continue;
            }
            for child in present {
                self.document.remove(child);
            }
            for child in &children {
                self.document.append(id, *child);
            }
        }
        Ok(())
    }

    fn add_children(&mut self, xpath: &str, children: &List) -> Result<(), ModuleError> {
        if !self.is_node(Document::ROOT, xpath)? {
            return Ok(());
        }
        let children = self.new_children(children)?;
        let found = self.elements(Document::ROOT, xpath)?;
        let before = self.args.flag("insertbefore");
        if !before && !self.args.flag("insertafter") {
            // As lxml's nodes, each is in one place: the last that was found has them.
            for id in found {
                for child in &children {
                    self.document.append(id, *child);
                }
            }
            return Ok(());
        }
        let (Some(first), Some(last)) = (found.first().copied(), found.last().copied()) else { return Ok(()) };
        let target = if before { first } else { last };
        let number = |document: &Document, id: Id| {
            let parent = document.parent(id)?;
            Some((parent, document.counted(parent).iter().position(|child| *child == id)?))
        };
        let (Some((_, number)), Some(parent)) = (number(&self.document, target), self.document.parent(first)) else {
            return Ok(());
        };
        if parent == Document::ROOT {
            return Err(ModuleError::msg("'NoneType' object has no attribute 'index'"));
        }
        for (offset, child) in children.into_iter().enumerate() {
            self.document.insert(parent, number + offset + usize::from(!before), child);
        }
        Ok(())
    }

    fn set(&mut self, xpath: &str, value: &Value) -> Result<(), ModuleError> {
        let is_there = self.is_node(Document::ROOT, xpath);
        let made = match is_there {
            Ok(true) => Ok(()),
            Ok(false) => self.make(Document::ROOT, xpath),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = made {
            let message = error.to_string();
            if message.starts_with("Can't process Xpath ") {
                return Err(error);
            }
            let root = self.document.root_element();
            let has_names = root.is_some_and(|root| !self.document.declared(root).is_empty());
            let hint = if has_names && !xpath.contains(':') {
                "XML document has namespace(s) defined, but no namespace prefix(es) used in xpath!\n"
            } else {
                ""
            };
            let shown = self.shown();
            return Err(ModuleError::msg(format!(
                "{hint}Xpath {xpath} causes a failure: {message}\n  -- tree is {shown}"
            )));
        }
        if !self.is_node(Document::ROOT, xpath)? {
            let shown = self.shown();
            return Err(ModuleError::msg(format!("Xpath {xpath} does not reference a node! tree is {shown}")));
        }
        let text = value.as_str().ok_or_else(|| {
            ModuleError::msg(format!("Argument must be bytes or unicode, got '{}'", value.type_name()))
        })?;
        let attribute =
            self.args.get("attribute").map(|name| name.to_str().into_owned()).filter(|name| !name.is_empty());
        let attribute = attribute.map(|name| self.clark(&name)).transpose()?;
        for id in self.elements(Document::ROOT, xpath)? {
            match &attribute {
                Some(name) => self.document.set_attribute(id, name, text),
                None if self.document.text(id).as_deref() != Some(text) => self.document.set_text(id, text),
                None => {}
            }
        }
        Ok(())
    }

    /// `prefix:name` in Clark's notation.
    fn clark(&self, name: &str) -> Result<String, ModuleError> {
        let Some((prefix, local)) = name.split_once(':') else { return Ok(name.to_owned()) };
        let uri = self.namespaces.get(prefix);
        let uri = uri.ok_or_else(|| ModuleError::msg(crate::convert::quoted(prefix)))?;
        Ok(format!("{{{uri}}}{local}"))
    }

    /// Makes what a simple path asks for.
    fn make(&mut self, from: Id, xpath: &str) -> Result<(), ModuleError> {
        let Some((inner, wishes)) = split_last(xpath)? else {
            let shown = self.shown();
            return Err(ModuleError::msg(format!(
                "Can't process Xpath {xpath} in order to spawn nodes! tree is {shown}"
            )));
        };
        if !self.is_node(from, &inner)? {
            self.make(from, &inner)?;
        }
        if !self.is_node(from, &inner)? {
            return Ok(());
        }
        for id in self.elements(from, &inner)? {
            match &wishes {
                Wish::Element(name, text) => {
                    let new = self.new_element(&self.clark(name)?);
                    if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                        self.document.set_text(new, text);
                    }
                    self.document.append(id, new);
                }
                Wish::With(name, conditions) => {
                    let new = self.new_element(&self.clark(name)?);
                    self.document.append(id, new);
                    for condition in conditions {
                        self.make(new, &format!("./{condition}"))?;
                    }
                }
                Wish::Text(text) => {
                    if self.document.text(id).as_deref() != Some(text) {
                        self.document.set_text(id, text);
                    }
                }
                Wish::Attribute(name, value) => {
                    let name = self.clark(name)?;
                    if value.is_none() || self.document.attribute(id, &name) != value.as_deref() {
                        self.document.set_attribute(id, &name, value.as_deref().unwrap_or_default());
                    }
                }
            }
        }
        Ok(())
    }

    fn new_element(&mut self, clark: &str) -> Id {
        let name = Name::from_clark(clark);
        self.document.create(NodeKind::Element { name, declared: Vec::new(), attributes: Vec::new() })
    }

    fn new_children(&mut self, children: &List) -> Result<Vec<Id>, ModuleError> {
        children.iter().map(|child| self.new_child(child, self.args.need("input_type") == "xml")).collect()
    }

    fn new_child(&mut self, child: &Value, is_xml: bool) -> Result<Id, ModuleError> {
        if is_xml {
            let parsed = Document::parse(child.to_str().as_bytes(), false, true)
                .map_err(|error| ModuleError::msg(format!("Error while parsing child element: {error}")))?;
            let root = parsed.root_element().ok_or_else(|| ModuleError::msg("Document is empty"))?;
            return Ok(self.document.import(&parsed, root));
        }
        let map = match child {
            Value::Text(name) => return Ok(self.new_element(name.as_str())),
            Value::Map(map) => map,
            other => {
                let class = other.type_name();
                return Err(ModuleError::msg(format!(
                    "Invalid child type: <class '{class}'>. Children must be either strings or hashes."
                )));
            }
        };
        let (Some((key, value)), 1) = (map.iter().next(), map.len()) else {
            return Err(ModuleError::msg("Can only create children from hashes with one key"));
        };
        let new = self.new_element(&key.to_str());
        match value {
            Value::Map(inside) => {
                for (name, value) in inside.texts().filter(|(name, _)| !matches!(name.as_str(), "_" | "+value")) {
                    self.document.set_attribute(new, name.as_str(), text_of(value)?);
                }
                match inside.get("_") {
                    None | Some(Value::Null) => {}
                    Some(Value::List(list)) => {
                        for child in list {
                            let child = self.new_child(child, false)?;
                            self.document.append(new, child);
                        }
                    }
                    Some(other) => {
                        let class = other.type_name();
                        let msg = format!("Invalid children type: <class '{class}'>, must be list.");
                        return Err(ModuleError::msg(msg));
                    }
                }
                if let Some(value) = inside.get("+value").filter(|value| !value.is_null()) {
                    self.document.set_text(new, text_of(value)?);
                }
            }
            Value::Null => {}
            value => self.document.set_text(new, text_of(value)?),
        }
        Ok(new)
    }

    fn form(&self) -> Form {
        Form { pretty: self.args.flag("pretty_print"), declaration: true }
    }

    fn has_changed(&self) -> bool {
        let plain = |document: &Document| {
            let text = document.write(Form::default());
            // Blanks between elements do not count.
            Document::parse(text.as_bytes(), true, true).map(|document| document.write(Form::default())).unwrap_or(text)
        };
        plain(&self.original) != plain(&self.document)
    }

    fn save(&self, cx: &Context<'_>, reply: &mut Reply) -> Result<(), ModuleError> {
        let path = cx.path(self.args.need("path"));
        if self.args.flag("backup")
            && let Some(saved) = backup(&path, false)?
        {
            reply.data.insert("backup_file", saved.to_string_lossy().as_ref());
        }
        Replace::new(&path).write(cx.sys(), self.document.write(self.form()).as_bytes())
    }

    fn make_pretty(&self, cx: &Context<'_>, content: &[u8]) -> Result<Reply, ModuleError> {
        let pretty = self.document.write(self.form());
        let mut reply = Reply::ok();
        reply.changed = pretty.as_bytes() != content;
        if self.args.text("path").is_some() {
            if reply.changed && !cx.check() {
                self.save(cx, &mut reply)?;
            }
        } else {
            // To the original module, text never equals bytes.
            reply.changed = true;
            reply.data.insert("xmlstring", pretty);
        }
        Ok(reply)
    }

    fn finish(&self, cx: &Context<'_>, xpath: &str, told: Told) -> Result<Reply, ModuleError> {
        let args = self.args;
        let actions = Map::from_iter([
            ("xpath", Value::from(xpath)),
            ("namespaces", args.get("namespaces").cloned().unwrap_or(Value::Null)),
            ("state", Value::from(args.need("state"))),
        ]);
        let mut reply = Reply::ok().with("actions", actions);
        reply.changed = self.has_changed();
        if args.flag("count") || told.hits != 0 {
            reply.data.insert("count", told.hits);
        }
        if args.flag("print_match") || told.matches.as_ref().is_some_and(|list| !list.is_empty()) {
            reply.data.insert("matches", told.matches.unwrap_or_default());
        }
        if let Some(msg) = told.msg {
            reply.data.insert("msg", msg);
        }
        if reply.changed {
            if cx.diff() {
                let form = Form { pretty: true, declaration: true };
                let (before, after) = (self.original.write(form), self.document.write(form));
                let (before, after) = (Some(Value::from(before)), Some(Value::from(after)));
                reply.diff.push(Diff { before, after, ..Diff::default() });
            }
            if args.text("path").is_some() && !cx.check() {
                self.save(cx, &mut reply)?;
            }
        }
        if args.text("xmlstring").is_some_and(|text| !text.is_empty()) {
            reply.data.insert("xmlstring", self.document.write(self.form()));
        }
        Ok(reply)
    }
}

fn text_of(value: &Value) -> Result<&str, ModuleError> {
    value
        .as_str()
        .ok_or_else(|| ModuleError::msg(format!("Argument must be bytes or unicode, got '{}'", value.type_name())))
}

/// What the end of a path asks for.
enum Wish {
    /// An element, perhaps with a text.
    Element(String, Option<String>),
    /// An element for which conditions hold.
    With(String, Vec<String>),
    /// A text of what is there.
    Text(String),
    /// An attribute, perhaps with a value.
    Attribute(String, Option<String>),
}

/// `/foo/bar/baz` as `/foo/bar` and a wish for `baz`; `None` for what is not that simple.
fn split_last(xpath: &str) -> Result<Option<(String, Wish)>, ModuleError> {
    const NAME: &str = r"(?:[a-zA-Z-][a-zA-Z0-9_\-.]*|[a-zA-Z-][a-zA-Z0-9_\-.]*:[a-zA-Z-][a-zA-Z0-9_\-.]*)";
    const TEXT: &str = r#"('(?:.*)'|"(?:.*)")"#;
    let xpath = xpath.trim();
    let captured = |pattern: String| -> Result<Option<Vec<String>>, ModuleError> {
        let pattern = Regex::new(&pattern).map_err(|error| ModuleError::msg(error.to_string()))?;
        let found = pattern.captures(xpath).map_err(|error| ModuleError::msg(error.to_string()))?;
        Ok(found.map(|found| {
            found.iter().skip(1).map(|part| part.map(|part| part.as_str().to_owned()).unwrap_or_default()).collect()
        }))
    };
    let inside = |text: &str| text[1..text.len() - 1].to_owned();
    if let Some(parts) = captured(format!("^(.*)/({NAME})$"))? {
        return Ok(Some((parts[0].clone(), Wish::Element(parts[1].clone(), None))));
    }
    if let Some(parts) = captured(format!(r"^(.*)/({NAME})/text\(\)={TEXT}$"))? {
        return Ok(Some((parts[0].clone(), Wish::Element(parts[1].clone(), Some(inside(&parts[2]))))));
    }
    if let Some(parts) = captured(format!("^(.*)/@({NAME})$"))? {
        return Ok(Some((parts[0].clone(), Wish::Attribute(parts[1].clone(), None))));
    }
    if let Some(parts) = captured(format!("^(.*)/@({NAME})={TEXT}$"))? {
        return Ok(Some((parts[0].clone(), Wish::Attribute(parts[1].clone(), Some(inside(&parts[2]))))));
    }
    if let Some(parts) = captured(format!(r"^(.*)/({NAME})\[(.*)\]$"))? {
        let conditions = parts[2].split(" and ").map(|condition| condition.trim().to_owned()).collect();
        return Ok(Some((parts[0].clone(), Wish::With(parts[1].clone(), conditions))));
    }
    if let Some(parts) = captured(format!(r"^(.*)/text\(\)={TEXT}$"))? {
        return Ok(Some((parts[0].clone(), Wish::Text(inside(&parts[1])))));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    const HEAD: &str = "<?xml version='1.0' encoding='UTF-8'?>\n";
    const TEXT: &str = "<b type=\"x\">\n  <n>T</n>\n  <l><e>R</e>\n    <e>E</e></l>\n</b>\n";

    fn call(text: &str, entries: &[(&'static str, Value)]) -> (Reply, String) {
        let fake = Fake::new().unwrap();
        fake.write("/f.xml", text).unwrap();
        let given = || args([("path", Value::from("/f.xml"))].into_iter().chain(entries.iter().cloned()));
        let predicted = fake.check("xml", given());
        assert_eq!(fake.read("/f.xml").unwrap(), text, "check mode wrote");
        let reply = fake.call("xml", given());
        assert_eq!(predicted.changed, reply.changed);
        (reply, fake.read("/f.xml").unwrap())
    }

    fn edited(entries: &[(&'static str, &str)]) -> String {
        let entries: Vec<_> = entries.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
        let (reply, text) = call(TEXT, &entries);
        assert!(reply.changed && !reply.failed, "{:?}", reply.data);
        text.strip_prefix(HEAD).unwrap().to_owned()
    }

    #[test]
    fn texts_attributes_and_elements_are_set_made_and_removed() {
        assert_eq!(edited(&[("xpath", "/b/n"), ("value", "a<b")]), TEXT.trim_end().replace(">T<", ">a&lt;b<"));
        assert_eq!(
            edited(&[("xpath", "/b/n"), ("attribute", "k"), ("value", "v\"")]),
            TEXT.trim_end().replace("<n>", "<n k=\"v&quot;\">")
        );
        assert_eq!(
            edited(&[("xpath", "/b/@type"), ("state", "absent"), ("pretty_print", "no")]),
            TEXT.trim_end().replace(" type=\"x\"", "")
        );
        assert_eq!(
            edited(&[("xpath", "/b/l/e[text()='R']"), ("state", "absent"), ("pretty_print", "no")]),
            TEXT.trim_end().replace("<e>R</e>\n    ", "")
        );
    }

    #[test]
    fn what_a_path_asks_for_is_made() {
        let made = |xpath: &str| {
            let (reply, text) = call("<b/>", &[("xpath", xpath.into()), ("pretty_print", true.into())]);
            assert!(reply.changed, "{:?}", reply.data);
            text.strip_prefix(HEAD).unwrap().replace(['\n', ' '], "")
        };
        assert_eq!(made("/b/x/y"), "<b><x><y/></x></b>");
        assert_eq!(made("/b/x[@k='v' and z/text()='t']"), "<b><xk=\"v\"><z>t</z></x></b>");
        assert_eq!(made("/b/x/text()='t'"), "<b><x>t</x></b>");
        let (reply, _) = call("<b/>", &[("xpath", "//x[1]/..".into()), ("pretty_print", true.into())]);
        assert!(
            reply
                .data
                .get("msg")
                .unwrap()
                .to_string()
                .starts_with("Can't process Xpath //x[1]/.. in order to spawn nodes!")
        );
    }

    #[test]
    fn children_are_added_set_and_put_beside() {
        let list = |items: &[&str]| Value::from(items.iter().copied().collect::<List>());
        let child = Map::from_iter([("c", Map::from_iter([("k", Value::from("v")), ("+value", "t".into())]))]);
        let children = Value::from(List::from_iter([Value::from("d"), Value::from(child)]));
        let (_, text) = call("<b><a/>\n</b>", &[("xpath", "/b".into()), ("add_children", children.clone())]);
        assert_eq!(text, format!("{HEAD}<b><a/>\n<d/><c k=\"v\">t</c></b>"));
        let (_, text) = call("<b><a/>\n</b>", &[("xpath", "/b".into()), ("set_children", children)]);
        assert_eq!(text, format!("{HEAD}<b><d/><c k=\"v\">t</c></b>"));
        let xml = [("xpath", "/b/a".into()), ("add_children", list(&["<z/>"])), ("input_type", "xml".into())];
        let (_, text) = call("<b><x/><a/><y/></b>", &[&xml[..], &[("insertbefore", true.into())]].concat());
        assert_eq!(text, format!("{HEAD}<b><x/><z/><a/><y/></b>"));
        let (_, text) = call("<b><x/><a/><y/></b>", &[&xml[..], &[("insertafter", true.into())]].concat());
        assert_eq!(text, format!("{HEAD}<b><x/><a/><z/><y/></b>"));
    }

    #[test]
    fn it_tells_and_refuses() {
        let text = |entries: &[(&'static str, Value)]| call(TEXT, entries).0.data.get("msg").unwrap().to_string();
        assert_eq!(text(&[("xpath", "/b/l/e".into()), ("count", true.into())]), "found 2 nodes");
        assert_eq!(
            text(&[("xpath", "/b/l/e".into()), ("print_match", true.into())]),
            "selector '/b/l/e' match: [\"/b/l/e[1]\", \"/b/l/e[2]\"]"
        );
        assert_eq!(
            text(&[("xpath", "/b/".into()), ("value", "x".into())]),
            "Syntax error in xpath expression: /b/ (Invalid expression)"
        );
        let (reply, _) = call(TEXT, &[("xpath", "/b/l/e".into()), ("content", "text".into())]);
        let expected: List = ["R", "E"].map(|text| Value::from(Map::from_iter([("e", text)]))).into_iter().collect();
        assert_eq!(reply.data.get("matches"), Some(&expected.into()));
        let (reply, _) = call(
            "<b xmlns='u'/>",
            &[("xpath", "/q:b/q:c".into()), ("value", "x".into()), ("namespaces", Map::from_iter([("q", "u")]).into())],
        );
        assert!(reply.changed, "{:?}", reply.data);
    }
}
