//! Systems of recipes, below a folder of this machine: installed by debootstrap, patched in a chroot, kept as a tar
//! for the patches of others.
//!
//! Every layer is a folder of the cache named by its digest, whatever scenarios call their images: `tree.tar`, and
//! `vmlinuz` and `initrd` when it has a kernel. It is made under another name and renamed when it is whole, so that a
//! kill leaves nothing that could be taken for it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{program, run};
use crate::image::{Debootstrap, Image, Origin};
use crate::provider::recipe::{Turn, archive, bootstrap, checksum, remove_tree, unique};
use crate::provider::{ProviderError, digest};

/// Part of every digest: another way to build gives other images.
const RECIPE: &str = "machine 1";
/// What a machine needs to boot and to be logged in to, whatever its recipe says.
const PACKAGES: &[&str] =
    &["systemd", "systemd-sysv", "udev", "dbus", "kmod", "openssh-server", "iproute2", "initramfs-tools"];
/// Its kernel, unless the recipe or the node has another one: small, for machines that are not real.
const KERNEL: &str = "linux-image-cloud-amd64";
/// The modules of its initial RAM disk: only what a virtual machine's disk can be, so that it is unpacked soon.
const MODULES: &str = "virtio_pci\nvirtio_blk\nvirtio_scsi\nvirtio_net\nahci\nsd_mod\next4\n";
/// Units that no such machine has a use for; each costs a translated processor a while.
const MASKED: &[&str] = &[
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
];

/// Where layers are kept.
pub(super) fn cache() -> PathBuf {
    crate::folder::cache().join("machines")
}

/// The folder of the layer that an image's recipe gives, made when it is not there. `base` is that of the image it is a
/// patch of.
pub(in crate::provider) async fn layer(image: &Image, base: Option<&str>) -> Result<PathBuf, ProviderError> {
    let what = format!("build image `{}`", image.name);
    let (bottom, packages): (PathBuf, &[String]) = match &image.origin {
        Origin::Image(_) => (cache().join(base.unwrap_or_default()), &image.packages),
        // debootstrap installs packages itself, in one go.
        Origin::Debootstrap(system) => (bottom(image, system, &what).await?, &[]),
        Origin::Path(path) => (imported(image, path, &what).await?, &image.packages),
        Origin::Url(_) | Origin::Docker(_) | Origin::Blank => {
            let why = "its system is not one that rplay can open and patch".to_owned();
            return Err(ProviderError::Refused { what, why });
        }
    };
    if packages.is_empty() && image.files.is_empty() && image.commands.is_empty() {
        return Ok(bottom);
    }
    let name = bottom.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = archive(&image.files)?;
    let mut parts: Vec<&[u8]> = vec![RECIPE.as_bytes(), b"patch", name.as_bytes(), &files];
    parts.extend(packages.iter().map(String::as_bytes));
    parts.push(b"owners");
    parts.extend(image.files.iter().filter_map(|file| file.owner.as_deref()).map(str::as_bytes));
    parts.push(b"commands");
    parts.extend(image.commands.iter().map(String::as_bytes));
    let layer = cache().join(format!("system-{}", digest(&parts)));
    made(&layer, async |tree| {
        let tar = bottom.join("tree.tar");
        unpack(&tar, tree, &what).await?;
        patch(tree, image, packages, &files, &what).await
    })
    .await
}

