//! Contents of web pages, line by line unless `split_lines` is false.

use crate::filters::lines::split_lines;
use crate::lookups::terms;
use crate::{Lookup, LookupCall, TemplateError, py};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::Value as Mj;
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

/// Contents of web pages, line by line unless `split_lines` is false.
pub static LOOKUP: Lookup = Lookup { name: "url", collection: "ansible.builtin", run };

/// Certificate bundles of the usual systems.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Redirects followed before it is called a circle.
const REDIRECTS: u32 = 10;
const OPTIONS: [&str; 13] = [
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
];

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    if let Some((name, _)) = call.keywords().iter().find(|(name, _)| !OPTIONS.contains(&&**name)) {
        let hint = rplay_diag::nearest(name, OPTIONS).map_or_else(
            || format!("it takes {}", rplay_diag::quoted_list(OPTIONS)),
            |near| format!("there is an option `{near}`"),
        );
        return Err(call.error(format!("the url lookup has no option '{name}'")).hint(hint));
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
    let mut request = agent.get(url);
    if let Some(headers) = call.opt("headers").filter(|headers| py::is_mapping(headers)) {
        for name in py::iterate(headers)? {
            request = request.header(py::str(&name), py::str(&py::get_item(headers, &name)));
        }
    }
    if call.bool("force", false)? {
        request = request.header("cache-control", "no-cache");
    }
    if let Some(user) = call.opt("username").filter(|user| !user.is_none()) {
        let password = call.text_or("password", "")?;
        request = request
            .header("authorization", format!("Basic {}", STANDARD.encode(format!("{}:{password}", py::str(user)))));
    }
    let mut response =
        request.call().map_err(|e| call.error(format!("Failed lookup url for {shown}")).note(e.to_string()))?;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
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
}
