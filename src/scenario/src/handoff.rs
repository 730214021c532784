//! The two files that every tool can take over from: `hosts`, an inventory, and `ssh.config.ansible`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use rplay_value::json::{self, JsonStyle};
use rplay_value::{Map, Value};

use crate::node::Provider;
use crate::scenario::Scenario;
use crate::topology::Node;

/// How a node is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over ssh.
    Ssh {
        /// Address or name.
        host: String,
        /// Port.
        port: u16,
    },
    /// Through Docker.
    Docker {
        /// The container.
        container: String,
        /// Its daemon, when it is not this machine's.
        engine: Option<String>,
    },
}

/// A node that can be reached.
#[derive(Clone, Debug)]
pub struct Reached<'a> {
    /// The node.
    pub node: &'a Node<'a>,
    /// How.
    pub way: Way,
    /// Who to log in as.
    pub user: String,
    /// Private key.
    pub key: Option<PathBuf>,
}

/// Which names connection variables have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `ansible_host`, since Ansible 2.0.
    #[default]
    New,
    /// `ansible_ssh_host`, for what is older.
    Old,
}

/// The inventory: nodes, groups and variables. With `config` connections go through that ssh configuration alone.
pub fn hosts(scenario: &Scenario, nodes: &[Reached<'_>], config: &Path, spelling: Spelling) -> String {
    let mut out = String::new();
    let key = |name: &str| match spelling {
        Spelling::Old if ["host", "port", "user"].contains(&name) => format!("ansible_ssh_{name}"),
        _ => format!("ansible_{name}"),
    };
    for reached in nodes {
        let mut words: Vec<(String, Value)> = Vec::new();
        match &reached.way {
            Way::Ssh { host, port } => {
                words.push((key("host"), Value::from(host.as_str())));
                if *port != 22 {
                    words.push((key("port"), Value::Int(i64::from(*port))));
                }
                words.push((key("user"), Value::from(reached.user.as_str())));
                if let Some(file) = &reached.key {
                    words.push(("ansible_ssh_private_key_file".to_owned(), text(file)));
                }
                let arguments = format!("-F {}", config.display());
                words.push(("ansible_ssh_common_args".to_owned(), Value::from(arguments)));
                // The configuration names hosts by their names, with their jumps.
                if let Some((_, host)) = words.first_mut() {
                    *host = Value::from(reached.node.name.as_str());
                }
            }
            Way::Docker { container, engine } => {
                words.push((key("connection"), Value::from("docker")));
                words.push((key("host"), Value::from(container.as_str())));
                words.push((key("user"), Value::from(reached.user.as_str())));
                if let Some(engine) = engine {
                    words.push(("ansible_docker_extra_args".to_owned(), Value::from(format!("-H {engine}"))));
                }
            }
        }
        // By network: what `ansible_host` was in the days of one network.
        let addresses = reached.node.ports.iter().map(|port| (port.network.as_str(), port.address.to_string()));
        let addresses: Map = addresses.collect();
        if !addresses.is_empty() {
            words.push(("rplay_addresses".to_owned(), Value::Map(addresses)));
        }
        let _ = write!(out, "{}", reached.node.name);
        let own = reached.node.set.vars.texts().map(|(name, value)| (name.to_string(), value.clone()));
        for (name, value) in words.into_iter().chain(own) {
            let _ = write!(out, " {name}={}", quoted(&value));
        }
        out.push('\n');
    }
    for (group, members) in groups(scenario, nodes.iter().map(|reached| reached.node)) {
        let _ = writeln!(out, "\n[{group}]");
        for name in &members {
            let _ = writeln!(out, "{name}");
        }
    }
    for (name, group) in &scenario.groups {
        if !group.children.is_empty() {
            let _ = writeln!(out, "\n[{name}:children]");
            for child in &group.children {
                let _ = writeln!(out, "{}", child.text);
            }
        }
        variables(&mut out, name, &group.vars);
    }
    variables(&mut out, "all", &scenario.vars);
    out
}

/// Groups with their nodes, in the order in which they are first named.
pub fn groups<'a>(
    scenario: &'a Scenario,
    nodes: impl Iterator<Item = &'a Node<'a>> + Clone,
) -> IndexMap<&'a str, Vec<String>> {
    let mut groups: IndexMap<&str, Vec<String>> = IndexMap::new();
    for node in nodes.clone() {
        // All of a count are a group of their common name.
        let common = (node.name != node.set.name).then_some(&node.set.name);
        for group in common.into_iter().chain(&node.set.groups) {
            let members = groups.entry(group).or_default();
            if !members.contains(&node.name) {
                members.push(node.name.clone());
            }
        }
    }
    for (name, group) in &scenario.groups {
        let members = groups.entry(name).or_default();
        for spot in &group.nodes {
            for node in nodes.clone().filter(|node| node.set.name == spot.text) {
                if !members.contains(&node.name) {
                    members.push(node.name.clone());
                }
            }
        }
    }
    groups
}

