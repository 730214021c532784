//! The marks of documentation in Python (`O(option)`, `C(code)`, `M(module)`, ...) for a terminal, and texts in paragraphs
//! of a width. What is written is `ansible-doc`'s.

/// Whether headings and marks have colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// For a terminal that shows them.
    pub(super) color: bool,
}

impl Style {
    /// A heading, or another word that stands out.
    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// A name.
    pub(super) fn name(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// A name that must be given.
    pub(super) fn required(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A text with its marks written out.
    pub(super) fn marks(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut before = None;
        while let Some(first) = rest.chars().next() {
            let starts_word = before.is_none_or(|c: char| !c.is_alphanumeric() && c != '_');
            if starts_word && let Some((written, len)) = self.mark(rest) {
                out.push_str(&written);
                before = rest[..len].chars().next_back();
                rest = &rest[len..];
                continue;
            }
            out.push(first);
            before = Some(first);
            rest = &rest[first.len_utf8()..];
        }
        without_rst(&out, self)
    }

    /// The mark that a text begins with, written out, and its length.
    fn mark(self, text: &str) -> Option<(String, usize)> {
        if let Some(rest) = text.strip_prefix("HORIZONTALLINE")
            && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            return Some((format!("\n{}\n", "-".repeat(13)), "HORIZONTALLINE".len()));
        }
        let open = text.find('(').filter(|at| (1..=2).contains(at))?;
        let (name, inner) = (&text[..open], &text[open + 1..]);
        if matches!(name, "O" | "V" | "E" | "RV") {
            let (value, len) = escaped(inner)?;
            let written = if matches!(name, "O" | "RV") { option(&value) } else { format!("`{value}'") };
            return Some((written, open + 1 + len));
        }
        let end = inner.find(')').filter(|end| *end > 0)?;
        let inner = &inner[..end];
        let written = match name {
            "I" if self.color => self.paint("4", inner),
            "I" => format!("`{inner}`"),
            "B" if self.color => self.bold(inner),
            "B" => format!("*{inner}*"),
            "C" => format!("`{inner}'"),
            "U" => inner.to_owned(),
            "M" if self.color => self.name(inner),
            "M" => format!("[{inner}]"),
            "L" => {
                let (word, link) = inner.split_once(',')?;
                format!("{word} <{}>", link.trim_start())
            }
            "R" => inner.split_once(',')?.0.to_owned(),
            "P" => {
                let (plugin, kind) = inner.split_once('#')?;
                if plugin.is_empty() || kind.is_empty() || !kind.chars().all(|c| c.is_ascii_lowercase()) {
                    return None;
                }
                if self.color { self.name(&format!("[{plugin}]")) } else { format!("[[{plugin}]]") }
            }
            _ => return None,
        };
        Some((written, open + 1 + end + 1))
    }
}

/// What stands in brackets, where a backslash keeps a bracket from ending it; with the length, the last bracket included.
fn escaped(text: &str) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ')' => return (!out.is_empty()).then_some((out, at + 1)),
            '\\' => out.push(chars.next()?.1),
            c => out.push(c),
        }
    }
    None
}

/// `ns.coll.name#kind:entry:option=value`, as people read it.
fn option(text: &str) -> String {
    let (text, value) = text.split_once('=').map_or((text, None), |(text, value)| (text, Some(value)));
    let plugin = text.split_once('#').and_then(|(name, rest)| {
        let (kind, rest) = rest.split_once(':')?;
        let full = name.split('.').count() >= 3 && name.split('.').all(|part| !part.is_empty());
        (full && !kind.is_empty() && kind.chars().all(|c| c.is_ascii_lowercase())).then_some((name, kind, rest))
    });
    let (of, text) = match plugin {
        Some((name, kind, rest)) => (Some((name, kind)), rest),
        None => (None, text.strip_prefix("ignore:").unwrap_or(text)),
    };
    let (entry, text) = text.split_once(':').map_or((None, text), |(entry, text)| (Some(entry), text));
    let text = value.map_or_else(|| text.to_owned(), |value| format!("{text}={value}"));
    let Some((name, kind)) = of else { return format!("`{text}'") };
    let suffix = if matches!(kind, "role" | "module" | "playbook") { "" } else { " plugin" };
    let entry = entry.filter(|_| kind == "role").map_or(String::new(), |entry| format!(", {entry} entrypoint"));
    format!("`{text}' (of {kind}{suffix} {name}{entry})")
}

