//! The calls: each a few of libvirt's, made so that it can be repeated. Making what is there and removing what is gone
//! is no error.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;
use virt::network::Network;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;
use virt::sys;

/// Why a call did not work.
#[derive(Debug)]
pub(crate) enum CallError {
    /// libvirt's answer.
    Libvirt(Error),
    /// A file of this machine.
    Io(std::io::Error),
    /// There is no such call, or it lacks something.
    Unknown(String),
}

impl CallError {
    /// libvirt's code; 0 when the error is not libvirt's.
    pub(crate) fn code(&self) -> u32 {
        match self {
            Self::Libvirt(error) => error.code().to_raw(),
            Self::Io(_) | Self::Unknown(_) => 0,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Libvirt(error) => f.write_str(error.message()),
            Self::Io(error) => error.fmt(f),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Libvirt(error)
    }
}

impl From<std::io::Error> for CallError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

type Result<T> = std::result::Result<T, CallError>;

/// What can be asked.
#[derive(Debug, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub(crate) enum Call {
    /// Versions of libvirt and of the hypervisor.
    Version,
    /// All domains with their stored XML.
    Domains,
    /// The XML of a domain as it runs.
    DomainXml { name: String },
    /// A domain is stored under its name, in place of what was.
    DomainDefine { xml: String },
    /// A domain is started, or goes on when it was paused.
    DomainStart { name: String },
    /// A domain is asked to end, or its power is taken.
    DomainStop { name: String, hard: bool },
    /// A domain starts anew, as by the button.
    DomainReset { name: String },
    /// A domain stands still or goes on.
    DomainPause { name: String, pause: bool },
    /// A device of a running domain is changed.
    DomainDevice { name: String, xml: String },
    /// A domain ends, and is forgotten with its snapshots.
    DomainRemove { name: String },
    /// Disks, and memory when it runs, are kept.
    SnapshotMake { name: String, snapshot: String },
    /// Disks and memory are as they were kept.
    SnapshotBack { name: String, snapshot: String },
    /// All networks with their XML.
    Networks,
    /// A network is stored under its name, in place of what was, and started.
    NetworkMake { xml: String },
    /// A fixed address of a running network is set: `xml` is a `host` element.
    NetworkHost { name: String, xml: String },
    /// A network ends and is forgotten.
    NetworkRemove { name: String },
    /// All storage pools.
    Pools,
    /// A pool is stored unless it is there, its folder made, and started.
    PoolMake { name: String, xml: String },
    /// A pool's folder goes with what is in it, and it is forgotten.
    PoolRemove { name: String },
    /// Volumes of a pool.
    Volumes { pool: String },
    /// An empty volume unless it is there; the answer is its path.
    VolumeMake { pool: String, name: String, xml: String },
    /// A file becomes the content of a volume.
    VolumeSend { pool: String, name: String, file: String },
    /// The content of a volume becomes that of a file.
    VolumeFetch { pool: String, name: String, file: String },
    /// A volume goes.
    VolumeRemove { pool: String, name: String },
}

/// How much goes over the connection at once.
const CHUNK: usize = 256 << 10;
/// How often a pool that is busy is asked again.
const BUSY: u32 = 300;

