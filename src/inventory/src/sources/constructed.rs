//! `constructed`: groups and variables made of the hosts that sources before it have. As ansible-core 2.19's plugin of
//! that name.

use rplay_value::{List, Map, Value};

use crate::InventoryError;
use crate::inventory::HostId;
use crate::load::{Target, Templates};

/// Options it has.
const OPTIONS: &[&str] = &[
    "plugin",
    "strict",
    "compose",
    "groups",
    "keyed_groups",
    "use_extra_vars",
    "use_vars_plugins",
    "leading_separator",
];

struct Construct<'a, 't> {
    target: &'a mut Target<'t>,
    templates: &'a dyn Templates,
    strict: bool,
    extra: bool,
    leading: bool,
}

/// Reads a file of it.
pub(crate) fn read(config: &Map, templates: &dyn Templates, target: &mut Target<'_>) -> Result<(), InventoryError> {
    for (key, value) in config {
        let name = key.to_str();
        if !OPTIONS.contains(&&*name) {
            let error = InventoryError::syntax(format!("constructed has no option `{name}`"), key.origin());
            return Err(match rplay_diag::nearest(&name, OPTIONS.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the options are {}", rplay_diag::quoted_list(OPTIONS.iter().copied()))),
            });
        }
        if name == "use_vars_plugins" && value.is_true() {
            return Err(InventoryError::syntax("use_vars_plugins of constructed is not supported", key.origin()));
        }
    }
    let flag = |name: &str, default: bool| config.get(name).map_or(default, Value::is_true);
    let (strict, extra, leading) =
        (flag("strict", false), flag("use_extra_vars", false), flag("leading_separator", true));
    target.inventory.reconcile();
    let hosts: Vec<HostId> = target.inventory.hosts().filter_map(|host| target.inventory.host_id(&host.name)).collect();
    let section = |name: &str| config.get(name).and_then(Value::as_map).cloned().unwrap_or_default();
    let (compose, groups) = (section("compose"), section("groups"));
    let keyed = config.get("keyed_groups").and_then(Value::as_list).cloned().unwrap_or_default();
    let mut construct = Construct { target, templates, strict, extra, leading };
    for host in hosts {
        construct.compose(host, &compose)?;
        construct.groups(host, &groups)?;
        for entry in &keyed {
            construct.keyed(host, entry)?;
        }
    }
    Ok(())
}

impl Construct<'_, '_> {
    /// What templates of a host see.
    fn vars(&self, id: HostId) -> Map {
        let inventory = &*self.target.inventory;
        let Some(host) = inventory.host_by_id(id) else { return Map::new() };
        let mut vars = inventory.group("all").map(|all| all.vars.clone()).unwrap_or_default();
        for group in inventory.groups_of(host) {
            vars.extend(inventory.g(group).vars.clone());
        }
        vars.extend(host.source.clone());
        vars.extend(host.vars.clone());
        vars.insert("inventory_hostname", &*host.name);
        vars.insert("inventory_hostname_short", host.name.split('.').next().unwrap_or(&host.name));
        let names = inventory.group_names(host);
        vars.insert("group_names", names.iter().map(|name| Value::from(&**name)).collect::<List>());
        vars
    }

    fn name(&self, id: HostId) -> String {
        self.target.inventory.host_by_id(id).map_or_else(String::new, |host| host.name.to_string())
    }

    fn evaluate(&self, id: HostId, expression: &Value) -> Result<Value, String> {
        self.templates.expression(expression, self.vars(id), self.extra)
    }

