//! Plays.

use std::path::PathBuf;
use std::sync::Arc;

use rplay_diag::Span;
use rplay_value::{Map, Text, Value};

use crate::{Common, Field, Item, Origin, Role, RoleUse};

/// One play.
#[derive(Clone, Debug)]
pub struct Play {
    /// Name as written.
    pub name: Option<Text>,
    /// Patterns, one or more; each may be a template, of one pattern or of a list.
    pub hosts: Vec<Text>,
    /// Inheritable keywords. `vars`: the play's, with those of `import_playbook` beneath them.
    pub common: Arc<Common>,
    /// Gather facts first; decided by configuration when unset.
    pub gather_facts: Option<Field<bool>>,
    /// Which facts.
    pub gather_subset: Option<Field<Vec<Text>>>,
    /// Seconds for each fact.
    pub gather_timeout: Option<Field<i64>>,
    /// Folder of local facts.
    pub fact_path: Option<Field<Text>>,
    /// Files of variables, in order: a text, or a list of which the first that exists is taken. Perhaps templates.
    pub vars_files: Vec<Value>,
    /// Questions to ask.
    pub vars_prompt: Vec<PromptVar>,
    /// Roles in order.
    pub roles: Vec<Arc<RoleUse>>,
    /// Run before the roles.
    pub pre_tasks: Vec<Item>,
    /// Run after the roles.
    pub tasks: Vec<Item>,
    /// Run last.
    pub post_tasks: Vec<Item>,
    /// Handlers of the play itself, then those that `import_role` brought.
    pub handlers: Vec<Item>,
    /// Batch sizes: integers, percentages, or templates.
    pub serial: Vec<Value>,
    /// `linear`, `free`, `host_pinned`, ...
    pub strategy: Option<Field<Text>>,
    /// Percentage of failed hosts that ends the play.
    pub max_fail_percentage: Option<Field<f64>>,
    /// Run notified handlers of failed hosts too.
    pub force_handlers: Option<Field<bool>>,
    /// Order of hosts.
    pub order: Option<Field<Text>>,
    /// The playbook file it was written in.
    pub path: PathBuf,
    /// Its mapping in its file.
    pub span: Option<Span>,
}

/// One entry of `vars_prompt`.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptVar {
    /// Variable.
    pub name: Text,
    /// Question; the name when unset.
    pub prompt: Option<Text>,
    /// Answer when none is given.
    pub default: Option<Value>,
    /// Do not echo.
    pub private: bool,
    /// Ask twice.
    pub confirm: bool,
    /// Hash the answer with this scheme.
    pub encrypt: Option<Text>,
    /// Length of the random salt.
    pub salt_size: Option<i64>,
    /// Salt.
    pub salt: Option<Text>,
    /// The answer is never a template.
    pub r#unsafe: bool,
    /// Where it stands.
    pub span: Option<Span>,
}

impl Play {
    /// A play that says nothing yet.
    pub(crate) fn empty(path: PathBuf, span: Option<Span>) -> Self {
        Self {
            name: None,
            hosts: Vec::new(),
            common: Arc::default(),
            gather_facts: None,
            gather_subset: None,
            gather_timeout: None,
            fact_path: None,
            vars_files: Vec::new(),
            vars_prompt: Vec::new(),
            roles: Vec::new(),
            pre_tasks: Vec::new(),
            tasks: Vec::new(),
            post_tasks: Vec::new(),
            handlers: Vec::new(),
            serial: Vec::new(),
            strategy: None,
            max_fail_percentage: None,
            force_handlers: None,
            order: None,
            path,
            span,
        }
    }

    /// The name to show: `name`, else the patterns.
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) if !name.is_empty() => name.to_string(),
            _ => self.hosts.iter().map(Text::as_str).collect::<Vec<_>>().join(","),
        }
    }

    /// Handlers in the order in which notified ones run: those of the roles (dependencies first), then the play's.
    /// As ansible-core 2.19.
    pub fn all_handlers(&self) -> Vec<Item> {
        let mut out = Vec::new();
        for role in &self.roles {
            role.push_handlers(&mut out);
        }
        out.extend(self.handlers.iter().cloned());
        out
    }
}

impl Play {
    /// Variables known before any host is, weakest first: `playbook_dir`, defaults of the static roles, the play's
    /// variables, variables of the static roles. Names of plays and patterns of hosts may use them.
    pub fn static_vars(&self) -> Vec<Map> {
        let mut roles = Vec::new();
        for used in &self.roles {
            used.collect(&mut roles);
        }
        for items in [&self.pre_tasks, &self.tasks, &self.post_tasks] {
            imported(items, &mut roles);
        }
        let dir = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let dir = dir.parent().map(|p| p.display().to_string()).unwrap_or_default();
        let mut vars: Vec<Map> = vec![[("playbook_dir", Value::data(dir))].into_iter().collect()];
        vars.extend(roles.iter().filter(|role| role.public).map(|role| role.defaults.clone()));
        vars.push(self.common.vars.clone());
        vars.extend(roles.iter().filter(|role| role.public).map(|role| role.vars.clone()));
        vars
    }
}

/// The roles that static imports brought.
fn imported(items: &[Item], roles: &mut Vec<Arc<Role>>) {
    for item in items {
        let Item::Block(block) = item else { continue };
        if let Origin::ImportRole(used) = &block.origin {
            used.collect(roles);
        }
        for list in [&block.block, &block.rescue, &block.always] {
            imported(list, roles);
        }
    }
}

impl RoleUse {
    /// This role and those it brings, in the order they run.
    fn collect(&self, roles: &mut Vec<Arc<Role>>) {
        for dependency in &self.dependencies {
            dependency.collect(roles);
        }
        roles.push(Arc::clone(&self.role));
        imported(&self.tasks, roles);
    }

    /// Adds the handlers of the dependencies, then its own.
    pub fn push_handlers(&self, out: &mut Vec<Item>) {
        for dependency in &self.dependencies {
            dependency.push_handlers(out);
        }
        out.extend(self.handlers.iter().cloned());
    }
}
