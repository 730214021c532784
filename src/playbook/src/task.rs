//! Tasks and handlers.

use std::sync::Arc;

use rplay_diag::Span;
use rplay_value::{Map, Text, Value};

use crate::{Common, Condition, Field, Role};

/// One task or handler.
#[derive(Clone, Debug)]
pub struct Task {
    /// Inheritable keywords written on the task itself.
    pub common: Arc<Common>,
    /// Name as written, perhaps a template.
    pub name: Option<Text>,
    /// What to do.
    pub action: Action,
    /// What to repeat it over.
    pub loop_: Option<Loop>,
    /// How to repeat.
    pub loop_control: Option<Arc<LoopControl>>,
    /// Variable that receives the result.
    pub register: Option<Field<Text>>,
    /// Repeat until all of these hold.
    pub until: Vec<Condition>,
    /// How often to try again.
    pub retries: Option<Field<i64>>,
    /// Seconds between tries.
    pub delay: Option<Field<f64>>,
    /// Replaces the module's own idea of change.
    pub changed_when: Vec<Condition>,
    /// Replaces the module's own idea of failure.
    pub failed_when: Vec<Condition>,
    /// Seconds a background run may take; 0 is in the foreground.
    pub async_: Option<Field<i64>>,
    /// Seconds between looks at a background run; 0 is not to look.
    pub poll: Option<Field<i64>>,
    /// Topics a handler listens to; each may be a template. Handlers only.
    pub listen: Vec<Text>,
    /// The role it was written in (with the chain of roles that brought it in).
    pub role: Option<Arc<Role>>,
    /// Whether it stands in a handlers section.
    pub is_handler: bool,
    /// What it includes, when it is a dynamic include.
    pub include: Option<Include>,
    /// The task's mapping in its file.
    pub span: Option<Span>,
}

impl Task {
    /// A task that only calls an action: what rplay itself adds to plays, and what a task is before it is read.
    pub fn calling(action: Action) -> Self {
        Self {
            common: Arc::default(),
            name: None,
            action,
            loop_: None,
            loop_control: None,
            register: None,
            until: Vec::new(),
            retries: None,
            delay: None,
            changed_when: Vec::new(),
            failed_when: Vec::new(),
            async_: None,
            poll: None,
            listen: Vec::new(),
            role: None,
            is_handler: false,
            include: None,
            span: None,
        }
    }
}

impl Action {
    /// An action without arguments that stands in no file.
    pub fn named(name: &str) -> Self {
        Self {
            name: Text::data(name),
            resolved: name.into(),
            args: Map::new(),
            free_form: None,
            spread: None,
            raw_spread: None,
            span: None,
            args_span: None,
        }
    }
}

/// A module or action and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// As written: `apt`, `ansible.builtin.apt`, or a template.
    pub name: Text,
    /// The module's canonical name when it could be resolved at load (`ansible.builtin.apt`); else as written.
    pub resolved: Arc<str>,
    /// Named arguments, `args:` merged in, `key=value` texts taken apart (those values are texts).
    pub args: Map,
    /// The free-form part: a command line, a file name, a meta action.
    pub free_form: Option<Text>,
    /// A template that yields further arguments (`args: "{{ dict }}"`); `raw_spread` and `args` win over it.
    pub spread: Option<Text>,
    /// A free form that is one template (`module: "{{ dict }}"`): further arguments, unless the action is a plugin that
    /// takes a free form; `args` win over it.
    pub raw_spread: Option<Text>,
    /// Where the action's name stands.
    pub span: Option<Span>,
    /// Where the arguments stand.
    pub args_span: Option<Span>,
}

/// The dynamic includes: expanded when they are reached, once a host (and item).
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it lives in tasks, which are behind an Arc")]
pub enum Include {
    /// `include_tasks`, and `include` where it cannot be static.
    Tasks {
        /// File, perhaps a template.
        file: Text,
        /// Keywords for everything included (`apply`).
        apply: Arc<Common>,
        /// Further `k=v` arguments of old `include: file.yml a=b`, which are variables of what is included.
        params: Map,
    },
    /// `include_role`.
    Role {
        /// Role name, perhaps a template.
        name: Text,
        /// `tasks_from` and friends, perhaps templates.
        from: crate::RoleFiles<Text>,
        /// Keywords for everything included (`apply`).
        apply: Arc<Common>,
        /// Whether its variables stay visible to the rest of the play.
        public: Option<Field<bool>>,
        /// Whether it runs again when it ran already.
        allow_duplicates: Option<Field<bool>>,
        /// Whether arguments are checked against the role's specification.
        rolespec_validate: Option<Field<bool>>,
    },
}

/// What a task is repeated over.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// `loop` or `with_X`.
    pub kind: LoopKind,
    /// A list, or a template, or (for `with_X`) what that lookup takes.
    pub value: Value,
    /// Where the value stands.
    pub span: Option<Span>,
}

/// How a loop's value becomes items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopKind {
    /// `loop`: the value is the list.
    Loop,
    /// `with_X`: the lookup X yields the list.
    With(Arc<str>),
}

/// `loop_control`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoopControl {
    /// Variable that holds the item; `item` when unset.
    pub loop_var: Option<Field<Text>>,
    /// Variable that holds the index.
    pub index_var: Option<Field<Text>>,
    /// What to show in place of the item.
    pub label: Option<Value>,
    /// Seconds between items.
    pub pause: Option<Field<f64>>,
    /// Set `ansible_loop`.
    pub extended: Option<Field<bool>>,
    /// Whether `ansible_loop.allitems` is set; true when unset.
    pub extended_allitems: Option<Field<bool>>,
    /// How many items may be at work at once; rplay's own.
    pub parallel: Option<Field<i64>>,
    /// Stop the loop when all of these hold after an item.
    pub break_when: Vec<Condition>,
    /// Where it stands.
    pub span: Option<Span>,
}
