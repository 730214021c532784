//! Downloads files over HTTP and HTTPS.
//!
//! Options:
//! - `url`, `dest` (required): from where, to which file or folder.
//! - `checksum`: `algorithm:hex`, or `algorithm:URL` of a file of checksums. A file that has it is not fetched again.
//! - `force`: fetch even what is not newer. `backup`: keep the old file. `tmp_dest`: folder for the temporary file.
//! - `headers`, `http_agent`, `timeout` (default 10), `url_username`, `url_password` (aliases `username`, `password`),
//!   `force_basic_auth`, `use_netrc`, `validate_certs`, `client_cert`, `client_key`, `use_proxy`, `unredirected_headers`,
//!   `decompress`.
//! - The usual file options: `mode`, `owner`, `group`, ...
//! - Not supported: `use_gssapi`, `ciphers`.
//!
//! Returns: `dest`, `url`, `checksum_src`, `checksum_dest`, `md5sum`, `status_code`, `msg`, `elapsed`, `src`, `backup_file`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - get_url:
//!     url: https://cloud.example.org/image.qcow2
//!     dest: /var/lib/images/
//!     checksum: sha256:https://cloud.example.org/SHA256SUMS
//! ```

use std::path::Path;
use std::time::Instant;

use rplay_protocol::Reply;
use rplay_value::Value;
use tempfile::TempPath;

use super::uri::{common_request, destination, if_modified_since, url_name};
use crate::http::{self, Request, Response};
use crate::{
    Algorithm, Arg, ArgSpec, Args, Context, FileAttrs, Module, ModuleError, Replace, Support, backup, digest_file,
};

/// `ansible.builtin.get_url`
pub static MODULE: Module = Module {
    name: "get_url",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("url").required(),
            Arg::bool("force").default("false").alias(&["thirsty"]),
            Arg::text("http_agent").default("ansible-httpget"),
            Arg::bool("use_proxy").default("true"),
            Arg::bool("validate_certs").default("true"),
            Arg::text("url_username").alias(&["username"]),
            Arg::text("url_password").alias(&["password"]).no_log(),
            Arg::bool("force_basic_auth").default("false"),
            Arg::path("client_cert"),
            Arg::path("client_key"),
            Arg::bool("use_gssapi").default("false"),
            Arg::path("dest").required(),
            Arg::bool("backup").default("false"),
            Arg::text("checksum").default(""),
            Arg::int("timeout").default("10"),
            Arg::map("headers"),
            Arg::path("tmp_dest"),
            Arg::list("unredirected_headers"),
            Arg::bool("decompress").default("true"),
            Arg::list("ciphers"),
            Arg::bool("use_netrc").default("true"),
        ],
        file: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (dest, mut force) = (args.need("dest"), args.flag("force"));
    let none = |reply: Reply| reply.with("checksum_dest", Value::Null).with("checksum_src", Value::Null);
    let wanted = checksum(cx, args).map_err(|error| match error {
        ModuleError::Failed { reply } if !reply.data.contains("url") => {
            let reply = none(*reply).with("dest", dest).with("url", http::masked(args.need("url")));
            ModuleError::reply(reply.with("elapsed", 0))
        }
        other => other,
    })?;
    let base = Reply::ok().with("dest", dest).with("url", http::masked(args.need("url")));
    let attributes = FileAttrs::from_args(args)?;
    let is_folder = cx.path(dest).is_dir();
    let mut since = None;
    if !is_folder && cx.path(dest).exists() {
        if let (false, Some((algorithm, sum))) = (force, &wanted) {
            if digest_file(*algorithm, &cx.path(dest))? == *sum {
                let changed = attributes.apply(cx, &cx.path(dest), None)?;
                let msg =
                    if changed { "file already exists but file attributes changed" } else { "file already exists" };
                return Ok(none(Reply { changed, ..base }).with("msg", msg).with("elapsed", 0));
            }
            // The file on the server may be older and still be the right one.
            force = true;
        }
        since = if_modified_since(cx, dest);
    }
    let mut request = common_request(args, if cx.check() { "HEAD" } else { "GET" })?;
    if force {
        request.headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
    } else {
        request.headers.extend(since);
    }
    let started = Instant::now();
    let answer = answered(cx, request, args)?;
    let elapsed = || started.elapsed().as_secs();
    let (status, message) = (answer.status, answer.message());
    if status == 304 {
        return Ok(base.with("msg", message).with("status_code", status).with("elapsed", elapsed()));
    }
    let dest = destination(cx, dest, &answer);
    let target = cx.path(&dest);
    let base = base.with("dest", dest.to_string_lossy().into_owned());
    let folder = dest.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !target.exists() && !cx.path(folder).exists() {
        let msg = format!("Destination {} does not exist", folder.display());
        return Err(ModuleError::reply(none(base).with("msg", msg).with("elapsed", elapsed())));
    }
    if cx.check() {
        let before = if target.exists() { Value::from(digest_file(Algorithm::Sha1, &target)?) } else { Value::Null };
        let reply = Reply { changed: true, ..base }.with("checksum_dest", before).with("checksum_src", Value::Null);
        return Ok(reply.with("msg", message).with("elapsed", elapsed()));
    }
    let source = save(cx, args, answer)?;
    let sum_of = |path: &Path| digest_file(Algorithm::Sha1, path);
    let before = if target.exists() { Some(sum_of(&target)?) } else { None };
    let after = sum_of(&source)?;
    let mut reply = base
        .with("src", source.to_string_lossy().into_owned())
        .with("elapsed", elapsed())
        .with("checksum_src", after.as_str())
        .with("checksum_dest", before.clone().map_or(Value::Null, Value::from));
    if let Some((algorithm, sum)) = &wanted {
        let found = digest_file(*algorithm, &source)?;
        if found != *sum {
            let msg = format!("The checksum for {} did not match {sum}; it was {found}.", source.display());
            return Err(ModuleError::reply(reply.with("msg", msg)));
        }
    }
    if before.as_deref() != Some(after.as_str()) {
        if args.flag("backup")
            && let Some(kept) = backup(&target, false)?
        {
            reply = reply.with("backup_file", kept.to_string_lossy().into_owned());
        }
        Replace::new(&target).unsafe_writes(args.flag("unsafe_writes")).copy_from(cx.sys(), &source)?;
        reply.changed = true;
    }
    reply.changed |= attributes.apply(cx, &target, None)?;
    Ok(reply.with("md5sum", digest_file(Algorithm::Md5, &target)?).with("msg", message).with("status_code", status))
}

