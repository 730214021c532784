//! Template text as tokens, by Jinja2's rules: delimiters, whitespace control, raw blocks, literals.

use rplay_value::BigInt;

use super::escape;
use crate::TemplateError;

/// Delimiters and whitespace rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Syntax {
    pub(crate) block: (String, String),
    pub(crate) variable: (String, String),
    pub(crate) comment: (String, String),
    pub(crate) trim_blocks: bool,
    pub(crate) lstrip_blocks: bool,
    pub(crate) keep_trailing_newline: bool,
    pub(crate) newline: String,
}

impl Default for Syntax {
    fn default() -> Self {
        let pair = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        Self {
            block: pair("{%", "%}"),
            variable: pair("{{", "}}"),
            comment: pair("{#", "#}"),
            trim_blocks: true,
            lstrip_blocks: false,
            keep_trailing_newline: false,
            newline: "\n".to_owned(),
        }
    }
}

/// How backslashes in string literals are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// Text from YAML: inside `{{ }}` a backslash is a backslash (YAML has read the escapes already).
    Yaml,
    /// Files, and conditions: escapes are Python's everywhere.
    File,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'t> {
    Data(String),
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Name(&'t str),
    Str(String),
    Int(BigInt),
    Float(f64),
    Op(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) start: usize,
    pub(super) end: usize,
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token<'t>>,
    mode: Mode,
    newline: &'t str,
}

/// Tokens, up to what is none: that is an error only where the parser gets that far, as Jinja2 reads on demand.
pub(super) struct Tokens<'t> {
    pub(super) tokens: Vec<Token<'t>>,
    pub(super) broken: Option<TemplateError>,
}

/// The tokens of a template.
pub(super) fn tokens<'t>(text: &'t str, syntax: &'t Syntax, mode: Mode) -> Tokens<'t> {
    let text = if syntax.keep_trailing_newline {
        text
    } else {
        text.strip_suffix("\r\n").or_else(|| text.strip_suffix(['\n', '\r'])).unwrap_or(text)
    };
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), mode, newline: &syntax.newline };
    let broken = lexer.template(syntax).err();
    lexer.push(Kind::End, text.len(), text.len());
    Tokens { tokens: lexer.tokens, broken }
}

/// The tokens of a bare expression.
pub(super) fn expression_tokens(text: &str, mode: Mode) -> Tokens<'_> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), mode, newline: "\n" };
    let broken = lexer.inside(&[], false).err();
    lexer.push(Kind::End, text.len(), text.len());
    Tokens { tokens: lexer.tokens, broken }
}

const OPERATORS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".",
    ":", "|", ",", ";",
];

