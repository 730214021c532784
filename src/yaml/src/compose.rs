//! Events to nodes: anchors, tags, merge keys, duplicate keys.

use std::collections::HashMap;
use std::sync::Arc;

use rplay_diag::{Diagnostic, SourceId, Sources, Span};
use rplay_value::{Map, Value};

use crate::error::YamlError;
use crate::events::{Event, EventKind, Parser, Refusal, ScalarEvent};
use crate::mistake::Mistake;
use crate::node::{Kind, Node, Scalar, Style};
use crate::resolve::{self, BadScalar, Implied};
use crate::tags::{self, ScalarTag, Tag};

/// Deeper nesting is refused.
const DEEPEST: usize = 100;

/// What a reader of documents may choose.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Know `!vault` and `!unsafe`. The `from_yaml` filter does not.
    pub ansible_tags: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { ansible_tags: true }
    }
}

/// Something read that is probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Warning {
    /// A key appears twice in one mapping; the last one counts.
    DuplicateKey {
        /// The key's `repr`, as Ansible shows it.
        key: String,
        /// The later key.
        span: Span,
        /// The earlier key.
        first: Span,
    },
    /// A tag that a later release will not know.
    DeprecatedTag {
        /// The tag as written.
        tag: &'static str,
        /// What to write instead.
        instead: &'static str,
        /// The node it stands at.
        span: Span,
    },
}

impl Warning {
    /// Message, places and hint.
    fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::DuplicateKey { key, span, first } => {
                Diagnostic::warning(format!("Found duplicate mapping key {key}."))
                    .at(*span, "this one counts")
                    .context(Some(*first), "first given here")
                    .hint("Using last defined value only.")
            }
            Self::DeprecatedTag { tag, instead, span } => {
                Diagnostic::new(rplay_diag::Severity::Deprecated, format!("Use of the YAML `{tag}` tag is deprecated."))
                    .at(*span, "")
                    .hint(*instead)
            }
        }
    }
}

/// One document and what is odd about it.
#[derive(Clone, Debug)]
pub struct Document {
    /// The document; a null when the text holds none.
    pub node: Node,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a registered text that holds at most one document.
pub fn parse(sources: &Sources, source: SourceId) -> Result<Document, YamlError> {
    let text = sources.text(source).unwrap_or_default();
    parse_text(&text, source, Options::default())
}

/// Reads a text that holds at most one document. `source` is what its spans point into.
pub fn parse_text(text: &str, source: SourceId, options: Options) -> Result<Document, YamlError> {
    let mut composer = Composer::new(text, source, options);
    let node = composer.document()?;
    if node.is_some()
        && let Some(second) = composer.document_start()?
    {
        return Err(YamlError::MultipleDocuments { span: composer.place(second, second + 3) });
    }
    let node = node.unwrap_or_else(|| Node::null(Span::new(source, 0, 0)));
    Ok(Document { node, warnings: composer.warnings.iter().map(Warning::diagnostic).collect() })
}

/// Reads every document of a text, as the `from_yaml_all` filter does.
pub fn parse_all(text: &str, source: SourceId, options: Options) -> Result<Vec<Node>, YamlError> {
    let mut composer = Composer::new(text, source, options);
    let mut documents = Vec::new();
    while let Some(document) = composer.document()? {
        documents.push(document);
    }
    Ok(documents)
}

struct Composer<'a> {
    text: &'a str,
    source: SourceId,
    options: Options,
    events: Parser<'a>,
    warnings: Vec<Warning>,
    /// Finished anchors; `None` while the node is still being read.
    anchors: HashMap<String, Option<Node>>,
    depth: usize,
}

impl<'a> Composer<'a> {
    fn new(text: &'a str, source: SourceId, options: Options) -> Self {
        Self {
            text,
            source,
            options,
            events: Parser::new(text),
            warnings: Vec::new(),
            anchors: HashMap::new(),
            depth: 0,
        }
    }

    fn place(&self, start: usize, end: usize) -> Span {
        let start = self.text.floor_char_boundary(start);
        Span::new(self.source, start, self.text.ceil_char_boundary(end))
    }

