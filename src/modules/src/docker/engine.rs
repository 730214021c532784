//! The Docker daemon: where it is, how it is asked, and what its refusals say.
//!
//! Options, environment variables and messages are those of `community.docker` 4.8's own API client.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rplay_value::{Map, Value, json, parse_bool};
use ureq::http::{Method, Request};
use ureq::tls::{ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, Body, SendBody};

use super::auth::Credentials;
use super::transport::{Address, DaemonResolver, Handle, InputConnector, SocketConnector};
use crate::{Arg, Args, Context, ModuleError, http};

/// What every module takes to find its daemon. Defaults and environment variables are applied by [`Engine::connect`].
pub(super) const CONNECTION: [Arg; 11] = [
    Arg::text("docker_host").alias(&["docker_url"]),
    Arg::text("tls_hostname"),
    Arg::text("api_version").alias(&["docker_api_version"]),
    Arg::int("timeout"),
    Arg::path("ca_path").alias(&["ca_cert", "tls_ca_cert", "cacert_path"]),
    Arg::path("client_cert").alias(&["tls_client_cert", "cert_path"]),
    Arg::path("client_key").alias(&["tls_client_key", "key_path"]),
    Arg::bool("tls"),
    Arg::bool("use_ssh_client").default("false"),
    Arg::bool("validate_certs").alias(&["tls_verify"]),
    Arg::bool("debug").default("false"),
];

/// The connection arguments that are given together.
pub(super) const TOGETHER: &[&[&str]] = &[&["client_cert", "client_key"]];

/// A module's own arguments, and those of the connection.
macro_rules! with_connection {
    ($($own:expr),* $(,)?) => {{
        const C: [crate::Arg; 11] = crate::docker::engine::CONNECTION;
        &[$($own,)* C[0], C[1], C[2], C[3], C[4], C[5], C[6], C[7], C[8], C[9], C[10]]
    }};
}
pub(super) use with_connection;

/// Why the daemon did not do what it was asked. The text is that of the Python client's exception.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The daemon answered with an error.
    #[error("{text}")]
    Api {
        /// Status of the answer.
        status: u16,
        /// The whole message.
        text: String,
        /// What the daemon says about it.
        explanation: String,
    },
    /// There was no answer.
    #[error("{0}")]
    Request(String),
    /// Anything else that is wrong with Docker.
    #[error("{0}")]
    Docker(String),
}

impl Fault {
    /// There is no such thing.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Api { status: 404, .. })
    }

    /// What the daemon said; empty when it did not answer.
    pub(super) fn explanation(&self) -> &str {
        match self {
            Self::Api { explanation, .. } => explanation,
            _ => "",
        }
    }

    /// The failure of a module that was doing this: `what`, then the reason.
    pub(super) fn while_doing(self, what: impl std::fmt::Display) -> ModuleError {
        ModuleError::msg(format!("{what}{self}"))
    }
}

impl From<Fault> for ModuleError {
    fn from(fault: Fault) -> Self {
        Self::msg(match &fault {
            Fault::Request(_) => {
                format!("An unexpected requests error occurred when trying to talk to the Docker daemon: {fault}")
            }
            _ => format!("An unexpected Docker error occurred: {fault}"),
        })
    }
}

/// A daemon that can be asked.
pub(super) struct Engine {
    agent: Agent,
    reach: Reach,
    /// Where requests go, such as `http://localhost`.
    target: String,
    /// The same as messages show it, such as `http+docker://localhost`.
    shown: String,
    version: String,
    timeout: Duration,
    credentials: Credentials,
}

/// What a connection is made of.
struct Reach {
    address: Address,
    tls: Option<TlsConfig>,
    timeout: Duration,
}