impl Call {
    /// Asks libvirt.
    pub(crate) fn run(self, to: &Connect) -> Result<Value> {
        match self {
            Self::Version => Ok(json!({"libvirt": to.lib_version()?, "hypervisor": to.hyp_version()?})),
            Self::Domains => domains(to),
            Self::DomainXml { name } => Ok(to.lookup_domain_by_name(&name)?.xml_desc(0)?.into()),
            Self::DomainDefine { xml } => done(to.define_domain_xml(&xml)),
            Self::DomainStart { name } => {
                let domain = to.lookup_domain_by_name(&name)?;
                let is = |domain: &Domain| Ok::<_, CallError>(domain.state()?.0.to_raw());
                let started = match is(&domain)? {
                    sys::VIR_DOMAIN_PAUSED => domain.resume(),
                    _ if domain.is_active()? => Ok(()),
                    _ => domain.create(),
                };
                // Somebody else did, a moment ago: a machine that is being started stands still at first.
                if started.is_err() && is(&domain)? == sys::VIR_DOMAIN_RUNNING {
                    Ok(Value::Null)
                } else {
                    done(started)
                }
            }
            Self::DomainStop { name, hard } => {
                let domain = to.lookup_domain_by_name(&name)?;
                match domain.is_active()? {
                    false => Ok(Value::Null),
                    true if hard => quiet(domain.destroy()),
                    true => quiet(domain.shutdown()),
                }
            }
            Self::DomainReset { name } => done(to.lookup_domain_by_name(&name)?.reset()),
            Self::DomainPause { name, pause } => {
                let domain = to.lookup_domain_by_name(&name)?;
                let paused = domain.state()?.0.to_raw() == sys::VIR_DOMAIN_PAUSED;
                match (pause, paused) {
                    (true, false) => done(domain.suspend()),
                    (false, true) => done(domain.resume()),
                    _ => Ok(Value::Null),
                }
            }
            Self::DomainDevice { name, xml } => {
                done(to.lookup_domain_by_name(&name)?.update_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE))
            }
            Self::DomainRemove { name } => domain_remove(to, &name),
            Self::SnapshotMake { name, snapshot } => {
                let domain = to.lookup_domain_by_name(&name)?;
                // The newest of a name counts.
                if let Ok(old) = Domain::lookup_snapshot_by_name(&domain, &snapshot, 0) {
                    old.delete(0)?;
                }
                let xml = format!("<domainsnapshot><name>{snapshot}</name></domainsnapshot>");
                done(domain.create_snapshot_xml(&xml, 0))
            }
            Self::SnapshotBack { name, snapshot } => {
                let domain = to.lookup_domain_by_name(&name)?;
                done(
                    Domain::lookup_snapshot_by_name(&domain, &snapshot, 0)?
                        .revert(sys::VIR_DOMAIN_SNAPSHOT_REVERT_FORCE),
                )
            }
            Self::Networks => networks(to),
            Self::NetworkMake { xml } => {
                let network = to.define_network_xml(&xml)?;
                if !network.is_active()? {
                    network.create()?;
                }
                Ok(network.bridge_name()?.into())
            }
            Self::NetworkHost { name, xml } => network_host(&to.lookup_network_by_name(&name)?, &xml),
            Self::NetworkRemove { name } => network_remove(to, &name),
            Self::Pools => {
                let pools = to.list_all_storage_pools(0)?;
                let one = |pool: &StoragePool| Ok(json!({"name": pool.name()?, "uuid": pool.uuid_string()?}));
                Ok(Value::Array(pools.iter().map(one).collect::<Result<_>>()?))
            }
            Self::PoolMake { name, xml } => pool_make(to, &name, &xml),
            Self::PoolRemove { name } => pool_remove(to, &name),
            Self::Volumes { pool } => volumes(to, &pool),
            Self::VolumeMake { pool, name, xml } => {
                let pool = pool_of(to, &pool)?;
                let volume = match pool.lookup_storage_vol_by_name(&name) {
                    Ok(volume) => volume,
                    Err(_) => StorageVol::create_xml(&pool, &xml, 0)?,
                };
                Ok(volume.path()?.into())
            }
            Self::VolumeSend { pool, name, file } => send(to, &volume_of(to, &pool, &name)?, &file),
            Self::VolumeFetch { pool, name, file } => fetch(to, &volume_of(to, &pool, &name)?, &file),
            Self::VolumeRemove { pool, name } => match volume_of(to, &pool, &name) {
                Ok(volume) => quiet(volume.delete(0)),
                Err(error) if is_gone(&error) => Ok(Value::Null),
                Err(error) => Err(error),
            },
        }
    }
}

fn done<T>(result: std::result::Result<T, Error>) -> Result<Value> {
    Ok(result.map(|_| Value::Null)?)
}

