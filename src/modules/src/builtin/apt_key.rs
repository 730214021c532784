//! Adds keys to APT's keyring, or removes them, with `apt-key`, which newer systems no longer have.
//!
//! Options:
//! - `id`: the key's id: 8, 16 or more hexadecimal digits. `state` (default `present`): `present`, `absent`.
//! - `url`, `data`, `file`, `keyserver`: where the key comes from; one of them. `keyserver` needs `id`.
//! - `keyring`: a file to keep the key in. `validate_certs` (default true): of `url`.
//!
//! Returns: `id`, `short_id`, `fp`, `key_id`, `before` and `after` (ids).
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - apt_key:
//!     url: https://download.example.org/key.asc
//!     keyring: /etc/apt/trusted.gpg.d/example.gpg
//! ```

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::http::{Request, masked, send};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support, tools};

/// `ansible.builtin.apt_key`
pub static MODULE: Module = Module {
    name: "apt_key",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("id"),
            Arg::text("url"),
            Arg::text("data"),
            Arg::path("file"),
            Arg::path("keyring"),
            Arg::bool("validate_certs").default("true"),
            Arg::text("keyserver"),
            Arg::text("state").default("present").choices(&["absent", "present"]),
        ],
        exclusive: &[&["data", "file", "keyserver", "url"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

const ATTEMPTS: usize = 5;

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let keys =
        Keys { cx, apt_key: cx.sys().need("apt-key")?, gpg: cx.sys().need("gpg")?, keyring: args.text("keyring") };
    let mut data = args.text("data").map(|text| text.as_bytes().to_vec());
    let mut id = args.text("id").filter(|id| !id.is_empty()).map(str::to_owned);
    if id.is_none() {
        if args.get("keyserver").is_some() {
            return Err(ModuleError::msg("Missing key_id, required with keyserver."));
        }
        if let Some(url) = args.text("url") {
            data = Some(download(cx, args, url)?);
        }
        id = match (args.text("file"), &data) {
            (Some(file), _) => keys.first_of(file, None)?,
            (None, Some(data)) => keys.first_of("-", Some(data))?,
            (None, None) => None,
        };
    }
    let mut reply = Reply::ok().with("id", id.clone().map_or(Value::Null, Value::from));
    let stopped = |reply: Reply, msg: String| ModuleError::reply(Reply::failure(msg).merged(reply));
    let Some((short, fingerprint, id)) = id.as_deref().and_then(parts) else {
        return Err(stopped(reply, "Invalid key_id".to_owned()));
    };
    reply = reply.with("short_id", short.as_str()).with("fp", fingerprint.as_str()).with("key_id", id.as_str());
    let is_short = id.len() == 8;
    let before = keys.all(is_short)?;
    reply = reply.with("before", before.clone());
    let has = |known: &[String]| known.contains(if is_short { &short } else { &fingerprint });
    let unchanged = |what: &str| {
        format!("apt-key did not return an error, but {what} (check that the id is correct and *not* a subkey)")
    };
    if args.need("state") == "present" {
        if has(&before) {
            return Ok(reply);
        }
        reply.changed = true;
        if cx.check() {
            return Ok(reply);
        }
        if let Some(file) = args.text("file") {
            keys.add(file, None)?;
        } else if let Some(server) = args.text("keyserver") {
            keys.receive(server, &id)?;
        } else if let Some(data) = &data {
            keys.add("-", Some(data))?;
        } else if let Some(url) = args.text("url") {
            keys.add("-", Some(&download(cx, args, url)?))?;
        } else {
            return Err(stopped(reply, "No key to add ... how did i get here?!?!".to_owned()));
        }
        let after = keys.all(is_short)?;
        reply = reply.with("after", after.clone());
        return if has(&after) { Ok(reply) } else { Err(stopped(reply, unchanged("failed to add the key"))) };
    }
    if before.contains(&fingerprint) {
        reply.changed = true;
        if !cx.check() {
            keys.remove(&short)?;
            let after = keys.all(is_short)?;
            reply = reply.with("after", after.clone());
            if after.contains(&fingerprint) {
                return Err(stopped(reply, unchanged("the key was not removed")));
            }
        }
    }
    Ok(reply)
}

trait Merged {
    fn merged(self, other: Self) -> Self;
}

impl Merged for Reply {
    /// The other's keys after one's own.
    fn merged(mut self, other: Self) -> Self {
        self.data.extend(other.data);
        Self { changed: other.changed, ..self }
    }
}

/// An id's last 8 digits, its last 16, and all of them, in upper case.
fn parts(id: &str) -> Option<(String, String, String)> {
    let id = id.trim().to_uppercase();
    let id = id.strip_prefix("0X").unwrap_or(&id);
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) || id.len() < 16 && id.len() != 8 {
        return None;
    }
    Some((id[id.len() - 8..].to_owned(), id[id.len().saturating_sub(16)..].to_owned(), id.to_owned()))
}

