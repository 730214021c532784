//! Topologies of infrared's virsh plugin: `nodes/NAME.yml` and `network/NAME.yml`.

use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use rplay_diag::{Sources, nearest};
use rplay_value::{Map, Value};

use super::{Files, ImportError, Imported, list, name_of, text, written};
use crate::topology::Counts;

/// What is taken over.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Folders with `nodes` and `network`, the first stronger: a plugin's `vars/topology`, then its `defaults/topology`.
    pub folders: Vec<PathBuf>,
    /// As `--topology-nodes`: `undercloud:1,controller:3`.
    pub nodes: String,
    /// As `--topology-network`: a file's name.
    pub network: String,
    /// Address of the disk image (`--image-url`), or a path.
    pub image: Option<String>,
    /// Variables of the files' templates, such as `net` and `data_net`.
    pub vars: Map,
}

/// Fields of a node's file that a scenario has a place for, or that say nothing about it.
const OF_NODES: &[&str] = &[
    "name",
    "prefix",
    "cpu",
    "memory",
    "disks",
    "interfaces",
    "groups",
    "import_url",
    "os",
    "cpumodel",
    "swap",
    "external_network",
];
const OF_NETWORKS: &[&str] =
    &["name", "external_connectivity", "ip_address", "netmask", "forward", "dhcp", "portgroup", "floating_ip"];

/// A topology as a scenario.
pub fn scenario(topology: &Topology, sources: &Sources) -> Result<Imported, ImportError> {
    let mut files = Files::new(sources);
    files.layers = vec![topology.vars.clone()];
    let mut left_out = Vec::new();
    let path = find(&topology.folders, "network", &topology.network)?;
    let network_file = rendered(&files, &path)?;
    let (networks, known) = networks(&path, &network_file, &mut left_out)?;
    let mut counts = Counts::default();
    counts.add(&topology.nodes)?;

    let mut images = Map::new();
    let mut types = Map::new();
    let mut nodes = Map::new();
    for (name, count) in counts.iter() {
        let path = find(&topology.folders, "nodes", name)?;
        let node = rendered(&files, &path)?;
        for (field, _) in node.texts().filter(|(field, value)| !OF_NODES.contains(&field.as_str()) && !value.is_null())
        {
            left_out.push(format!("`{field}` of node {name}"));
        }
        let mut kind = Map::from_iter([("provider", Value::from("libvirt"))]);
        let url = text(&node, "import_url").or_else(|| disk_url(&node)).or_else(|| topology.image.clone());
        kind.insert("image", image(&mut images, url));
        let number = |field: &str| text(&node, field).and_then(|text| text.parse::<i64>().ok());
        kind.insert("cpus", number("cpu").unwrap_or(1));
        kind.insert("memory", format!("{}M", number("memory").unwrap_or(1024)));
        disks(&node, &mut kind);
        let attached = interfaces(&node, &network_file, name).into_iter().filter(|network| {
            let there = known.contains(network);
            if !there {
                left_out.push(format!("network {network} of node {name}"));
            }
            there
        });
        kind.insert("networks", list(attached.map(|network| name_of(&network))));
        if let Some(Value::List(groups)) = node.get("groups") {
            kind.insert("groups", list(groups.iter().map(|group| name_of(&group.to_str()))));
        }
        let prefix = text(&node, "prefix").unwrap_or_default();
        let own = name_of(&format!("{prefix}{}", text(&node, "name").unwrap_or_else(|| name.to_owned())));
        types.insert(own.as_str(), kind);
        nodes.insert(own.as_str(), i64::try_from(count).unwrap_or(i64::MAX));
    }
    let mut document = Map::from_iter([(
        "name",
        Value::from(name_of(&topology.network.trim_end_matches(".yml").replace(|c: char| c.is_ascii_digit(), ""))),
    )]);
    document.insert(
        "description",
        format!("infrared virsh --topology-nodes {} --topology-network {}", topology.nodes, topology.network),
    );
    for (field, map) in [("networks", networks), ("images", images), ("types", types), ("nodes", nodes)] {
        document.insert(field, map);
    }
    Ok(Imported { text: written(document)?, left_out })
}