impl<'t> Lexer<'t> {
    fn push(&mut self, kind: Kind<'t>, start: usize, end: usize) {
        self.tokens.push(Token { kind, start, end });
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn template(&mut self, syntax: &'t Syntax) -> Result<(), TemplateError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Tag {
            Block,
            Variable,
            Comment,
        }
        let mut starts =
            [(Tag::Variable, &*syntax.variable.0), (Tag::Block, &*syntax.block.0), (Tag::Comment, &*syntax.comment.0)];
        starts.sort_by_key(|(_, start)| std::cmp::Reverse(start.len()));
        // Where each start stands next: a text with many of one kind is not searched for the others again and again.
        let mut next: Vec<Option<usize>> = starts.iter().map(|(_, start)| self.text.find(start)).collect();
        while self.at < self.text.len() {
            for (place, (_, start)) in next.iter_mut().zip(&starts) {
                if place.is_some_and(|place| place < self.at) {
                    *place = self.rest().find(start).map(|offset| self.at + offset);
                }
            }
            let found = starts
                .iter()
                .zip(&next)
                .filter_map(|((tag, start), place)| Some((place.as_ref()? - self.at, *tag, *start)))
                .min_by_key(|(offset, ..)| *offset);
            let Some((offset, tag, start)) = found else {
                let (from, to) = (self.at, self.text.len());
                self.data(&self.text[from..to], from, to);
                break;
            };
            let from = self.at;
            let tag_at = from + offset;
            let mut data = &self.text[from..tag_at];
            self.at = tag_at + start.len();
            let sign = self.rest().chars().next().filter(|c| matches!(c, '-' | '+'));
            self.at += usize::from(sign.is_some());
            if sign == Some('-') {
                data = data.trim_end();
            } else if sign.is_none() && syntax.lstrip_blocks && tag != Tag::Variable {
                let line = data.rfind('\n').map_or(0, |at| at + 1);
                let starts_line = line > 0 || from == 0 || self.text[..from].ends_with('\n');
                if starts_line && data[line..].trim().is_empty() {
                    data = &data[..line];
                }
            }
            self.data(data, from, tag_at);
            match tag {
                Tag::Comment => {
                    let Some(end) = self.rest().find(&*syntax.comment.1) else {
                        return Err(TemplateError::syntax("Missing end of comment tag")
                            .at_offset(tag_at, self.at)
                            .hint(format!("close it with `{}`", syntax.comment.1)));
                    };
                    let inside = &self.rest()[..end];
                    self.at += end + syntax.comment.1.len();
                    self.after_block(inside.chars().next_back().filter(|c| matches!(c, '-' | '+')), syntax.trim_blocks);
                }
                Tag::Block => {
                    if self.raw(syntax, tag_at)? {
                        continue;
                    }
                    self.push(Kind::BlockBegin, tag_at, self.at);
                    let sign = self.inside(&[&syntax.block.1], true)?;
                    self.push(Kind::BlockEnd, self.at, self.at);
                    self.after_block(sign, syntax.trim_blocks);
                }
                Tag::Variable => {
                    self.push(Kind::VariableBegin, tag_at, self.at);
                    let sign = self.inside(&[&syntax.variable.1], true)?;
                    self.push(Kind::VariableEnd, self.at, self.at);
                    if sign == Some('-') {
                        self.skip_blanks();
                    }
                }
            }
        }
        Ok(())
    }

