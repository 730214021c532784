//! Says how a task in the background is.

use async_trait::async_trait;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::background;
use crate::trouble::Trouble;

/// `ansible.builtin.async_status`
pub(crate) static ACTION: AsyncStatus = AsyncStatus;

/// Looks at a background task.
pub(crate) struct AsyncStatus;

const KNOWN: [&str; 2] = ["jid", "mode"];
const MODES: [&str; 2] = ["status", "cleanup"];

#[async_trait(?Send)]
impl Action for AsyncStatus {
    fn traits(&self) -> Traits {
        Traits::new("async_status")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let unknown: Vec<&str> =
            cx.args.texts().map(|(key, _)| key.as_str()).filter(|key| !KNOWN.contains(key)).collect();
        if let Some(first) = unknown.first() {
            let msg = format!(
                "Unsupported parameters for (ansible_collections.ansible.builtin.plugins.action.async_status) module: {}. Supported parameters include: jid, mode.",
                unknown.join(", ")
            );
            let trouble = Trouble::action(msg);
            return Err(match rplay_diag::nearest(first, KNOWN) {
                Some(near) => trouble.help(format!("did you mean `{near}`?")),
                None => trouble,
            });
        }
        let jid = cx.need("jid")?;
        let mode = cx.text("mode").unwrap_or_else(|| "status".to_owned());
        if !MODES.contains(&mode.as_str()) {
            return Err(Trouble::action(format!("value of mode must be one of: {}, got: {mode}", MODES.join(", "))));
        }
        background::ask(cx, &jid, &mode, 0).await
    }
}
