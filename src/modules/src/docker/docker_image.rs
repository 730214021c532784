//! Builds, loads, pulls, tags, pushes, archives and removes Docker images.
//!
//! Options:
//! - `name` (required): a name, with or without tag, or an id; `tag` (default `latest`); `state` (default `present`):
//!   `present`, `absent`.
//! - `source`: where an image comes from that is not there: `build`, `load`, `pull`, `local` (it has to be there);
//!   `force_source` (default `false`): even if it is there.
//! - `build`: `path` (required), `dockerfile`, `args`, `nocache`, `pull`, `rm`, `target`, `network`, `etc_hosts`,
//!   `cache_from`, `labels`, `platform`, `shm_size`, `container_limits`, `http_timeout`, `use_config_proxy`.
//! - `pull`: `platform`. `load_path`: an archive to load from. `archive_path`: an archive to write.
//! - `repository`: another name for it; `force_tag` (default `false`): even if something else has that name; `push`
//!   (default `false`): to the registry of the name.
//! - `force_absent` (default `false`): removed even if it has other names.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `image`: what the daemon says about it; `actions`; `stdout` of a build.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_image:
//!     name: app:1
//!     source: build
//!     build:
//!       path: /srv/app
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value, json};

use super::auth::resolve_repository;
use super::build_context::{Dockerfile, pack};
use super::engine::{Engine, TOGETHER, json_text, quoted, with_connection};
use super::image::{check_tag, follow_build, loaded, push_failure, python_error};
use super::inspect::{is_image_id, split_tag};
use super::options::{bytes, for_go};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

const BUILD: ArgSpec = ArgSpec {
    args: &[
        Arg::list("cache_from"),
        Arg::map("container_limits").options(&ArgSpec {
            args: &[Arg::text("memory"), Arg::text("memswap"), Arg::int("cpushares"), Arg::text("cpusetcpus")],
            ..ArgSpec::EMPTY
        }),
        Arg::text("dockerfile"),
        Arg::int("http_timeout"),
        Arg::text("network"),
        Arg::bool("nocache").default("false"),
        Arg::path("path").required(),
        Arg::bool("pull").default("false"),
        Arg::bool("rm").default("true"),
        Arg::map("args"),
        Arg::bool("use_config_proxy"),
        Arg::text("target"),
        Arg::map("etc_hosts"),
        Arg::text("platform"),
        Arg::text("shm_size"),
        Arg::map("labels"),
    ],
    ..ArgSpec::EMPTY
};

