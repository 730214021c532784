//! Says how a task in the background is.

use async_trait::async_trait;

use crate::action::{Action, ActionCx, Done, Traits};
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
        match cx.text("mode").as_deref().unwrap_or("status") {
            "cleanup" => {
                cx.run().jobs.forget(&jid);
                Ok(Done::changed(false).with("ansible_job_id", jid.as_str()).with("erased", jid))
            }
            "status" => {
                if let Some(status) = cx.run().jobs.status(&jid).await {
                    Ok(Done { of_module: true, ..Done::new(status) })
                } else {
                    let done = Done::failed("could not find job").with("ansible_job_id", jid);
                    Ok(done.with("started", 1).with("finished", 1))
                }
            }
            other => Err(Trouble::action(format!("value of mode must be one of: cleanup, status, got: {other}"))),
        }
    }
}
