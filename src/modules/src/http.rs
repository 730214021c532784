//! HTTP for the modules that fetch: requests with Ansible's notions of redirects, credentials and certificates.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::{NamedTempFile, TempPath};
use ureq::http::{self, Method, Uri};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Agent, Body, Proxy};

use crate::{Context, ModuleError};

/// Which redirects are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Every one.
    All,
    /// Those of GET and HEAD.
    #[default]
    Safe,
    /// None.
    None,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Names of headers that are not sent again after a redirect.
    pub(crate) unredirected: Vec<String>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) follow: Follow,
    pub(crate) validate_certs: bool,
    pub(crate) ca_path: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) use_proxy: bool,
    /// Undo a compressed transfer.
    pub(crate) decompress: bool,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// Send the credentials before they are asked for.
    pub(crate) force_basic_auth: bool,
    pub(crate) use_netrc: bool,
    pub(crate) user_agent: String,
}

impl Request {
    /// A request with the defaults of `get_url`.
    pub(crate) fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            unredirected: Vec::new(),
            body: None,
            timeout: Duration::from_secs(10),
            follow: Follow::All,
            validate_certs: true,
            ca_path: None,
            client_cert: None,
            client_key: None,
            use_proxy: true,
            decompress: true,
            unix_socket: None,
            user: None,
            password: None,
            force_basic_auth: false,
            use_netrc: true,
            user_agent: "ansible-httpget".to_owned(),
        }
    }
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// Where the last redirect led.
    pub(crate) url: String,
    pub(crate) redirected: bool,
    /// In the order they came, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    body: Body,
}

impl Response {
    /// The value of a header, several joined by commas.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> =
            self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Ansible's one line about the answer.
    pub(crate) fn message(&self) -> String {
        if self.status >= 400 || (300..400).contains(&self.status) {
            return format!("HTTP Error {}: {}", self.status, self.reason);
        }
        format!("OK ({} bytes)", self.header("content-length").unwrap_or_else(|| "unknown".to_owned()))
    }

    /// Copies the content.
    pub(crate) fn copy_to(self, target: &mut impl Write) -> io::Result<u64> {
        io::copy(&mut self.body.into_with_config().limit(u64::MAX).reader(), target)
    }

    /// The content.
    pub(crate) fn bytes(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.body.into_with_config().limit(u64::MAX).reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Downloads a URL to a temporary file with this suffix.
pub(crate) fn fetch(cx: &Context<'_>, url: &str, suffix: &str) -> Result<TempPath, ModuleError> {
    let failed = |why: String| ModuleError::msg(format!("Failure downloading {}, {why}", masked(url)));
    let response = send(cx, Request::new("GET", url)).map_err(failed)?;
    if response.status != 200 {
        return Err(failed(response.message()));
    }
    let mut file: NamedTempFile = tempfile::Builder::new().suffix(suffix).tempfile_in(cx.sys().tmp())?;
    response.copy_to(file.as_file_mut()).map_err(|error| failed(error.to_string()))?;
    Ok(file.into_temp_path())
}

/// A URL without the password in it.
pub(crate) fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            let hidden = if credentials.contains(':') { ":********" } else { "" };
            format!("{scheme}://{user}{hidden}@{host}{}", &rest[end..])
        }
        None => url.to_owned(),
    }
}

/// Sends a request and follows redirects. The error is Ansible's text for a request that got no answer.
pub(crate) fn send(cx: &Context<'_>, mut request: Request) -> Result<Response, String> {
    take_credentials(cx, &mut request);
    let agent = agent(cx, &request)?;
    let mut redirects = 0;
    let mut asked = request.force_basic_auth;
    loop {
        let built = build(&request, asked)?;
        // Without a body there is no word about its length either.
        let bare = request.body.is_none() && matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "DELETE");
        let answer = if bare { agent.run(built.map(|_| ())) } else { agent.run(built) };
        let answer = answer.map_err(|error| failure(&request, &error))?;
        let status = answer.status().as_u16();
        let headers: Vec<(String, String)> = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let wants_basic = header("www-authenticate").is_some_and(|how| how.to_lowercase().starts_with("basic"));
        if status == 401 && wants_basic && !asked && request.user.is_some() {
            asked = true;
            continue;
        }
        let target = header("location").filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)).map(str::to_owned);
        let follows = match request.follow {
            Follow::All => true,
            Follow::Safe => matches!(request.method.as_str(), "GET" | "HEAD"),
            Follow::None => false,
        };
        if let Some(target) = target.filter(|_| follows) {
            redirects += 1;
            if redirects > 10 {
                return Err(format!(
                    "HTTP Error {status}: The HTTP server returned a redirect error that would lead to an infinite loop."
                ));
            }
            redirect(&mut request, status, &target)?;
            continue;
        }
        let reason = answer.status().canonical_reason().unwrap_or_default().to_owned();
        let url = request.url.clone();
        return Ok(Response { status, reason, url, redirected: redirects > 0, headers, body: answer.into_body() });
    }
}

