//! Makes, changes and removes Docker networks, and connects containers with them.
//!
//! Options:
//! - `name` (required, alias `network_name`), `state` (default `present`): `present`, `absent`.
//! - `connected` (alias `containers`): containers that are connected; others are disconnected unless `appends` (alias
//!   `incremental`, default `false`).
//! - `driver` (default `bridge`), `driver_options`, `scope` (`local`, `global`, `swarm`), `internal`, `attachable`,
//!   `ingress`, `enable_ipv4`, `enable_ipv6`, `labels`, `config_only`, `config_from`.
//! - `ipam_driver`, `ipam_driver_options`, `ipam_config`: a list of `subnet`, `iprange`, `gateway`, `aux_addresses`.
//! - `force` (default `false`): made anew even if nothing differs. A network that differs is always made anew.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`; `debug` returns `actions` outside check mode, too.
//!
//! Returns: `network`: what the daemon says about it; `actions` in check mode.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_network:
//!     name: backend
//!     ipam_config:
//!       - subnet: 172.30.0.0/24
//!         gateway: 172.30.0.1
//! ```

use std::thread;
use std::time::Duration;

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::differences::Differences;
use super::engine::{Engine, TOGETHER, quoted, with_connection};
use super::inspect::{items, text};
use super::options::{self, address, for_go};
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Support};

/// `community.docker.docker_network`
pub static MODULE: Module = Module {
    name: "docker_network",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("name").required().alias(&["network_name"]),
            Arg::text("config_from"),
            Arg::bool("config_only"),
            Arg::list("connected").default("").alias(&["containers"]),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::text("driver").default("bridge"),
            Arg::map("driver_options").default("{}"),
            Arg::bool("force").default("false"),
            Arg::bool("appends").default("false").alias(&["incremental"]),
            Arg::text("ipam_driver"),
            Arg::map("ipam_driver_options"),
            Arg::list("ipam_config").elements(Kind::Map).options(&ArgSpec {
                args: &[Arg::text("subnet"), Arg::text("iprange"), Arg::text("gateway"), Arg::map("aux_addresses")],
                ..ArgSpec::EMPTY
            }),
            Arg::bool("enable_ipv4"),
            Arg::bool("enable_ipv6"),
            Arg::bool("internal"),
            Arg::map("labels").default("{}"),
            Arg::text("scope").choices(&["local", "global", "swarm"]),
            Arg::bool("attachable"),
            Arg::bool("ingress"),
        ],
        together: TOGETHER,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

struct Network<'a> {
    engine: Engine,
    args: &'a Args,
    name: &'a str,
    driver: &'a str,
    driver_options: Map,
    labels: Map,
    existing: Option<Map>,
    tracked: Differences,
    changed: bool,
    actions: List,
    check: bool,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    for (option, version) in [
        ("config_from", "1.30"),
        ("config_only", "1.30"),
        ("scope", "1.30"),
        ("attachable", "1.26"),
        ("enable_ipv4", "1.47"),
    ] {
        if args.get(option).is_some() {
            engine.needs(option, version)?;
        }
    }
    let labels = options::labels(args.map("labels").unwrap_or(&Map::new()))?;
    let mut network = Network {
        name: args.need("name"),
        // What only holds a configuration has no driver of its own.
        driver: if args.flag("config_only") { "null" } else { args.need("driver") },
        driver_options: for_go(args.map("driver_options")),
        labels,
        existing: None,
        tracked: Differences::default(),
        changed: false,
        actions: List::new(),
        check: cx.check(),
        engine,
        args,
    };
    network.existing = network.engine.network(network.name)?;
    let mut connected: Vec<String> = args.texts("connected").iter().map(|&name| name.to_owned()).collect();
    if let (true, Some(existing)) = (connected.is_empty(), &network.existing) {
        connected = containers_of(existing);
    }
    for pool in args.list("ipam_config").into_iter().flatten() {
        check_cidr(pool.get("subnet"))?;
    }
    let there = network.existing.is_some();
    let debugging = args.flag("debug");
    let show_actions = cx.check() || debugging;
    let mut shown = Map::new();
    let mut reply = Reply::ok();
    if args.need("state") == "present" {
        let differences = network.existing.as_ref().map(|existing| network.compare(existing)).unwrap_or_default();
        network.tracked.add("exists", true, there);
        if args.flag("force") || !differences.is_empty() {
            network.remove()?;
            network.existing = None;
        }
        network.create(cx)?;
        network.connect(&connected)?;
        if !args.flag("appends") {
            for name in network.existing.as_ref().map(containers_of).unwrap_or_default() {
                if !connected.contains(&name) {
                    network.disconnect(&name)?;
                }
            }
        }
        shown.insert("differences", differences.names());
        network.tracked.merge(&differences);
        if show_actions {
            reply = reply.with("actions", network.actions.clone());
        }
        reply = reply.with("network", network.engine.network(network.name)?);
    } else {
        network.tracked.add("exists", false, there);
        network.remove()?;
        reply = reply.with("actions", network.actions.clone());
    }
    reply.changed = network.changed;
    if cx.diff() || show_actions {
        if cx.diff() {
            let (before, after) = network.tracked.before_after();
            shown.insert("before", before);
            shown.insert("after", after);
        }
        reply = reply.with("diff", shown);
    }
    Ok(reply)
}

