//! Writes XML as libxml2 and lxml do.

use super::tree::{Document, Id, Kind};

struct Writer<'a> {
    document: &'a Document,
    out: String,
    /// Characters that are not ASCII become references.
    ascii: bool,
}

/// How a document is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    /// Elements on lines of their own, where there is no text between them.
    pub(crate) pretty: bool,
    /// `<?xml version='1.0' encoding='UTF-8'?>` first; without it characters that are not ASCII become references.
    pub(crate) declaration: bool,
}

impl Document {
    /// The whole document.
    pub(crate) fn write(&self, form: Form) -> String {
        let mut writer = Writer { document: self, out: String::new(), ascii: !form.declaration };
        if form.declaration {
            writer.out.push_str("<?xml version='1.0' encoding='UTF-8'?>\n");
        }
        let mut after_root = false;
        for id in self.children(Self::ROOT) {
            if form.pretty && after_root {
                writer.out.push('\n');
            }
            writer.node(*id, form.pretty, 0, &[]);
            if matches!(self.kind(*id), Kind::Doctype(_)) || form.pretty && !after_root && !self.is_element(*id) {
                writer.out.push('\n');
            }
            after_root |= self.is_element(*id);
        }
        if form.pretty {
            writer.out.push('\n');
        }
        writer.out
    }

    /// One node alone with the text after it, and with the declarations of namespaces it inherits.
    pub(crate) fn write_node(&self, id: Id) -> String {
        let mut inherited: Vec<(Option<String>, String)> = Vec::new();
        let mut at = self.parent(id);
        while let Some(node) = at {
            for (prefix, uri) in self.declared(node) {
                let known = self.declared(id).iter().chain(&inherited).any(|(own, _)| own == prefix);
                if !known {
                    inherited.push((prefix.clone(), uri.clone()));
                }
            }
            at = self.parent(node);
        }
        let mut writer = Writer { document: self, out: String::new(), ascii: true };
        writer.node(id, false, 0, &inherited);
        if let Some(parent) = self.parent(id) {
            let after = self.children(parent).iter().skip_while(|child| **child != id).skip(1);
            after.take_while(|child| self.is_text(**child)).for_each(|text| writer.node(*text, false, 0, &[]));
        }
        writer.out
    }
}

impl Writer<'_> {
    fn node(&mut self, id: Id, pretty: bool, level: usize, inherited: &[(Option<String>, String)]) {
        match self.document.kind(id) {
            Kind::Document => {}
            Kind::Text(text) => self.escaped(text, false),
            Kind::Cdata(text) => self.out.push_str(&format!("<![CDATA[{text}]]>")),
            Kind::Comment(text) => self.out.push_str(&format!("<!--{text}-->")),
            Kind::Instruction(target, text) if text.is_empty() => self.out.push_str(&format!("<?{target}?>")),
            Kind::Instruction(target, text) => self.out.push_str(&format!("<?{target} {text}?>")),
            Kind::Doctype(text) => self.out.push_str(text),
            Kind::Element { name, declared, attributes } => {
                let written = name.written();
                self.out.push('<');
                self.out.push_str(&written);
                for (prefix, uri) in declared.iter().chain(inherited) {
                    match prefix {
                        Some(prefix) => self.out.push_str(&format!(" xmlns:{prefix}=\"")),
                        None => self.out.push_str(" xmlns=\""),
                    }
                    self.escaped(uri, true);
                    self.out.push('"');
                }
                for (name, value) in attributes {
                    self.out.push_str(&format!(" {}=\"", name.written()));
                    self.escaped(value, true);
                    self.out.push('"');
                }
                let children = self.document.children(id);
                if children.is_empty() {
                    self.out.push_str("/>");
                    return;
                }
                self.out.push('>');
                // Where there is text, blanks would be content.
                let pretty = pretty && !children.iter().any(|child| self.document.is_text(*child));
                for child in children {
                    self.indent(pretty, level + 1);
                    self.node(*child, pretty, level + 1, &[]);
                }
                self.indent(pretty, level);
                self.out.push_str(&format!("</{written}>"));
            }
        }
    }

    fn indent(&mut self, pretty: bool, level: usize) {
        if pretty {
            self.out.push('\n');
            self.out.push_str(&"  ".repeat(level));
        }
    }

    fn escaped(&mut self, text: &str, attribute: bool) {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\r' => self.out.push_str("&#13;"),
                '"' if attribute => self.out.push_str("&quot;"),
                '\n' if attribute => self.out.push_str("&#10;"),
                '\t' if attribute => self.out.push_str("&#9;"),
                c if self.ascii && !c.is_ascii() => self.out.push_str(&format!("&#{};", c as u32)),
                c => self.out.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str, pretty: bool) -> String {
        Document::parse(text.as_bytes(), pretty, false).unwrap().write(Form { pretty, declaration: false })
    }

    #[test]
    fn what_is_read_is_written_as_libxml2_does() {
        for text in [
            "<a/>",
            "<a>\n  <b x=\"1\" y=\"&lt;&quot;\">t &amp; u</b>\n  <!-- c --><?p i?><c><![CDATA[<x>]]></c>\n</a>",
            "<a xmlns=\"u\" xmlns:p=\"v\"><p:b p:c=\"1\"/></a>",
            "<!DOCTYPE a SYSTEM \"a.dtd\">\n<a/>",
        ] {
            assert_eq!(again(text, false), text);
        }
        assert_eq!(again("<?xml version=\"1.0\"?>\n<!-- c -->\n<a  b = 'x' ></a >\n", false), "<!-- c --><a b=\"x\"/>");
        assert_eq!(again("<a>ä</a>", false), "<a>&#228;</a>");
        assert_eq!(again("<a> <b/><c>t<d/></c> </a>", true), "<a>\n  <b/>\n  <c>t<d/></c>\n</a>\n");
        assert_eq!(again("<a><b> </b> t</a>", true), "<a><b> </b> t</a>\n");
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for text in
            ["", "x", "<a>", "<a></b>", "<a b=1/>", "<a><p:b/></a>", "<a>&x;</a>", "<a/><b/>", "<a b='1' b='2'/>"]
        {
            assert!(Document::parse(text.as_bytes(), false, false).is_err(), "{text}");
        }
    }
}
