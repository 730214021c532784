//! Renders a template file of the controller and puts the result in place on the host.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use async_trait::async_trait;
use rplay_template::{FileOptions, Scope};
use rplay_value::{Map, Value};

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
        let given = |name: &str| cx.text(name).filter(|text| !text.is_empty());
        let (Some(src), Some(dest)) = (given("src"), given("dest")) else {
            return Err(Trouble::action("src and dest are required"));
        };
        if given("output_encoding")
            .is_some_and(|encoding| !matches!(encoding.to_lowercase().as_str(), "utf-8" | "utf8"))
        {
            return Err(Trouble::action("output_encoding: only utf-8 is available"));
        }
        let path = cx.find_file("templates", &src)?;
        let text = render_file(cx, &path, &dest)?;
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
        super::copy::put(cx, args, text.into_bytes()).await
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
fn template_scope(cx: &ActionCx<'_>, path: &Path, dest: &str) -> Scope {
    let mut vars = Map::new();
    vars.insert("template_path", cx.text("src").unwrap_or_default());
    vars.insert("template_fullpath", path.to_string_lossy().into_owned());
    vars.insert("template_destpath", dest);
    vars.insert("template_host", hostname());
    if let Ok(meta) = fs_err::metadata(path) {
        vars.insert("template_uid", owner(meta.uid()));
        let modified = meta.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
        if let Some(modified) = modified {
            let zoned = modified.to_zoned(jiff::tz::TimeZone::system());
            vars.insert("template_mtime", zoned.strftime("%Y-%m-%d %H:%M:%S.%f").to_string());
        }
    }
    let now = jiff::Zoned::now();
    vars.insert("template_run_date", now.strftime("%Y-%m-%d %H:%M:%S.%f").to_string());
    let mut scope = cx.scope.clone();
    if !scope.has("ansible_managed") {
        vars.insert("ansible_managed", "Ansible managed");
    }
    for (name, value) in vars.texts() {
        scope = scope.with(name.as_str(), value.clone());
    }
    scope
}

fn hostname() -> String {
    fs_err::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).unwrap_or_default()
}

/// The user's name, or the number of one without a name.
fn owner(uid: u32) -> String {
    let passwd = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
    let found = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| uid.to_string())
}
