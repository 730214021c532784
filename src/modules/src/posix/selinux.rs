//! Sets the mode and policy of SELinux, now and for the next boot.
//!
//! Options:
//! - `state` (required): `enforcing`, `permissive`, `disabled`. `policy`: needed unless `disabled`.
//! - `configfile` (alias `conf`, `file`; default `/etc/selinux/config`).
//! - Not supported: `update_kernel_param`; give `selinux=0` to the boot loader yourself.
//!
//! Returns: `msg`, `configfile`, `policy`, `state`, `reboot_required`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - ansible.posix.selinux:
//!     policy: targeted
//!     state: permissive
//! ```

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, real_path, tools};

/// `ansible.posix.selinux`
pub static MODULE: Module = Module {
    name: "selinux",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::text("policy"),
            Arg::text("state").required().choices(&["enforcing", "permissive", "disabled"]),
            Arg::path("configfile").default("/etc/selinux/config").alias(&["conf", "file"]),
            Arg::bool("update_kernel_param").default("false"),
        ],
        required_if: &[("state", "enforcing", &["policy"]), ("state", "permissive", &["policy"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    if args.flag("update_kernel_param") {
        return Err(ModuleError::msg(
            "update_kernel_param is not supported: set selinux=0 or selinux=1 in the boot loader",
        ));
    }
    let (state, file) = (args.need("state"), args.need("configfile"));
    let path = real_path(&cx.path(file));
    let text = fs_err::read_to_string(&path);
    let text = text.map_err(|_| ModuleError::msg(format!("Unable to find file {file}: is SELinux installed?")))?;
    let running = fs_err::read_to_string(cx.path("/sys/fs/selinux/enforce")).ok();
    let running = match running.as_deref().map(str::trim) {
        Some("1") => "enforcing",
        Some(_) => "permissive",
        None => "disabled",
    };
    let stored = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::trim));
    let policy = args.text("policy").or(stored("SELINUXTYPE")).unwrap_or_default().to_owned();
    let mut messages = Vec::new();
    let mut reboot = false;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if args.get("policy").is_some() && stored("SELINUXTYPE") != Some(&policy) {
        if !cx.path(format!("/etc/selinux/{policy}")).is_dir() {
            return Err(ModuleError::msg(format!("Policy {policy} does not exist in /etc/selinux/")));
        }
        messages.push(format!("SELinux policy configuration in '{file}' changed to '{policy}'"));
        put(&mut lines, "SELINUXTYPE", &policy);
        reboot = true;
    }
    if stored("SELINUX") != Some(state) {
        messages.push(format!(
            "Config SELinux state changed from '{}' to '{state}'",
            stored("SELINUX").unwrap_or("unknown")
        ));
        put(&mut lines, "SELINUX", state);
    }
    if running != state {
        if running == "disabled" || state == "disabled" {
            // The running kernel cannot be switched on or off; that needs a boot.
            cx.warn(format!("SELinux state change will take effect next reboot (now {running})"));
            reboot = true;
            if running == "enforcing" {
                messages.push("SELinux state temporarily changed from 'enforcing' to 'permissive'. State change will take effect next reboot.".to_owned());
                switch(cx, "0")?;
            }
        } else {
            messages.push(format!("SELinux state changed from '{running}' to '{state}'"));
            switch(cx, if state == "enforcing" { "1" } else { "0" })?;
        }
    }
    let edited = lines.join("\n") + "\n";
    if edited != text && edited.trim_end() != text.trim_end() && !cx.check() {
        Replace::new(&path).write(cx.sys(), edited.as_bytes())?;
    }
    let policy = if policy.is_empty() { Value::Null } else { policy.into() };
    Ok(Reply::changed(!messages.is_empty())
        .with("msg", messages.join(", "))
        .with("configfile", file)
        .with("policy", policy)
        .with("state", state)
        .with("reboot_required", reboot))
}

fn put(lines: &mut Vec<String>, name: &str, value: &str) {
    let setting = format!("{name}={value}");
    match lines.iter_mut().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))) {
        Some(line) => *line = setting,
        None => lines.push(setting),
    }
}

fn switch(cx: &Context<'_>, mode: &str) -> Result<(), ModuleError> {
    if cx.check() {
        return Ok(());
    }
    let setenforce = tools::need(cx, "setenforce")?;
    tools::run_checked(cx, &[setenforce.as_str(), mode]).map(drop)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn modes() {
        let fake = Fake::new().unwrap().on("setenforce", 0, "");
        fake.write("/etc/selinux/config", "# SELinux\nSELINUX=enforcing\nSELINUXTYPE=targeted\n").unwrap();
        fake.write("/sys/fs/selinux/enforce", "1").unwrap();
        let call =
            |state: &'static str| fake.call("ansible.posix.selinux", args([("state", state), ("policy", "targeted")]));
        assert!(!call("enforcing").changed);
        let reply = call("permissive");
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(reply.data.get("reboot_required"), Some(&false.into()));
        assert_eq!(fake.read("/etc/selinux/config").unwrap(), "# SELinux\nSELINUX=permissive\nSELINUXTYPE=targeted\n");
        assert_eq!(fake.command_lines(), ["setenforce 0"]);
        assert_eq!(call("disabled").data.get("reboot_required"), Some(&true.into()));
        assert!(Fake::new().unwrap().call("selinux", args([("state", "disabled")])).failed);
    }
}
