//! Disks: volumes of a pool of the scenario, over images in a pool of the user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Libvirt, called, foreign, text, xml};
use crate::provider::machine::Base;
use crate::provider::recipe::Turn;
use crate::provider::{Making, NAME, OWNER, Object, ObjectKind, Owner, ProviderError, SCENARIO};

/// Where libvirt keeps disks.
const FOLDER: &str = "/var/lib/libvirt/images";
/// What the pool of a scenario is called among its objects.
const DISKS: &str = "disks";

/// A pool: its name and its folder.
struct Pool {
    name: String,
    folder: PathBuf,
}

/// Whose an object is.
fn owner_of(object: &Object) -> Owner {
    let label = |name: &str| object.labels.get(name).cloned().unwrap_or_default();
    Owner { scenario: label(SCENARIO), user: label(OWNER) }
}

impl Libvirt {
    /// Where disks are kept: in a session, among the user's own files.
    fn folder(&self) -> PathBuf {
        if self.session { crate::folder::cache().join("libvirt") } else { PathBuf::from(FOLDER) }
    }

    /// The pool with a scenario's disks.
    fn disks_of(&self, owner: &Owner) -> Pool {
        let folder = self.folder().join(format!("rplay-{}-{}", owner.user, owner.scenario));
        Pool { name: called(owner, DISKS), folder }
    }

    /// The pools of an owner; the cache of images is none of them.
    pub(super) async fn pools(&self, owner: &Owner) -> Result<Vec<Object>, ProviderError> {
        let listed = self.ask("list pools", "pools", json!({})).await?;
        let id = self.disks_of(owner).name;
        let uuid = xml::uuid(owner, "pool", DISKS).to_string();
        let mut pools = listed.as_array().into_iter().flatten();
        let is_there = pools.any(|pool| pool["name"] == id.as_str() && pool["uuid"] == uuid.as_str());
        let labels = owner.labels(DISKS, "");
        let object = Object { kind: ObjectKind::Volume, id, labels, state: None, addresses: BTreeMap::new() };
        Ok(is_there.then_some(object).into_iter().collect())
    }

    async fn pool(&self, owner: &Owner, pool: &Pool, name: &str) -> Result<(), ProviderError> {
        let what = format!("make pool `{}`", pool.name);
        let uuid = xml::uuid(owner, "pool", name).to_string();
        let _turn = self.pools.lock().await;
        let listed = self.ask(&what, "pools", json!({})).await?;
        let found = listed.as_array().into_iter().flatten().find(|found| found["name"] == pool.name.as_str());
        if found.is_some_and(|found| found["uuid"] != uuid.as_str()) {
            return Err(foreign("pool", &pool.name));
        }
        let xml = xml::pool(&pool.name, &uuid, &pool.folder)?;
        self.ask(&what, "pool-make", json!({"name": pool.name, "xml": xml})).await.map(|_| ())
    }

    /// Puts an image's files where libvirt's machines can read them, and tells where that is.
    pub(super) async fn shared(&self, owner: &Owner, base: &mut Base) -> Result<(), ProviderError> {
        // For all scenarios of the user.
        let cache = Owner { scenario: "images".to_owned(), user: owner.user.clone() };
        let folder = self.folder().join(format!("rplay-images-{}", owner.user));
        let pool = Pool { name: format!("rplay-images-{}", owner.user), folder };
        self.pool(&cache, &pool, "images").await?;
        let name = base.name.clone();
        if let Some(disk) = &mut base.disk {
            *disk = self.one(&pool, &name, disk, &base.format).await?;
        }
        if let Some((kernel, initrd)) = &mut base.kernel {
            *kernel = self.one(&pool, &name, kernel, "raw").await?;
            if let Some(initrd) = initrd {
                *initrd = self.one(&pool, &name, initrd, "raw").await?;
            }
        }
        Ok(())
    }

    /// A file in the pool of images. One beside it tells that it is whole.
    async fn one(&self, pool: &Pool, base: &str, file: &Path, format: &str) -> Result<PathBuf, ProviderError> {
        let what = format!("give {} to libvirt", file.display());
        let metadata = fs_err::metadata(file)?;
        // A kernel from elsewhere changes without its image.
        let stamp = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
        let own = file.starts_with(crate::folder::cache());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let name = if own { format!("{base}.{name}") } else { format!("{base}.{:x}-{stamp:x}.{name}", metadata.len()) };
        let whole = format!("{name}.whole");
        let place = pool.folder.join(&name);
        if self.has(pool, &whole, &what).await? {
            return Ok(place);
        }
        let _turn = Turn::take(&format!("libvirt-{name}")).await?;
        if self.has(pool, &whole, &what).await? {
            return Ok(place);
        }
        let volume = |name: &str| json!({"pool": pool.name, "name": name});
        // Of a command that was killed.
        self.ask(&what, "volume-remove", volume(&name)).await?;
        let size = metadata.len();
        let xml = xml::volume(&name, size, "raw", None)?;
        self.ask(&what, "volume-make", json!({"pool": pool.name, "name": name, "xml": xml})).await?;
        let from = file.to_string_lossy();
        self.ask(&what, "volume-send", json!({"pool": pool.name, "name": name, "file": from})).await?;
        let xml = xml::volume(&whole, 512, "raw", None)?;
        self.ask(&what, "volume-make", json!({"pool": pool.name, "name": whole, "xml": xml})).await?;
        tracing::debug!(file = %place.display(), format, "libvirt has it");
        Ok(place)
    }