    fn next(&mut self) -> Result<Event, YamlError> {
        match self.events.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(refusal)) => Err(self.refused(refusal)),
            None => Ok(Event { kind: EventKind::StreamEnd, start: 0, end: 0 }),
        }
    }

    fn refused(&self, refusal: Refusal) -> YamlError {
        if refusal.reader {
            let span = self.place(refusal.at, refusal.at + 1);
            return YamlError::Character { problem: refusal.problem, span };
        }
        let span = self.place(refusal.at, refusal.at + 1);
        let context = refusal.context.map(|(context, at)| (context, self.place(at, at + 1)));
        let (mistake, span) = match Mistake::find(self.text, span.start as usize) {
            Some((mistake, at)) => (Some(mistake), Span::new(self.source, at.start, at.end)),
            None => (None, span),
        };
        YamlError::Syntax { problem: refusal.problem, span, context, mistake }
    }

    /// The byte where the next document starts, `None` at the end.
    fn document_start(&mut self) -> Result<Option<usize>, YamlError> {
        loop {
            let event = self.next()?;
            match event.kind {
                EventKind::StreamEnd => return Ok(None),
                EventKind::DocumentStart => return Ok(Some(event.start)),
                _ => {}
            }
        }
    }

    /// The next document, `None` at the end.
    fn document(&mut self) -> Result<Option<Node>, YamlError> {
        if self.document_start()?.is_none() {
            return Ok(None);
        }
        self.anchors.clear();
        let event = self.next()?;
        self.value_node(event).map(Some)
    }

    /// A node, and what its plain characters imply: `<<` and `=` only mean something as keys.
    fn typed_node(&mut self, event: Event) -> Result<(Node, Implied), YamlError> {
        let span = self.place(event.start, event.end);
        match event.kind {
            EventKind::Alias(name) => match self.anchors.get(&name) {
                Some(Some(node)) => Ok((node.clone(), Implied::Str)),
                Some(None) => Err(YamlError::RecursiveAlias { name, span }),
                None => Err(YamlError::UnknownAlias {
                    nearest: rplay_diag::nearest(&name, self.anchors.keys().map(String::as_str)).map(str::to_owned),
                    name,
                    span,
                }),
            },
            EventKind::Scalar(scalar) => {
                let anchor = scalar.anchor.clone();
                let (mut node, implied) = self.scalar(scalar, span)?;
                if let Some(anchor) = anchor {
                    node.anchored = true;
                    self.anchors.insert(anchor, Some(node.clone()));
                }
                Ok((node, implied))
            }
            EventKind::SequenceStart { anchor, tag } => {
                let node = self.collection(anchor, span, |this| this.sequence(tag, span))?;
                Ok((node, Implied::Str))
            }
            EventKind::MappingStart { anchor, tag } => {
                let node = self.collection(anchor, span, |this| this.mapping(tag, span))?;
                Ok((node, Implied::Str))
            }
            _ => Err(YamlError::Syntax {
                problem: "did not find a value".to_owned(),
                span,
                context: None,
                mistake: None,
            }),
        }
    }

    fn collection(
        &mut self,
        anchor: Option<String>,
        span: Span,
        read: impl FnOnce(&mut Self) -> Result<Node, YamlError>,
    ) -> Result<Node, YamlError> {
        if let Some(anchor) = &anchor {
            self.anchors.insert(anchor.clone(), None);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(YamlError::TooDeep { limit: DEEPEST, span });
        }
        let mut node = read(self)?;
        self.depth -= 1;
        if let Some(anchor) = anchor {
            node.anchored = true;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    fn unknown_tag(tag: &str, span: Span) -> YamlError {
        let tag = tags::written(tag);
        let nearest = rplay_diag::nearest(&tag, tags::KNOWN).map(str::to_owned);
        YamlError::UnknownTag { tag, nearest, span }
    }

    fn sequence(&mut self, tag: Option<String>, start: Span) -> Result<Node, YamlError> {
        let kind = match &tag {
            None => Tag::None,
            Some(tag) => {
                tags::sequence_tag(tag, self.options.ansible_tags).ok_or_else(|| Self::unknown_tag(tag, start))?
            }
        };
        let pairs = match tag.as_deref() {
            Some("tag:yaml.org,2002:omap") => {
                Some(("!!omap", "Use a standard mapping instead, as key order is always preserved."))
            }
            Some("tag:yaml.org,2002:pairs") => Some(("!!pairs", "Use a standard mapping instead.")),
            _ => None,
        };
        if let Some((tag, instead)) = pairs {
            self.warnings.push(Warning::DeprecatedTag { tag, instead, span: start });
        }
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.kind, EventKind::SequenceEnd) {
                let span = self.extent(start, event.start, event.end, items.last());
                return Ok(Node { span, tag: kind, anchored: false, kind: Kind::Sequence(items.into()) });
            }
            let item = self.value_node(event)?;
            items.push(if pairs.is_some() { pair(item)? } else { item });
        }
    }

    /// From the start of a collection to its closing bracket, or to the end of its last entry in block style.
    fn extent(&self, start: Span, end_start: usize, end_end: usize, last: Option<&Node>) -> Span {
        let end = self.place(end_start, end_end);
        let end = if end.end > end.start { end.end } else { last.map_or(start.end, |last| last.span.end) };
        Span { end: end.max(start.start), ..start }
    }

    /// A value: `<<` and `=` have no meaning there.
    fn value_node(&mut self, event: Event) -> Result<Node, YamlError> {
        let (node, implied) = self.typed_node(event)?;
        match implied {
            Implied::Merge | Implied::Value => {
                Err(YamlError::Indicator { text: node.raw().unwrap_or_default().to_owned(), span: node.span })
            }
            _ => Ok(node),
        }
    }

    fn mapping(&mut self, tag: Option<String>, start: Span) -> Result<Node, YamlError> {
        let (kind, keys_only) = match tag.as_deref() {
            None | Some("!") => (Tag::None, false),
            Some(tag) => {
                tags::mapping_tag(tag, self.options.ansible_tags).ok_or_else(|| Self::unknown_tag(tag, start))?
            }
        };
        let mut own = Vec::new();
        let mut merged: Vec<(Node, Node)> = Vec::new();
        let mut last = None;
        let end = loop {
            let event = self.next()?;
            if matches!(event.kind, EventKind::MappingEnd) {
                break event;
            }
            let (key, implied) = self.typed_node(event)?;
            if !matches!(key.kind, Kind::Scalar(_)) {
                return Err(self.unhashable(key.span));
            }
            let event = self.next()?;
            let value = self.value_node(event)?;
            last = Some(value.clone());
            if implied == Implied::Merge {
                merge(&mut merged, &value)?;
            } else {
                own.push((key, value));
            }
        };
        let span = self.extent(start, end.start, end.end, last.as_ref());
        merged.append(&mut own);
        let entries = self.unique(merged);
        let kind_of = if keys_only {
            Kind::Sequence(entries.into_iter().map(|(key, _)| key).collect())
        } else {
            Kind::Mapping(entries.into())
        };
        Ok(Node { span, tag: kind, anchored: false, kind: kind_of })
    }

    fn unhashable(&self, span: Span) -> YamlError {
        let mistake = Mistake::find(self.text, span.start as usize);
        let (mistake, span) = match mistake {
            Some((mistake, at)) => (Some(mistake), Span::new(self.source, at.start, at.end)),
            None => (None, span),
        };
        YamlError::UnhashableKey { span, mistake }
    }

    /// Python's mapping of these entries: a repeated key keeps its first place and key, and takes the last value.
    fn unique(&mut self, entries: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
        // Short mappings of texts are the rule: comparing beats hashing there.
        if entries.len() <= 8 && entries.iter().all(|(key, _)| key.as_str().is_some()) {
            let distinct = entries
                .iter()
                .enumerate()
                .all(|(i, (key, _))| entries[..i].iter().all(|(other, _)| other.as_str() != key.as_str()));
            if distinct {
                return entries;
            }
        }
        let mut seen: HashMap<Value, usize> = HashMap::with_capacity(entries.len());
        let mut unique: Vec<(Node, Node)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let identity = key.plain_value();
            match seen.get(&identity) {
                None => {
                    seen.insert(identity, unique.len());
                    unique.push((key, value));
                }
                Some(&at) => {
                    let first = unique[at].0.span;
                    self.warnings.push(Warning::DuplicateKey { key: identity.repr(), span: key.span, first });
                    unique[at].1 = value;
                }
            }
        }
        unique
    }

    fn scalar(&mut self, scalar: ScalarEvent, span: Span) -> Result<(Node, Implied), YamlError> {
        let bad = |BadScalar { type_name, reason }, text: &str| YamlError::Scalar {
            text: text.to_owned(),
            type_name,
            reason,
            span,
        };
        let span = match scalar.style {
            // libyaml ends a block scalar where the next token starts.
            Style::Literal | Style::Folded => {
                let written = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
                Span { end: span.start + written.trim_end().len() as u32, ..span }
            }
            _ => span,
        };
        let text = scalar.value;
        let mut tag = Tag::None;
        let mut meaning = Implied::Str;
        let typed = match &scalar.tag {
            None if scalar.plain_implicit => {
                meaning = resolve::implied(&text);
                construct(meaning, &text).map_err(|e| bad(e, &text))?
            }
            None => None,
            // The non-specific tag: the characters decide.
            Some(name) if name == "!" => {
                meaning = if scalar.plain_implicit { resolve::implied(&text) } else { Implied::Str };
                construct(meaning, &text).map_err(|e| bad(e, &text))?
            }
            Some(name) => {
                let wanted =
                    ScalarTag::of(name, self.options.ansible_tags).ok_or_else(|| Self::unknown_tag(name, span))?;
                match wanted {
                    ScalarTag::Str => None,
                    ScalarTag::Int => Some(resolve::construct_int(&text).map_err(|e| bad(e, &text))?),
                    ScalarTag::Float => Some(resolve::construct_float(&text).map_err(|e| bad(e, &text))?),
                    ScalarTag::Bool => Some(resolve::construct_bool(&text).map_err(|e| bad(e, &text))?),
                    ScalarTag::Null => Some(Value::Null),
                    ScalarTag::Timestamp => Some(resolve::construct_timestamp(&text).map_err(|e| bad(e, &text))?),
                    ScalarTag::Binary => Some(resolve::construct_binary(&text).map_err(|e| bad(e, &text))?),
                    ScalarTag::Ansible(ansible) => {
                        tag = ansible;
                        // As Ansible: the characters decide the type again, however they were quoted.
                        meaning = resolve::implied(&text);
                        construct(meaning, &text).map_err(|e| bad(e, &text))?
                    }
                }
            }
        };
        if tag == Tag::Vault && typed.is_some() {
            return Err(YamlError::VaultType { span });
        }
        if scalar.tag.as_deref() == Some("!vault-encrypted") {
            self.warnings.push(Warning::DeprecatedTag {
                tag: "!vault-encrypted",
                instead: "Use the `!vault` tag instead.",
                span,
            });
        }
        let kind = Kind::Scalar(Scalar { text, style: scalar.style, typed });
        Ok((Node { span, tag, anchored: false, kind }, meaning))
    }
}

