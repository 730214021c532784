//! Gathers facts about the host: runs the modules that the setting `facts_modules` (`ansible_facts_modules`) names.
//!
//! `smart` among them, which is the default, stands for `setup`, or for the module of `ansible_network_os`. Several modules
//! run at the same time unless `parallel` (`ansible_facts_parallel`) is false; their facts are merged in their order.
//!
//! Options:
//! - `parallel`: whether several modules run at the same time. Everything else is for the modules.

use async_trait::async_trait;
use rplay_protocol::Call;
use rplay_value::{Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.gather_facts`
pub(crate) static ACTION: GatherFacts = GatherFacts;

/// Gathers facts.
pub(crate) struct GatherFacts;

/// Network systems of which ansible-core knows where the module is that gathers their facts: short name, collection.
const NETWORKS: [(&str, &str); 11] = [
    ("asa", "cisco.asa"),
    ("eos", "arista.eos"),
    ("frr", "frr.frr"),
    ("ios", "cisco.ios"),
    ("iosxr", "cisco.iosxr"),
    ("junos", "junipernetworks.junos"),
    ("nxos", "cisco.nxos"),
    ("vyos", "vyos.vyos"),
    ("exos", "extreme.exos"),
    ("slxos", "extreme.slxos"),
    ("voss", "extreme.voss"),
];

fn is_setup(name: &str) -> bool {
    matches!(name, "setup" | "ansible.builtin.setup" | "ansible.legacy.setup")
}

#[async_trait(?Send)]
impl Action for GatherFacts {
    fn traits(&self) -> Traits {
        Traits::new("gather_facts")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let mut args = std::mem::take(&mut cx.args);
        let names = modules(cx, &args)?;
        let own = args.remove("parallel");
        let parallel = match cx.run().value_variable("ansible_facts_parallel", cx.scope)?.or(own) {
            Some(value) if !value.is_null() => {
                cx.args.insert("parallel", value);
                cx.flag("parallel", true)?
            }
            _ => names.len() > 1,
        };
        cx.args = Map::new();
        let mut calls = Vec::new();
        for name in &names {
            calls.push(call(cx, name, &args)?);
        }
        let mut replies = Vec::new();
        if parallel {
            let link = cx.link().await?;
            let started: Vec<_> = calls.into_iter().map(|call| link.start_live(call, cx.live())).collect();
            for pending in started {
                replies.push(pending.await?);
            }
        } else {
            for call in calls {
                replies.push(cx.send(call).await?);
            }
        }
        let mut all = Done::default();
        let (mut failed, mut skipped) = (Map::new(), Map::new());
        for (name, mut reply) in names.iter().zip(replies) {
            reply.data.remove("invocation");
            let done = cx.reply(reply);
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

/// The modules to run, `smart` resolved.
fn modules(cx: &mut ActionCx<'_>, args: &Map) -> Result<Vec<String>, Trouble> {
    let mut names: Vec<String> = match cx.run().value_variable("ansible_facts_modules", cx.scope)? {
        Some(Value::List(list)) => list.iter().map(|name| name.to_str().into_owned()).collect(),
        Some(other) if !other.is_null() => {
            other.to_str().split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
        _ => cx.run().options().facts_modules.clone(),
    };
    let Some(smart) = names.iter().position(|name| name == "smart") else { return Ok(names) };
    names.remove(smart);
    let network = match args.get("network_os").filter(|value| !value.is_null()) {
        Some(value) => Some(value.to_str().into_owned()),
        None => cx.run().text_variable("ansible_network_os", cx.scope)?,
    };
    let Some(network) = network.filter(|name| !name.is_empty()) else {
        if !names.iter().any(|name| is_setup(name)) {
            names.push("ansible.legacy.setup".to_owned());
        }
        return Ok(names);
    };
    let short =
        NETWORKS.iter().find(|(short, _)| *short == network).map(|(short, _)| format!("ansible.legacy.{short}_facts"));
    let full = || {
        let known = NETWORKS.iter().any(|(short, collection)| network == format!("{collection}.{short}"));
        known.then(|| format!("{network}_facts"))
    };
    match short.or_else(full) {
        Some(module) => names.push(module),
        None if names.is_empty() => {
            return Err(Trouble::action(format!(
                "No fact modules available and we could not find a fact module for your network OS ({network}), try setting one via the `FACTS_MODULES` configuration."
            )));
        }
        None => {}
    }
    if names.iter().any(|name| is_setup(name)) {
        cx.warn(
            "Detected 'setup' module and a network OS is set, the output when running it will reflect 'localhost' and not the target when a networking connection plugin is used.",
        );
    }
    Ok(names)
}

/// The call of one module that gathers facts, its `module_defaults` beneath the arguments. Only `setup` knows the
/// options of gathering.
fn call(cx: &mut ActionCx<'_>, name: &str, args: &Map) -> Result<Call, Trouble> {
    let mut own = args.clone();
    if !is_setup(name) {
        if let Some(subset) = own.remove("gather_subset").filter(|subset| !is_all(subset)) {
            cx.warn(format!("Not passing subset({}) to {name}", subset.to_str()));
        }
        if let Some(timeout) = own.remove("gather_timeout").filter(|timeout| !timeout.is_null()) {
            cx.warn(format!("Not passing timeout({}) to {name}", timeout.to_str()));
        }
        if let Some(filter) = own.remove("filter").filter(|filter| !filter.is_null()) {
            cx.warn(format!("Not passing filter({}) to {name}", filter.to_str()));
        }
    }
    let own = own.into_iter().filter(|(_, value)| !value.is_null());
    let mut all = cx.task.defaults_of(name, cx.scope)?;
    all.extend(own);
    if !is_setup(name) {
        return super::normal::module(cx, name, all);
    }
    let call = cx.call("ansible.builtin.setup", all);
    Ok(crate::foreign::discovering(cx, call))
}

/// Whether a subset is what every module gathers anyway.
fn is_all(subset: &Value) -> bool {
    match subset {
        Value::Null => true,
        Value::List(list) => matches!(&list[..], [only] if only.as_str() == Some("all")),
        other => other.as_str() == Some("all"),
    }
}
