//! Logs in to a Docker registry, and out again.
//!
//! Options:
//! - `registry_url` (alias `registry`, `url`; default `https://index.docker.io/v1/`), `username`, `password`.
//! - `state` (default `present`): `present`, `absent`; `reauthorize` (alias `reauth`, default `false`): even if the login is
//!   known already.
//! - `config_path` (alias `dockercfg_path`, default `~/.docker/config.json`): where logins are kept, unless it names a
//!   credential helper, which then keeps them.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `login_result`: what the daemon says, without the password.
//!
//! Check mode: full (the registry is asked all the same). Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_login:
//!     registry_url: registry.example.com
//!     username: ci
//!     password: "{{ registry_password }}"
//! ```

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rplay_protocol::Reply;
use rplay_value::{JsonStyle, Map, Value, json};

use super::auth::{INDEX_URL, decoded, helper, store_for};
use super::engine::{Engine, Fault, TOGETHER, json_text, with_connection};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support};

/// `community.docker.docker_login`
pub static MODULE: Module = Module {
    name: "docker_login",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("registry_url").default(INDEX_URL).alias(&["registry", "url"]),
            Arg::text("username"),
            Arg::text("password").no_log(),
            Arg::bool("reauthorize").default("false").alias(&["reauth"]),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::path("config_path").default("~/.docker/config.json").alias(&["dockercfg_path"]),
        ],
        together: TOGETHER,
        required_if: &[("state", "present", &["username", "password"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    let registry = args.need("registry_url");
    let path = cx.path(args.need("config_path"));
    let store = Store::of(&engine, registry, &path);
    if args.need("state") == "absent" {
        let there = store.get(cx, registry)?.is_some();
        if there && !cx.check() {
            store.erase(cx, registry)?;
        }
        return Ok(Reply::changed(there).with("login_result", Map::new()));
    }
    let (user, password) = (args.need("username"), args.need("password"));
    let reauthorize = args.flag("reauthorize");
    let failed = |fault: Fault| fault.while_doing(format!("Logging into {registry} for user {user} failed - "));
    let login = |again: bool| -> Result<Map, Fault> {
        let known = engine.credentials().login(cx.sys(), registry, Some(path.as_path()))?;
        let same = |login: &Map| login.get("username").and_then(Value::as_str) == Some(user);
        if let Some(known) = known.filter(|login| same(login) && !again) {
            return Ok(known);
        }
        let body = Map::from_iter([("username", user), ("password", password), ("serveraddress", registry)]);
        Ok(engine.post("/auth").body(&body).value()?.as_map().cloned().unwrap_or_default())
    };
    let mut result = login(reauthorize).map_err(failed)?;
    // A login that is known may have another password.
    let other = result.get("password").is_some_and(|known| known.as_str() != Some(password));
    if other && !reauthorize {
        result = login(true).map_err(failed)?;
    }
    result.remove("password");
    let known = store.get(cx, registry)?;
    let same = known.as_ref().is_some_and(|(u, p)| u == user && p == password);
    let changed = !same || reauthorize;
    if changed && !cx.check() {
        store.put(cx, registry, user, password)?;
    }
    Ok(Reply::changed(changed).with("login_result", result))
}

/// Where a login is kept.
enum Store {
    /// A credential helper.
    Helper(String),
    /// The configuration file.
    File(PathBuf),
}

impl Store {
    fn of(engine: &Engine, registry: &str, path: &Path) -> Self {
        match store_for(&engine.credentials().configuration(Some(path)), registry) {
            Some(name) => Self::Helper(name),
            None => Self::File(path.to_owned()),
        }
    }

    /// User and password.
    fn get(&self, cx: &Context<'_>, registry: &str) -> Result<Option<(String, String)>, ModuleError> {
        let path = match self {
            Self::File(path) => path,
            Self::Helper(name) => {
                let found = helper(cx.sys(), name, "get", Some(registry))?;
                let text = |found: &Map, key: &str| found.get(key).map(Value::to_string).unwrap_or_default();
                let pair = found.map(|found| (text(&found, "Username"), text(&found, "Secret")));
                return Ok(pair.filter(|(user, secret)| !user.is_empty() || !secret.is_empty()));
            }
        };
        let auths = configuration(path).get("auths").cloned().unwrap_or_default();
        Ok(auths.get(registry).and_then(|entry| entry.get("auth")).and_then(Value::as_str).and_then(decoded))
    }

    fn put(&self, cx: &Context<'_>, registry: &str, user: &str, password: &str) -> Result<(), ModuleError> {
        match self {
            Self::Helper(name) => {
                let login = [("ServerURL", registry), ("Username", user), ("Secret", password)];
                helper(cx.sys(), name, "store", Some(&json_text(&Map::from_iter(login).into())))?;
                Ok(())
            }
            Self::File(path) => change(cx, path, |auths| {
                let auth = STANDARD.encode(format!("{user}:{password}"));
                auths.insert(registry, Map::from_iter([("auth", auth)]));
            }),
        }
    }

    fn erase(&self, cx: &Context<'_>, registry: &str) -> Result<(), ModuleError> {
        match self {
            Self::Helper(name) => {
                helper(cx.sys(), name, "erase", Some(registry))?;
                Ok(())
            }
            Self::File(path) => change(cx, path, |auths| drop(auths.remove(registry))),
        }
    }
}

/// The file's content; empty when there is none that can be read.
fn configuration(path: &Path) -> Map {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    json::loads(&text).ok().and_then(|value| value.as_map().cloned()).unwrap_or_default()
}

/// Rewrites the logins of the file, which only its owner may read.
fn change(cx: &Context<'_>, path: &Path, change: impl FnOnce(&mut Map)) -> Result<(), ModuleError> {
    let mut configuration = configuration(path);
    let mut auths = configuration.get("auths").and_then(Value::as_map).cloned().unwrap_or_default();
    change(&mut auths);
    configuration.insert("auths", auths);
    let style = JsonStyle { indent: Some("    ".to_owned()), sort_keys: true, ..JsonStyle::default() };
    let text = json::dumps(&configuration.into(), &style).map_err(|error| ModuleError::msg(error.to_string()))?;
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    if !path.exists() {
        // Its mode before anything secret is in it.
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    }
    Replace::new(path).write(cx.sys(), text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::testing::{Fake, args, http_server};

    const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

    #[test]
    fn a_login_is_kept_where_only_its_owner_reads_it() {
        let server = http_server(vec![
            (JSON, "{\"ApiVersion\": \"1.41\"}"),
            (JSON, "{\"Status\": \"Login Succeeded\"}"),
            (JSON, "{\"ApiVersion\": \"1.41\"}"),
            (JSON, "{\"ApiVersion\": \"1.41\"}"),
        ]);
        let host = server.url("").replace("http", "tcp");
        let given = |state: &'static str| {
            args([
                ("docker_host", host.as_str()),
                ("registry_url", "h:5"),
                ("username", "me"),
                ("password", "hunter2"),
                ("state", state),
                ("config_path", "/d/config.json"),
            ])
        };
        let fake = Fake::new().unwrap();
        let reply = fake.call("docker_login", given("present"));
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert!(!format!("{reply:?}").contains("hunter2"));
        let path = cx_path(&fake);
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let kept = fake.read("/d/config.json").unwrap();
        assert!(kept.contains(&STANDARD.encode("me:hunter2")), "{kept}");
        assert!(!fake.call("docker_login", given("present")).changed);
        assert!(fake.call("docker_login", given("absent")).changed);
        assert!(!fake.read("/d/config.json").unwrap().contains("h:5"));
    }

    fn cx_path(fake: &Fake) -> PathBuf {
        use crate::Sys as _;
        fake.path(Path::new("/d/config.json"))
    }
}
