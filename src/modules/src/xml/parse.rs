//! Reads XML 1.0 with namespaces. Only entities that every document has are known.

use super::tree::{Document, Id, Kind, Name};

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Blanks between elements are left out, by libxml2's rules.
    skip_blanks: bool,
    /// CDATA sections become plain text.
    plain_cdata: bool,
    document: Document,
}

impl Document {
    /// Reads a document; an error says what is wrong and where.
    pub(crate) fn parse(bytes: &[u8], skip_blanks: bool, plain_cdata: bool) -> Result<Self, String> {
        let text = decode(bytes)?.replace("\r\n", "\n").replace('\r', "\n");
        let mut parser = Parser { text: &text, at: 0, skip_blanks, plain_cdata, document: Self::new() };
        parser.document()?;
        Ok(parser.document)
    }
}

fn decode(bytes: &[u8]) -> Result<String, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        let big = bytes[0] == 0xfe;
        let units = bytes[2..].chunks_exact(2).map(|pair| {
            if big { u16::from_be_bytes([pair[0], pair[1]]) } else { u16::from_le_bytes([pair[0], pair[1]]) }
        });
        return String::from_utf16(&units.collect::<Vec<u16>>()).map_err(|error| error.to_string());
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_lowercase();
    let declared = head.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next()?.split_once("encoding"));
    let name = declared
        .map(|(_, rest)| rest.trim_start_matches([' ', '=', '\'', '"']).split(['\'', '"']).next().unwrap_or_default());
    match name {
        Some("iso-8859-1" | "latin1" | "latin-1") => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => String::from_utf8(bytes.to_vec())
            .map_err(|_| "Input is not proper UTF-8, indicate encoding !, line 1, column 1".to_owned()),
        Some(other) => Err(format!("Unsupported encoding: {other}, line 1, column 1")),
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == ':' || c as u32 >= 0xc0
}

