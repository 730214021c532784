//! Every option of a container: where the daemon keeps it and how it is compared.
//!
//! Options that only make sense together are one [`Group`]. The table's order is the order of reported differences.

use rplay_value::{List, Map, Value};

use super::super::compare::Shape;
use super::super::inspect::items;
use super::{mounts, platform, ports};
use crate::ModuleError;

/// One option.
#[derive(Debug)]
pub(in crate::docker) struct Field {
    /// Its name.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What is compared.
    pub shape: Shape,
    /// Users can give it; otherwise it follows from others.
    pub written: bool,
}

/// Options that belong together.
#[derive(Debug)]
pub(in crate::docker) struct Group {
    /// The options.
    pub fields: &'static [Field],
    /// Where the daemon keeps them.
    pub place: Place,
    /// The first version of the daemon's interface that has them.
    pub since: Option<&'static str>,
}

/// Where the daemon keeps a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::docker) enum Place {
    /// A key of the configuration.
    Config(&'static str),
    /// A key of the configuration for this host.
    Host(&'static str),
    /// The same, of a container that runs, too.
    Limit(&'static str),
    /// Command, with the image's as default.
    Command,
    /// Whether somebody is attached.
    Attached,
    /// Environment, with the image's below it.
    Environment,
    /// Check of health.
    Healthcheck,
    /// The image, which is compared elsewhere.
    Image,
    /// Labels, with the image's below them.
    Labels,
    /// Log driver and its options.
    Log,
    /// Networks, which are mostly compared elsewhere.
    Network,
    /// Mounts and volumes.
    Mounts,
    /// Operating system and architecture.
    Platform,
    /// Ports.
    Ports,
    /// What happens when it ends.
    Restart,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, aliases: &[], shape, written: true }
}

macro_rules! groups {
    ($($place:expr, $since:expr, [$($name:literal $shape:ident),+];)*) => {
        &[$(Group { fields: &[$(field($name, Shape::$shape)),+], place: $place, since: $since }),*]
    };
}

use Place::{Config, Host, Limit};

/// All groups but the last two.
const SIMPLE: &[Group] = groups! {
    Host("AutoRemove"), None, ["auto_remove" Value];
    Limit("BlkioWeight"), None, ["blkio_weight" Value];
    Host("CapAdd"), None, ["capabilities" Set];
    Host("CapDrop"), None, ["cap_drop" Set];
    Host("CgroupnsMode"), Some("1.41"), ["cgroupns_mode" Value];
    Host("CgroupParent"), None, ["cgroup_parent" Value];
    Place::Command, None, ["command" List];
    Limit("CpuPeriod"), None, ["cpu_period" Value];
    Limit("CpuQuota"), None, ["cpu_quota" Value];
    Limit("CpusetCpus"), None, ["cpuset_cpus" Value];
    Limit("CpusetMems"), None, ["cpuset_mems" Value];
    Limit("CpuShares"), None, ["cpu_shares" Value];
    Config("Entrypoint"), None, ["entrypoint" List];
    Host("NanoCpus"), None, ["cpus" Value];
    Place::Attached, None, ["detach" Value, "interactive" Value];
    Host("Devices"), None, ["devices" SetOfMaps];
    Host("BlkioDeviceReadBps"), None, ["device_read_bps" SetOfMaps];
    Host("BlkioDeviceWriteBps"), None, ["device_write_bps" SetOfMaps];
    Host("BlkioDeviceReadIOps"), None, ["device_read_iops" SetOfMaps];
    Host("BlkioDeviceWriteIOps"), None, ["device_write_iops" SetOfMaps];
    Host("DeviceRequests"), Some("1.40"), ["device_requests" SetOfMaps];
    Host("DeviceCgroupRules"), Some("1.28"), ["device_cgroup_rules" List];
    Host("Dns"), None, ["dns_servers" List];
    Host("DnsOptions"), None, ["dns_opts" Set];
    Host("DnsSearch"), None, ["dns_search_domains" List];
    Config("Domainname"), None, ["domainname" Value];
    Place::Environment, None, ["env" Set];
    Host("ExtraHosts"), None, ["etc_hosts" Set];
    Host("GroupAdd"), None, ["groups" Set];
    Place::Healthcheck, None, ["healthcheck" Map];
    Config("Hostname"), None, ["hostname" Value];
    Place::Image, None, ["image" Value];
    Host("Init"), None, ["init" Value];
    Host("IpcMode"), None, ["ipc_mode" Value];
    Limit("KernelMemory"), None, ["kernel_memory" Value];
    Place::Labels, None, ["labels" Map];
    Host("Links"), None, ["links" Set];
};

const MORE: &[Group] = groups! {
    Config("MacAddress"), None, ["mac_address" Value];
    Limit("Memory"), None, ["memory" Value];
    Limit("MemoryReservation"), None, ["memory_reservation" Value];
    Limit("MemorySwap"), None, ["memory_swap" Value];
    Host("MemorySwappiness"), None, ["memory_swappiness" Value];
    Config("StopTimeout"), None, ["stop_timeout" Value];
    Place::Network, None, ["network_mode" Value, "networks" SetOfMaps];
    Host("OomKillDisable"), None, ["oom_killer" Value];
    Host("OomScoreAdj"), None, ["oom_score_adj" Value];
    Host("PidMode"), None, ["pid_mode" Value];
    Host("PidsLimit"), None, ["pids_limit" Value];
    Place::Platform, Some("1.41"), ["platform" Value];
    Host("Privileged"), None, ["privileged" Value];
    Host("ReadonlyRootfs"), None, ["read_only" Value];
    Place::Restart, None, ["restart_policy" Value, "restart_retries" Value];
    Host("Runtime"), None, ["runtime" Value];
    Host("SecurityOpt"), None, ["security_opts" Set];
    Host("ShmSize"), None, ["shm_size" Value];
    Config("StopSignal"), None, ["stop_signal" Value];
    Host("StorageOpt"), None, ["storage_opts" Map];
    Host("Sysctls"), None, ["sysctls" Map];
    Host("Tmpfs"), None, ["tmpfs" Map];
    Config("Tty"), None, ["tty" Value];
    Host("Ulimits"), None, ["ulimits" SetOfMaps];
    Config("User"), None, ["user" Value];
    Host("UsernsMode"), None, ["userns_mode" Value];
    Host("UTSMode"), None, ["uts" Value];
    Host("VolumeDriver"), None, ["volume_driver" Value];
    Host("VolumesFrom"), None, ["volumes_from" Set];
    Config("WorkingDir"), None, ["working_dir" Value];
};

const LOG: Group = Group {
    fields: &[
        field("log_driver", Shape::Value),
        Field { name: "log_options", aliases: &["log_opt"], shape: Shape::Map, written: true },
    ],
    place: Place::Log,
    since: None,
};

const MOUNTS: Group = Group {
    fields: &[
        field("mounts", Shape::SetOfMaps),
        field("volumes", Shape::Set),
        Field { name: "volume_binds", aliases: &[], shape: Shape::Set, written: false },
    ],
    place: Place::Mounts,
    since: None,
};

const PORTS: Group = Group {
    fields: &[
        Field { name: "exposed_ports", aliases: &["exposed", "expose"], shape: Shape::Set, written: true },
        field("publish_all_ports", Shape::Value),
        Field { name: "published_ports", aliases: &["ports"], shape: Shape::Map, written: true },
    ],
    place: Place::Ports,
    since: None,
};

/// Every group.
pub(in crate::docker) fn groups() -> impl Iterator<Item = &'static Group> {
    SIMPLE.iter().chain([&LOG]).chain(MORE).chain([&MOUNTS, &PORTS])
}

