//! Talks to web services.
//!
//! Options:
//! - `url` (required), `method` (default `GET`), `headers`, `http_agent`, `timeout` (seconds, default 30).
//! - `body` with `body_format`: `raw` (default), `json`, `form-urlencoded`, `form-multipart`; or `src`, a file to send.
//! - `status_code` (list, default 200): what counts as success.
//! - `return_content`: put the answer into `content`. JSON answers are always in `json`.
//! - `dest`: file or folder to save the answer in, with the usual file options; `force` saves even what is not newer.
//! - `follow_redirects` (default `safe`): `all`, `safe` (GET and HEAD), `none`; `yes`, `no`, `urllib2` are older words.
//! - `creates`, `removes`: nothing is done when the file is there, or is not.
//! - `url_username`, `url_password` (aliases `user`, `password`), `force_basic_auth`, `use_netrc`.
//! - `validate_certs`, `ca_path`, `client_cert`, `client_key`, `use_proxy`, `unix_socket`, `decompress`, `unredirected_headers`.
//! - `remote_src` (bool): `src` is a file of the target.
//! - Not supported: `use_gssapi`, `ciphers`.
//!
//! Returns: `status`, `url`, `redirected`, `msg`, `elapsed`, `cookies`, `cookies_string`, `json`, `content`, `path`, and every
//! header in lower case with underscores (`content_type`).
//!
//! Check mode: skipped. Diff: none.
//!
//! Example:
//! ```yaml
//! - uri:
//!     url: http://localhost:8080/health
//!     status_code: [200, 204]
//!   register: health
//! ```

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::http::{self, Follow, Request, Response};
use crate::{Arg, ArgSpec, Args, Context, FileAttrs, Kind, Module, ModuleError, Replace, Support};

/// `ansible.builtin.uri`
pub static MODULE: Module = Module {
    name: "uri",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("url").required(),
            Arg::bool("force").default("false"),
            Arg::text("http_agent").default("ansible-httpget"),
            Arg::bool("use_proxy").default("true"),
            Arg::bool("validate_certs").default("true"),
            Arg::text("url_username").alias(&["user"]),
            Arg::text("url_password").alias(&["password"]).no_log(),
            Arg::bool("force_basic_auth").default("false"),
            Arg::path("client_cert"),
            Arg::path("client_key"),
            Arg::bool("use_gssapi").default("false"),
            Arg::text("follow_redirects").default("safe").choices(&["all", "no", "none", "safe", "urllib2", "yes"]),
            Arg::path("dest"),
            Arg::raw("body"),
            Arg::text("body_format").default("raw").choices(&["form-urlencoded", "json", "raw", "form-multipart"]),
            Arg::path("src"),
            Arg::text("method").default("GET"),
            Arg::bool("return_content").default("false"),
            Arg::path("creates"),
            Arg::path("removes"),
            Arg::list("status_code").elements(Kind::Int).default("200"),
            Arg::int("timeout").default("30"),
            Arg::map("headers"),
            Arg::path("unix_socket"),
            Arg::bool("remote_src").default("false"),
            Arg::path("ca_path"),
            Arg::list("unredirected_headers"),
            Arg::bool("decompress").default("true"),
            Arg::list("ciphers"),
            Arg::bool("use_netrc").default("true"),
        ],
        file: true,
        exclusive: &[&["body", "src"]],
        ..ArgSpec::EMPTY
    },
    check: Support::None,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let skipped = |why: String| Ok(Reply::ok().with("stdout", why));
    if let Some(path) = args.text("creates").filter(|path| cx.path(path).exists()) {
        return skipped(format!("skipped, since '{path}' exists"));
    }
    if let Some(path) = args.text("removes").filter(|path| !cx.path(path).exists()) {
        return skipped(format!("skipped, since '{path}' does not exist"));
    }
    if !args.need("url").contains(':') {
        return Err(ModuleError::msg(format!("unknown url type: {}", crate::convert::quoted(args.need("url")))));
    }
    let request = request(cx, args)?;
    let accepted: Vec<i64> =
        args.list("status_code").map(|l| l.iter().filter_map(Value::as_int).collect()).unwrap_or_default();
    let url = http::masked(args.need("url"));
    let started = Instant::now();
    let answer = http::send(cx, request);
    let elapsed = started.elapsed().as_secs();
    let not_accepted = |status: i64, msg: &str| {
        let codes: Vec<String> = accepted.iter().map(ToString::to_string).collect();
        format!("Status code was {status} and not [{}]: {msg}", codes.join(", "))
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            let reply = Reply::failure(not_accepted(-1, &why)).with("status", -1).with("url", url);
            return Err(ModuleError::reply(reply.with("elapsed", elapsed).with("redirected", false)));
        }
    };
    let status = i64::from(answer.status);
    let message = answer.message();
    let content_type = answer.header("content-type").unwrap_or_default();
    let is_json = is_json(&content_type);
    let mut reply = describe(&answer).with("elapsed", elapsed).with("msg", message.as_str());
    let dest = args.text("dest").map(|dest| destination(cx, dest, &answer));
    let ok = accepted.contains(&status);
    let bytes =
        answer.bytes().map_err(|error| ModuleError::msg(format!("HTTP Error while fetching {url}: {error}")))?;
    if let Some(dest) = dest {
        let path = cx.path(&dest);
        if ok && status != 304 {
            if fs_err::read(&path).ok().as_deref() != Some(bytes.as_slice()) {
                Replace::new(&path).unsafe_writes(args.flag("unsafe_writes")).write(cx.sys(), &bytes)?;
            }
            FileAttrs::from_args(args)?.apply(cx, &path, None)?;
            reply.changed = true;
        }
        reply = reply.with("path", dest.to_string_lossy().into_owned());
    }
    let text = decoded(&content_type, &bytes);
    if is_json && let Ok(value) = serde_json::from_str::<Value>(&text) {
        reply = reply.with("json", value);
    }
    if args.flag("return_content") {
        reply = reply.with("content", text.into_owned());
    }
    if !ok {
        return Err(ModuleError::reply(reply.with("msg", not_accepted(status, &message))));
    }
    Ok(reply)
}

