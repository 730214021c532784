//! Copies a file of the target to the controller.
//!
//! The controller asks for the content piece by piece and writes it: `offset` and `length` say which part is wanted.
//! The first piece (`offset` 0) also tells the whole file's `size` and sha1 `checksum`.
//!
//! Options:
//! - `src` (path, required): the file on the target.
//! - `dest`, `flat`, `fail_on_missing`, `validate_checksum`: where and how the controller keeps it.
//! - `offset`, `length` (bytes): the part asked for; `length` 0 is everything.
//!
//! Returns: `content` (base64), `encoding`, `source`, `offset`, `size`, `checksum`, `eof`.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.fetch:
//!     src: /var/log/thing.log
//!     dest: logs/
//! ```

use std::io::{self, Read as _, Seek as _, SeekFrom};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rplay_protocol::Reply;

use crate::{Algorithm, Arg, ArgSpec, Args, Context, Module, ModuleError, Support, digest_file};

/// `ansible.builtin.fetch`
pub static MODULE: Module = Module {
    name: "fetch",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("src").required(),
            Arg::text("dest"),
            Arg::bool("flat").default("false"),
            Arg::bool("fail_on_missing").default("true"),
            Arg::bool("validate_checksum").default("true"),
            Arg::int("offset").default("0"),
            Arg::int("length").default("0"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let source = args.need("src");
    let path = cx.path(source);
    let refused = |why: &str| {
        if args.flag("fail_on_missing") {
            Err(ModuleError::reply(Reply::failure(why).with("file", source)))
        } else {
            Ok(Reply::ok().with("file", source).with("msg", format!("{why}, not transferring, ignored")))
        }
    };
    let mut file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return refused("the remote file does not exist"),
        // A folder above it is closed: not even its attributes can be asked.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && std::fs::metadata(&path).is_err() => {
            return refused(&format!("Failed to get information on remote file ({source}): Permission denied"));
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return refused(&format!("File is not readable: {source}"));
        }
        Err(error) => return Err(ModuleError::file("could not read", path)(error)),
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return refused("remote file is a directory, fetch cannot work on directories");
    }
    let offset = u64::try_from(args.int("offset").unwrap_or(0)).unwrap_or(0);
    let length = args.int("length").and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
    }
    file.take(length).read_to_end(&mut content)?;
    let eof = (content.len() as u64) < length;
    let mut reply = Reply::ok().with("content", STANDARD.encode(&content)).with("encoding", "base64");
    if offset == 0 {
        let checksum =
            if eof { crate::digest_bytes(Algorithm::Sha1, &content) } else { digest_file(Algorithm::Sha1, &path)? };
        // Files of /proc say nothing about their size before they are read.
        let size = if eof { content.len() as u64 } else { metadata.len() };
        reply = reply.with("checksum", checksum).with("size", size);
    }
    Ok(reply.with("eof", eof).with("offset", offset).with("source", source))
}

#[cfg(test)]
mod tests {
    use rplay_value::Value;

    use crate::testing::{Fake, args};

    #[test]
    fn a_file_comes_whole_or_in_pieces() {
        let fake = Fake::new().unwrap();
        fake.write("/f", "abcdef").unwrap();
        let whole = fake.call("fetch", args([("src", "/f")]));
        assert_eq!(whole.data.get("content"), Some(&"YWJjZGVm".into()));
        assert_eq!(whole.data.get("checksum"), Some(&"1f8ac10f23c5b5bc1167bda84b833e5c057a77d2".into()));
        let piece = |offset: i64| {
            let entries = [("src", Value::from("/f")), ("offset", offset.into()), ("length", 4.into())];
            let data = fake.call("fetch", args(entries)).data;
            (data.get("content").cloned(), data.get("eof").cloned())
        };
        assert_eq!(piece(0), (Some("YWJjZA==".into()), Some(false.into())));
        assert_eq!(piece(4), (Some("ZWY=".into()), Some(true.into())));
    }

    #[test]
    fn a_missing_file_fails_unless_told_otherwise() {
        let fake = Fake::new().unwrap();
        let reply = fake.call("fetch", args([("src", "/none")]));
        assert!(reply.failed);
        assert_eq!(reply.data.get("msg"), Some(&"the remote file does not exist".into()));
        let reply = fake.call("fetch", args([("src", "/none"), ("fail_on_missing", "no")]));
        assert_eq!(reply.data.get("msg"), Some(&"the remote file does not exist, not transferring, ignored".into()));
        assert!(!reply.failed);
    }
}