/// Every option.
pub(in crate::docker) fn fields() -> impl Iterator<Item = &'static Field> {
    groups().flat_map(|group| group.fields)
}

/// What is compared with: the container, its image, and the daemon.
pub(in crate::docker) struct Against<'a> {
    /// The container's description.
    pub container: &'a Map,
    /// The image the container is compared with.
    pub image: Option<&'a Map>,
    /// The image the container has.
    pub own_image: Option<&'a Map>,
    /// What the daemon says about itself, where it is needed.
    pub host: Option<&'a Value>,
    /// Labels of the image are no difference.
    pub keeps_image_labels: bool,
}

impl Group {
    /// Whether its options change while the container stays.
    pub(in crate::docker) fn updates(&self) -> bool {
        matches!(self.place, Place::Limit(_) | Place::Restart)
    }

    fn name(&self) -> &'static str {
        self.fields.first().map_or("", |field| field.name)
    }

    /// What the container has.
    pub(in crate::docker) fn current(&self, against: &Against<'_>) -> Map {
        let container = against.container;
        let config = |key: &str| container.get("Config").and_then(|config| config.get(key));
        let host = |key: &str| container.get("HostConfig").and_then(|config| config.get(key));
        let one = |value: Option<&Value>| value.map(|value| (self.name(), value.clone())).into_iter().collect();
        let truth = |key: &str| config(key).is_some_and(Value::is_true);
        match self.place {
            Place::Config(key) => one(config(key)),
            Place::Host(key) | Place::Limit(key) => one(host(key)),
            Place::Command => one(config("Cmd")),
            Place::Environment => one(config("Env")),
            Place::Labels => one(config("Labels")),
            Place::Image => one(config("Image")),
            Place::Attached => Map::from_iter([
                ("interactive", truth("OpenStdin")),
                ("detach", !(truth("AttachStderr") && truth("AttachStdout"))),
            ]),
            Place::Healthcheck => {
                let none = Map::from_iter([("Test", vec!["NONE"])]);
                let there = config("Healthcheck").filter(|check| !check.is_null());
                Map::from_iter([("healthcheck", there.cloned().unwrap_or_else(|| none.into()))])
            }
            Place::Log => {
                let log = host("LogConfig").cloned().unwrap_or_default();
                Map::from_iter([
                    ("log_driver", log.get("Type").cloned().unwrap_or_default()),
                    ("log_options", log.get("Config").cloned().unwrap_or_default()),
                ])
            }
            Place::Restart => {
                let policy = host("RestartPolicy").cloned().unwrap_or_default();
                Map::from_iter([
                    ("restart_policy", policy.get("Name").cloned().unwrap_or_default()),
                    ("restart_retries", policy.get("MaximumRetryCount").cloned().unwrap_or_default()),
                ])
            }
            Place::Network => host("NetworkMode").map(|mode| ("network_mode", mode.clone())).into_iter().collect(),
            Place::Mounts => mounts::current(container),
            Place::Ports => ports::current(container),
            Place::Platform => platform::current(against),
        }
    }

    /// What the container should have, given what the user wants and what the image brings.
    pub(in crate::docker) fn expected(&self, wanted: &Map, against: &Against<'_>) -> Result<Map, ModuleError> {
        let image =
            |key: &str| against.image.and_then(|image| image.get("Config")?.get(key)).filter(|value| value.is_true());
        Ok(match self.place {
            Place::Command => {
                let mut expected = wanted.clone();
                let asks_for_default =
                    wanted.get("command").and_then(Value::as_list).is_some_and(|words| words.is_empty());
                if let (true, Some(command)) = (asks_for_default, image("Cmd")) {
                    expected.insert("command", command.clone());
                }
                expected
            }
            Place::Environment => {
                let mut entries = Map::new();
                for entry in [image("Env"), wanted.get("env")].into_iter().flatten().flat_map(items) {
                    let entry = entry.to_str().into_owned();
                    let (name, value) = entry.split_once('=').unwrap_or((&entry, ""));
                    entries.insert(name, value);
                }
                let list: List = entries.texts().map(|(name, value)| format!("{name}={}", value.to_str())).collect();
                Map::from_iter([("env", list)])
            }
            Place::Labels => match wanted.get("labels").and_then(Value::as_map) {
                None => wanted.clone(),
                Some(labels) => {
                    let mut all = Map::new();
                    if let (true, Some(of_image)) =
                        (against.keeps_image_labels, image("Labels").and_then(Value::as_map))
                    {
                        all = of_image.clone();
                    }
                    all.extend(labels.clone());
                    Map::from_iter([("labels", all)])
                }
            },
            Place::Mounts => mounts::expected(wanted, against.image),
            Place::Ports => ports::expected(wanted, against.image),
            Place::Platform => platform::expected(wanted, against.host)?,
            // Compared where containers are connected.
            Place::Network => {
                let mut expected = wanted.clone();
                expected.remove("networks");
                expected
            }
            // Compared with the image itself.
            Place::Image => Map::new(),
            _ => wanted.clone(),
        })
    }

    /// Puts the options into what the daemon is asked to make.
    pub(in crate::docker) fn set(&self, wanted: &Map, body: &mut Map) {
        let value = wanted.get(self.name());
        match self.place {
            Place::Config(key) => put(body, key, value),
            Place::Host(key) | Place::Limit(key) => put_host(body, key, value),
            Place::Command => put(body, "Cmd", value),
            Place::Environment => put(body, "Env", value),
            Place::Healthcheck => put(body, "Healthcheck", value),
            Place::Image => put(body, "Image", value),
            Place::Labels => put(body, "Labels", value),
            Place::Network => put_host(body, "NetworkMode", value),
            Place::Platform => put(body, "platform", value),
            Place::Attached => {
                let interactive = wanted.get("interactive");
                let attached = !wanted.get("detach").is_some_and(Value::is_true);
                let alone = attached && interactive.is_some_and(Value::is_true);
                body.insert("AttachStdout", attached);
                body.insert("AttachStderr", attached);
                body.insert("AttachStdin", alone);
                body.insert("StdinOnce", alone);
                body.insert("OpenStdin", interactive.cloned());
            }
            Place::Log => {
                if let Some(driver) = value {
                    let options = wanted.get("log_options").cloned().unwrap_or_else(|| Map::new().into());
                    let log = Map::from_iter([("Type", driver.clone()), ("Config", options)]);
                    put_host(body, "LogConfig", Some(&log.into()));
                }
            }
            Place::Restart => put_host(body, "RestartPolicy", restart_policy(wanted).as_ref()),
            Place::Mounts => mounts::set(wanted, body),
            Place::Ports => ports::set(wanted, body),
        }
    }

    /// Puts the options into what the daemon is asked to change.
    pub(in crate::docker) fn update(&self, wanted: &Map, body: &mut Map) {
        match self.place {
            Place::Limit(key) => put(body, key, wanted.get(self.name())),
            Place::Restart => put(body, "RestartPolicy", restart_policy(wanted).as_ref()),
            _ => {}
        }
    }
}