/// What every HTTP module's options say about the request.
pub(crate) fn common_request(args: &Args, method: &str) -> Result<Request, ModuleError> {
    for option in ["use_gssapi", "ciphers"] {
        let given = args.bool(option).unwrap_or_else(|| args.list(option).is_some_and(|list| !list.is_empty()));
        if given {
            return Err(ModuleError::msg(format!(
                "{option} is not supported: use Basic credentials and the built-in ciphers"
            )));
        }
    }
    let path = |name: &str| args.text(name).map(PathBuf::from);
    let headers = args.map("headers").map(|headers| {
        let text = |value: &Value| value.as_str().map_or_else(|| plain(value), str::to_owned);
        headers.texts().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
    });
    Ok(Request {
        headers: headers.unwrap_or_default(),
        unredirected: args.texts("unredirected_headers").into_iter().map(str::to_owned).collect(),
        timeout: Duration::from_secs(
            args.int("timeout").and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0).unwrap_or(10),
        ),
        validate_certs: args.bool("validate_certs").unwrap_or(true),
        ca_path: path("ca_path"),
        client_cert: path("client_cert"),
        client_key: path("client_key"),
        use_proxy: args.bool("use_proxy").unwrap_or(true),
        decompress: args.bool("decompress").unwrap_or(true),
        unix_socket: path("unix_socket"),
        user: args.text("url_username").map(str::to_owned),
        password: args.text("url_password").map(str::to_owned),
        force_basic_auth: args.flag("force_basic_auth"),
        use_netrc: args.bool("use_netrc").unwrap_or(true),
        user_agent: args.text("http_agent").unwrap_or("ansible-httpget").to_owned(),
        ..Request::new(method, args.need("url"))
    })
}

