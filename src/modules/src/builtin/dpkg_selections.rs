//! Sets what dpkg is to do with a package.
//!
//! Options:
//! - `name` (required): the package. `selection` (required): `install`, `hold`, `deinstall`, `purge`.
//!
//! Returns: `before`, `after`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - dpkg_selections:
//!     name: linux-image-amd64
//!     selection: hold
//! ```

use rplay_protocol::Reply;

use crate::dpkg::Database;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Program, Support, tools};

/// `ansible.builtin.dpkg_selections`
pub static MODULE: Module = Module {
    name: "dpkg_selections",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required(),
            Arg::text("selection").required().choices(&["install", "hold", "deinstall", "purge"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let dpkg = tools::need(cx, "dpkg")?;
    let (name, selection) = (args.need("name"), args.need("selection"));
    let database = Database::read(cx);
    let known = database.get(name).filter(|package| package.state != "not-installed");
    let Some(package) = known else {
        return Err(ModuleError::msg(format!("Failed to find package '{name}' to perform selection '{selection}'.")));
    };
    let before = package.selection.clone();
    let reply = Reply::changed(before != selection).with("before", before.as_str());
    if !reply.changed || cx.check() {
        let after = if cx.check() { selection } else { &before };
        return Ok(reply.with("after", after));
    }
    let program = Program::new([dpkg.as_str(), "--set-selections"]).stdin(format!("{name} {selection}\n"));
    let output = tools::run_program(cx, program)?;
    if output.success() {
        return Ok(reply.with("after", selection));
    }
    Err(tools::failed(&["dpkg", "--set-selections"], &output))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn holding() {
        let fake = Fake::new().unwrap().on("dpkg --set-selections", 0, "");
        fake.write("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n")
            .unwrap();
        assert!(!fake.call("dpkg_selections", args([("name", "a"), ("selection", "install")])).changed);
        let reply = fake.call("dpkg_selections", args([("name", "a"), ("selection", "hold")]));
        assert!(reply.changed && reply.data.get("after") == Some(&"hold".into()), "{reply:?}");
        assert_eq!(fake.programs()[0].stdin.as_deref(), Some(&b"a hold\n"[..]));
        assert!(fake.call("dpkg_selections", args([("name", "b"), ("selection", "hold")])).failed);
    }
}
