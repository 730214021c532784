//! Keeps a pair of OpenSSH keys, by the program `ssh-keygen`.
//!
//! Options:
//! - `path` (path, required): the private key; the public one is `PATH.pub`. `state` (`present` or `absent`).
//! - `type` (default `rsa`): `rsa`, `ecdsa`, `ed25519`, `dsa`, `rsa1`; `size` (int): bits of it.
//! - `comment` (text), `force` (bool).
//! - `regenerate` (`partial_idempotence`, `full_idempotence`, `never`, `fail`, `always`).
//! - `backend` (`auto` or `opensshbin`); `cryptography`, and with it `passphrase` (secret) and
//!   `private_key_format` other than `auto`, only through Python.
//! - Those of every file module: `owner`, `group`, `mode`, ...
//!
//! Returns: `size`, `type`, `filename`, `fingerprint`, `public_key`, `comment`.
//!
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - community.crypto.openssh_keypair:
//!     path: /root/.ssh/id_ed25519
//!     type: ed25519
//! ```

use std::path::{Path, PathBuf};

use rplay_protocol::{Diff, Reply};
use rplay_value::{Map, Value};

use crate::x509::X509Error;
use crate::{Arg, ArgSpec, Args, Context, FileAttrs, Module, ModuleError, Output, Program, Replace, Support};

/// `community.crypto.openssh_keypair`
pub static MODULE: Module = Module {
    name: "openssh_keypair",
    collection: "community.crypto",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::int("size"),
            Arg::text("type").default("rsa").choices(&["rsa", "dsa", "rsa1", "ecdsa", "ed25519"]),
            Arg::bool("force").default("false"),
            Arg::path("path").required(),
            Arg::text("comment"),
            Arg::text("regenerate").default("partial_idempotence").choices(&[
                "never",
                "fail",
                "partial_idempotence",
                "full_idempotence",
                "always",
            ]),
            Arg::text("passphrase").no_log(),
            Arg::text("private_key_format").default("auto").choices(&["auto", "pkcs1", "pkcs8", "ssh"]),
            Arg::text("backend").default("auto").choices(&["auto", "cryptography", "opensshbin"]),
        ],
        file: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// Whether a call with these arguments needs the Python module.
pub(crate) fn is_beyond(args: &Map) -> bool {
    let text = |name: &str| args.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("backend") {
        "cryptography" => true,
        "opensshbin" => false,
        _ => !text("passphrase").is_empty(),
    }
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    if is_beyond(args.all()) {
        let what = if args.need("backend") == "cryptography" { "backend=cryptography" } else { "passphrase" };
        return Err(X509Error::Beyond(what.to_owned()).into());
    }
    let Some(program) = cx.sys().which("ssh-keygen") else {
        return Err(ModuleError::msg("Cannot find the OpenSSH binary in the PATH"));
    };
    let size = size(args)?;
    let pair = Pair::new(cx, args, program.to_string_lossy().into_owned(), size)?;
    if args.need("private_key_format") != "auto" {
        return Err(ModuleError::msg(
            "'auto' is the only valid option for 'private_key_format' when 'backend' is not 'cryptography'",
        ));
    }
    pair.keep(cx)
}

fn size(args: &Args) -> Result<i64, ModuleError> {
    let given = args.int("size");
    let (size, fits, refusal) = match args.need("type") {
        "rsa" | "rsa1" => {
            let size = given.unwrap_or(4096);
            let refusal = "For RSA keys, the minimum size is 1024 bits and the default is 4096 bits. \
                           Attempting to use bit lengths under 1024 will cause the module to fail.";
            (size, size >= 1024, refusal)
        }
        "dsa" => {
            let size = given.unwrap_or(1024);
            (size, size == 1024, "DSA keys must be exactly 1024 bits as specified by FIPS 186-2.")
        }
        "ecdsa" => {
            let size = given.unwrap_or(256);
            let refusal = "For ECDSA keys, size determines the key length by selecting from one of three elliptic \
                           curve sizes: 256, 384 or 521 bits. Attempting to use bit lengths other than these three \
                           values for ECDSA keys will cause this module to fail.";
            (size, matches!(size, 256 | 384 | 521), refusal)
        }
        _ => (256, true, ""),
    };
    if fits { Ok(size) } else { Err(ModuleError::msg(refusal)) }
}