/// Ids in the output of gpg, with or without colons; those that expired are left out.
fn ids(output: &str) -> Vec<String> {
    let lines = output.lines().filter(|line| line.starts_with("pub") || line.starts_with("sub"));
    lines
        .filter(|line| !line.contains("expired"))
        .filter_map(|line| {
            let second = line.split_whitespace().nth(1).and_then(|word| {
                let (_, id) = word.split_once('/')?;
                (!id.contains('/')).then_some(id)
            });
            second.or_else(|| line.split(':').nth(4)).map(str::to_owned)
        })
        .collect()
}

fn download(cx: &Context<'_>, args: &Args, url: &str) -> Result<Vec<u8>, ModuleError> {
    let with = |why: String| ModuleError::msg(format!("Failed to download key at {}: {why}", masked(url)));
    let request = Request { validate_certs: args.flag("validate_certs"), ..Request::new("GET", url) };
    let response = send(cx, request).map_err(with)?;
    if response.status != 200 {
        return Err(with(response.message()));
    }
    response.bytes().map_err(|error| with(error.to_string()))
}

/// APT's keys.
struct Keys<'a> {
    cx: &'a Context<'a>,
    apt_key: String,
    gpg: String,
    keyring: Option<&'a str>,
}

impl Keys<'_> {
    fn run(&self, words: &[&str], stdin: Option<&[u8]>) -> Result<(String, Output), ModuleError> {
        let mut argv = vec![self.apt_key.as_str()];
        argv.extend(self.keyring.iter().flat_map(|file| ["--keyring", file]));
        argv.extend(words);
        let program = Program { stdin: stdin.map(<[u8]>::to_vec), ..Program::new(argv.iter().copied()) };
        Ok((argv.join(" "), tools::run_program(self.cx, program)?))
    }

    /// What a command said, when it succeeded; a failure has these keys otherwise.
    fn checked(&self, words: &[&str], stdin: Option<&[u8]>, msg: impl Fn() -> Reply) -> Result<String, ModuleError> {
        let (cmd, output) = self.run(words, stdin)?;
        if output.success() {
            return Ok(output.out());
        }
        let reply = msg().with("cmd", cmd).with("rc", output.rc);
        Err(ModuleError::reply(reply.with("stdout", output.out()).with("stderr", output.err())))
    }

    fn all(&self, short: bool) -> Result<Vec<String>, ModuleError> {
        let words = ["adv", "--list-public-keys", "--keyid-format=long"];
        let listed = self.checked(&words, None, || Reply::failure("Unable to list public keys"))?;
        let ids = ids(&listed).into_iter();
        Ok(ids.map(|id| if short { id[id.len().saturating_sub(8)..].to_owned() } else { id }).collect())
    }

    /// The first key's id in a file, or in data that `-` stands for.
    fn first_of(&self, file: &str, data: Option<&[u8]>) -> Result<Option<String>, ModuleError> {
        let program = Program::new([self.gpg.as_str(), "--with-colons", file]);
        let output = tools::run_program(self.cx, Program { stdin: data.map(<[u8]>::to_vec), ..program })?;
        if !output.success() {
            let shown = if data.is_some() { "inline data" } else { file };
            let reply = Reply::failure(format!("Unable to extract key from '{shown}'"));
            return Err(ModuleError::reply(reply.with("stdout", output.out()).with("stderr", output.err())));
        }
        Ok(ids(&output.out()).into_iter().next())
    }

    fn add(&self, file: &str, data: Option<&[u8]>) -> Result<(), ModuleError> {
        let failure = || match data {
            Some(_) => Reply::failure("Unable to add a key from binary data"),
            None => Reply::failure(format!("Unable to add a key from file {file}")).with("keyfile", file),
        };
        self.checked(&["add", file], data, failure).map(|_| ())
    }

    fn remove(&self, short: &str) -> Result<(), ModuleError> {
        let failure = || Reply::failure(format!("Unable to remove a key with id {short}")).with("key_id", short);
        self.checked(&["del", short], None, failure).map(|_| ())
    }

    fn receive(&self, server: &str, id: &str) -> Result<(), ModuleError> {
        let proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
            .iter()
            .find_map(|name| self.cx.sys().var(name).filter(|value| !value.is_empty()))
            .map(|proxy| format!("http-proxy={proxy}"));
        let mut words = vec!["adv", "--no-tty", "--keyserver", server];
        words.extend(proxy.iter().flat_map(|proxy| ["--keyserver-options", proxy]));
        words.extend(["--recv", id]);
        let (mut cmd, mut output) = self.run(&words, None)?;
        for _ in 1..ATTEMPTS {
            if output.success() {
                return Ok(());
            }
            (cmd, output) = self.run(&words, None)?;
        }
        if output.success() {
            return Ok(());
        }
        if output.rc == 2 && output.out().contains("not found on keyserver") {
            let msg = format!("Key {id} not found on keyserver {server}");
            return Err(ModuleError::reply(Reply::failure(msg).with("cmd", cmd)));
        }
        let reply = Reply::failure(format!("Error fetching key {id} from keyserver: {server}")).with("cmd", cmd);
        let reply = reply.with("rc", output.rc).with("stdout", output.out()).with("stderr", output.err());
        Err(ModuleError::reply(reply))
    }
}

