//! Makes a temporary file or folder that only its owner can read.
//!
//! Options:
//! - `state` (default `file`): `file` or `directory`, what to make.
//! - `path` (path): folder to make it in; default is the target's folder for temporary files.
//! - `prefix` (default `ansible.`), `suffix` (text): what its name begins and ends with.
//!
//! Returns: `path`, `owner`, `group`, `mode`, ...
//! Check mode: skipped.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.tempfile:
//!     state: directory
//!     suffix: build
//!   register: build
//! ```

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rplay_protocol::Reply;

use crate::convert::quoted;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `ansible.builtin.tempfile`
pub static MODULE: Module = Module {
    name: "tempfile",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("file").choices(&["file", "directory"]),
            Arg::path("path"),
            Arg::text("prefix").default("ansible."),
            Arg::text("suffix").default(""),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::None,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (prefix, suffix) = (args.need("prefix"), args.need("suffix"));
    for (name, part) in [("prefix", prefix), ("suffix", suffix)] {
        if part.contains('/') {
            return Err(ModuleError::msg(format!("{name} must be a valid file name component, got {}", quoted(part))));
        }
    }
    let folder = args.text("path").map_or_else(|| cx.sys().tmp(), |path| cx.path(path));
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix).rand_bytes(8);
    let made = if args.need("state") == "file" {
        builder.tempfile_in(&folder).and_then(|file| file.into_temp_path().keep().map_err(|error| error.error))
    } else {
        builder.permissions(Permissions::from_mode(0o700)).tempdir_in(&folder).map(tempfile::TempDir::keep)
    };
    let path = made.map_err(|error| ModuleError::msg(error.to_string()))?;
    // As the user wrote the folder, whatever it is on this system.
    let shown = match (args.text("path"), path.file_name()) {
        (Some(folder), Some(name)) => Path::new(folder).join(name),
        _ => path,
    };
    Ok(Reply::changed(true).with("path", shown.to_string_lossy().as_ref()))
}

#[cfg(test)]
mod tests {
    use rplay_value::Value;

    use crate::Sys as _;
    use crate::testing::{Fake, args};

    #[test]
    fn files_and_folders_are_private_and_named_as_asked() {
        let fake = Fake::new().unwrap();
        fs_err::create_dir(fake.path("/t".as_ref())).unwrap();
        for (state, mode) in [("file", "0600"), ("directory", "0700")] {
            let reply =
                fake.call("tempfile", args([("state", state), ("path", "/t"), ("prefix", "p."), ("suffix", "-s")]));
            let path = reply.data.get("path").and_then(Value::as_str).unwrap();
            assert!(
                path.starts_with("/t/p.") && path.ends_with("-s") && path.len() == "/t/p.12345678-s".len(),
                "{path}"
            );
            assert_eq!((reply.data.get("mode"), reply.data.get("state")), (Some(&mode.into()), Some(&state.into())));
        }
        let reply = fake.call("tempfile", args([("prefix", "a/b")]));
        assert_eq!(reply.data.get("msg"), Some(&"prefix must be a valid file name component, got 'a/b'".into()));
        assert_eq!(fake.check("tempfile", args([("path", "/t")])).data.get("skipped"), Some(&true.into()));
    }
}
