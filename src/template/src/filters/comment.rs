//! Text as a comment: styles `plain`, `erlang`, `c`, `cblock`, `xml`, each part can be set.

use crate::filters::lines::text_input;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text as a comment: styles `plain`, `erlang`, `c`, `cblock`, `xml`, each part can be set.
pub static FILTER: Filter = Filter {
    name: "comment",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["style", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let style = call.text_or("style", "plain")?;
    let (beginning, decoration, end) = match &*style {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        _ => {
            let error = call.error(format!("Invalid style '{style}'."));
            return Err(error.hint("Available styles: plain, erlang, c, cblock, xml"));
        }
    };
    let given = |name: &str| call.keywords().iter().find(|(key, _)| **key == *name).map(|(_, value)| value);
    let text = |name: &str, default: &str| given(name).map_or_else(|| default.to_owned(), py::str);
    let count = |name: &str| given(name).map_or(1, |value| py::as_index(value).unwrap_or(1));
    let decoration = text("decoration", decoration);
    let newline = text("newline", "\n");
    let beginning = text("beginning", beginning);
    let prefix = text("prefix", decoration.trim_end());
    let postfix = text("postfix", decoration.trim_end());
    let end = text("end", end);
    let mut out = String::new();
    if !beginning.is_empty() {
        out.push_str(&format!("{beginning}{newline}"));
    }
    if !prefix.is_empty() {
        let line = if prefix == newline { newline.clone() } else { format!("{prefix}{newline}") };
        out.push_str(&line.repeat(usize::try_from(count("prefix_count")).unwrap_or(0)));
    }
    let body =
        format!("{decoration}{}", text_input(call, "replace")?.replace(&newline, &format!("{newline}{decoration}")));
    // A line that holds nothing but the decoration loses its trailing blanks.
    out.push_str(&body.replace(&format!("{decoration}{newline}"), &format!("{}{newline}", decoration.trim_end())));
    for _ in 0..count("postfix_count").max(0) {
        out.push_str(&format!("{newline}{postfix}"));
    }
    if !end.is_empty() {
        out.push_str(&format!("{newline}{end}"));
    }
    Ok(py::text(out))
}
