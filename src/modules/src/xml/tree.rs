//! The tree: nodes in one list, changed as lxml changes its own.

/// A node's place in its document.
pub(crate) type Id = usize;

/// A name with its namespace. The prefix is how it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) prefix: Option<String>,
    pub(crate) local: String,
    pub(crate) uri: Option<String>,
}

impl Name {
    /// `prefix:local` or `local`.
    pub(crate) fn written(&self) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}:{}", self.local),
            None => self.local.clone(),
        }
    }

    /// `{uri}local` or `local`, as lxml names elements.
    pub(crate) fn clark(&self) -> String {
        match &self.uri {
            Some(uri) => format!("{{{uri}}}{}", self.local),
            None => self.local.clone(),
        }
    }

    /// From `{uri}local` or `local`, without a prefix yet.
    pub(crate) fn from_clark(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((uri, local)) => Self { prefix: None, local: local.to_owned(), uri: Some(uri.to_owned()) },
            None => Self { prefix: None, local: text.to_owned(), uri: None },
        }
    }
}

/// A prefix in use; none for the default namespace.
struct Prefix(Option<String>);

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Document,
    Element {
        name: Name,
        /// Declared here: prefix (none for the default) and namespace.
        declared: Vec<(Option<String>, String)>,
        attributes: Vec<(Name, String)>,
    },
    Text(String),
    Cdata(String),
    Comment(String),
    /// Target and content.
    Instruction(String, String),
    /// As written, from `<!DOCTYPE` to `>`.
    Doctype(String),
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    parent: Option<Id>,
    children: Vec<Id>,
}

/// A document. Node 0 is the document itself.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    nodes: Vec<Node>,
}