/// A Debian system with what a machine needs.
async fn bottom(image: &Image, system: &Debootstrap, what: &str) -> Result<PathBuf, ProviderError> {
    let mut packages: Vec<String> = PACKAGES.iter().map(|name| (*name).to_owned()).collect();
    packages.extend(image.packages.iter().cloned());
    packages.sort();
    packages.dedup();
    let kernel = if image.kernel.is_none() { KERNEL } else { "" };
    let mirror = system.mirror.clone().unwrap_or_default();
    let inside = [NODE, NODE_UNIT, UP_UNIT, MODULES].concat();
    let parts = [RECIPE, "debootstrap", &system.suite, &mirror, &system.variant, kernel, &inside];
    let parts = parts.into_iter().chain(MASKED.iter().copied());
    let parts = parts.chain(system.components.iter().map(String::as_str)).chain(packages.iter().map(String::as_str));
    let parts: Vec<&str> = parts.collect();
    let layer = cache().join(format!("system-{}", digest(&parts)));
    made(&layer, async |tree| {
        bootstrap(tree, image, system, &packages, what).await?;
        prepare(tree)?;
        let mut script = "systemctl enable -q systemd-networkd ssh rplay-node rplay-up\n".to_owned();
        if !kernel.is_empty() {
            script.push_str(&format!("apt-get update -qq\napt-get install -y -qq --no-install-recommends {kernel}\n"));
        }
        script.push_str("apt-get clean\nrm -rf /var/lib/apt/lists/*\n");
        within(tree, &script, what).await?;
        Ok(unique(tree)?)
    })
    .await
}

/// A tar of a system that somebody else made. It is prepared like ours, and needs what [`PACKAGES`] names.
async fn imported(image: &Image, path: &Path, what: &str) -> Result<PathBuf, ProviderError> {
    let sum = sum(image, path, what).await?;
    let inside = [NODE, NODE_UNIT, UP_UNIT].concat();
    let layer = cache().join(format!("system-{}", digest(&[RECIPE, "tar", &sum, &inside])));
    made(&layer, async |tree| {
        unpack(path, tree, what).await?;
        for needed in ["usr/lib/systemd/systemd", "usr/sbin/sshd"] {
            if !tree.join(needed).exists() && !tree.join(needed.trim_start_matches("usr/")).exists() {
                let why = format!("there is no {needed} in {}: a machine cannot boot it", path.display());
                return Err(ProviderError::Refused { what: what.to_owned(), why });
            }
        }
        prepare(tree)?;
        within(tree, "systemctl enable -q systemd-networkd rplay-node rplay-up", what).await
    })
    .await
}

/// The checksum of a file, which must be the image's when it has one.
pub(super) async fn sum(image: &Image, path: &Path, what: &str) -> Result<String, ProviderError> {
    let file = path.to_owned();
    let sum = tokio::task::spawn_blocking(move || checksum(&file)).await;
    let sum = sum.map_err(|error| std::io::Error::other(error.to_string()))??;
    match &image.sha256 {
        Some(wanted) if !wanted.eq_ignore_ascii_case(&sum) => {
            let why = format!("{} has checksum {sum}, not {wanted}", path.display());
            Err(ProviderError::Refused { what: what.to_owned(), why })
        }
        _ => Ok(sum),
    }
}

/// Makes a layer's folder with what `fill` puts below the empty `tree`, unless it is there.
async fn made(
    layer: &Path,
    fill: impl AsyncFnOnce(&Path) -> Result<(), ProviderError>,
) -> Result<PathBuf, ProviderError> {
    if layer.exists() {
        return Ok(layer.to_owned());
    }
    let name = layer.file_name().unwrap_or_default().to_string_lossy();
    let turn = Turn::take(&format!("machine-{name}")).await?;
    if layer.exists() {
        return Ok(layer.to_owned());
    }
    // Of a build that was killed.
    remove_tree(&turn.folder).await?;
    let (tree, new) = (turn.folder.join("tree"), turn.folder.join("new"));
    fs_err::create_dir_all(&new)?;
    let filled = match fill(&tree).await {
        Ok(()) => keep(&tree, &new).await,
        Err(error) => Err(error),
    };
    if filled.is_ok() {
        fs_err::create_dir_all(layer.parent().unwrap_or(layer))?;
        fs_err::rename(&new, layer)?;
    }
    remove_tree(&turn.folder).await?;
    filled.map(|()| layer.to_owned())
}

