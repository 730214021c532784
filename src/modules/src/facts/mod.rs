//! Facts about the target, one file per collector, with the names and shapes of ansible-core 2.19's `setup`.
//!
//! A [`Collector`] reads files of the target (and rarely runs a program) through a [`Probe`] and returns facts without
//! the `ansible_` prefix. [`gather`] picks the collectors a `gather_subset` asks for, runs the two that others look at
//! first, then all others at the same time.

mod cmdline;
mod cpu;
mod date_time;
mod devices;
mod distribution;
mod dmi;
mod dns;
mod external;
#[cfg(test)]
mod figures;
mod hardware;
mod initiators;
mod local;
mod lsb;
mod lvm;
mod memory;
mod mounts;
mod netlink;
mod network;
#[cfg(test)]
mod oracle_tests;
mod pkg_mgr;
mod platform;
mod probe;
mod python;
mod security;
mod service_mgr;
mod ssh_keys;
mod subset;
mod user;
mod virtualization;

use rplay_value::{Map, Value};

use crate::{Context, ModuleError};
pub(crate) use mounts::{sizes, unescape};
pub(crate) use platform::fqdn;
pub(crate) use probe::Probe;

/// What one collector found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    facts: Map,
    warnings: Vec<String>,
}

impl Found {
    /// Adds a fact.
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name, value);
    }

    /// Adds a fact when it is known.
    fn set_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.facts.insert(name, value);
        }
    }

    fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }
}

/// A source of facts and the names `gather_subset` knows it by.
pub(crate) struct Collector {
    /// Its name.
    name: &'static str,
    /// Names of facts that select it too.
    ids: &'static [&'static str],
    /// Collectors whose facts it looks at; they are gathered (and returned) with it.
    needs: &'static [&'static str],
    /// Always gathered, unless `!min` is asked for.
    minimal: bool,
    /// Put before the names of its facts.
    prefix: &'static str,
    /// The work.
    collect: fn(&Probe<'_>) -> Found,
}

const fn collector(name: &'static str, minimal: bool, collect: fn(&Probe<'_>) -> Found) -> Collector {
    Collector { name, ids: &[], needs: &[], minimal, prefix: "ansible_", collect }
}

/// Every collector, those first that others need.
static COLLECTORS: &[Collector] = &[
    Collector {
        ids: &["architecture", "kernel", "kernel_version", "machine", "machine_id", "python_version", "system"],
        needs: &["python_version"],
        ..collector("platform", true, platform::collect)
    },
    Collector {
        ids: &["distribution_major_version", "distribution_release", "distribution_version", "os_family"],
        ..collector("distribution", true, distribution::collect)
    },
    collector("lsb", true, lsb::collect),
    collector("selinux", true, security::selinux),
    collector("apparmor", true, security::apparmor),
    Collector { ids: &["is_chroot"], ..collector("chroot", false, security::chroot) },
    collector("fips", true, security::fips),
    collector("python", true, python::collect),
    // Apart from the rest of the platform because it is slow: it runs beside the others.
    Collector { needs: &["platform"], ..collector("python_version", false, python::version) },
    Collector {
        ids: &["system_capabilities", "system_capabilities_enforced"],
        ..collector("caps", true, security::capabilities)
    },
    Collector { needs: &["distribution"], ..collector("pkg_mgr", true, pkg_mgr::collect) },
    Collector { needs: &["platform", "distribution"], ..collector("service_mgr", true, service_mgr::collect) },
    collector("cmdline", true, cmdline::collect),
    collector("date_time", true, date_time::collect),
    collector("env", true, user::env),
    collector("loadavg", false, memory::loadavg),
    Collector {
        ids: &[
            "ssh_host_key_dsa_public",
            "ssh_host_key_ecdsa_public",
            "ssh_host_key_ed25519_public",
            "ssh_host_key_rsa_public",
            "ssh_host_pub_keys",
        ],
        ..collector("ssh_pub_keys", true, ssh_keys::collect)
    },
    Collector {
        ids: &[
            "effective_group_ids",
            "effective_user_id",
            "real_user_id",
            "user_dir",
            "user_gecos",
            "user_gid",
            "user_id",
            "user_shell",
            "user_uid",
        ],
        ..collector("user", true, user::collect)
    },
    collector("systemd", false, service_mgr::systemd),
    Collector {
        ids: &["virtualization_role", "virtualization_tech_guest", "virtualization_tech_host", "virtualization_type"],
        ..collector("virtual", false, virtualization::collect)
    },
    Collector {
        ids: &["devices", "mounts", "processor", "processor_cores", "processor_count"],
        needs: &["platform"],
        ..collector("hardware", false, hardware::collect)
    },
    collector("dns", true, dns::collect),
    collector("fibre_channel_wwn", false, initiators::fibre_channel),
    Collector {
        ids: &["all_ipv4_addresses", "all_ipv6_addresses", "default_ipv4", "default_ipv6", "interfaces"],
        needs: &["platform", "distribution"],
        ..collector("network", false, network::collect)
    },
    collector("iscsi", false, initiators::iscsi),
    collector("nvme", false, initiators::nvme),
    collector("local", true, local::collect),
    Collector { prefix: "facter_", ..collector("facter", false, external::facter) },
    Collector { prefix: "ohai_", ..collector("ohai", false, external::ohai) },
];

