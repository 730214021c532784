//! Logins for registries, from Docker's own configuration file and credential helpers.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use rplay_value::{Map, Value, json};

use super::engine::{Fault, json_text};
use crate::{Context, Program, Sys};

/// The registry a name without one means.
pub(super) const INDEX: &str = "docker.io";
/// The URL of that registry.
pub(super) const INDEX_URL: &str = "https://index.docker.io/v1/";

/// The registry of a repository, and the repository's name there.
pub(super) fn resolve_repository(name: &str) -> Result<(String, String), Fault> {
    if name.contains("://") {
        return Err(Fault::Docker(format!("Repository name cannot contain a scheme ({name})")));
    }
    let (index, rest) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => (INDEX, name),
    };
    if index.starts_with('-') || index.ends_with('-') {
        return Err(Fault::Docker(format!("Invalid index name ({index}). Cannot begin or end with a hyphen.")));
    }
    Ok((index_name(index), rest.to_owned()))
}

/// The host of a registry's URL; Docker's own registry has one name.
fn index_name(name: &str) -> String {
    let host = host_of(name);
    if host == format!("index.{INDEX}") { INDEX.to_owned() } else { host }
}

fn host_of(url: &str) -> String {
    let plain = url.replace("http://", "").replace("https://", "");
    plain.split('/').next().unwrap_or_default().to_owned()
}

/// Where logins are kept.
pub(super) struct Credentials {
    home: PathBuf,
    folder: Option<PathBuf>,
}

impl Credentials {
    pub(super) fn new(cx: &Context<'_>) -> Self {
        let home = cx.sys().var("HOME").unwrap_or_else(|| "/root".to_owned());
        let folder = cx.sys().var("DOCKER_CONFIG").filter(|folder| !folder.is_empty());
        Self { home: cx.path(home), folder: folder.map(|folder| cx.path(folder)) }
    }

    /// The first configuration file that exists.
    fn file(&self, explicit: Option<&Path>) -> Option<PathBuf> {
        let places = [
            explicit.map(Path::to_owned),
            self.folder.as_ref().map(|folder| folder.join("config.json")),
            Some(self.home.join(".docker/config.json")),
            Some(self.home.join(".dockercfg")),
        ];
        places.into_iter().flatten().find(|path| path.exists())
    }

    /// The whole configuration; empty when there is none that can be read.
    pub(super) fn configuration(&self, explicit: Option<&Path>) -> Map {
        let text = self.file(explicit).and_then(|path| fs_err::read_to_string(path).ok()).unwrap_or_default();
        match json::loads(&text) {
            Ok(Value::Map(map)) => map,
            _ => Map::new(),
        }
    }

    /// The login for a registry as the daemon takes it: `X-Registry-Auth`.
    pub(super) fn header(&self, sys: &dyn Sys, registry: &str) -> Result<Option<String>, Fault> {
        let login = self.login(sys, registry, None)?;
        Ok(login.filter(|login| !login.is_empty()).map(|login| encoded(&login)))
    }

    /// Every login there is, for builds: `X-Registry-Config`.
    pub(super) fn all(&self, sys: &dyn Sys) -> Result<Option<String>, Fault> {
        let configuration = self.configuration(None);
        let mut logins = logins(&configuration)?;
        if let Some(store) = configuration.get("credsStore").and_then(Value::as_str) {
            let listed = helper(sys, store, "list", None)?.unwrap_or_default();
            for (server, _) in listed.texts() {
                if let Some(login) = stored(sys, store, server.as_str())? {
                    logins.insert(host_of(server.as_str()), login.clone());
                    logins.insert(server.as_str(), login);
                }
            }
        }
        for (server, store) in configuration.get("credHelpers").and_then(Value::as_map).into_iter().flat_map(Map::texts)
        {
            if let Some(login) = store.as_str().map(|store| stored(sys, store, server.as_str())).transpose()?.flatten()
            {
                logins.insert(host_of(server.as_str()), login.clone());
                logins.insert(server.as_str(), login);
            }
        }
        if let (None, Some(index)) = (logins.get(INDEX_URL), logins.get(INDEX).cloned()) {
            logins.insert(INDEX_URL, index);
        }
        Ok((!logins.is_empty()).then(|| encoded(&logins)))
    }

    /// The login for a registry.
    pub(super) fn login(&self, sys: &dyn Sys, registry: &str, file: Option<&Path>) -> Result<Option<Map>, Fault> {
        let configuration = self.configuration(file);
        if let Some(store) = store_for(&configuration, registry)
            && let Some(login) = stored(sys, &store, registry)?
        {
            return Ok(Some(login));
        }
        let wanted = index_name(registry);
        let logins = logins(&configuration)?;
        if let Some(login) = logins.get(&wanted).and_then(Value::as_map) {
            return Ok(Some(login.clone()));
        }
        let same = logins.texts().find(|(server, _)| index_name(server.as_str()) == wanted);
        Ok(same.and_then(|(_, login)| login.as_map().cloned()))
    }
}

