//! Gathers facts about the host: runs the modules of `ansible_facts_modules`, which is `setup` unless that is set.

use async_trait::async_trait;
use rplay_value::{Map, Value};

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
        let names = match cx.run().value_variable("ansible_facts_modules", cx.scope)? {
            Some(Value::List(list)) => list.iter().map(|name| name.to_str().into_owned()).collect(),
            Some(other) if !other.is_null() => vec![other.to_str().into_owned()],
            _ => vec!["smart".to_owned()],
        };
        let mut all = Done::default();
        let (mut failed, mut skipped) = (Map::new(), Map::new());
        for name in &names {
            let done = gather(cx, name, &args).await?;
            let is = |key: &str| done.result.get(key).is_some_and(Value::is_true);
            if is("skipped") {
                skipped.insert(name.as_str(), done.result);
            } else if is("failed") && names.len() == 1 {
                return Ok(Done { verbose_override: true, ..done });
            } else if is("failed") {
                failed.insert(name.as_str(), done.result);
            } else if names.len() == 1 {
                all = done;
            } else {
                all.of_module = true;
                let facts = done.result.get("ansible_facts").and_then(Value::as_map).cloned().unwrap_or_default();
                match all.result.get_mut("ansible_facts") {
                    Some(Value::Map(known)) => known.extend(facts),
                    _ => _ = all.result.insert("ansible_facts", facts),
                }
            }
        }
        all.verbose_override = true;
        let listed = |modules: &Map| modules.texts().map(|(name, _)| name.to_string()).collect::<Vec<_>>().join(", ");
        if !skipped.is_empty() {
            all.result.insert("msg", format!("The following modules were skipped: {}.", listed(&skipped)));
            if skipped.len() == names.len() {
                all.result.insert("skipped", true);
            }
            all.result.insert("skipped_modules", skipped);
        }
        if !failed.is_empty() {
            all.result.insert("failed", true);
            all.result.insert("msg", format!("The following modules failed to execute: {}.", listed(&failed)));
            all.result.insert("failed_modules", failed);
        } else if let Some(Value::Map(facts)) = all.result.get_mut("ansible_facts") {
            facts.insert("gather_subset", facts.get("gather_subset").cloned().unwrap_or_default());
            facts.insert("module_setup", true);
        }
        all.result.insert("changed", false);
        Ok(all)
    }
}

/// Runs one module that gathers facts. Only `setup` knows the options of gathering.
async fn gather(cx: &mut ActionCx<'_>, name: &str, args: &Map) -> Result<Done, Trouble> {
    let setup = matches!(name, "smart" | "setup" | "ansible.builtin.setup" | "ansible.legacy.setup");
    let mut reply = if setup {
        cx.module("ansible.builtin.setup", args.clone()).await?
    } else {
        let own =
            args.iter().filter(|(key, _)| !matches!(key.as_str(), Some("gather_subset" | "gather_timeout" | "filter")));
        let own: Map = own.map(|(key, value)| (key.clone(), value.clone())).collect();
        let call = super::normal::module(cx, name, own)?;
        cx.send(call).await?
    };
    reply.data.remove("invocation");
    Ok(cx.reply(reply))
}
