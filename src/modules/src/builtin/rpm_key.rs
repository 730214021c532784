//! Adds keys to rpm's database, or removes them.
//!
//! Options:
//! - `key` (required): a file or URL of an armored key, or (to remove one) its id.
//! - `state` (default `present`): `present`, `absent`.
//! - `fingerprint` (list): a key is imported only if its file has all of these.
//! - `validate_certs` (default true): of a URL.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - rpm_key:
//!     key: https://download.example.org/RPM-GPG-KEY-example
//! ```

use std::collections::BTreeSet;
use std::io::Write as _;

use rplay_protocol::Reply;
use tempfile::TempPath;

use crate::http::{Request, masked, send};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Program, Support, tools};

/// `ansible.builtin.rpm_key`
pub static MODULE: Module = Module {
    name: "rpm_key",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("key").required(),
            Arg::list("fingerprint"),
            Arg::bool("validate_certs").default("true"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let rpm = cx.sys().need("rpm")?;
    let gpg = match tools::find(cx, "gpg") {
        Some(gpg) => gpg,
        None => cx.sys().need("gpg2")?,
    };
    let keys = Keys { cx, rpm, gpg };
    let key = args.need("key");
    let mut downloaded: Option<TempPath> = None;
    let (id, file) = if key.contains("://") {
        let path = download(cx, key, args.flag("validate_certs"))?;
        let file = path.to_string_lossy().into_owned();
        downloaded = Some(path);
        (keys.id_of(&file)?, Some(file))
    } else if is_id(key) {
        (key.to_owned(), None)
    } else if cx.path(key).is_file() {
        (keys.id_of(key)?, Some(key.to_owned()))
    } else {
        return Err(ModuleError::msg(format!("Not a valid key {key}")));
    };
    let id = id.trim().to_uppercase();
    let id = id.strip_prefix("0X").unwrap_or(&id);
    let is_there = keys.has(id)?;
    if args.need("state") == "absent" {
        if is_there && !cx.check() {
            let short = id.get(id.len().saturating_sub(8)..).unwrap_or(id).to_lowercase();
            keys.run(&[&keys.rpm, "--erase", "--allmatches", &format!("gpg-pubkey-{short}")], None)?;
        }
        return Ok(Reply::changed(is_there));
    }
    if is_there {
        return Ok(Reply::ok());
    }
    let file = file.ok_or_else(|| ModuleError::msg("When importing a key, a valid file must be given"))?;
    let wanted: BTreeSet<String> =
        args.texts("fingerprint").iter().map(|text| text.replace(' ', "").to_uppercase()).collect();
    if !wanted.is_empty() {
        let found = keys.fingerprints(&file)?;
        if !wanted.is_subset(&found) {
            let msg = format!(
                "The specified fingerprint, '{}', does not match any key fingerprints in '{}'",
                python_set(&wanted),
                python_set(&found)
            );
            return Err(ModuleError::msg(msg));
        }
    }
    if !cx.check() {
        keys.run(&[&keys.rpm, "--import", &file], None)?;
    }
    drop(downloaded);
    Ok(Reply::changed(true))
}

/// As Python writes a set.
fn python_set(texts: &BTreeSet<String>) -> String {
    format!("{{{}}}", texts.iter().map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", "))
}

/// Whether a text starts like a key's id; as ansible-core, which takes a file of such a name for an id too.
fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    [digits, text].iter().any(|text| text.len() >= 8 && text.bytes().take(8).all(|byte| byte.is_ascii_hexdigit()))
}

fn download(cx: &Context<'_>, url: &str, validate_certs: bool) -> Result<TempPath, ModuleError> {
    let failed = |why: String| ModuleError::msg(format!("failed to fetch key at {} , error was: {why}", masked(url)));
    let response = send(cx, Request { validate_certs, ..Request::new("GET", url) }).map_err(failed)?;
    if response.status != 200 {
        return Err(failed(response.message()));
    }
    let key = response.bytes()?;
    let text = String::from_utf8_lossy(&key);
    let block = text.split_once("-----BEGIN PGP PUBLIC KEY BLOCK-----").map(|(_, rest)| rest);
    if !block.is_some_and(|rest| rest.contains("-----END PGP PUBLIC KEY BLOCK-----")) {
        return Err(ModuleError::msg(format!("Not a public key: {}", masked(url))));
    }
    let mut file = tempfile::NamedTempFile::new_in(cx.sys().tmp())?;
    file.write_all(&key)?;
    Ok(file.into_temp_path())
}

/// rpm's keys, which only gpg can read.
struct Keys<'a> {
    cx: &'a Context<'a>,
    rpm: String,
    gpg: String,
}