/// Packs a system, and takes its kernel out.
async fn keep(tree: &Path, new: &Path) -> Result<(), ProviderError> {
    let what = "pack a system";
    let tar = program("tar", "tar", "building an image")?;
    let file = new.join("tree.tar");
    let args: [&OsStr; 8] = [
        "--numeric-owner".as_ref(),
        "--xattrs".as_ref(),
        "--xattrs-include=*".as_ref(),
        "-C".as_ref(),
        tree.as_os_str(),
        "-cf".as_ref(),
        file.as_os_str(),
        ".".as_ref(),
    ];
    run(&tar, &args, what).await?;
    for (pattern, name) in [("vmlinuz-", "vmlinuz"), ("initrd.img-", "initrd")] {
        if let Some(found) = newest(&tree.join("boot"), pattern) {
            fs_err::copy(found, new.join(name))?;
        }
    }
    Ok(())
}

/// The file of the highest version whose name begins so.
fn newest(folder: &Path, prefix: &str) -> Option<PathBuf> {
    let entries = fs_err::read_dir(folder).ok()?.filter_map(Result::ok);
    let named = entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)));
    // Numbers as numbers: 6.1.0-10 is newer than 6.1.0-9.
    let version = |path: &PathBuf| -> Vec<u64> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
    };
    named.max_by_key(version)
}

/// Unpacks a system.
pub(super) async fn unpack(tar: &Path, tree: &Path, what: &str) -> Result<(), ProviderError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(ProviderError::Missing {
            what: format!("cannot {what}: unpacking a system needs root"),
            fix: "build it once as root (`sudo rplay scenario create`), or use a disk with `path` or `url`".to_owned(),
        });
    }
    fs_err::create_dir_all(tree)?;
    let program = program("tar", "tar", "building an image")?;
    let args: [&OsStr; 8] = [
        "--numeric-owner".as_ref(),
        "--xattrs".as_ref(),
        "--xattrs-include=*".as_ref(),
        "-C".as_ref(),
        tree.as_os_str(),
        "-p".as_ref(),
        "-xf".as_ref(),
        tar.as_os_str(),
    ];
    run(&program, &args, what).await.map(|_| ())
}

const NODE: &str = include_str!("inside/node.sh");
const NODE_UNIT: &str = include_str!("inside/rplay-node.service");
const UP_UNIT: &str = include_str!("inside/rplay-up.service");

/// What makes a system one that reads who it is from the kernel's command line.
fn prepare(tree: &Path) -> Result<(), ProviderError> {
    use std::os::unix::fs::PermissionsExt as _;
    let put = |path: &str, text: &str| -> std::io::Result<()> {
        let path = tree.join(path);
        fs_err::create_dir_all(path.parent().unwrap_or(tree))?;
        fs_err::write(path, text)
    };
    put("usr/lib/rplay/node", NODE)?;
    fs_err::set_permissions(tree.join("usr/lib/rplay/node"), std::fs::Permissions::from_mode(0o755))?;
    put("etc/systemd/system/rplay-node.service", NODE_UNIT)?;
    put("etc/systemd/system/rplay-up.service", UP_UNIT)?;
    put("etc/fstab", "LABEL=root / ext4 defaults,x-systemd.growfs 0 1\n")?;
    put(
        "etc/ssh/sshd_config.d/rplay.conf",
        "HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\nMaxStartups 100\nMaxSessions 200\n",
    )?;
    put("etc/initramfs-tools/conf.d/rplay", "MODULES=list\nRESUME=none\n")?;
    put("etc/initramfs-tools/modules", MODULES)?;
    put("etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")?;
    let hostname = tree.join("etc/hostname");
    if hostname.exists() {
        fs_err::remove_file(hostname)?;
    }
    for unit in MASKED {
        let link = tree.join("etc/systemd/system").join(unit);
        if fs_err::symlink_metadata(&link).is_err() {
            fs_err::os::unix::fs::symlink("/dev/null", link)?;
        }
    }
    Ok(())
}

