//! What `--list-hosts`, `--list-tasks` and `--list-tags` print: the text of ansible-core 2.19, to the character.
//!
//! Ansible prints sets in arbitrary order where this prints them sorted (tags of a play) or in inventory order (hosts).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use rplay_value::{Text, Value, push_str_repr};

use crate::{Common, Include, Item, Origin, Play, Playbook, Role, RoleUse, TagSelection, Task};

/// Renders a text of a play with its static variables: one text, or a list of them.
pub type Render<'a> = &'a dyn Fn(&Text, &Play) -> Vec<String>;

/// What to print.
#[derive(Clone, Copy)]
pub struct Listing<'a> {
    /// `--list-hosts`.
    pub hosts: bool,
    /// `--list-tasks`.
    pub tasks: bool,
    /// `--list-tags`.
    pub tags: bool,
    /// `--tags` and `--skip-tags`.
    pub selection: &'a TagSelection,
    /// Hosts of a play's patterns, limits applied.
    pub resolve_hosts: &'a dyn Fn(&[String]) -> Vec<Arc<str>>,
    /// Whether a play without a name is named after its list of patterns as they are written, as 2.19 does.
    pub raw_names: bool,
    /// Renders names, patterns and tags.
    pub render: Render<'a>,
}

/// The listing of one playbook. `shown` is its path as the user gave it.
pub fn listing(playbook: &Playbook, shown: &str, options: &Listing<'_>) -> String {
    let mut out = format!("\nplaybook: {shown}\n");
    for (index, play) in playbook.plays.iter().enumerate() {
        play_listing(&mut out, index + 1, play, options);
    }
    out
}

fn play_listing(out: &mut String, number: usize, play: &Play, options: &Listing<'_>) {
    let render = |text: &Text| (options.render)(text, play);
    let hosts: Vec<String> = play.hosts.iter().flat_map(render).collect();
    let name = match &play.name {
        Some(name) if !name.is_empty() => render(name).concat(),
        _ => match play.hosts.as_slice() {
            // One template that yields a list is named after it as Python shows it.
            [one] if one.is_template() && hosts.len() > 1 => python_list(&hosts),
            [_, _, ..] if options.raw_names => play.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            _ => hosts.join(","),
        },
    };
    let play_tags: BTreeSet<String> = play.common.tags.iter().flat_map(render).collect();
    let joined = |tags: &BTreeSet<String>, separator: &str| tags.iter().cloned().collect::<Vec<_>>().join(separator);
    let _ = write!(out, "\n  play #{number} ({}): {name}\tTAGS: [{}]", hosts.join(","), joined(&play_tags, ","));
    if options.hosts {
        let found = (options.resolve_hosts)(&hosts);
        let _ = write!(out, "\n    pattern: {}\n    hosts ({}):", python_list(&hosts), found.len());
        for host in found {
            let _ = write!(out, "\n      {host}");
        }
    }
    out.push('\n');
    if !options.tasks && !options.tags {
        return;
    }
    let selection = options.selection.clone();
    let selection = if options.tags { selection.for_tag_listing() } else { selection };
    let mut walk = Walk { play, options, selection, all: play_tags.clone(), lines: String::new() };
    if options.tasks {
        walk.lines.push_str("    tasks:\n");
    }
    let lineage = [&*play.common];
    walk.items(&play.pre_tasks, &lineage);
    for role in &play.roles {
        walk.role(role, &lineage);
    }
    walk.items(&play.tasks, &lineage);
    walk.items(&play.post_tasks, &lineage);
    if options.tags {
        let all = joined(&walk.all, ", ");
        let _ = writeln!(walk.lines, "      TASK TAGS: [{all}]");
    }
    out.push_str(&walk.lines);
}

fn python_list(texts: &[String]) -> String {
    let mut out = String::from("[");
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        push_str_repr(&mut out, text);
    }
    out.push(']');
    out
}

struct Walk<'a> {
    play: &'a Play,
    options: &'a Listing<'a>,
    selection: TagSelection,
    all: BTreeSet<String>,
    lines: String,
}

impl Walk<'_> {
    fn role(&mut self, used: &RoleUse, lineage: &[&Common]) {
        for dependency in &used.dependencies {
            // A dependency inherits from the roles that need it.
            let mut inner = lineage.to_vec();
            inner.push(&used.role.common);
            self.role(dependency, &inner);
        }
        let mut inner = lineage.to_vec();
        inner.push(&used.role.common);
        self.items(&used.tasks, &inner);
    }

    fn items(&mut self, items: &[Item], lineage: &[&Common]) {
        for item in items {
            match item {
                Item::Block(block) => {
                    let mut inner = lineage.to_vec();
                    inner.push(&block.common);
                    match &block.origin {
                        Origin::ImportRole(used) => self.role(used, &inner),
                        // Only the main part is listed: as Ansible.
                        Origin::Plain | Origin::ImportTasks(_) => self.items(&block.block, &inner),
                    }
                }
                Item::Task(task) => self.task(task, lineage),
            }
        }
    }

    fn task(&mut self, task: &Task, lineage: &[&Common]) {
        let levels = lineage.iter().copied().chain(std::iter::once(&*task.common));
        let mut tags: BTreeSet<String> = BTreeSet::new();
        for tag in levels.flat_map(|common| &common.tags) {
            tags.extend((self.options.render)(tag, self.play));
        }
        let list: Vec<&String> = tags.iter().collect();
        if !self.selection.allows(&list) {
            return;
        }
        if self.options.tasks {
            let shown = tags.iter().cloned().collect::<Vec<_>>().join(", ");
            let _ = writeln!(self.lines, "      {}\tTAGS: [{shown}]", task_title(task));
        }
        self.all.extend(tags);
    }
}

fn task_title(task: &Task) -> String {
    match &task.name {
        // An included role's task is not named after where it stands.
        Some(name) if !name.is_empty() => {
            match task.role.as_ref().filter(|_| !matches!(task.include, Some(Include::Role { .. }))) {
                Some(role) => format!("{} : {name}", role.full_name()),
                None => name.to_string(),
            }
        }
        _ => task.action.name.to_string(),
    }
}

impl Role {
    /// The name to show: with its collection, if it has one.
    pub fn full_name(&self) -> String {
        match &self.collection {
            Some(collection) => format!("{collection}.{}", self.name),
            None => self.name.to_string(),
        }
    }
}

impl Task {
    /// The title Ansible shows: `role : name`, the name, or the action's name.
    pub fn title(&self, name: Option<&str>, with_collection: bool) -> String {
        let shown = name.or(self.name.as_deref()).filter(|name| !name.is_empty()).unwrap_or(&self.action.name);
        match &self.role {
            Some(role) if with_collection => format!("{} : {shown}", role.full_name()),
            Some(role) => format!("{} : {shown}", role.name),
            None => shown.to_owned(),
        }
    }
}

/// A rendered value as texts: a list as its items.
pub fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::List(list) => list.iter().flat_map(texts_of).collect(),
        Value::Null => Vec::new(),
        other => vec![other.to_str().into_owned()],
    }
}