impl Engine {
    /// Finds the daemon and agrees on a version with it.
    pub(super) fn connect(cx: &Context<'_>, args: &Args) -> Result<Self, ModuleError> {
        let settings = Settings::read(cx, args)?;
        let failed = |why: String| ModuleError::msg(format!("Error connecting: {why}"));
        let uses_tls = settings.tls || settings.verify;
        let mut host = settings.host.clone();
        if uses_tls {
            host = host.replace("tcp://", "https://");
        }
        let (address, base, https) = parse_host(&host, uses_tls).map_err(failed)?;
        let address = match address {
            Address::Unix(path) => Address::Unix(cx.path(path)),
            other => other,
        };
        let (target, shown) = match &address {
            Address::Unix(_) => ("http://localhost".to_owned(), "http+docker://localhost".to_owned()),
            Address::Ssh(_) => ("http://localhost".to_owned(), "http+docker://ssh".to_owned()),
            Address::Tcp(name) => {
                // The certificate is checked against the name in the URL; the resolver knows the real address.
                let port = name.rsplit(':').next().unwrap_or_default();
                let named = match &settings.tls_hostname {
                    Some(checked) if https => base.replacen(name.as_str(), &format!("{checked}:{port}"), 1),
                    _ => base.clone(),
                };
                (named, base)
            }
        };
        let tls = if https { Some(settings.tls_config(cx)?) } else { None };
        let timeout = settings.timeout;
        let reach = Reach { address, tls, timeout };
        let credentials = Credentials::new(cx);
        let agent = reach.agent(None);
        let mut engine = Self { agent, reach, target, shown, version: String::new(), timeout, credentials };
        engine.version = if settings.version.eq_ignore_ascii_case("auto") {
            let told = engine
                .ask(Method::GET, "")
                .unversioned("/version")
                .value()
                .map_err(|fault| failed(format!("Error while fetching server API version: {fault}")))?;
            told.get("ApiVersion").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
                failed("Invalid response from docker daemon: key \"ApiVersion\" is missing.".to_owned())
            })?
        } else {
            settings.version
        };
        if !engine.speaks("1.21") {
            return Err(failed("API versions below 1.21 are no longer supported by this library.".to_owned()));
        }
        if !engine.speaks("1.25") {
            let msg = format!("Docker API version is {}. Minimum version required is 1.25.", engine.version);
            return Err(ModuleError::msg(msg));
        }
        Ok(engine)
    }

    /// Whether the version in use is at least this one.
    pub(super) fn speaks(&self, version: &str) -> bool {
        let numbers = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
        numbers(&self.version) >= numbers(version)
    }

    /// Fails unless the version in use knows this option, which is used.
    pub(super) fn needs(&self, option: &str, version: &str) -> Result<(), ModuleError> {
        if self.speaks(version) {
            return Ok(());
        }
        Err(ModuleError::msg(format!(
            "Docker API version is {}. Minimum version required is {version} to set {option} option.",
            self.version
        )))
    }

    /// Logins for registries.
    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        Ask {
            engine: self,
            method,
            path: format!("/v{}{path}", self.version),
            params: Vec::new(),
            headers: Vec::new(),
            body: None,
            timeout: Some(self.timeout),
            input: None,
        }
    }

    /// A question. Parts of the path that come from users go through [`quoted`].
    pub(super) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    /// An order.
    pub(super) fn post(&self, path: &str) -> Ask<'_> {
        self.ask(Method::POST, path)
    }

    /// A removal.
    pub(super) fn delete(&self, path: &str) -> Ask<'_> {
        self.ask(Method::DELETE, path)
    }

    /// What the daemon says about itself.
    pub(super) fn info(&self) -> Result<Value, Fault> {
        self.get("/info").value()
    }
}

impl Reach {
    fn agent(&self, input: Option<Vec<u8>>) -> Agent {
        let handle = Handle::default();
        let socket = SocketConnector { address: self.address.clone(), handle: Arc::clone(&handle) };
        let mut config = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_response_header_size(1 << 20)
            .timeout_connect(Some(self.timeout))
            .accept_encoding(ureq::config::AutoHeaderValue::None)
            .accept(ureq::config::AutoHeaderValue::None)
            .user_agent("ansible-community.docker");
        if let Some(tls) = &self.tls {
            config = config.tls_config(tls.clone());
        }
        let feed = InputConnector { input: Mutex::new(input), handle, tls: self.tls.is_some() };
        let resolver = DaemonResolver(self.address.clone());
        Agent::with_parts(config.build(), socket.chain(RustlsConnector::default()).chain(feed), resolver)
    }
}

