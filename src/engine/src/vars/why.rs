//! Why a variable has its value: every place that sets it, for a host and a task, strongest first.
//!
//! Nothing is run and no host is connected to. What only a run can know (`set_fact`, registered results) is listed as
//! what may set the variable later.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rplay_diag::Span;
use rplay_inventory::{Layer, Level};
use rplay_template::{Engine, Reading};
use rplay_value::{List, Map, Text, Value};

use crate::plan::Step;
use crate::vars::precedence::{LayerKind, Writer, visit_step};
use crate::vars::{PlayScope, View};

/// What is asked about a variable.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The variable, or a key inside it: `name`, `name.key.0`.
    pub variable: String,
    /// The hosts; all of the inventory or play when empty.
    pub hosts: Vec<Arc<str>>,
    /// The task: its file, and a line of it.
    pub task: Option<(PathBuf, usize)>,
    /// Show values that were encrypted.
    pub reveal: bool,
}

/// The explanation of a variable.
#[derive(Clone, Debug, Default)]
pub struct Why {
    /// One for each group of hosts and place with the same answer.
    pub answers: Vec<Answer>,
    /// What may set the variable while the playbook runs.
    pub later: Vec<Later>,
    /// When nothing sets it: a variable of a similar name.
    pub near: Option<String>,
}

/// What holds for some hosts in one place.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The hosts.
    pub hosts: Vec<Arc<str>>,
    /// The play, and the task in it.
    pub place: Option<Place>,
    /// Every place that sets the variable, strongest first.
    pub settings: Vec<Setting>,
    /// Why the first of several settings wins.
    pub because: Option<String>,
    /// The rendered value.
    pub value: Option<Value>,
    /// Why there is no rendered value.
    pub problem: Option<String>,
    /// The variables that the winning text refers to.
    pub uses: Vec<Used>,
}

/// Where in a playbook.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The play's name.
    pub play: String,
    /// The task's name, with its role's.
    pub task: Option<String>,
    /// Where the play or task was written.
    pub span: Option<Span>,
}

/// One place that sets the variable.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The level in one word, for programs: `host_vars`, `role_defaults`.
    pub level: &'static str,
    /// The level in words.
    pub what: String,
    /// Where it was written.
    pub span: Option<Span>,
    /// The file, when only that is known.
    pub file: Option<String>,
    /// What was written there; nothing when it has not the key that was asked for.
    pub raw: Option<Value>,
    rank: LayerKind,
    detail: Detail,
}

/// A variable that the winning text refers to.
#[derive(Clone, Debug)]
pub struct Used {
    /// Its name.
    pub name: String,
    /// Its value, rendered.
    pub value: Option<Value>,
    /// Why there is none.
    pub problem: Option<String>,
    /// Where the strongest setting was written.
    pub span: Option<Span>,
}

/// A task that may set the variable.
#[derive(Clone, Debug)]
pub struct Later {
    /// How: `set_fact`, `register`, `include_vars`, `add_host`.
    pub how: &'static str,
    /// Where.
    pub span: Option<Span>,
    /// Whether it would win over everything listed in every answer.
    pub wins: bool,
}

/// What tells settings of one level apart.
#[derive(Clone, Debug, PartialEq)]
enum Detail {
    None,
    Inventory { level: Level, entity: Arc<str> },
    Task(u8),
    Role(Arc<str>),
}

const HIDDEN: &str = "!vault";