fn restart_policy(wanted: &Map) -> Option<Value> {
    let name = wanted.get("restart_policy")?.clone();
    let retries = wanted.get("restart_retries").cloned().unwrap_or_default();
    Some(Map::from_iter([("Name", name), ("MaximumRetryCount", retries)]).into())
}

fn put(body: &mut Map, key: &str, value: Option<&Value>) {
    if let Some(value) = value {
        body.insert(key, value.clone());
    }
}

/// Puts a value under `HostConfig`.
pub(super) fn put_host(body: &mut Map, key: &str, value: Option<&Value>) {
    let Some(value) = value else { return };
    if !body.contains("HostConfig") {
        body.insert("HostConfig", Map::new());
    }
    if let Some(Value::Map(host)) = body.get_mut("HostConfig") {
        host.insert(key, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_one_place() {
        let mut names: Vec<&str> = fields().map(|field| field.name).collect();
        assert_eq!(names.len(), 78, "as the collection, without the ports that follow from others");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 78, "as the collection, without the ports that follow from others");
    }

    #[test]
    fn an_images_environment_is_below_the_users() {
        let image = rplay_value::json::loads(r#"{"Config": {"Env": ["A=1", "B=2"]}}"#).unwrap();
        let container = Map::new();
        let against = Against {
            container: &container,
            image: image.as_map(),
            own_image: None,
            host: None,
            keeps_image_labels: true,
        };
        let group = groups().find(|group| group.place == Place::Environment).unwrap();
        let wanted = Map::from_iter([("env", vec!["B=3", "C=4"])]);
        let expected = group.expected(&wanted, &against).unwrap();
        assert_eq!(Value::Map(expected).to_string(), "{'env': ['A=1', 'B=3', 'C=4']}");
    }

    #[test]
    fn who_does_not_detach_is_attached() {
        let group = groups().find(|group| group.place == Place::Attached).unwrap();
        let mut body = Map::new();
        group.set(&Map::from_iter([("interactive", true)]), &mut body);
        assert_eq!(
            Value::Map(body).to_string(),
            "{'AttachStdout': True, 'AttachStderr': True, 'AttachStdin': True, 'StdinOnce': True, 'OpenStdin': True}"
        );
    }
}