    fn compose(&mut self, id: HostId, compose: &Map) -> Result<(), InventoryError> {
        for (name, expression) in compose {
            match self.evaluate(id, expression) {
                Ok(value) => {
                    let vars = Map::from_iter([(name.to_str().into_owned(), value)]);
                    self.target.set_vars(id, &vars);
                }
                Err(error) if self.strict => {
                    let message = format!("Could not set {} for host {}: {error}", name.to_str(), self.name(id));
                    return Err(InventoryError::syntax(message, name.origin()));
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn groups(&mut self, id: HostId, groups: &Map) -> Result<(), InventoryError> {
        for (name, condition) in groups {
            let safe = self.target.group_name(&name.to_str()).into_owned();
            match self.evaluate(id, condition) {
                Ok(value) if value.is_true() => {
                    let group = self.target.inventory.add_group(&safe);
                    self.target.inventory.join(id, group);
                }
                Err(error) if self.strict => {
                    let message = format!("Could not add host {} to group {safe}: {error}", self.name(id));
                    return Err(InventoryError::syntax(message, name.origin()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn keyed(&mut self, id: HostId, entry: &Value) -> Result<(), InventoryError> {
        let Value::Map(keyed) = entry else {
            return Err(InventoryError::syntax("Invalid keyed group entry, it must be a dictionary.", entry.origin()));
        };
        let expression = keyed.get("key").cloned().unwrap_or(Value::Null);
        let fail = |message: String| InventoryError::syntax(message, expression.origin());
        let shown = expression.to_str();
        let key = match self.evaluate(id, &expression) {
            Ok(key) => key,
            Err(error) if self.strict => {
                let host = self.name(id);
                return Err(fail(format!("Could not generate group for host {host} from {shown} entry: {error}")));
            }
            Err(_) => return Ok(()),
        };
        let given = |name: &str| keyed.get(name).filter(|value| !value.is_null());
        let default = given("default_value").map(|value| value.to_str().into_owned());
        let trailing = given("trailing_separator").map(Value::is_true);
        if trailing.is_some() && default.is_some() {
            let message = "parameters are mutually exclusive for keyed groups: default_value|trailing_separator";
            return Err(fail(message.to_owned()));
        }
        if !key.is_true() && (key.as_str() != Some("") || default.is_none()) {
            let empty = matches!(&key, Value::List(_) | Value::Map(_));
            if self.strict && !empty {
                let host = self.name(id);
                return Err(fail(format!("No key or key resulted empty for {shown} in host {host}, invalid entry")));
            }
            return Ok(());
        }
        let text = |name: &str, other: &str| given(name).map_or(other.to_owned(), |value| value.to_str().into_owned());
        let (prefix, separator) = (text("prefix", ""), text("separator", "_"));
        let Some(names) = names(&key, &separator, default.as_deref(), trailing) else {
            let kind = key.type_name();
            return Err(fail(format!(
                "Invalid group name format, expected a string or a list of them or dictionary, got: {kind}"
            )));
        };
        let parent = match given("parent_group").filter(|value| value.is_true()) {
            Some(parent) => match self.templates.text(parent, self.vars(id), self.extra) {
                Ok(parent) => Some(parent),
                Err(error) if self.strict => {
                    let (parent, key) = (parent.to_str(), key.to_str());
                    return Err(fail(format!("Could not generate parent group {parent} for group {key}: {error}")));
                }
                Err(_) => return Ok(()),
            },
            None => None,
        };
        let between = if prefix.is_empty() && !self.leading { "" } else { &separator };
        for bare in names {
            let safe = self.target.group_name(&format!("{prefix}{between}{bare}")).into_owned();
            let group = self.target.inventory.add_group(&safe);
            self.target.inventory.join(id, group);
            if let Some(parent) = &parent {
                let safe = self.target.group_name(parent).into_owned();
                let parent = self.target.inventory.add_group(&safe);
                self.target.inventory.add_child(parent, group).map_err(|error| error.at(expression.origin()))?;
            }
        }
        Ok(())
    }
}

/// The names of groups that a key gives, without their prefix; None when it is nothing that names are made of.
fn names(key: &Value, separator: &str, default: Option<&str>, trailing: Option<bool>) -> Option<Vec<String>> {
    let or_default = |name: &str| if name.is_empty() { default.map(str::to_owned) } else { Some(name.to_owned()) };
    Some(match key {
        Value::Text(key) => or_default(key).into_iter().collect(),
        Value::List(list) => list.iter().filter_map(|name| or_default(&name.to_str())).collect(),
        Value::Map(map) => map
            .iter()
            .map(|(name, value)| match (&*value.to_str(), default, trailing) {
                ("", Some(default), _) => format!("{}{separator}{default}", name.to_str()),
                ("", None, Some(false)) => name.to_str().into_owned(),
                (value, ..) => format!("{}{separator}{value}", name.to_str()),
            })
            .collect(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rplay_diag::Sources;

    use super::*;
    use crate::{Loader, PlainFiles};

    /// Variables by name, and `a == b`.
    struct Names;

    impl Templates for Names {
        fn expression(&self, expression: &Value, vars: Map, _extra: bool) -> Result<Value, String> {
            let text = expression.to_str();
            if let Some((name, wanted)) = text.split_once(" == ") {
                return Ok(Value::Bool(vars.get(name).is_some_and(|value| value.to_str() == wanted)));
            }
            vars.get(&text).cloned().ok_or_else(|| format!("'{text}' is undefined"))
        }

        fn text(&self, template: &Value, _vars: Map, _extra: bool) -> Result<String, String> {
            Ok(template.to_str().into_owned())
        }
    }

    fn load(config: &str) -> (crate::Inventory, Vec<crate::Attempt>) {
        let temp = tempfile::tempdir().unwrap();
        let (hosts, file) = (temp.path().join("hosts"), temp.path().join("made.yml"));
        fs_err::write(&hosts, "[web]\none size=small\ntwo size=\"''\"\n[web:vars]\nrole=front\n").unwrap();
        fs_err::write(&file, format!("plugin: ansible.builtin.constructed\n{config}")).unwrap();
        let sources = Sources::new();
        let loader = Loader { templates: Some(&Names), ..Loader::new(&sources, &PlainFiles) };
        loader.load(&[hosts.to_str().unwrap(), file.to_str().unwrap()])
    }

    fn hosts(inventory: &crate::Inventory, group: &str) -> Vec<String> {
        let Some(group) = inventory.group_id(group) else { return Vec::new() };
        inventory.hosts_of(group).iter().map(|id| inventory.h(*id).name.to_string()).collect()
    }

    #[test]
    fn groups_and_variables_come_from_those_that_are_there() {
        let (inventory, failed) = load(concat!(
            "compose: {where: role}\n",
            "groups: {small: size == small, front: where == front}\n",
            "keyed_groups: [{key: size, prefix: s, parent_group: sizes}]\n",
        ));
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(hosts(&inventory, "small"), ["one"]);
        assert_eq!(hosts(&inventory, "front"), ["one", "two"]);
        assert_eq!(hosts(&inventory, "s_small"), ["one"]);
        assert!(hosts(&inventory, "sizes").contains(&"one".to_owned()));
    }

    #[test]
    fn keys_give_names() {
        let text = |text: &str| Value::from(text);
        let map = Value::Map(Map::from_iter([("env", text("")), ("os", text("linux"))]));
        assert_eq!(names(&map, "_", None, None).unwrap(), ["env_", "os_linux"]);
        assert_eq!(names(&map, "_", Some("none"), None).unwrap(), ["env_none", "os_linux"]);
        assert_eq!(names(&map, "_", None, Some(false)).unwrap(), ["env", "os_linux"]);
        let list = Value::List(List::from(vec![text("a"), text("")]));
        assert_eq!(names(&list, "_", None, None).unwrap(), ["a"]);
        assert!(names(&Value::Int(1), "_", None, None).is_none());
    }

    #[test]
    fn what_cannot_be_made_counts_only_when_it_is_strict() {
        assert!(load("compose: {a: nowhere}\n").1.is_empty());
        let failed = load("strict: true\ncompose: {a: nowhere}\n").1;
        assert!(failed[0].diagnostic().notes.iter().any(|note| note.contains("Could not set a for host one")));
        assert!(!load("grups: {}\n").1.is_empty());
    }
}