impl Document {
    pub(crate) const ROOT: Id = 0;

    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node { kind: Kind::Document, parent: None, children: Vec::new() }] }
    }

    /// A node that is nowhere yet.
    pub(crate) fn create(&mut self, kind: Kind) -> Id {
        self.nodes.push(Node { kind, parent: None, children: Vec::new() });
        self.nodes.len() - 1
    }

    pub(crate) fn kind(&self, id: Id) -> &Kind {
        &self.nodes[id].kind
    }

    pub(crate) fn parent(&self, id: Id) -> Option<Id> {
        self.nodes[id].parent
    }

    pub(crate) fn children(&self, id: Id) -> &[Id] {
        &self.nodes[id].children
    }

    /// The document's element.
    pub(crate) fn root_element(&self) -> Option<Id> {
        self.children(Self::ROOT).iter().copied().find(|id| self.is_element(*id))
    }

    pub(crate) fn is_element(&self, id: Id) -> bool {
        matches!(self.kind(id), Kind::Element { .. })
    }

    pub(crate) fn is_text(&self, id: Id) -> bool {
        matches!(self.kind(id), Kind::Text(_) | Kind::Cdata(_))
    }

    pub(crate) fn name(&self, id: Id) -> Option<&Name> {
        match self.kind(id) {
            Kind::Element { name, .. } => Some(name),
            _ => None,
        }
    }

    pub(crate) fn attributes(&self, id: Id) -> &[(Name, String)] {
        match self.kind(id) {
            Kind::Element { attributes, .. } => attributes,
            _ => &[],
        }
    }

    pub(crate) fn declared(&self, id: Id) -> &[(Option<String>, String)] {
        match self.kind(id) {
            Kind::Element { declared, .. } => declared,
            _ => &[],
        }
    }

    /// Children that lxml counts: no text.
    pub(crate) fn counted(&self, id: Id) -> Vec<Id> {
        self.children(id).iter().copied().filter(|child| !self.is_text(*child)).collect()
    }

    fn content(&self, id: Id) -> &str {
        match self.kind(id) {
            Kind::Text(text) | Kind::Cdata(text) => text,
            _ => "",
        }
    }

    /// The text before the first child, as lxml's `text`.
    pub(crate) fn text(&self, id: Id) -> Option<String> {
        let texts: Vec<Id> = self.children(id).iter().copied().take_while(|child| self.is_text(*child)).collect();
        (!texts.is_empty()).then(|| texts.into_iter().map(|text| self.content(text)).collect())
    }

    /// Replaces the text before the first child.
    pub(crate) fn set_text(&mut self, id: Id, text: &str) {
        let leading = self.children(id).iter().take_while(|child| self.is_text(**child)).count();
        let new = self.create(Kind::Text(text.to_owned()));
        self.nodes[new].parent = Some(id);
        self.nodes[id].children.splice(..leading, [new]);
    }

    /// Takes a node out, with the text that follows it.
    pub(crate) fn remove(&mut self, id: Id) {
        let Some(parent) = self.parent(id) else { return };
        let Some(at) = self.children(parent).iter().position(|child| *child == id) else { return };
        let tail = self.children(parent)[at + 1..].iter().take_while(|child| self.is_text(**child)).count();
        self.nodes[parent].children.drain(at..=at + tail);
        self.nodes[id].parent = None;
    }

    /// Puts a node, wherever it was, at the end of a parent.
    pub(crate) fn append(&mut self, parent: Id, id: Id) {
        self.insert_at(parent, self.children(parent).len(), id);
    }

    /// Puts a node before the child that has this number among those that count.
    pub(crate) fn insert(&mut self, parent: Id, number: usize, id: Id) {
        let counted = self.counted(parent);
        let before = counted.get(number).and_then(|next| self.children(parent).iter().position(|child| child == next));
        let at = before.unwrap_or(self.children(parent).len());
        self.insert_at(parent, at, id);
    }

    fn insert_at(&mut self, parent: Id, at: usize, id: Id) {
        let mut at = at;
        if let Some(old) = self.parent(id) {
            let before = self.children(old).len();
            self.remove(id);
            if old == parent {
                at = at.saturating_sub(before - self.children(old).len()).min(self.children(parent).len());
            }
        }
        self.nodes[parent].children.insert(at, id);
        self.nodes[id].parent = Some(parent);
        self.adopt(id);
    }

    pub(super) fn push_parsed(&mut self, parent: Id, kind: Kind) -> Id {
        let id = self.create(kind);
        self.nodes[parent].children.push(id);
        self.nodes[id].parent = Some(parent);
        id
    }

    pub(super) fn drop_last(&mut self, parent: Id) {
        self.nodes[parent].children.pop();
    }

    /// The namespace that a prefix stands for at a node.
    pub(crate) fn lookup(&self, id: Id, prefix: Option<&str>) -> Option<&str> {
        let mut at = Some(id);
        while let Some(node) = at {
            let found = self.declared(node).iter().find(|(known, _)| known.as_deref() == prefix);
            if let Some((_, uri)) = found {
                return Some(uri.as_str()).filter(|uri| !uri.is_empty());
            }
            at = self.parent(node);
        }
        None
    }

    /// A prefix that stands for a namespace at a node; `named`: the default one will not do.
    fn prefix_of(&self, id: Id, uri: &str, named: bool) -> Option<Prefix> {
        let mut at = Some(id);
        while let Some(node) = at {
            for (prefix, known) in self.declared(node) {
                let fits = known == uri && !(named && prefix.is_none());
                if fits && self.lookup(id, prefix.as_deref()) == Some(uri) {
                    return Some(Prefix(prefix.clone()));
                }
            }
            at = self.parent(node);
        }
        None
    }

    /// Declares a namespace at an element under a name nobody has.
    fn declare(&mut self, id: Id, uri: &str) -> Option<String> {
        let free =
            (0..u32::MAX).map(|number| format!("ns{number}")).find(|name| self.lookup(id, Some(name)).is_none())?;
        if let Kind::Element { declared, .. } = &mut self.nodes[id].kind {
            declared.push((Some(free.clone()), uri.to_owned()));
        }
        Some(free)
    }

    /// Names of a subtree that has just come here: declarations that its new parents have as well are left out, and
    /// namespaces without a prefix get one.
    fn adopt(&mut self, id: Id) {
        let mut open = vec![id];
        while let Some(node) = open.pop() {
            open.extend(self.children(node).iter().rev());
            let Some(parent) = self.parent(node).filter(|parent| self.is_element(*parent)) else { continue };
            let kept: Vec<(Option<String>, String)> = self
                .declared(node)
                .iter()
                .filter(|(prefix, uri)| self.prefix_of(parent, uri, prefix.is_some()).is_none())
                .cloned()
                .collect();
            if let Kind::Element { declared, .. } = &mut self.nodes[node].kind {
                *declared = kept;
            }
            let Kind::Element { name, attributes, .. } = self.nodes[node].kind.clone() else { continue };
            let name = self.adopted(node, name, false);
            let attributes: Vec<(Name, String)> =
                attributes.into_iter().map(|(name, value)| (self.adopted(node, name, true), value)).collect();
            if let Kind::Element { name: own, attributes: owns, .. } = &mut self.nodes[node].kind {
                (*own, *owns) = (name, attributes);
            }
        }
    }

    fn adopted(&mut self, id: Id, name: Name, named: bool) -> Name {
        let Some(uri) = name.uri.clone() else { return name };
        if uri == "http://www.w3.org/XML/1998/namespace" {
            return Name { prefix: Some("xml".to_owned()), ..name };
        }
        let fits = self.lookup(id, name.prefix.as_deref()) == Some(&uri) && !(named && name.prefix.is_none());
        let prefix = if fits {
            name.prefix.clone()
        } else {
            match self.prefix_of(id, &uri, named) {
                Some(Prefix(known)) => known,
                None => self.declare(id, &uri),
            }
        };
        Name { prefix, ..name }
    }

    /// The value of an attribute by its name in Clark's notation.
    pub(crate) fn attribute(&self, id: Id, clark: &str) -> Option<&str> {
        self.attributes(id).iter().find(|(name, _)| name.clark() == clark).map(|(_, value)| value.as_str())
    }

    /// Sets an attribute by its name in Clark's notation.
    pub(crate) fn set_attribute(&mut self, id: Id, clark: &str, value: &str) {
        let at = self.attributes(id).iter().position(|(name, _)| name.clark() == clark);
        let name = if at.is_none() { self.adopted(id, Name::from_clark(clark), true) } else { Name::default() };
        if let Kind::Element { attributes, .. } = &mut self.nodes[id].kind {
            match at {
                Some(at) => value.clone_into(&mut attributes[at].1),
                None => attributes.push((name, value.to_owned())),
            }
        }
    }

    pub(crate) fn remove_attribute(&mut self, id: Id, clark: &str) {
        if let Kind::Element { attributes, .. } = &mut self.nodes[id].kind {
            attributes.retain(|(name, _)| name.clark() != clark);
        }
    }

    /// An element with what a parsed document's element holds.
    pub(crate) fn import(&mut self, other: &Self, id: Id) -> Id {
        let new = self.create(other.kind(id).clone());
        for child in other.children(id) {
            let child = self.import(other, *child);
            self.nodes[new].children.push(child);
            self.nodes[child].parent = Some(new);
        }
        new
    }

    /// All text below a node: XPath's string value.
    pub(crate) fn string_value(&self, id: Id) -> String {
        match self.kind(id) {
            Kind::Text(text) | Kind::Cdata(text) | Kind::Comment(text) | Kind::Instruction(_, text) => text.clone(),
            Kind::Doctype(_) => String::new(),
            Kind::Document | Kind::Element { .. } => {
                let below = self.children(id).iter().filter(|child| self.is_element(**child) || self.is_text(**child));
                below.map(|child| self.string_value(*child)).collect()
            }
        }
    }

    /// `/a/b[2]`: the way to a node, as libxml2 writes it.
    pub(crate) fn path(&self, id: Id) -> String {
        let mut parts = Vec::new();
        let mut at = id;
        while let Some(parent) = self.parent(at) {
            let (test, same): (String, Box<dyn Fn(Id) -> bool>) = match self.kind(at) {
                Kind::Element { name, .. } if name.uri.is_some() && name.prefix.is_none() => {
                    ("*".to_owned(), Box::new(|other| self.is_element(other)))
                }
                Kind::Element { name, .. } => {
                    let (name, written) = (name.clone(), name.written());
                    (
                        written,
                        Box::new(move |other| {
                            self.name(other)
                                .is_some_and(|found| found.local == name.local && found.prefix == name.prefix)
                        }),
                    )
                }
                Kind::Comment(_) => {
                    ("comment()".to_owned(), Box::new(|other| matches!(self.kind(other), Kind::Comment(_))))
                }
                Kind::Instruction(target, _) => {
                    let target = target.clone();
                    (
                        format!("processing-instruction('{target}')"),
                        Box::new(
                            move |other| matches!(self.kind(other), Kind::Instruction(found, _) if *found == target),
                        ),
                    )
                }
                _ => ("text()".to_owned(), Box::new(|other| self.is_text(other))),
            };
            let alike: Vec<Id> = self.children(parent).iter().copied().filter(|other| same(*other)).collect();
            let number = alike.iter().position(|other| *other == at).unwrap_or(0) + 1;
            parts.push(if alike.len() > 1 { format!("/{test}[{number}]") } else { format!("/{test}") });
            at = parent;
        }
        parts.reverse();
        parts.concat()
    }
}
