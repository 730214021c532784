//! Contents of web pages, line by line unless `split_lines` is false.

use crate::filters::lines::split_lines;
use crate::filters::url::Url;
use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::Value as Mj;
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

/// Contents of web pages, line by line unless `split_lines` is false.
pub static LOOKUP: Lookup = Lookup { name: "url", collection: "ansible.builtin", accepts_undefined: false, run };

/// Certificate bundles of the usual systems.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Redirects followed before it is called a circle.
const REDIRECTS: u32 = 10;
const OPTIONS: [&str; 17] = [
    "validate_certs",
    "use_proxy",
    "username",
    "password",
    "headers",
    "force",
    "timeout",
    "http_agent",
    "force_basic_auth",
    "follow_redirects",
    "ca_path",
    "split_lines",
    "use_netrc",
    "use_gssapi",
    "unix_socket",
    "ciphers",
    "unredirected_headers",
];

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    terms::only_options(call, &OPTIONS)?;
    for name in ["use_gssapi", "unix_socket", "ciphers", "unredirected_headers"] {
        if let Some(value) = call.opt(name)
            && py::truthy(value)?
        {
            let error = call.error(format!("the url lookup does not support {name}={}", py::repr(value)));
            return Err(error.hint(format!("leave `{name}` out, or fetch it in a task with the `uri` module")));
        }
    }
    let agent = agent(call)?;
    let mut out = Vec::new();
    for term in call.terms() {
        let url = terms::text(term)?;
        let text = fetch(call, &agent, &url)?;
        if call.bool("split_lines", true)? {
            out.extend(split_lines(&text).into_iter().map(py::text));
        } else {
            out.push(py::text(text));
        }
    }
    Ok(out)
}

fn agent(call: &LookupCall<'_>) -> Result<ureq::Agent, TemplateError> {
    let bundle = match call.opt("ca_path").filter(|path| !path.is_none()) {
        Some(path) => {
            let path = py::str(path);
            Some(fs_err::read(&path).map_err(|e| TemplateError::file(e.to_string()))?)
        }
        None => BUNDLES.iter().find_map(|path| fs_err::read(path).ok()),
    };
    let mut tls = TlsConfig::builder().disable_verification(!call.bool("validate_certs", true)?);
    if let Some(pem) = bundle {
        let certificates: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem)
            .filter_map(Result::ok)
            .filter_map(|item| match item {
                PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            })
            .collect();
        tls = tls.root_certs(RootCerts::from(certificates));
    }
    let follow = match call.opt("follow_redirects").map(py::str).as_deref() {
        None | Some("urllib2" | "all" | "yes" | "safe" | "True") => REDIRECTS,
        Some("none" | "no" | "False") => 0,
        Some(other) => {
            let error = call.error(format!("the url lookup cannot follow_redirects '{other}'"));
            return Err(error.hint("one of urllib2, all, safe, none"));
        }
    };
    let timeout = call.opt("timeout").and_then(py::as_float).unwrap_or(10.0).max(0.0);
    let mut config = ureq::Agent::config_builder()
        .tls_config(tls.build())
        .timeout_connect(Some(Duration::from_secs_f64(timeout)))
        .timeout_recv_response(Some(Duration::from_secs_f64(timeout)))
        .max_redirects(follow)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(&*call.text_or("http_agent", "ansible-httpget")?);
    if !call.bool("use_proxy", true)? {
        config = config.proxy(None);
    }
    Ok(config.build().new_agent())
}