/// A header's value as Python would send it.
fn plain(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn request(cx: &Context<'_>, args: &Args) -> Result<Request, ModuleError> {
    let method = args.need("method").to_uppercase();
    if method.is_empty() || !method.chars().all(|c| c.is_ascii_uppercase()) {
        return Err(ModuleError::msg("Parameter 'method' needs to be a single word in uppercase, like GET or POST."));
    }
    let mut request = common_request(args, &method)?;
    request.follow = match args.need("follow_redirects") {
        "all" | "yes" => Follow::All,
        "none" | "no" => Follow::None,
        _ => Follow::Safe,
    };
    let body = args.get("body");
    let mut content_type = None;
    request.body = match (args.need("body_format"), body) {
        ("json", body) => {
            content_type = Some("application/json".to_owned());
            // Text is taken as JSON already.
            Some(
                body.and_then(Value::as_str)
                    .map_or_else(|| python_json(body.unwrap_or(&Value::Null)), str::to_owned)
                    .into_bytes(),
            )
        }
        ("form-urlencoded", Some(body)) => {
            content_type = Some("application/x-www-form-urlencoded".to_owned());
            Some(form(body)?.into_bytes())
        }
        ("form-multipart", Some(body)) => {
            let (kind, bytes) = multipart(cx, body)?;
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            content_type = Some(kind);
            Some(bytes)
        }
        (_, Some(body)) => Some(body.as_str().map_or_else(|| python_json(body), str::to_owned).into_bytes()),
        (_, None) => None,
    };
    if let Some(src) = args.text("src") {
        let bytes = match cx.attachment("src") {
            Some(bytes) => bytes.to_vec(),
            None => fs_err::read(cx.path(src)).map_err(|_| {
                ModuleError::reply(Reply::failure(format!("Unable to open source file {src}")).with("elapsed", 0))
            })?,
        };
        request.body = Some(bytes);
    }
    if content_type.is_none() && request.body.is_some() {
        // What Python's library says of a body that nobody said anything of.
        content_type = Some("application/x-www-form-urlencoded".to_owned());
    }
    if let Some(kind) = content_type
        && !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        request.headers.push(("Content-Type".to_owned(), kind));
    }
    if args.flag("force") {
        request.headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
    } else if let Some(dest) = args.text("dest") {
        request.headers.extend(if_modified_since(cx, dest));
    }
    Ok(request)
}

/// The header that asks for content only if it is newer than a file.
pub(crate) fn if_modified_since(cx: &Context<'_>, dest: &str) -> Option<(String, String)> {
    let meta = std::fs::metadata(cx.path(dest)).ok().filter(std::fs::Metadata::is_file)?;
    let time = jiff::Timestamp::try_from(meta.modified().ok()?).ok()?;
    let text = time.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    Some(("If-Modified-Since".to_owned(), text))
}

/// JSON with Python's blanks after commas and colons.
fn python_json(value: &Value) -> String {
    match value {
        Value::List(list) => format!("[{}]", list.iter().map(python_json).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| {
                let key = key.as_str().map_or_else(|| python_json(key), str::to_owned);
                format!("{}: {}", python_json(&Value::from(key)), python_json(value))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => rplay_value::json::dumps(other, &rplay_value::JsonStyle::default()).unwrap_or_default(),
    }
}

fn form(body: &Value) -> Result<String, ModuleError> {
    let mut pairs: Vec<(String, Value)> = Vec::new();
    match body {
        Value::Text(text) => return Ok(text.as_str().to_owned()),
        Value::Map(map) => pairs.extend(map.iter().map(|(key, value)| (as_text(key), value.clone()))),
        Value::List(list) => {
            for pair in list {
                match pair.as_list().map(|pair| &pair[..]) {
                    Some([key, value]) => pairs.push((as_text(key), value.clone())),
                    _ => return Err(ModuleError::msg("failed to parse body as form_urlencoded: need pairs")),
                }
            }
        }
        _ => {
            return Err(ModuleError::msg(
                "failed to parse body as form_urlencoded: cannot form-urlencode body, expect list or dict",
            ));
        }
    }
    let mut encoded = Vec::new();
    for (key, value) in pairs {
        let values = value.as_list().map_or_else(|| vec![value.clone()], |list| list.iter().cloned().collect());
        for value in values.iter().filter(|value| !value.is_null()) {
            encoded.push(format!("{}={}", quoted(&key), quoted(&as_text(value))));
        }
    }
    Ok(encoded.join("&"))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.as_str().to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => python_json(other),
    }
}

/// Python's `quote_plus`.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            c if c.is_ascii_alphanumeric() => out.push(char::from(c)),
            c => out.push_str(&format!("%{c:02X}")),
        }
    }
    out
}

