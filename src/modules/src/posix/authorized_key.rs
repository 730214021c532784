//! Keeps the public keys that may log in as a user.
//!
//! Options:
//! - `user` (text, required), `key` (text, required): one key per line, a `https://` address, or `file:///path` on the target.
//! - `state` (`present` or `absent`, default `present`), `exclusive` (bool): no other keys stay.
//! - `key_options`, `comment` (text): instead of those in the key.
//! - `path` (path, default `~user/.ssh/authorized_keys`), `manage_dir` (bool, default true), `follow` (bool).
//! - `validate_certs` (bool, default true): check the certificate of the address.
//!
//! Returns: the options, and `keyfile`.
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.posix.authorized_key:
//!     user: stack
//!     key: "{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"
//! ```

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::User;
use rplay_protocol::{Diff, Reply};

use crate::http::{Request, masked, send};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, real_path};

/// `ansible.posix.authorized_key`
pub static MODULE: Module = Module {
    name: "authorized_key",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::text("user").required(),
            Arg::text("key").required(),
            Arg::path("path"),
            Arg::bool("manage_dir").default("true"),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("key_options"),
            Arg::bool("exclusive").default("false"),
            Arg::text("comment"),
            Arg::bool("validate_certs").default("true"),
            Arg::bool("follow").default("false"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

const TYPES: [&str; 23] = [
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "ssh-ed25519",
    "ssh-ed25519-cert-v01@openssh.com",
    "ssh-dss",
    "ssh-rsa",
    "ssh-xmss@openssh.com",
    "ssh-xmss-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "ssh-rsa-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "ssh-dss-cert-v01@openssh.com",
];

/// An option of a key, with its value.
type KeyOption = (String, Option<String>);

/// One line of the file.
#[derive(Clone, Debug, PartialEq)]
enum Line {
    Key {
        key: String,
        kind: String,
        options: Vec<KeyOption>,
        comment: String,
    },
    /// A comment, an empty or a broken line: left as it is.
    Other(String),
}

impl Line {
    fn parse(text: &str) -> Self {
        let unescaped = text.replace("\\#", "#");
        let words: Vec<&str> = unescaped.split_whitespace().collect();
        let other = || Self::Other(text.to_owned());
        if words.first().is_none_or(|word| word.starts_with('#')) {
            return other();
        }
        let Some(at) = words.iter().position(|word| TYPES.contains(word)) else { return other() };
        let Some(key) = words.get(at + 1) else { return other() };
        Self::Key {
            key: (*key).to_owned(),
            kind: words[at].to_owned(),
            options: parse_options(&words[..at].join(" ")),
            comment: words[at + 2..].join(" "),
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Key { key, .. } => Some(key),
            Self::Other(_) => None,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Other(text) => out.push_str(text),
            Self::Key { key, kind, options, comment } => {
                let options: Vec<String> = options
                    .iter()
                    .map(|(name, value)| value.as_ref().map_or_else(|| name.clone(), |value| format!("{name}={value}")))
                    .collect();
                let space = if options.is_empty() { "" } else { " " };
                out.push_str(&format!("{}{space}{kind} {key} {comment}\n", options.join(",")));
            }
        }
    }
}

/// Options between commas that are not inside quotes.
fn parse_options(text: &str) -> Vec<KeyOption> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            (',', None) => parts.push(String::new()),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
        if !(c == ',' && quote.is_none()) {
            parts.last_mut().unwrap_or(&mut String::new()).push(c);
        }
    }
    let pair = |part: String| match part.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (part, None),
    };
    parts.into_iter().filter(|part| !part.is_empty()).map(pair).collect()
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut wanted = Vec::new();
    for text in key_text(cx, args)?.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let Line::Key { key, kind, mut options, mut comment } = Line::parse(text) else {
            return Err(ModuleError::msg(format!("invalid key specified: {text}")));
        };
        if let Some(given) = args.text("key_options") {
            options = parse_options(given);
        }
        if let Some(given) = args.text("comment") {
            given.clone_into(&mut comment);
        }
        wanted.push(Line::Key { key, kind, options, comment });
    }
    let place = Place::find(cx, args)?;
    let before = if place.file.is_file() { fs_err::read_to_string(&place.file)? } else { String::new() };
    let mut lines: Vec<Line> = Vec::new();
    for line in before.split_inclusive('\n').map(Line::parse) {
        // Of a key that is there twice, the last one counts.
        if let Some(key) = line.key() {
            lines.retain(|other| other.key() != Some(key));
        }
        lines.push(line);
    }
    let changed = merge(&mut lines, &wanted, args.need("state") == "present", args.flag("exclusive"));
    let mut reply = Reply::changed(changed);
    for (name, value) in args.all() {
        reply.data.insert(name.clone(), value.clone());
    }
    reply = reply.with("keyfile", place.shown.to_string_lossy().as_ref());
    if changed {
        let mut after = String::new();
        for line in &lines {
            line.write(&mut after);
        }
        if cx.diff() {
            let shown = place.shown.to_string_lossy();
            reply.diff.push(Diff::text(&shown, before, &shown, after.as_str()));
        }
        if !cx.check() {
            place.prepare(args)?;
            Replace::new(&place.file).write(cx.sys(), after.as_bytes())?;
        }
    }
    Ok(reply)
}

