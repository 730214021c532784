//! Makes, changes, starts, stops and removes Docker containers.
//!
//! A container that differs from what is asked for is made anew, except where the daemon can change it as it stands
//! (limits of CPU and memory, restart policy, networks).
//!
//! Options:
//! - `name` (required), `image`, `state` (default `started`): `absent`, `present`, `healthy`, `started`, `stopped`.
//! - The image: `pull` (default `missing`): `never`, `missing`, `always`; `pull_check_mode_behavior`, `image_comparison`,
//!   `image_label_mismatch`, `image_name_mismatch`, `platform`.
//! - The comparison: `comparisons`: for an option, or `*` for all, `strict`, `ignore`, or `allow_more_present`;
//!   `recreate` (default `false`), `restart` (default `false`), `container_default_behavior` (default `no_defaults`).
//! - What runs: `command`, `entrypoint`, `command_handling` (default `correct`), `env`, `env_file`, `user`, `groups`,
//!   `working_dir`, `tty`, `interactive`, `detach`, `cleanup`, `output_logs`, `auto_remove`, `init`, `healthcheck`,
//!   `healthy_wait_timeout`, `stop_signal`, `stop_timeout`, `kill_signal`, `force_kill`, `paused`, `restart_policy`,
//!   `restart_retries`, `removal_wait_timeout`, `keep_volumes`.
//! - What it sees: `mounts`, `volumes`, `volumes_from`, `volume_driver`, `tmpfs`, `devices`, `device_*`, `storage_opts`,
//!   `shm_size`, `read_only`, `hostname`, `domainname`, `etc_hosts`, `labels`, `log_driver`, `log_options`.
//! - Networks: `networks`, `network_mode`, `networks_cli_compatible` (default `true`), `links`, `published_ports`,
//!   `exposed_ports`, `publish_all_ports`, `default_host_ip`, `dns_servers`, `dns_opts`, `dns_search_domains`,
//!   `mac_address`.
//! - Limits and rights: `memory*`, `kernel_memory`, `cpu*`, `blkio_weight`, `pids_limit`, `oom_killer`, `oom_score_adj`,
//!   `ulimits`, `sysctls`, `privileged`, `capabilities`, `cap_drop`, `security_opts`, `runtime`, `cgroup_parent`,
//!   `cgroupns_mode`, `ipc_mode`, `pid_mode`, `userns_mode`, `uts`.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`; `debug` returns `actions` and `diff` always.
//!
//! Returns: `container`: what the daemon says about it, with its `Output` if it was waited for; `status`: how it ended;
//! `actions` in check mode.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_container:
//!     name: web
//!     image: nginx:1.27
//!     published_ports: ["8080:80"]
//!     restart_policy: unless-stopped
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::compare::Comparison;
use super::container::comparison::comparisons;
use super::container::mounts::SINCE;
use super::container::option::{Field, Group, groups};
use super::container::prepare::Reader;
use super::container::state::Work;
use super::differences::Differences;
use super::engine::{Engine, TOGETHER, with_connection};
use super::inspect::items;
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Support};

const RATE: ArgSpec = ArgSpec { args: &[Arg::text("path").required(), Arg::text("rate").required()], ..ArgSpec::EMPTY };
const IOPS: ArgSpec = ArgSpec { args: &[Arg::text("path").required(), Arg::int("rate").required()], ..ArgSpec::EMPTY };
const REQUEST: ArgSpec = ArgSpec {
    args: &[
        Arg::list("capabilities").elements(Kind::List),
        Arg::int("count"),
        Arg::list("device_ids"),
        Arg::text("driver"),
        Arg::map("options"),
    ],
    ..ArgSpec::EMPTY
};
const HEALTHCHECK: ArgSpec = ArgSpec {
    args: &[
        Arg::raw("test"),
        Arg::bool("test_cli_compatible").default("false"),
        Arg::text("interval"),
        Arg::text("timeout"),
        Arg::text("start_period"),
        Arg::text("start_interval"),
        Arg::int("retries"),
    ],
    ..ArgSpec::EMPTY
};
const NETWORK: ArgSpec = ArgSpec {
    args: &[
        Arg::text("name").required(),
        Arg::text("ipv4_address"),
        Arg::text("ipv6_address"),
        Arg::list("aliases"),
        Arg::list("links"),
        Arg::text("mac_address"),
    ],
    ..ArgSpec::EMPTY
};
const MOUNT: ArgSpec = ArgSpec {
    args: &[
        Arg::text("target").required(),
        Arg::text("source"),
        Arg::text("type").choices(&["bind", "volume", "tmpfs", "npipe", "cluster", "image"]).default("volume"),
        Arg::bool("read_only"),
        Arg::text("consistency").choices(&["default", "consistent", "cached", "delegated"]),
        Arg::text("propagation").choices(&["private", "rprivate", "shared", "rshared", "slave", "rslave"]),
        Arg::bool("no_copy"),
        Arg::map("labels"),
        Arg::text("volume_driver"),
        Arg::map("volume_options"),
        Arg::text("tmpfs_size"),
        Arg::text("tmpfs_mode"),
        Arg::bool("non_recursive"),
        Arg::bool("create_mountpoint"),
        Arg::bool("read_only_non_recursive"),
        Arg::bool("read_only_force_recursive"),
        Arg::text("subpath"),
        Arg::list("tmpfs_options").elements(Kind::Map),
    ],
    ..ArgSpec::EMPTY
};