impl View {
    /// Explains a variable as it is seen here.
    pub(crate) fn explain(&self, engine: &Engine, asked: &Asked) -> Answer {
        let path = Path::of(&asked.variable);
        let found = self.settings(path.name);
        let secret =
            found.first().is_some_and(|(_, value)| self.is_secret(engine, value, &mut vec![path.name.to_owned()]));
        let mut settings: Vec<Setting> = Vec::with_capacity(found.len());
        for (mut setting, value) in found {
            let inner = path.find(&value);
            if let Some((_, Some(span))) = &inner {
                setting.span = Some(*span);
            }
            let sealed = setting.span.is_some_and(|span| self.world.options().sources.is_sealed(span.source));
            setting.raw = inner.map(|(value, _)| match value {
                _ if sealed && !asked.reveal => Value::data(HIDDEN),
                value if asked.reveal => value,
                value => masked(&value),
            });
            settings.push(setting);
        }
        let merged = self.world.options().merge_hashes;
        let because = match settings.as_slice() {
            [first, ..] if first.raw.is_none() && !merged => settings.iter().find(|s| s.raw.is_some()).map(|_| {
                "the winning mapping lacks this key; those below do not add to it (hash_behaviour is replace)"
                    .to_owned()
            }),
            [first, second, ..] => Some(self.because(first, second)),
            _ => None,
        };
        let scope = self.clone().into_scope();
        let mut answer = Answer {
            hosts: self.host.iter().cloned().collect(),
            place: None,
            settings,
            because,
            value: None,
            problem: None,
            uses: Vec::new(),
        };
        if answer.settings.is_empty() {
            return answer;
        }
        let render = |expression: String, hidden: bool| {
            // What is not to be shown is not decrypted either.
            if hidden {
                return (Some(Value::data(HIDDEN)), None);
            }
            match engine.evaluate(&Text::trusted(expression), &scope) {
                Ok(value) => (Some(value), None),
                Err(error) => (None, Some(error.message().to_owned())),
            }
        };
        (answer.value, answer.problem) = render(path.expression(), secret && !asked.reveal);
        let raw = answer.settings.iter().find_map(|setting| setting.raw.clone());
        for name in raw.map(|raw| referred(engine, &raw)).unwrap_or_default() {
            if name == path.name || answer.uses.iter().any(|used| used.name == name) {
                continue;
            }
            let found = self.settings(&name);
            let Some((strongest, value)) = found.first() else {
                // Names that the template assigns itself are no variables.
                let missed = answer.problem.as_ref().is_some_and(|problem| problem.contains(&format!("'{name}'")));
                if missed && !self.is_known(&name) {
                    answer.uses.push(Used { problem: Some("not set".to_owned()), name, value: None, span: None });
                }
                continue;
            };
            let span = strongest.span;
            let hidden = !asked.reveal && self.is_secret(engine, value, &mut vec![name.clone()]);
            let (value, problem) = render(name.clone(), hidden);
            answer.uses.push(Used { name, value, problem, span });
        }
        answer
    }

    /// Whether it is a variable at all: a magic one, which no layer sets.
    fn is_known(&self, name: &str) -> bool {
        rplay_template::Variables::get(self, name).is_some()
    }

    /// Every setting of a variable, strongest first.
    fn settings(&self, name: &str) -> Vec<(Setting, Value)> {
        let mut out: Vec<(Setting, Value)> = Vec::new();
        if self.magic(name).is_some() && !(name == "ansible_facts" && self.host.is_some()) {
            let what = "a magic variable, which nothing overrides".to_owned();
            out.push((Setting::new("magic", what, LayerKind::Extra, Detail::None), Value::Null));
        }
        let inventory = self.host.as_ref().map(|host| self.world.described_layers(host)).unwrap_or_default();
        self.walk::<()>(&mut |kind, map, _| {
            let (key, value) = map.get_entry(name)?;
            let mut setting = self.describe(kind, map, &inventory);
            setting.span = key.origin().or(value.origin());
            // What is asked for is set by no line; its default may be.
            if kind == LayerKind::Play && key.origin().is_none() {
                setting.level = "vars_prompt";
                "vars_prompt of the play, asked for when it starts".clone_into(&mut setting.what);
            }
            // Merging visits some maps twice.
            if !out.iter().any(|(known, _)| known.span.is_some() && known.span == setting.span) {
                out.push((setting, value.clone()));
            }
            None
        });
        if self.of_host(name).is_some() {
            let what = "what the inventory says about every host".to_owned();
            out.push((Setting::new("magic", what, LayerKind::PlayRoleDefaults, Detail::None), Value::Null));
        }
        out
    }

