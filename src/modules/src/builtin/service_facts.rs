//! Lists the services of the target as facts.
//!
//! Returns: `ansible_facts.services`: for each service its `name`, `state` (`running`, `stopped`, ...), `status` (`enabled`,
//! `disabled`, ...) and `source` (`systemd`, `sysv`).
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - service_facts:
//! ```

use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::{ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `ansible.builtin.service_facts`
pub static MODULE: Module = Module {
    name: "service_facts",
    collection: "ansible.builtin",
    spec: &ArgSpec::EMPTY,
    check: Support::Full,
    diff: Support::None,
    run,
};

/// What `list-units` says about a unit that is not well; unit files do not override it.
const BAD: &[&str] = &["not-found", "masked", "failed"];

fn run(cx: &mut Context<'_>, _: &Args) -> Result<Reply, ModuleError> {
    let mut services = Map::new();
    scripts(cx, &mut services)?;
    if crate::facts::systemd_runs(cx)
        && let Some(systemctl) = tools::find(cx, "systemctl")
    {
        units(cx, &systemctl, &mut services)?;
    }
    if services.is_empty() {
        let msg = "Failed to find any services. This can be due to privileges or some other configuration issue.";
        return Ok(Reply::ok().with("skipped", true).with("msg", msg));
    }
    Ok(Reply::ok().with("ansible_facts", Map::from_iter([("services", services)])))
}

fn entry(name: &str, state: &str, status: &str, source: &str) -> Map {
    Map::from_iter([("name", name), ("state", state), ("status", status), ("source", source)])
}

/// Init scripts, as `service --status-all` lists them: `[ + ]`, `[ - ]` or `[ ? ]` and a name.
fn scripts(cx: &Context<'_>, services: &mut Map) -> Result<(), ModuleError> {
    let Some(service) = tools::find(cx, "service") else { return Ok(()) };
    if tools::find(cx, "chkconfig").is_some() || tools::find(cx, "rc-status").is_some() {
        return Ok(());
    }
    let listed = tools::run(cx, &[service.as_str(), "--status-all"])?;
    for line in listed.out().lines() {
        let Some((sign, name)) = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']')) else { continue };
        let (name, state) = (name.trim(), if sign.trim() == "+" { "running" } else { "stopped" });
        services.insert(name, Map::from_iter([("name", name), ("state", state), ("source", "sysv")]));
    }
    Ok(())
}

fn units(cx: &mut Context<'_>, systemctl: &str, services: &mut Map) -> Result<(), ModuleError> {
    let listed = tools::run(cx, &[systemctl, "list-units", "--no-pager", "--type", "service", "--all", "--plain"])?;
    if !listed.success() {
        cx.warn(format!("Could not list units from systemd: {}", listed.err()));
    }
    for line in listed.out().lines().filter(|line| line.contains(".service")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[name, _, active, sub, ..] = fields.as_slice() else { continue };
        let known = &fields[..fields.len() - 1];
        let status = BAD.iter().find(|bad| known.contains(bad)).copied().unwrap_or(active);
        let state = if sub == "running" { "running" } else { "stopped" };
        services.insert(name, entry(name, state, status, "systemd"));
    }
    let files = tools::run(cx, &[systemctl, "list-unit-files", "--no-pager", "--type", "service", "--all"])?;
    if !files.success() {
        cx.warn(format!("Could not get unit files data from systemd: {}", files.err()));
    }
    let text = files.out();
    let listed: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| line.contains(".service"))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    let unknown: Vec<&str> = listed.iter().map(|(name, _)| *name).filter(|name| !services.contains(name)).collect();
    let states = active_states(cx, systemctl, &unknown)?;
    for (name, status) in listed {
        if let Some(Value::Map(service)) = services.get_mut(name) {
            if !service.get("status").and_then(Value::as_str).is_some_and(|now| BAD.contains(&now)) {
                service.insert("status", status);
            }
            continue;
        }
        let state = unknown.iter().position(|other| *other == name).and_then(|at| states.get(at));
        services.insert(name, entry(name, state.map_or("unknown", String::as_str), status, "systemd"));
    }
    Ok(())
}

/// The `ActiveState` of each unit, asked for all at once; templates (`x@.service`) have none.
fn active_states(cx: &Context<'_>, systemctl: &str, units: &[&str]) -> Result<Vec<String>, ModuleError> {
    let askable: Vec<&str> = units.iter().filter(|unit| !unit.contains("@.")).copied().collect();
    let mut answers = Vec::new();
    if !askable.is_empty() {
        let mut argv = vec![systemctl, "show", "--property=ActiveState", "--value"];
        argv.extend(&askable);
        let shown = tools::run(cx, &argv)?.out();
        answers = shown.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect();
    }
    let mut answers = answers.into_iter();
    let state = |unit: &&str| {
        if unit.contains("@.") { "unknown".to_owned() } else { answers.next().unwrap_or("unknown".into()) }
    };
    Ok(units.iter().map(state).collect())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn units_and_their_files() {
        let units = "  UNIT LOAD ACTIVE SUB DESCRIPTION\nssh.service loaded active running OpenBSD\nx.service not-found inactive dead x.service\nold.service loaded inactive dead Old thing\n";
        let files = "UNIT FILE STATE PRESET\nssh.service enabled enabled\nx.service enabled enabled\nnew.service disabled enabled\ngetty@.service enabled enabled\n";
        let fake = Fake::new()
            .unwrap()
            .on("systemctl list-units", 0, units)
            .on("systemctl list-unit-files", 0, files)
            .on("systemctl show", 0, "inactive\n");
        fake.write("/run/systemd/system/x", "").unwrap();
        let reply = fake.call("service_facts", args::<&str>([]));
        let services = reply.data.get("ansible_facts").unwrap().get("services").unwrap();
        let text = |name: &str| serde_json::to_string(services.get(name).unwrap()).unwrap();
        assert_eq!(
            text("ssh.service"),
            r#"{"name":"ssh.service","state":"running","status":"enabled","source":"systemd"}"#
        );
        assert_eq!(
            text("x.service"),
            r#"{"name":"x.service","state":"stopped","status":"not-found","source":"systemd"}"#
        );
        assert_eq!(
            text("new.service"),
            r#"{"name":"new.service","state":"inactive","status":"disabled","source":"systemd"}"#
        );
        assert!(text("getty@.service").contains("\"unknown\""));
    }
}