fn variables(out: &mut String, group: &str, vars: &Map) {
    if !vars.is_empty() {
        let _ = writeln!(out, "\n[{group}:vars]");
        for (name, value) in vars.texts() {
            let _ = writeln!(out, "{name}={}", literal(value));
        }
    }
}

fn text(path: &Path) -> Value {
    Value::from(path.to_string_lossy().into_owned())
}

/// A value as a Python literal, which is what INI inventories hold.
fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) if looks_plain(text) => text.to_string(),
        value => value.repr(),
    }
}

/// A text that reads as itself: no number, boolean or list.
fn looks_plain(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/' || c == '-');
    first && !["True", "False", "None"].contains(&text) && !text.contains(['#', '\n', '\'', '"', '\\'])
}

/// A value of a host's line: quoted for the shell-like splitting of that line.
fn quoted(value: &Value) -> String {
    let literal = literal(value);
    let bare = !literal.is_empty() && literal.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@+,=".contains(c));
    if bare { literal } else { format!("\"{}\"", literal.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// The ssh configuration: every node by its name, with jumps. Nothing of the user's own configuration is needed or touched.
pub fn ssh_config(nodes: &[Reached<'_>], known_hosts: &Path) -> String {
    let mut out = String::new();
    for reached in nodes {
        let Way::Ssh { host, port } = &reached.way else { continue };
        let _ = writeln!(out, "Host {}", reached.node.name);
        let _ = writeln!(out, "    HostName {host}");
        if *port != 22 {
            let _ = writeln!(out, "    Port {port}");
        }
        let _ = writeln!(out, "    User {}", reached.user);
        if let Some(key) = &reached.key {
            let _ = writeln!(out, "    IdentityFile {}", key.display());
            out.push_str("    IdentitiesOnly yes\n");
        }
        if let Some(via) = &reached.node.set.via {
            let _ = writeln!(out, "    ProxyJump {}", via.text);
        }
        // Nodes are made anew with other keys at the same address.
        let _ = writeln!(out, "    UserKnownHostsFile {}", known_hosts.display());
        let strict = if reached.node.set.provider == Provider::Existing { "accept-new" } else { "no" };
        let _ = writeln!(out, "    StrictHostKeyChecking {strict}");
        out.push_str("    LogLevel ERROR\n\n");
    }
    out
}

/// `instackenv.json`: nodes with a management controller, as TripleO reads them.
pub fn instackenv(
    nodes: &[Node<'_>],
    bmc: impl Fn(&Node<'_>) -> Option<(String, u16)>,
) -> Result<String, rplay_value::ValueError> {
    let list = nodes.iter().filter_map(|node| {
        let (address, port) = bmc(node)?;
        let disk = node.set.disk.map_or(0, |size| size.0 >> 30);
        let macs = node.ports.first().map(|port| Value::from(port.mac_text()));
        Some(Value::Map(Map::from_iter([
            ("name", Value::from(node.name.as_str())),
            ("pm_type", Value::from("ipmi")),
            ("pm_addr", Value::from(address)),
            ("pm_port", Value::from(port.to_string())),
            ("pm_user", Value::from("admin")),
            ("pm_password", Value::from("password")),
            ("mac", Value::List(macs.into_iter().collect())),
            ("cpu", Value::from(node.set.cpus.to_string())),
            ("memory", Value::from(node.set.memory.unwrap_or_default().as_mib().to_string())),
            ("disk", Value::from(disk.to_string())),
            ("arch", Value::from("x86_64")),
        ])))
    });
    let nodes = Value::List(list.collect());
    let style = JsonStyle { indent: Some("  ".to_owned()), ..JsonStyle::default() };
    json::dumps(&Value::Map(Map::from_iter([("nodes", nodes)])), &style).map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::topology::{Counts, Known};

    const LAB: &str = "
name: lab
vars: {release: '17', debug: true, names: [a, b], motto: it's \"so\"}
networks: {outer: {cidr: 198.51.100.0/24}, inner: {kind: isolated, cidr: 192.0.2.0/24}}
images: {base: {debootstrap: {}}}
types:
  vm: {provider: libvirt, image: base, networks: [inner], memory: 4G, disk: 40G, bmc: true, groups: [nodes], via: under}
nodes:
  under: {provider: libvirt, image: base, networks: [outer, inner], vars: {role: the boss, n: 3}}
  compute: {type: vm, count: 2, groups: [computes]}
  box: {image: base}
groups:
  overcloud: {children: [computes], nodes: [box], vars: {x: null}}
";

    fn with<R>(see: impl FnOnce(&Scenario, &[Reached<'_>], &[Node<'_>]) -> R) -> R {
        let sources = Arc::new(rplay_diag::Sources::new());
        let source = sources.add("scenario.yml", LAB);
        let document = rplay_yaml::parse(&sources, source).unwrap().node;
        let scenario = Scenario::from_document(Path::new("scenario.yml"), document, &sources).unwrap();
        let nodes = scenario.topology(&Counts::default(), &Known::new()).unwrap();
        let reached: Vec<Reached<'_>> = nodes
            .iter()
            .map(|node| {
                let way = match node.ports.first() {
                    Some(port) => Way::Ssh { host: port.address.to_string(), port: 22 },
                    None => Way::Docker { container: format!("lab-{}", node.name), engine: None },
                };
                Reached { node, way, user: "root".to_owned(), key: Some(PathBuf::from("/k/id")) }
            })
            .collect();
        see(&scenario, &reached, &nodes)
    }

    #[test]
    fn the_inventory_has_nodes_groups_and_variables() {
        let text =
            with(|scenario, reached, _| hosts(scenario, reached, Path::new("/l/ssh.config.ansible"), Spelling::New));
        insta::assert_snapshot!(text, @r#"
        under ansible_host=under ansible_user=root ansible_ssh_private_key_file=/k/id ansible_ssh_common_args="-F /l/ssh.config.ansible" rplay_addresses="{'outer': '198.51.100.10', 'inner': '192.0.2.10'}" role="the boss" n=3
        compute-0 ansible_host=compute-0 ansible_user=root ansible_ssh_private_key_file=/k/id ansible_ssh_common_args="-F /l/ssh.config.ansible" rplay_addresses="{'inner': '192.0.2.11'}"
        compute-1 ansible_host=compute-1 ansible_user=root ansible_ssh_private_key_file=/k/id ansible_ssh_common_args="-F /l/ssh.config.ansible" rplay_addresses="{'inner': '192.0.2.12'}"
        box ansible_connection=docker ansible_host=lab-box ansible_user=root

        [compute]
        compute-0
        compute-1

        [nodes]
        compute-0
        compute-1

        [computes]
        compute-0
        compute-1

        [overcloud]
        box

        [overcloud:children]
        computes

        [overcloud:vars]
        x=None

        [all:vars]
        release='17'
        debug=True
        names=['a', 'b']
        motto='it\'s "so"'
        "#);
    }

    #[test]
    fn the_ssh_configuration_names_every_node_with_its_jump() {
        let text = with(|_, reached, _| ssh_config(reached, Path::new("/l/known_hosts")));
        let jump = text.split("\n\n").nth(1).unwrap();
        insta::assert_snapshot!(jump, @r"
        Host compute-0
            HostName 192.0.2.11
            User root
            IdentityFile /k/id
            IdentitiesOnly yes
            ProxyJump under
            UserKnownHostsFile /l/known_hosts
            StrictHostKeyChecking no
            LogLevel ERROR
        ");
        assert!(!text.contains("box"), "a container needs no ssh");
    }

    #[test]
    fn the_node_file_has_those_with_a_controller() {
        let text =
            with(|_, _, nodes| instackenv(nodes, |node| node.set.bmc.then(|| ("192.0.2.1".to_owned(), 6230))).unwrap());
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let nodes = read["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 2);
        assert_eq!(nodes[0]["name"], "compute-0");
        assert_eq!(
            (&nodes[0]["memory"], &nodes[0]["disk"], &nodes[0]["cpu"]),
            (&"4096".into(), &"40".into(), &"1".into())
        );
        assert!(nodes[0]["mac"][0].as_str().unwrap().starts_with("52:54:00:"));
    }
}