/// Credentials written into the URL or the netrc file are used like those given apart.
fn take_credentials(cx: &Context<'_>, request: &mut Request) {
    if let Some((scheme, rest)) = request.url.clone().split_once("://") {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if let Some((credentials, host)) = rest[..end].rsplit_once('@') {
            let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
            if request.user.is_none() {
                request.user = Some(percent_decoded(user));
                request.password = Some(percent_decoded(password));
            }
            request.url = format!("{scheme}://{host}{}", &rest[end..]);
        }
    }
    if request.user.is_none() && request.use_netrc {
        let host = request.url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
        let path = cx.sys().var("NETRC").or_else(|| Some(format!("{}/.netrc", cx.sys().var("HOME")?)));
        if let (Some(host), Some(path)) = (host, path)
            && let Some((user, password)) = netrc(&std::fs::read_to_string(cx.path(path)).unwrap_or_default(), &host)
        {
            request.user = Some(user);
            request.password = Some(password);
            request.force_basic_auth = true;
        }
    }
}

/// Login and password of a machine, or of `default`.
fn netrc(text: &str, host: &str) -> Option<(String, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let start = words.windows(2).position(|pair| pair == ["machine", host]).map(|at| at + 2);
    let start = start.or_else(|| words.iter().position(|word| *word == "default").map(|at| at + 1))?;
    let entry: Vec<&str> =
        words[start..].iter().take_while(|w| !matches!(**w, "machine" | "default")).copied().collect();
    let value = |key: &str| entry.windows(2).find(|pair| pair[0] == key).map(|pair| pair[1].to_owned());
    Some((value("login")?, value("password").unwrap_or_default()))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn agent(cx: &Context<'_>, request: &Request) -> Result<Agent, String> {
    let mut tls = TlsConfig::builder().disable_verification(!request.validate_certs);
    if request.url.starts_with("https:") && request.validate_certs {
        tls = tls.root_certs(roots(cx, request.ca_path.as_deref())?);
    }
    if let Some(path) = &request.client_cert {
        let read = |path: &Path| {
            std::fs::read(cx.path(path)).map_err(|error| format!("failed to read {}: {error}", path.display()))
        };
        let certificates = read(path)?;
        let key = match &request.client_key {
            Some(path) => read(path)?,
            None => certificates.clone(),
        };
        let key = PrivateKey::from_pem(&key).map_err(|error| format!("failed to read the client key: {error}"))?;
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&certificates_in(&certificates), key)));
    }
    let proxy = if request.use_proxy { proxy(cx, &request.url) } else { None };
    let encoding =
        if request.decompress { ureq::config::AutoHeaderValue::Default } else { ureq::config::AutoHeaderValue::None };
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .proxy(proxy)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_connect(Some(request.timeout))
        .timeout_recv_response(Some(request.timeout))
        .timeout_per_read(Some(request.timeout))
        .accept_encoding(encoding)
        .accept(ureq::config::AutoHeaderValue::None)
        .user_agent(request.user_agent.as_str())
        .build();
    Ok(match &request.unix_socket {
        Some(path) => Agent::with_parts(config, UnixConnector(cx.path(path)), NoResolver),
        None => config.new_agent(),
    })
}

/// The proxy the environment names for this URL.
fn proxy(cx: &Context<'_>, url: &str) -> Option<Proxy> {
    let scheme = url.split("://").next().unwrap_or_default();
    let var =
        |name: String| cx.sys().var(&name).or_else(|| cx.sys().var(&name.to_uppercase())).filter(|v| !v.is_empty());
    let address = var(format!("{scheme}_proxy")).or_else(|| var("all_proxy".to_owned()))?;
    let host = url.parse::<Uri>().ok()?.host()?.to_owned();
    let exempt = var("no_proxy".to_owned()).unwrap_or_default();
    let exempt = exempt.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let domain = entry.trim_start_matches(['*', '.']);
        entry == "*" || host == domain || host.ends_with(&format!(".{domain}"))
    });
    if exempt { None } else { Proxy::new(&address).ok() }
}

/// The certificates the target trusts; the built-in ones only where it has none.
pub(crate) fn roots(cx: &Context<'_>, ca_path: Option<&Path>) -> Result<RootCerts, String> {
    if let Some(path) = ca_path {
        let pem =
            std::fs::read(cx.path(path)).map_err(|error| format!("failed to read {}: {error}", path.display()))?;
        return Ok(RootCerts::Specific(Arc::new(certificates_in(&pem))));
    }
    let named = cx.sys().var("SSL_CERT_FILE");
    let usual = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    for path in named.as_deref().into_iter().chain(usual) {
        let certificates = std::fs::read(cx.path(path)).map(|pem| certificates_in(&pem)).unwrap_or_default();
        if !certificates.is_empty() {
            return Ok(RootCerts::Specific(Arc::new(certificates)));
        }
    }
    Ok(RootCerts::WebPki)
}

pub(crate) fn certificates_in(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = ureq::tls::parse_pem(pem).filter_map(Result::ok);
    items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect()
}