/// `community.docker.docker_image`
pub static MODULE: Module = Module {
    name: "docker_image",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("source").choices(&["build", "load", "pull", "local"]),
            Arg::map("build").options(&BUILD),
            Arg::path("archive_path"),
            Arg::bool("force_source").default("false"),
            Arg::bool("force_absent").default("false"),
            Arg::bool("force_tag").default("false"),
            Arg::path("load_path"),
            Arg::text("name").required(),
            Arg::map("pull").options(&ArgSpec { args: &[Arg::text("platform")], ..ArgSpec::EMPTY }),
            Arg::bool("push").default("false"),
            Arg::text("repository"),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("tag").default("latest"),
        ],
        together: TOGETHER,
        required_if: &[
            ("state", "present", &["source"]),
            ("source", "build", &["build"]),
            ("source", "load", &["load_path"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// What `container_limits` and `shm_size` are in bytes.
#[derive(Default)]
struct Sizes {
    memory: Option<i64>,
    memswap: Option<i64>,
    shm: Option<i64>,
}

struct Image<'a, 'b> {
    cx: &'a mut Context<'b>,
    args: &'a Args,
    engine: Engine,
    name: String,
    tag: String,
    sizes: Sizes,
    changed: bool,
    actions: List,
    facts: Map,
    stdout: Option<String>,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let build = args.map("build").cloned().unwrap_or_default();
    let given = |map: &Map, key: &str| map.get(key).filter(|value| !value.is_null()).cloned();
    if given(&build, "etc_hosts").is_some_and(|hosts| hosts.is_true()) {
        engine.needs("build.etc_hosts", "1.27")?;
    }
    if given(&build, "platform").is_some() {
        engine.needs("build.platform", "1.32")?;
    }
    if args.map("pull").is_some_and(|pull| given(pull, "platform").is_some()) {
        engine.needs("pull.platform", "1.32")?;
    }
    let tag = args.need("tag");
    check_tag(tag)?;
    let mut image = Image {
        name: args.need("name").to_owned(),
        tag: tag.to_owned(),
        sizes: sizes(&build)?,
        changed: false,
        actions: List::new(),
        facts: Map::new(),
        stdout: None,
        cx,
        args,
        engine,
    };
    if !is_image_id(&image.name) {
        let written = image.name.clone();
        if let (name, Some(tag)) = split_tag(&written) {
            (image.name, image.tag) = (name.to_owned(), tag.to_owned());
        }
    }
    let repository = args.text("repository").filter(|repository| !repository.is_empty());
    if let Some(repository) = repository.filter(|repository| is_image_id(repository)) {
        return Err(ModuleError::msg(format!("`repository` must not be an image ID; got: {repository}")));
    }
    if repository.is_none() && args.flag("push") && is_image_id(&image.name) {
        return Err(ModuleError::msg(format!(
            "Cannot push an image by ID; specify `repository` to tag and push the image with ID {} instead",
            image.name
        )));
    }
    if args.need("state") == "present" {
        image.present(repository)?;
    } else {
        image.absent()?;
    }
    let reply = Reply::changed(image.changed).with("actions", image.actions).with("image", image.facts);
    Ok(match image.stdout {
        Some(stdout) => reply.with("stdout", stdout),
        None => reply,
    })
}

fn sizes(build: &Map) -> Result<Sizes, ModuleError> {
    let read = |value: Option<&Value>, name: &str, unlimited: bool| {
        let Some(text) = value.and_then(Value::as_str) else { return Ok(None) };
        if unlimited && (text == "unlimited" || text == "-1") {
            return Ok(Some(-1));
        }
        bytes(text).map(Some).map_err(|why| ModuleError::msg(format!("Failed to convert {name} to bytes: {why}")))
    };
    let limits = build.get("container_limits");
    let limit = |key: &str| limits.and_then(|limits| limits.get(key));
    Ok(Sizes {
        memory: read(limit("memory"), "build.container_limits.memory", false)?,
        memswap: read(limit("memswap"), "build.container_limits.memswap", true)?,
        shm: read(build.get("shm_size"), "build.shm_size", false)?,
    })
}

impl Image<'_, '_> {
    fn full_name(&self) -> String {
        if self.tag.is_empty() { self.name.clone() } else { format!("{}:{}", self.name, self.tag) }
    }

    fn find(&self) -> Result<Option<Map>, ModuleError> {
        if is_image_id(&self.name) {
            return self.engine.image_by_id(&self.name);
        }
        self.engine.image(&self.name, Some(&self.tag).filter(|tag| !tag.is_empty()).map(String::as_str))
    }

    fn did(&mut self, what: String) {
        self.actions.push(what);
        self.changed = true;
    }

    fn present(&mut self, repository: Option<&str>) -> Result<(), ModuleError> {
        let found = self.find()?;
        match found {
            Some(image) if !self.args.flag("force_source") => self.facts = image,
            found => {
                match self.args.need("source") {
                    "build" => self.build()?,
                    "load" => self.load()?,
                    "pull" => self.pull()?,
                    _ if found.is_none() => {
                        let name = if is_image_id(&self.name) { self.name.clone() } else { self.full_name() };
                        return Err(ModuleError::msg(format!("Cannot find the image {name} locally.")));
                    }
                    _ => {}
                }
                if let (false, Some(found)) = (self.cx.check(), &found)
                    && found.get("Id") == self.facts.get("Id")
                {
                    self.changed = false;
                }
            }
        }
        if let Some(path) = self.args.text("archive_path") {
            self.archive(Path::new(path))?;
        }
        match repository {
            Some(repository) => self.tag(repository),
            None if self.args.flag("push") => {
                let (name, tag) = (self.name.clone(), self.tag.clone());
                self.push(&name, &tag)
            }
            None => Ok(()),
        }
    }

    fn absent(&mut self) -> Result<(), ModuleError> {
        let name = if is_image_id(&self.name) { self.name.clone() } else { self.full_name() };
        if self.find()?.is_none() {
            return Ok(());
        }
        if !self.cx.check() {
            let ask = self.engine.delete(&format!("/images/{}", quoted(&name)));
            match ask.flag("force", self.args.flag("force_absent")).done() {
                Err(fault) if !fault.is_not_found() => {
                    return Err(fault.while_doing(format!("Error removing image {name} - ")));
                }
                _ => {}
            }
        }
        self.did(format!("Removed image {name}"));
        self.facts.insert("state", "Deleted");
        Ok(())
    }

    fn pull(&mut self) -> Result<(), ModuleError> {
        if is_image_id(&self.name) {
            return Err(ModuleError::msg(format!(
                "Image name must not be an image ID for source=pull; got: {}",
                self.name
            )));
        }
        self.did(format!("Pulled image {}:{}", self.name, self.tag));
        if !self.cx.check() {
            let platform = self.args.map("pull").and_then(|pull| pull.get("platform")).and_then(Value::as_str);
            let (image, _) = self.engine.pull(self.cx, &self.name, &self.tag, platform)?;
            self.facts = image.unwrap_or_default();
        }
        Ok(())
    }

    fn load(&mut self) -> Result<(), ModuleError> {
        let path = PathBuf::from(self.args.need("load_path"));
        let on_host = self.cx.path(&path);
        if !on_host.is_file() {
            return Err(ModuleError::msg(format!(
                "Error loading image {}. Specified path {} does not exist.",
                self.name,
                path.display()
            )));
        }
        let name = if is_image_id(&self.name) { self.name.clone() } else { self.full_name() };
        self.did(format!("Loaded image {name} from {}", path.display()));
        if self.cx.check() {
            return Ok(());
        }
        let lines = self.engine.load(&on_host).map_err(|error| {
            let (opening, loading) =
                (format!("Error opening image {}", path.display()), format!("Error loading image {}", self.name));
            error.while_doing(&opening, &loading, &path)
        })?;
        let failed = |msg: String| ModuleError::reply(Reply::failure(msg).with("stdout", lines.join("\n")));
        let (mut names, ids) = loaded(&lines);
        let ids: Vec<String> = ids.iter().map(|id| id.to_lowercase()).collect();
        if names.is_empty() && ids.is_empty() {
            return Err(failed("Detected no loaded images. Archive potentially corrupt?".to_owned()));
        }
        names.sort_unstable();
        names.dedup();
        let (expected, there) = if is_image_id(&self.name) {
            let id = self.name.to_lowercase();
            (id.clone(), ids.contains(&id))
        } else {
            let name = format!("{}:{}", self.name, self.tag);
            (name.clone(), names.contains(&name.as_str()))
        };
        let listed = |names: &[&str]| {
            let mut all: Vec<String> =
                names.iter().map(|name| format!("'{name}'")).chain(ids.iter().cloned()).collect();
            all.sort();
            all.join(", ")
        };
        if !there {
            return Err(failed(format!(
                "The archive did not contain image '{expected}'. Instead, found {}.",
                listed(&names)
            )));
        }
        names.retain(|name| *name != expected);
        if !names.is_empty() {
            self.cx.warn(format!("The archive contained more images than specified: {}", listed(&names)));
        }
        self.facts = self.find()?.unwrap_or_default();
        Ok(())
    }

    fn build(&mut self) -> Result<(), ModuleError> {
        if is_image_id(&self.name) {
            return Err(ModuleError::msg(format!(
                "Image name must not be an image ID for source=build; got: {}",
                self.name
            )));
        }
        let build = self.args.map("build").cloned().unwrap_or_default();
        let path = build.get("path").map(Value::to_string).unwrap_or_default();
        let folder = self.cx.path(&path);
        if !folder.is_dir() {
            return Err(ModuleError::msg(format!(
                "Requested build path {path} could not be found or you do not have access."
            )));
        }
        self.did(format!("Built image {} from {path}", self.full_name()));
        if self.cx.check() {
            return Ok(());
        }
        let text = |key: &str| build.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let flag = |key: &str| build.get(key).is_some_and(Value::is_true);
        let map = |key: &str| build.get(key).and_then(Value::as_map);
        let unreadable = |error: std::io::Error| ModuleError::msg(python_error(&error, &folder));
        let dockerfile = Dockerfile::find(text("dockerfile"), &folder).map_err(unreadable)?;
        let context = pack(&folder, &dockerfile).map_err(unreadable)?;
        let length = context.metadata().map_err(unreadable)?.len();
        let mut arguments: Map = map("args")
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.to_str().into_owned(), value.to_str().into_owned()))
            .collect();
        if flag("use_config_proxy") {
            for (name, value) in self.proxies() {
                if !arguments.contains(&name) {
                    arguments.insert(name, value);
                }
            }
        }
        let text_of = |value: &Map| json_text(&Value::Map(value.clone()));
        let nonempty = |value: &Map| (!value.is_empty()).then(|| text_of(value));
        let cache = build.get("cache_from").filter(|cache| cache.is_true()).map(json_text);
        let hosts = map("etc_hosts").map(|hosts| {
            let mut lines: Vec<String> =
                for_go(Some(hosts)).texts().map(|(name, address)| format!("{name}:{}", address.to_str())).collect();
            lines.sort();
            lines
        });
        let limits = map("container_limits");
        let limit =
            |key: &str| limits.and_then(|all| all.get(key)).filter(|value| !value.is_null()).map(Value::to_string);
        let seconds = build.get("http_timeout").and_then(Value::as_int).and_then(|n| u64::try_from(n).ok());
        let mut ask = self
            .engine
            .post("/build")
            .param("t", self.full_name())
            .flag("q", false)
            .flag("nocache", flag("nocache"))
            .flag("rm", flag("rm"))
            .flag("forcerm", flag("rm"))
            .flag("pull", flag("pull"))
            .maybe("dockerfile", dockerfile.name.as_deref())
            .maybe("memory", self.sizes.memory)
            .maybe("memswap", self.sizes.memswap)
            .maybe("cpushares", limit("cpushares"))
            .maybe("cpusetcpus", limit("cpusetcpus"))
            .maybe("buildargs", nonempty(&arguments))
            .maybe("cachefrom", cache)
            .maybe("target", text("target"))
            .maybe("networkmode", text("network"))
            .maybe("platform", text("platform"))
            .maybe("shmsize", self.sizes.shm)
            .maybe("labels", nonempty(&for_go(map("labels"))))
            .header("X-Registry-Config", self.engine.credentials().all(self.cx.sys())?)
            .timeout(seconds.map(Duration::from_secs));
        for host in hosts.into_iter().flatten() {
            ask = ask.param("extrahosts", host);
        }
        let events = ask.content(context, Some(length), Some("application/tar")).events()?;
        let lines = follow_build(events, &self.name)?;
        self.stdout = Some(lines.join("\n"));
        self.facts = self.find()?.unwrap_or_default();
        Ok(())
    }

    /// The proxies of Docker's configuration file, as variables.
    fn proxies(&self) -> Vec<(String, Value)> {
        let configuration = self.engine.credentials().configuration(None);
        let proxies = configuration.get("proxies").cloned().unwrap_or_default();
        let own = proxies.get(self.args.text("docker_host").unwrap_or("unix:///var/run/docker.sock")).cloned();
        let proxies = own.or_else(|| proxies.get("default").cloned()).unwrap_or_default();
        let names = [
            ("httpProxy", "http_proxy"),
            ("httpsProxy", "https_proxy"),
            ("ftpProxy", "ftp_proxy"),
            ("noProxy", "no_proxy"),
        ];
        names
            .into_iter()
            .filter_map(|(key, name)| Some((name, proxies.get(key).filter(|value| value.is_true())?.clone())))
            .flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.to_uppercase(), value)])
            .collect()
    }

    /// Writes the image to an archive that does not hold it yet.
    fn archive(&mut self, path: &Path) -> Result<(), ModuleError> {
        let tag = if self.tag.is_empty() { "latest" } else { &self.tag };
        let name = if is_image_id(&self.name) { self.name.clone() } else { format!("{}:{tag}", self.name) };
        let Some(image) = self.engine.image_written(&name)? else { return Ok(()) };
        let id = image.get("Id").map(Value::to_string).unwrap_or_default();
        let on_host = self.cx.path(path);
        let reason = match archived(&on_host) {
            Archived::Nothing => Some("since none present".to_owned()),
            Archived::Unreadable => Some("overwriting an unreadable archive file".to_owned()),
            Archived::Image { id: other, names } if format!("sha256:{other}") == id && names == [name.as_str()] => None,
            Archived::Image { id, names } => {
                Some(format!("overwriting archive with image {id} named {}", names.join(", ")))
            }
        };
        self.changed = reason.is_some();
        if let Some(reason) = reason {
            self.actions.push(format!("Archived image {name} to {}, {reason}", path.display()));
            if !self.cx.check() {
                self.engine.save(&name, &on_host)?;
            }
        }
        self.facts = image;
        Ok(())
    }

    fn tag(&mut self, repository: &str) -> Result<(), ModuleError> {
        let (repo, repo_tag) = split_tag(repository);
        let repo_tag = repo_tag.unwrap_or(if self.tag.is_empty() { "latest" } else { &self.tag }).to_owned();
        let before = self.engine.image(repo, Some(&repo_tag))?;
        if before.is_none() || self.args.flag("force_tag") {
            let mut name = self.name.clone();
            if !is_image_id(&name) && !self.tag.is_empty() && !name.ends_with(&format!(":{}", self.tag)) {
                name = self.full_name();
            }
            self.did(format!("Tagged image {name} to {repo}:{repo_tag}"));
            if !self.cx.check() {
                self.engine
                    .tag(&name, repo, &repo_tag)
                    .map_err(|fault| fault.while_doing("Error: failed to tag image - "))?;
                self.facts = self.engine.image(repo, Some(&repo_tag))?.unwrap_or_default();
                if before.is_some_and(|before| before.get("Id") == self.facts.get("Id")) {
                    self.changed = false;
                }
            }
        }
        if self.args.flag("push") { self.push(repo, &repo_tag) } else { Ok(()) }
    }

    fn push(&mut self, repository: &str, tag: &str) -> Result<(), ModuleError> {
        if is_image_id(repository) {
            return Err(ModuleError::msg(format!("Cannot push an image ID: {repository}")));
        }
        let (repository, tag) = if tag.is_empty() {
            let (name, tag) = split_tag(repository);
            (name, tag.unwrap_or_default())
        } else {
            (repository, tag)
        };
        let (registry, name) = resolve_repository(repository)?;
        self.did(format!("Pushed image {} to {registry}/{name}:{tag}", self.name));
        if self.cx.check() {
            return Ok(());
        }
        let pushed = self
            .engine
            .push(self.cx, repository, tag)
            .map_err(|fault| push_failure(&fault, repository, tag, &format!("Error pushing image {repository}")))?;
        self.changed = pushed.changed;
        self.facts = self.engine.image(repository, Some(tag))?.unwrap_or_default();
        self.facts.insert("push_status", pushed.status);
        Ok(())
    }
}