/// Packages, files and commands on top of a system.
async fn patch(tree: &Path, image: &Image, packages: &[String], files: &[u8], what: &str) -> Result<(), ProviderError> {
    if !packages.is_empty() {
        let list = packages.join(" ");
        let script = format!(
            "apt-get update -qq\napt-get install -y -qq --no-install-recommends {list}\napt-get clean\nrm -rf /var/lib/apt/lists/*\n"
        );
        within(tree, &script, what).await?;
    }
    // Links of the system must not lead out of it: the archive is unpacked by a program that is locked in.
    if !image.files.is_empty() {
        fs_err::write(tree.join(".rplay-files.tar"), files)?;
        within(tree, "tar -C / --no-overwrite-dir -xf /.rplay-files.tar; rm /.rplay-files.tar", what).await?;
    }
    for file in &image.files {
        if let Some(owner) = &file.owner {
            within(tree, &format!("chown -R {owner} '{}'", file.path.replace('\'', "'\\''")), what).await?;
        }
    }
    for command in &image.commands {
        within(tree, command, what).await?;
    }
    Ok(unique(tree)?)
}

/// Runs a script within a system: its mounts and processes end with it, however it ends. Services are not started
/// there.
async fn within(tree: &Path, script: &str, what: &str) -> Result<(), ProviderError> {
    const SCRIPT: &str = r#"set -e
mount -t proc proc "$0/proc"
mount -t sysfs -o ro sysfs "$0/sys"
mount -t tmpfs -o mode=755 tmpfs "$0/dev"
for name in null zero full random urandom tty; do : >"$0/dev/$name"; mount --bind "/dev/$name" "$0/dev/$name"; done
ln -s /proc/self/fd "$0/dev/fd"
mkdir -m 1777 "$0/dev/shm"
exec chroot "$0" /bin/sh -ec "$1""#;
    // Killed with this process, and with all that it has started.
    let guard = program("setpriv", "util-linux", "building an image")?;
    let (policy, resolv) = (tree.join("usr/sbin/policy-rc.d"), tree.join("etc/resolv.conf"));
    fs_err::write(&policy, "#!/bin/sh\nexit 101\n")?;
    fs_err::set_permissions(&policy, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    // Names are looked up as on this machine while it is built.
    let own = fs_err::symlink_metadata(&resolv).is_ok();
    let kept = tree.join("etc/.rplay-resolv.conf");
    if own {
        fs_err::rename(&resolv, &kept)?;
    }
    if Path::new("/etc/resolv.conf").exists() {
        fs_err::copy("/etc/resolv.conf", &resolv)?;
    }
    let output = tokio::process::Command::new(guard)
        .args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", SCRIPT])
        .arg(tree)
        .arg(script)
        .env_clear()
        .envs(
            ["http_proxy", "https_proxy", "no_proxy"].iter().filter_map(|name| Some((*name, std::env::var_os(name)?))),
        )
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    fs_err::remove_file(&policy)?;
    if resolv.exists() {
        fs_err::remove_file(&resolv)?;
    }
    if own {
        fs_err::rename(&kept, &resolv)?;
    }
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(5)..].join(" / ");
    let why = format!("`{}` ended with {}: {last}", script.trim(), output.status);
    Err(ProviderError::Refused { what: what.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_of_the_highest_version_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "vmlinuz-6.1.0-9-cloud-amd64",
            "vmlinuz-6.1.0-10-cloud-amd64",
            "config-6.1.0-11",
            "vmlinuz-5.10.0-30-cloud-amd64",
        ] {
            fs_err::write(folder.path().join(name), "").unwrap();
        }
        let found = newest(folder.path(), "vmlinuz-").unwrap();
        assert_eq!(found.file_name().unwrap(), "vmlinuz-6.1.0-10-cloud-amd64");
        assert_eq!(newest(folder.path(), "initrd.img-"), None);
    }

    #[test]
    fn a_system_is_prepared_to_read_who_it_is() {
        let tree = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(tree.path().join("etc/systemd/system")).unwrap();
        fs_err::write(tree.path().join("etc/hostname"), "builder").unwrap();
        prepare(tree.path()).unwrap();
        prepare(tree.path()).unwrap();
        assert!(!tree.path().join("etc/hostname").exists());
        assert_eq!(
            fs_err::read_link(tree.path().join("etc/systemd/system/fstrim.timer")).unwrap(),
            Path::new("/dev/null")
        );
        let checked = std::process::Command::new("sh").arg("-n").arg(tree.path().join("usr/lib/rplay/node")).status();
        assert!(checked.unwrap().success());
    }
}
