//! The `#jinja2:` line that overrides a template's delimiters and whitespace rules.

use rplay_value::Profile;

use crate::syntax::Syntax;
use crate::{FileOptions, TemplateError};

/// What a text with overrides begins with.
pub(crate) const PREFIX: &str = "#jinja2:";

/// Every key the header may hold.
const KEYS: [&str; 12] = [
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "trim_blocks",
    "lstrip_blocks",
    "newline_sequence",
    "keep_trailing_newline",
    "line_statement_prefix",
    "line_comment_prefix",
];

/// The text without its header, and the syntax to read it with.
pub(crate) fn read<'t>(
    text: &'t str,
    options: &FileOptions,
    profile: &Profile,
) -> Result<(&'t str, Syntax), TemplateError> {
    let mut syntax = Syntax {
        block: options.block.clone(),
        variable: options.variable.clone(),
        comment: options.comment.clone(),
        trim_blocks: options.trim_blocks,
        lstrip_blocks: options.lstrip_blocks,
        keep_trailing_newline: false,
        newline: options.newline_sequence.clone(),
    };
    let Some(rest) = text.strip_prefix(PREFIX) else { return Ok((text, syntax)) };
    let Some((line, body)) = rest.split_once('\n') else {
        let error = TemplateError::syntax("Missing newline after '#jinja2:' override.").at_offset(0, text.len());
        return Err(error.hint("put a line break after the overrides"));
    };
    let mut at = PREFIX.len();
    for pair in line.split(',') {
        let span = (at, at + pair.len());
        at += pair.len() + 1;
        if pair.trim().is_empty() {
            continue;
        }
        let Some((key, value)) = pair.split_once(':') else {
            let message = format!("Missing key-value separator `:` in '{PREFIX}' override pair '{}'.", pair.trim());
            return Err(TemplateError::syntax(message)
                .at_offset(span.0, span.1)
                .hint("overrides look like `trim_blocks: false, lstrip_blocks: true`"));
        };
        set(&mut syntax, key.trim(), value.trim(), profile).map_err(|error| error.at_offset(span.0, span.1))?;
    }
    Ok((body, syntax))
}

fn set(syntax: &mut Syntax, key: &str, value: &str, profile: &Profile) -> Result<(), TemplateError> {
    let unquoted = value.trim_matches(['\'', '"']);
    // A quoted boolean is an error in ansible-core 2.19. Before, the header's values were Python's, and a text that is
    // not empty is true whatever it says.
    let flag =
        || match unquoted.to_ascii_lowercase().as_str() {
            _ if unquoted != value && profile.quoted_header_flags => Ok(!unquoted.is_empty()),
            "true" | "yes" | "1" if unquoted == value => Ok(true),
            "false" | "no" | "0" if unquoted == value => Ok(false),
            _ => Err(TemplateError::syntax(format!("'{key}' must be a boolean, not {value}"))
                .hint("write `True` or `False`")),
        };
    let text = || match crate::header::unescape(unquoted) {
        text if text.is_empty() => {
            Err(TemplateError::syntax(format!("'{key}' must not be empty")).hint("give the delimiter in quotes"))
        }
        text => Ok(text),
    };
    match key {
        "block_start_string" => syntax.block.0 = text()?,
        "block_end_string" => syntax.block.1 = text()?,
        "variable_start_string" => syntax.variable.0 = text()?,
        "variable_end_string" => syntax.variable.1 = text()?,
        "comment_start_string" => syntax.comment.0 = text()?,
        "comment_end_string" => syntax.comment.1 = text()?,
        "trim_blocks" => syntax.trim_blocks = flag()?,
        "lstrip_blocks" => syntax.lstrip_blocks = flag()?,
        "keep_trailing_newline" => syntax.keep_trailing_newline = flag()?,
        "newline_sequence" => syntax.newline = text()?,
        "line_statement_prefix" | "line_comment_prefix" if unquoted.eq_ignore_ascii_case("none") => {}
        "line_statement_prefix" | "line_comment_prefix" => {
            let error = TemplateError::syntax(format!("'{key}' is not supported"));
            return Err(error.hint("write statements as `{% .. %}` and comments as `{# .. #}`"));
        }
        _ if profile.unknown_header_keys => {}
        other => {
            let error = TemplateError::syntax(format!("Invalid '{PREFIX}' override key '{other}'."));
            return Err(match rplay_diag::nearest(other, KEYS) {
                Some(near) => error.hint(format!("there is an override `{near}`")),
                None => error.hint(format!("the overrides are {}", rplay_diag::quoted_list(KEYS))),
            });
        }
    }
    Ok(())
}

/// `\n` and `\r` as written in a newline sequence.
fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
}
