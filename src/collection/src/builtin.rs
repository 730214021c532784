//! What ansible-core 2.19 itself says of names that were once its own: `builtin.tsv` has one line a name, with its kind
//! and where it is now, or with `!date` and what to use instead when it is gone. Its groups of modules are here too.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::Kind;
use crate::runtime::{Gone, Route};

const TABLE: &str = include_str!("builtin.tsv");

/// Where it is now; or, after `!`, since when it is gone, and what to use.
type Row = (&'static str, &'static str);

static ROWS: LazyLock<HashMap<(&str, &str), Row>> = LazyLock::new(|| {
    let rows = TABLE.lines().filter_map(|line| {
        let mut columns = line.split('\t');
        let key = (columns.next()?, columns.next()?);
        Some((key, (columns.next()?, columns.next().unwrap_or_default())))
    });
    rows.collect()
});

/// Groups of ansible-core, all made of collections' groups.
static GROUPS: [(&str, &[&str]); 12] = [
    ("acme", &["community.crypto.acme"]),
    ("aws", &["amazon.aws.aws", "community.aws.aws"]),
    ("azure", &["azure.azcollection.azure"]),
    ("cpm", &["wti.remote.cpm"]),
    ("docker", &["community.general.docker", "community.docker.docker"]),
    ("gcp", &["google.cloud.gcp"]),
    (
        "k8s",
        &[
            "community.kubernetes.k8s",
            "community.general.k8s",
            "community.kubevirt.k8s",
            "community.okd.k8s",
            "kubernetes.core.k8s",
        ],
    ),
    ("os", &["openstack.cloud.os"]),
    ("ovirt", &["ovirt.ovirt.ovirt", "community.general.ovirt"]),
    // Collections' tests use these two.
    ("testgroup", &["testns.testcoll.testgroup", "testns.testcoll.anothergroup", "testns.boguscoll.testgroup"]),
    ("testlegacy", &[]),
    ("vmware", &["community.vmware.vmware"]),
];

/// Members of the groups that have any of their own.
static MEMBERS: [(&str, &[&str]); 2] =
    [("testgroup", &["ping", "legacy_ping", "formerly_core_ping"]), ("testlegacy", &["ansible.legacy.legacy_ping"])];

/// ansible-core's own modules, those of 2.11 to 2.19.
static MODULES: &[&str] = &[
    "add_host",
    "apt",
    "apt_key",
    "apt_repository",
    "assemble",
    "assert",
    "async_status",
    "async_wrapper",
    "blockinfile",
    "command",
    "copy",
    "cron",
    "deb822_repository",
    "debconf",
    "debug",
    "dnf",
    "dnf5",
    "dpkg_selections",
    "expect",
    "fail",
    "fetch",
    "file",
    "find",
    "gather_facts",
    "get_url",
    "getent",
    "git",
    "group",
    "group_by",
    "hostname",
    "import_playbook",
    "import_role",
    "import_tasks",
    "include",
    "include_role",
    "include_tasks",
    "include_vars",
    "iptables",
    "known_hosts",
    "lineinfile",
    "meta",
    "mount_facts",
    "package",
    "package_facts",
    "pause",
    "ping",
    "pip",
    "raw",
    "reboot",
    "replace",
    "rpm_key",
    "script",
    "service",
    "service_facts",
    "set_fact",
    "set_stats",
    "setup",
    "shell",
    "slurp",
    "stat",
    "subversion",
    "systemd",
    "systemd_service",
    "sysvinit",
    "tempfile",
    "template",
    "unarchive",
    "uri",
    "user",
    "validate_argument_spec",
    "wait_for",
    "wait_for_connection",
    "yum",
    "yum_repository",
];

/// Whether ansible-core has a module of this short name (or `ansible.builtin.name`), wherever it may be installed.
pub fn is_core_module(name: &str) -> bool {
    MODULES.binary_search(&name.strip_prefix("ansible.builtin.").unwrap_or(name)).is_ok()
}

/// The full name of the collection's plugin that a short name (or `ansible.builtin.name`) of ansible-core stands for.
pub fn moved(kind: Kind, name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    ROWS.get(&(kind.name(), name)).map(|row| row.0).filter(|to| !to.starts_with('!'))
}

/// What ansible-core says of a name of its own.
pub(crate) fn route(kind: Kind, name: &str) -> Option<Route> {
    let (to, words) = ROWS.get(&(kind.name(), name))?;
    Some(match to.strip_prefix('!') {
        Some(date) => Route {
            tombstone: Some(Gone {
                date: Some(date.to_owned()),
                version: None,
                text: (!words.is_empty()).then(|| (*words).to_owned()),
            }),
            ..Route::default()
        },
        None => Route { redirect: Some((*to).to_owned()), ..Route::default() },
    })
}

/// A group of ansible-core: the groups that it extends and its own members.
pub(crate) fn group(name: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    let (_, extends) = GROUPS.iter().find(|(known, _)| *known == name)?;
    let members = MEMBERS.iter().find(|(known, _)| *known == name).map_or(&[] as &[&str], |(_, members)| members);
    Some((extends, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_moved_are_found_where_they_are() {
        assert_eq!(moved(Kind::Lookup, "hashi_vault"), Some("community.hashi_vault.hashi_vault"));
        assert_eq!(moved(Kind::Module, "ansible.builtin.ini_file"), Some("community.general.ini_file"));
        assert_eq!(moved(Kind::Filter, "nothing"), None);
        assert_eq!(moved(Kind::Module, "bigip_facts"), None);
        assert!(route(Kind::Module, "bigip_facts").is_some_and(|route| route.tombstone.is_some()));
        assert!(ROWS.len() > 4000);
        assert!(MODULES.is_sorted() && is_core_module("yum_repository") && !is_core_module("yum_repo"));
    }
}