/// What `ssh-keygen -l` says about a key.
#[derive(Clone)]
struct Private {
    size: i64,
    kind: String,
    fingerprint: String,
}

/// The line of a public key.
#[derive(Clone, PartialEq)]
struct Public {
    kind: String,
    data: String,
    comment: String,
}

impl Public {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.trim_matches([' ', '\n']).splitn(3, ' ');
        let (kind, data) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(Self { kind, data, comment: words.next().unwrap_or_default().to_owned() })
    }

    fn shown(&self) -> String {
        format!("{} {}", self.kind, self.data)
    }
}

struct Pair<'a> {
    args: &'a Args,
    program: String,
    size: i64,
    private: PathBuf,
    public: PathBuf,
}

impl<'a> Pair<'a> {
    fn new(cx: &Context<'_>, args: &'a Args, program: String, size: i64) -> Result<Self, ModuleError> {
        let shown = args.need("path");
        let private = cx.path(shown);
        let mut public = private.clone().into_os_string();
        public.push(".pub");
        let folder = private.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            let shown = Path::new(shown).parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let shown = shown.to_string_lossy().into_owned();
            let msg = format!("The directory {shown} does not exist or the file is not a directory");
            return Err(ModuleError::reply(Reply::failure(msg).with("name", shown)));
        }
        if private.is_dir() {
            return Err(ModuleError::msg(format!("{shown} is a directory. Please specify a path to a file.")));
        }
        Ok(Self { args, program, size, private, public: PathBuf::from(public) })
    }

    fn keygen(&self, cx: &Context<'_>, words: &[&str]) -> Result<Output, ModuleError> {
        let argv = std::iter::once(self.program.as_str()).chain(words.iter().copied());
        // A key with a passphrase must not ask for it.
        Ok(cx.sys().run(&Program::new(argv).env("LC_ALL", "C"))?)
    }

    fn load_private(&self, cx: &Context<'_>) -> Result<Option<Private>, ModuleError> {
        if !self.private.exists() {
            return Ok(None);
        }
        let output = self.keygen(cx, &["-l", "-f", &self.private.to_string_lossy()])?;
        if !output.success() {
            return Ok(None);
        }
        let text = output.out();
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(match words.as_slice() {
            [size, fingerprint, .., kind] => size.parse().ok().map(|size| Private {
                size,
                kind: kind.trim_matches(['(', ')']).to_lowercase(),
                fingerprint: (*fingerprint).to_owned(),
            }),
            _ => None,
        })
    }

    fn load_public(&self) -> Option<Public> {
        Public::parse(&fs_err::read_to_string(&self.public).ok()?)
    }

    /// The public half that belongs to the private key.
    fn matching(&self, cx: &Context<'_>) -> Result<Output, ModuleError> {
        self.keygen(cx, &["-P", "", "-y", "-f", &self.private.to_string_lossy()])
    }

    fn is_readable(&self, cx: &Context<'_>) -> Result<bool, ModuleError> {
        let output = self.matching(cx)?;
        let said = output.err();
        let refused = ["is not a public key file", "incorrect passphrase", "load failed"];
        Ok(output.rc != 255 && !refused.iter().any(|text| said.contains(text)))
    }

    fn regenerate(&self) -> &str {
        if self.args.flag("force") { "always" } else { self.args.need("regenerate") }
    }

    fn keep(&self, cx: &Context<'_>) -> Result<Reply, ModuleError> {
        let (old_private, old_public) = (self.load_private(cx)?, self.load_public());
        let mut changed = false;
        let (mut private, mut public) = (None, None);
        if self.args.need("state") == "present" {
            let regenerate = self.regenerate();
            if self.private.exists()
                && matches!(regenerate, "never" | "fail" | "partial_idempotence")
                && (old_private.is_none() || !self.is_readable(cx)?)
            {
                return Err(ModuleError::msg(
                    "Unable to read the key. The key is protected with a passphrase or broken. Will not proceed. To \
                     force regeneration, call the module with `generate` set to `full_idempotence` or `always`, or \
                     with `force=true`.",
                ));
            }
            if self.needs_new(old_private.as_ref())? {
                changed = true;
                if !cx.check() {
                    self.generate(cx)?;
                }
            } else if !self.public_fits(cx, old_public.as_ref())? {
                changed = true;
                if !cx.check() {
                    self.restore_public(cx)?;
                }
            }
            (private, public) = (self.load_private(cx)?, self.load_public());
            let attrs = FileAttrs::from_args(self.args)?;
            for path in [&self.private, &self.public] {
                if cx.check() && !path.exists() {
                    changed = true;
                } else {
                    changed |= attrs.apply(cx, path, None)?;
                }
            }
        } else if self.private.exists() || self.public.exists() {
            changed = true;
            for path in [&self.private, &self.public].into_iter().filter(|path| path.exists() && !cx.check()) {
                fs_err::remove_file(path)?;
            }
        }
        let (shown_private, shown_public) =
            (private.as_ref().or(old_private.as_ref()), public.as_ref().or(old_public.as_ref()));
        let mut reply = Reply::ok()
            .with("size", self.size)
            .with("type", self.args.need("type"))
            .with("filename", self.args.need("path"))
            .with("fingerprint", shown_private.map(|key| key.fingerprint.as_str()).unwrap_or_default())
            .with("public_key", shown_public.map(Public::shown).unwrap_or_default())
            .with("comment", shown_public.map(|key| key.comment.as_str()).unwrap_or_default());
        reply.changed = changed;
        if cx.diff() {
            let before = Some(Value::from(both(old_private.as_ref(), old_public.as_ref())));
            let after = Some(Value::from(both(private.as_ref(), public.as_ref())));
            reply.diff.push(Diff { before, after, ..Diff::default() });
        }
        Ok(reply)
    }

    fn needs_new(&self, key: Option<&Private>) -> Result<bool, ModuleError> {
        let Some(key) = key else { return Ok(true) };
        let fits = key.size == self.size && key.kind == self.args.need("type");
        match self.regenerate() {
            "never" => Ok(false),
            "fail" if !fits => Err(ModuleError::msg(
                "Key has wrong type and/or size. Will not proceed. To force regeneration, call the module with \
                 `generate` set to `partial_idempotence`, `full_idempotence` or `always`, or with `force=true`.",
            )),
            "always" => Ok(true),
            _ => Ok(!fits),
        }
    }

    fn generate(&self, cx: &Context<'_>) -> Result<(), ModuleError> {
        let folder = tempfile::tempdir_in(cx.sys().tmp())?;
        let name = self.private.file_name().unwrap_or_default();
        let new = folder.path().join(name);
        let (size, new_text) = (self.size.to_string(), new.to_string_lossy().into_owned());
        let comment = self.args.text("comment").unwrap_or_default();
        let words = ["-q", "-N", "", "-b", &size, "-t", self.args.need("type"), "-f", &new_text, "-C", comment];
        checked(self.keygen(cx, &words)?)?;
        let mut public = new.clone().into_os_string();
        public.push(".pub");
        self.put(cx, Path::new(&public), &self.public, 0o644)?;
        self.put(cx, &new, &self.private, 0o600)
    }

    /// Moves a new key into place: an old file keeps its owner and mode, a new one has its own from the start.
    fn put(&self, cx: &Context<'_>, new: &Path, dest: &Path, mode: u32) -> Result<(), ModuleError> {
        let mode = crate::Mode::Bits(mode);
        let replace = Replace::new(dest).mode(Some(&mode).filter(|_| !dest.exists()));
        replace.unsafe_writes(self.args.flag("unsafe_writes")).copy_from(cx.sys(), new)
    }

    fn public_fits(&self, cx: &Context<'_>, present: Option<&Public>) -> Result<bool, ModuleError> {
        let Some(present) = present else { return Ok(false) };
        let output = checked(self.matching(cx)?)?;
        let Some(wanted) = Public::parse(&output.out()) else { return Ok(false) };
        let same_comment = self.args.text("comment").is_none_or(|comment| comment == present.comment);
        Ok((&wanted.kind, &wanted.data) == (&present.kind, &present.data) && same_comment)
    }

    fn restore_public(&self, cx: &Context<'_>) -> Result<(), ModuleError> {
        let output = checked(self.matching(cx)?)?;
        let wanted = Public::parse(&output.out()).ok_or_else(|| {
            ModuleError::msg(
                "The public key is missing or does not match the private key. Unable to regenerate the public key.",
            )
        })?;
        let mode = crate::Mode::Bits(0o644);
        let replace = Replace::new(&self.public).mode(Some(&mode).filter(|_| !self.public.exists()));
        replace.write(cx.sys(), format!("{}\n", wanted.shown()).as_bytes())?;
        if let Some(comment) = self.args.text("comment").filter(|comment| !comment.is_empty()) {
            let path = self.private.to_string_lossy();
            checked(self.keygen(cx, &["-q", "-c", "-C", comment, "-f", &path])?)?;
        }
        Ok(())
    }
}