/// What an archive holds.
enum Archived {
    Nothing,
    Unreadable,
    Image { id: String, names: Vec<String> },
}

/// Reads `manifest.json` of an archive with one image.
fn archived(path: &Path) -> Archived {
    if !path.is_file() {
        return Archived::Nothing;
    }
    let read = || -> Option<Archived> {
        let mut archive = tar::Archive::new(std::fs::File::open(path).ok()?);
        let mut entries = archive.entries().ok()?.filter_map(Result::ok);
        let manifest = entries.find(|entry| entry.path().is_ok_and(|path| path == Path::new("manifest.json")))?;
        let manifest = json::loads(&std::io::read_to_string(manifest).ok()?).ok()?;
        let [image] = &**manifest.as_list()? else { return None };
        let config = image.get("Config")?.as_str()?;
        let id = config.strip_suffix(".json").unwrap_or(config);
        let id = id.strip_prefix("blobs/sha256/").unwrap_or(id).to_owned();
        let names = image.get("RepoTags")?.as_list()?.iter().map(Value::to_string).collect();
        Some(Archived::Image { id, names })
    };
    read().unwrap_or(Archived::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_tell_what_they_hold() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(archived(file.path()), Archived::Unreadable));
        assert!(matches!(archived(Path::new("/none")), Archived::Nothing));
        let manifest = br#"[{"Config": "abc.json", "RepoTags": ["a:1"]}]"#;
        let mut archive = tar::Builder::new(fs_err::File::create(file.path()).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(manifest.len() as u64);
        archive.append_data(&mut header, "manifest.json", manifest.as_slice()).unwrap();
        archive.finish().unwrap();
        assert!(matches!(archived(file.path()), Archived::Image { id, names } if id == "abc" && names == ["a:1"]));
    }

    #[test]
    fn limits_of_builds() {
        let build =
            json::loads(r#"{"container_limits": {"memory": "1m", "memswap": "unlimited"}, "shm_size": "x"}"#).unwrap();
        let error = sizes(build.as_map().unwrap()).err().unwrap().to_string();
        assert!(error.starts_with("Failed to convert build.shm_size to bytes"), "{error}");
    }
}