#[cfg(test)]
mod tests {
    use super::{ids, parts};
    use crate::testing::{Fake, args};

    const LISTED: &str = "pub   rsa2048/0123456789ABCDEF 2023-11-14 [SC]\n      AAAA\nuid  x\n";

    fn fake() -> Fake {
        let fake = Fake::new()
            .unwrap()
            .on("apt-key adv --list-public-keys", 0, "")
            .on("apt-key adv --list-public-keys", 0, LISTED)
            .on("apt-key add", 0, "OK")
            .on("apt-key del", 0, "OK")
            .on("apt-key adv --no-tty", 2, "key not found on keyserver")
            .on("gpg --with-colons", 0, "pub:-:2048:1:0123456789ABCDEF:1:::-:::\n");
        fake.write("/key", "x").unwrap();
        fake
    }

    #[test]
    fn a_key_is_added_once() {
        let fake = fake();
        let reply = fake.call("apt_key", args([("file", "/key")]));
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(reply.data.get("short_id"), Some(&"89ABCDEF".into()));
        assert_eq!(reply.data.get("after"), Some(&vec!["0123456789ABCDEF"].into()));
        assert!(!fake.call("apt_key", args([("data", "x")])).changed);
        assert!(fake.check("apt_key", args([("id", "0x0123456789abcdef"), ("state", "absent")])).changed);
        assert!(!fake.command_lines().iter().any(|line| line.contains("del")));
    }

    #[test]
    fn failures() {
        for (given, msg) in [
            (args([("keyserver", "k")]), "Missing key_id, required with keyserver."),
            (args([("id", "xyz")]), "Invalid key_id"),
            (args([("id", "89ABCDEF"), ("keyserver", "k")]), "Key 89ABCDEF not found on keyserver k"),
            (args([("id", "89ABCDEF")]), "No key to add ... how did i get here?!?!"),
        ] {
            assert_eq!(fake().call("apt_key", given).data.get("msg"), Some(&msg.into()));
        }
    }

    #[test]
    fn ids_have_parts() {
        assert_eq!(parts("0xdeadbeef"), Some(("DEADBEEF".into(), "DEADBEEF".into(), "DEADBEEF".into())));
        let long = "aaaa0123456789abcdef";
        assert_eq!(parts(long).map(|(_, fingerprint, _)| fingerprint).as_deref(), Some("0123456789ABCDEF"));
        assert_eq!(parts("deadbeef0"), None);
        assert_eq!(ids("pub   rsa/1 [expired: 2020]\nsub:-:1:1:22:\n"), ["22"]);
    }
}