/// `community.docker.docker_container`
pub static MODULE: Module = Module {
    name: "docker_container",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("name").required(),
            Arg::text("state").default("started").choices(&["absent", "present", "healthy", "started", "stopped"]),
            Arg::text("image"),
            Arg::bool("cleanup").default("false"),
            Arg::map("comparisons"),
            Arg::text("container_default_behavior").default("no_defaults").choices(&["compatibility", "no_defaults"]),
            Arg::text("command_handling").default("correct").choices(&["compatibility", "correct"]),
            Arg::text("default_host_ip"),
            Arg::bool("force_kill").default("false").alias(&["forcekill"]),
            Arg::text("image_comparison").default("desired-image").choices(&["desired-image", "current-image"]),
            Arg::text("image_label_mismatch").default("ignore").choices(&["ignore", "fail"]),
            Arg::text("image_name_mismatch").default("recreate").choices(&["ignore", "recreate"]),
            Arg::bool("keep_volumes").default("true"),
            Arg::text("kill_signal"),
            Arg::bool("networks_cli_compatible").default("true"),
            Arg::bool("output_logs").default("false"),
            Arg::bool("paused"),
            Arg::raw("pull").default("missing").choices(&["never", "missing", "always", "True", "False"]),
            Arg::text("pull_check_mode_behavior")
                .default("image_not_present")
                .choices(&["image_not_present", "always"]),
            Arg::bool("recreate").default("false"),
            Arg::float("removal_wait_timeout"),
            Arg::bool("restart").default("false"),
            Arg::float("healthy_wait_timeout").default("300"),
            Arg::bool("auto_remove"),
            Arg::int("blkio_weight"),
            Arg::list("capabilities"),
            Arg::list("cap_drop"),
            Arg::text("cgroupns_mode").choices(&["private", "host"]),
            Arg::text("cgroup_parent"),
            Arg::raw("command"),
            Arg::int("cpu_period"),
            Arg::int("cpu_quota"),
            Arg::text("cpuset_cpus"),
            Arg::text("cpuset_mems"),
            Arg::int("cpu_shares"),
            Arg::list("entrypoint"),
            Arg::float("cpus"),
            Arg::bool("detach"),
            Arg::bool("interactive"),
            Arg::list("devices"),
            Arg::list("device_read_bps").elements(Kind::Map).options(&RATE),
            Arg::list("device_write_bps").elements(Kind::Map).options(&RATE),
            Arg::list("device_read_iops").elements(Kind::Map).options(&IOPS),
            Arg::list("device_write_iops").elements(Kind::Map).options(&IOPS),
            Arg::list("device_requests").elements(Kind::Map).options(&REQUEST),
            Arg::list("device_cgroup_rules"),
            Arg::list("dns_servers"),
            Arg::list("dns_opts"),
            Arg::list("dns_search_domains"),
            Arg::text("domainname"),
            Arg::map("env"),
            Arg::path("env_file"),
            Arg::map("etc_hosts"),
            Arg::list("groups"),
            Arg::map("healthcheck").options(&HEALTHCHECK),
            Arg::text("hostname"),
            Arg::bool("init"),
            Arg::text("ipc_mode"),
            Arg::text("kernel_memory"),
            Arg::map("labels"),
            Arg::list("links"),
            Arg::text("log_driver"),
            Arg::map("log_options").alias(&["log_opt"]),
            Arg::text("mac_address"),
            Arg::text("memory"),
            Arg::text("memory_reservation"),
            Arg::text("memory_swap"),
            Arg::int("memory_swappiness"),
            Arg::int("stop_timeout"),
            Arg::text("network_mode"),
            Arg::list("networks").elements(Kind::Map).options(&NETWORK),
            Arg::bool("oom_killer"),
            Arg::int("oom_score_adj"),
            Arg::text("pid_mode"),
            Arg::int("pids_limit"),
            Arg::text("platform"),
            Arg::bool("privileged"),
            Arg::bool("read_only"),
            Arg::text("restart_policy").choices(&["no", "on-failure", "always", "unless-stopped"]),
            Arg::int("restart_retries"),
            Arg::text("runtime"),
            Arg::list("security_opts"),
            Arg::text("shm_size"),
            Arg::text("stop_signal"),
            Arg::map("storage_opts"),
            Arg::map("sysctls"),
            Arg::list("tmpfs"),
            Arg::bool("tty"),
            Arg::list("ulimits"),
            Arg::text("user"),
            Arg::text("userns_mode"),
            Arg::text("uts"),
            Arg::text("volume_driver"),
            Arg::list("volumes_from"),
            Arg::text("working_dir"),
            Arg::list("mounts").elements(Kind::Map).options(&MOUNT),
            Arg::list("volumes"),
            Arg::list("exposed_ports").alias(&["exposed", "expose"]),
            Arg::bool("publish_all_ports"),
            Arg::list("published_ports").alias(&["ports"]),
        ],
        together: TOGETHER,
        required_if: &[("state", "present", &["image"])],
        required_by: &[("log_options", &["log_driver"]), ("restart_retries", &["restart_policy"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let mut params = args.all().clone();
    check_versions(&engine, &params)?;
    let comparisons = comparisons(&params)?;
    apply_defaults(&mut params);
    let default_address = args.text("default_host_ip").map(default_address).transpose()?;
    let (check, debugging) = (cx.check(), args.flag("debug"));
    let state = args.need("state");
    let wanted = if state == "absent" {
        Vec::new()
    } else {
        let mut reader = Reader { cx, engine: &engine, params: &params, default_address: default_address.as_deref() };
        groups().map(|group| Ok((group, reader.read(group)?))).collect::<Result<Vec<_>, ModuleError>>()?
    };
    let mut work = new_work(cx, engine, params, wanted, comparisons);
    let facts = if state == "absent" {
        work.absent()?;
        None
    } else {
        work.present(state)?
    };
    let mut reply = Reply::changed(work.changed);
    if check || debugging {
        reply = reply.with("actions", work.actions);
    }
    if let Some(status) = work.status {
        reply = reply.with("status", status);
    }
    if let Some(output) = work.failed {
        reply.failed = true;
        reply = reply.with("msg", output);
    }
    if work.cx.diff() || debugging {
        let (before, after) = work.tracked.before_after();
        let mut diff = Map::from_iter([("before", before), ("after", after)]);
        if work.image_different.is_some() || !work.listed.is_empty() {
            diff.insert("differences", work.listed);
        }
        if work.image_different == Some(true) {
            diff.insert("image_different", true);
        }
        reply = reply.with("diff", diff);
    }
    Ok(match facts.filter(|facts| !facts.is_empty()) {
        Some(facts) => reply.with("container", facts),
        None => reply,
    })
}

fn new_work<'a, 'b>(
    cx: &'a mut Context<'b>,
    engine: Engine,
    params: Map,
    wanted: Vec<(&'static Group, Map)>,
    comparisons: Vec<(&'static Field, Comparison)>,
) -> Work<'a, 'b> {
    Work {
        cx,
        engine,
        params,
        wanted,
        comparisons,
        actions: List::new(),
        changed: false,
        tracked: Differences::default(),
        listed: List::new(),
        image_different: None,
        status: None,
        failed: None,
    }
}

/// Options that this daemon is too old for.
fn check_versions(engine: &Engine, params: &Map) -> Result<(), ModuleError> {
    let given = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    for group in groups() {
        let Some(since) = group.since else { continue };
        for field in group.fields.iter().filter(|field| field.written && given(params.get(field.name))) {
            engine.needs(field.name, since)?;
        }
    }
    if given(params.get("healthcheck").and_then(|check| check.get("start_interval"))) {
        engine.needs("healthcheck.start_interval", "1.44")?;
    }
    if params.get("networks").into_iter().flat_map(items).any(|network| given(network.get("mac_address"))) {
        engine.needs("networks.mac_address", "1.44")?;
    }
    for (key, value, since) in SINCE {
        let used = |mount: &Value| match value {
            Some(value) => mount.get(key).and_then(Value::as_str) == Some(value),
            None => given(mount.get(key)),
        };
        if params.get("mounts").into_iter().flat_map(items).any(used) {
            let option = value.map_or_else(|| format!("mounts.{key}"), |value| format!("mounts.{key}={value}"));
            engine.needs(&option, since)?;
        }
    }
    Ok(())
}

/// What options mean that are not given.
fn apply_defaults(params: &mut Map) {
    let missing = |params: &Map, name: &str| params.get(name).is_none_or(Value::is_null);
    let first = params.get("networks").and_then(|networks| items(networks).next()?.get("name").cloned());
    let cli = params.get("networks_cli_compatible").is_some_and(Value::is_true);
    // As the client program: the first network is the one it starts in.
    if let (true, Some(first)) = (cli && missing(params, "network_mode"), first) {
        params.insert("network_mode", first);
    }
    if params.get("container_default_behavior").and_then(Value::as_str) == Some("compatibility") {
        for name in ["auto_remove", "init", "interactive", "paused", "privileged", "read_only", "tty"] {
            if missing(params, name) {
                params.insert(name, false);
            }
        }
        if missing(params, "detach") {
            params.insert("detach", true);
        }
        if missing(params, "memory") {
            params.insert("memory", "0");
        }
    }
}

/// An IPv4 address, an IPv6 address between brackets, or nothing.
fn default_address(written: &str) -> Result<String, ModuleError> {
    let v6 = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
    let parts: Vec<&str> = written.split('.').collect();
    let v4 = parts.len() == 4 && parts.iter().all(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()));
    let bracketed = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(v6);
    match written {
        text if text.is_empty() || v4 || bracketed => Ok(text.to_owned()),
        text if v6(text) => Ok(format!("[{text}]")),
        text => Err(ModuleError::msg(format!(
            "The value of default_host_ip must be an empty string, an IPv4 address, or an IPv6 address. Got \"{text}\" \
             instead."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args, http_server};

    const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

    #[test]
    fn every_option_of_a_container_is_an_argument() {
        let names: Vec<&str> = MODULE.spec.all().map(|arg| arg.name).collect();
        for field in super::super::container::option::fields().filter(|field| field.written) {
            assert!(names.contains(&field.name), "{}", field.name);
            assert_eq!(MODULE.spec.find(field.name).unwrap().aliases, field.aliases, "{}", field.name);
        }
    }

    #[test]
    fn a_new_container_is_foreseen() {
        let server = http_server(vec![
            (JSON, "{\"ApiVersion\": \"1.41\"}"),
            (JSON, "[]"),
            (JSON, "[{\"Id\": \"sha256:1\", \"RepoTags\": [\"i:latest\"]}]"),
            (JSON, "{\"Id\": \"sha256:1\", \"Config\": {}}"),
        ]);
        let given = args([
            ("docker_host", Value::from(server.url("").replace("http", "tcp"))),
            ("name", "c".into()),
            ("image", "i".into()),
            ("state", "present".into()),
            ("memory", "1k".into()),
        ]);
        let reply = Fake::new().unwrap().check("docker_container", given);
        assert!(reply.changed && !reply.failed, "{reply:?}");
        let actions = reply.data.get("actions").unwrap().to_string();
        assert!(actions.contains("'HostConfig': {'Memory': 1024}"), "{actions}");
        assert_eq!(
            reply.data.get("diff").unwrap().to_string(),
            "{'before': {'exists': False}, 'after': {'exists': True}}"
        );
    }

    #[test]
    fn an_option_that_the_daemon_is_too_old_for_is_refused() {
        let server = http_server(vec![(JSON, "{\"ApiVersion\": \"1.40\"}")]);
        let host = server.url("").replace("http", "tcp");
        let given = args([("docker_host", host.as_str()), ("name", "c"), ("image", "i"), ("platform", "linux")]);
        let reply = Fake::new().unwrap().call("docker_container", given);
        assert_eq!(
            reply.data.get("msg").unwrap().as_str(),
            Some("Docker API version is 1.40. Minimum version required is 1.41 to set platform option.")
        );
    }

    #[test]
    fn default_addresses() {
        assert_eq!(default_address("1.2.3.4").unwrap(), "1.2.3.4");
        assert_eq!(default_address("::1").unwrap(), "[::1]");
        assert_eq!(default_address("").unwrap(), "");
        assert!(default_address("host").is_err());
    }
}