    fn data(&mut self, data: &str, start: usize, end: usize) {
        if data.is_empty() {
            return;
        }
        let mut text = data.to_owned();
        if text.contains('\r') {
            text = text.replace("\r\n", "\n").replace('\r', "\n");
        }
        if self.newline != "\n" {
            text = text.replace('\n', self.newline);
        }
        self.push(Kind::Data(text), start, end);
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn after_block(&mut self, sign: Option<char>, trim_blocks: bool) {
        match sign {
            Some('-') => self.skip_blanks(),
            None if trim_blocks => {
                let newline = if self.rest().starts_with("\r\n") {
                    2
                } else {
                    usize::from(self.rest().starts_with(['\n', '\r']))
                };
                self.at += newline;
            }
            _ => {}
        }
    }

    /// Handles `{% raw %}`; the opening delimiter and sign have been read.
    fn raw(&mut self, syntax: &Syntax, tag_at: usize) -> Result<bool, TemplateError> {
        let end_tag = |rest: &str| -> Option<(usize, Option<char>)> {
            let trimmed = rest.trim_start();
            let (trimmed, sign) = match trimmed.strip_prefix(['-', '+']) {
                Some(after) => (after, trimmed.chars().next()),
                None => (trimmed, None),
            };
            let after = trimmed.strip_prefix(&*syntax.block.1)?;
            Some((rest.len() - after.len(), sign))
        };
        let Some(after) = self.rest().trim_start().strip_prefix("raw") else { return Ok(false) };
        let Some((length, sign)) = end_tag(after) else { return Ok(false) };
        self.at = self.text.len() - after.len() + length;
        if sign == Some('-') {
            self.skip_blanks();
        }
        let from = self.at;
        let mut search = from;
        while let Some(offset) = self.text[search..].find(&*syntax.block.0) {
            let open = search + offset;
            let mut rest = &self.text[open + syntax.block.0.len()..];
            let begin_sign = rest.chars().next().filter(|c| matches!(c, '-' | '+'));
            rest = &rest[usize::from(begin_sign.is_some())..];
            if let Some(after) = rest.trim_start().strip_prefix("endraw")
                && let Some((length, sign)) = end_tag(after)
            {
                let mut data = &self.text[from..open];
                if begin_sign == Some('-') {
                    data = data.trim_end();
                } else if begin_sign.is_none() && syntax.lstrip_blocks {
                    let line = data.rfind('\n').map_or(0, |at| at + 1);
                    if line > 0 && data[line..].trim().is_empty() {
                        data = &data[..line];
                    }
                }
                self.data(data, from, open);
                self.at = self.text.len() - after.len() + length;
                self.after_block(sign, syntax.trim_blocks);
                return Ok(true);
            }
            search = open + syntax.block.0.len();
        }
        let error = TemplateError::syntax("Missing end of raw directive").at_offset(tag_at, from);
        Err(error.hint("close it with `{% endraw %}`"))
    }

    /// Reads tokens until one of the end delimiters, outside of brackets; its sign is returned.
    fn inside(&mut self, ends: &[&str], in_tag: bool) -> Result<Option<char>, TemplateError> {
        let opened = self.at;
        let is_variable = matches!(self.tokens.last(), Some(Token { kind: Kind::VariableBegin, .. })) || !in_tag;
        let literal = is_variable && self.mode == Mode::Yaml;
        let mut brackets: Vec<(&'static str, usize)> = Vec::new();
        loop {
            self.skip_blanks();
            let rest = self.rest();
            if brackets.is_empty() {
                for end in ends {
                    if rest.starts_with(end) {
                        self.at += end.len();
                        return Ok(None);
                    }
                    if let Some(after) = rest.strip_prefix(['-', '+'])
                        && after.starts_with(end)
                        // `+}}` is no end of a variable tag.
                        && !(rest.starts_with('+') && is_variable)
                    {
                        self.at += 1 + end.len();
                        return Ok(rest.chars().next());
                    }
                }
            }
            let Some(c) = rest.chars().next() else {
                if !in_tag {
                    return Ok(None);
                }
                let (what, at) = match brackets.last() {
                    Some((open, at)) => (format!("`{open}` is never closed"), *at),
                    None => ("this tag is never closed".to_owned(), opened.saturating_sub(2)),
                };
                let wanted = match brackets.last() {
                    Some(("(", _)) => ")",
                    Some(("[", _)) => ",",
                    Some(_) => "}",
                    None if is_variable => "end of print statement",
                    None => "end of statement block",
                };
                let message = format!("unexpected end of template, expected '{wanted}'.");
                let error = TemplateError::syntax(message).at_offset(at, at + 1).labelled(what);
                return Err(error.hint(format!("close it with `{}`", ends.first().copied().unwrap_or_default())));
            };
            let start = self.at;
            if c.is_ascii_digit() {
                self.number(start);
            } else if c == '_' || c.is_alphanumeric() {
                let length = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
                self.at += length;
                self.push(Kind::Name(&rest[..length]), start, start + length);
            } else if c == '"' || c == '\'' {
                self.string(c, start, literal)?;
            } else {
                let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)) else {
                    let error = TemplateError::syntax(format!("unexpected char '{c}' at {start}"));
                    let hint = if c == '!' { "negate with `not`" } else { "quote text that is not an expression" };
                    return Err(error.at_offset(start, start + c.len_utf8()).hint(hint));
                };
                self.at += operator.len();
                match *operator {
                    "(" | "[" | "{" => brackets.push((operator, start)),
                    ")" | "]" | "}" => {
                        let open = brackets.pop().map(|(open, _)| open);
                        let matching = match *operator {
                            ")" => "(",
                            "]" => "[",
                            _ => "{",
                        };
                        if open != Some(matching) {
                            let message = match open {
                                Some("(") => format!("unexpected '{operator}', expected ')'"),
                                Some("[") => format!("unexpected '{operator}', expected ']'"),
                                Some(_) => format!("unexpected '{operator}', expected '}}'"),
                                None => format!("unexpected '{operator}'"),
                            };
                            let hint = format!("there is no `{matching}` for this `{operator}`");
                            return Err(TemplateError::syntax(message).at_offset(start, self.at).hint(hint));
                        }
                    }
                    _ => {}
                }
                self.push(Kind::Op(operator), start, self.at);
            }
        }
    }