/// The content type and bytes of a form with files.
fn multipart(cx: &Context<'_>, body: &Value) -> Result<(String, Vec<u8>), ModuleError> {
    let failed = |why: &str| ModuleError::msg(format!("failed to parse body as form-multipart: {why}"));
    let fields = body.as_map().ok_or_else(|| failed("Mapping is required"))?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let boundary = format!("==============={now:032}==");
    let mut bytes = Vec::new();
    for (name, value) in fields.texts() {
        let (mut filename, mut kind, mut content) = (None, "text/plain".to_owned(), Vec::new());
        match value {
            Value::Map(part) => {
                filename = part.get("filename").and_then(Value::as_str);
                part.get("mime_type")
                    .and_then(Value::as_str)
                    .unwrap_or("application/octet-stream")
                    .clone_into(&mut kind);
                content = match (part.get("content"), filename) {
                    (Some(text), _) => as_text(text).into_bytes(),
                    (None, Some(path)) => match cx.attachment(path) {
                        Some(sent) => sent.to_vec(),
                        None => fs_err::read(cx.path(path))?,
                    },
                    (None, None) => return Err(failed("at least one of filename or content must be provided")),
                };
            }
            other => content.extend(as_text(other).into_bytes()),
        }
        bytes.extend(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", name.as_str()).bytes());
        if let Some(file) = filename {
            let file = file.rsplit('/').next().unwrap_or(file);
            bytes.extend(format!("; filename=\"{file}\"").bytes());
        }
        bytes.extend(format!("\r\nContent-Type: {kind}\r\n\r\n").bytes());
        bytes.extend(content);
        bytes.extend(b"\r\n");
    }
    bytes.extend(format!("--{boundary}--\r\n").bytes());
    Ok((format!("multipart/form-data; boundary=\"{boundary}\""), bytes))
}

/// The answer's status, place, cookies and headers.
fn describe(answer: &Response) -> Reply {
    let mut names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    let mut reply = Reply::ok()
        .with("redirected", answer.redirected)
        .with("url", http::masked(&answer.url))
        .with("status", answer.status);
    for name in names {
        let value = answer.header(name).unwrap_or_default();
        reply = reply.with(&name.replace('-', "_"), value);
    }
    let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    let cookies: Map = set
        .filter_map(|(_, value)| {
            let (name, value) = value.split(';').next()?.split_once('=')?;
            Some((name.trim(), value.trim()))
        })
        .collect();
    let joined: Vec<String> = cookies
        .texts()
        .map(|(name, value)| format!("{}={}", name.as_str(), value.as_str().unwrap_or_default()))
        .collect();
    if answer.status >= 300 {
        // An exception of Python's library has no cookies.
        return reply;
    }
    reply.with("cookies_string", joined.join("; ")).with("cookies", cookies)
}

/// The content as text, in the charset its type names; what is no text in it is U+FFFD.
fn decoded<'a>(content_type: &str, bytes: &'a [u8]) -> Cow<'a, str> {
    let charset = content_type.split(';').skip(1).find_map(|part| part.trim().strip_prefix("charset="));
    let charset = charset.unwrap_or_default().trim_matches('"').to_lowercase();
    match charset.replace('_', "-").as_str() {
        "iso-8859-1" | "latin-1" | "latin1" => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(bytes),
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    let subtype = kind.split_once('/').map_or("", |(_, subtype)| subtype);
    ["json", "javascript"].contains(&subtype.rsplit('+').next().unwrap_or(subtype))
}

/// Where to save: in a folder under the name the server gives, or the URL's last part.
pub(crate) fn destination(cx: &Context<'_>, dest: &str, answer: &Response) -> PathBuf {
    if !cx.path(dest).is_dir() {
        return PathBuf::from(dest);
    }
    let given = answer.header("content-disposition").and_then(|text| {
        let value = text.split(';').find_map(|part| part.trim().strip_prefix("filename=").map(str::to_owned))?;
        // Only the last part: a server must not choose the folder.
        value.trim_matches('"').rsplit('/').next().map(str::to_owned)
    });
    let name = given.filter(|name| !name.is_empty() && name != "..").unwrap_or_else(|| url_name(&answer.url));
    PathBuf::from(dest).join(name)
}