impl Network<'_> {
    fn create(&mut self, cx: &mut Context<'_>) -> Result<(), ModuleError> {
        if self.existing.is_some() {
            return Ok(());
        }
        if !self.check {
            let made = self.engine.post("/networks/create").body(&self.wanted()).value()?;
            if let Some(warning) = made.get("Warning").and_then(Value::as_str).filter(|warning| !warning.is_empty()) {
                cx.warn(format!("Docker warning: {warning}"));
            }
            self.existing = self.engine.network_by_id(text(&made, "Id"))?;
        }
        self.actions.push(format!("Created network {} with driver {}", self.name, self.driver));
        self.changed = true;
        Ok(())
    }

    /// What the daemon is asked to make.
    fn wanted(&self) -> Map {
        let args = self.args;
        let mut wanted = Map::from_iter([
            ("Name", Value::from(self.name)),
            ("Driver", self.driver.into()),
            ("Options", self.driver_options.clone().into()),
        ]);
        if let Some(name) = args.text("config_from").filter(|name| !name.is_empty()) {
            wanted.insert("ConfigFrom", Map::from_iter([("Network", name)]));
        }
        if args.flag("internal") {
            wanted.insert("Internal", true);
        }
        for (key, option) in [
            ("ConfigOnly", "config_only"),
            ("EnableIPv6", "enable_ipv6"),
            ("EnableIPv4", "enable_ipv4"),
            ("Scope", "scope"),
            ("Attachable", "attachable"),
            ("Ingress", "ingress"),
        ] {
            if let Some(value) = args.get(option) {
                wanted.insert(key, value.clone());
            }
        }
        wanted.insert("Labels", self.labels.clone());
        let pool = |pool: &Value| -> Map {
            let keys = [
                ("Subnet", "subnet"),
                ("IPRange", "iprange"),
                ("Gateway", "gateway"),
                ("AuxiliaryAddresses", "aux_addresses"),
            ];
            keys.into_iter().map(|(key, option)| (key, pool.get(option).cloned())).collect()
        };
        let pools: List = args.list("ipam_config").into_iter().flatten().map(pool).collect();
        let options = args.map("ipam_driver_options");
        let driver = args.text("ipam_driver").filter(|driver| !driver.is_empty());
        if driver.is_some() || options.is_some_and(|options| !options.is_empty()) || !pools.is_empty() {
            let ipam = [
                ("Driver", Value::from(driver)),
                ("Config", pools.into()),
                ("Options", options.cloned().map_or(Value::Null, Value::Map)),
            ];
            wanted.insert("IPAM", Map::from_iter(ipam));
        }
        wanted
    }

    fn remove(&mut self) -> Result<(), ModuleError> {
        let Some(existing) = self.existing.clone() else { return Ok(()) };
        let now = self.engine.network(self.name)?.unwrap_or_default();
        for name in containers_of(&now) {
            self.disconnect(&name)?;
        }
        if !self.check {
            self.engine.delete(&format!("/networks/{}", quoted(self.name))).done()?;
            if existing.get("Scope").and_then(Value::as_str) == Some("swarm") {
                while self.engine.network(self.name)?.is_some() {
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
        self.actions.push(format!("Removed network {}", self.name));
        self.changed = true;
        Ok(())
    }

    fn connect(&mut self, names: &[String]) -> Result<(), ModuleError> {
        for name in names {
            let there = self.existing.as_ref().is_some_and(|existing| containers_of(existing).contains(name));
            if there || self.engine.container(name)?.is_none() {
                continue;
            }
            if !self.check {
                let body = Map::from_iter([("Container", name.as_str())]);
                self.engine.post(&format!("/networks/{}/connect", quoted(self.name))).body(&body).done()?;
            }
            self.actions.push(format!("Connected container {name}"));
            self.changed = true;
            self.tracked.add(format!("connected.{name}"), true, false);
        }
        Ok(())
    }

    fn disconnect(&mut self, name: &str) -> Result<(), ModuleError> {
        if !self.check {
            let body = Map::from_iter([("Container", Value::from(name)), ("Force", true.into())]);
            self.engine.post(&format!("/networks/{}/disconnect", quoted(self.name))).body(&body).done()?;
        }
        self.actions.push(format!("Disconnected container {name}"));
        self.changed = true;
        self.tracked.add(format!("connected.{name}"), false, true);
        Ok(())
    }

    fn compare(&self, existing: &Map) -> Differences {
        let mut differences = Differences::default();
        let args = self.args;
        let mut simple = |option: &str, wanted: Option<&Value>, active: Value, shown: Value| {
            if let Some(wanted) = wanted
                && *wanted != active
            {
                differences.add(option, wanted.clone(), shown);
            }
        };
        let flag = |key: &str| existing.get(key).cloned().unwrap_or(Value::Bool(false));
        let raw = |key: &str| existing.get(key).cloned().unwrap_or_default();
        let origin = existing.get("ConfigFrom").and_then(|from| from.get("Network")).cloned().unwrap_or("".into());
        simple("config_only", args.get("config_only"), flag("ConfigOnly"), flag("ConfigOnly"));
        simple("config_from", args.get("config_from"), origin.clone(), origin);
        let driver = (!self.driver.is_empty()).then(|| Value::from(self.driver));
        simple("driver", driver.as_ref(), raw("Driver"), raw("Driver"));
        compare_entries("driver_options", &self.driver_options, existing.get("Options"), &mut differences);
        self.compare_ipam(existing, &mut differences);
        let mut simple = |option: &str, active: Value, shown: Value| {
            if let Some(wanted) = args.get(option)
                && *wanted != active
            {
                differences.add(option, wanted.clone(), shown);
            }
        };
        simple("enable_ipv4", flag("EnableIPv4"), flag("EnableIPv4"));
        simple("enable_ipv6", flag("EnableIPv6"), flag("EnableIPv6"));
        simple("internal", flag("Internal"), raw("Internal"));
        simple("scope", raw("Scope"), raw("Scope"));
        simple("attachable", flag("Attachable"), raw("Attachable"));
        simple("ingress", flag("Ingress"), raw("Ingress"));
        compare_entries("labels", &self.labels, existing.get("Labels"), &mut differences);
        differences
    }

    fn compare_ipam(&self, existing: &Map, differences: &mut Differences) {
        let ipam = existing.get("IPAM").filter(|ipam| ipam.is_true());
        if let Some(driver) = self.args.text("ipam_driver").filter(|driver| !driver.is_empty())
            && ipam.is_none_or(|ipam| text(ipam, "Driver") != driver)
        {
            differences.add("ipam_driver", driver, existing.get("IPAM").cloned());
        }
        if let Some(wanted) = self.args.map("ipam_driver_options") {
            let active = ipam.and_then(|ipam| ipam.get("Options")).and_then(Value::as_map).cloned().unwrap_or_default();
            if active != *wanted {
                differences.add("ipam_driver_options", wanted.clone(), active);
            }
        }
        let Some(pools) = self.args.list("ipam_config").filter(|pools| !pools.is_empty()) else { return };
        let active = ipam.and_then(|ipam| ipam.get("Config")).filter(|config| config.is_true());
        let Some(active) = active else {
            let shown = ipam.and_then(|ipam| ipam.get("Config")).cloned();
            return differences.add("ipam_config", pools.clone(), shown);
        };
        let renamed = |pool: &Value| -> Map {
            let name =
                |key: &str| if key == "AuxiliaryAddresses" { "aux_addresses".into() } else { key.to_lowercase() };
            pool.as_map().into_iter().flat_map(Map::texts).map(|(k, v)| (name(k.as_str()), v.clone())).collect()
        };
        let active: Vec<(Map, Map)> =
            items(active).map(renamed).map(|pool| (normal(&pool), pool)).map(|(n, pool)| (pool, n)).collect();
        for (index, pool) in pools.iter().enumerate() {
            let Some(pool) = pool.as_map() else { continue };
            let wanted = normal(pool);
            let fits = |there: &Map| wanted.iter().all(|(k, v)| v.is_null() || there.get_value(k) == Some(v));
            let (shown, there) = active.iter().find(|(_, there)| fits(there)).cloned().unwrap_or_default();
            for (key, value) in pool {
                if !value.is_null() && wanted.get_value(key) != there.get_value(key) {
                    let name = format!("ipam_config[{index}].{}", key.to_str());
                    differences.add(name, value.clone(), shown.get_value(key).cloned());
                }
            }
        }
    }
}

/// Entries that are wanted but not there.
fn compare_entries(option: &str, wanted: &Map, active: Option<&Value>, differences: &mut Differences) {
    if wanted.is_empty() {
        return;
    }
    match active.and_then(Value::as_map).filter(|active| !active.is_empty()) {
        None => differences.add(option, wanted.clone(), active.cloned()),
        Some(active) => {
            for (key, value) in wanted {
                let there = active.get_value(key);
                if there != Some(value) {
                    differences.add(format!("{option}.{}", key.to_str()), value.clone(), there.cloned());
                }
            }
        }
    }
}

/// A pool with its addresses in their shortest form.
fn normal(pool: &Map) -> Map {
    let value = |key: &str, value: &Value| match (key, value) {
        ("subnet" | "iprange", value) => options::network(Some(value)),
        ("gateway", value) => address(Some(value)),
        ("aux_addresses", Value::Map(all)) => {
            all.iter().map(|(name, one)| (name.clone(), address(Some(one)))).collect::<Map>().into()
        }
        (_, value) => value.clone(),
    };
    pool.texts().map(|(key, one)| (key.as_str(), value(key.as_str(), one))).collect()
}

/// The names of the containers that are connected.
fn containers_of(network: &Map) -> Vec<String> {
    let all = network.get("Containers").and_then(Value::as_map);
    all.into_iter().flat_map(Map::values).map(|container| text(container, "Name").to_owned()).collect()
}

/// The collection's own check: digits, dots and a length, or hex digits, colons and a length.
fn check_cidr(subnet: Option<&Value>) -> Result<(), ModuleError> {
    let written = subnet.and_then(Value::as_str).unwrap_or("None");
    let fits = written.split_once('/').is_some_and(|(address, length)| {
        let short = !length.is_empty()
            && length.chars().all(|c| c.is_ascii_digit())
            && (length == "0" || !length.starts_with('0'));
        let bits: u32 = length.parse().unwrap_or(u32::MAX);
        let parts: Vec<&str> = address.split('.').collect();
        let number = |part: &&str| (1..=3).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
        let v4 = parts.len() == 4 && parts.iter().all(number) && bits <= 32;
        let v6 = !address.is_empty() && address.chars().all(|c| c.is_ascii_hexdigit() || c == ':') && bits <= 129;
        short && (v4 || v6)
    });
    if fits { Ok(()) } else { Err(ModuleError::msg(format!("\"{written}\" is not a valid CIDR"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets() {
        let ok = |text: &str| check_cidr(Some(&Value::from(text))).is_ok();
        assert!(ok("10.0.0.0/8") && ok("fd00::/64") && ok("999.0.0.0/32"));
        assert!(!ok("10.0.0.0") && !ok("10.0.0/8") && !ok("10.0.0.0/33") && !ok("x/8"));
        assert_eq!(check_cidr(None).unwrap_err().to_string(), "\"None\" is not a valid CIDR");
    }

    #[test]
    fn pools_are_compared_in_their_shortest_form() {
        let pool = Map::from_iter([
            ("subnet", Value::from("fd00:0::/64")),
            ("gateway", "fd00:0::1".into()),
            ("aux_addresses", Map::from_iter([("a", "fd00:0::2")]).into()),
        ]);
        assert_eq!(
            Value::Map(normal(&pool)).to_string(),
            "{'subnet': 'fd00::/64', 'gateway': 'fd00::1', 'aux_addresses': {'a': 'fd00::2'}}"
        );
    }
}
