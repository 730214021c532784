//! Applies a patch of the controller or of the host.

use async_trait::async_trait;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.posix.patch`
pub(crate) static ACTION: Patch = Patch;

/// Sends and applies a patch.
pub(crate) struct Patch;

#[async_trait(?Send)]
impl Action for Patch {
    fn traits(&self) -> Traits {
        Traits { collection: "ansible.posix", ..Traits::new("patch") }
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let Some(src) = cx.text("src").or_else(|| cx.text("patchfile")) else {
            return Err(Trouble::action("src is required"));
        };
        let remote = cx.flag("remote_src", false)?;
        let args = std::mem::take(&mut cx.args);
        let reply = if remote {
            cx.module("ansible.posix.patch", args).await?
        } else {
            cx.reads_here()?;
            let path = cx.find_file("files", &src)?;
            let content = cx.read_file(&path, true)?;
            cx.last_with("ansible.posix.patch", args, "src", content).await?
        };
        Ok(cx.reply(reply))
    }
}
