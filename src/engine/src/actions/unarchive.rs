//! Unpacks an archive of the controller or of the host.

use async_trait::async_trait;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.unarchive`
pub(crate) static ACTION: Unarchive = Unarchive;

/// Unpacks an archive.
pub(crate) struct Unarchive;

#[async_trait(?Send)]
impl Action for Unarchive {
    fn traits(&self) -> Traits {
        Traits::new("unarchive")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let (Some(src), Some(_)) = (cx.text("src"), cx.text("dest")) else {
            return Err(Trouble::action("src (or content) and dest are required"));
        };
        // `copy: false` is the old spelling of `remote_src: true`.
        let remote = cx.flag("remote_src", false)? || !cx.flag("copy", true)?;
        let decrypt = cx.flag("decrypt", true)?;
        let mut args = std::mem::take(&mut cx.args);
        args.remove("decrypt");
        let reply = if remote {
            cx.module("ansible.legacy.unarchive", args).await?
        } else {
            let path = cx.find_file("files", &src).map_err(|trouble| trouble.prefixed("Task failed"))?;
            let content = cx.read_file(&path, decrypt)?;
            args.insert("src", path.to_string_lossy().into_owned());
            cx.module_with("ansible.legacy.unarchive", args, "src", content).await?
        };
        let done = cx.reply(reply);
        // What `creates` skips, and not what check mode does, is told as Ansible's action tells it.
        let msg = done.result.get("msg").cloned().unwrap_or_default();
        if msg.as_str().is_some_and(|msg| msg.starts_with("skipped, since")) {
            return Ok(Done::skip(msg));
        }
        Ok(done)
    }
}
