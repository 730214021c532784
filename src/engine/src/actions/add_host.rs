//! Adds a host, with groups and variables, to the inventory in memory.
//!
//! Options:
//! - `name` (required; also `hostname`, `host`): the host, with `:port` if it needs one.
//! - `groups` (also `group`, `groupname`): groups that it is in. Everything else is a variable of the host.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.add_host:
//!     name: node7
//!     groups: [compute]
//! ```

use async_trait::async_trait;
use rplay_value::{List, Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::ran::Effect;
use crate::trouble::Trouble;

/// `ansible.builtin.add_host`
pub(crate) static ACTION: AddHost = AddHost;

/// Adds a host.
pub(crate) struct AddHost;

#[async_trait(?Send)]
impl Action for AddHost {
    fn traits(&self) -> Traits {
        Traits::new("add_host").once()
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let args = &cx.args;
        let named = ["name", "hostname", "host"].iter().find_map(|key| args.get(key)).filter(|value| !value.is_null());
        let Some(named) = named else { return Err(Trouble::action("name, host or hostname needs to be provided")) };
        let named = named.to_str().into_owned();
        let (name, port) = split_port(&named);
        let mut vars = Map::new();
        for (key, value) in
            args.texts().filter(|(key, _)| !matches!(key.as_str(), "name" | "hostname" | "groupname" | "groups"))
        {
            vars.insert(key.as_str(), value.clone());
        }
        if let Some(port) = port {
            vars.insert("ansible_ssh_port", i64::from(port));
        }
        let groups = groups(["groupname", "groups", "group"].iter().find_map(|key| args.get(key)))?;
        let shown = Map::from_iter([
            ("host_name", Value::from(name)),
            ("groups", Value::List(groups.iter().collect::<List>())),
            ("host_vars", Value::Map(vars.clone())),
        ]);
        // What `changed_when` sees; without it the inventory itself says afterwards what has changed.
        let inventory = cx.run().world().inventory();
        let new = inventory.host(name).is_none_or(|host| {
            let in_group =
                |group: &String| inventory.group_id(group).is_some_and(|id| inventory.groups_of(host).contains(&id));
            !groups.iter().all(in_group)
        });
        let done = Done::changed(new).with("add_host", shown);
        Ok(done.effect(Effect::AddHost { name: name.to_owned(), groups, vars }))
    }
}

fn groups(value: Option<&Value>) -> Result<Vec<String>, Trouble> {
    let names: Vec<String> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(list)) => list.iter().map(|name| name.to_str().trim().to_owned()).collect(),
        Some(Value::Text(text)) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Some(other) => return Err(Trouble::action("Groups must be specified as a list.").at(other.origin())),
    };
    let mut seen = std::collections::HashSet::new();
    Ok(names.into_iter().filter(|name| !name.is_empty() && seen.insert(name.clone())).collect())
}

/// `host:22` and `[::1]:22` as a host and its port.
fn split_port(name: &str) -> (&str, Option<u16>) {
    if let Some((host, port)) = name.strip_prefix('[').and_then(|rest| rest.rsplit_once("]:")) {
        return port.parse().map_or((name, None), |port| (host, Some(port)));
    }
    match name.split_once(':') {
        Some((host, port)) if !port.contains(':') => port.parse().map_or((name, None), |port| (host, Some(port))),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::split_port;

    #[test]
    fn ports_are_taken_off() {
        assert_eq!(split_port("a:22"), ("a", Some(22)));
        assert_eq!(split_port("[::1]:22"), ("::1", Some(22)));
        assert_eq!(split_port("fe80::1"), ("fe80::1", None));
        assert_eq!(split_port("a"), ("a", None));
    }
}