/// A request that is being put together.
pub(super) struct Ask<'a> {
    engine: &'a Engine,
    method: Method,
    path: String,
    params: Vec<(&'a str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<Content>,
    timeout: Option<Duration>,
    input: Option<Vec<u8>>,
}

enum Content {
    Json(String),
    File { content: Box<dyn Read + Send>, length: Option<u64>, kind: Option<&'static str> },
}

impl<'a> Ask<'a> {
    fn unversioned(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds a parameter.
    pub(super) fn param(mut self, name: &'a str, value: impl ToString) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    /// Adds a parameter if there is a value for it.
    pub(super) fn maybe(mut self, name: &'a str, value: Option<impl ToString>) -> Self {
        self.params.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Adds a parameter as Python writes booleans.
    pub(super) fn flag(self, name: &'a str, value: bool) -> Self {
        self.param(name, if value { "True" } else { "False" })
    }

    /// Adds filters, each a name and what it may be.
    pub(super) fn filters(self, filters: &Map) -> Self {
        let filters = Value::Map(filters.clone());
        self.param("filters", json_text(&filters))
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: Option<String>) -> Self {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    /// Sends JSON; keys without a value are left out, as the Python client does.
    pub(super) fn body(mut self, body: &Map) -> Self {
        let body: Map = body.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
        self.body = Some(Content::Json(json_text(&Value::Map(body))));
        self
    }

    /// Sends this content.
    pub(super) fn content(
        mut self,
        content: impl Read + Send + 'static,
        length: Option<u64>,
        kind: Option<&'static str>,
    ) -> Self {
        self.body = Some(Content::File { content: Box::new(content), length, kind });
        self
    }

    /// Waits this much longer than usual.
    pub(super) fn patience(mut self, seconds: u64) -> Self {
        self.timeout = self.timeout.map(|timeout| timeout + Duration::from_secs(seconds));
        self
    }

    /// Waits this long, or for ever.
    pub(super) fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends a program's standard input when the answer begins.
    pub(super) fn input(mut self, input: Vec<u8>) -> Self {
        self.input = Some(input);
        self
    }

    /// Sends the request; an answer that is an error is an [`Fault::Api`].
    pub(super) fn send(self) -> Result<Answer, Fault> {
        let query: Vec<String> =
            self.params.iter().map(|(name, value)| format!("{}={}", form(name), form(value))).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let shown = format!("{}{}{query}", self.engine.shown, self.path);
        let mut request =
            Request::builder().method(self.method).uri(format!("{}{}{query}", self.engine.target, self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let body = match self.body {
            None => SendBody::none(),
            Some(Content::Json(text)) => {
                request = request.header("Content-Type", "application/json").header("Content-Length", text.len());
                SendBody::from_owned_reader(std::io::Cursor::new(text))
            }
            Some(Content::File { content, length, kind }) => {
                if let Some(length) = length {
                    request = request.header("Content-Length", length);
                }
                if let Some(kind) = kind {
                    request = request.header("Content-Type", kind);
                }
                SendBody::from_owned_reader(content)
            }
        };
        let request = request.body(body).map_err(|error| Fault::Request(error.to_string()))?;
        let agent = match self.input {
            Some(input) => &self.engine.reach.agent(Some(input)),
            None => &self.engine.agent,
        };
        let request =
            agent.configure_request(request).timeout_recv_response(self.timeout).timeout_per_read(self.timeout).build();
        let answer = agent.run(request).map_err(|error| self.engine.unanswered(&error, &self.path, &query))?;
        let status = answer.status();
        let answer = Answer { status: status.as_u16(), body: answer.into_body() };
        if !status.is_client_error() && !status.is_server_error() {
            return Ok(answer);
        }
        let side = if status.is_client_error() { "Client" } else { "Server" };
        let reason = status.canonical_reason().unwrap_or_default();
        let said = answer.text().unwrap_or_default();
        let explanation = json::loads(&said)
            .ok()
            .and_then(|value| value.get("message").map(|message| message.to_str().into_owned()))
            .unwrap_or_else(|| said.trim().to_owned());
        let mut text = format!("{} {side} Error for {shown}: {reason}", status.as_u16());
        if !explanation.is_empty() {
            text.push_str(&format!(" (\"{explanation}\")"));
        }
        Err(Fault::Api { status: status.as_u16(), text, explanation })
    }

    /// The answer as JSON.
    pub(super) fn value(self) -> Result<Value, Fault> {
        let text = self.send()?.text()?;
        json::loads(&text).map_err(|error| Fault::Request(error.to_string()))
    }

    /// Only whether it worked.
    pub(super) fn done(self) -> Result<(), Fault> {
        // Read to its end: what the daemon does may only be done then.
        self.send()?.bytes().map(drop)
    }

    /// One JSON document after the other, as they come.
    pub(super) fn events(self) -> Result<Events, Fault> {
        Ok(Events(self.send()?.lines()))
    }
}

impl Engine {
    /// The text of the Python client's exception for a request without an answer.
    fn unanswered(&self, error: &ureq::Error, path: &str, query: &str) -> Fault {
        let pool = match &self.reach.address {
            Address::Tcp(name) => {
                let (host, port) = name.rsplit_once(':').unwrap_or((name, ""));
                let kind = if self.reach.tls.is_some() { "HTTPSConnectionPool" } else { "HTTPConnectionPool" };
                format!("{kind}(host='{host}', port={port})")
            }
            Address::Unix(_) | Address::Ssh(_) => "UnixHTTPConnectionPool(host='localhost', port=None)".to_owned(),
        };
        let python = |error: &std::io::Error| {
            let code = error.raw_os_error().unwrap_or(0);
            let class = match error.kind() {
                std::io::ErrorKind::NotFound => "FileNotFoundError",
                std::io::ErrorKind::PermissionDenied => "PermissionError",
                std::io::ErrorKind::ConnectionRefused => "ConnectionRefusedError",
                std::io::ErrorKind::ConnectionReset => "ConnectionResetError",
                std::io::ErrorKind::BrokenPipe => "BrokenPipeError",
                _ => "OSError",
            };
            let text = error.to_string();
            (class, code, text.split(" (os error").next().unwrap_or_default().to_owned())
        };
        Fault::Request(match error {
            ureq::Error::Timeout(_) => {
                format!("{pool}: Read timed out. (read timeout={})", self.timeout.as_secs())
            }
            ureq::Error::Io(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                format!("{pool}: Read timed out. (read timeout={})", self.timeout.as_secs())
            }
            ureq::Error::Io(error) if matches!(self.reach.address, Address::Tcp(_)) => {
                let (_, code, text) = python(error);
                format!(
                    "{pool}: Max retries exceeded with url: {path}{query} (Caused by NewConnectionError(\"{pool}: Failed \
                     to establish a new connection: [Errno {code}] {text}\"))"
                )
            }
            ureq::Error::Io(error) => {
                let (class, code, text) = python(error);
                format!("('Connection aborted.', {class}({code}, '{text}'))")
            }
            other => format!("{pool}: Max retries exceeded with url: {path}{query} ({other})"),
        })
    }
}

/// An answer that is not an error.
pub(super) struct Answer {
    status: u16,
    body: Body,
}

impl Answer {
    /// The status.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The content as it comes.
    pub(super) fn reader(self) -> impl Read {
        self.body.into_with_config().limit(u64::MAX).reader()
    }

    /// The content.
    pub(super) fn bytes(self) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes).map_err(|error| Fault::Request(error.to_string()))?;
        Ok(bytes)
    }

    fn text(self) -> Result<String, Fault> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }

    fn lines(self) -> Box<dyn BufRead> {
        Box::new(BufReader::new(self.reader()))
    }
}

/// What the daemon says while it works.
pub(super) struct Events(Box<dyn BufRead>);

impl Iterator for Events {
    type Item = Result<Value, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim().is_empty() => {}
                Ok(_) => return Some(json::loads(&line).map_err(|error| Fault::Request(error.to_string()))),
                Err(error) => return Some(Err(Fault::Request(error.to_string()))),
            }
        }
    }
}

/// A part of a path, with everything quoted that has a meaning in URLs but `/` and `:`.
pub(super) fn quoted(part: &str) -> String {
    percent(part, b"_.-~/:", "%20")
}

/// A parameter of a query.
fn form(text: &str) -> String {
    percent(text, b"_.-~", "+")
}

fn percent(text: &str, safe: &[u8], space: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || safe.contains(&b) => out.push(char::from(b)),
            b' ' => out.push_str(space),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// JSON as Python's `json.dumps` writes it.
pub(super) fn json_text(value: &Value) -> String {
    json::dumps(value, &json::JsonStyle::default()).unwrap_or_default()
}

/// Where the daemon is and how it is to be trusted.
struct Settings {
    host: String,
    tls_hostname: Option<String>,
    version: String,
    timeout: Duration,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    tls: bool,
    verify: bool,
}

impl Settings {
    /// Options, then environment variables, then defaults.
    fn read(cx: &Context<'_>, args: &Args) -> Result<Self, ModuleError> {
        let var = |name: &str| cx.sys().var(name);
        let text = |option: &str, variable: &str| args.text(option).map(str::to_owned).or_else(|| var(variable));
        let flag = |option: &str, variable: &str| {
            match (args.bool(option), var(variable)) {
            (Some(given), _) => Ok(given),
            (None, None) => Ok(false),
            (None, Some(set)) => parse_bool(&set).ok_or_else(|| {
                ModuleError::msg(format!("argument '{option}' is of type str and we were unable to convert to bool: The value '{set}' of {variable} is not a valid boolean."))
            }),
        }
        };
        let in_folder = |option: &str, file: &str| {
            let given = args.text(option).map(PathBuf::from);
            given.or_else(|| var("DOCKER_CERT_PATH").map(|folder| PathBuf::from(folder).join(file)))
        };
        let timeout = match (args.int("timeout"), var("DOCKER_TIMEOUT")) {
            (Some(given), _) => given,
            (None, Some(set)) => set.trim().parse().map_err(|_| {
                ModuleError::msg(format!("argument 'timeout' is of type str and we were unable to convert to int: \"'{set}'\" cannot be converted to an int"))
            })?,
            (None, None) => 60,
        };
        Ok(Self {
            host: text("docker_host", "DOCKER_HOST").unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned()),
            tls_hostname: text("tls_hostname", "DOCKER_TLS_HOSTNAME"),
            version: text("api_version", "DOCKER_API_VERSION").unwrap_or_else(|| "auto".to_owned()),
            timeout: Duration::from_secs(u64::try_from(timeout).unwrap_or(0).max(1)),
            ca: in_folder("ca_path", "ca.pem"),
            certificate: in_folder("client_cert", "cert.pem"),
            key: in_folder("client_key", "key.pem"),
            tls: flag("tls", "DOCKER_TLS")?,
            verify: flag("validate_certs", "DOCKER_TLS_VERIFY")?,
        })
    }

    fn tls_config(&self, cx: &Context<'_>) -> Result<TlsConfig, ModuleError> {
        let failed = |why: &str| {
            ModuleError::msg(format!(
                "TLS config error: {why}. TLS configurations should map the Docker CLI client configurations. See \
                 https://docs.docker.com/engine/articles/https/ for API details."
            ))
        };
        let mut config = TlsConfig::builder().disable_verification(!self.verify);
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            let missing =
                || failed("Path to a certificate and key files must be provided through the client_cert param");
            let chain = fs_err::read(cx.path(certificate)).map_err(|_| missing())?;
            let key = fs_err::read(cx.path(key)).map_err(|_| missing())?;
            let key = PrivateKey::from_pem(&key).map_err(|error| failed(&error.to_string()))?;
            config = config.client_cert(Some(ClientCert::new_with_certs(&http::certificates_in(&chain), key)));
        }
        if self.verify {
            let roots = match &self.ca {
                Some(path) => {
                    let pem = fs_err::read(cx.path(path))
                        .map_err(|_| failed("Invalid CA certificate provided for `ca_cert`."))?;
                    RootCerts::Specific(Arc::new(http::certificates_in(&pem)))
                }
                None => http::roots(cx, None).map_err(|why| failed(&why))?,
            };
            config = config.root_certs(roots);
        }
        Ok(config.build())
    }
}

