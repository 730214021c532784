//! A line of a running program's output, as people see it.

use std::fmt::Write as _;

use rplay_event::EventKind;

use crate::terminal::Color;

/// A line to show.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) color: Color,
}

/// `host | text` for standard output, `host ! text` for standard error; with `(item=x)` in a loop.
pub(crate) fn line(event: &EventKind) -> Option<Line> {
    let EventKind::OutputLine { host, item, stderr, text, cut, lost, .. } = event else { return None };
    let mut who = host.to_string();
    if let Some(item) = item {
        let _ = write!(who, " (item={})", printable(item));
    }
    let mut out = String::new();
    if *lost > 0 {
        let _ = writeln!(out, "{who} | [... {lost} {} left out ...]", if *lost == 1 { "line" } else { "lines" });
    }
    let _ = write!(out, "{who} {} {}", if *stderr { '!' } else { '|' }, printable(text));
    if *cut > 0 {
        let _ = write!(out, " [... {cut} {} cut ...]", if *cut == 1 { "byte" } else { "bytes" });
    }
    Some(Line { text: out, color: if *stderr { Color::Warn } else { Color::Verbose } })
}

/// A host's text must not command the terminal: colours, cursor movements and other control sequences are left out.
pub(crate) fn printable(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\t' => out.push(c),
            '\u{1b}' => match rest.next() {
                // A control sequence ends at its first letter or one of @[\]^_`{|}~.
                Some('[') => _ = rest.find(|c| ('@'..='~').contains(c)),
                // A string, such as a window's title, ends at BEL or at ESC \.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(c) = rest.next() {
                        if c == '\u{7}' || c == '\u{1b}' && rest.next_if_eq(&'\\').is_some() {
                            break;
                        }
                    }
                }
                // Choosing a character set takes one more character.
                Some(' '..='/') => _ = rest.next(),
                _ => {}
            },
            '\u{9b}' => _ = rest.find(|c| ('@'..='~').contains(c)),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rplay_event::TaskId;

    use super::*;

    fn shown(item: Option<&str>, stderr: bool, text: &str, cut: u64, lost: u64) -> String {
        let event = EventKind::OutputLine {
            task: TaskId(1),
            host: Arc::from("web"),
            item: item.map(Arc::from),
            stderr,
            text: text.to_owned(),
            partial: false,
            cut,
            lost,
        };
        line(&event).unwrap().text
    }

    #[test]
    fn a_line_tells_host_item_stream_and_what_is_missing() {
        assert_eq!(shown(None, false, "a b", 0, 0), "web | a b");
        assert_eq!(shown(Some("x"), true, "no", 0, 0), "web (item=x) ! no");
        assert_eq!(shown(None, false, "b", 7, 1), "web | [... 1 line left out ...]\nweb | b [... 7 bytes cut ...]");
    }

    #[test]
    fn no_text_of_a_host_reaches_the_terminal_as_a_command() {
        for (text, want) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("a\u{1b}[2Jb\u{1b}[?25lc", "abc"),
            ("\u{1b}]0;title\u{7}x\u{1b}]8;;http://y\u{1b}\\z", "xz"),
            ("\u{9b}31mred\u{8}\u{8}\tx", "red\tx"),
            ("\u{1b}(Bx\u{1b}c", "x"),
            ("\u{1b}", ""),
            ("\u{1b}]never ends", ""),
            ("é日", "é日"),
        ] {
            assert_eq!(printable(text), want, "{text:?}");
        }
    }
}
