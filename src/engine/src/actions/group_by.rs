//! Puts the host into a group named by a variable.
//!
//! Options:
//! - `key` (required): the name of the group.
//! - `parents` (list, default `all`): groups that the group is in.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.group_by:
//!     key: os_{{ ansible_facts.distribution }}
//! ```

use async_trait::async_trait;
use rplay_value::{List, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::ran::Effect;
use crate::trouble::Trouble;

/// `ansible.builtin.group_by`
pub(crate) static ACTION: GroupBy = GroupBy;

/// Puts the host into a group.
pub(crate) struct GroupBy;

#[async_trait(?Send)]
impl Action for GroupBy {
    fn traits(&self) -> Traits {
        Traits::new("group_by").arguments(&["key", "parents"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let Some(key) = cx.text("key") else {
            return Ok(Done::failed("the 'key' param is required when using group_by"));
        };
        let parents: Vec<String> = match cx.args.get("parents") {
            None | Some(Value::Null) => vec!["all".to_owned()],
            Some(Value::List(list)) => list.iter().map(|name| name.to_str().replace(' ', "-")).collect(),
            Some(other) => vec![other.to_str().replace(' ', "-")],
        };
        let name = key.replace(' ', "-");
        let done = Done::changed(false)
            .with("add_group", name.as_str())
            .with("parent_groups", parents.iter().collect::<List>());
        Ok(done.effect(Effect::AddGroup { name, parents }))
    }
}