fn find(folders: &[PathBuf], part: &'static str, name: &str) -> Result<PathBuf, ImportError> {
    let direct = Path::new(name);
    if direct.is_file() {
        return Ok(direct.to_owned());
    }
    let file = format!("{}.yml", name.trim_end_matches(".yml"));
    if let Some(path) = folders.iter().map(|folder| folder.join(part).join(&file)).find(|path| path.is_file()) {
        return Ok(path);
    }
    let mut known = Vec::new();
    for folder in folders {
        let entries = fs_err::read_dir(folder.join(part)).into_iter().flatten().filter_map(Result::ok);
        known.extend(entries.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".yml").map(str::to_owned)));
    }
    let near = nearest(name.trim_end_matches(".yml"), known.iter().map(String::as_str)).map(str::to_owned);
    let what = if part == "nodes" { "node file" } else { "network file" };
    Err(ImportError::Missing {
        what,
        name: name.to_owned(),
        folders: folders.iter().map(|f| f.join(part)).collect(),
        near,
    })
}

fn rendered(files: &Files, path: &Path) -> Result<Map, ImportError> {
    match files.render(&Value::Map(files.read(path)?))? {
        Value::Map(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// The networks of a scenario, and the names of those that were taken over.
fn networks(path: &Path, file: &Map, left_out: &mut Vec<String>) -> Result<(Map, Vec<String>), ImportError> {
    let wrong = |what: String| ImportError::Shape { file: path.to_owned(), what };
    let Some(Value::Map(all)) = file.get("networks") else { return Err(wrong("it has no `networks`".to_owned())) };
    let (mut networks, mut known) = (Map::new(), Vec::new());
    for (id, network) in all.texts() {
        let Value::Map(network) = network else { return Err(wrong(format!("network {id} is no mapping"))) };
        let name = text(network, "name").unwrap_or_else(|| id.to_string());
        let forward = text(network, "forward");
        if forward.as_deref() == Some("bridge") {
            left_out.push(format!("network {name}: a bridge to a card of the machine"));
            continue;
        }
        for (field, _) in network.texts().filter(|(field, _)| !OF_NETWORKS.contains(&field.as_str())) {
            left_out.push(format!("`{field}` of network {name}"));
        }
        let address =
            text(network, "ip_address").ok_or_else(|| wrong(format!("network {name} has no `ip_address`")))?;
        let mask = text(network, "netmask").unwrap_or_else(|| "255.255.255.0".to_owned());
        let cidr = address.parse().ok().zip(mask.parse().ok());
        let cidr = cidr.and_then(|(address, mask)| Ipv4Net::with_netmask(address, mask).ok());
        let cidr = cidr.ok_or_else(|| wrong(format!("network {name}: {address}/{mask} is no network")))?;
        let kind = match forward.as_deref() {
            Some("nat") => "nat",
            Some("route" | "open") => "routed",
            _ => "isolated",
        };
        let mut own = Map::from_iter([("kind", Value::from(kind)), ("cidr", Value::from(cidr.trunc().to_string()))]);
        own.insert("gateway", address);
        if network.get("dhcp").is_none_or(Value::is_null) {
            own.insert("dhcp", false);
        }
        networks.insert(name_of(&name), own);
        known.push(name);
    }
    Ok((networks, known))
}

/// The first disk's image, which may be the node's own.
fn disk_url(node: &Map) -> Option<String> {
    let (_, first) = node.get("disks")?.as_map()?.get_index(0)?;
    text(first.as_map()?, "import_url")
}

/// The image of this address, under a name; the same address is the same image.
fn image(images: &mut Map, url: Option<String>) -> String {
    let own = match url {
        Some(url) if url.contains("://") => Map::from_iter([("url", Value::from(url))]),
        Some(path) => Map::from_iter([("path", Value::from(path))]),
        None => Map::from_iter([("debootstrap", Value::Map(Map::new()))]),
    };
    let own = Value::Map(own);
    if let Some((name, _)) = images.texts().find(|(_, known)| **known == own) {
        return name.to_string();
    }
    let name = if images.is_empty() { "base".to_owned() } else { format!("base-{}", images.len() + 1) };
    images.insert(name.as_str(), own);
    name
}

/// The system's disk is the first one; the others are empty.
fn disks(node: &Map, kind: &mut Map) {
    let Some(Value::Map(disks)) = node.get("disks") else { return };
    let mut sizes = disks.values().filter_map(|disk| text(disk.as_map()?, "size"));
    if let Some(size) = sizes.next() {
        kind.insert("disk", size);
    }
    let more: Vec<Value> = sizes.map(|size| Value::Map(Map::from_iter([("size", size)]))).collect();
    if !more.is_empty() {
        kind.insert("disks", list(more));
    }
}

/// Networks of a node: its file's own, else what the network file says of it, else of all.
fn interfaces(node: &Map, networks: &Map, name: &str) -> Vec<String> {
    let of = |map: &Map| -> Option<Vec<String>> {
        let Some(Value::List(list)) = map.get("interfaces") else { return None };
        Some(list.iter().filter_map(|interface| text(interface.as_map()?, "network")).collect())
    };
    let said = networks.get("nodes").and_then(Value::as_map);
    let of_kind = |kind: &str| of(said?.get(kind)?.as_map()?);
    of(node).or_else(|| of_kind(name)).or_else(|| of_kind("default")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write(
            "nodes/undercloud.yml",
            "name: undercloud\nprefix: null\ncpu: '2'\nmemory: '4096'\nswap: '0'\ndeploy_os: true\ndisks:\n  disk1: {import_url: null, dev: /dev/vda, size: 50G, cache: unsafe}\n  disk2: {dev: /dev/vdb, size: 10G}\ninterfaces: null\ngroups: [undercloud, openstack_nodes]\n",
        );
        write(
            "nodes/compute.yml",
            "name: compute\ncpu: '1'\nmemory: '2048'\ndisks: {disk1: {import_url: 'http://images/x.qcow2', size: 30G}}\ngroups: [compute]\n",
        );
        write(
            "network/two_nets.yml",
            "networks:\n  net1: {external_connectivity: no, name: provisioning, ip_address: '192.168.{{ net }}.254', netmask: 255.255.255.0}\n  net2:\n    external_connectivity: yes\n    name: external\n    ip_address: 10.0.0.1\n    netmask: 255.255.255.128\n    forward: nat\n    dhcp: {range: {start: 10.0.0.2}}\n    ipv6: {ip_address: 'fe80::1'}\n  net3: {name: outside, forward: bridge, nic: eth0}\nnodes:\n  default: {interfaces: [{network: provisioning}, {network: outside}]}\n  undercloud: {interfaces: [{network: provisioning}, {network: external}]}\n",
        );
        folder
    }

    #[test]
    fn a_topology_becomes_a_scenario() {
        let folder = folder();
        let sources = Sources::new();
        let topology = Topology {
            folders: vec![folder.path().to_owned()],
            nodes: "undercloud:1,compute:2".to_owned(),
            network: "two_nets".to_owned(),
            image: None,
            vars: Map::from_iter([("net", 24)]),
        };
        let imported = scenario(&topology, &sources).unwrap();
        insta::assert_snapshot!(imported.text, @r"
        name: two_nets
        description: infrared virsh --topology-nodes undercloud:1,compute:2 --topology-network two_nets
        networks:
          provisioning:
            kind: isolated
            cidr: 192.168.24.0/24
            gateway: 192.168.24.254
            dhcp: false
          external:
            kind: nat
            cidr: 10.0.0.0/25
            gateway: 10.0.0.1
        images:
          base:
            debootstrap: {}
          base-2:
            url: http://images/x.qcow2
        types:
          undercloud:
            provider: libvirt
            image: base
            cpus: 2
            memory: 4096M
            disk: 50G
            disks:
              - size: 10G
            networks:
              - provisioning
              - external
            groups:
              - undercloud
              - openstack_nodes
          compute:
            provider: libvirt
            image: base-2
            cpus: 1
            memory: 2048M
            disk: 30G
            networks:
              - provisioning
            groups:
              - compute
        nodes:
          undercloud: 1
          compute: 2
        ");
        assert_eq!(
            imported.left_out,
            [
                "`ipv6` of network external",
                "network outside: a bridge to a card of the machine",
                "`deploy_os` of node undercloud",
                "network outside of node compute",
            ]
        );
        let source = sources.add("imported.yml", imported.text.as_str());
        let document = rplay_yaml::parse(&sources, source).unwrap().node;
        let read = Scenario::from_document(Path::new("imported.yml"), document, &sources.into()).unwrap();
        let nodes = read.topology(&Counts::default(), &crate::topology::Known::new()).unwrap();
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["undercloud-0", "compute-0", "compute-1"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_told_with_the_nearest() {
        let folder = folder();
        let topology = Topology {
            folders: vec![folder.path().to_owned()],
            nodes: "underclod:1".to_owned(),
            network: "two_nets.yml".to_owned(),
            vars: Map::from_iter([("net", 24)]),
            ..Topology::default()
        };
        let error = scenario(&topology, &Sources::new()).unwrap_err();
        assert_eq!(error.to_string(), "there is no node file `underclod`");
        assert_eq!(rplay_diag::Diagnose::diagnostic(&error).hints, ["did you mean `undercloud`?"]);
    }
}
