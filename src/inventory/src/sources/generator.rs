//! `generator`: hosts and groups made of every combination of layers. As ansible-core 2.19's plugin of that name.

use rplay_value::{Map, Value};

use crate::InventoryError;
use crate::load::{Target, Templates};

/// Reads a file of it.
pub(crate) fn read(config: &Map, templates: &dyn Templates, target: &mut Target<'_>) -> Result<(), InventoryError> {
    let layers = config.get("layers").and_then(Value::as_map).cloned().unwrap_or_default();
    let Some(Value::Map(hosts)) = config.get("hosts") else {
        return Err(InventoryError::syntax("generator needs `hosts`, a dictionary", None));
    };
    let Some(name) = hosts.get("name") else {
        return Err(InventoryError::syntax("Element must have a name", None));
    };
    let choices: Vec<(String, Vec<Value>)> = layers
        .iter()
        .map(|(layer, values)| {
            let values = match values {
                Value::List(list) => list.iter().cloned().collect(),
                other => vec![other.clone()],
            };
            (layer.to_str().into_owned(), values)
        })
        .collect();
    let total: usize = choices.iter().map(|(_, values)| values.len()).product();
    for mut number in 0..total {
        // The last layer changes first.
        let mut vars = Map::new();
        for (layer, values) in choices.iter().rev() {
            vars.insert(layer.as_str(), values[number % values.len()].clone());
            number /= values.len();
        }
        let host = text(templates, name, &vars)?;
        let id = target.host(&host);
        for group in parents(hosts.get("parents"), &vars, templates, target)? {
            target.inventory.join(id, group);
        }
    }
    Ok(())
}

fn text(templates: &dyn Templates, template: &Value, vars: &Map) -> Result<String, InventoryError> {
    templates.text(template, vars.clone(), false).map_err(|error| InventoryError::syntax(error, template.origin()))
}

/// The groups of a `parents` list, each below its own parents.
fn parents(
    list: Option<&Value>,
    vars: &Map,
    templates: &dyn Templates,
    target: &mut Target<'_>,
) -> Result<Vec<crate::GroupId>, InventoryError> {
    let mut groups = Vec::new();
    for parent in list.and_then(Value::as_list).into_iter().flat_map(|list| list.iter()) {
        let Some(name) = parent.as_map().and_then(|parent| parent.get("name")) else {
            return Err(InventoryError::syntax("Element must have a name", parent.origin()));
        };
        let Some(parent) = parent.as_map() else { continue };
        let name = text(templates, name, vars)?;
        let safe = target.group_name(&name).into_owned();
        let group = target.inventory.add_group(&safe);
        for above in parents(parent.get("parents"), vars, templates, target)? {
            target.inventory.add_child(above, group)?;
        }
        for (key, value) in parent.get("vars").and_then(Value::as_map).cloned().unwrap_or_default() {
            let value = text(templates, &value, vars)?;
            target.inventory.set_group_var(group, key, value);
        }
        groups.push(group);
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use rplay_diag::Sources;

    use super::*;
    use crate::{Loader, PlainFiles};

    /// Puts variables in place of their names in `{{ }}`.
    struct Names;

    impl Templates for Names {
        fn expression(&self, expression: &Value, _vars: Map, _extra: bool) -> Result<Value, String> {
            Err(format!("{} is no text", expression.to_str()))
        }

        fn text(&self, template: &Value, vars: Map, _extra: bool) -> Result<String, String> {
            let text = template.to_str().into_owned();
            Ok(vars
                .texts()
                .fold(text, |text, (name, value)| text.replace(&format!("{{{{ {name} }}}}"), &value.to_str())))
        }
    }

    #[test]
    fn every_combination_is_a_host_below_its_groups() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("made.yml");
        let text = concat!(
            "plugin: generator\n",
            "hosts:\n  name: '{{ op }}_{{ app }}'\n  parents:\n",
            "  - name: '{{ app }}'\n    vars: {app: '{{ app }}'}\n    parents: [{name: apps}]\n",
            "layers: {op: [build, run], app: [web, api]}\n",
        );
        fs_err::write(&file, text).unwrap();
        let sources = Sources::new();
        let loader = Loader { templates: Some(&Names), ..Loader::new(&sources, &PlainFiles) };
        let (inventory, failed) = loader.load(&[file.to_str().unwrap()]);
        assert!(failed.is_empty(), "{failed:?}");
        let names: Vec<_> = inventory.hosts().map(|host| host.name.to_string()).collect();
        assert_eq!(names, ["build_web", "build_api", "run_web", "run_api"]);
        let apps = inventory.group_id("apps").unwrap();
        assert_eq!(inventory.hosts_of(apps).len(), 4);
        assert_eq!(inventory.group("web").unwrap().vars.get("app"), Some(&Value::from("web")));
    }
}
