//! Errors, warnings and deprecations as ansible-core 2.19 words them.

use rplay_event::{Notice, Place, Report};

/// The widest source line shown.
const WIDTH: usize = 120;

/// What follows `[ERROR]: `. Ends with a newline, or two when it has several lines.
pub fn report_text(report: &Report) -> String {
    let mut segments: Vec<String> = Vec::new();
    let mut rest = report.chain.as_slice();
    while let Some((first, after)) = rest.split_first() {
        // Causes that say nothing about place or help, or the same, fold into one line.
        let mut folded = vec![first.clone()];
        let mut next = after;
        while let Some((cause, later)) = next.split_first() {
            let details = cause.place.is_some() || cause.help.is_some();
            if details && (cause.place != first.place || cause.help != first.help) {
                break;
            }
            folded.push(cause.clone());
            next = later;
        }
        let message = Report { chain: folded }.message();
        segments.push(lines(&message, first.help.as_deref(), first.place.as_ref()).join("\n") + "\n");
        rest = next;
        if !rest.is_empty() {
            segments.push("\n<<< caused by >>>\n\n".to_owned());
        }
    }
    if segments.len() > 1 {
        segments.insert(0, report.message() + "\n\n");
    }
    finish(&segments.concat())
}

/// What follows `[WARNING]: ` or `[DEPRECATION WARNING]: `.
pub fn notice_text(notice: &Notice) -> String {
    finish(&lines(&notice.message, notice.help.as_deref(), notice.place.as_ref()).join("\n"))
}

fn finish(text: &str) -> String {
    let text = text.trim();
    if text.contains('\n') { format!("{text}\n\n") } else { format!("{text}\n") }
}

fn lines(message: &str, help: Option<&str>, place: Option<&Place>) -> Vec<String> {
    let mut out = match (help, place) {
        // One line where nothing asks for more.
        (Some(help), None) if !message.contains('\n') && !help.contains('\n') => {
            return vec![format!("{message} {help}")];
        }
        _ => vec![message.to_owned()],
    };
    if let Some(place) = place {
        out.push(source(place));
    }
    if let Some(help) = help {
        out.push(String::new());
        out.push(help.to_owned());
    }
    out
}

/// `Origin: file:line:column` and the lines up to the place, with a marker under the column.
fn source(place: &Place) -> String {
    let mut out = vec![format!("Origin: {place}")];
    if place.lines.is_empty() {
        return out.remove(0);
    }
    out.push(String::new());
    if place.line == 0 {
        out.extend(place.lines.iter().cloned());
        return out.join("\n");
    }
    let label = place.line.to_string().len();
    let room = WIDTH - label - 1;
    let mut usable = room;
    let first = place.line + 1 - place.lines.len().min(place.line);
    for (number, line) in (first..).zip(&place.lines) {
        let mut line = line.replace('\t', " ");
        if line.chars().count() > room {
            line = line.chars().take(room - 3).collect::<String>() + "...";
            usable = room - 3;
        }
        out.push(format!("{number:>label$}{}{line}", if line.is_empty() { "" } else { " " }));
    }
    if (1..=usable).contains(&place.column) {
        let column = place.column - 1;
        let marker = format!("column {}", place.column);
        let marked = if column + 2 + marker.len() > room {
            format!("{}{marker} ^", " ".repeat(column.saturating_sub(marker.len() + 1)))
        } else {
            format!("{}^ {marker}", " ".repeat(column))
        };
        out.push(format!("{} {marked}", " ".repeat(label)));
    }
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn place(line: usize, column: usize, lines: &[&str]) -> Place {
        Place { file: Arc::from("/p/site.yml"), line, column, lines: lines.iter().map(|l| (*l).to_owned()).collect() }
    }

    #[test]
    fn a_chain_shows_each_place_under_the_joined_message() {
        let report =
            Report::new("Task failed.", Some(place(3, 7, &["- hosts: all", "  tasks:", "    - debug: msg={{ x }}"])))
                .caused_by(
                    "'x' is undefined",
                    Some(place(3, 18, &["- hosts: all", "  tasks:", "    - debug: msg={{ x }}"])),
                    None,
                );
        assert_eq!(
            report_text(&report),
            "Task failed: 'x' is undefined\n\nTask failed.\nOrigin: /p/site.yml:3:7\n\n1 - hosts: all\n2   tasks:\n3     - debug: msg={{ x }}\n        ^ column 7\n\n<<< caused by >>>\n\n'x' is undefined\nOrigin: /p/site.yml:3:18\n\n1 - hosts: all\n2   tasks:\n3     - debug: msg={{ x }}\n                   ^ column 18\n\n"
        );
    }

    #[test]
    fn a_short_notice_is_one_line() {
        let notice = Notice { message: "m.".to_owned(), help: Some("h.".to_owned()), ..Notice::default() };
        assert_eq!(notice_text(&notice), "m. h.\n");
    }
}
