//! Sets statistics that are shown after the recap and passed on.
//!
//! Options:
//! - `data` (mapping, required): the statistics.
//! - `per_host` (bool): for each host on its own.
//! - `aggregate` (default true): add to what is there already, instead of replacing it.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.set_stats:
//!     data:
//!       packages_installed: 3
//! ```

use async_trait::async_trait;
use rplay_value::{Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::ran::Effect;
use crate::trouble::Trouble;

/// `ansible.builtin.set_stats`
pub(crate) static ACTION: SetStats = SetStats;

/// Sets statistics.
pub(crate) struct SetStats;

#[async_trait(?Send)]
impl Action for SetStats {
    fn traits(&self) -> Traits {
        Traits::new("set_stats").arguments(&["aggregate", "data", "per_host"])
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let data = match cx.args.get("data") {
            None => Map::new(),
            Some(Value::Map(data)) => data.clone(),
            Some(_) => return Ok(Done::failed("The 'data' option needs to be a dictionary/hash")),
        };
        for name in data.keys() {
            super::set_fact::check_name(name)?;
        }
        // As in ansible-core, what is no boolean is false here.
        let flag =
            |name: &str, default: bool| cx.args.get(name).map_or(default, |_| cx.flag(name, default).unwrap_or(false));
        let (per_host, aggregate) = (flag("per_host", false), flag("aggregate", true));
        let stats = Map::from_iter([
            ("data", Value::Map(data.clone())),
            ("per_host", Value::Bool(per_host)),
            ("aggregate", Value::Bool(aggregate)),
        ]);
        let done = Done::changed(false).with("ansible_stats", stats);
        Ok(if data.is_empty() { done } else { done.effect(Effect::Stats { data, per_host, aggregate }) })
    }
}
