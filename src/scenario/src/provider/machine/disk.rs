//! Disks of images: made of systems with `mkfs.ext4 -d`, or files that are there or were fetched.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::tree::{layer, sum, unpack};
use super::{Base, program, run};
use crate::image::{Image, Origin};
use crate::provider::fetch::fetched;
use crate::provider::recipe::{Turn, remove_tree};
use crate::provider::{ProviderError, digest};
use crate::units::Size;

/// Which kernel boots it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Kind {
    /// Its own, in a virtual machine; the disk is qcow2.
    Machine,
    /// One that is a program of this machine; the disk is raw.
    Program,
}

/// The least room that is left in a disk whose size nobody said.
const ROOM: u64 = 512 << 20;

/// The disk that nodes of an image begin with; made when it is not there. `base` is what this gave for the image it is
/// a patch of.
pub(in crate::provider) async fn base(image: &Image, base: Option<&str>, kind: Kind) -> Result<Base, ProviderError> {
    let what = format!("build image `{}`", image.name);
    let below = base.map(Base::of).transpose()?;
    let file = match &image.origin {
        Origin::Path(path) if !is_tar(path)? => Some(path.clone()),
        Origin::Url(url) => Some(fetched(url, image.sha256.as_deref(), &what).await?),
        Origin::Blank => {
            let size = image.size.unwrap_or(Size::mib(10 << 10)).0;
            let (name, user) = ("blank".to_owned(), image.user.clone());
            let format = "qcow2".to_owned();
            return Ok(Base { name, disk: None, format, size, kernel: None, ours: false, seed: false, user });
        }
        _ => None,
    };
    if let Some(file) = file {
        let changed = [!image.packages.is_empty(), !image.files.is_empty(), !image.commands.is_empty()];
        if changed.contains(&true) {
            let why = "it is a disk, which rplay does not open: packages, files and commands need a system by \
                       `debootstrap` or of a tar"
                .to_owned();
            return Err(ProviderError::Refused { what, why });
        }
        return existing(image, &file, kind, &what).await;
    }
    if let Some(below) = &below
        && !below.ours
    {
        let why = "the image it is a patch of is a disk, which rplay does not open".to_owned();
        return Err(ProviderError::Refused { what, why });
    }
    let layer = layer(image, below.as_ref().map(|below| below.name.as_str())).await?;
    let (disk, size) = disk(&layer, image.size, kind, &what).await?;
    let format = if kind == Kind::Machine { "qcow2" } else { "raw" }.to_owned();
    let name = layer.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kernel = kernel(image, &layer);
    Ok(Base {
        name,
        disk: Some(disk),
        format,
        size,
        kernel,
        ours: true,
        seed: image.cloud_init,
        user: image.user.clone(),
    })
}

/// The kernel that boots an image directly: as said, else the system's own.
fn kernel(image: &Image, layer: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    let own = |name: &str| Some(layer.join(name)).filter(|path| path.exists());
    let kernel = image.kernel.clone().or_else(|| own("vmlinuz"))?;
    let initrd = image.initrd.clone().or_else(|| own("initrd").filter(|_| image.kernel.is_none()));
    Some((kernel, initrd))
}

/// A disk that is there already.
async fn existing(image: &Image, file: &Path, kind: Kind, what: &str) -> Result<Base, ProviderError> {
    let sum = sum(image, file, what).await?;
    let (format, size) = format_of(file)?;
    if kind == Kind::Program && format != "raw" {
        let why =
            format!("{} is {format}; a node of provider `uml` begins as a raw disk or as a recipe", file.display());
        return Err(ProviderError::Refused { what: what.to_owned(), why });
    }
    Ok(Base {
        name: format!("disk-{}", digest(&["disk", &sum])),
        disk: Some(file.to_owned()),
        format: format.to_owned(),
        size: size.max(image.size.unwrap_or_default().0),
        kernel: image.kernel.clone().map(|kernel| (kernel, image.initrd.clone())),
        ours: false,
        seed: image.cloud_init,
        user: image.user.clone(),
    })
}

