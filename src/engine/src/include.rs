//! Dynamic includes on the host's side: which file or role is meant.

use rplay_playbook::{Include, RoleFiles};
use rplay_template::{Rendered, Scope};
use rplay_value::{Map, Text, Value};

use crate::ran::IncludeRequest;
use crate::task::TaskCx;
use crate::trouble::Trouble;

impl TaskCx<'_> {
    /// What an include means for this host and item.
    pub(crate) fn include_request(
        &self,
        include: &Include,
        scope: &Scope,
        item: &Map,
    ) -> Result<IncludeRequest, Trouble> {
        let mut vars = self.task.common.vars.clone();
        vars.extend(item.clone());
        match include {
            Include::Tasks { file, params, .. } => {
                let Some(name) = self.text(file, scope)? else {
                    return Err(Trouble::action("No include file was specified to the include"));
                };
                vars.extend(params.clone());
                Ok(IncludeRequest::Tasks { file: name, vars })
            }
            Include::Role { name, from, .. } => {
                let Some(name) = self.text(name, scope)? else {
                    return Err(Trouble::action("'name' is a required field for include_role."));
                };
                let part = |part: &Option<Text>| -> Result<_, Trouble> {
                    match part {
                        Some(text) => Ok(self.text(text, scope)?.map(std::sync::Arc::from)),
                        None => Ok(None),
                    }
                };
                let from = RoleFiles {
                    tasks: part(&from.tasks)?,
                    vars: part(&from.vars)?,
                    defaults: part(&from.defaults)?,
                    handlers: part(&from.handlers)?,
                };
                Ok(IncludeRequest::Role { name, from, vars })
            }
        }
    }

    fn text(&self, text: &Text, scope: &Scope) -> Result<Option<String>, Trouble> {
        if !text.is_template() {
            return Ok(Some(text.trim().to_owned()));
        }
        Ok(match self.run.render(&Value::Text(text.clone()), scope)? {
            Rendered::Value(value) => Some(value.to_str().trim().to_owned()),
            Rendered::Omit => None,
        })
    }
}