/// The credential helper that keeps the login of this registry.
pub(super) fn store_for(configuration: &Map, registry: &str) -> Option<String> {
    let registry = if registry.is_empty() || registry == INDEX { INDEX_URL } else { registry };
    let own = configuration.get("credHelpers").and_then(|helpers| helpers.get(registry));
    own.or_else(|| configuration.get("credsStore")).and_then(Value::as_str).map(str::to_owned)
}

/// The login a helper keeps.
fn stored(sys: &dyn Sys, store: &str, registry: &str) -> Result<Option<Map>, Fault> {
    let registry = if registry == INDEX { INDEX_URL } else { registry };
    let Some(found) = helper(sys, store, "get", Some(registry))? else { return Ok(None) };
    let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (user, secret) = (text("Username"), text("Secret"));
    if user.is_empty() && secret.is_empty() {
        return Ok(None);
    }
    let mut login = Map::from_iter([("ServerAddress", Value::from(registry))]);
    if user == "<token>" {
        login.insert("IdentityToken", secret);
    } else {
        login.insert("Username", user);
        login.insert("Password", secret);
    }
    Ok(Some(login))
}

/// Asks a credential helper; secrets go through its standard input.
pub(super) fn helper(sys: &dyn Sys, store: &str, verb: &str, input: Option<&str>) -> Result<Option<Map>, Fault> {
    let program = format!("docker-credential-{store}");
    let failed = |why: String| Fault::Docker(format!("Credentials store error: StoreError('{why}')"));
    let Some(path) = sys.which(&program) else {
        return Err(Fault::Docker(format!(
            "Credentials store error: InitializationError('{program} not installed or not available in PATH')"
        )));
    };
    let run = Program::new([path.to_string_lossy().as_ref(), verb]).stdin(input.unwrap_or_default());
    let output = sys.run(&run).map_err(|error| failed(error.to_string()))?;
    if !output.success() {
        let said = output.out();
        if said.contains("credentials not found in native keychain") {
            return Ok(None);
        }
        return Err(failed(format!("Credentials store {program} exited with \"{}\".", said.trim())));
    }
    Ok(json::loads(&output.out()).ok().and_then(|value| value.as_map().cloned()))
}

/// The logins of a configuration file, decoded.
fn logins(configuration: &Map) -> Result<Map, Fault> {
    let mut logins = Map::new();
    for (server, entry) in configuration.get("auths").and_then(Value::as_map).into_iter().flat_map(Map::texts) {
        let Some(entry) = entry.as_map() else {
            return Err(Fault::Docker(format!("Invalid configuration for registry {server}")));
        };
        let login = if let Some(token) = entry.get("identitytoken") {
            Map::from_iter([("IdentityToken", token.clone())])
        } else if let Some((user, password)) = entry.get("auth").and_then(Value::as_str).and_then(decoded) {
            Map::from_iter([
                ("username", Value::from(user)),
                ("password", Value::from(password)),
                ("email", entry.get("email").cloned().unwrap_or_default()),
                ("serveraddress", Value::from(server.as_str())),
            ])
        } else {
            Map::new()
        };
        logins.insert(server.as_str(), login);
    }
    Ok(logins)
}

/// User and password of an `auth` entry.
pub(super) fn decoded(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// What the daemon takes as a header.
pub(super) fn encoded(value: &Map) -> String {
    URL_SAFE.encode(json_text(&Value::Map(value.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;

    #[test]
    fn repositories_and_their_registries() {
        let of = |name: &str| resolve_repository(name).map_err(|fault| fault.to_string());
        assert_eq!(of("a/b"), Ok(("docker.io".into(), "a/b".into())));
        assert_eq!(of("localhost/b"), Ok(("localhost".into(), "b".into())));
        assert_eq!(of("h:5000/a/b"), Ok(("h:5000".into(), "a/b".into())));
        assert_eq!(of("index.docker.io/b"), Ok(("docker.io".into(), "b".into())));
        assert_eq!(of("http://h/b"), Err("Repository name cannot contain a scheme (http://h/b)".into()));
    }

    #[test]
    fn logins_come_from_the_file_or_a_helper() {
        let fake = Fake::new().unwrap().on(
            "docker-credential-box get",
            0,
            "{\"ServerURL\": \"h2\", \"Username\": \"u2\", \"Secret\": \"p2\"}",
        );
        let auth = STANDARD.encode("me:secret");
        let config = format!(
            "{{\"auths\": {{\"https://h1/v1/\": {{\"auth\": \"{auth}\"}}}}, \"credHelpers\": {{\"h2\": \"box\"}}}}"
        );
        fake.write("/root/.docker/config.json", config).unwrap();
        let call = rplay_protocol::Call::default();
        let credentials = Credentials::new(&Context::new(&fake, &call));
        let login = credentials.login(&fake, "h1", None).unwrap().unwrap();
        assert_eq!(login.get("password"), Some(&"secret".into()));
        let login = credentials.login(&fake, "h2", None).unwrap().unwrap();
        assert_eq!(login.get("Username"), Some(&"u2".into()));
        assert_eq!(credentials.login(&fake, "h3", None).unwrap(), None);
        assert_eq!(fake.programs()[0].stdin.as_deref(), Some(b"h2".as_slice()));
    }
}
