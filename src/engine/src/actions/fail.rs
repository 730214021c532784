//! Fails with a message.
//!
//! Options:
//! - `msg` (default `Failed as requested from task`): the message.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.fail:
//!     msg: This host is not supported.
//! ```

use async_trait::async_trait;
use rplay_value::Value;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.fail`
pub(crate) static ACTION: Fail = Fail;

/// Fails with a message.
pub(crate) struct Fail;

#[async_trait(?Send)]
impl Action for Fail {
    fn traits(&self) -> Traits {
        Traits::new("fail").arguments(&["msg"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        Ok(Done::failed(cx.args.get("msg").cloned().unwrap_or_else(|| Value::from("Failed as requested from task"))))
    }
}
