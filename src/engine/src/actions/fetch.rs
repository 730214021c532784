//! Copies a file of the host to the controller.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use base64::Engine as _;
use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.fetch`
pub(crate) static ACTION: Fetch = Fetch;

/// Fetches a file.
pub(crate) struct Fetch;

/// How much is asked for at once, in bytes.
const PIECE: i64 = 4 * 1024 * 1024;

#[async_trait(?Send)]
impl Action for Fetch {
    fn traits(&self) -> Traits {
        Traits::new("fetch").arguments(&["src", "dest", "flat", "fail_on_missing", "validate_checksum"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        if cx.settings.check {
            return Ok(Done::skip("check mode not (yet) supported for this module"));
        }
        let kind = |name: &str| match cx.args.get(name) {
            None | Some(Value::Null) => Kind::Missing,
            Some(Value::Text(_)) => Kind::Text,
            Some(_) => Kind::Other,
        };
        let (source, target) = (kind("src"), kind("dest"));
        if matches!(source, Kind::Missing) || matches!(target, Kind::Missing) {
            return Err(Trouble::action("src and dest are required"));
        }
        for (kind, what) in [(target, "dest"), (source, "source")] {
            if matches!(kind, Kind::Other) {
                return Err(Trouble::action(format!("Invalid type supplied for {what} option, it must be a string")));
            }
        }
        let (Some(src), Some(dest)) = (cx.text("src"), cx.text("dest")) else {
            return Err(Trouble::action("src and dest are required"));
        };
        let must = cx.flag("fail_on_missing", true)?;
        let first = piece(cx, &src, 0).await?;
        if first.failed {
            return Ok(missing(cx, first, &src, must));
        }
        let remote = first.data.get("checksum").and_then(Value::as_str).unwrap_or_default().to_owned();
        let path = destination(cx, &src, &dest)?;
        let shown = path.to_string_lossy().into_owned();
        let local = fs_err::read(&path).ok().filter(|bytes| super::copy::checksum(bytes) == remote);
        if let Some(bytes) = local {
            let done = Done::changed(false).with("dest", shown).with("md5sum", md5(&bytes));
            return Ok(done.with("file", src).with("checksum", remote));
        }
        let bytes = whole(cx, &src, first).await?;
        let sum = super::copy::checksum(&bytes);
        let done = if cx.flag("validate_checksum", true)? && sum != remote {
            Done::failed("checksum mismatch").with("file", src)
        } else {
            write(&path, &bytes).map_err(|error| Trouble::action(format!("Failed to fetch the file: {error}")))?;
            Done::changed(true)
        };
        let done = done.with("md5sum", md5(&bytes)).with("dest", shown).with("remote_md5sum", Value::Null);
        Ok(done.with("checksum", sum).with("remote_checksum", remote))
    }
}

/// What an argument is before it is taken for a text.
enum Kind {
    Missing,
    Text,
    Other,
}

fn md5(bytes: &[u8]) -> String {
    rplay_modules::digest_bytes(rplay_modules::Algorithm::Md5, bytes)
}

async fn piece(cx: &mut ActionCx<'_>, src: &str, offset: i64) -> Result<Reply, Trouble> {
    let args =
        Map::from_iter([("src", Value::from(src)), ("offset", Value::from(offset)), ("length", Value::from(PIECE))]);
    cx.module("ansible.builtin.fetch", args).await
}

fn decoded(reply: &Reply) -> Result<Vec<u8>, Trouble> {
    let text = reply.data.get("content").and_then(Value::as_str).unwrap_or_default();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| Trouble::action(format!("the file came broken: {error}")))
}

async fn whole(cx: &mut ActionCx<'_>, src: &str, first: Reply) -> Result<Vec<u8>, Trouble> {
    let mut bytes = decoded(&first)?;
    let mut last = first;
    while last.data.get("eof").is_some_and(|eof| !eof.is_true()) {
        last = piece(cx, src, bytes.len() as i64).await?;
        if last.failed {
            let msg = last.data.get("msg").map(|msg| msg.to_str().into_owned()).unwrap_or_default();
            return Err(Trouble::action(msg));
        }
        let more = decoded(&last)?;
        if more.is_empty() {
            break;
        }
        bytes.extend(more);
    }
    Ok(bytes)
}

/// The result when there is nothing to fetch.
fn missing(cx: &mut ActionCx<'_>, reply: Reply, src: &str, must: bool) -> Done {
    let msg = reply.data.get("msg").map(|msg| msg.to_str().into_owned()).unwrap_or_default();
    let folder = msg.to_lowercase().contains("is a directory");
    let asked = msg.starts_with("Failed to get information");
    // As another user, ansible-core reads at once instead of asking first.
    let spec = cx.task.spec(cx.settings, cx.connection_scope, cx.delegated);
    let closed = asked && spec.is_ok_and(|spec| spec.r#become.is_none());
    let msg = if msg.contains("not found") || msg.contains("does not exist") {
        "the remote file does not exist, not transferring, ignored".to_owned()
    } else if folder {
        "remote file is a directory, fetch cannot work on directories".to_owned()
    } else if closed || !asked {
        msg
    } else {
        format!("File is not readable: {src}")
    };
    match (must, folder) {
        (true, true) => Done::failed(msg),
        (true, false) => {
            let mut done = cx.reply(reply).with("msg", msg);
            done.result.remove("file");
            done
        }
        (false, true) => Done::changed(false).with("msg", format!("{msg}, not transferring, ignored")),
        (false, false) if closed => Done::changed(false).with("file", src).with("msg", format!("{msg}, ignored")),
        (false, false) => Done::changed(false).with("file", src).with("msg", msg),
    }
}

/// Where the file goes: below a folder for the host, or as named when `flat`.
fn destination(cx: &ActionCx<'_>, src: &str, dest: &str) -> Result<PathBuf, Trouble> {
    let base = cx.run().world().playbook_dir();
    let home = dest.strip_prefix("~/").and_then(|rest| Some(Path::new(&std::env::var_os("HOME")?).join(rest)));
    let path = home.unwrap_or_else(|| base.join(dest));
    if !cx.flag("flat", false)? {
        // `..` may lead out of the host's folder, as with ansible-core, but not out of `dest`.
        let inner = normal(&Path::new(&*cx.task.host).join(src.trim_start_matches('/')));
        let Some(inner) = inner else {
            return Err(Trouble::action(format!(
                "Detected directory traversal, expected to be contained in '{dest}' but got '{dest}/{}/{src}'",
                cx.task.host
            )));
        };
        return calculated(path.join(inner));
    }
    if dest.ends_with('/') {
        let name = Path::new(src).file_name().map(PathBuf::from).unwrap_or_default();
        return calculated(path.join(name));
    }
    if path.is_dir() {
        return Err(Trouble::action(
            "dest is an existing directory, use a trailing slash if you want to fetch src into that directory",
        ));
    }
    Ok(path)
}

/// A relative path without `..`, unless it leads out of where it starts.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if !out.pop() => return None,
            Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    Some(out)
}

/// A path that is not a folder yet.
fn calculated(path: PathBuf) -> Result<PathBuf, Trouble> {
    if path.is_dir() {
        return Err(Trouble::action(format!(
            "calculated dest '{}' is an existing directory, use another path that does not point to an existing directory",
            path.display()
        )));
    }
    Ok(path)
}

/// Writes whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".rplay-")
        .permissions(Permissions::from_mode(0o666 & !rplay_modules::umask()))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_file_stays_below_its_destination() {
        assert_eq!(normal(Path::new("host/etc/./hosts")), Some(PathBuf::from("host/etc/hosts")));
        assert_eq!(normal(Path::new("host/../here/x")), Some(PathBuf::from("here/x")));
        assert_eq!(normal(Path::new("host/../../x")), None);
    }
}
