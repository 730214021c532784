//! Keeps host keys in a known_hosts file.
//!
//! Options:
//! - `name` (text, required; also `host`): the host, as in the key's first field.
//! - `key` (text): the line for the file; without it, `absent` removes every key of the host.
//! - `path` (path, default `~/.ssh/known_hosts`), `hash_host` (bool), `state` (`present` or `absent`).
//!
//! Returns: the options, and `diff`. Needs `ssh-keygen` on the target.
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.known_hosts:
//!     name: review.example.com
//!     key: "{{ lookup('pipe', 'ssh-keyscan -t ed25519 review.example.com') }}"
//! ```

use std::io::{Read as _, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rplay_protocol::{Diff, Reply};
use sha1::{Digest as _, Sha1};

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Replace, Support};

/// `ansible.builtin.known_hosts`
pub static MODULE: Module = Module {
    name: "known_hosts",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required().alias(&["host"]),
            Arg::text("key"),
            Arg::path("path").default("~/.ssh/known_hosts"),
            Arg::bool("hash_host").default("false"),
            Arg::text("state").default("present").choices(&["absent", "present"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// What the file says about the host.
#[derive(Debug, Default, PartialEq)]
struct Found {
    /// There is a key of the host.
    host: bool,
    /// It is not the one wanted.
    other: bool,
    /// The line (from 1) of the key, or of the one of the same type.
    line: Option<usize>,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let host = args.need("name").to_lowercase();
    let present = args.need("state") == "present";
    let keygen = cx.sys().need("ssh-keygen")?;
    let mut key = args.text("key").filter(|key| !key.is_empty()).map(str::to_owned);
    if key.is_none() && present {
        return Err(ModuleError::msg("No key specified when adding a host"));
    }
    if args.flag("hash_host") {
        key = key.map(|key| hashed(&host, &key)).transpose()?;
    }
    let key = key.map(|key| if key.ends_with('\n') { key } else { key + "\n" });
    let shown = args.need("path");
    let path = cx.path(shown);
    if let Some(key) = &key {
        check_key(cx, &keygen, &host, key)?;
    }
    let found = if path.exists() { look(cx, &keygen, &host, key.as_deref(), &path)? } else { Found::default() };
    let before = if path.exists() { fs_err::read_to_string(&path)? } else { String::new() };
    let after = edited(&before, &found, present, key.as_deref());
    let mut reply = Reply::ok();
    for (name, value) in args.all() {
        reply.data.insert(name.clone(), value.clone());
    }
    // Whether or not differences are shown: the result has it.
    let before_header = if path.exists() { shown } else { "/dev/null" };
    reply.diff.push(Diff::text(before_header, before, shown, after.as_str()));
    if !present && found.line.is_none() && key.is_some() {
        // Another key of the host is none of this task's business.
        return Ok(reply);
    }
    reply.changed = found.other || present != found.host;
    if cx.check() {
        return Ok(Reply { changed: reply.changed, diff: reply.diff, ..Reply::default() });
    }
    if !reply.changed {
        return Ok(reply);
    }
    if !present && key.is_none() {
        let output = keygen_run(cx, &[&keygen, "-R", &host, "-f", &path.to_string_lossy()])?;
        if !output.success() {
            return Err(ModuleError::reply(Reply::failure(output.err().trim_end()).with("rc", output.rc)));
        }
        return Ok(reply);
    }
    Replace::new(&path).write(cx.sys(), after.as_bytes())?;
    Ok(reply)
}

fn keygen_run(cx: &Context<'_>, words: &[&str]) -> Result<Output, ModuleError> {
    Ok(cx.sys().run(&Program::new(words.iter().copied()))?)
}

/// ssh-keygen itself says whether the key is one of the host (names may be hashed).
fn check_key(cx: &Context<'_>, keygen: &str, host: &str, key: &str) -> Result<(), ModuleError> {
    if host.split_whitespace().any(|word| word.contains(',') && !word.starts_with(',')) {
        let msg = "Comma separated list of names is not supported. Please pass a single name to lookup in the known_hosts file.";
        return Err(ModuleError::msg(msg));
    }
    let mut file = tempfile::NamedTempFile::new_in(cx.sys().tmp())?;
    file.write_all(key.as_bytes())?;
    let output = keygen_run(cx, &[keygen, "-F", host, "-f", &file.path().to_string_lossy()])?;
    if output.stdout.is_empty() {
        return Err(ModuleError::msg("Host parameter does not match hashed host field in supplied key"));
    }
    Ok(())
}

fn look(cx: &Context<'_>, keygen: &str, host: &str, key: Option<&str>, path: &Path) -> Result<Found, ModuleError> {
    let output = keygen_run(cx, &[keygen, "-F", host, "-f", &path.to_string_lossy()])?;
    if output.stdout.is_empty() && output.stderr.is_empty() && matches!(output.rc, 0 | 1) {
        return Ok(Found::default());
    }
    if !output.success() {
        let (rc, out, err) = (output.rc, output.out(), output.err());
        return Err(ModuleError::msg(format!("ssh-keygen failed (rc={rc}, stdout='{out}',stderr='{err}')")));
    }
    let Some(key) = key else { return Ok(Found { host: true, ..Found::default() }) };
    Ok(compare(&output.out(), key))
}

/// The marker, host, type and key of a line.
#[derive(Clone, Debug, PartialEq)]
struct Fields<'a> {
    marker: Option<&'a str>,
    host: &'a str,
    kind: &'a str,
    key: &'a str,
}

impl<'a> Fields<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace().peekable();
        let marker = words.next_if(|word| word.starts_with('@'));
        Some(Self { marker, host: words.next()?, kind: words.next()?, key: words.next()? })
    }
}