/// The answer to a request; anything but 200 and 304 is an error.
fn answered(cx: &Context<'_>, request: Request, args: &Args) -> Result<Response, ModuleError> {
    let place = |reply: Reply| {
        let reply =
            reply.with("url", http::masked(args.need("url"))).with("dest", args.need("dest")).with("elapsed", 0);
        ModuleError::reply(reply)
    };
    let answer = http::send(cx, request).map_err(|why| place(Reply::failure(why)))?;
    if answer.status == 200 || answer.status == 304 {
        return Ok(answer);
    }
    let reply = Reply::failure("Request failed").with("status_code", answer.status).with("response", answer.message());
    Err(place(reply))
}

fn save(cx: &Context<'_>, args: &Args, answer: Response) -> Result<TempPath, ModuleError> {
    let folder = match args.text("tmp_dest") {
        Some(folder) if cx.path(folder).is_dir() => cx.path(folder),
        Some(folder) if cx.path(folder).exists() => {
            return Err(ModuleError::msg(format!("{folder} is a file but should be a directory.")));
        }
        Some(folder) => return Err(ModuleError::msg(format!("{folder} directory does not exist."))),
        None => cx.sys().tmp(),
    };
    let mut file = tempfile::Builder::new().prefix("get_url").tempfile_in(folder)?;
    let failed = |error: std::io::Error| ModuleError::msg(format!("failed to create temporary content file: {error}"));
    answer.copy_to(file.as_file_mut()).map_err(failed)?;
    Ok(file.into_temp_path())
}

/// The algorithm and hex digits that are asked for.
fn checksum(cx: &Context<'_>, args: &Args) -> Result<Option<(Algorithm, String)>, ModuleError> {
    let text = args.need("checksum");
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || ModuleError::msg("The checksum parameter has to be in format <algorithm>:<checksum>");
    let (name, sum) = text.split_once(':').ok_or_else(bad)?;
    let algorithm: Algorithm = Algorithm::find(name.trim()).ok_or_else(|| {
        ModuleError::msg(format!("Could not hash file with algorithm '{name}'. Available algorithms: md5, sha1, sha224, sha256, sha384, sha512"))
    })?;
    let mut sum = sum.to_owned();
    if ["http://", "https://"].iter().any(|scheme| sum.starts_with(scheme)) {
        let request = Request { url: sum.clone(), ..common_request(args, "GET")? };
        let bytes = answered(cx, request, args)?.bytes()?;
        let name = url_name(args.need("url"));
        let found = find_sum(&String::from_utf8_lossy(&bytes), &name);
        sum = found.ok_or_else(|| {
            ModuleError::msg(format!("Unable to find a checksum for file '{name}' in '{}'", http::masked(&sum)))
        })?;
    }
    let sum: String = sum.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect::<String>().to_lowercase();
    if sum.is_empty() || !sum.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(ModuleError::msg("The checksum format is invalid"));
    }
    Ok(Some((algorithm, sum)))
}

