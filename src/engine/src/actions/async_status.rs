//! Says how a task in the background is.

use async_trait::async_trait;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::background;
use crate::trouble::Trouble;

/// `ansible.builtin.async_status`
pub(crate) static ACTION: AsyncStatus = AsyncStatus;

/// Looks at a background task.
pub(crate) struct AsyncStatus;

#[async_trait(?Send)]
impl Action for AsyncStatus {
    fn traits(&self) -> Traits {
        Traits::new("async_status").arguments(&["jid", "mode"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let jid = cx.need("jid")?;
        let mode = cx.text("mode").unwrap_or_else(|| "status".to_owned());
        background::ask(cx, &jid, &mode, 0).await
    }
}
