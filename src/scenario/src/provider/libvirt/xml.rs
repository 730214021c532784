//! Domains and networks as libvirt reads them.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use quick_xml::Writer;
use quick_xml::events::BytesText;
use uuid::Uuid;

use super::kvm::Accelerator;
use crate::network::{Network, Reach};
use crate::provider::Owner;
use crate::topology::Port;
use crate::units::Size;

/// The namespace of the labels in a domain's metadata.
pub const NAMESPACE: &str = "urn:rplay:scenario";

/// The namespace of what goes on QEMU's command line.
const QEMU: &str = "http://libvirt.org/schemas/domain/qemu/1.0";
/// The name of the TXT record with a network's digest.
const TXT: &str = "rplay.digest";

type Xml = Writer<Vec<u8>>;

/// A disk of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainDisk {
    /// The file.
    pub path: PathBuf,
    /// `qcow2` or `raw`.
    pub format: String,
    /// `virtio`, `scsi` or `sata`.
    pub bus: String,
    /// Serial number, by which the guest finds it.
    pub serial: Option<String>,
    /// The guest cannot write to it.
    pub read_only: bool,
}

/// A card of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Card {
    /// In a network of libvirt's.
    Network(String),
    /// On a bridge that something else made.
    Bridge(String),
}

/// A domain.
#[derive(Clone, Debug)]
pub struct Domain {
    /// libvirt's name for it.
    pub name: String,
    /// The same whenever it is made.
    pub uuid: Uuid,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What its processor is.
    pub accelerator: Accelerator,
    /// Processors.
    pub cpus: u32,
    /// Memory.
    pub memory: Size,
    /// Kernel, initial RAM disk and command line of a direct boot.
    pub kernel: Option<(PathBuf, Option<PathBuf>, String)>,
    /// EFI instead of BIOS.
    pub efi: bool,
    /// What it boots from: `hd`, `network`.
    pub boot: Vec<&'static str>,
    /// Disks; the first is the system's.
    pub disks: Vec<DomainDisk>,
    /// Cards with their places in networks.
    pub cards: Vec<(Card, Port, Option<u32>)>,
    /// The file that the serial console is written to.
    pub console: PathBuf,
    /// More on QEMU's command line: what libvirt has no elements for.
    pub arguments: Vec<String>,
}

/// The UUID of something of an owner's: found again by it, and by nothing else.
pub fn uuid(owner: &Owner, what: &str, name: &str) -> Uuid {
    let text = format!("{NAMESPACE}:{}:{}:{what}:{name}", owner.user, owner.scenario);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes())
}

/// A text without what XML cannot hold: control characters.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

fn text(xml: &mut Xml, element: &str, text: &str) -> io::Result<()> {
    xml.create_element(element).write_text_content(BytesText::new(&clean(text)))?;
    Ok(())
}

fn empty<'a>(xml: &mut Xml, element: &str, attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> io::Result<()> {
    xml.create_element(element).with_attributes(attributes).write_empty()?;
    Ok(())
}

fn finish(xml: Xml) -> String {
    let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
    text.push('\n');
    text
}

/// The XML of a domain.
pub fn domain(domain: &Domain) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.create_element("domain").with_attribute(("type", domain.accelerator.domain_type())).write_inner_content(
        |xml| {
            text(xml, "name", &domain.name)?;
            text(xml, "uuid", &domain.uuid.to_string())?;
            labels(xml, &domain.labels)?;
            xml.create_element("memory")
                .with_attribute(("unit", "MiB"))
                .write_text_content(BytesText::new(&domain.memory.as_mib().to_string()))?;
            text(xml, "vcpu", &domain.cpus.to_string())?;
            os(xml, domain)?;
            xml.create_element("features").write_inner_content(|xml| {
                empty(xml, "acpi", [])?;
                empty(xml, "apic", [])
            })?;
            empty(xml, "cpu", [("mode", mode(domain.accelerator))])?;
            empty(xml, "clock", [("offset", "utc")])?;
            text(xml, "on_poweroff", "destroy")?;
            text(xml, "on_reboot", "restart")?;
            text(xml, "on_crash", "preserve")?;
            xml.create_element("devices").write_inner_content(|xml| devices(xml, domain))?;
            if domain.arguments.is_empty() {
                return Ok(());
            }
            let line = xml.create_element("qemu:commandline").with_attribute(("xmlns:qemu", QEMU));
            line.write_inner_content(|xml| {
                domain.arguments.iter().try_for_each(|word| empty(xml, "qemu:arg", [("value", word.as_str())]))
            })?;
            Ok(())
        },
    )?;
    Ok(finish(xml))
}

