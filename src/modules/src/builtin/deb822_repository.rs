//! Manages APT's sources in the deb822 format: one `.sources` file for each name.
//!
//! Options:
//! - `name` (required): what the file is called after, and its `X-Repolib-Name`. `state` (default `present`): or `absent`.
//! - `types` (list of `deb`, `deb-src`; default `deb`), `uris`, `suites`, `components`, `architectures`, `languages`,
//!   `targets` (lists), `enabled`, `trusted`, `by_hash`, `pdiffs`, `check_date`, `check_valid_until`, `date_max_future`,
//!   `inrelease_path`, `allow_insecure`, `allow_weak`, `allow_downgrade_to_insecure`: fields of the same names.
//! - `signed_by`: a key file, the URL of one (kept in `/etc/apt/keyrings`), a fingerprint or the armored key itself.
//! - `mode` (default `0644`): of the file.
//!
//! No Python library of Debian is needed.
//!
//! Returns: `repo` (the text), `dest`, `key_filename`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - deb822_repository:
//!     name: example
//!     uris: https://download.example.org/debian
//!     suites: stable
//!     components: main
//!     signed_by: https://download.example.org/key.asc
//! ```

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::http::{Request, send};
use crate::{Arg, ArgSpec, Args, Context, FileAttrs, Mode, Module, ModuleError, Replace, Support};

/// `ansible.builtin.deb822_repository`
pub static MODULE: Module = Module {
    name: "deb822_repository",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::bool("allow_downgrade_to_insecure"),
            Arg::bool("allow_insecure"),
            Arg::bool("allow_weak"),
            Arg::list("architectures"),
            Arg::bool("by_hash"),
            Arg::bool("check_date"),
            Arg::bool("check_valid_until"),
            Arg::list("components"),
            Arg::int("date_max_future"),
            Arg::bool("enabled"),
            Arg::text("inrelease_path"),
            Arg::list("languages"),
            Arg::text("name").required(),
            Arg::bool("pdiffs"),
            Arg::text("signed_by"),
            Arg::list("suites"),
            Arg::list("targets"),
            Arg::bool("trusted"),
            Arg::list("types").choices(&["deb", "deb-src"]).default("deb"),
            Arg::list("uris"),
            Arg::raw("mode").default("0644"),
            Arg::text("state").choices(&["present", "absent"]).default("present"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

const KEYRINGS: &str = "/etc/apt/keyrings";

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let slug = slug(args.need("name"));
    let dest = format!("/etc/apt/sources.list.d/{slug}.sources");
    let key_file = |kind: &str| format!("{KEYRINGS}/{slug}.{kind}");
    if args.need("state") == "absent" {
        let mut reply = Reply::ok().with("repo", Value::Null).with("dest", dest.as_str());
        for file in [dest.clone(), key_file("asc"), key_file("gpg")] {
            let path = cx.path(&file);
            if path.exists() {
                reply.changed = true;
                if !cx.check() {
                    fs_err::remove_file(&path)?;
                }
            }
        }
        return Ok(reply.with("key_filename", key_file("gpg")));
    }
    let mut reply = Reply::ok();
    let (mut text, mut key) = (String::new(), Value::Null);
    for arg in MODULE.spec.args.iter().filter(|arg| !matches!(arg.name, "mode" | "state")) {
        let Some(value) = args.get(arg.name) else { continue };
        let value = match value {
            Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Value::List(_) => args.texts(arg.name).join(" "),
            other if arg.name == "signed_by" => {
                let (file, changed) = signed_by(cx, &other.to_string(), &key_file)?;
                reply.changed |= changed;
                if let Some(file) = &file {
                    key = Value::from(file.as_str());
                }
                file.unwrap_or_else(|| other.to_string())
            }
            other => other.to_string(),
        };
        text.push_str(&field(arg.name, &value));
    }
    let path = cx.path(&dest);
    if fs_err::read(&path).ok().as_deref() != Some(text.as_bytes()) {
        reply.changed = true;
        if !cx.check() {
            Replace::new(&path).write(cx.sys(), text.as_bytes())?;
        }
    }
    let mode = args.get("mode").map(Mode::parse).transpose()?;
    reply.changed |= FileAttrs { mode, ..FileAttrs::default() }.apply(cx, &path, None)?;
    Ok(reply.with("repo", text).with("dest", dest).with("key_filename", key))
}

/// The name as it stands in file names.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    let mut was_gap = false;
    for c in name.to_lowercase().chars() {
        let is_gap = c == '_' || c.is_whitespace();
        if is_gap && !was_gap {
            slug.push('-');
        }
        was_gap = is_gap;
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' {
            slug.push(c);
        }
    }
    slug
}

/// One field; several lines are indented, and what is empty among them is a dot.
fn field(name: &str, value: &str) -> String {
    let title = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
    };
    let name = match name {
        "name" => "X-Repolib-Name".to_owned(),
        "uris" => "URIs".to_owned(),
        other => other.split('_').map(title).collect::<Vec<_>>().join("-"),
    };
    if value.contains('\n') {
        let lines = value.trim().lines().map(str::trim).map(|line| if line.is_empty() { "." } else { line });
        return format!("{name}:\n{}\n", lines.map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"));
    }
    if value.is_empty() { format!("{name}:\n") } else { format!("{name}: {value}\n") }
}