    fn describe(&self, kind: LayerKind, map: &Map, inventory: &[Layer]) -> Setting {
        let (level, what, detail) = match kind {
            LayerKind::Extra => ("extra_vars", "extra vars, -e".to_owned(), Detail::None),
            LayerKind::Set => ("set_facts", "set_fact or a registered result".to_owned(), Detail::None),
            LayerKind::Included => ("include_vars", "include_vars".to_owned(), Detail::None),
            LayerKind::VarsFile => ("vars_files", "vars_files of the play".to_owned(), Detail::None),
            LayerKind::Play => ("play_vars", "vars of the play".to_owned(), Detail::None),
            LayerKind::Facts => ("facts", "cached facts of the host".to_owned(), Detail::None),
            LayerKind::Inventory => {
                let Some(layer) = inventory.iter().find(|layer| layer.vars.same(map)) else {
                    return Setting::new("inventory", "the inventory".to_owned(), kind, Detail::None);
                };
                let (level, what) = of_inventory(layer);
                let detail = Detail::Inventory { level: layer.level, entity: Arc::clone(&layer.entity) };
                let mut setting = Setting::new(level, what, kind, detail);
                setting.file = layer.file.as_ref().map(|file| file.display().to_string());
                return setting;
            }
            LayerKind::PlayRoleVars | LayerKind::PlayRoleDefaults => {
                let (level, word) =
                    if kind == LayerKind::PlayRoleVars { ("role_vars", "vars") } else { ("role_defaults", "defaults") };
                let name = self.play.as_deref().and_then(|play| role_of(play, map));
                let name = name.unwrap_or_else(|| Arc::from("?"));
                (level, format!("{word} of role {name}, which the whole play sees"), Detail::Role(name))
            }
            LayerKind::Task
            | LayerKind::Include
            | LayerKind::RoleParams
            | LayerKind::RoleVars
            | LayerKind::RoleDefaults => {
                let mut writer = None;
                let mut depth = 0_u8;
                if let Some(step) = self.step.as_deref() {
                    visit_step(step, &mut |at, other, who| {
                        if at == kind && writer.is_none() {
                            if other.same(map) {
                                writer = Some(who);
                            } else {
                                depth = depth.saturating_add(1);
                            }
                        }
                    });
                }
                of_step(kind, map, writer, depth)
            }
        };
        Setting::new(level, what, kind, detail)
    }

    /// Why one setting is stronger than the next.
    fn because(&self, first: &Setting, second: &Setting) -> String {
        match (&first.detail, &second.detail) {
            (Detail::Inventory { level: a, entity }, Detail::Inventory { level: b, entity: other }) if a == b => {
                if entity == other {
                    return "later files win over earlier ones".to_owned();
                }
                let inventory = self.world.inventory();
                let (Some(a), Some(b)) = (inventory.group(entity), inventory.group(other)) else {
                    return "it comes later".to_owned();
                };
                if a.depth() != b.depth() {
                    format!("group {entity} lies deeper than group {other}")
                } else if a.priority != b.priority {
                    format!(
                        "ansible_group_priority of group {entity} is {}, that of group {other} is {}",
                        a.priority, b.priority
                    )
                } else {
                    format!("groups of one depth count by name: {entity} comes after {other}")
                }
            }
            (Detail::Inventory { .. }, Detail::Inventory { .. }) if first.level == second.level => {
                format!("{} beside the playbook are stronger than those beside the inventory", plural(first.level))
            }
            (Detail::Inventory { .. }, Detail::Inventory { .. }) => {
                format!("{} are stronger than {}", plural(first.level), plural(second.level))
            }
            (Detail::Task(_), Detail::Task(_)) => "the innermost vars win".to_owned(),
            (Detail::Role(a), Detail::Role(b)) if first.rank == second.rank && a != b => match first.rank {
                LayerKind::PlayRoleVars | LayerKind::PlayRoleDefaults => {
                    "of roles that the whole play sees, the later one wins".to_owned()
                }
                _ => format!("the task's own role wins over role {b}"),
            },
            _ if first.rank == second.rank => "the later one wins".to_owned(),
            _ => format!("{} are stronger than {}", plural(first.level), plural(second.level)),
        }
    }

    /// Whether a value, or a variable it refers to, was encrypted.
    fn is_secret(&self, engine: &Engine, value: &Value, seen: &mut Vec<String>) -> bool {
        if holds_vault(value) || value.origin().is_some_and(|at| self.world.options().sources.is_sealed(at.source)) {
            return true;
        }
        for name in referred(engine, value) {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name.clone());
            if self.settings(&name).first().is_some_and(|(setting, value)| {
                setting.span.is_some_and(|at| self.world.options().sources.is_sealed(at.source))
                    || self.is_secret(engine, value, seen)
            }) {
                return true;
            }
        }
        false
    }
}

impl Setting {
    fn new(level: &'static str, what: String, rank: LayerKind, detail: Detail) -> Self {
        Self { level, what, span: None, file: None, raw: None, rank, detail }
    }

    /// Whether facts that a task sets would win over it.
    pub(crate) fn below_facts(&self) -> bool {
        self.rank > LayerKind::Set && self.level != "magic"
    }

    /// Whether `include_vars` would win over it.
    pub(crate) fn below_included(&self) -> bool {
        self.rank > LayerKind::Included && self.level != "magic"
    }
}

impl Answer {
    /// Equal for answers that differ in their hosts only.
    pub(crate) fn key(&self) -> String {
        format!("{:?}", (&self.place, &self.settings, &self.value, &self.problem, &self.uses))
    }
}