fn labels(xml: &mut Xml, labels: &BTreeMap<String, String>) -> io::Result<()> {
    xml.create_element("metadata").write_inner_content(|xml| {
        xml.create_element("rplay:labels").with_attribute(("xmlns:rplay", NAMESPACE)).write_inner_content(|xml| {
            for (name, value) in labels {
                empty(xml, "rplay:label", [("name", name.as_str()), ("value", value.as_str())])?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

fn os(xml: &mut Xml, domain: &Domain) -> io::Result<()> {
    let os = xml.create_element("os");
    let os = if domain.efi { os.with_attribute(("firmware", "efi")) } else { os };
    os.write_inner_content(|xml| {
        xml.create_element("type").with_attribute(("arch", "x86_64")).write_text_content(BytesText::new("hvm"))?;
        if let Some((kernel, initrd, line)) = &domain.kernel {
            text(xml, "kernel", &kernel.to_string_lossy())?;
            if let Some(initrd) = initrd {
                text(xml, "initrd", &initrd.to_string_lossy())?;
            }
            text(xml, "cmdline", line)?;
        }
        for device in &domain.boot {
            empty(xml, "boot", [("dev", *device)])?;
        }
        // What the firmware says belongs to the console's file.
        if domain.kernel.is_none() && !domain.efi {
            empty(xml, "bios", [("useserial", "yes")])?;
        }
        Ok(())
    })?;
    Ok(())
}

fn devices(xml: &mut Xml, domain: &Domain) -> io::Result<()> {
    let mut counts: BTreeMap<&str, u8> = BTreeMap::new();
    for disk in &domain.disks {
        let prefix = if disk.bus == "virtio" { "vd" } else { "sd" };
        let place = counts.entry(prefix).or_default();
        let name = format!("{prefix}{}", char::from(b'a' + (*place).min(25)));
        *place += 1;
        xml.create_element("disk").with_attributes([("type", "file"), ("device", "disk")]).write_inner_content(
            |xml| {
                // Nothing here outlives the machine: what a power cut would lose does not matter, time does.
                empty(
                    xml,
                    "driver",
                    [("name", "qemu"), ("type", disk.format.as_str()), ("cache", "unsafe"), ("discard", "unmap")],
                )?;
                empty(xml, "source", [("file", &*disk.path.to_string_lossy())])?;
                empty(xml, "target", [("dev", name.as_str()), ("bus", disk.bus.as_str())])?;
                if let Some(serial) = &disk.serial {
                    text(xml, "serial", serial)?;
                }
                if disk.read_only {
                    empty(xml, "readonly", [])?;
                }
                Ok(())
            },
        )?;
    }
    for (card, port, mtu) in &domain.cards {
        let kind = if matches!(card, Card::Network(_)) { "network" } else { "bridge" };
        xml.create_element("interface").with_attribute(("type", kind)).write_inner_content(|xml| {
            empty(xml, "mac", [("address", port.mac_text().as_str())])?;
            let (Card::Network(name) | Card::Bridge(name)) = card;
            empty(xml, "source", [(kind, name.as_str())])?;
            empty(xml, "model", [("type", port.model.as_str())])?;
            if let Some(mtu) = mtu {
                empty(xml, "mtu", [("size", mtu.to_string().as_str())])?;
            }
            Ok(())
        })?;
    }
    xml.create_element("serial").with_attribute(("type", "pty")).write_inner_content(|xml| {
        empty(xml, "log", [("file", &*domain.console.to_string_lossy()), ("append", "on")])?;
        empty(xml, "target", [("port", "0")])
    })?;
    xml.create_element("console")
        .with_attribute(("type", "pty"))
        .write_inner_content(|xml| empty(xml, "target", [("type", "serial"), ("port", "0")]))?;
    xml.create_element("rng").with_attribute(("model", "virtio")).write_inner_content(|xml| {
        xml.create_element("backend")
            .with_attribute(("model", "random"))
            .write_text_content(BytesText::new("/dev/urandom"))?;
        Ok(())
    })?;
    empty(xml, "memballoon", [("model", "virtio")])
}

/// A network with the fixed addresses of its nodes: by hardware address and name.
pub fn network(
    owner: &Owner,
    network: &Network,
    name: &str,
    bridge: &str,
    digest: &str,
    leases: &[(String, [u8; 6], IpAddr)],
) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.create_element("network").write_inner_content(|xml| {
        text(xml, "name", name)?;
        text(xml, "uuid", &uuid(owner, "network", &network.name).to_string())?;
        match network.reach {
            Reach::Nat => empty(xml, "forward", [("mode", "nat")])?,
            // Not `open`: the rules that let packets through are libvirt's, also where others drop what they do not
            // know.
            Reach::Routed => empty(xml, "forward", [("mode", "route")])?,
            Reach::Isolated => {}
        }
        empty(xml, "bridge", [("name", bridge), ("stp", "off"), ("delay", "0")])?;
        if let Some(mtu) = network.mtu {
            empty(xml, "mtu", [("size", mtu.to_string().as_str())])?;
        }
        empty(xml, "mac", [("address", digest_mac(digest).as_str())])?;
        if let Some(domain) = &network.domain {
            empty(xml, "domain", [("name", domain.as_str()), ("localOnly", "yes")])?;
        }
        // What it was made for is found again here: there is no place for metadata before libvirt 9.7.
        xml.create_element("dns").write_inner_content(|xml| empty(xml, "txt", [("name", TXT), ("value", digest)]))?;
        let Some(gateway) = network.gateway else { return Ok(()) };
        let (gateway, prefix) = (gateway.to_string(), network.cidr.prefix_len().to_string());
        let family = if network.cidr.addr().is_ipv6() { "ipv6" } else { "ipv4" };
        let ip = [("family", family), ("address", gateway.as_str()), ("prefix", prefix.as_str())];
        let ip = xml.create_element("ip").with_attributes(ip);
        if !network.dhcp || leases.is_empty() {
            ip.write_empty()?;
            return Ok(());
        }
        ip.write_inner_content(|xml| {
            xml.create_element("dhcp").write_inner_content(|xml| {
                for (name, mac, address) in leases {
                    let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
                    let (mac, address) = (mac.join(":"), address.to_string());
                    empty(xml, "host", [("mac", mac.as_str()), ("name", name.as_str()), ("ip", address.as_str())])?;
                }
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(finish(xml))
}

/// A bridge's hardware address that tells what it was made for: the first bytes of a digest in hexadecimal.
pub fn digest_mac(digest: &str) -> String {
    let byte =
        |at: usize| digest.get(at..at + 2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())).unwrap_or("00");
    format!("52:54:00:{}:{}:{}", byte(0), byte(2), byte(4))
}

/// A fixed address, for a network that is there.
pub fn lease(name: &str, port: &Port) -> io::Result<String> {
    let mut xml = Writer::new(Vec::new());
    let (mac, address) = (port.mac_text(), port.address.to_string());
    empty(&mut xml, "host", [("mac", mac.as_str()), ("name", name), ("ip", address.as_str())])?;
    Ok(finish(xml))
}

/// A pool that is a folder.
pub fn pool(name: &str, uuid: &str, folder: &Path) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.create_element("pool").with_attribute(("type", "dir")).write_inner_content(|xml| {
        text(xml, "name", name)?;
        text(xml, "uuid", uuid)?;
        xml.create_element("target").write_inner_content(|xml| {
            text(xml, "path", &folder.to_string_lossy())?;
            // Machines are run by a user of their own, who must come to the disks but need not see them all.
            xml.create_element("permissions").write_inner_content(|xml| text(xml, "mode", "0711"))?;
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(finish(xml))
}

/// A volume of so many bytes; with `over`, one that begins as that file of that format.
pub fn volume(name: &str, size: u64, format: &str, over: Option<(&Path, &str)>) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.create_element("volume").write_inner_content(|xml| {
        text(xml, "name", name)?;
        let unit = [("unit", "bytes")];
        xml.create_element("capacity").with_attributes(unit).write_text_content(BytesText::new(&size.to_string()))?;
        xml.create_element("allocation").with_attributes(unit).write_text_content(BytesText::new("0"))?;
        xml.create_element("target").write_inner_content(|xml| empty(xml, "format", [("type", format)]))?;
        if let Some((path, format)) = over {
            xml.create_element("backingStore").write_inner_content(|xml| {
                text(xml, "path", &path.to_string_lossy())?;
                empty(xml, "format", [("type", format)])
            })?;
        }
        Ok(())
    })?;
    Ok(finish(xml))
}

/// The value of an attribute of the first such element that has a second attribute with a value.
fn attribute(xml: &str, element: &str, name: &str, other: Option<(&str, &str)>) -> Option<String> {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Empty(found) | Event::Start(found) if found.name().as_ref() == element.as_bytes() => {
                let has = |name: &str| {
                    let value = found.try_get_attribute(name).ok().flatten()?;
                    value.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
                };
                if other.is_none_or(|(name, value)| has(name).as_deref() == Some(value))
                    && let Some(value) = has(name)
                {
                    return Some(value);
                }
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// What a network of ours was made for.
pub fn digest_of(xml: &str) -> Option<String> {
    attribute(xml, "txt", "value", Some(("name", TXT)))
}

/// The bridge of a network.
pub fn bridge_of(xml: &str) -> Option<String> {
    attribute(xml, "bridge", "name", None)
}

/// The `interface` element of a domain with this hardware address.
pub fn card_of(xml: &str, mac: [u8; 6]) -> Option<String> {
    const END: &str = "</interface>";
    let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let mac = mac.join(":");
    let mut rest = xml;
    while let Some(start) = rest.find("<interface ") {
        let end = start + rest[start..].find(END)? + END.len();
        let card = &rest[start..end];
        if attribute(card, "mac", "address", None).is_some_and(|has| has.eq_ignore_ascii_case(&mac)) {
            return Some(card.to_owned());
        }
        rest = &rest[end..];
    }
    None
}

/// A card with its cable plugged in or pulled.
pub fn with_link(card: &str, plugged: bool) -> String {
    let mut card = card.to_owned();
    if let Some(start) = card.find("<link ")
        && let Some(length) = card[start..].find("/>")
    {
        card.replace_range(start..start + length + 2, "");
    }
    let state = if plugged { "up" } else { "down" };
    card.replace("</interface>", &format!("<link state='{state}'/></interface>"))
}

/// A stored domain's XML for another kind of processor; `None` when it is for this one.
pub fn on(xml: &str, accelerator: Accelerator) -> Option<String> {
    let has = attribute(xml, "domain", "type", None)?;
    let wanted = accelerator.domain_type();
    if has == wanted {
        return None;
    }
    let xml = xml.replacen(&format!("type='{has}'"), &format!("type='{wanted}'"), 1);
    let start = xml.find("<cpu ")?;
    let end = start + xml[start..].find('>')? + 1;
    let end = if xml[..end].ends_with("/>") { end } else { xml[end..].find("</cpu>")? + end + "</cpu>".len() };
    Some(format!("{}<cpu mode='{}'/>{}", &xml[..start], mode(accelerator), &xml[end..]))
}

/// A guest's processor: this machine's, or all that the translator has; its default lacks what today's distributions
/// ask for.
fn mode(accelerator: Accelerator) -> &'static str {
    match accelerator {
        Accelerator::Kvm => "host-passthrough",
        Accelerator::Tcg => "maximum",
    }
}

/// The device of this machine that a running card ends in.
pub fn device_of(card: &str) -> Option<String> {
    attribute(card, "target", "dev", None)
}

/// The labels in a domain's XML; empty when it has none of ours.
pub fn labels_of(xml: &str) -> BTreeMap<String, String> {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    let mut reader = Reader::from_str(xml);
    let mut labels = BTreeMap::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Empty(element) | Event::Start(element) if element.name().as_ref() == b"rplay:label" => {
                let mut pair = (None, None);
                for attribute in element.attributes().flatten() {
                    let value = attribute
                        .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                        .ok()
                        .map(std::borrow::Cow::into_owned);
                    match attribute.key.as_ref() {
                        b"name" => pair.0 = value,
                        b"value" => pair.1 = value,
                        _ => {}
                    }
                }
                if let (Some(name), Some(value)) = pair {
                    labels.insert(name, value);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { scenario: "lab".to_owned(), user: "root".to_owned() }
    }

    fn port() -> Port {
        Port {
            network: "inner".to_owned(),
            mac: [0x52, 0x54, 0, 1, 2, 3],
            address: "192.0.2.10".parse().unwrap(),
            model: "virtio".to_owned(),
            default_route: true,
        }
    }

    fn vm() -> Domain {
        Domain {
            name: "lab-one".to_owned(),
            uuid: uuid(&owner(), "node", "one"),
            labels: owner().labels("one & <only>", "abc"),
            accelerator: Accelerator::Tcg,
            cpus: 2,
            memory: Size::mib(1536),
            kernel: Some(("/c/vmlinuz".into(), Some("/c/initrd".into()), "root=LABEL=root quiet".to_owned())),
            efi: false,
            boot: vec!["hd"],
            disks: vec![
                DomainDisk {
                    path: "/d/one.qcow2".into(),
                    format: "qcow2".to_owned(),
                    bus: "virtio".to_owned(),
                    serial: None,
                    read_only: false,
                },
                DomainDisk {
                    path: "/d/x.raw".into(),
                    format: "raw".to_owned(),
                    bus: "scsi".to_owned(),
                    serial: Some("osd-0".to_owned()),
                    read_only: true,
                },
            ],
            cards: vec![
                (Card::Network("rplay-lab-inner".to_owned()), port(), Some(1400)),
                (Card::Bridge("br0".to_owned()), port(), None),
            ],
            console: "/l/one.console".into(),
            arguments: Vec::new(),
        }
    }

    #[test]
    fn a_domain_is_written_whole_and_its_labels_are_read_again() {
        let xml = domain(&vm()).unwrap();
        assert_eq!(labels_of(&xml), owner().labels("one & <only>", "abc"));
        insta::assert_snapshot!(xml);
    }

    #[test]
    fn a_network_is_written_with_its_leases() {
        let inner = Network {
            name: "inner".to_owned(),
            span: rplay_diag::Span::new(rplay_diag::SourceId::UNKNOWN, 0, 0),
            reach: Reach::Nat,
            cidr: "192.0.2.0/24".parse().unwrap(),
            gateway: Some("192.0.2.1".parse().unwrap()),
            dhcp: true,
            domain: Some("lab".to_owned()),
            mtu: None,
            vlan: None,
            bridge: None,
        };
        let leases = [("one".to_owned(), port().mac, port().address)];
        let xml = network(&owner(), &inner, "rplay-lab-inner", "rp-inner", "a1b2c3d4", &leases).unwrap();
        insta::assert_snapshot!(xml);
        let closed = Network { reach: Reach::Isolated, gateway: None, ..inner };
        let xml = network(&owner(), &closed, "rplay-lab-inner", "rp-inner", "a1b2c3d4", &leases).unwrap();
        assert!(!xml.contains("<ip") && !xml.contains("<forward"), "{xml}");
    }

    #[test]
    fn a_network_tells_what_it_was_made_for() {
        let xml = "<network><bridge name='rp-1' stp='off'/><dns><txt name='x' value='no'/><txt name='rplay.digest' value='a&amp;b'/></dns></network>";
        assert_eq!(digest_of(xml).as_deref(), Some("a&b"));
        assert_eq!(bridge_of(xml).as_deref(), Some("rp-1"));
        assert_eq!((digest_of("<network/>"), bridge_of("no xml <")), (None, None));
    }

    #[test]
    fn a_card_is_found_by_its_hardware_address() {
        let xml = "<domain><devices><interface type='network'><mac address='52:54:00:00:00:01'/><target dev='vnet0'/></interface>
            <interface type='network'><mac address='52:54:00:AA:00:02'/><link state='down'/><target dev='vnet1'/></interface></devices></domain>";
        let card = card_of(xml, [0x52, 0x54, 0, 0xaa, 0, 2]).unwrap();
        assert_eq!(device_of(&card).as_deref(), Some("vnet1"));
        assert!(with_link(&card, true).contains("<link state='up'/></interface>"));
        assert_eq!(with_link(&card, false).matches("<link").count(), 1);
        assert_eq!(card_of(xml, [0; 6]), None);
    }

    #[test]
    fn a_stored_domain_is_moved_to_another_processor() {
        let stored =
            "<domain type='kvm' id='3'>\n<cpu mode='host-passthrough' check='none' migratable='on'/>\n</domain>";
        assert_eq!(on(stored, Accelerator::Kvm), None);
        let moved = on(stored, Accelerator::Tcg).unwrap();
        assert_eq!(moved, "<domain type='qemu' id='3'>\n<cpu mode='maximum'/>\n</domain>");
        let long = "<domain type='qemu'><cpu mode='maximum'><topology/></cpu></domain>";
        assert_eq!(on(long, Accelerator::Kvm).unwrap(), "<domain type='kvm'><cpu mode='host-passthrough'/></domain>");
    }

    #[test]
    fn volumes_and_pools_are_written() {
        let over = Some((Path::new("/i/base.qcow2"), "qcow2"));
        insta::assert_snapshot!(volume("a.root.qcow2", 1 << 30, "qcow2", over).unwrap());
        insta::assert_snapshot!(pool("rplay-lab-disks", "u", Path::new("/i/lab")).unwrap());
        let one = lease("one", &port()).unwrap();
        assert_eq!(one.trim(), r#"<host mac="52:54:00:01:02:03" name="one" ip="192.0.2.10"/>"#);
    }

    #[test]
    fn a_uuid_is_the_owners_alone() {
        let other = Owner { user: "else".to_owned(), ..owner() };
        assert_eq!(uuid(&owner(), "network", "a"), uuid(&owner(), "network", "a"));
        assert_ne!(uuid(&owner(), "network", "a"), uuid(&other, "network", "a"));
        assert_ne!(uuid(&owner(), "network", "a"), uuid(&owner(), "node", "a"));
    }
}
