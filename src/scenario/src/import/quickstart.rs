//! Node files of tripleo-quickstart (`config/nodes/*.yml`), laid over one another as its `-e @FILE`.

use std::path::PathBuf;

use rplay_diag::Sources;
use rplay_value::{Map, Value};

use super::{Files, ImportError, Imported, list, name_of, text, written};

/// What is taken over.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    /// Files of variables, the later ones stronger: `roles/common/defaults/main.yml`, then those of `config/`.
    pub files: Vec<PathBuf>,
    /// Variables above all.
    pub vars: Map,
    /// Address or path of the undercloud's image.
    pub image: Option<String>,
}

/// What quickstart has where no file says otherwise, as its `roles/common` does.
fn defaults() -> Map {
    let size = |memory: i64, disk: i64, vcpu: i64| {
        Value::Map(Map::from_iter([("memory", memory), ("disk", disk), ("vcpu", vcpu)]))
    };
    let network = |pairs: &[(&str, &str)]| {
        Value::Map(pairs.iter().map(|(key, value)| (Value::from(*key), Value::from(*value))).collect())
    };
    let plain = ["compute", "control", "cellcontrol", "ceph", "blockstorage", "objectstorage"];
    let mut flavors: Map = plain.iter().map(|name| (Value::from(*name), size(8192, 50, 2))).collect();
    flavors.insert("undercloud", size(12_288, 50, 6));
    let undercloud = network(&[("name", "undercloud"), ("flavor", "undercloud")]);
    let networks = list([
        network(&[("name", "overcloud"), ("bridge", "brovc")]),
        network(&[
            ("name", "external"),
            ("bridge", "brext"),
            ("forward_mode", "nat"),
            ("address", "192.168.23.1"),
            ("netmask", "255.255.255.0"),
        ]),
    ]);
    let mut defaults = Map::new();
    defaults.insert("flavors", flavors);
    defaults.insert("undercloud_node", undercloud);
    defaults.insert("networks", networks);
    defaults
}