/// Brings the lines to what is wanted; whether that changed anything.
fn merge(lines: &mut Vec<Line>, wanted: &[Line], present: bool, exclusive: bool) -> bool {
    let mut changed = false;
    for new in wanted {
        let at = lines.iter().position(|line| line.key().is_some() && line.key() == new.key());
        match (at, present) {
            (Some(at), true) if lines[at] == *new => {}
            (Some(at), true) => {
                lines.remove(at);
                lines.push(new.clone());
                changed = true;
            }
            (None, true) => {
                // A last line without its newline must not swallow the key.
                if let Some(Line::Other(last)) =
                    lines.last_mut().filter(|line| matches!(line, Line::Other(text) if !text.ends_with('\n')))
                {
                    last.push('\n');
                }
                lines.push(new.clone());
                changed = true;
            }
            (Some(at), false) => {
                lines.remove(at);
                changed = true;
            }
            (None, false) => {}
        }
    }
    if present && exclusive {
        let before = lines.len();
        lines.retain(|line| line.key().is_some_and(|key| wanted.iter().any(|new| new.key() == Some(key))));
        changed |= lines.len() != before;
    }
    changed
}

/// The keys themselves, wherever they come from.
fn key_text(cx: &Context<'_>, args: &Args) -> Result<String, ModuleError> {
    let key = args.need("key");
    if key.starts_with("http://") || key.starts_with("https://") {
        return download(cx, key, args.flag("validate_certs"));
    }
    let Some(path) = key.strip_prefix("file://").or(key.strip_prefix("file:")) else { return Ok(key.to_owned()) };
    let file = cx.path(path);
    if !file.exists() {
        return Err(ModuleError::msg(format!("Path to a key file not found: {path}")));
    }
    if !file.is_file() {
        return Err(ModuleError::msg(format!("Path to a key is a directory and must be a file: {path}")));
    }
    std::fs::read_to_string(&file)
        .map_err(|error| ModuleError::msg(format!("Failed to read key file {path} : {error}")))
}