/// The address, the start of URLs, and whether they are `https`.
fn parse_host(text: &str, tls: bool) -> Result<(Address, String, bool), String> {
    let text = text.trim();
    if text.is_empty() || text == "unix://" {
        return Ok((Address::Unix("/var/run/docker.sock".into()), String::new(), false));
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
    let known_letters = scheme.chars().all(|c| c.is_ascii_alphabetic() || c == '+');
    let (scheme, rest) = if known_letters { (scheme, rest) } else { ("tcp", text) };
    let (kind, tls) = match scheme {
        "http" => ("tcp", false),
        "https" => ("tcp", true),
        "http+unix" => ("unix", tls),
        other => (other, tls),
    };
    match kind {
        "unix" => Ok((Address::Unix(PathBuf::from(format!("/{}", rest.trim_matches('/')))), String::new(), false)),
        "ssh" if rest.contains('/') => {
            Err(format!("Invalid bind address format: no path allowed for this protocol: {text}"))
        }
        "ssh" => Ok((Address::Ssh(rest.to_owned()), String::new(), false)),
        "tcp" => {
            let (place, path) = rest.split_once('/').map_or((rest, ""), |(place, path)| (place, path));
            let refused = place.is_empty() || path.contains(['?', '#', ';']) || place.contains('@');
            if refused {
                return Err(format!("Invalid bind address format: {text}"));
            }
            let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            // The Python client takes 2376 without TLS and 2375 with it.
            let place = match (has_port, tls) {
                (true, _) if place.starts_with(':') => format!("127.0.0.1{place}"),
                (true, _) => place.to_owned(),
                (false, true) => format!("{place}:2375"),
                (false, false) => format!("{place}:2376"),
            };
            let scheme = if tls { "https" } else { "http" };
            let url = format!("{scheme}://{place}/{path}");
            Ok((Address::Tcp(place), url.trim_end_matches('/').to_owned(), tls))
        }
        "fd" => Err("fd protocol is not implemented".to_owned()),
        "npipe" => Err("The npipe:// protocol is only supported on Windows".to_owned()),
        _ => Err(format!("Invalid bind address protocol: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let unix = |path: &str| (Address::Unix(path.into()), String::new(), false);
        let tcp = |place: &str, url: &str, tls| (Address::Tcp(place.to_owned()), url.to_owned(), tls);
        assert_eq!(parse_host("", false), Ok(unix("/var/run/docker.sock")));
        assert_eq!(parse_host("unix:///run/d.sock", false), Ok(unix("/run/d.sock")));
        assert_eq!(parse_host("unix://run/d.sock", false), Ok(unix("/run/d.sock")));
        assert_eq!(parse_host("tcp://h:1", false), Ok(tcp("h:1", "http://h:1", false)));
        assert_eq!(parse_host("h", false), Ok(tcp("h:2376", "http://h:2376", false)));
        assert_eq!(parse_host("https://h:1/x/", true), Ok(tcp("h:1", "https://h:1/x", true)));
        assert_eq!(parse_host("ssh://me@h:22", false), Ok((Address::Ssh("me@h:22".into()), String::new(), false)));
        assert_eq!(parse_host("tcp://", false), Err("Invalid bind address format: tcp://".to_owned()));
        assert_eq!(parse_host("ftp://h", false), Err("Invalid bind address protocol: ftp://h".to_owned()));
    }

    #[test]
    fn parts_of_urls() {
        assert_eq!(quoted("a/b:c d?é"), "a/b:c%20d%3F%C3%A9");
        assert_eq!(form("{\"a\": [\"b\"]}"), "%7B%22a%22%3A+%5B%22b%22%5D%7D");
    }
}
