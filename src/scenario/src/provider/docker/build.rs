//! Images, built once for their content: `rplay/NAME:DIGEST` is what the recipe of that digest gives, for every scenario.
//!
//! A recipe has two layers: where the system comes from (debootstrap, a tar, an image Docker has), and the packages,
//! files and commands on top. Each has a digest of its own, so that another command does not install a system anew.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::client::{Body, quoted};
use super::{Docker, foreign, is_gone, refused, text, texts};
use crate::image::{Content, Debootstrap, Image, ImageFile, Origin};
use crate::provider::{Owner, ProviderError, digest};

/// Part of every digest: another way to build gives other images.
const RECIPE: &str = "1";

impl Docker {
    /// The name of an image with everything that its recipe says; built when it is not there.
    pub(super) async fn build(
        &self,
        owner: &Owner,
        image: &Image,
        base: Option<&str>,
    ) -> Result<String, ProviderError> {
        let what = format!("build image `{}`", image.name);
        if image.kernel.is_some() || image.initrd.is_some() {
            let why = "a container boots no kernel of its own".to_owned();
            return Err(ProviderError::Refused { what, why });
        }
        let (bottom, packages): (String, &[String]) = match &image.origin {
            Origin::Docker(name) => (self.pulled(name).await?, &image.packages),
            Origin::Image(_) => (base.unwrap_or_default().to_owned(), &image.packages),
            Origin::Path(path) => (self.imported(image, path, &what).await?, &image.packages),
            // debootstrap installs packages itself, in one go.
            Origin::Debootstrap(system) => (self.bootstrapped(image, system, &what).await?, &[]),
            Origin::Blank => {
                let why = "a container cannot begin as an empty disk".to_owned();
                return Err(ProviderError::Refused { what, why });
            }
            Origin::Url(_) => {
                let why = "images by `url` are not there for containers yet; fetch it and give its `path`".to_owned();
                return Err(ProviderError::Refused { what, why });
            }
        };
        if packages.is_empty() && image.files.is_empty() && image.commands.is_empty() {
            return Ok(bottom);
        }
        self.patched(owner, image, &bottom, packages, &what).await
    }