/// Reads what `ssh-keygen -F` found: comments with line numbers, each followed by its key.
fn compare(text: &str, key: &str) -> Found {
    let mut number = None;
    let Some(wanted) = Fields::of(key) else { return Found { host: true, other: true, line: None } };
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            number = line.rsplit_once("found: line ").and_then(|(_, n)| n.split_whitespace().next()?.parse().ok());
            continue;
        }
        let Some(found) = Fields::of(line) else { continue };
        let mut wanted = wanted.clone();
        let marked = found.marker.is_some_and(|m| m.starts_with("@cert-authority") || m.starts_with("@revoke"));
        if !marked && wanted.host.starts_with("|1|") && found.host.starts_with("|1|") {
            // The same host hashed with another salt is the same host.
            wanted.host = found.host;
        }
        if wanted == found {
            return Found { host: true, other: false, line: number };
        }
        if !marked && wanted.kind == found.kind {
            return Found { host: true, other: true, line: number };
        }
    }
    Found { host: true, other: true, line: None }
}

/// The file's text afterwards.
fn edited(before: &str, found: &Found, present: bool, key: Option<&str>) -> String {
    let mut lines: Vec<&str> = before.split_inclusive('\n').collect();
    if let Some(line) = found.line.filter(|line| (found.other || !present) && (1..=lines.len()).contains(line)) {
        lines.remove(line - 1);
    }
    let mut text = lines.concat();
    if present && (found.other || found.line.is_none()) {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(key.unwrap_or_default());
    }
    text
}

/// The line with its host hashed under a new salt, as ssh's `HashKnownHosts`.
fn hashed(host: &str, key: &str) -> Result<String, ModuleError> {
    let mut salt = [0; 20];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut salt)?;
    let mark = format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hmac_sha1(&salt, host.as_bytes())));
    let mut words: Vec<&str> = key.split_whitespace().collect();
    let at = usize::from(words.first().is_some_and(|word| word.starts_with('@')));
    if let Some(word) = words.get_mut(at) {
        *word = &mark;
    }
    Ok(words.join(" "))
}

fn hmac_sha1(key: &[u8; 20], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
        block
    };
    let inner = Sha1::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use rplay_value::Map;

    use super::*;
    use crate::Real;
    use crate::testing::{Fake, args};

    const A: &str = "h.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const B: &str = "h.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2QBmSbsZVkCcOrbBmLpA8e4MUe1JwLVwjH6pQFvAg4";

    fn call(path: &Path, entries: &[(&'static str, &str)]) -> Reply {
        let mut given: Map = args(entries.iter().copied());
        given.insert("path", path.to_str().unwrap());
        given.insert("name", "h.example");
        crate::run(
            &Real::default(),
            &rplay_protocol::Call { module: "known_hosts".into(), args: given, ..Default::default() },
        )
    }

    #[test]
    fn keys_are_added_replaced_and_removed() {
        if Real::default().run_exists("ssh-keygen") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("known_hosts");
            fs_err::write(&path, "other ssh-rsa AAAA\n").unwrap();
            let reply = call(&path, &[("key", A)]);
            assert!(reply.changed && !reply.failed, "{:?}", reply.data);
            assert!(!call(&path, &[("key", A)]).changed);
            assert_eq!(fs_err::read_to_string(&path).unwrap(), format!("other ssh-rsa AAAA\n{A}\n"));
            assert!(call(&path, &[("key", B)]).changed);
            assert_eq!(fs_err::read_to_string(&path).unwrap(), format!("other ssh-rsa AAAA\n{B}\n"));
            assert!(call(&path, &[("key", B), ("state", "absent")]).changed);
            assert!(call(&path, &[("key", A), ("hash_host", "yes")]).changed);
            assert!(!call(&path, &[("key", A), ("hash_host", "yes")]).changed);
            assert!(call(&path, &[("state", "absent")]).changed);
            assert_eq!(fs_err::read_to_string(&path).unwrap(), "other ssh-rsa AAAA\n");
        }
    }

    #[test]
    fn what_ssh_keygen_found_is_compared() {
        let text = format!("# Host h.example found: line 7 \n{A}\n");
        assert_eq!(compare(&text, A), Found { host: true, other: false, line: Some(7) });
        assert_eq!(compare(&text, B), Found { host: true, other: true, line: Some(7) });
        assert_eq!(compare(&text, "h.example ssh-rsa AAAAB3"), Found { host: true, other: true, line: None });
    }

    #[test]
    fn mistakes_are_named() {
        let fake = Fake::new().unwrap().on("ssh-keygen", 1, "");
        let msg = |entries: &[(&'static str, &str)]| {
            fake.call("known_hosts", args(entries.iter().copied())).data.get("msg").unwrap().to_string()
        };
        assert_eq!(msg(&[("name", "h")]), "No key specified when adding a host");
        assert_eq!(
            msg(&[("name", "h"), ("key", A)]),
            "Host parameter does not match hashed host field in supplied key"
        );
        assert_eq!(hmac_sha1(&[0x0b; 20], b"Hi There")[..4], [0xb6, 0x17, 0x31, 0x86]);
    }

    impl Real {
        fn run_exists(&self, name: &str) -> bool {
            crate::Sys::which(self, name).is_some()
        }
    }
}
