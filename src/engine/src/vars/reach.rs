//! How a task reaches its host, as variables: `ansible_host`, `ansible_user` and their like are there for the templates of
//! a task even where nobody set them, as ansible-core fills them in from the play's connection before a task's templates
//! are rendered. Loops and names do not see them.

use std::sync::Arc;

use rplay_playbook::{Field, Written};
use rplay_template::{Engine, Rendered, Scope, Slot, Variables};
use rplay_value::{Text, Value};

use crate::plan::Step;
use crate::vars::World;

/// Names of the same thing, first the one that counts when both are set.
const NAMES: [&[&str]; 8] = [
    &["ansible_connection"],
    &["ansible_ssh_host", "ansible_host"],
    &["ansible_ssh_user", "ansible_user"],
    &["ansible_ssh_pass", "ansible_password"],
    &["ansible_ssh_port", "ansible_port"],
    &["ansible_ssh_timeout", "ansible_timeout"],
    &["ansible_ssh_private_key_file", "ansible_private_key_file"],
    &["ansible_shell_executable"],
];

/// The connection of one task as variables.
pub(crate) struct Reach {
    pub(crate) engine: Engine,
    pub(crate) world: Arc<World>,
    pub(crate) step: Arc<Step>,
    /// The host that does the work.
    pub(crate) host: Arc<str>,
    /// The variables that say how that host is reached.
    pub(crate) scope: Scope,
    /// Whether the work is another host's than the task's own.
    pub(crate) delegated: bool,
}

impl Reach {
    /// What an option or keyword says where no variable does.
    fn default(&self, name: &str) -> Option<Slot> {
        let defaults = &self.world.options().connection;
        let text = |text: &Option<String>| text.as_deref().map(|text| Slot::Done(Value::Text(Text::data(text))));
        match name {
            "ansible_connection" => slot(self.step.keyword(|c| c.connection.as_ref()))
                .or_else(|| Some(Slot::Done(Value::Text(Text::data(defaults.kind.as_str()))))),
            "ansible_ssh_host" => Some(Slot::Done(Value::Text(Text::data(Arc::clone(&self.host))))),
            "ansible_ssh_user" => slot(self.step.keyword(|c| c.remote_user.as_ref())).or_else(|| text(&defaults.user)),
            "ansible_ssh_pass" => text(&defaults.password),
            // The keyword is the task's own host's: another host keeps its port.
            "ansible_ssh_port" => slot(self.step.keyword(|c| c.port.as_ref()).filter(|_| !self.delegated))
                .or_else(|| defaults.port.map(|port| Slot::Done(Value::from(i64::from(port))))),
            "ansible_ssh_timeout" => Some(Slot::Done(Value::from(i64::try_from(defaults.timeout).ok()?))),
            "ansible_ssh_private_key_file" => text(&defaults.private_key),
            "ansible_shell_executable" => Some(Slot::Done(Value::from("/bin/sh"))),
            _ => None,
        }
    }
}

fn slot<T: Clone + Into<Value>>(field: Option<&Field<T>>) -> Option<Slot> {
    Some(match &field?.value {
        Written::Const(value) => Slot::Done(value.clone().into()),
        Written::Template(value) => Slot::Lazy(value.clone()),
    })
}

impl Variables for Reach {
    fn get(&self, name: &str) -> Option<Slot> {
        let names = NAMES.iter().find(|names| names.contains(&name))?;
        match names.iter().find(|other| (self.delegated || **other != name) && self.scope.has(other)) {
            Some(other) => {
                let template = Value::Text(Text::trusted(format!("{{{{ {other} }}}}")));
                match self.engine.render(&template, &self.scope) {
                    Ok(Rendered::Value(value)) => Some(Slot::Done(value)),
                    // The template that asks fails with the variable's own error.
                    Ok(Rendered::Omit) | Err(_) => Some(Slot::Lazy(template)),
                }
            }
            None => self.default(names.first()?),
        }
    }

    fn names(&self) -> Vec<Text> {
        Vec::new()
    }
}