fn both(private: Option<&Private>, public: Option<&Public>) -> Map {
    let mut map = Map::new();
    if let Some(key) = private {
        map.insert("size", key.size);
        map.insert("type", key.kind.as_str());
        map.insert("fingerprint", key.fingerprint.as_str());
        map.insert("format", "");
    }
    if let Some(key) = public {
        map.insert("comment", key.comment.as_str());
        map.insert("public_key", key.data.as_str());
    }
    map
}

/// As Ansible's `run_command(check_rc=True)`.
fn checked(output: Output) -> Result<Output, ModuleError> {
    if output.success() {
        return Ok(output);
    }
    let reply = Reply::failure(output.err().trim_end().to_owned()).with("rc", output.rc);
    Err(ModuleError::reply(reply.with("stdout", output.out()).with("stderr", output.err())))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn sizes_are_checked_and_python_is_named() {
        let fake = Fake::new().unwrap().on("ssh-keygen", 1, "");
        let error = |entries: &[(&'static str, &str)]| {
            let reply = fake.call("openssh_keypair", args(entries.iter().copied().chain([("path", "/k")])));
            assert!(reply.failed);
            reply.data.get("msg").unwrap().to_string()
        };
        assert!(error(&[("size", "512")]).starts_with("For RSA keys, the minimum size is 1024 bits"));
        assert!(error(&[("type", "ecdsa"), ("size", "300")]).contains("256, 384 or 521 bits"));
        assert!(error(&[("passphrase", "words")]).starts_with("passphrase is not handled natively"));
        assert!(error(&[("private_key_format", "pkcs8")]).starts_with("'auto' is the only valid option"));
    }

    #[test]
    fn a_pair_that_fits_stays() {
        let fake = Fake::new().unwrap().on("ssh-keygen -l", 0, "256 SHA256:abc no comment (ED25519)\n").on(
            "ssh-keygen -P",
            0,
            "ssh-ed25519 AAAA me\n",
        );
        fake.write("/k", "private").unwrap();
        fake.write("/k.pub", "ssh-ed25519 AAAA me\n").unwrap();
        let call = |entries: &[(&'static str, &str)]| {
            let given = args(entries.iter().copied().chain([("path", "/k"), ("type", "ed25519")]));
            fake.check("openssh_keypair", given)
        };
        let reply = call(&[]);
        assert!(!reply.changed, "{:?}", reply.data);
        assert_eq!(reply.data.get("fingerprint").unwrap().to_string(), "SHA256:abc");
        assert_eq!(reply.data.get("public_key").unwrap().to_string(), "ssh-ed25519 AAAA");
        assert!(call(&[("comment", "you")]).changed);
        assert!(call(&[("regenerate", "always")]).changed && call(&[("state", "absent")]).changed);
        fake.write("/k.pub", "ssh-ed25519 BBBB me\n").unwrap();
        assert!(call(&[]).changed);
    }
}