/// Format and size, as the first bytes say.
fn format_of(file: &Path) -> Result<(&'static str, u64), ProviderError> {
    let mut head = [0; 32];
    let mut opened = fs_err::File::open(file)?;
    let size = opened.metadata()?.len();
    let read = opened.read(&mut head)?;
    Ok(match head {
        [b'Q', b'F', b'I', 0xfb, ..] if read == head.len() => {
            let mut size = [0; 8];
            size.copy_from_slice(&head[24..32]);
            ("qcow2", u64::from_be_bytes(size))
        }
        _ => ("raw", size),
    })
}

/// Whether a file is a tar, plain or packed: a system instead of a disk.
fn is_tar(path: &Path) -> Result<bool, ProviderError> {
    let name = path.to_string_lossy();
    if [".tar.gz", ".tgz", ".tar.xz", ".tar.zst"].iter().any(|end| name.ends_with(end)) {
        return Ok(true);
    }
    let mut head = Vec::new();
    fs_err::File::open(path)?.take(512).read_to_end(&mut head)?;
    Ok(head.get(257..262) == Some(b"ustar"))
}

/// A layer's disk and its size.
async fn disk(layer: &Path, size: Option<Size>, kind: Kind, what: &str) -> Result<(PathBuf, u64), ProviderError> {
    let tar = layer.join("tree.tar");
    // Half as much again, in whole MiB.
    let enough = |system: u64| (system + (system / 2).max(ROOM)).next_multiple_of(1 << 20);
    let size = size.map_or(enough(fs_err::metadata(&tar)?.len()), |size| size.0);
    let end = if kind == Kind::Machine { "qcow2" } else { "raw" };
    let disk = layer.join(format!("disk-{}.{end}", size >> 20));
    if disk.exists() {
        return Ok((disk, size));
    }
    let name = layer.file_name().unwrap_or_default().to_string_lossy();
    let turn = Turn::take(&format!("disk-{name}")).await?;
    if disk.exists() {
        return Ok((disk, size));
    }
    let mkfs = program("mkfs.ext4", "e2fsprogs", "making a disk")?;
    remove_tree(&turn.folder).await?;
    let (tree, raw) = (turn.folder.join("tree"), turn.folder.join("disk.raw"));
    fs_err::create_dir_all(&turn.folder)?;
    unpack(&tar, &tree, what).await?;
    if kind == Kind::Program {
        super::super::uml::modules(&tree)?;
    }
    fs_err::File::create(&raw)?.set_len(size)?;
    // Nothing needs to be prepared for a disk that is not real.
    let options = "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0";
    let args: [&OsStr; 9] = [
        "-q".as_ref(),
        "-F".as_ref(),
        "-L".as_ref(),
        "root".as_ref(),
        "-E".as_ref(),
        options.as_ref(),
        "-d".as_ref(),
        tree.as_os_str(),
        raw.as_os_str(),
    ];
    run(&mkfs, &args, what).await?;
    let mut made = raw;
    if kind == Kind::Machine {
        let convert = program("qemu-img", "qemu-utils", "making a disk")?;
        let qcow2 = turn.folder.join("disk.qcow2");
        let args: [&OsStr; 6] =
            ["convert".as_ref(), "-O".as_ref(), "qcow2".as_ref(), "-W".as_ref(), made.as_os_str(), qcow2.as_os_str()];
        run(&convert, &args, what).await?;
        made = qcow2;
    }
    fs_err::rename(&made, &disk)?;
    remove_tree(&turn.folder).await?;
    Ok((disk, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_told_apart_by_their_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs_err::write(&path, bytes).unwrap();
            path
        };
        let mut qcow2 = vec![0; 104];
        qcow2[..8].copy_from_slice(&[b'Q', b'F', b'I', 0xfb, 0, 0, 0, 3]);
        qcow2[24..32].copy_from_slice(&(8_u64 << 30).to_be_bytes());
        assert_eq!(format_of(&file("a", &qcow2)).unwrap(), ("qcow2", 8 << 30));
        assert_eq!(format_of(&file("b", &[0; 4096])).unwrap(), ("raw", 4096));
        let mut tar = vec![0; 1024];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(is_tar(&file("c", &tar)).unwrap());
        assert!(!is_tar(&file("d", &[0; 1024])).unwrap());
    }
}
