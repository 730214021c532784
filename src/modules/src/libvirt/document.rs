//! XML as libvirt and its users write it: read, looked through, added to, and written as lxml pretty-prints it.

use std::fmt::Write as _;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Element(Element),
    Text(String),
    Comment(String),
    /// As it stood between `<?` and `?>`.
    Instruction(String),
}

/// Not XML: where, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why} at byte {at}")]
pub(super) struct NotXml {
    at: usize,
    why: &'static str,
}

impl Element {
    /// Reads a document; text that is only space between elements is dropped.
    pub(super) fn read(text: &str) -> Result<Self, NotXml> {
        let mut reader = Reader { text, at: 0 };
        reader.prolog()?;
        let mut root = reader.element(0)?;
        reader.prolog()?;
        if reader.at < text.len() {
            return Err(reader.wrong("something after the document"));
        }
        root.drop_blanks();
        Ok(root)
    }

    /// A new element with these attributes.
    pub(super) fn new(name: &str, attributes: &[(&str, &str)]) -> Self {
        let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { name: name.to_owned(), attributes, children: Vec::new() }
    }

    /// An attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The elements inside, of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |element| element.name == name)
    }

    /// The elements inside.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }

    /// The first element inside, of this name.
    pub(super) fn first<'a>(&'a self, name: &'a str) -> Option<&'a Self> {
        self.all(name).next()
    }

    /// The same, to be changed.
    pub(super) fn first_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.children.iter_mut().find_map(|node| match node {
            Node::Element(element) if element.name == name => Some(element),
            _ => None,
        })
    }

    /// The first element along a path of names.
    pub(super) fn along(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| {
            element.children.iter().find_map(|node| match node {
                Node::Element(inside) if inside.name == *name => Some(inside),
                _ => None,
            })
        })
    }

    /// Text before the first element inside.
    pub(super) fn text(&self) -> Option<&str> {
        match self.children.first() {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Adds an element with this text at the end.
    pub(super) fn add_text(&mut self, name: &str, text: &str) {
        let mut element = Self::new(name, &[]);
        element.children.push(Node::Text(text.to_owned()));
        self.children.push(Node::Element(element));
    }

    /// Every element, this one and those inside at any depth, in the order they are written.
    pub(super) fn descendants(&self) -> Vec<&Self> {
        let mut all = vec![self];
        for element in self.elements() {
            all.extend(element.descendants());
        }
        all
    }

    fn drop_blanks(&mut self) {
        // Space between elements means nothing; beside other text it does.
        let mixed = self.children.iter().any(|node| matches!(node, Node::Text(text) if !is_blank(text)));
        let alone = self.children.len() == 1;
        self.children.retain(|node| !matches!(node, Node::Text(text) if is_blank(text) && !mixed && !alone));
        for node in &mut self.children {
            if let Node::Element(element) = node {
                element.drop_blanks();
            }
        }
    }

    /// The text of the element, indented by two spaces a level, with a line end.
    pub(super) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0, true);
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, level: usize, indents: bool) {
        out.push('<');
        out.push_str(&self.name);
        for (key, value) in &self.attributes {
            let _ = write!(out, " {key}=\"{}\"", escaped(value, true));
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        let indents = indents && !self.children.iter().any(|node| matches!(node, Node::Text(_)));
        for node in &self.children {
            if indents {
                out.push('\n');
                out.push_str(&"  ".repeat(level + 1));
            }
            match node {
                Node::Element(element) => element.write(out, level + 1, indents),
                Node::Text(text) => out.push_str(&escaped(text, false)),
                Node::Comment(text) => drop(write!(out, "<!--{text}-->")),
                Node::Instruction(text) => drop(write!(out, "<?{text}?>")),
            }
        }
        if indents {
            out.push('\n');
            out.push_str(&"  ".repeat(level));
        }
        let _ = write!(out, "</{}>", self.name);
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\n'))
}

fn escaped(text: &str, attribute: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            // lxml writes ASCII unless it is told otherwise.
            c if !c.is_ascii() => drop(write!(out, "&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// So deep nobody nests; deeper is an attack on the stack.
const DEPTH: usize = 200;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, why: &'static str) -> NotXml {
        NotXml { at: self.at, why }
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn take(&mut self, start: &str) -> bool {
        let there = self.rest().starts_with(start);
        if there {
            self.at += start.len();
        }
        there
    }

    fn until(&mut self, end: &str, why: &'static str) -> Result<&'a str, NotXml> {
        let rest = self.rest();
        let length = rest.find(end).ok_or_else(|| self.wrong(why))?;
        self.at += length + end.len();
        Ok(&rest[..length])
    }

    /// What may stand around a document's element.
    fn prolog(&mut self) -> Result<(), NotXml> {
        self.take("\u{feff}");
        loop {
            self.skip_space();
            if self.take("<?") {
                self.until("?>", "an instruction without end")?;
            } else if self.take("<!--") {
                self.until("-->", "a comment without end")?;
            } else if self.take("<!DOCTYPE") {
                self.until(">", "a document type without end")?;
            } else {
                return Ok(());
            }
        }
    }

    fn name(&mut self) -> Result<String, NotXml> {
        let rest = self.rest();
        let good = |c: char| c.is_alphanumeric() || "_:-.".contains(c);
        let length = rest.find(|c| !good(c)).unwrap_or(rest.len());
        if length == 0 || rest.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') {
            return Err(self.wrong("no name"));
        }
        self.at += length;
        Ok(rest[..length].to_owned())
    }

    fn element(&mut self, depth: usize) -> Result<Element, NotXml> {
        if depth > DEPTH {
            return Err(self.wrong("too deep"));
        }
        if !self.take("<") {
            return Err(self.wrong("no element"));
        }
        let mut element = Element { name: self.name()?, ..Element::default() };
        loop {
            let before = self.at;
            self.skip_space();
            if self.take("/>") {
                return Ok(element);
            }
            if self.take(">") {
                break;
            }
            if before == self.at {
                return Err(self.wrong("no end of a tag"));
            }
            let key = self.name()?;
            self.skip_space();
            if !self.take("=") {
                return Err(self.wrong("an attribute without a value"));
            }
            self.skip_space();
            let quote = if self.take("\"") {
                "\""
            } else if self.take("'") {
                "'"
            } else {
                return Err(self.wrong("a value without quotes"));
            };
            let value = self.until(quote, "a value without end")?;
            if value.contains('<') || element.attribute(&key).is_some() {
                return Err(self.wrong("a bad attribute"));
            }
            let value = self.unescaped(value)?.replace(['\n', '\t', '\r'], " ");
            element.attributes.push((key, value));
        }
        loop {
            let text = self.rest();
            let length = text.find('<').ok_or_else(|| self.wrong("an element without end"))?;
            if length > 0 {
                let text = self.unescaped(&text[..length])?;
                push_text(&mut element.children, &text);
                self.at += length;
            }
            if self.take("</") {
                let name = self.name()?;
                self.skip_space();
                if name != element.name || !self.take(">") {
                    return Err(self.wrong("an end that fits no beginning"));
                }
                return Ok(element);
            }
            if self.take("<!--") {
                element.children.push(Node::Comment(self.until("-->", "a comment without end")?.to_owned()));
            } else if self.take("<![CDATA[") {
                let text = self.until("]]>", "data without end")?;
                push_text(&mut element.children, text);
            } else if self.take("<?") {
                let text = self.until("?>", "an instruction without end")?;
                element.children.push(Node::Instruction(text.to_owned()));
            } else {
                element.children.push(Node::Element(self.element(depth + 1)?));
            }
        }
    }

    /// Entities in a text replaced by what they stand for.
    fn unescaped(&self, text: &str) -> Result<String, NotXml> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('&') {
            out.push_str(&rest[..at]);
            let end = rest[at..].find(';').ok_or_else(|| self.wrong("an entity without end"))? + at;
            let entity = &rest[at + 1..end];
            let number = entity.strip_prefix('#').map(|number| match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            });
            let c = match (entity, number) {
                ("lt", _) => Some('<'),
                ("gt", _) => Some('>'),
                ("amp", _) => Some('&'),
                ("quot", _) => Some('"'),
                ("apos", _) => Some('\''),
                (_, Some(Ok(number))) => char::from_u32(number),
                _ => None,
            };
            out.push(c.ok_or_else(|| self.wrong("an unknown entity"))?);
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Ok(out.replace("\r\n", "\n"))
    }
}

fn push_text(children: &mut Vec<Node>, text: &str) {
    match children.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ => children.push(Node::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documents_are_written_as_lxml_writes_them() {
        let text = "<?xml version='1.0'?>\n<!-- about -->\n<domain type='test' a=\"&lt;&quot;\">\n <name>x &amp; y</name>\n\
                    <devices>\n  <disk/>\n  <!-- c -->\n <q:c xmlns:q='u'> </q:c></devices><p>a<b/> c</p></domain>\n";
        insta::assert_snapshot!(Element::read(text).unwrap().pretty(), @r#"
        <domain type="test" a="&lt;&quot;">
          <name>x &amp; y</name>
          <devices>
            <disk/>
            <!-- c -->
            <q:c xmlns:q="u"> </q:c>
          </devices>
          <p>a<b/> c</p>
        </domain>
        "#);
    }

    #[test]
    fn what_is_not_xml_is_refused() {
        for text in ["", "<a>", "<a></b>", "<a b=c/>", "<a b='1' b='2'/>", "<a/>x", "<a>&nope;</a>", "text", "<1/>"] {
            assert!(Element::read(text).is_err(), "{text}");
        }
        assert!(Element::read(&"<a>".repeat(100_000)).is_err());
    }

    #[test]
    fn elements_are_found() {
        let root = Element::read("<a><b c='1'><d>t</d></b><b/></a>").unwrap();
        assert_eq!(root.all("b").count(), 2);
        assert_eq!(root.along(&["b", "d"]).and_then(Element::text), Some("t"));
        assert_eq!(root.first("b").unwrap().attribute("c"), Some("1"));
        assert_eq!(root.descendants().len(), 4);
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(text in "[<>/a='\"&;! -]{0,40}|\\PC{0,20}") {
            let _ = Element::read(&text);
        }

        #[test]
        fn what_was_written_is_read_again(value in "\\PC{0,20}", text in "[a-z<>&]{1,20}") {
            let mut root = Element::new("a", &[("b", &value)]);
            root.add_text("c", &text);
            prop_assert_eq!(Element::read(&root.pretty()).unwrap(), root);
        }
    }
}