/// Answers that say the same, together.
pub(crate) fn grouped(answers: Vec<Answer>) -> Vec<Answer> {
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<Answer> = Vec::new();
    for answer in answers {
        match index.entry(answer.key()) {
            std::collections::hash_map::Entry::Occupied(at) => out[*at.get()].hosts.extend(answer.hosts),
            std::collections::hash_map::Entry::Vacant(at) => {
                at.insert(out.len());
                out.push(answer);
            }
        }
    }
    out
}

fn of_inventory(layer: &Layer) -> (&'static str, String) {
    let entity = &layer.entity;
    match layer.level {
        Level::SourceAll => ("inventory_all", "the inventory, for all hosts".to_owned()),
        Level::SourceGroup => ("inventory_group", format!("the inventory, for group {entity}")),
        Level::InventoryGroupVarsAll => ("group_vars_all", "group_vars/all beside the inventory".to_owned()),
        Level::PlaybookGroupVarsAll => ("group_vars_all", "group_vars/all beside the playbook".to_owned()),
        Level::InventoryGroupVars => ("group_vars", format!("group_vars of {entity} beside the inventory")),
        Level::PlaybookGroupVars => ("group_vars", format!("group_vars of {entity} beside the playbook")),
        Level::SourceHost => ("inventory_host", format!("the inventory, for host {entity}")),
        Level::InventoryHostVars => ("host_vars", format!("host_vars of {entity} beside the inventory")),
        Level::PlaybookHostVars => ("host_vars", format!("host_vars of {entity} beside the playbook")),
    }
}

fn of_step(kind: LayerKind, map: &Map, writer: Option<Writer<'_>>, depth: u8) -> (&'static str, String, Detail) {
    let role = match writer {
        Some(Writer::Role(role) | Writer::Parent(role)) => Some(role),
        _ => None,
    };
    let name = role.map_or_else(|| Arc::from("?"), |role| Arc::clone(&role.name));
    match kind {
        LayerKind::Task => {
            let what = match writer {
                Some(Writer::Task) => ("task_vars", "vars of the task"),
                Some(Writer::Include(_)) => ("apply_vars", "vars that an include applies"),
                _ => ("block_vars", "vars of a block or import around the task"),
            };
            (what.0, what.1.to_owned(), Detail::Task(depth))
        }
        LayerKind::Include => {
            let of_file = matches!(writer, Some(Writer::Include(Some(_))));
            let what = if of_file { "parameters of include_tasks" } else { "parameters of include_role" };
            ("include_params", what.to_owned(), Detail::Task(depth))
        }
        LayerKind::RoleParams => ("role_params", format!("parameters of role {name}"), Detail::Role(name)),
        LayerKind::RoleVars => {
            let at_use = role.is_some_and(|role| role.common.vars.same(map));
            let what = if at_use { format!("vars where role {name} is used") } else { format!("vars of role {name}") };
            ("role_vars", what, Detail::Role(name))
        }
        _ => ("role_defaults", format!("defaults of role {name}"), Detail::Role(name)),
    }
}

/// The role of the play that these vars or defaults belong to.
fn role_of(play: &PlayScope, map: &Map) -> Option<Arc<str>> {
    play.known_roles()
        .iter()
        .rev()
        .flat_map(|known| known.dependencies.iter().chain([&known.role]))
        .find(|role| role.vars.same(map) || role.defaults.same(map))
        .map(|role| Arc::clone(&role.name))
}

fn plural(level: &str) -> &'static str {
    match level {
        "extra_vars" => "extra vars",
        "include_params" => "parameters of includes",
        "role_params" => "role parameters",
        "set_facts" => "facts that were set",
        "include_vars" => "included variables",
        "task_vars" | "block_vars" | "apply_vars" => "vars of tasks and blocks",
        "role_vars" => "role vars",
        "vars_files" => "vars_files",
        "play_vars" | "vars_prompt" => "play vars",
        "facts" => "facts",
        "host_vars" => "host_vars files",
        "inventory_host" => "host variables of the inventory",
        "group_vars" => "group_vars files",
        "inventory_group" => "group variables of the inventory",
        "group_vars_all" => "group_vars/all files",
        "inventory_all" => "variables of the inventory for all hosts",
        "role_defaults" => "role defaults",
        _ => "magic variables",
    }
}

/// `name.key.0`: a variable and keys inside it.
struct Path<'a> {
    name: &'a str,
    keys: Vec<&'a str>,
}

impl<'a> Path<'a> {
    fn of(text: &'a str) -> Self {
        let mut parts = text.split('.');
        Self { name: parts.next().unwrap_or_default(), keys: parts.collect() }
    }