    fn string(&mut self, quote: char, start: usize, literal: bool) -> Result<(), TemplateError> {
        let rest = &self.text[start + 1..];
        let mut escaped = false;
        let close = rest.char_indices().find(|(_, c)| {
            if escaped {
                escaped = false;
                return false;
            }
            escaped = *c == '\\';
            *c == quote
        });
        let Some((length, _)) = close else {
            let error = TemplateError::syntax(format!(
                "unexpected char {} at {start}",
                if quote == '"' { "'\"'" } else { "\"'\"" }
            ))
            .labelled("this string is never closed")
            .at_offset(start, start + 1);
            return Err(error.hint(format!("close it with `{quote}`")));
        };
        let inside = rest[..length].replace("\r\n", "\n");
        let text = if literal || !inside.contains('\\') { inside } else { escape::decode(&inside, start + 1)? };
        self.at = start + length + 2;
        self.push(Kind::Str(text), start, self.at);
        Ok(())
    }

    fn number(&mut self, start: usize) {
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize, ok: fn(&u8) -> bool| {
            let from = at;
            while at < bytes.len()
                && (ok(&bytes[at]) || (bytes[at] == b'_' && at > from && bytes.get(at + 1).is_some_and(ok)))
            {
                at += 1;
            }
            at
        };
        let radix = match (bytes[start], bytes.get(start + 1)) {
            (b'0', Some(b'x' | b'X')) => Some((16, u8::is_ascii_hexdigit as fn(&u8) -> bool)),
            (b'0', Some(b'o' | b'O')) => Some((8, (|b: &u8| (b'0'..=b'7').contains(b)) as fn(&u8) -> bool)),
            (b'0', Some(b'b' | b'B')) => Some((2, (|b: &u8| matches!(b, b'0' | b'1')) as fn(&u8) -> bool)),
            _ => None,
        };
        if let Some((radix, ok)) = radix {
            let end = digits(start + 2, ok);
            if end > start + 2 {
                let number = BigInt::parse_bytes(self.text[start + 2..end].replace('_', "").as_bytes(), radix);
                self.at = end;
                self.push(Kind::Int(number.unwrap_or_default()), start, end);
                return;
            }
        }
        let is_digit: fn(&u8) -> bool = u8::is_ascii_digit;
        let mut end = digits(start, is_digit);
        let mut float = false;
        let after_dot = start > 0 && bytes[start - 1] == b'.';
        if !after_dot {
            if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
                end = digits(end + 1, is_digit);
                float = true;
            }
            if matches!(bytes.get(end), Some(b'e' | b'E')) {
                let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
                if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
                    end = digits(end + 1 + sign, is_digit);
                    float = true;
                }
            }
        }
        if !float && bytes[start] == b'0' {
            // Jinja2 knows no leading zeros: `007` is `00` and then `7`.
            end = digits(start, |b| *b == b'0');
        }
        let text = self.text[start..end].replace('_', "");
        self.at = end;
        if float {
            self.push(Kind::Float(text.parse().unwrap_or(f64::INFINITY)), start, end);
        } else {
            self.push(Kind::Int(text.parse().unwrap_or_default()), start, end);
        }
    }
}
