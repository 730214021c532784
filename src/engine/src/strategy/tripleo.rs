//! What `TripleO`'s strategies add: failures are counted by role, and a role may lose `max_fail_percentage` of its hosts.

use std::sync::Arc;

use rplay_template::Scope;

use crate::strategy::PlayRun;
use crate::vars::View;

impl PlayRun<'_> {
    /// Notes a failed host. Whether it is one too many: more than `max_fail_percentage` (a variable, 0 unless set) of
    /// the hosts in the group that its `tripleo_role_name` names have failed, or there is no such group.
    pub(super) fn tripleo_lost(&mut self, host: &Arc<str>) -> bool {
        let (percent, role) = self.tripleo_role(host);
        let inventory = self.run.world().inventory();
        let size = inventory.group_id(&role).map_or(0, |group| inventory.hosts_of(group).len());
        let failed = self.failed_by_role.entry(role).or_default();
        if self.states.get(host).is_some_and(|state| state.cursor.is_failed()) {
            failed.insert(Arc::clone(host));
        }
        size == 0 || failed.len().max(1) as f64 / size as f64 * 100.0 > percent
    }

    /// A host's `max_fail_percentage` and `tripleo_role_name`.
    fn tripleo_role(&self, host: &Arc<str>) -> (f64, String) {
        let scope = self.run.view(Some(host), Some(self.scope), None).ok().map(View::into_scope);
        let variable = |name: &str| {
            let read = |scope: &Scope| self.run.text_variable(name, scope).ok().flatten();
            scope.as_ref().and_then(read)
        };
        let percent = variable("max_fail_percentage").and_then(|text| text.trim().trim_end_matches('%').parse().ok());
        (percent.unwrap_or(0.0), variable("tripleo_role_name").unwrap_or_else(|| "default".to_owned()))
    }
}
