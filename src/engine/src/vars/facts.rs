//! Facts as variables: the `ansible_facts` dictionary, and what of it becomes variables of its own.

use rplay_value::{Map, Value};

/// `ansible_facts`: without the prefix `ansible_`, except for `ansible_local`.
pub(crate) fn namespaced(facts: &Map) -> Map {
    let mut out = Map::with_capacity(facts.len());
    for (key, value) in facts {
        match key.as_str().and_then(|name| name.strip_prefix("ansible_")) {
            Some(short) if short != "local" => out.insert(short, value.clone()),
            _ => out.insert(key.clone(), value.clone()),
        };
    }
    out
}

/// Facts as variables of their own, without those that would change how hosts are reached. As ansible-core 2.19.
pub(crate) fn injected(facts: &Map) -> Map {
    let mut out = Map::with_capacity(facts.len());
    for (key, value) in facts {
        if key.as_str().is_none_or(|name| !is_restricted(name)) {
            out.insert(key.clone(), value.clone());
        }
    }
    out
}

/// Variables that decide about connections and interpreters: a host must not set them through facts.
fn is_restricted(name: &str) -> bool {
    const EXACT: &[&str] = &[
        "ansible_connection",
        "ansible_delegated_host",
        "ansible_executable",
        "ansible_host",
        "ansible_module_compression",
        "ansible_pass",
        "ansible_password",
        "ansible_paramiko_host_key_checking",
        "ansible_pipelining",
        "ansible_port",
        "ansible_private_key_file",
        "ansible_rsync_path",
        "ansible_scp_extra_args",
        "ansible_scp_if_ssh",
        "ansible_sftp_batch_mode",
        "ansible_sftp_extra_args",
        "ansible_shell_executable",
        "ansible_shell_type",
        "ansible_socket",
        "ansible_ssh_common_args",
        "ansible_ssh_executable",
        "ansible_ssh_extra_args",
        "ansible_ssh_host",
        "ansible_ssh_pass",
        "ansible_ssh_pipelining",
        "ansible_ssh_port",
        "ansible_ssh_private_key_file",
        "ansible_ssh_timeout",
        "ansible_ssh_user",
        "ansible_su_pass",
        "ansible_sudo_exe",
        "ansible_sudo_pass",
        "ansible_syslog_facility",
        "ansible_timeout",
        "ansible_user",
        "ansible_become",
        "ansible_rsync_path",
        "ansible_playbook_python",
        "ansible_python_interpreter",
    ];
    if name.starts_with("ansible_ssh_host_key_") {
        return false;
    }
    if EXACT.contains(&name) || name.starts_with("ansible_become_") || name.starts_with("ansible_ssh_") {
        return true;
    }
    name.starts_with("ansible_") && name.ends_with("_interpreter") && !name.starts_with("ansible_discovered_")
        || ["ansible_docker_", "ansible_local_", "ansible_podman_", "ansible_winrm_", "ansible_psrp_"]
            .iter()
            .any(|prefix| name.starts_with(prefix) && !name.ends_with("_bridge") && !name.ends_with("_gwbridge"))
}

/// Keys of `other` set in `facts`, which is shared with whoever looked at it before.
pub(crate) fn merge(facts: &mut Map, other: &Map) {
    for (key, value) in other {
        facts.insert(key.clone(), value.clone());
    }
}

/// Sets one variable of `include_vars` over what it set before: with `recursive` (`hash_behaviour=merge`) mappings are
/// combined key by key.
pub(crate) fn combine(vars: &mut Map, name: &Value, value: &Value, recursive: bool) {
    let combined = match (vars.get_value(name), value) {
        (Some(Value::Map(old)), Value::Map(new)) if recursive => Value::Map(merge_maps(old, new, true)),
        _ => value.clone(),
    };
    vars.insert(name.clone(), combined);
}

/// `new` over `old`: key by key, inner mappings too when `recursive` (`hash_behaviour=merge`).
pub(crate) fn merge_maps(old: &Map, new: &Map, recursive: bool) -> Map {
    // Equal mappings may differ in their order, and then the new one's counts.
    if old == new {
        return new.clone();
    }
    let mut out = old.clone();
    for (key, value) in new {
        let merged = match (out.get_value(key), value) {
            (Some(Value::Map(a)), Value::Map(b)) if recursive => Value::Map(merge_maps(a, b, true)),
            _ => value.clone(),
        };
        out.insert(key.clone(), merged);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_lose_their_prefix_and_cannot_redirect_connections() {
        let facts = Map::from_iter([
            ("ansible_hostname", "a"),
            ("ansible_local", "l"),
            ("ansible_host", "evil"),
            ("ansible_become_exe", "evil"),
            ("ansible_python_interpreter", "evil"),
            ("ansible_ssh_host_key_rsa_public", "k"),
            ("own", "o"),
        ]);
        let names: Vec<String> = namespaced(&facts).texts().map(|(k, _)| k.to_string()).collect();
        assert_eq!(
            names,
            ["hostname", "ansible_local", "host", "become_exe", "python_interpreter", "ssh_host_key_rsa_public", "own"]
        );
        let names: Vec<String> = injected(&facts).texts().map(|(k, _)| k.to_string()).collect();
        assert_eq!(names, ["ansible_hostname", "ansible_local", "ansible_ssh_host_key_rsa_public", "own"]);
    }
}
