//! Renders a template file of the controller and puts the result in place on the host.
//!
//! Options:
//! - `src` (required): the template, in `templates/` of the role or beside the playbook. `dest` (required): where to.
//! - `block_start_string`, `block_end_string`, `variable_start_string`, `variable_end_string`, `comment_start_string`,
//!   `comment_end_string`: what stands around blocks, expressions and comments.
//! - `trim_blocks` (default true): without the newline behind a block. `lstrip_blocks`: without the blanks before one.
//! - `newline_sequence` (default `\n`): how lines end.
//! - `output_encoding` (default `utf-8`): how the file is encoded.
//! - `backup`, `force` (default true), `follow`, `validate`: as of `copy`.
//! - `owner`, `group`, `mode`, `attributes`, `seuser`, `serole`, `setype`, `selevel`, `unsafe_writes`: as of every file
//!   module.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.template:
//!     src: thing.conf.j2
//!     dest: /etc/thing.conf
//! ```

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use async_trait::async_trait;
use rplay_template::{FileOptions, Scope};
use rplay_value::Value;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.template`
pub(crate) static ACTION: Template = Template;

/// Renders and copies.
pub(crate) struct Template;

/// What only the controller's part takes.
const OWN: &[&str] = &[
    "src",
    "newline_sequence",
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "trim_blocks",
    "lstrip_blocks",
    "output_encoding",
    "follow",
];

#[async_trait(?Send)]
impl Action for Template {
    fn traits(&self) -> Traits {
        Traits::new("template")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        if cx.args.get("state").is_some_and(|state| !state.is_null()) {
            return Err(Trouble::action("'state' cannot be specified on a template"));
        }
        let given = |name: &str| cx.text(name).filter(|text| !text.is_empty());
        let (Some(src), Some(dest)) = (given("src"), given("dest")) else {
            return Err(Trouble::action("src and dest are required"));
        };
        let encoding = given("output_encoding").unwrap_or_else(|| "utf-8".to_owned());
        cx.reads_here()?;
        let path = cx.find_file("templates", &src)?;
        let watch = cx.turn.and_then(crate::action::Turn::watch);
        let text = render_file(cx, &path, &dest)?;
        drop(watch);
        let mut args = cx.args.clone();
        for own in OWN {
            args.remove(own);
        }
        args.insert("follow", cx.flag("follow", false)?);
        args.insert("_original_basename", path.file_name().map(|name| name.to_string_lossy().into_owned()));
        if args.get("mode").and_then(Value::as_str) == Some("preserve")
            && let Ok(meta) = fs_err::metadata(&path)
        {
            args.insert("mode", format!("0{:o}", meta.mode() & 0o7777));
        }
        let bytes = rplay_template::encode(&text, &encoding)?;
        super::copy::put(cx, args, bytes).await
    }
}

/// The text a template file renders to with the task's options.
fn render_file(cx: &ActionCx<'_>, path: &Path, dest: &str) -> Result<String, Trouble> {
    let source = cx.run().template_source(path)?;
    let options = options(cx)?;
    let scope = template_scope(cx, path, dest);
    cx.run().engine().render_template(&source, &options, &scope).map_err(Trouble::from)
}

fn options(cx: &ActionCx<'_>) -> Result<FileOptions, Trouble> {
    let default = FileOptions::default();
    let text = |name: &str, default: &str| cx.text(name).unwrap_or_else(|| default.to_owned());
    let newline = match text("newline_sequence", "\n").as_str() {
        "\\n" | "\n" => "\n",
        "\\r" | "\r" => "\r",
        "\\r\\n" | "\r\n" => "\r\n",
        _ => return Err(Trouble::action("newline_sequence needs to be one of: \n, \r or \r\n")),
    };
    Ok(FileOptions {
        trim_blocks: cx.flag("trim_blocks", true)?,
        lstrip_blocks: cx.flag("lstrip_blocks", false)?,
        newline_sequence: newline.to_owned(),
        block: (text("block_start_string", &default.block.0), text("block_end_string", &default.block.1)),
        variable: (
            text("variable_start_string", &default.variable.0),
            text("variable_end_string", &default.variable.1),
        ),
        comment: (text("comment_start_string", &default.comment.0), text("comment_end_string", &default.comment.1)),
    })
}

/// The variables that only templates see.
pub(super) fn template_scope(cx: &ActionCx<'_>, path: &Path, dest: &str) -> Scope {
    let name = cx.text("src").unwrap_or_default();
    let mut scope = cx.scope.clone();
    for (name, value) in cx.run().engine().file_variables(&name, path, Some(dest)).texts() {
        if name.as_str() != "ansible_managed" || !cx.scope.has("ansible_managed") {
            scope = scope.with(name.as_str(), value.clone());
        }
    }
    scope
}