/// How many collectors at the front of [`COLLECTORS`] others look at.
const BASE: usize = 2;

/// What to gather, as `setup`'s arguments say it.
pub(crate) struct Request<'a> {
    /// `all`, `min`, names of collectors or facts, each with `!` in front to leave it out.
    pub(crate) subset: Vec<&'a str>,
    /// Globs of fact names to return; none means all.
    pub(crate) filter: Vec<&'a str>,
    /// Seconds a single slow source may take.
    pub(crate) timeout: u64,
    /// Folder of local facts.
    pub(crate) fact_path: &'a str,
}

/// The `ansible_facts` a request asks for, and warnings. An unknown subset is an error that lists the known ones.
pub(crate) fn gather(cx: &Context<'_>, request: &Request<'_>) -> Result<(Map, Vec<String>), ModuleError> {
    let selected = subset::select(COLLECTORS, &request.subset).map_err(ModuleError::msg)?;
    let mut probe = Probe::new(cx, request.timeout, request.fact_path);
    let mut all = Map::new();
    let mut warnings = Vec::new();
    let mut take = |collector: &Collector, found: Found| {
        warnings.extend(found.warnings);
        for (name, value) in found.facts {
            let Value::Text(name) = name else { continue };
            let name = if name.starts_with(collector.prefix) && collector.prefix != "ansible_" {
                name.to_string()
            } else {
                format!("{}{}", collector.prefix, name.as_str())
            };
            if subset::wanted(&name, &request.filter) {
                all.insert(name, value);
            }
        }
    };
    let (base, others): (Vec<usize>, Vec<usize>) = selected.into_iter().partition(|index| *index < BASE);
    for index in base {
        let found = (COLLECTORS[index].collect)(&probe);
        probe.learn(&found.facts);
        take(&COLLECTORS[index], found);
    }
    let probe = &probe;
    std::thread::scope(|scope| {
        let running: Vec<_> = others
            .into_iter()
            .map(|index| (&COLLECTORS[index], scope.spawn(move || (COLLECTORS[index].collect)(probe))))
            .collect();
        for (collector, thread) in running {
            let found = thread.join().unwrap_or_else(|_| {
                let mut lost = Found::default();
                lost.warn(format!("The facts of {} could not be gathered", collector.name));
                lost
            });
            take(collector, found);
        }
    });
    if subset::wanted("gather_subset", &request.filter) {
        all.insert("gather_subset", request.subset.iter().map(|s| Value::from(*s)).collect::<rplay_value::List>());
    }
    if subset::wanted("module_setup", &request.filter) {
        all.insert("module_setup", true);
    }
    Ok((all, warnings))
}

/// The package manager module for this target, as `ansible_pkg_mgr` names it.
pub(crate) fn package_manager(cx: &Context<'_>) -> String {
    let probe = Probe::new(cx, 10, "");
    let found = distribution::collect(&probe);
    let family = found.facts.get("os_family").and_then(Value::as_str).unwrap_or_default();
    pkg_mgr::name(&probe, family).to_owned()
}

/// The service manager of this target, as `ansible_service_mgr` names it.
pub(crate) fn service_manager(cx: &Context<'_>) -> String {
    let probe = Probe::new(cx, 10, "");
    let found = distribution::collect(&probe);
    let distribution = found.facts.get("distribution").and_then(Value::as_str).unwrap_or_default();
    service_mgr::name(&probe, distribution)
}

/// The distribution and its family, as `ansible_distribution` and `ansible_os_family` name them.
pub(crate) fn distribution_and_family(cx: &Context<'_>) -> (String, String) {
    let found = distribution::collect(&Probe::new(cx, 10, ""));
    let text = |name: &str| found.facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("distribution"), text("os_family"))
}

/// Whether the target's root folder is not the system's.
pub(crate) fn is_chroot(cx: &Context<'_>) -> bool {
    let found = security::chroot(&Probe::new(cx, 10, ""));
    found.facts.get("is_chroot").and_then(Value::as_bool).unwrap_or(false)
}

/// Whether systemd is the running init system of the target.
pub(crate) fn systemd_runs(cx: &Context<'_>) -> bool {
    service_mgr::booted(&Probe::new(cx, 10, ""))
}