impl Keys<'_> {
    /// What a program printed; a failure is what it said.
    fn run(&self, argv: &[&str], stdin: Option<Vec<u8>>) -> Result<String, ModuleError> {
        let output = tools::run_program(self.cx, Program { stdin, ..Program::new(argv.iter().copied()) })?;
        if output.success() { Ok(output.out()) } else { Err(ModuleError::msg(output.err())) }
    }

    fn gpg(&self, words: &[&str], stdin: Option<Vec<u8>>) -> Result<String, ModuleError> {
        let common = [self.gpg.as_str(), "--no-tty", "--batch", "--with-colons", "--fixed-list-mode"];
        self.run(&[&common, words].concat(), stdin)
    }

    /// The id of a file's first key.
    fn id_of(&self, file: &str) -> Result<String, ModuleError> {
        let listed = self.gpg(&[file], None)?;
        let line = listed.lines().map(str::trim).find(|line| line.starts_with("pub:"));
        line.and_then(|line| line.split(':').nth(4))
            .map(str::to_owned)
            .ok_or_else(|| ModuleError::msg("Unexpected gpg output"))
    }

    fn fingerprints(&self, file: &str) -> Result<BTreeSet<String>, ModuleError> {
        let listed = self.gpg(&["--import", "--import-options", "show-only", "--dry-run", file], None)?;
        let lines = listed.lines().map(str::trim).filter(|line| line.starts_with("fpr:"));
        let found: BTreeSet<String> = lines.filter_map(|line| line.split(':').nth(9)).map(str::to_owned).collect();
        if found.is_empty() { Err(ModuleError::msg("Unexpected gpg output")) } else { Ok(found) }
    }

    fn has(&self, id: &str) -> Result<bool, ModuleError> {
        if !tools::run(self.cx, &[self.rpm.as_str(), "-q", "gpg-pubkey"])?.success() {
            return Ok(false);
        }
        let blocks = tools::run(self.cx, &[self.rpm.as_str(), "-q", "gpg-pubkey", "--qf", "%{description}"])?;
        let listed = self.gpg(&["-"], Some(blocks.stdout))?;
        Ok(listed.lines().filter_map(|line| line.split(':').nth(4)).any(|field| field.contains(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::is_id;
    use crate::testing::{Fake, args};

    const LISTED: &str = "pub:-:2048:1:0123456789ABCDEF:1::::::s::::::23::0:\nfpr:::::::::AAAA0123456789ABCDEF:\nuid:-::::1::X::lab::::::::::0:\n";

    fn fake(known: &str) -> Fake {
        let fake = Fake::new()
            .unwrap()
            .on("rpm -q gpg-pubkey", i32::from(known.is_empty()), "x")
            .on("rpm --import", 0, "")
            .on("rpm --erase", 0, "")
            .on("gpg --no-tty --batch --with-colons --fixed-list-mode", 0, LISTED)
            .on("gpg --no-tty --batch --with-colons --fixed-list-mode -", 0, known);
        fake.write("/key", "x").unwrap();
        // gpg's options begin with `-` too: the listing of a file and of an import have starts of their own.
        fake.on("gpg --no-tty --batch --with-colons --fixed-list-mode --import", 0, LISTED)
    }

    #[test]
    fn a_key_is_imported_once() {
        let new = fake("");
        assert!(new.check("rpm_key", args([("key", "/key")])).changed);
        assert!(!new.command_lines().iter().any(|line| line.contains("--import")));
        assert!(new.call("rpm_key", args([("key", "/key"), ("fingerprint", "aaaa 0123 4567 89ab cdef")])).changed);
        assert_eq!(new.command_lines().last().unwrap(), "rpm --import /key");
        assert!(!fake(LISTED).call("rpm_key", args([("key", "/key")])).changed);
    }

    #[test]
    fn a_key_is_removed_by_its_short_id() {
        let known = fake(LISTED);
        assert!(known.call("rpm_key", args([("key", "0x89abcdef"), ("state", "absent")])).changed);
        assert_eq!(known.command_lines().last().unwrap(), "rpm --erase --allmatches gpg-pubkey-89abcdef");
        assert!(!fake("").call("rpm_key", args([("key", "89ABCDEF"), ("state", "absent")])).changed);
    }

    #[test]
    fn failures() {
        for (given, msg) in [
            (args([("key", "/none")]), "Not a valid key /none"),
            (args([("key", "deadbeef")]), "When importing a key, a valid file must be given"),
            (
                args([("key", "/key"), ("fingerprint", "bb")]),
                "The specified fingerprint, '{'BB'}', does not match any key fingerprints in '{'AAAA0123456789ABCDEF'}'",
            ),
        ] {
            assert_eq!(fake("").call("rpm_key", given).data.get("msg"), Some(&msg.into()));
        }
    }

    #[test]
    fn ids_are_eight_hex_digits_or_more() {
        assert!(is_id("DEADBEEF") && is_id("0xdeadbeef") && is_id("deadbeef00"));
        assert!(!is_id("/etc/key") && !is_id("dead"));
    }
}