fn download(cx: &Context<'_>, address: &str, validate_certs: bool) -> Result<String, ModuleError> {
    let refused = || ModuleError::msg(format!("Error getting key from: {}", masked(address)));
    let request = Request { validate_certs, ..Request::new("GET", address) };
    let response = send(cx, request).ok().filter(|response| response.status == 200).ok_or_else(refused)?;
    let bytes = response.bytes().map_err(|_| refused())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where the keys are, and whose they are.
struct Place {
    shown: PathBuf,
    file: PathBuf,
    owner: Option<(u32, u32)>,
}

impl Place {
    fn find(cx: &Context<'_>, args: &Args) -> Result<Self, ModuleError> {
        let user = args.need("user");
        let entry = User::from_name(user).ok().flatten();
        let shown = match (args.text("path"), &entry) {
            (Some(path), Some(_)) => PathBuf::from(path),
            (Some(path), None) if cx.check() => PathBuf::from(path),
            (None, Some(entry)) => entry.dir.join(".ssh/authorized_keys"),
            (None, None) if cx.check() => {
                return Err(ModuleError::msg(
                    "Either user must exist or you must provide full path to key file in check mode",
                ));
            }
            (_, None) => {
                let why = format!("\"getpwnam(): name not found: '{user}'\"");
                return Err(ModuleError::msg(format!("Failed to lookup user {user}: {why}")));
            }
        };
        let mut file = cx.path(&shown);
        if args.flag("follow") {
            file = real_path(&file);
        }
        Ok(Self { shown, file, owner: entry.map(|entry| (entry.uid.as_raw(), entry.gid.as_raw())) })
    }

    /// The folder and an empty file with the user's ownership, so that the keys are never anybody else's.
    fn prepare(&self, args: &Args) -> Result<(), ModuleError> {
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        let own = |path: &Path, mode: u32| -> std::io::Result<()> {
            if let Some((uid, gid)) = self.owner {
                std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
            }
            fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))
        };
        if args.flag("manage_dir") {
            if !folder.exists() {
                std::fs::create_dir(folder).map_err(|error| {
                    ModuleError::msg(format!("Failed to create directory {} : {error}", folder.display()))
                })?;
            }
            own(folder, 0o700)?;
        }
        fs_err::create_dir_all(folder)?;
        std::fs::File::options()
            .append(true)
            .create(true)
            .open(&self.file)
            .map_err(ModuleError::file("could not write to", &self.file))?;
        // A file of another owner is still ours to fill when we may write it.
        let _ = own(&self.file, 0o600);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    const A: &str = "ssh-ed25519 AAAAC3NzaA me@a";
    const B: &str = "from=\"10.0.0.1,10.0.0.2\",no-pty ssh-rsa AAAAB3NzaB b";

    fn me() -> String {
        crate::user_name(nix::unistd::geteuid().as_raw())
    }

    fn keys(fake: &Fake, entries: &[(&'static str, &str)]) -> Reply {
        let user = me();
        let given = || {
            args([("user", user.as_str()), ("path", "/k/authorized_keys")].into_iter().chain(entries.iter().copied()))
        };
        let predicted = fake.check("authorized_key", given());
        let reply = fake.call("ansible.posix.authorized_key", given());
        assert!(!reply.failed, "{:?}", reply.data);
        assert_eq!(predicted.changed, reply.changed);
        assert!(!fake.call("authorized_key", given()).changed, "second run of {entries:?}");
        reply
    }

    #[test]
    fn keys_come_change_and_go() {
        let fake = Fake::new().unwrap();
        let reply = keys(&fake, &[("key", A)]);
        assert!(reply.changed);
        assert_eq!(reply.data.get("keyfile"), Some(&"/k/authorized_keys".into()));
        let read = || fake.read("/k/authorized_keys").unwrap();
        assert_eq!(read(), format!("{A}\n"));
        keys(&fake, &[("key", B)]);
        assert_eq!(read(), format!("{A}\n{B}\n"));
        keys(&fake, &[("key", A), ("comment", "new"), ("key_options", "no-pty")]);
        assert_eq!(read(), format!("{B}\nno-pty ssh-ed25519 AAAAC3NzaA new\n"));
        keys(&fake, &[("key", B), ("state", "absent")]);
        assert_eq!(read(), "no-pty ssh-ed25519 AAAAC3NzaA new\n");
        keys(&fake, &[("key", B), ("exclusive", "yes")]);
        assert_eq!(read(), format!("{B}\n"));
    }

    #[test]
    fn comments_and_permissions_are_kept() {
        let fake = Fake::new().unwrap();
        fake.write("/k/authorized_keys", "# mine\n\nbroken line").unwrap();
        keys(&fake, &[("key", A)]);
        assert_eq!(fake.read("/k/authorized_keys").unwrap(), format!("# mine\n\nbroken line\n{A}\n"));
        let path = crate::Sys::path(&fake, Path::new("/k/authorized_keys"));
        assert_eq!(fs_err::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn mistakes_are_named() {
        let fake = Fake::new().unwrap();
        let user = me();
        let reply = fake.call("authorized_key", args([("user", user.as_str()), ("key", "nonsense")]));
        assert_eq!(reply.data.get("msg"), Some(&"invalid key specified: nonsense".into()));
        let reply = fake.call("authorized_key", args([("user", "no-such-user"), ("key", A)]));
        assert!(reply.data.get("msg").unwrap().to_string().starts_with("Failed to lookup user no-such-user"));
    }
}