/// As [`done`], when what is gone, or ended by itself a moment ago, is as well.
fn quiet<T>(result: std::result::Result<T, Error>) -> Result<Value> {
    match result.map_err(CallError::from) {
        Err(error) if !is_gone(&error) && error.code() != sys::VIR_ERR_OPERATION_INVALID => Err(error),
        _ => Ok(Value::Null),
    }
}

fn is_gone(error: &CallError) -> bool {
    let gone =
        [sys::VIR_ERR_NO_DOMAIN, sys::VIR_ERR_NO_NETWORK, sys::VIR_ERR_NO_STORAGE_POOL, sys::VIR_ERR_NO_STORAGE_VOL];
    gone.contains(&error.code())
}

fn domains(to: &Connect) -> Result<Value> {
    let mut all = Vec::new();
    for domain in to.list_all_domains(0)? {
        let one = || -> Result<Value> {
            let state = match domain.state()?.0.to_raw() {
                sys::VIR_DOMAIN_RUNNING | sys::VIR_DOMAIN_BLOCKED | sys::VIR_DOMAIN_SHUTDOWN => "running",
                sys::VIR_DOMAIN_PAUSED | sys::VIR_DOMAIN_PMSUSPENDED => "paused",
                _ => "stopped",
            };
            let xml = domain.xml_desc(sys::VIR_DOMAIN_XML_INACTIVE)?;
            Ok(json!({"name": domain.name()?, "uuid": domain.uuid_string()?, "state": state, "xml": xml}))
        };
        match one() {
            Ok(one) => all.push(one),
            // Removed while this looked.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Value::Array(all))
}

fn domain_remove(to: &Connect, name: &str) -> Result<Value> {
    let domain = match to.lookup_domain_by_name(name).map_err(CallError::from) {
        Ok(domain) => domain,
        Err(error) if is_gone(&error) => return Ok(Value::Null),
        Err(error) => return Err(error),
    };
    if domain.is_active()? {
        quiet(domain.destroy())?;
    }
    let some = sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    let all = some | sys::VIR_DOMAIN_UNDEFINE_NVRAM | sys::VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    match domain.undefine_flags(all) {
        // Not every driver has all of that to leave behind.
        Err(error) if error.code().to_raw() == sys::VIR_ERR_INVALID_ARG => quiet(domain.undefine_flags(some)),
        ended => quiet(ended),
    }
}

fn networks(to: &Connect) -> Result<Value> {
    let mut all = Vec::new();
    for network in to.list_all_networks(0)? {
        let one = || -> Result<Value> {
            let xml = network.xml_desc(0)?;
            let active = network.is_active()?;
            Ok(json!({"name": network.name()?, "uuid": network.uuid_string()?, "active": active, "xml": xml}))
        };
        match one() {
            Ok(one) => all.push(one),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Value::Array(all))
}

/// The host with this hardware address gets this address: changed where it is known, else added.
fn network_host(network: &Network, xml: &str) -> Result<Value> {
    let flags = sys::VIR_NETWORK_UPDATE_AFFECT_LIVE | sys::VIR_NETWORK_UPDATE_AFFECT_CONFIG;
    let section = sys::VIR_NETWORK_SECTION_IP_DHCP_HOST;
    let changed = network.update(sys::VIR_NETWORK_UPDATE_COMMAND_MODIFY, section, -1, xml, flags);
    if changed.is_ok() {
        return Ok(Value::Null);
    }
    done(network.update(sys::VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, section, -1, xml, flags))
}

fn network_remove(to: &Connect, name: &str) -> Result<Value> {
    match to.lookup_network_by_name(name).map_err(CallError::from) {
        Ok(network) => {
            if network.is_active()? {
                quiet(network.destroy())?;
            }
            quiet(network.undefine())
        }
        Err(error) if is_gone(&error) => Ok(Value::Null),
        Err(error) => Err(error),
    }
}

fn pool_of(to: &Connect, name: &str) -> Result<StoragePool> {
    let pool = to.lookup_storage_pool_by_name(name)?;
    if !pool.is_active()? {
        pool.create(0)?;
    }
    Ok(pool)
}

fn pool_make(to: &Connect, name: &str, xml: &str) -> Result<Value> {
    let pool = match to.lookup_storage_pool_by_name(name) {
        Ok(pool) => pool,
        Err(_) => to.define_storage_pool_xml(xml, 0)?,
    };
    if !pool.is_active()? {
        pool.build(0)?;
        pool.create(0)?;
    }
    Ok(Value::Null)
}

fn pool_remove(to: &Connect, name: &str) -> Result<Value> {
    let pool = match to.lookup_storage_pool_by_name(name).map_err(CallError::from) {
        Ok(pool) => pool,
        Err(error) if is_gone(&error) => return Ok(Value::Null),
        Err(error) => return Err(error),
    };
    if pool.is_active()? {
        // Consoles were written without libvirt's knowledge.
        refreshed(&pool)?;
        for volume in pool.list_all_volumes(0)? {
            quiet(volume.delete(0))?;
        }
        quiet(pool.destroy())?;
    }
    // Its folder; one that is not there is as well.
    let _ = pool.delete(0);
    quiet(pool.undefine())
}

fn volumes(to: &Connect, pool: &str) -> Result<Value> {
    let pool = match pool_of(to, pool) {
        Ok(pool) => pool,
        Err(error) if is_gone(&error) => return Ok(Value::Array(Vec::new())),
        Err(error) => return Err(error),
    };
    refreshed(&pool)?;
    let mut all = Vec::new();
    for volume in pool.list_all_volumes(0)? {
        let one = || -> Result<Value> {
            let info = volume.info()?;
            let (name, path) = (volume.name()?, volume.path()?);
            Ok(json!({"name": name, "path": path, "size": info.capacity, "used": info.allocation}))
        };
        match one() {
            Ok(one) => all.push(one),
            // Removed while this looked.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Value::Array(all))
}

/// A pool looks what is in its folder. It refuses to while a volume is being made in it.
fn refreshed(pool: &StoragePool) -> Result<()> {
    let mut tried = 0;
    loop {
        match pool.refresh(0) {
            Err(error) if error.code().to_raw() == sys::VIR_ERR_INTERNAL_ERROR && tried < BUSY => {
                tried += 1;
                std::thread::sleep(Duration::from_millis(100));
            }
            looked => return Ok(looked?),
        }
    }
}

fn volume_of(to: &Connect, pool: &str, name: &str) -> Result<StorageVol> {
    let pool = pool_of(to, pool)?;
    if let Ok(volume) = pool.lookup_storage_vol_by_name(name) {
        return Ok(volume);
    }
    // Files that others put there are only seen when the pool looks again.
    refreshed(&pool)?;
    Ok(pool.lookup_storage_vol_by_name(name)?)
}

fn send(to: &Connect, volume: &StorageVol, file: &str) -> Result<Value> {
    let mut file = File::open(file)?;
    let size = file.metadata()?.len();
    let stream = Stream::new(to, 0)?;
    volume.upload(&stream, 0, size, 0)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        let mut rest = &chunk[..read];
        while !rest.is_empty() {
            let sent = usize::try_from(stream.send(rest)?).unwrap_or(0);
            rest = &rest[sent..];
        }
    }
    done(stream.finish())
}

fn fetch(to: &Connect, volume: &StorageVol, file: &str) -> Result<Value> {
    let mut file = File::create(file)?;
    let stream = Stream::new(to, 0)?;
    volume.download(&stream, 0, 0, 0)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = usize::try_from(stream.recv(&mut chunk)?).unwrap_or(0);
        if read == 0 {
            break;
        }
        file.write_all(&chunk[..read])?;
    }
    done(stream.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// libvirt's own driver for tests: it needs no daemon and no hypervisor.
    fn driver() -> Connect {
        virt::error::clear_error_callback();
        Connect::open(Some("test:///default")).unwrap()
    }

    fn ask(to: &Connect, call: &Value) -> Result<Value> {
        serde_json::from_value::<Call>(call.clone()).unwrap().run(to)
    }

    fn state(to: &Connect, name: &str) -> Option<Value> {
        let all = ask(to, &json!({"call": "domains"})).unwrap();
        let one = all.as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
        one.map(|one| one["state"].clone())
    }

    #[test]
    fn a_domain_goes_through_its_states_and_every_call_can_be_repeated() {
        let to = driver();
        let xml = "<domain type='test'><name>a</name><memory>8192</memory><os><type>hvm</type></os></domain>";
        ask(&to, &json!({"call": "domain-define", "xml": xml})).unwrap();
        assert_eq!(state(&to, "a").unwrap(), "stopped");
        let steps = [
            (json!({"call": "domain-start", "name": "a"}), "running"),
            (json!({"call": "domain-pause", "name": "a", "pause": true}), "paused"),
            (json!({"call": "domain-pause", "name": "a", "pause": false}), "running"),
            (json!({"call": "domain-pause", "name": "a", "pause": true}), "paused"),
            (json!({"call": "domain-start", "name": "a"}), "running"),
            (json!({"call": "domain-stop", "name": "a", "hard": true}), "stopped"),
        ];
        for (call, wanted) in steps {
            for _ in 0..2 {
                ask(&to, &call).unwrap();
                assert_eq!(state(&to, "a").unwrap(), wanted, "{call}");
            }
        }
        for _ in 0..2 {
            ask(&to, &json!({"call": "domain-remove", "name": "a"})).unwrap();
            assert_eq!(state(&to, "a"), None);
        }
        let error = ask(&to, &json!({"call": "domain-start", "name": "a"})).unwrap_err();
        assert_eq!(error.code(), sys::VIR_ERR_NO_DOMAIN);
        assert!(error.to_string().contains('a'), "{error}");
        // Its own domain is still as it was.
        assert_eq!(state(&to, "test").unwrap(), "running");
    }

    #[test]
    fn networks_and_volumes_come_and_go() {
        let to = driver();
        let xml =
            "<network><name>n</name><uuid>3f2c5f7e-0000-4000-8000-000000000001</uuid><bridge name='rp-n'/></network>";
        for _ in 0..2 {
            assert_eq!(ask(&to, &json!({"call": "network-make", "xml": xml})).unwrap(), "rp-n");
        }
        let all = ask(&to, &json!({"call": "networks"})).unwrap();
        assert!(all.as_array().unwrap().iter().any(|one| one["name"] == "n" && one["active"] == true), "{all}");
        for _ in 0..2 {
            ask(&to, &json!({"call": "network-remove", "name": "n"})).unwrap();
        }
        let xml = "<pool type='dir'><name>p</name><target><path>/nowhere/p</path></target></pool>";
        let volume = "<volume><name>v</name><capacity>1000000</capacity></volume>";
        for _ in 0..2 {
            ask(&to, &json!({"call": "pool-make", "name": "p", "xml": xml})).unwrap();
            let path = ask(&to, &json!({"call": "volume-make", "pool": "p", "name": "v", "xml": volume})).unwrap();
            assert_eq!(path, "/nowhere/p/v");
        }
        let all = ask(&to, &json!({"call": "volumes", "pool": "p"})).unwrap();
        assert_eq!((&all[0]["name"], &all[0]["size"]), (&json!("v"), &json!(1_000_000)));
        for _ in 0..2 {
            ask(&to, &json!({"call": "volume-remove", "pool": "p", "name": "v"})).unwrap();
        }
        for _ in 0..2 {
            ask(&to, &json!({"call": "pool-remove", "name": "p"})).unwrap();
        }
        assert_eq!(ask(&to, &json!({"call": "volumes", "pool": "p"})).unwrap(), json!([]));
    }
}