    async fn has(&self, image: &str) -> Result<bool, ProviderError> {
        match self.client.get(&format!("/images/{image}/json")).await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(refused(&format!("look for image `{image}`"), error)),
        }
    }

    /// An image that Docker has, or can get.
    async fn pulled(&self, name: &str) -> Result<String, ProviderError> {
        if self.has(name).await? {
            return Ok(name.to_owned());
        }
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (name, "latest"),
        };
        let path = format!("/images/create?fromImage={}&tag={}", quoted(repository), quoted(tag));
        self.client.told(&path, Body::None).await.map_err(|error| refused(&format!("get image `{name}`"), error))?;
        Ok(name.to_owned())
    }

    /// A tar of a system.
    async fn imported(&self, image: &Image, path: &Path, what: &str) -> Result<String, ProviderError> {
        let file = path.to_owned();
        let sum = tokio::task::spawn_blocking(move || checksum(&file)).await;
        let sum = sum.map_err(|error| std::io::Error::other(error.to_string()))??;
        if let Some(wanted) = &image.sha256
            && !wanted.eq_ignore_ascii_case(&sum)
        {
            let why = format!("{} has checksum {sum}, not {wanted}", path.display());
            return Err(ProviderError::Refused { what: what.to_owned(), why });
        }
        let name = named(image, &digest(&[RECIPE, "tar", &sum]));
        if !self.has(&name).await? {
            let _turn = Turn::take(&name).await?;
            if !self.has(&name).await? {
                self.import(&name, path, what).await?;
            }
        }
        Ok(name)
    }

    /// A Debian system, installed by this machine's debootstrap.
    async fn bootstrapped(&self, image: &Image, system: &Debootstrap, what: &str) -> Result<String, ProviderError> {
        let mut packages = image.packages.clone();
        packages.sort();
        let mirror = system.mirror.clone().unwrap_or_default();
        let parts = [RECIPE, "debootstrap", &system.suite, &mirror, &system.variant];
        let parts: Vec<&str> = parts
            .into_iter()
            .chain(system.components.iter().map(String::as_str))
            .chain(packages.iter().map(String::as_str))
            .collect();
        let name = named(image, &digest(&parts));
        if self.has(&name).await? {
            return Ok(name);
        }
        let turn = Turn::take(&name).await?;
        if self.has(&name).await? {
            return Ok(name);
        }
        if !nix::unistd::geteuid().is_root() {
            return Err(ProviderError::Missing {
                what: format!("image `{}` is built by debootstrap, which needs root", image.name),
                fix: "build it once as root (`sudo rplay scenario create`), or import a tar with `path`".to_owned(),
            });
        }
        let tree = turn.folder.join("tree");
        if tree.exists() {
            // Of a build that was killed.
            remove_tree(&tree).await?;
        }
        fs_err::create_dir_all(&tree)?;
        let mut command = Command::new("debootstrap");
        if system.variant != "-" {
            command.arg(format!("--variant={}", system.variant));
        }
        command.arg(format!("--components={}", system.components.join(",")));
        if !packages.is_empty() {
            command.arg(format!("--include={}", packages.join(",")));
        }
        command.arg(&system.suite).arg(&tree);
        command.args(system.mirror.clone().or(mirror_of(&system.suite).await));
        let output = command.env("DEBIAN_FRONTEND", "noninteractive").kill_on_drop(true).output().await;
        match output {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let said = [output.stdout, output.stderr].concat();
                let said = String::from_utf8_lossy(&said);
                let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("I: ")).collect();
                let why = format!("debootstrap: {}", lines[lines.len().saturating_sub(5)..].join(" / "));
                remove_tree(&tree).await?;
                return Err(ProviderError::Refused { what: what.to_owned(), why });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ProviderError::Missing {
                    what: format!("image `{}` is built by debootstrap, which is not there", image.name),
                    fix: "install it (on Debian `apt install debootstrap`)".to_owned(),
                });
            }
            Err(error) => return Err(error.into()),
        }
        unique(&tree)?;
        let tar = turn.folder.join("tree.tar");
        let packed = Command::new("tar").arg("-C").arg(&tree).arg("-cf").arg(&tar).arg(".").kill_on_drop(true).status();
        if !packed.await?.success() {
            let why = "tar could not pack what debootstrap made".to_owned();
            return Err(ProviderError::Refused { what: what.to_owned(), why });
        }
        let imported = self.import(&name, &tar, what).await;
        remove_tree(&turn.folder).await?;
        imported.map(|()| name)
    }

    async fn import(&self, name: &str, tar: &Path, what: &str) -> Result<(), ProviderError> {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let path = format!("/images/create?fromSrc=-&repo={}&tag={}", quoted(repository), quoted(tag));
        self.client.told(&path, Body::File(tar.to_owned())).await.map_err(|error| refused(what, error))
    }

    /// Packages, files and commands on top of an image.
    async fn patched(
        &self,
        owner: &Owner,
        image: &Image,
        bottom: &str,
        packages: &[String],
        what: &str,
    ) -> Result<String, ProviderError> {
        let found = self.client.get(&format!("/images/{bottom}/json")).await.map_err(|error| refused(what, error))?;
        let files = archive(&image.files)?;
        let id = text(&found["Id"]);
        let mut parts: Vec<&[u8]> = vec![RECIPE.as_bytes(), b"patch", id.as_bytes(), &files];
        parts.extend(packages.iter().map(String::as_bytes));
        parts.push(b"commands");
        parts.extend(image.commands.iter().map(String::as_bytes));
        let name = named(image, &digest(&parts));
        if self.has(&name).await? {
            return Ok(name);
        }
        let _turn = Turn::take(&name).await?;
        if self.has(&name).await? {
            return Ok(name);
        }
        let builder = format!("rplay-build-{}", name.replace(['/', ':'], "-"));
        self.free(owner, &builder).await?;
        let body = json!({
            "Image": bottom,
            "Entrypoint": [],
            "Cmd": ["sh", "-c", "while :; do sleep 3600; done"],
            "Env": ["DEBIAN_FRONTEND=noninteractive"],
            "Labels": owner.labels(&builder, ""),
        });
        self.create(&builder, body).await.map_err(|error| refused(what, error))?;
        let built = self.patch(image, &builder, packages, files, &found["Config"], &name, what).await;
        let removed = self.remove_container(&builder).await;
        built?;
        removed?;
        Ok(name)
    }

    /// A builder that a killed build left.
    async fn free(&self, owner: &Owner, builder: &str) -> Result<(), ProviderError> {
        match self.container(builder).await {
            Ok(found) => {
                let labels = texts(&found["Config"]["Labels"]);
                if labels.get(crate::provider::OWNER) != Some(&owner.user) {
                    return Err(foreign("container", builder));
                }
                self.remove_container(builder).await
            }
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(refused(&format!("look at `{builder}`"), error)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a patch is made of, gathered by its only caller")]
    async fn patch(
        &self,
        image: &Image,
        builder: &str,
        packages: &[String],
        files: Vec<u8>,
        config: &Value,
        name: &str,
        what: &str,
    ) -> Result<(), ProviderError> {
        self.control(builder, "start").await.map_err(|error| refused(what, error))?;
        let run = async |command: &str| {
            let said = self.exec_with(builder, &["sh", "-c", command], Vec::new()).await?;
            if said.code == 0 {
                return Ok(());
            }
            let lines: Vec<&str> = said.output.lines().collect();
            let last = lines[lines.len().saturating_sub(5)..].join(" / ");
            let why = format!("`{command}` ended with {}: {last}", said.code);
            Err(ProviderError::Refused { what: what.to_owned(), why })
        };
        if !packages.is_empty() {
            let list = packages.join(" ");
            run(&format!(
                "if command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq --no-install-recommends {list} && apt-get clean; \
                 elif command -v dnf >/dev/null; then dnf install -y -q {list} && dnf clean all; \
                 elif command -v apk >/dev/null; then apk add --no-cache {list}; else echo 'no package tool is known here'; exit 1; fi"
            ))
            .await?;
        }
        if !image.files.is_empty() {
            let path = format!("/containers/{builder}/archive?path=%2F");
            self.client.ask("PUT", &path, Body::Tar(files)).await.map_err(|error| refused(what, error))?;
        }
        for file in &image.files {
            if let Some(owner) = &file.owner {
                run(&format!("chown -R {owner} '{}'", file.path.replace('\'', "'\\''"))).await?;
            }
        }
        for command in &image.commands {
            run(command).await?;
        }
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let (repository, tag) = (quoted(repository), quoted(tag));
        let path = format!("/commit?container={builder}&repo={repository}&tag={tag}&pause=true");
        // What the image ran before; not the builder's waiting, and not its labels.
        let config = json!({
            "Cmd": config["Cmd"],
            "Entrypoint": config["Entrypoint"],
            "Env": config["Env"],
            "WorkingDir": config["WorkingDir"],
            "User": config["User"],
            "Labels": config["Labels"],
        });
        self.client.post(&path, Body::Json(config)).await.map_err(|error| refused(what, error))?;
        Ok(())
    }
}

fn named(image: &Image, digest: &str) -> String {
    format!("rplay/{}:{digest}", image.name.to_ascii_lowercase())
}

/// One build of an image at a time on this machine; a killed one gives its turn up.
struct Turn {
    folder: PathBuf,
    _lock: nix::fcntl::Flock<File>,
}

impl Turn {
    async fn take(image: &str) -> Result<Self, ProviderError> {
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

async fn remove_tree(tree: &Path) -> Result<(), ProviderError> {
    let tree = tree.to_owned();
    let removed = tokio::task::spawn_blocking(move || fs_err::remove_dir_all(tree)).await;
    Ok(removed.map_err(|error| std::io::Error::other(error.to_string()))??)
}

fn checksum(path: &Path) -> std::io::Result<String> {
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
async fn mirror_of(suite: &str) -> Option<String> {
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]);
    let output = command.kill_on_drop(true).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().filter_map(|line| line.split_once(' ')).find(|(release, _)| *release == suite);
    found.map(|(_, mirror)| mirror.to_owned())
}

/// What must not be the same on every node.
fn unique(tree: &Path) -> std::io::Result<()> {
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
fn archive(files: &[ImageFile]) -> std::io::Result<Vec<u8>> {
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

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8], mode: u32) -> std::io::Result<()> {
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