    /// The value at the path, and where its key was written.
    fn find(&self, value: &Value) -> Option<(Value, Option<Span>)> {
        let mut current = value.clone();
        let mut span = None;
        for key in &self.keys {
            let (next, at) = match &current {
                Value::Map(map) => {
                    if let Some((name, value)) = map.get_entry(key) {
                        (value.clone(), name.origin())
                    } else {
                        let number: i64 = key.parse().ok()?;
                        (map.get_value(&Value::Int(number))?.clone(), None)
                    }
                }
                Value::List(list) => {
                    let value = list.get(key.parse::<usize>().ok()?)?;
                    (value.clone(), value.origin())
                }
                // What a template gives is known only when it is rendered.
                Value::Text(text) if text.is_template() => return Some((current, span)),
                _ => return None,
            };
            (current, span) = (next, at.or(span));
        }
        Some((current, span))
    }

    /// As a template writes it.
    fn expression(&self) -> String {
        let mut out = self.name.to_owned();
        for key in &self.keys {
            if key.parse::<usize>().is_ok() {
                out.push_str(&format!("[{key}]"));
            } else {
                out.push_str(&format!("['{}']", key.replace('\\', "\\\\").replace('\'', "\\'")));
            }
        }
        out
    }
}

/// The value without what is encrypted in it.
fn masked(value: &Value) -> Value {
    match value {
        Value::Vault(_) => Value::data(HIDDEN),
        Value::List(list) if holds_vault(value) => Value::List(list.iter().map(masked).collect::<List>()),
        Value::Map(map) if holds_vault(value) => {
            Value::Map(map.iter().map(|(key, value)| (key.clone(), masked(value))).collect())
        }
        other => other.clone(),
    }
}

fn holds_vault(value: &Value) -> bool {
    match value {
        Value::Vault(_) => true,
        Value::List(list) => list.iter().any(holds_vault),
        Value::Map(map) => map.values().any(holds_vault),
        _ => false,
    }
}

/// The names in the templates of a value: variables, and what the templates assign themselves.
fn referred(engine: &Engine, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    collect(engine, value, &mut out);
    out
}

fn collect(engine: &Engine, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Text(text) if text.is_template() => {
            // What is no template is told when it is rendered.
            let uses = engine.inspect(text, Reading::Template).map(|found| found.uses).unwrap_or_default();
            for used in uses.into_iter().filter(|used| used.what == rplay_template::Used::Name) {
                if !out.contains(&used.name) {
                    out.push(used.name);
                }
            }
        }
        Value::List(list) => list.iter().for_each(|value| collect(engine, value, out)),
        Value::Map(map) => map.values().for_each(|value| collect(engine, value, out)),
        _ => {}
    }
}

/// What may set the variable when the task runs.
pub(crate) fn may_set(step: &Step, name: &str) -> Vec<(&'static str, Option<Span>)> {
    let mut out = Vec::new();
    let Some(task) = step.task() else { return out };
    let action = task.action.resolved.rsplit('.').next().unwrap_or_default();
    if let Some((key, _)) = task.action.args.get_entry(name) {
        match action {
            "set_fact" => out.push(("set_fact", key.origin().or(task.span))),
            "add_host" => out.push(("add_host", key.origin().or(task.span))),
            _ => {}
        }
    }
    if action == "include_vars" {
        match task.action.args.get("name") {
            Some(value) if value.as_str().is_some_and(|given| given != name) && !value.holds_template() => {}
            _ => out.push(("include_vars", task.span)),
        }
    }
    if let Some(field) = &task.register
        && field.constant().is_some_and(|given| given.as_str() == name)
    {
        out.push(("register", field.span.or(task.span)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_templates_are_found_and_other_words_are_not() {
        let engine = Engine::new(rplay_template::EngineOptions::default());
        let of = |text: &str| referred(&engine, &Value::Text(Text::trusted(text)));
        assert_eq!(of("no {{ a }} and {{ b.c | default(d, true) | join(',') }}"), ["a", "b", "d"]);
        assert_eq!(of("{{ lookup('env', home, default=fallback) }}"), ["home", "fallback"]);
        assert!(referred(&engine, &Value::data("{{ data }}")).is_empty());
    }

    #[test]
    fn paths_lead_into_values() {
        let inner = Map::from_iter([("b", Value::List(vec![Value::from("x"), Value::from("y")].into()))]);
        let path = Path::of("a.b.1");
        assert_eq!(path.find(&Value::Map(inner.clone())).unwrap().0, Value::from("y"));
        assert_eq!(path.expression(), "a['b'][1]");
        assert!(Path::of("a.c").find(&Value::Map(inner)).is_none());
    }
}
