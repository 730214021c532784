//! Copies files of the controller, or content, to the host.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};
use sha1::{Digest, Sha1};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.copy`
pub(crate) static ACTION: Copy = Copy;

/// Copies files.
pub(crate) struct Copy;

/// Content up to this size goes with the first call; of larger files the host is asked first whether it needs them.
const SMALL: usize = 64 * 1024;

#[async_trait(?Send)]
impl Action for Copy {
    fn traits(&self) -> Traits {
        Traits::new("copy")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let args = std::mem::take(&mut cx.args);
        cx.args.clone_from(&args);
        let given = |name: &str| args.get(name).is_some_and(|value| !value.is_null());
        let (src, content) =
            (cx.text("src").filter(|src| !src.is_empty()), args.get("content").filter(|value| !value.is_null()));
        if src.is_none() && content.is_none() {
            return Err(Trouble::action("src (or content) is required"));
        }
        if src.is_some() && content.is_some() {
            return Err(Trouble::action("src and content are mutually exclusive"));
        }
        if !given("dest") {
            return Err(Trouble::action("dest is required"));
        }
        let dest = cx.need("dest")?;
        if let Some(content) = content {
            if dest.ends_with('/') {
                return Err(Trouble::action("can not use content with a dir as dest"));
            }
            let bytes = match content {
                Value::Text(text) => text.as_bytes().to_vec(),
                Value::Map(_) | Value::List(_) => rplay_value_json(content).into_bytes(),
                other => other.to_str().into_owned().into_bytes(),
            };
            let mut args = args.clone();
            args.remove("content");
            return put(cx, args, bytes).await;
        }
        let Some(src) = src else { return Err(Trouble::action("src (or content) is required")) };
        if cx.flag("remote_src", false)? {
            let call = cx.call("ansible.legacy.copy", args);
            let reply = cx.send_last(call).await?;
            return Ok(cx.reply(reply));
        }
        cx.reads_here()?;
        let path =
            cx.find_file("files", &src).map_err(|trouble| trouble.prefixed("Unexpected AnsibleActionFail error"))?;
        if path.is_dir() {
            return tree(cx, &args, &path, &src).await;
        }
        let mut args = args.clone();
        preserve(&mut args, &path);
        args.insert("_original_basename", file_name(&path));
        let bytes = cx.read_file(&path, cx.flag("decrypt", true)?)?;
        put_from(cx, args, bytes, Some(&path)).await
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `mode: preserve` is the mode the file has here.
fn preserve(args: &mut Map, path: &Path) {
    if args.get("mode").and_then(Value::as_str) == Some("preserve")
        && let Ok(meta) = fs_err::metadata(path)
    {
        args.insert("mode", format!("0{:o}", meta.permissions().mode() & 0o7777));
    }
}

fn rplay_value_json(value: &Value) -> String {
    rplay_value::json::dumps(value, &rplay_value::JsonStyle { ensure_ascii: false, ..Default::default() })
        .unwrap_or_default()
}

/// The checksum that tells whether content is there already.
pub(super) fn checksum(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().fold(String::with_capacity(40), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// Puts content in place on the host.
pub(super) async fn put(cx: &mut ActionCx<'_>, args: Map, bytes: Vec<u8>) -> Result<Done, Trouble> {
    put_from(cx, args, bytes, None).await
}

/// As [`put`]; a difference names the file of this machine that the content is from.
async fn put_from(cx: &mut ActionCx<'_>, mut args: Map, bytes: Vec<u8>, from: Option<&Path>) -> Result<Done, Trouble> {
    for own in ["decrypt", "local_follow", "src"] {
        args.remove(own);
    }
    let force = cx.flag("force", true)?;
    let mut reply = send(cx, args, bytes, true).await?;
    if let Some(from) = from {
        name_source(&mut reply, from);
    }
    let compared = reply.diff.iter().any(|diff| diff.after_header.is_some() || diff.prepared.is_some());
    let (failed, changed) = (reply.failed, reply.changed);
    let mut done = cx.reply(reply);
    if !force && !failed && !changed && !done.result.contains("checksum") {
        // There already, and not looked at any further.
        done.result = ["changed", "dest", "src"]
            .into_iter()
            .filter_map(|key| Some((key, done.result.get(key)?.clone())))
            .collect();
        return Ok(done);
    }
    // Contents are compared by Ansible's action, in a list; attributes by its module, alone.
    match done.result.get("diff").cloned() {
        Some(diff @ Value::Map(_)) if compared => {
            done.result.insert("diff", List::from_iter([diff]));
        }
        None if failed || changed => {
            done.result.insert("diff", List::new());
        }
        _ => {}
    }
    Ok(done)
}

fn name_source(reply: &mut Reply, from: &Path) {
    for header in reply.diff.iter_mut().filter_map(|diff| diff.after_header.as_mut()) {
        *header = from.to_string_lossy().into_owned();
    }
}

/// Sends content unless it is there already; `last`: the action has no more to send.
async fn send(cx: &mut ActionCx<'_>, mut args: Map, bytes: Vec<u8>, last: bool) -> Result<Reply, Trouble> {
    if bytes.len() > SMALL && !args.contains("checksum") && !args.contains("validate") {
        args.insert("checksum", checksum(&bytes));
        let reply = cx.module("ansible.legacy.copy", args.clone()).await?;
        if reply.data.get("needs_content").is_none_or(|needs| !needs.is_true()) {
            return Ok(reply);
        }
    }
    if last {
        cx.last_with("ansible.legacy.copy", args, "src", bytes).await
    } else {
        cx.module_with("ansible.legacy.copy", args, "src", bytes).await
    }
}

/// Copies a folder: its content when the name ends in `/`, else the folder itself.
async fn tree(cx: &mut ActionCx<'_>, args: &Map, root: &Path, src: &str) -> Result<Done, Trouble> {
    let follow = cx.flag("local_follow", true)?;
    let decrypt = cx.flag("decrypt", true)?;
    let mut dest = cx.need("dest")?;
    if !dest.ends_with('/') {
        dest.push('/');
    }
    let prefix = if src.ends_with('/') { PathBuf::new() } else { PathBuf::from(file_name(root)) };
    let mut found = Found::default();
    walk(root, &prefix, follow, &mut found).map_err(|error| Trouble::action(error.to_string()))?;
    let mut changed = false;
    for (path, below) in &found.files {
        let mut args = args.clone();
        for own in ["src", "decrypt", "local_follow"] {
            args.remove(own);
        }
        preserve(&mut args, path);
        args.insert("dest", dest.as_str());
        args.insert("_original_basename", below.to_string_lossy().into_owned());
        let bytes = cx.read_file(path, decrypt)?;
        let reply = send(cx, args, bytes, false).await?;
        if reply.failed {
            return Ok(cx.reply(reply));
        }
        changed |= reply.changed;
    }
    for below in &found.empty {
        let reply = cx.module("ansible.builtin.file", folder_args(args, &dest, below, "directory", None)).await?;
        if reply.failed {
            return Ok(cx.reply(reply));
        }
        changed |= reply.changed;
    }
    for (below, target) in &found.links {
        let reply = cx.module("ansible.builtin.file", folder_args(args, &dest, below, "link", Some(target))).await?;
        if reply.failed {
            return Ok(cx.reply(reply));
        }
        changed |= reply.changed;
    }
    // As ansible-core: one file's difference is shown, a folder's is not.
    Ok(Done::changed(changed).with("dest", dest).with("src", root.to_string_lossy().into_owned()))
}

fn folder_args(args: &Map, dest: &str, below: &Path, state: &str, target: Option<&Path>) -> Map {
    let mut out = Map::new();
    for key in ["owner", "group", "seuser", "serole", "setype", "selevel"] {
        if let Some(value) = args.get(key) {
            out.insert(key, value.clone());
        }
    }
    if let (Some(mode), None) = (args.get("directory_mode"), target) {
        out.insert("mode", mode.clone());
    }
    out.insert("path", format!("{dest}{}", below.display()));
    out.insert("state", state);
    if let Some(target) = target {
        out.insert("src", target.to_string_lossy().into_owned());
        out.insert("force", true);
        out.insert("follow", false);
    }
    out
}

/// What a folder holds, by path below it.
#[derive(Default)]
struct Found {
    files: Vec<(PathBuf, PathBuf)>,
    empty: Vec<PathBuf>,
    links: Vec<(PathBuf, PathBuf)>,
}

fn walk(folder: &Path, below: &Path, follow: bool, found: &mut Found) -> std::io::Result<()> {
    let mut entries: Vec<_> = fs_err::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs_err::DirEntry::file_name);
    if entries.is_empty() && !below.as_os_str().is_empty() {
        found.empty.push(below.to_owned());
    }
    for entry in entries {
        let (path, below) = (entry.path(), below.join(entry.file_name()));
        if !follow && path.is_symlink() {
            found.links.push((below, fs_err::read_link(&path)?));
        } else if path.is_dir() {
            walk(&path, &below, follow, found)?;
        } else {
            found.files.push((path, below));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_walked_in_order_with_its_empty_folders_and_links() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        fs_err::create_dir_all(root.join("b/empty")).unwrap();
        fs_err::write(root.join("b/2"), "").unwrap();
        fs_err::write(root.join("a"), "").unwrap();
        std::os::unix::fs::symlink("a", root.join("l")).unwrap();
        let mut found = Found::default();
        walk(root, Path::new("top"), false, &mut found).unwrap();
        let files: Vec<_> = found.files.iter().map(|(_, below)| below.to_string_lossy().into_owned()).collect();
        assert_eq!(files, ["top/a", "top/b/2"]);
        assert_eq!(found.empty, [PathBuf::from("top/b/empty")]);
        assert_eq!(found.links, [(PathBuf::from("top/l"), PathBuf::from("a"))]);
        assert_eq!(checksum(b"x"), "11f6ad8ec52a2984abaafd7c3b516503785c2072");
    }
}