fn is_name_char(c: char) -> bool {
    is_name_start(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}')
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error<T>(&self, what: &str) -> Result<T, String> {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        Err(format!("{what}, line {line}, column {column}"))
    }

    fn eat(&mut self, start: &str) -> bool {
        let found = self.rest().starts_with(start);
        if found {
            self.at += start.len();
        }
        found
    }

    fn blanks(&mut self) -> bool {
        let length = self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.at += length;
        length > 0
    }

    /// Up to `end`, which is skipped.
    fn until(&mut self, end: &str, what: &str) -> Result<String, String> {
        let Some(length) = self.rest().find(end) else { return self.error(what) };
        let found = self.rest()[..length].to_owned();
        self.at += length + end.len();
        Ok(found)
    }

    fn word(&mut self) -> Result<String, String> {
        if !self.rest().starts_with(is_name_start) {
            return self.error("StartTag: invalid element name");
        }
        let length = self.rest().find(|c| !is_name_char(c)).unwrap_or(self.rest().len());
        let word = self.rest()[..length].to_owned();
        self.at += length;
        Ok(word)
    }

    fn document(&mut self) -> Result<(), String> {
        if self.rest().starts_with("<?xml ") {
            self.until("?>", "XML declaration is not ended")?;
        }
        self.misc(true)?;
        if !self.rest().starts_with('<') {
            return self.error(if self.rest().is_empty() && self.at == 0 {
                "Document is empty"
            } else {
                "Start tag expected, '<' not found"
            });
        }
        self.element()?;
        self.misc(false)?;
        if self.rest().is_empty() { Ok(()) } else { self.error("Extra content at the end of the document") }
    }

    /// Comments, instructions and the document type outside of the element.
    fn misc(&mut self, before: bool) -> Result<(), String> {
        loop {
            self.blanks();
            if before && self.rest().starts_with("<!DOCTYPE") {
                let kind = Kind::Doctype(self.doctype()?);
                self.document.push_parsed(Document::ROOT, kind);
            } else if let Some(kind) = self.aside()? {
                self.document.push_parsed(Document::ROOT, kind);
            } else {
                return Ok(());
            }
        }
    }

    fn doctype(&mut self) -> Result<String, String> {
        let start = self.at;
        let (mut quote, mut depth) = (None, 0);
        for (offset, c) in self.rest().char_indices() {
            match (quote, c) {
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '[') => depth += 1,
                (None, ']') => depth -= 1,
                (None, '>') if depth == 0 => {
                    self.at += offset + 1;
                    return Ok(self.text[start..self.at].to_owned());
                }
                _ => {}
            }
        }
        self.error("DOCTYPE improperly terminated")
    }

    /// A comment or an instruction, if one is next.
    fn aside(&mut self) -> Result<Option<Kind>, String> {
        if self.eat("<!--") {
            return Ok(Some(Kind::Comment(self.until("-->", "Comment not terminated")?)));
        }
        if !self.eat("<?") {
            return Ok(None);
        }
        let target = self.word()?;
        self.blanks();
        Ok(Some(Kind::Instruction(target, self.until("?>", "PI not terminated")?)))
    }

    fn element(&mut self) -> Result<(), String> {
        // Not recursive: documents may be deep.
        let mut open: Vec<(Id, String)> = Vec::new();
        loop {
            let parent = open.last().map_or(Document::ROOT, |(id, _)| *id);
            if self.eat("</") {
                let name = self.word().unwrap_or_default();
                self.blanks();
                let Some((_, expected)) = open.pop() else { return self.error("unexpected end tag") };
                if name != expected || !self.eat(">") {
                    return self.error(&format!("Opening and ending tag mismatch: {expected} and {name}"));
                }
                if open.is_empty() {
                    return Ok(());
                }
            } else if self.eat("<![CDATA[") {
                let text = self.until("]]>", "CData section not finished")?;
                let kind = if self.plain_cdata { Kind::Text(text) } else { Kind::Cdata(text) };
                self.document.push_parsed(parent, kind);
            } else if let Some(kind) = self.aside()? {
                self.document.push_parsed(parent, kind);
            } else if self.eat("<") {
                let (id, name, is_empty) = self.start(parent)?;
                if !is_empty {
                    open.push((id, name));
                } else if open.is_empty() {
                    return Ok(());
                }
            } else if self.rest().is_empty() {
                return self.error("Premature end of data");
            } else {
                self.characters(parent)?;
            }
        }
    }

    fn start(&mut self, parent: Id) -> Result<(Id, String, bool), String> {
        let word = self.word()?;
        let mut declared: Vec<(Option<String>, String)> = Vec::new();
        let mut found: Vec<(String, String)> = Vec::new();
        let is_empty = loop {
            let spaced = self.blanks();
            if self.eat("/>") {
                break true;
            }
            if self.eat(">") {
                break false;
            }
            if !spaced {
                return self.error("attributes construct error");
            }
            let name = self.word().or_else(|_| self.error("attributes construct error"))?;
            self.blanks();
            if !self.eat("=") {
                return self.error("Specification mandates value for attribute ".trim_end());
            }
            self.blanks();
            let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) else {
                return self.error("AttValue: \" or ' expected");
            };
            self.at += 1;
            let start = self.at;
            let raw = self.until(&quote.to_string(), "AttValue: ' expected")?;
            if raw.contains('<') {
                self.at = start;
                return self.error("Unescaped '<' not allowed in attributes values");
            }
            let value = self.expand(&raw.replace(['\n', '\t'], " "))?;
            match name.strip_prefix("xmlns") {
                Some("") => declared.push((None, value)),
                Some(prefix) if prefix.starts_with(':') => declared.push((Some(prefix[1..].to_owned()), value)),
                _ if found.iter().any(|(known, _)| *known == name) => {
                    return self.error(&format!("Attribute {name} redefined"));
                }
                _ => found.push((name, value)),
            }
        };
        let kind = Kind::Element { name: Name::default(), declared: declared.clone(), attributes: Vec::new() };
        let id = self.document.push_parsed(parent, kind);
        let name = self.resolve(id, &word, true)?;
        let attributes: Vec<(Name, String)> = found
            .into_iter()
            .map(|(name, value)| Ok((self.resolve(id, &name, false)?, value)))
            .collect::<Result<_, String>>()?;
        self.document.drop_last(parent);
        let id = self.document.push_parsed(parent, Kind::Element { name, declared, attributes });
        Ok((id, word, is_empty))
    }

    fn resolve(&self, id: Id, word: &str, is_element: bool) -> Result<Name, String> {
        let Some((prefix, local)) = word.split_once(':') else {
            let uri = if is_element { self.document.lookup(id, None).map(str::to_owned) } else { None };
            return Ok(Name { prefix: None, local: word.to_owned(), uri });
        };
        let uri = match prefix {
            "xml" => Some("http://www.w3.org/XML/1998/namespace".to_owned()),
            _ => self.document.lookup(id, Some(prefix)).map(str::to_owned),
        };
        if uri.is_none() {
            return self.error(&format!("Namespace prefix {prefix} on {local} is not defined"));
        }
        Ok(Name { prefix: Some(prefix.to_owned()), local: local.to_owned(), uri })
    }

    fn characters(&mut self, parent: Id) -> Result<(), String> {
        let length = self.rest().find('<').unwrap_or(self.rest().len());
        let raw = self.rest()[..length].to_owned();
        let text = self.expand(&raw)?;
        self.at += length;
        if !(self.skip_blanks && is_blank(&raw) && self.is_between(parent)) {
            self.document.push_parsed(parent, Kind::Text(text));
        }
        Ok(())
    }

    /// Whether blanks that were just read are between elements, and not somebody's content.
    fn is_between(&self, parent: Id) -> bool {
        let children = self.document.children(parent);
        let is_text = |id: Option<&Id>| id.is_some_and(|id| self.document.is_text(*id));
        let mut at = Some(parent);
        while let Some(node) = at {
            match self.document.attribute(node, "{http://www.w3.org/XML/1998/namespace}space") {
                Some("preserve") => return false,
                Some(_) => break,
                None => at = self.document.parent(node),
            }
        }
        let is_content = children.is_empty() && self.rest().starts_with("</");
        let beside_text = is_text(children.first()) || is_text(children.last());
        !is_content && !beside_text
    }

    /// Character references and the five entities.
    fn expand(&self, raw: &str) -> Result<String, String> {
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find('&') {
            out.push_str(&rest[..at]);
            let Some((name, after)) = rest[at + 1..].split_once(';') else {
                return self.error("EntityRef: expecting ';'");
            };
            let number = match name.strip_prefix("#x") {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => name.strip_prefix('#').and_then(|digits| digits.parse().ok()),
            };
            match (name, number.and_then(char::from_u32)) {
                (_, Some(c)) => out.push(c),
                ("lt", _) => out.push('<'),
                ("gt", _) => out.push('>'),
                ("amp", _) => out.push('&'),
                ("quot", _) => out.push('"'),
                ("apos", _) => out.push('\''),
                _ => return self.error(&format!("Entity '{name}' not defined")),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}
