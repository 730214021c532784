//! Names that mean something to playbooks and templates: a variable of such a name is hidden by it, or hides it.

use rplay_value::{Map, Text};

/// Keywords of plays, roles, blocks and tasks, and the functions of templates: as ansible-core 2.19 lists them, sorted.
const RESERVED: [&str; 74] = [
    "action",
    "always",
    "any_errors_fatal",
    "args",
    "async",
    "async_val",
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "block",
    "changed_when",
    "check_mode",
    "collections",
    "connection",
    "cycler",
    "debugger",
    "delay",
    "delegate_facts",
    "delegate_to",
    "dict",
    "diff",
    "environment",
    "fact_path",
    "failed_when",
    "force_handlers",
    "gather_facts",
    "gather_timeout",
    "handlers",
    "hosts",
    "ignore_errors",
    "ignore_unreachable",
    "joiner",
    "lipsum",
    "local_action",
    "lookup",
    "loop",
    "loop_control",
    "loop_with",
    "max_fail_percentage",
    "module_defaults",
    "name",
    "namespace",
    "no_log",
    "notify",
    "now",
    "omit",
    "order",
    "poll",
    "port",
    "post_tasks",
    "pre_tasks",
    "q",
    "query",
    "range",
    "register",
    "remote_user",
    "rescue",
    "retries",
    "roles",
    "run_once",
    "serial",
    "strategy",
    "tags",
    "tasks",
    "throttle",
    "timeout",
    "undef",
    "until",
    "vars_files",
    "vars_prompt",
    "when",
    "with_",
];

/// Whether a variable should not have this name.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name).is_ok()
}

/// The names among these variables that are reserved, with their places.
pub(crate) fn among(vars: &Map) -> impl Iterator<Item = &Text> {
    vars.texts().map(|(name, _)| name).filter(|name| is_reserved(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_vars_is_not_on_it() {
        assert!(RESERVED.is_sorted());
        assert!(is_reserved("q") && is_reserved("lipsum") && !is_reserved("vars") && !is_reserved("q1"));
    }
}