/// Nodes as a scenario: the undercloud and, only reachable through it, the nodes of the overcloud.
pub fn scenario(nodes: &Nodes, sources: &Sources) -> Result<Imported, ImportError> {
    let mut files = Files::new(sources);
    files.layers.push(defaults());
    for path in &nodes.files {
        let layer = files.read(path)?;
        files.layers.push(layer);
    }
    files.layers.push(nodes.vars.clone());
    let get = |name: &str| -> Result<Value, ImportError> {
        let value = files.layers.iter().rev().find_map(|layer| layer.get(name)).cloned();
        value.map_or(Ok(Value::Null), |value| files.render(&value))
    };
    let file = || nodes.files.last().cloned().unwrap_or_default();
    let wrong = |what: String| ImportError::Shape { file: file(), what };
    let mut left_out = Vec::new();

    let mut networks = Map::new();
    let (mut inner, mut outer) = (Vec::new(), Vec::new());
    let Value::List(given) = get("networks")? else { return Err(wrong("`networks` is no list".to_owned())) };
    for (index, network) in given.iter().filter_map(Value::as_map).enumerate() {
        let name = name_of(&text(network, "name").unwrap_or_else(|| format!("network-{index}")));
        let nat = text(network, "forward_mode").as_deref() == Some("nat");
        let mut own = Map::from_iter([("kind", if nat { "nat" } else { "isolated" })]);
        if let Some((address, mask)) = text(network, "address").zip(text(network, "netmask")) {
            let cidr = address.parse().ok().zip(mask.parse().ok());
            let cidr = cidr.and_then(|(address, mask)| ipnet::Ipv4Net::with_netmask(address, mask).ok());
            let cidr = cidr.ok_or_else(|| wrong(format!("network {name}: {address}/{mask} is no network")))?;
            own.insert("cidr", cidr.trunc().to_string());
            own.insert("gateway", address);
        } else {
            // A bridge alone: the undercloud gives addresses in it. 192.168.24.0 is its control plane's.
            own.insert("cidr", format!("192.168.{}.0/24", 24 + index));
            own.insert("dhcp", false);
        }
        if let Some(bridge) = text(network, "bridge") {
            own.insert("bridge", bridge);
        }
        let forced = network.get("force_ovc").is_some_and(Value::is_true);
        if !nat || forced {
            inner.push(name.clone());
        }
        outer.push((name.clone(), nat));
        networks.insert(name, own);
    }
    // The way in from outside comes first.
    outer.sort_by_key(|(_, nat)| !nat);

    let Value::Map(flavors) = get("flavors")? else { return Err(wrong("`flavors` is no mapping".to_owned())) };
    let mut types = Map::new();
    let mut made = Map::new();
    let undercloud = get("undercloud_node")?;
    let undercloud = undercloud.as_map().ok_or_else(|| wrong("`undercloud_node` is no mapping".to_owned()))?;
    let head = name_of(&text(undercloud, "name").unwrap_or_else(|| "undercloud".to_owned()));
    // Only what is needed of a node is rendered: the rest may need hosts of a run.
    let written_nodes = files.layers.iter().rev().find_map(|layer| layer.get("overcloud_nodes"));
    let overcloud = match written_nodes {
        Some(Value::List(list)) => Value::List(list.clone()),
        _ => get("overcloud_nodes")?,
    };
    let overcloud = match overcloud {
        Value::List(list) => list,
        Value::Null => rplay_value::List::new(),
        _ => return Err(wrong("`overcloud_nodes` is no list".to_owned())),
    };
    for (node, is_head) in
        std::iter::once((undercloud, true)).chain(overcloud.iter().filter_map(|n| Some((n.as_map()?, false))))
    {
        let field = |name: &str| -> Result<Option<String>, ImportError> {
            let value = node.get(name).map(|value| files.render(value)).transpose()?;
            Ok(value.filter(|value| !value.is_null()).map(|value| value.to_str().into_owned()))
        };
        let name = name_of(&field("name")?.ok_or_else(|| wrong("a node has no `name`".to_owned()))?);
        let flavor = field("flavor")?.ok_or_else(|| wrong(format!("node {name} has no `flavor`")))?;
        let kind = name_of(&flavor);
        if !types.contains(&kind) {
            let size = flavors.get(&flavor).and_then(Value::as_map);
            let size = size.ok_or_else(|| wrong(format!("there is no flavor `{flavor}` for node {name}")))?;
            let number = |field: &str| text(size, field).and_then(|text| text.parse::<i64>().ok());
            let mut own =
                Map::from_iter([("provider", "libvirt"), ("image", if is_head { "undercloud" } else { "blank" })]);
            own.insert("cpus", number("vcpu").unwrap_or(2));
            own.insert("memory", format!("{}M", number("memory").unwrap_or(8192)));
            own.insert("disk", format!("{}G", number("disk").unwrap_or(50)));
            if size.get("extradisks").is_some_and(Value::is_true) {
                let disk =
                    || Value::Map(Map::from_iter([("size", format!("{}G", number("extradisk_size").unwrap_or(5)))]));
                own.insert("disks", list((0..3).map(|_| disk())));
            }
            if is_head {
                own.insert("networks", list(outer.iter().map(|(name, _)| name.as_str())));
                own.insert("groups", list(["undercloud"]));
            } else {
                own.insert("networks", list(inner.iter().map(String::as_str)));
                own.insert("groups", list(["overcloud"]));
                own.insert("bmc", true);
                own.insert("via", head.as_str());
                // The undercloud puts a system on them.
                own.insert("start", false);
                own.insert("boot", Map::from_iter([("from", list(["network", "disk"]))]));
            }
            types.insert(kind.as_str(), own);
        }
        if node.get("virtualbmc_port").is_some() {
            left_out.push(format!("`virtualbmc_port` of node {name}: ports are given out in order"));
        }
        made.insert(name.as_str(), kind.as_str());
    }
    let mut images = Map::new();
    let path = nodes.image.clone().unwrap_or_else(|| "undercloud.qcow2".to_owned());
    let place = if path.contains("://") { "url" } else { "path" };
    images.insert("undercloud", Map::from_iter([(place, path)]));
    if !overcloud.is_empty() {
        images.insert("blank", Map::from_iter([("blank", true)]));
    }
    let mut document = Map::from_iter([("name", "quickstart")]);
    for (field, map) in [("networks", networks), ("images", images), ("types", types), ("nodes", made)] {
        document.insert(field, map);
    }
    Ok(Imported { text: written(document)?, left_out })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn node_files_become_a_scenario() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::write(&path, text).unwrap();
            path
        };
        let files = vec![
            write(
                "defaults.yml",
                "default_memory: 8192\ncontrol_memory: 4096\nflavors:\n  control: {memory: '{{ control_memory | default(default_memory) }}', disk: 50, vcpu: '{{ vcpus }}'}\n  ceph: {memory: '{{ default_memory }}', disk: 60, vcpu: 1, extradisks: true}\n  undercloud: {memory: 12288, disk: 50, vcpu: 6}\n",
            ),
            write(
                "nodes.yml",
                "overcloud_nodes:\n- {name: control_0, flavor: control, virtualbmc_port: 6230, hostnamemap_override: '{{ hostvars.x }}'}\n- {name: ceph_0, flavor: ceph}\ntopology_map: {}\n",
            ),
        ];
        let sources = Sources::new();
        let nodes = Nodes { files, vars: Map::from_iter([("vcpus", 4)]), image: None };
        let imported = scenario(&nodes, &sources).unwrap();
        insta::assert_snapshot!(imported.text, @r"
        name: quickstart
        networks:
          overcloud:
            kind: isolated
            cidr: 192.168.24.0/24
            dhcp: false
            bridge: brovc
          external:
            kind: nat
            cidr: 192.168.23.0/24
            gateway: 192.168.23.1
            bridge: brext
        images:
          undercloud:
            path: undercloud.qcow2
          blank:
            blank: true
        types:
          undercloud:
            provider: libvirt
            image: undercloud
            cpus: 6
            memory: 12288M
            disk: 50G
            networks:
              - external
              - overcloud
            groups:
              - undercloud
          control:
            provider: libvirt
            image: blank
            cpus: 4
            memory: 4096M
            disk: 50G
            networks:
              - overcloud
            groups:
              - overcloud
            bmc: true
            via: undercloud
            start: false
            boot:
              from:
                - network
                - disk
          ceph:
            provider: libvirt
            image: blank
            cpus: 1
            memory: 8192M
            disk: 60G
            disks:
              - size: 5G
              - size: 5G
              - size: 5G
            networks:
              - overcloud
            groups:
              - overcloud
            bmc: true
            via: undercloud
            start: false
            boot:
              from:
                - network
                - disk
        nodes:
          undercloud: undercloud
          control_0: control
          ceph_0: ceph
        ");
        assert_eq!(imported.left_out, ["`virtualbmc_port` of node control_0: ports are given out in order"]);
        let source = sources.add("imported.yml", imported.text.as_str());
        let document = rplay_yaml::parse(&sources, source).unwrap().node;
        Scenario::from_document(Path::new("imported.yml"), document, &sources.into()).unwrap();
    }

    #[test]
    fn a_flavor_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nodes.yml");
        fs_err::write(&path, "overcloud_nodes: [{name: x, flavor: huge}]\n").unwrap();
        let error = scenario(&Nodes { files: vec![path], ..Nodes::default() }, &Sources::new()).unwrap_err();
        assert!(error.to_string().ends_with("nodes.yml: there is no flavor `huge` for node x"), "{error}");
    }
}