/// The last part of a URL's path.
pub(crate) fn url_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let name = path.split_once('/').map_or("", |(_, path)| path).rsplit('/').next().unwrap_or_default();
    if name.is_empty() { "index.html".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args, http_server};

    #[test]
    fn a_json_answer() {
        let server = http_server(vec![(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nSet-Cookie: a=b; Path=/\r\nX-Thing: 1\r\n",
            r#"{"a": [1]}"#,
        )]);
        let reply =
            Fake::new().unwrap().call("uri", args([("url", server.url("/x").as_str()), ("return_content", "true")]));
        assert!(!reply.failed && !reply.changed, "{reply:?}");
        let text = |name: &str| serde_json::to_string(reply.data.get(name).unwrap()).unwrap();
        assert_eq!(text("json"), r#"{"a":[1]}"#);
        assert_eq!(text("status"), "200");
        assert_eq!(text("cookies"), r#"{"a":"b"}"#);
        assert_eq!(text("x_thing"), r#""1""#);
        assert_eq!(text("content_type"), r#""application/json; charset=utf-8""#);
        assert_eq!(text("msg"), r#""OK (10 bytes)""#);
    }

    #[test]
    fn bodies_are_sent_in_their_format() {
        let server = http_server(vec![("HTTP/1.1 201 Created\r\n", ""), ("HTTP/1.1 500 Oops\r\n", "bad")]);
        let url = server.url("/");
        let mut given =
            args([("url", url.as_str()), ("method", "post"), ("body_format", "json"), ("status_code", "201")]);
        given.insert("body", Map::from_iter([("a", Value::Int(1)), ("b", Value::from("x"))]));
        let reply = Fake::new().unwrap().call("uri", given);
        assert!(!reply.failed, "{reply:?}");
        let seen = server.requests().remove(0);
        assert!(seen.starts_with("POST / HTTP/1.1\r\n"), "{seen}");
        assert!(seen.to_lowercase().contains("content-type: application/json\r\n"), "{seen}");
        assert!(seen.ends_with("{\"a\": 1, \"b\": \"x\"}"), "{seen}");
        let reply = Fake::new().unwrap().call("uri", args([("url", url.as_str())]));
        let msg = "Status code was 500 and not [200]: HTTP Error 500: Internal Server Error";
        assert_eq!(reply.data.get("msg"), Some(&msg.into()));
    }

    #[test]
    fn redirects_credentials_and_refusals() {
        let server = http_server(vec![
            ("HTTP/1.1 302 Found\r\nLocation: /there\r\n", ""),
            ("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n", ""),
            ("HTTP/1.1 200 OK\r\n", "in"),
        ]);
        let url = server.url("/here");
        let given = args([("url", url.as_str()), ("user", "u"), ("password", "pw"), ("return_content", "true")]);
        let reply = Fake::new().unwrap().call("uri", given);
        assert_eq!(reply.data.get("content"), Some(&"in".into()), "{reply:?}");
        assert_eq!(reply.data.get("redirected"), Some(&true.into()));
        let seen = server.requests();
        assert!(seen[1].starts_with("GET /there"));
        assert!(seen[2].to_lowercase().contains("authorization: basic dtpwdw=="), "{}", seen[2]);
        let reply = Fake::new().unwrap().call("uri", args([("url", "http://127.0.0.1:1/")]));
        let msg = "Status code was -1 and not [200]: Request failed: <urlopen error [Errno 111] Connection refused>";
        assert_eq!(reply.data.get("msg"), Some(&msg.into()));
    }

    #[test]
    fn forms() {
        let map = Map::from_iter([("a", Value::from("b c&")), ("l", Value::from(vec![1, 2])), ("n", Value::Null)]);
        assert_eq!(form(&map.into()).unwrap(), "a=b+c%26&l=1&l=2");
        assert_eq!(url_name("http://h/a/b.tar.gz?x=1"), "b.tar.gz");
        assert_eq!(url_name("http://h"), "index.html");
        assert!(is_json("application/vnd.api+json") && !is_json("text/html"));
    }
}
