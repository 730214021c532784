//! Inventory plugins in Python: which one a source wants, and what it does to the inventory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rplay_diag::Diagnostic;
use rplay_engine::PythonCache;
use rplay_inventory::{Change, Inventory, Plugins, VarsPlugins};
use rplay_python::{Desk, Errand, PluginFile, Python, PythonError};
use rplay_template::{Engine, TemplateError};
use rplay_value::{Map, Value};
use serde_json::{Value as Json, json};

use crate::places::Places;
use crate::vars_plugins::PythonVars;

/// Finds plugins and runs them, all in one process, which is started for the first.
pub(crate) struct PythonInventories {
    pub(crate) python: Python,
    pub(crate) engine: Engine,
    pub(crate) places: Places,
    /// Where they look for caches.
    pub(crate) caches: Places,
    /// Variables of the command line.
    pub(crate) extra_vars: Map,
    /// Those that have variables.
    pub(crate) variables: Option<Arc<PythonVars>>,
    /// Whether what was kept from runs before counts (`--flush-cache`).
    pub(crate) cached: bool,
    pub(crate) state: Mutex<State>,
}

/// What is known so far.
#[derive(Default)]
pub(crate) struct State {
    found: HashMap<String, Option<PluginFile>>,
    errand: Option<Errand>,
}

impl PythonInventories {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str) -> Option<PluginFile> {
        if let Some(known) = self.state().found.get(name) {
            return known.clone();
        }
        let found = self.places.find(name);
        self.state().found.insert(name.to_owned(), found.clone());
        found
    }

    /// The cache plugin of a name.
    pub(crate) fn cache(&self, name: &str) -> Option<PythonCache> {
        let plugin = self.caches.find(name)?;
        Some(PythonCache { python: self.python.clone(), engine: self.engine.clone(), plugin })
    }

    /// Asks the process for something; `before` is the inventory that it may look at.
    fn ask(
        &self,
        name: &str,
        before: Option<&Inventory>,
        request: impl FnOnce(&Desk, Json) -> Result<String, TemplateError>,
    ) -> Result<(Json, Vec<Change>), Diagnostic> {
        let plugin =
            self.find(name).ok_or_else(|| Diagnostic::error(format!("there is no inventory plugin `{name}`")))?;
        let failed = |error: &PythonError| explained(name, &plugin, error);
        let kept = self.state().errand.take();
        let mut errand = match kept {
            Some(errand) => errand,
            None => self.python.errand(&[plugin.json()], &self.engine).map_err(|error| failed(&error))?,
        };
        let head = json!({"plugin": plugin.json(), "asked": name, "file": plugin.file.display().to_string()});
        let request = request(errand.desk(), head).map_err(|error| Diagnostic::error(error.message().to_owned()))?;
        let answer = errand.ask(&request, |desk, message| self.other(desk, message, before));
        let changes = match &answer {
            Ok(answer) => changes(errand.desk(), answer).map_err(|error| failed(&error)),
            Err(_) => Ok(Vec::new()),
        };
        if !matches!(answer, Err(PythonError::Ended { .. } | PythonError::Garbled(_))) {
            self.state().errand = Some(errand);
        }
        let answer = answer.map_err(|error| failed(&error))?;
        Ok((answer, changes?))
    }

    /// Questions that are about neither templates nor files.
    fn other(&self, desk: &Desk, message: &Json, before: Option<&Inventory>) -> Option<String> {
        match message["op"].as_str()? {
            "inventory" => before.map(|inventory| snapshot(inventory, desk)),
            "find" => {
                let name = message["name"].as_str().unwrap_or_default();
                let found = match message["kind"].as_str() {
                    Some("cache") => self.caches.find(name),
                    Some("inventory") => self.find(name),
                    _ => None,
                };
                Some(found.map_or(Json::Null, |plugin| plugin.json()).to_string())
            }
            _ => None,
        }
    }
}

impl Plugins for PythonInventories {
    fn variables(&self) -> Option<Arc<dyn VarsPlugins>> {
        self.variables.clone().map(|variables| variables as Arc<dyn VarsPlugins>)
    }

    fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn wants(&self, name: &str, source: &str) -> Result<bool, Diagnostic> {
        let (answer, _) = self.ask(name, None, |_, mut request| {
            request["op"] = "verify".into();
            request["source"] = absolute(source).into();
            Ok(request.to_string())
        })?;
        Ok(answer.as_bool().unwrap_or(false))
    }

    fn read(&self, name: &str, source: &str, before: &Inventory) -> Result<Vec<Change>, Diagnostic> {
        let empty = before.hosts().len() == 0 && before.groups().len() <= 2;
        let (_, changes) = self.ask(name, Some(before), |desk, mut request| {
            request["op"] = "inventory".into();
            request["source"] = absolute(source).into();
            request["empty"] = empty.into();
            request["cache"] = self.cached.into();
            let mut text = request.to_string();
            text.pop();
            text.push_str(&format!(",\"extra\":{}}}", desk.encode_map(&self.extra_vars)?));
            Ok(text)
        })?;
        Ok(changes)
    }
}

/// As ansible-core: a source is told of by its whole path, a list of hosts as it is.
fn absolute(source: &str) -> String {
    if source.contains(',') {
        return source.to_owned();
    }
    std::path::absolute(source).map_or_else(|_| source.to_owned(), |path| path.display().to_string())
}

fn explained(name: &str, plugin: &PluginFile, error: &PythonError) -> Diagnostic {
    let told = Diagnostic::error(error.to_string());
    match error {
        PythonError::Raised { missing: Some(module), .. } => told.hint(format!(
            "the inventory plugin `{name}` needs the Python module `{module}`; RPLAY_PYTHON names a Python that has it"
        )),
        PythonError::NoInterpreter | PythonError::Start { .. } => told
            .note(format!("the inventory plugin `{name}` is {}", plugin.file.display()))
            .hint("install Python 3 on this machine, or name one in RPLAY_PYTHON"),
        _ => told,
    }
}

/// The inventory as Python is told of it.
fn snapshot(inventory: &Inventory, desk: &Desk) -> String {
    let vars = |vars: &Map| desk.encode_map(vars).unwrap_or_else(|_| "{}".to_owned());
    let quoted = |name: &str| Json::from(name).to_string();
    let listed = |names: Vec<&str>| Json::from(names).to_string();
    let groups: Vec<String> = inventory
        .groups()
        .map(|group| {
            let children = group.children().iter().filter_map(|id| inventory.group_by_id(*id)).map(|g| &*g.name);
            format!(
                "{}:{{\"vars\":{},\"children\":{},\"priority\":{}}}",
                quoted(&group.name),
                vars(&group.vars),
                listed(children.collect()),
                group.priority
            )
        })
        .collect();
    let hosts: Vec<String> = inventory
        .hosts()
        .map(|host| {
            let mut all = host.source.clone();
            all.extend(host.vars.clone());
            let groups = host.direct_groups().iter().filter_map(|id| inventory.group_by_id(*id)).map(|g| &*g.name);
            format!("{}:{{\"vars\":{},\"groups\":{}}}", quoted(&host.name), vars(&all), listed(groups.collect()))
        })
        .collect();
    format!("{{\"groups\":{{{}}},\"hosts\":{{{}}}}}", groups.join(","), hosts.join(","))
}

/// What a plugin did, as rplay does it.
fn changes(desk: &Desk, answer: &Json) -> Result<Vec<Change>, PythonError> {
    let Some(list) = answer.as_array() else { return Ok(Vec::new()) };
    list.iter()
        .map(|change| {
            let text = |at: usize| change[at].as_str().unwrap_or_default().to_owned();
            Ok(match change[0].as_str() {
                Some("group") => Change::Group(text(1)),
                Some("child") => Change::Child { parent: text(1), child: text(2) },
                Some("host") => Change::Host {
                    name: text(1),
                    group: change[2].as_str().map(str::to_owned),
                    port: change[3].as_i64(),
                },
                Some("var") => Change::Variable {
                    entity: text(1),
                    name: match desk.decode(&change[2])? {
                        Value::Text(text) => text.to_string(),
                        other => other.to_str().into_owned(),
                    },
                    value: desk.decode(&change[3])?,
                },
                _ => return Err(PythonError::Garbled(format!("a change of an inventory is {change}"))),
            })
        })
        .collect()
}