fn fetch(call: &LookupCall<'_>, agent: &ureq::Agent, url: &str) -> Result<String, TemplateError> {
    let shown = without_password(url);
    let force = call.bool("force", false)?;
    let send = |authorization: Option<&str>| {
        let mut request = agent.get(url);
        if let Some(headers) = call.opt("headers").filter(|headers| py::is_mapping(headers)) {
            for name in py::iterate(headers)? {
                request = request.header(py::str(&name), py::str(&py::get_item(headers, &name)));
            }
        }
        if force {
            request = request.header("cache-control", "no-cache");
        }
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        request.call().map_err(|e| call.error(format!("Failed lookup url for {shown}")).note(e.to_string()))
    };
    let user = call.opt("username").map(py::str).filter(|user| !user.is_empty() && user != "None");
    let mut response = if let Some(user) = user {
        let basic = basic(&user, &call.text_or("password", "")?);
        if call.bool("force_basic_auth", false)? {
            send(Some(&basic))?
        } else {
            // A server that does not ask for the password does not get it.
            let first = send(None)?;
            if asks_for_password(&first) { send(Some(&basic))? } else { first }
        }
    } else if call.bool("use_netrc", true)? {
        send(from_netrc(url).as_deref())?
    } else {
        send(None)?
    };
    let status = response.status();
    // A redirection is left over when none is to be followed, or too many were.
    if !status.is_success() {
        return Err(call.error(format!("Received HTTP error for {shown}")).note(format!("HTTP Error {status}")));
    }
    let bytes = response
        .body_mut()
        .with_config()
        .limit(u64::MAX)
        .read_to_vec()
        .map_err(|e| call.error(format!("Error connecting to {shown}")).note(e.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn asks_for_password(response: &ureq::http::Response<ureq::Body>) -> bool {
    let asked = |value: &ureq::http::HeaderValue| {
        value.to_str().is_ok_and(|value| value.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic")))
    };
    response.status() == 401 && response.headers().get_all("www-authenticate").iter().any(asked)
}

/// The authorization that `$NETRC` or `~/.netrc` has for a URL's host, unless the URL brings its own.
fn from_netrc(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| url.username().is_none())?;
    let path = std::env::var("NETRC").unwrap_or_else(|_| crate::filters::ospath::expand_user("~/.netrc"));
    let (user, password) = netrc_login(&fs_err::read_to_string(path).ok()?, &url.hostname()?)?;
    Some(basic(&user, &password))
}

/// Login and password of a host in the text of a netrc file; `default` stands for every host that is not there.
fn netrc_login(text: &str, host: &str) -> Option<(String, String)> {
    let mut found: [Option<(String, String)>; 2] = [None, None];
    // Which of the two the entry being read is: the host's own, or the default.
    let mut place = None;
    let mut in_macro = false;
    for line in text.lines() {
        // A macro ends at an empty line.
        in_macro &= !line.trim().is_empty();
        let mut words = line.split_whitespace();
        while let Some(word) = words.next().filter(|word| !in_macro && !word.starts_with('#')) {
            match word {
                "machine" => place = (words.next() == Some(host)).then_some(0),
                "default" => place = Some(1),
                "macdef" => in_macro = true,
                "login" | "user" | "password" => {
                    let (Some(value), Some(place)) = (words.next(), place) else { continue };
                    let value = value.trim_matches('"').to_owned();
                    let (user, password) = found[place].get_or_insert_default();
                    *(if word == "password" { password } else { user }) = value;
                }
                _ => {}
            }
        }
    }
    let [own, default] = found;
    own.or(default).filter(|(user, password)| !user.is_empty() && !password.is_empty())
}

/// A URL that may be shown: without a password in it.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}:********@{host}{}", &rest[end..])
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("http://a:b@h/x@y"), "http://a:********@h/x@y");
        assert_eq!(without_password("http://h/x@y"), "http://h/x@y");
    }
    #[test]
    fn netrc_entries_are_found_by_host() {
        let text = "# c\nmachine a.example login me password p1\nmachine b.example\n  login you\n  password \"p2\"\n\
                    macdef init\nmachine a.example login no\n\ndefault login any password p3\n";
        let login = |host: &str| netrc_login(text, host).map(|(user, password)| format!("{user}:{password}"));
        assert_eq!(login("a.example").as_deref(), Some("me:p1"));
        assert_eq!(login("b.example").as_deref(), Some("you:p2"));
        assert_eq!(login("c.example").as_deref(), Some("any:p3"));
        assert_eq!(netrc_login("machine h login me", "h"), None);
        assert_eq!(netrc_login("machine h login me password p", "other"), None);
    }
}