fn construct(implied: Implied, text: &str) -> Result<Option<Value>, BadScalar> {
    Ok(Some(match implied {
        Implied::Str | Implied::Merge | Implied::Value => return Ok(None),
        Implied::Null => Value::Null,
        Implied::Bool => resolve::construct_bool(text)?,
        Implied::Int => resolve::construct_int(text)?,
        Implied::Float => resolve::construct_float(text)?,
        Implied::Timestamp => resolve::construct_timestamp(text)?,
    }))
}

/// Puts the entries a merge key brings in front of others: of several mappings the first one named wins.
fn merge(merged: &mut Vec<(Node, Node)>, value: &Node) -> Result<(), YamlError> {
    let refuse = |node: &Node| YamlError::Merge { found: node.kind_name(), span: node.span };
    match &value.kind {
        Kind::Mapping(entries) => merged.extend(entries.iter().cloned()),
        Kind::Sequence(items) => {
            if let Some(odd) = items.iter().find(|item| item.as_mapping().is_none()) {
                return Err(refuse(odd));
            }
            for item in items.iter().rev() {
                merged.extend(item.as_mapping().unwrap_or_default().iter().cloned());
            }
        }
        Kind::Scalar(_) => return Err(refuse(value)),
    }
    Ok(())
}

/// An item of `!!omap` or `!!pairs`: a mapping of one entry becomes its key and value.
fn pair(item: Node) -> Result<Node, YamlError> {
    match item.as_mapping() {
        Some([(key, value)]) => {
            let items = Arc::new([key.clone(), value.clone()]);
            Ok(Node { kind: Kind::Sequence(items), ..item })
        }
        _ => Err(YamlError::Pairs { span: item.span }),
    }
}

impl Node {
    fn null(span: Span) -> Self {
        let scalar = Scalar { text: "".into(), style: Style::Plain, typed: Some(Value::Null) };
        Self { span, tag: Tag::None, anchored: false, kind: Kind::Scalar(scalar) }
    }

    /// The value without trust or origin, for comparing keys.
    fn plain_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(Scalar { typed: Some(value), .. }) => value.clone(),
            Kind::Scalar(scalar) => Value::data(Arc::clone(&scalar.text)),
            _ => Value::Map(Map::new()),
        }
    }
}
