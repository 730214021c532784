//! Switches booleans of the SELinux policy.
//!
//! Options:
//! - `name` (required), `state` (required, boolean), `persistent`: also after the next boot. `ignore_selinux_state`: accepted.
//!
//! Returns: `name`, `state`, `persistent`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - ansible.posix.seboolean:
//!     name: os_enable_vtpm
//!     state: true
//!     persistent: true
//! ```

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `ansible.posix.seboolean`
pub static MODULE: Module = Module {
    name: "seboolean",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::bool("ignore_selinux_state").default("false"),
            Arg::text("name").required(),
            Arg::bool("persistent").default("false"),
            Arg::bool("state").required(),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (name, state, persistent) = (args.need("name"), args.flag("state"), args.flag("persistent"));
    // `name --> on`, and with semanage `name (on , off) ...`: what runs and what is stored.
    let folder = format!("/sys/fs/selinux/booleans/{name}");
    let text = fs_err::read_to_string(cx.path(&folder));
    let text = text.map_err(|_| {
        let reason = if cx.path("/sys/fs/selinux/enforce").exists() {
            format!("SELinux boolean {name} does not exist.")
        } else {
            "SELinux is disabled on this host.".to_owned()
        };
        ModuleError::msg(reason)
    })?;
    let mut changed = text.starts_with('1') != state;
    if persistent && !changed {
        let semanage = tools::find(cx, "semanage");
        if let Some(semanage) = semanage {
            let listed = tools::run(cx, &[semanage.as_str(), "boolean", "-l", "-n"])?.out();
            let stored = listed.lines().find(|line| line.split_whitespace().next() == Some(name));
            let stored =
                stored.and_then(|line| line.split_once('(')?.1.split_once(')')?.0.split(',').nth(1).map(str::trim));
            changed = stored.is_some_and(|stored| (stored == "on") != state);
        }
    }
    if changed && !cx.check() {
        let setsebool = tools::need(cx, "setsebool")?;
        let mut argv = vec![setsebool.as_str()];
        if persistent {
            argv.push("-P");
        }
        argv.extend([name, if state { "on" } else { "off" }]);
        tools::run_checked(cx, &argv)?;
    }
    Ok(Reply::changed(changed).with("name", name).with("state", state).with("persistent", persistent))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn booleans() {
        let fake = Fake::new().unwrap().on("setsebool", 0, "").on("semanage", 0, "x (on , off) A thing\n");
        fake.write("/sys/fs/selinux/booleans/x", "1 1").unwrap();
        let call = |state: &'static str, persistent: &'static str| {
            fake.call("ansible.posix.seboolean", args([("name", "x"), ("state", state), ("persistent", persistent)]))
        };
        assert!(!call("yes", "no").changed);
        assert!(call("yes", "yes").changed);
        assert!(call("no", "no").changed);
        assert_eq!(fake.command_lines().last().unwrap(), "setsebool x off");
        let reply = fake.call("seboolean", args([("name", "y"), ("state", "yes")]));
        assert_eq!(reply.data.get("msg"), Some(&"SELinux is disabled on this host.".into()));
    }
}
