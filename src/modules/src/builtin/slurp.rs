//! Reads a file of the target, as base64.
//!
//! Options:
//! - `src` (path, required; also `path`): the file.
//!
//! Returns: `content`, `encoding` (`base64`), `source`.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.slurp:
//!     src: /proc/mounts
//!   register: mounts
//! ```

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `ansible.builtin.slurp`
pub static MODULE: Module = Module {
    name: "slurp",
    collection: "ansible.builtin",
    spec: &ArgSpec { args: &[Arg::path("src").required().alias(&["path"])], ..ArgSpec::EMPTY },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let source = args.need("src");
    let content = std::fs::read(cx.path(source)).map_err(|error| {
        ModuleError::msg(match error.kind() {
            io::ErrorKind::NotFound => format!("File not found: {source}"),
            io::ErrorKind::PermissionDenied => format!("File is not readable: {source}"),
            io::ErrorKind::IsADirectory => format!("Source is a directory and must be a file: {source}"),
            _ => format!("Unable to slurp file: {source}: {error}"),
        })
    })?;
    Ok(Reply::ok().with("content", STANDARD.encode(content)).with("encoding", "base64").with("source", source))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn a_file_comes_as_base64() {
        let fake = Fake::new().unwrap();
        fake.write("/f", b"hi\n\xff").unwrap();
        let reply = fake.call("slurp", args([("path", "/f")]));
        assert_eq!(reply.data.get("content"), Some(&"aGkK/w==".into()));
        assert_eq!(reply.data.get("source"), Some(&"/f".into()));
        let reply = fake.call("slurp", args([("src", "/none")]));
        assert_eq!(reply.data.get("msg"), Some(&"File not found: /none".into()));
        let reply = fake.call("slurp", args([("src", "/")]));
        assert_eq!(reply.data.get("msg"), Some(&"Source is a directory and must be a file: /".into()));
    }
}
