//! The NoCloud seed of a virtual machine: a small FAT disk that cloud-init reads at its first boot.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};
use rplay_value::json::{self, JsonStyle};
use rplay_value::{List, Map, Value};

use crate::network::Network;
use crate::topology::Port;

/// What a machine is told.
#[derive(Clone, Debug)]
pub struct Seed<'a> {
    /// Host name.
    pub name: &'a str,
    /// Another one makes cloud-init run anew.
    pub instance: &'a str,
    /// Who the key is for.
    pub user: &'a str,
    /// Public key, one line.
    pub key: &'a str,
    /// Places in networks.
    pub ports: &'a [Port],
}

/// Size of the disk: a FAT of 12 bits, far more than the files need.
const SIZE: usize = 1 << 20;

/// Writes the seed's disk, replacing the file in one step.
pub fn write(path: &Path, seed: &Seed<'_>, networks: &BTreeMap<String, Network>) -> io::Result<()> {
    let mut disk = io::Cursor::new(vec![0; SIZE]);
    // The label is how cloud-init finds it.
    fatfs::format_volume(&mut disk, FormatVolumeOptions::new().volume_label(*b"CIDATA     "))?;
    {
        let system = FileSystem::new(&mut disk, FsOptions::new())?;
        for (name, text) in files(seed, networks)? {
            let mut file = system.root_dir().create_file(name)?;
            file.write_all(text.as_bytes())?;
            file.flush()?;
        }
        system.unmount()?;
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(disk.get_ref())?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The seed's files. They are JSON, which is YAML too.
fn files(seed: &Seed<'_>, networks: &BTreeMap<String, Network>) -> io::Result<[(&'static str, String); 3]> {
    let text = |map: Map| json::dumps(&Value::Map(map), &JsonStyle::nice(1)).map_err(io::Error::other);
    let meta = Map::from_iter([("instance-id", seed.instance), ("local-hostname", seed.name)]);
    let keys: List = [Value::from(seed.key)].into_iter().collect();
    let mut user = Map::new();
    user.insert("disable_root", false);
    user.insert("ssh_pwauth", false);
    let login = if seed.user == "root" {
        Map::from_iter([("name", Value::from("root")), ("ssh_authorized_keys", Value::List(keys))])
    } else {
        Map::from_iter([
            ("name", Value::from(seed.user)),
            ("ssh_authorized_keys", Value::List(keys)),
            ("sudo", Value::from("ALL=(ALL) NOPASSWD:ALL")),
            ("shell", Value::from("/bin/bash")),
        ])
    };
    user.insert("users", Value::List([Value::Map(login)].into_iter().collect()));
    // A resized disk is used in full.
    user.insert("growpart", Map::from_iter([("mode", "auto")]));
    let mut cards = Map::new();
    for (index, port) in seed.ports.iter().enumerate() {
        let Some(network) = networks.get(&port.network) else { continue };
        let mut card = Map::new();
        card.insert("match", Map::from_iter([("macaddress", port.mac_text())]));
        let address = format!("{}/{}", port.address, network.cidr.prefix_len());
        card.insert("addresses", Value::List([Value::from(address)].into_iter().collect()));
        card.insert("dhcp4", false);
        if let Some(mtu) = network.mtu {
            card.insert("mtu", i64::from(mtu));
        }
        if let Some(gateway) = network.gateway.filter(|_| port.default_route) {
            let route = Map::from_iter([("to", "default".to_owned()), ("via", gateway.to_string())]);
            card.insert("routes", Value::List([Value::Map(route)].into_iter().collect()));
            let servers: List = [Value::from(gateway.to_string())].into_iter().collect();
            card.insert("nameservers", Map::from_iter([("addresses", Value::List(servers))]));
        }
        cards.insert(format!("card{index}"), card);
    }
    let net = Map::from_iter([("version", Value::Int(2)), ("ethernets", Value::Map(cards))]);
    Ok([
        ("meta-data", text(meta)?),
        ("user-data", format!("#cloud-config\n{}", text(user)?)),
        ("network-config", text(net)?),
    ])
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::network::Reach;

    #[test]
    fn the_disk_has_the_label_and_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed.img");
        let network = Network {
            name: "outer".to_owned(),
            span: rplay_diag::Span::new(rplay_diag::SourceId::UNKNOWN, 0, 0),
            reach: Reach::Nat,
            cidr: "198.51.100.0/24".parse().unwrap(),
            gateway: Some("198.51.100.1".parse().unwrap()),
            dhcp: true,
            domain: None,
            mtu: Some(1400),
            vlan: None,
            bridge: None,
        };
        let ports = [Port {
            network: "outer".to_owned(),
            mac: [0x52, 0x54, 0, 1, 2, 3],
            address: "198.51.100.10".parse().unwrap(),
            model: "virtio".to_owned(),
            default_route: true,
        }];
        let seed =
            Seed { name: "one", instance: "lab-one-abc", user: "stack", key: "ssh-ed25519 AAAA rplay", ports: &ports };
        write(&path, &seed, &BTreeMap::from([("outer".to_owned(), network)])).unwrap();

        let system = FileSystem::new(fs_err::File::open(&path).unwrap().into_file(), FsOptions::new()).unwrap();
        assert_eq!(system.volume_label(), "CIDATA");
        let read = |name: &str| {
            let mut text = String::new();
            system.root_dir().open_file(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        let user = read("user-data");
        assert!(user.starts_with("#cloud-config\n{"), "{user}");
        assert!(user.contains("ssh-ed25519 AAAA rplay") && user.contains("\"name\": \"stack\""), "{user}");
        let meta: serde_json::Value = serde_json::from_str(&read("meta-data")).unwrap();
        assert_eq!(meta["local-hostname"], "one");
        let net: serde_json::Value = serde_json::from_str(&read("network-config")).unwrap();
        let card = &net["ethernets"]["card0"];
        assert_eq!(card["match"]["macaddress"], "52:54:00:01:02:03");
        assert_eq!(
            (&card["addresses"][0], &card["routes"][0]["via"]),
            (&"198.51.100.10/24".into(), &"198.51.100.1".into())
        );
    }
}