    async fn has(&self, pool: &Pool, name: &str, what: &str) -> Result<bool, ProviderError> {
        let listed = self.ask(what, "volumes", json!({"pool": pool.name})).await?;
        Ok(listed.as_array().into_iter().flatten().any(|volume| volume["name"] == name))
    }

    /// Makes the disks of a node from nothing; the system's first, a seed last.
    pub(super) async fn disks(
        &self,
        owner: &Owner,
        making: &Making<'_>,
        base: &Base,
    ) -> Result<Vec<xml::DomainDisk>, ProviderError> {
        let node = making.node;
        let pool = self.disks_of(owner);
        let what = format!("make the disks of node `{}`", node.name);
        self.pool(owner, &pool, DISKS).await?;
        self.no_disks(owner, &node.name).await?;
        let make = async |name: &str, size: u64, format: &str, over: Option<(&Path, &str)>| {
            let xml = xml::volume(name, size, format, over)?;
            let path = self.ask(&what, "volume-make", json!({"pool": pool.name, "name": name, "xml": xml})).await?;
            Ok::<_, ProviderError>(PathBuf::from(text(&path)))
        };
        let plain = |path: PathBuf, format: &str| xml::DomainDisk {
            path,
            format: format.to_owned(),
            bus: "virtio".to_owned(),
            serial: None,
            read_only: false,
        };
        let size = node.set.disk.map_or(base.size, |size| size.0);
        if size < base.size && base.disk.is_some() {
            let wanted = crate::units::Size(base.size);
            let why = format!("its image has {wanted}, which does not fit on `disk`");
            return Err(ProviderError::Refused { what, why });
        }
        let over = base.disk.as_deref().map(|disk| (disk, base.format.as_str()));
        let mut disks = vec![plain(make(&format!("{}.root.qcow2", node.name), size, "qcow2", over).await?, "qcow2")];
        for (place, disk) in node.set.disks.iter().enumerate() {
            let name = format!("{}.{place}.{}", node.name, disk.format);
            let path = make(&name, disk.size.0, &disk.format, None).await?;
            let serial = disk.serial.clone().unwrap_or_else(|| format!("disk{place}"));
            disks.push(xml::DomainDisk { bus: disk.bus.clone(), serial: Some(serial), ..plain(path, &disk.format) });
        }
        if base.seed && !base.ours {
            let local = making.folder.join(format!("{}.seed", node.name));
            let seed = super::seed::Seed {
                name: &node.name,
                instance: &making.digest,
                user: node.set.user.as_deref().unwrap_or(&base.user),
                key: making.key.trim(),
                ports: &node.ports,
            };
            let networks = making.about.iter().map(|(name, network)| (name.clone(), (*network).clone())).collect();
            super::seed::write(&local, &seed, &networks)?;
            let name = format!("{}.seed.img", node.name);
            let path = make(&name, fs_err::metadata(&local)?.len(), "raw", None).await?;
            let from = local.to_string_lossy();
            self.ask(&what, "volume-send", json!({"pool": pool.name, "name": name, "file": from})).await?;
            fs_err::remove_file(&local)?;
            disks.push(xml::DomainDisk { read_only: true, ..plain(path, "raw") });
        }
        Ok(disks)
    }

    /// Removes what a node has in its scenario's pool: names have no dots, so what follows one is its own.
    pub(super) async fn no_disks(&self, owner: &Owner, node: &str) -> Result<(), ProviderError> {
        let pool = self.disks_of(owner);
        let what = format!("remove the disks of node `{node}`");
        let listed = self.ask(&what, "volumes", json!({"pool": pool.name})).await?;
        for volume in listed.as_array().into_iter().flatten() {
            let name = text(&volume["name"]);
            if name.strip_prefix(node).is_some_and(|rest| rest.starts_with('.')) {
                self.ask(&what, "volume-remove", json!({"pool": pool.name, "name": name})).await?;
            }
        }
        Ok(())
    }

    /// The file that a node's console is written to.
    pub(super) fn console_of(&self, owner: &Owner, node: &str) -> PathBuf {
        self.disks_of(owner).folder.join(format!("{node}.console"))
    }

    /// What a node has written to its console.
    pub(super) async fn written(&self, object: &Object) -> Result<Vec<u8>, ProviderError> {
        let owner = owner_of(object);
        self.console_from(&owner, object.name().unwrap_or_default(), 0).await
    }

    /// The end of a node's console, from a place on.
    pub(super) async fn console_from(&self, owner: &Owner, node: &str, from: u64) -> Result<Vec<u8>, ProviderError> {
        use std::io::{Read as _, Seek as _};
        let path = self.console_of(owner, node);
        let end = |mut file: std::fs::File| -> std::io::Result<Vec<u8>> {
            let mut text = Vec::new();
            file.seek(std::io::SeekFrom::Start(from))?;
            file.read_to_end(&mut text)?;
            Ok(text)
        };
        match std::fs::File::open(&path) {
            Ok(file) => return Ok(end(file)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => return Err(error.into()),
            Err(_) => {}
        }
        // Who may ask libvirt need not be able to read its files.
        let local = tempfile::NamedTempFile::new()?;
        let name = format!("{node}.console");
        let with = json!({"pool": self.disks_of(owner).name, "name": name, "file": local.path().to_string_lossy()});
        match self.client.ask("volume-fetch", with).await {
            Ok(_) => Ok(end(std::fs::File::open(local.path())?)?),
            // Nothing was written yet.
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Whose a node is, and its name.
    pub(super) fn named(object: &Object) -> (Owner, String) {
        (owner_of(object), object.labels.get(NAME).cloned().unwrap_or_default())
    }
}