fn build(request: &Request, with_credentials: bool) -> Result<http::Request<Vec<u8>>, String> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| error.to_string())?;
    let mut builder = http::Request::builder().method(method).uri(&request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let (true, Some(user)) = (with_credentials, &request.user) {
        let pair = format!("{user}:{}", request.password.as_deref().unwrap_or_default());
        builder = builder.header("Authorization", format!("Basic {}", STANDARD.encode(pair)));
    }
    builder.body(request.body.clone().unwrap_or_default()).map_err(|error| format!("Request failed: {error}"))
}

fn redirect(request: &mut Request, status: u16, target: &str) -> Result<(), String> {
    let before = request.url.clone();
    request.url = joined(&before, target).ok_or_else(|| format!("Request failed: bad redirect to {target}"))?;
    if !["http://", "https://"].iter().any(|scheme| request.url.starts_with(scheme)) {
        return Err(format!("Request failed: redirection to {} is not allowed", masked(&request.url)));
    }
    // As browsers do: what was posted is fetched from the new place, unless the status says to repeat it.
    if status == 303 && request.method != "HEAD" || matches!(status, 301 | 302) && request.method == "POST" {
        "GET".clone_into(&mut request.method);
        request.body = None;
        request.headers.retain(|(name, _)| !name.to_lowercase().starts_with("content-"));
    }
    let unredirected: Vec<String> = request.unredirected.iter().map(|name| name.to_lowercase()).collect();
    request.headers.retain(|(name, _)| !unredirected.contains(&name.to_lowercase()));
    let host = |url: &str| url.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
    if host(&before) != host(&request.url) {
        // Credentials are for the host they were given for.
        request.user = None;
        request.headers.retain(|(name, _)| !matches!(name.to_lowercase().as_str(), "authorization" | "cookie"));
    }
    Ok(())
}

/// A target relative to the URL it was found at.
fn joined(base: &str, target: &str) -> Option<String> {
    if target.contains("://") {
        return Some(target.to_owned());
    }
    let (scheme, rest) = base.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    if let Some(other) = target.strip_prefix("//") {
        return Some(format!("{scheme}://{other}"));
    }
    if target.starts_with('/') {
        return Some(format!("{scheme}://{host}{target}"));
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
    let whole = format!("{folder}{target}");
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.trim_start_matches('/').split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    Some(format!("{scheme}://{host}/{}", parts.join("/")))
}

/// Ansible's text for a request without an answer.
fn failure(request: &Request, error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.to_string().contains("certificate") => untrusted(request, &error.to_string()),
        ureq::Error::Io(error) => {
            let code = error.raw_os_error().map(|code| format!("[Errno {code}] ")).unwrap_or_default();
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            format!("Request failed: <urlopen error {code}{text}>")
        }
        ureq::Error::HostNotFound => "Request failed: <urlopen error [Errno -2] Name or service not known>".to_owned(),
        ureq::Error::Timeout(_) => "Connection failure: The read operation timed out".to_owned(),
        ureq::Error::ConnectionFailed => "Request failed: <urlopen error [Errno 111] Connection refused>".to_owned(),
        ureq::Error::Rustls(error) => untrusted(request, &error.to_string()),
        other => format!("Request failed: {other}"),
    }
}

fn untrusted(request: &Request, why: &str) -> String {
    let host =
        request.url.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_default();
    format!(
        "Failed to validate the SSL certificate for {host}: {why}. You can use validate_certs=False if you do not need to \
         confirm the servers identity but this is unsafe and not recommended."
    )
}

/// Connects to a Unix socket whatever the URL's host is.
#[derive(Debug)]
struct UnixConnector(PathBuf);

impl Connector<()> for UnixConnector {
    type Out = UnixTransport;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<UnixTransport>, ureq::Error> {
        let stream = UnixStream::connect(&self.0)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(UnixTransport { stream, buffers }))
    }
}

struct UnixTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl std::fmt::Debug for UnixTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnixTransport").finish_non_exhaustive()
    }
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.set_write_timeout(timeout.not_zero().map(|after| *after))?;
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.set_read_timeout(timeout.not_zero().map(|after| *after))?;
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}

/// A Unix socket needs no address.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(std::net::SocketAddr::from(([127, 0, 0, 1], 80)));
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_masked_and_joined() {
        assert_eq!(masked("http://u:secret@h/x?a=@b"), "http://u:********@h/x?a=@b");
        assert_eq!(masked("http://h/x"), "http://h/x");
        assert_eq!(joined("http://h:1/a/b?c", "/d").unwrap(), "http://h:1/d");
        assert_eq!(joined("http://h/a/b?c", "../d/e?f=1").unwrap(), "http://h/d/e?f=1");
        assert_eq!(joined("http://h", "d").unwrap(), "http://h/d");
        assert_eq!(joined("https://h/a", "//other/b").unwrap(), "https://other/b");
        assert_eq!(joined("https://h/a", "http://x/").unwrap(), "http://x/");
    }

    #[test]
    fn netrc_entries() {
        let text = "machine a login u password p\nmachine b login v\ndefault login d password e";
        assert_eq!(netrc(text, "a"), Some(("u".into(), "p".into())));
        assert_eq!(netrc(text, "b"), Some(("v".into(), String::new())));
        assert_eq!(netrc(text, "c"), Some(("d".into(), "e".into())));
    }
}
