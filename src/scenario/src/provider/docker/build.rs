//! Images, built once for their content: `rplay/NAME:DIGEST` is what the recipe of that digest gives, for every scenario.
//!
//! A recipe has two layers: where the system comes from (debootstrap, a tar, an image Docker has), and the packages,
//! files and commands on top. Each has a digest of its own, so that another command does not install a system anew.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use super::client::{Body, quoted};
use super::{Docker, foreign, is_gone, refused, text, texts};
use crate::image::{Debootstrap, Image, Origin};
use crate::provider::fetch::fetched;
use crate::provider::recipe::{Turn, archive, bootstrap, checksum, remove_tree, unique};
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
            Origin::Url(url) => {
                let file = fetched(url, image.sha256.as_deref(), &what).await?;
                (self.imported(image, &file, &what).await?, &image.packages)
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
        let tree = turn.folder.join("tree");
        if tree.exists() {
            // Of a build that was killed.
            remove_tree(&tree).await?;
        }
        bootstrap(&tree, image, system, &packages, what).await?;
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
