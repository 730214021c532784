//! Manages packages with whatever package manager the target has.
//!
//! Options:
//! - `name` (required), `state` (required): as the package manager's own module takes them.
//! - `use` (default `auto`): the module to use (`apt`, `dnf`, `yum`).
//! - Any other option is handed to that module.
//!
//! Returns: what that module returns.
//!
//! Example:
//! ```yaml
//! - package:
//!     name: chrony
//!     state: present
//! ```

use rplay_protocol::{Call, Reply};
use rplay_value::Value;

use crate::facts::package_manager;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support};

/// `ansible.builtin.package`
pub static MODULE: Module = Module {
    name: "package",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[Arg::raw("name"), Arg::text("state"), Arg::text("use").default("auto")],
        open: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let module = match args.need("use") {
        "auto" => package_manager(cx),
        named => named.to_owned(),
    };
    let found = crate::find(&module).filter(|found| found.name != MODULE.name).ok_or_else(|| {
        let msg = format!("Could not detect which package manager to use (found {module}). Try gathering facts or setting the \"use\" option.");
        ModuleError::msg(msg)
    })?;
    let mut call = Call { module, attachments: Vec::new(), ..cx.call().clone() };
    call.args.remove("use");
    if call.args.get("name").is_some_and(Value::is_null) {
        call.args.remove("name");
    }
    debug_assert_ne!(found.name, MODULE.name);
    Ok(crate::run(cx.sys(), &call))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn it_hands_over_to_the_system_s_own() {
        let fake = Fake::new().unwrap().on("apt-get", 0, "");
        fake.write("/etc/os-release", "ID=debian\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n").unwrap();
        fake.write("/usr/bin/apt-get", "").unwrap();
        fake.write("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n")
            .unwrap();
        let reply = fake.call("package", args([("name", "a"), ("state", "present")]));
        assert!(!reply.failed && !reply.changed, "{reply:?}");
        let reply = fake.call("package", args([("name", "a"), ("use", "nothing")]));
        assert!(reply.failed);
    }
}