/// The file of the key that signs, where it is one, and whether something changed.
fn signed_by(
    cx: &Context<'_>,
    value: &str,
    key_file: &impl Fn(&str) -> String,
) -> Result<(Option<String>, bool), ModuleError> {
    if cx.path(value).is_file() {
        return Ok((Some(value.to_owned()), false));
    }
    let scheme = value.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    let Some(scheme) = scheme else { return Ok((None, false)) };
    let failed = |why: String| {
        let why = why.strip_prefix("Request failed: ").unwrap_or(&why);
        ModuleError::msg(format!("Could not fetch signed_by key: {why}"))
    };
    let key = if scheme == "file" {
        let file = value.strip_prefix("file://").unwrap_or_default();
        std::fs::read(cx.path(file)).map_err(|error| failed(format!("<urlopen error {error}>")))?
    } else {
        let response = send(cx, Request::new("GET", value)).map_err(failed)?;
        if response.status >= 300 {
            return Err(failed(response.message()));
        }
        response.bytes()?
    };
    if key.is_empty() {
        return Ok((Some(value.to_owned()), false));
    }
    let is_armored = String::from_utf8_lossy(&key).contains("-----BEGIN PGP PUBLIC KEY BLOCK-----");
    let file = key_file(if is_armored { "asc" } else { "gpg" });
    let path = cx.path(&file);
    let mut changed = false;
    if fs_err::read(&path).ok().as_deref() != Some(&key) {
        changed = true;
        keyrings(cx)?;
        if !cx.check() {
            Replace::new(&path).write(cx.sys(), &key)?;
        }
    }
    let attributes = FileAttrs { mode: Some(Mode::Bits(0o644)), ..FileAttrs::default() };
    changed |= attributes.apply(cx, &path, None)?;
    Ok((Some(file), changed))
}

/// The folder of keys, root's and readable by all.
fn keyrings(cx: &Context<'_>) -> Result<(), ModuleError> {
    let folder = cx.path(KEYRINGS);
    if cx.check() {
        return Ok(());
    }
    if !folder.is_dir() {
        fs_err::create_dir_all(&folder)?;
        fs_err::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
    }
    let attributes = FileAttrs {
        owner: Some("root".to_owned()),
        group: Some("root".to_owned()),
        mode: Some(Mode::Bits(0o755)),
        ..FileAttrs::default()
    };
    attributes.apply(cx, Path::new(&folder), None).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::{field, slug};
    use crate::testing::{Fake, args, http_server};

    fn fake() -> Fake {
        let fake = Fake::new().unwrap();
        fake.write("/etc/apt/sources.list.d/x", "").unwrap();
        fake.write("/etc/key.asc", "k").unwrap();
        fake
    }

    #[test]
    fn a_source_is_written_once_and_removed() {
        let fake = fake();
        let given = || {
            args([
                ("name", "My Repo_1!"),
                ("uris", "http://a,http://b"),
                ("suites", "stable"),
                ("enabled", "no"),
                ("signed_by", "/etc/key.asc"),
            ])
        };
        assert!(fake.check("deb822_repository", given()).changed);
        let reply = fake.call("deb822_repository", given());
        assert!(reply.changed && !reply.failed, "{reply:?}");
        let text = "Enabled: no\nX-Repolib-Name: My Repo_1!\nSigned-By: /etc/key.asc\nSuites: stable\nTypes: deb\nURIs: http://a http://b\n";
        assert_eq!(fake.read("/etc/apt/sources.list.d/my-repo-1.sources").unwrap(), text);
        assert_eq!(reply.data.get("repo"), Some(&text.into()));
        assert!(!fake.call("deb822_repository", given()).changed);
        let gone = || args([("name", "My Repo_1!"), ("state", "absent")]);
        assert!(fake.call("deb822_repository", gone()).changed);
        assert!(!fake.call("deb822_repository", gone()).changed);
    }

    #[test]
    fn a_key_that_cannot_be_fetched_is_a_failure() {
        let server = http_server(vec![("HTTP/1.1 404 Not Found\r\n", "")]);
        let reply = fake().call("deb822_repository", args([("name", "x"), ("signed_by", server.url("/k").as_str())]));
        assert_eq!(reply.data.get("msg"), Some(&"Could not fetch signed_by key: HTTP Error 404: Not Found".into()));
    }

    #[test]
    fn names_and_values() {
        assert_eq!(slug("A  _B.c-d"), "a-bc-d");
        assert_eq!(field("signed_by", "-----BEGIN\n\nx\n"), "Signed-By:\n    -----BEGIN\n    .\n    x\n");
        assert_eq!(field("by_hash", "yes"), "By-Hash: yes\n");
    }
}