/// A file's sum in the output of `sha256sum` or of BSD's `sha256`, or the only word of the text.
fn find_sum(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if let [only] = lines.as_slice()
        && only.split_whitespace().count() == 1
    {
        return Some(only.trim().to_owned());
    }
    lines.iter().find_map(|line| {
        let bsd = line.split_once(" (").and_then(|(_, rest)| rest.rsplit_once(") = "));
        let (path, sum) = match bsd {
            Some(pair) => pair,
            None => line.split_once(char::is_whitespace).map(|(sum, path)| (path.trim_start(), sum))?,
        };
        let path = path.strip_prefix('*').unwrap_or(path);
        (path.trim_start_matches(['.', '/']) == name || path == name).then(|| sum.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args, http_server};

    #[test]
    fn a_file_comes_once() {
        let server = http_server(vec![
            ("HTTP/1.1 200 OK\r\n", "hello"),
            ("HTTP/1.1 304 Not Modified\r\n", ""),
            ("HTTP/1.1 200 OK\r\n", "hello"),
        ]);
        let fake = Fake::new().unwrap();
        fake.write("/srv/x", "").unwrap();
        let url = server.url("/a/file.txt");
        let call = |more: &[(&'static str, &'static str)]| {
            let mut given = args([("url", url.as_str()), ("dest", "/srv"), ("mode", "0600")]);
            for (key, value) in more {
                given.insert(*key, *value);
            }
            fake.call("get_url", given)
        };
        let reply = call(&[]);
        assert!(reply.changed, "{reply:?}");
        assert_eq!(reply.data.get("dest"), Some(&"/srv/file.txt".into()));
        assert_eq!(reply.data.get("msg"), Some(&"OK (5 bytes)".into()));
        assert_eq!(reply.data.get("md5sum"), Some(&"5d41402abc4b2a76b9719d911017c592".into()));
        let reply = call(&[("dest", "/srv/file.txt")]);
        assert!(!reply.changed && !reply.failed, "{reply:?}");
        assert!(server.requests()[1].to_lowercase().contains("if-modified-since: "));
        assert!(!call(&[("dest", "/srv/file.txt"), ("force", "true")]).changed);
        let sum = "sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
        let reply = call(&[("dest", "/srv/file.txt"), ("checksum", sum)]);
        assert_eq!(reply.data.get("msg"), Some(&"file already exists".into()), "no fourth request");
    }

    #[test]
    fn failures_have_ansibles_keys() {
        let server = http_server(vec![("HTTP/1.1 404 Not Found\r\n", ""), ("HTTP/1.1 200 OK\r\n", "x")]);
        let fake = Fake::new().unwrap();
        fake.write("/srv/x", "").unwrap();
        let url = server.url("/f");
        let reply = fake.call("get_url", args([("url", url.as_str()), ("dest", "/srv/f")]));
        assert_eq!(reply.data.get("msg"), Some(&"Request failed".into()));
        assert_eq!(reply.data.get("response"), Some(&"HTTP Error 404: Not Found".into()));
        let reply = fake.call("get_url", args([("url", url.as_str()), ("dest", "/srv/f"), ("checksum", "md5:00")]));
        assert!(
            reply
                .data
                .get("msg")
                .unwrap()
                .as_str()
                .unwrap()
                .contains("did not match 00; it was 9dd4e461268c8034f5c8564e155c67a6.")
        );
        assert!(fake.read("/srv/f").is_err());
    }

    #[test]
    fn sums_are_found_in_lists() {
        let list = "aa  ./other\nbb *file\n";
        assert_eq!(find_sum(list, "file").as_deref(), Some("bb"));
        assert_eq!(find_sum(list, "other").as_deref(), Some("aa"));
        assert_eq!(find_sum("SHA256 (file) = cc\nSHA256 (b) = dd\n", "b").as_deref(), Some("dd"));
        assert_eq!(find_sum("ee\n", "any").as_deref(), Some("ee"));
        assert_eq!(find_sum(list, "none"), None);
    }
}
