//! Recipes of images: what building for containers and for machines has in common.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::ProviderError;
use crate::image::{Content, Debootstrap, Image, ImageFile};

/// Installs a Debian system below a folder that is not there yet; one that does not work leaves nothing.
pub(super) async fn bootstrap(
    tree: &Path,
    image: &Image,
    system: &Debootstrap,
    packages: &[String],
    what: &str,
) -> Result<(), ProviderError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(ProviderError::Missing {
            what: format!("image `{}` is built by debootstrap, which needs root", image.name),
            fix: "build it once as root (`sudo rplay scenario create`), or import a tar with `path`".to_owned(),
        });
    }
    fs_err::create_dir_all(tree)?;
    let mut command = Command::new("debootstrap");
    if system.variant != "-" {
        command.arg(format!("--variant={}", system.variant));
    }
    command.arg(format!("--components={}", system.components.join(",")));
    if !packages.is_empty() {
        command.arg(format!("--include={}", packages.join(",")));
    }
    command.arg(&system.suite).arg(tree);
    command.args(system.mirror.clone().or(mirror_of(&system.suite).await));
    let output = command.env("DEBIAN_FRONTEND", "noninteractive").kill_on_drop(true).output().await;
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("I: ")).collect();
            let why = format!("debootstrap: {}", lines[lines.len().saturating_sub(5)..].join(" / "));
            remove_tree(tree).await?;
            Err(ProviderError::Refused { what: what.to_owned(), why })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(ProviderError::Missing {
            what: format!("image `{}` is built by debootstrap, which is not there", image.name),
            fix: "install it (on Debian `apt install debootstrap`)".to_owned(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// The largest packet of this machine's way out, when it is smaller than Ethernet's: larger ones would vanish.
pub(super) fn way_out() -> Option<u32> {
    let table = fs_err::read_to_string("/proc/net/route").ok()?;
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let card = lines.find(|words| words.get(1) == Some(&"00000000"))?.first()?.to_string();
    let mtu = fs_err::read_to_string(format!("/sys/class/net/{card}/mtu")).ok()?.trim().parse().ok()?;
    (mtu < 1500).then_some(mtu)
}

/// One build of an image at a time on this machine; a killed one gives its turn up.
pub(super) struct Turn {
    /// Its own place for what is being made.
    pub(super) folder: PathBuf,
    _lock: nix::fcntl::Flock<File>,
}

impl Turn {
    pub(super) async fn take(image: &str) -> Result<Self, ProviderError> {
        let folder = crate::folder::cache().join("builds").join(image.replace(['/', ':'], "-"));
        fs_err::create_dir_all(folder.parent().unwrap_or(&folder))?;
        let path = folder.with_extension("lock");
        let folder = folder.with_extension("work");
        loop {
            let file = File::options().create(true).append(true).open(&path)?;
            match nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock) {
                Ok(lock) => {
                    fs_err::create_dir_all(&folder)?;
                    return Ok(Self { folder, _lock: lock });
                }
                // Someone else builds it: it will be there then.
                Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                }
                Err((_, error)) => return Err(std::io::Error::from(error).into()),
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Only when it is empty: a tree is removed by who made it.
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// Removes a folder with all that is in it; one that is gone is no error.
pub(super) async fn remove_tree(tree: &Path) -> Result<(), ProviderError> {
    let tree = tree.to_owned();
    let removed = tokio::task::spawn_blocking(move || fs_err::remove_dir_all(tree)).await;
    match removed.map_err(|error| std::io::Error::other(error.to_string()))? {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

pub(super) fn checksum(path: &Path) -> std::io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => hash.update(&chunk[..read]),
        }
    }
    Ok(crate::provider::hexadecimal(&hash.finalize()))
}

/// Where this machine gets packages of a release from.
pub(super) async fn mirror_of(suite: &str) -> Option<String> {
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]);
    let output = command.kill_on_drop(true).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().filter_map(|line| line.split_once(' ')).find(|(release, _)| *release == suite);
    found.map(|(_, mirror)| mirror.to_owned())
}

/// What must not be the same on every node.
pub(super) fn unique(tree: &Path) -> std::io::Result<()> {
    let machine = tree.join("etc/machine-id");
    if machine.exists() {
        fs_err::write(machine, "")?;
    }
    if let Ok(entries) = fs_err::read_dir(tree.join("etc/ssh")) {
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
                fs_err::remove_file(entry.path())?;
            }
        }
    }
    if let Ok(entries) = fs_err::read_dir(tree.join("var/cache/apt/archives")) {
        for entry in entries.filter_map(Result::ok) {
            if entry.path().extension().is_some_and(|extension| extension == "deb") {
                fs_err::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Files of an image as a tar: the same whenever the same files are packed.
pub(super) fn archive(files: &[ImageFile]) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let path = file.path.trim_start_matches('/');
        match &file.content {
            Content::Text(text) => append(&mut tar, path, text.as_bytes(), file.mode.unwrap_or(0o644))?,
            Content::Src(src) if src.is_dir() => {
                let mut entries: Vec<_> = walkdir::WalkDir::new(src).into_iter().collect::<Result<_, _>>()?;
                entries.sort_by(|a, b| a.path().cmp(b.path()));
                for entry in entries {
                    let below = entry.path().strip_prefix(src).unwrap_or(entry.path());
                    let there = Path::new(path).join(below);
                    let mut header = tar::Header::new_gnu();
                    if entry.file_type().is_dir() {
                        header.set_entry_type(tar::EntryType::Directory);
                        header.set_size(0);
                        header.set_mode(file.mode.map_or(0o755, |mode| mode | (mode & 0o444) >> 2));
                        tar.append_data(&mut header, there, std::io::empty())?;
                    } else if entry.file_type().is_symlink() {
                        header.set_entry_type(tar::EntryType::Symlink);
                        header.set_size(0);
                        header.set_mode(0o777);
                        tar.append_link(&mut header, there, fs_err::read_link(entry.path())?)?;
                    } else {
                        let executable = entry.metadata()?.permissions().mode() & 0o111 != 0;
                        let mode = file.mode.unwrap_or(if executable { 0o755 } else { 0o644 });
                        append(&mut tar, &there.to_string_lossy(), &fs_err::read(entry.path())?, mode)?;
                    }
                }
            }
            Content::Src(src) => append(&mut tar, path, &fs_err::read(src)?, file.mode.unwrap_or(0o644))?,
        }
    }
    tar.into_inner()
}

pub(super) fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    tar.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: Content, mode: Option<u32>) -> ImageFile {
        ImageFile { path: path.to_owned(), content, mode, owner: None }
    }

    #[test]
    fn files_are_packed_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("below")).unwrap();
        fs_err::write(folder.path().join("below/b"), "b").unwrap();
        fs_err::write(folder.path().join("a"), "a").unwrap();
        let files = [
            file("/etc/motd", Content::Text("hello\n".to_owned()), Some(0o600)),
            file("/srv/it", Content::Src(folder.path().to_owned()), None),
        ];
        let first = archive(&files).unwrap();
        assert_eq!(first, archive(&files).unwrap());
        let mut read = tar::Archive::new(first.as_slice());
        let seen: Vec<(String, u32)> = read
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap())
            })
            .collect();
        let seen: Vec<(&str, u32)> = seen.iter().map(|(path, mode)| (path.trim_end_matches('/'), *mode)).collect();
        assert_eq!(
            seen,
            [
                ("etc/motd", 0o600),
                ("srv/it", 0o755),
                ("srv/it/a", 0o644),
                ("srv/it/below", 0o755),
                ("srv/it/below/b", 0o644)
            ]
        );
        fs_err::write(folder.path().join("a"), "other").unwrap();
        assert_ne!(first, archive(&files).unwrap());
    }

    #[test]
    fn checksums_are_those_of_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs_err::write(&path, "abc").unwrap();
        assert_eq!(checksum(&path).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn what_must_differ_between_nodes_is_taken_out_of_a_system() {
        let tree = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = tree.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "x").unwrap();
        };
        for path in
            ["etc/machine-id", "etc/ssh/ssh_host_rsa_key", "etc/ssh/sshd_config", "var/cache/apt/archives/a.deb"]
        {
            write(path);
        }
        unique(tree.path()).unwrap();
        assert_eq!(fs_err::read(tree.path().join("etc/machine-id")).unwrap(), b"");
        assert!(!tree.path().join("etc/ssh/ssh_host_rsa_key").exists());
        assert!(tree.path().join("etc/ssh/sshd_config").exists());
        assert!(!tree.path().join("var/cache/apt/archives/a.deb").exists());
    }
}
