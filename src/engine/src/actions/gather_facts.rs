//! Gathers facts about the host: runs the modules of `ansible_facts_modules`, which is `setup` unless that is set.

use async_trait::async_trait;
use rplay_value::Value;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.gather_facts`
pub(crate) static ACTION: GatherFacts = GatherFacts;

/// Gathers facts.
pub(crate) struct GatherFacts;

#[async_trait(?Send)]
impl Action for GatherFacts {
    fn traits(&self) -> Traits {
        Traits::new("gather_facts")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let mut args = std::mem::take(&mut cx.args);
        args.remove("parallel");
        let mut reply = cx.module("ansible.builtin.setup", args).await?;
        reply.data.remove("invocation");
        let mut done = cx.reply(reply);
        done.verbose_override = true;
        if done.result.get("failed").is_none_or(|failed| !failed.is_true()) {
            if let Some(Value::Map(facts)) = done.result.get_mut("ansible_facts") {
                facts.insert("gather_subset", facts.get("gather_subset").cloned().unwrap_or_default());
                facts.insert("module_setup", true);
            }
            done.result.insert("changed", false);
        }
        Ok(done)
    }
}
