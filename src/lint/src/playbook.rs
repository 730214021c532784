//! What stands where in a file: plays, blocks, tasks, roles, variables.

use rplay_playbook::keyword::{self, Place};
use rplay_yaml::Node;

use crate::files::Kind;
use crate::{Lint, modules};

/// Keywords whose values are conditions.
const CONDITIONS: [&str; 5] = ["when", "changed_when", "failed_when", "until", "break_when"];

impl Lint {
    /// Remembers the names of variables.
    pub(crate) fn learn(&mut self, kind: Kind, node: &Node) {
        if kind == Kind::Vars {
            self.learn_names(node);
        } else {
            self.learn_below(node);
        }
    }

    fn learn_names(&mut self, vars: &Node) {
        for (key, _) in vars.as_mapping().unwrap_or_default() {
            if let Some(name) = key.as_str() {
                self.variables.insert(name.to_owned());
            }
        }
        vars.as_sequence().unwrap_or_default().iter().for_each(|item| self.learn_names(item));
    }

    fn learn_below(&mut self, node: &Node) {
        for (key, value) in node.as_mapping().unwrap_or_default() {
            match modules::short(key.as_str().unwrap_or_default()) {
                "vars" | "set_fact" => self.learn_names(value),
                "register" => self.variables.extend(value.as_str().map(str::to_owned)),
                _ => self.learn_below(value),
            }
        }
        node.as_sequence().unwrap_or_default().iter().for_each(|item| self.learn_below(item));
    }

    /// Checks a document.
    pub(crate) fn document(&mut self, kind: Kind, node: &Node) {
        match kind {
            Kind::Playbook => node.as_sequence().unwrap_or_default().iter().for_each(|play| self.play(play)),
            Kind::Tasks { handlers } => self.tasks(node, handlers),
            Kind::Vars => self.templates(node),
            Kind::Meta => {
                for role in node.get("dependencies").and_then(Node::as_sequence).unwrap_or_default() {
                    self.role(role);
                }
            }
            Kind::Inventory => self.groups(node),
            Kind::Other => {}
        }
    }

    fn play(&mut self, play: &Node) {
        let entries = play.as_mapping().unwrap_or_default();
        if play.get("hosts").is_none() {
            self.playbook_include(play);
            for (key, value) in entries {
                self.keyword_value(key.as_str().unwrap_or_default(), value);
            }
            return;
        }
        for (key, value) in entries {
            let name = key.as_str().unwrap_or_default();
            self.keyword(key, value, Place::Play);
            match name {
                "tasks" | "pre_tasks" | "post_tasks" => self.tasks(value, false),
                "handlers" => self.tasks(value, true),
                "roles" => value.as_sequence().unwrap_or_default().iter().for_each(|role| self.role(role)),
                other => self.keyword_value(other, value),
            }
        }
    }

    /// A keyword's value: conditions as such, the rest for its templates.
    fn keyword_value(&mut self, name: &str, value: &Node) {
        if CONDITIONS.contains(&name) {
            self.conditions(value);
        } else {
            if name == "vars" {
                self.variable_names(value);
            }
            self.templates(value);
        }
    }

    fn role(&mut self, role: &Node) {
        for (key, value) in role.as_mapping().unwrap_or_default() {
            self.keyword(key, value, Place::Role);
            self.keyword_value(key.as_str().unwrap_or_default(), value);
        }
    }

    pub(crate) fn tasks(&mut self, list: &Node, handlers: bool) {
        for task in list.as_sequence().unwrap_or_default() {
            self.task(task, handlers);
        }
    }

    fn task(&mut self, task: &Node, handlers: bool) {
        let Some(entries) = task.as_mapping() else { return };
        let block = task.get("block").is_some();
        let place = match (block, handlers) {
            (true, _) => Place::Block,
            (false, true) => Place::Handler,
            (false, false) => Place::Task,
        };
        for (key, value) in entries {
            let name = key.as_str().unwrap_or_default();
            self.keyword(key, value, place);
            if let Some(lookup) = name.strip_prefix("with_") {
                self.with_loop(lookup, value);
                self.templates(value);
                continue;
            }
            match name {
                "block" | "rescue" | "always" if block => self.tasks(value, handlers),
                "loop" => {
                    self.loop_value(value);
                    self.templates(value);
                }
                "loop_control" => {
                    for (key, value) in value.as_mapping().unwrap_or_default() {
                        self.keyword(key, value, Place::LoopControl);
                        self.keyword_value(key.as_str().unwrap_or_default(), value);
                    }
                }
                "action" | "local_action" => {
                    self.old_action(key, value);
                    self.templates(value);
                }
                "args" => self.templates(value),
                _ if keyword::find(name, place).is_some() => self.keyword_value(name, value),
                _ if block => self.templates(value),
                _ => self.action(key, value, task),
            }
        }
    }
}