/// Marks of reStructuredText that some texts have.
fn without_rst(text: &str, style: Style) -> String {
    if !text.contains(".. ") && !text.contains(":`") {
        return text.to_owned();
    }
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(".. ") {
            let end = after.find(|c| !word(c)).unwrap_or(after.len());
            if end > 0 && after[end..].starts_with("::") {
                match &after[..end] {
                    "seealso" => out.push_str("See also:"),
                    "note" if style.color => out.push_str(&style.bold("Note:")),
                    "note" => out.push_str("Note:"),
                    _ => {}
                }
                rest = &after[end + 2..];
                continue;
            }
        }
        if let Some(after) = rest.strip_prefix(':') {
            let end = after.find(|c| !word(c)).unwrap_or(after.len());
            if end > 0 && after[end..].starts_with(":`") {
                out.push('`');
                rest = &after[end + 2..];
                continue;
            }
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// How a paragraph is filled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fill<'a> {
    /// Columns.
    pub(super) width: usize,
    /// Before the first line.
    pub(super) first: &'a str,
    /// Before every other line.
    pub(super) rest: &'a str,
    /// Columns of the first line that something else has taken.
    pub(super) taken: usize,
}

/// A text in lines of a width; words are never broken. An empty line begins a new paragraph.
pub(super) fn fill(text: &str, how: Fill<'_>) -> String {
    let mut lines = Vec::new();
    for (at, paragraph) in text.split("\n\n").enumerate() {
        let (first, taken) = if at == 0 { (how.first, how.taken) } else { (how.rest, 0) };
        lines.push(paragraph_lines(paragraph, how.width, first, how.rest, taken).join("\n"));
    }
    lines.join("\n")
}

fn paragraph_lines(text: &str, width: usize, first: &str, rest: &str, taken: usize) -> Vec<String> {
    // Words and the blanks between them: as Python's textwrap, more than one blank stays more than one.
    let mut chunks: Vec<String> = Vec::new();
    let mut column = 0;
    for c in text.chars() {
        let blank = matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r');
        let same = chunks.last().is_some_and(|last| last.starts_with(' ') == blank);
        if !same {
            chunks.push(String::new());
        }
        let blanks = if c == '\t' { 8 - column % 8 } else { 1 };
        column = if c == '\n' { 0 } else { column + blanks };
        if let Some(last) = chunks.last_mut() {
            if blank { last.extend(std::iter::repeat_n(' ', blanks)) } else { last.push(c) }
        }
    }
    let mut lines = Vec::new();
    let mut at = 0;
    while at < chunks.len() {
        let (indent, taken) = if lines.is_empty() { (first, taken) } else { (rest, 0) };
        let room = width.saturating_sub(indent.chars().count() + taken);
        if chunks[at].starts_with(' ') && !lines.is_empty() {
            at += 1;
        }
        let (start, mut used) = (at, 0);
        while let Some(chunk) = chunks.get(at) {
            let len = chunk.chars().count();
            if used + len > room && at > start {
                break;
            }
            used += len;
            at += 1;
            if used > room {
                break;
            }
        }
        let line = chunks[start..at].concat();
        let line = line.trim_end_matches(' ');
        if !line.is_empty() {
            lines.push(format!("{indent}{line}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { color: false };

    #[test]
    fn marks_are_written_out() {
        for (text, written) in [
            ("a I(b) B(c) C(d) M(e.f.g) U(http://x)", "a `b` *c* `d' [e.f.g] http://x"),
            ("L(word, https://y) R(ref, anchor) P(a.b.c#lookup)", "word <https://y> ref [[a.b.c]]"),
            ("O(a=b) V(x\\)y) E(HOME) RV(r.s)", "`a=b' `x)y' `HOME' `r.s'"),
            (
                "O(a.b.c#module:opt=1) O(a.b.c#role:main:o) O(ignore:x)",
                "`opt=1' (of module a.b.c) `o' (of role a.b.c, main entrypoint) `x'",
            ),
            ("O(a.b.c#lookup:opt)", "`opt' (of lookup plugin a.b.c)"),
            ("HORIZONTALLINE", "\n-------------\n"),
            ("SELF(x) foo_I(x) I() C(", "SELF(x) foo_I(x) I() C("),
            (".. note:: see :ref:`x` .. code::", "Note: see `x` "),
        ] {
            assert_eq!(PLAIN.marks(text), written);
        }
        assert_eq!(Style { color: true }.marks("B(x)"), "\u{1b}[1mx\u{1b}[0m");
    }

    #[test]
    fn paragraphs_are_filled() {
        let how = Fill { width: 12, first: "* ", rest: "  ", taken: 0 };
        assert_eq!(
            fill("one two three four  five averyverylongword x", how),
            "* one two\n  three four\n  five\n  averyverylongword\n  x"
        );
        assert_eq!(fill("one\n\ntwo\tthree", how), "* one\n  two\n  three");
        let how = Fill { width: 12, first: " ", rest: "    ", taken: 4 };
        assert_eq!(fill("one two three", how), " one two\n    three");
        assert_eq!(fill("", how), "");
    }
}
