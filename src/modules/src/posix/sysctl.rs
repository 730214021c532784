//! Manages kernel parameters, in a file and in the running kernel.
//!
//! Options:
//! - `name` (required; alias `key`), `value` (alias `val`), `state` (default `present`): `present`, `absent`.
//! - `sysctl_file` (default `/etc/sysctl.conf`): the file to write.
//! - `sysctl_set`: compare and set the running kernel's value too.
//! - `reload` (default true): load the file when it changed. `ignoreerrors`: unknown parameters are no failure.
//!
//! Returns: `changed`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - ansible.posix.sysctl:
//!     name: net.ipv4.ip_forward
//!     value: "1"
//!     sysctl_set: true
//! ```

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, real_path, tools};

/// `ansible.posix.sysctl`
pub static MODULE: Module = Module {
    name: "sysctl",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required().alias(&["key"]),
            Arg::text("value").alias(&["val"]),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::bool("reload").default("true"),
            Arg::bool("sysctl_set").default("false"),
            Arg::bool("ignoreerrors").default("false"),
            Arg::path("sysctl_file").default("/etc/sysctl.conf"),
        ],
        required_if: &[("state", "present", &["value"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let name = args.need("name").trim();
    let present = args.need("state") == "present";
    if name.is_empty() {
        return Err(ModuleError::msg("name cannot be blank"));
    }
    let value = plain_value(args.text("value").unwrap_or_default());
    if present && value.is_empty() {
        return Err(ModuleError::msg("value cannot be blank"));
    }
    let path = real_path(&cx.path(args.need("sysctl_file")));
    let text = fs_err::read_to_string(&path).unwrap_or_default();
    let in_file = text.lines().filter_map(setting).filter(|(key, _)| *key == name).map(|(_, value)| value).next_back();
    let running = running_value(cx, name)?;
    let differs = |found: Option<&str>| found.is_none_or(|found| !same(found, &value));

    let write = if present { differs(in_file) } else { in_file.is_some() };
    let mut changed = write || present && args.flag("reload") && differs(running.as_deref()) && in_file.is_some();
    let set = present && args.flag("sysctl_set") && differs(running.as_deref());
    changed |= set;
    if changed && !cx.check() {
        if set {
            sysctl(cx, args, &["-w", &format!("{name}={value}")], &format!("setting {name} failed"))?;
        }
        if write {
            let content = edited(&text, name, present.then_some(value.as_str()));
            Replace::new(&path).write(cx.sys(), content.as_bytes())?;
        }
        if args.flag("reload") {
            sysctl(cx, args, &["-p", &path.to_string_lossy()], "Failed to reload sysctl")?;
        }
    }
    Ok(Reply::changed(changed))
}

/// `name = value` of a line that is no comment; a `-` before a name ignores its errors.
fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (key, value) = line.split_once('=').filter(|_| !line.starts_with(['#', ';']))?;
    Some((key.trim(), value.trim()))
}

fn plain_value(value: &str) -> String {
    match value.to_lowercase().as_str() {
        "true" | "yes" | "y" | "on" => "1".to_owned(),
        "false" | "no" | "n" | "off" => "0".to_owned(),
        _ => value.trim().to_owned(),
    }
}

/// The kernel separates several numbers by tabs.
fn same(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

/// The running kernel's value: its file, whose path swaps dots and slashes.
fn running_value(cx: &Context<'_>, name: &str) -> Result<Option<String>, ModuleError> {
    let swapped = name.find(['.', '/']).is_some_and(|at| name.as_bytes()[at] == b'/');
    let path: String = if swapped {
        name.to_owned()
    } else {
        let swap = |c| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        };
        name.chars().map(swap).collect()
    };
    match fs_err::read_to_string(cx.path(format!("/proc/sys/{path}"))) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        // Some parameters can be written only.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn sysctl(cx: &Context<'_>, args: &Args, words: &[&str], failed: &str) -> Result<(), ModuleError> {
    let program = tools::need(cx, "sysctl")?;
    let mut argv = vec![program.as_str()];
    if args.flag("ignoreerrors") {
        argv.push("-e");
    }
    argv.extend(words);
    let output = tools::run(cx, &argv)?;
    if output.success() || args.flag("ignoreerrors") {
        return Ok(());
    }
    Err(ModuleError::msg(format!("{failed}: {}{}", output.out(), output.err())))
}

/// The file with the parameter set once, or taken out.
fn edited(text: &str, name: &str, value: Option<&str>) -> String {
    let mut content = String::new();
    let mut open = value;
    for line in text.lines() {
        if setting(line).is_some_and(|(key, _)| key == name) {
            if let Some(value) = open.take() {
                content.push_str(&format!("{name}={value}\n"));
            }
            continue;
        }
        content.push_str(line);
        content.push('\n');
    }
    if let Some(value) = open {
        content.push_str(&format!("{name}={value}\n"));
    }
    content
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn file_and_kernel() {
        let fake = Fake::new().unwrap().on("sysctl", 0, "");
        fake.write("/etc/sysctl.conf", "# old\nvm.swappiness = 60\n").unwrap();
        fake.write("/proc/sys/vm/swappiness", "60\n").unwrap();
        fake.write("/proc/sys/net/ipv4/ip_forward", "0\n").unwrap();
        let call = |name: &'static str, value: &'static str, set: &'static str| {
            fake.call("ansible.posix.sysctl", args([("name", name), ("value", value), ("sysctl_set", set)]))
        };
        assert!(!call("vm.swappiness", "60", "yes").changed);
        assert!(fake.command_lines().is_empty());
        assert!(fake.check("sysctl", args([("name", "vm.swappiness"), ("value", "10")])).changed);
        assert!(call("vm.swappiness", "10", "no").changed);
        assert!(call("net.ipv4.ip_forward", "yes", "yes").changed);
        assert_eq!(fake.read("/etc/sysctl.conf").unwrap(), "# old\nvm.swappiness=10\nnet.ipv4.ip_forward=1\n");
        assert!(fake.command_lines().contains(&"sysctl -w net.ipv4.ip_forward=1".to_owned()));
        let reply = fake.call("sysctl", args([("name", "vm.swappiness"), ("state", "absent"), ("reload", "no")]));
        assert!(reply.changed);
        assert_eq!(fake.read("/etc/sysctl.conf").unwrap(), "# old\nnet.ipv4.ip_forward=1\n");
    }

    #[test]
    fn what_the_kernel_refuses_fails() {
        let fake = Fake::new().unwrap().on("sysctl", 255, "sysctl: cannot stat");
        fake.write("/etc/sysctl.conf", "").unwrap();
        let reply = fake.call("sysctl", args([("name", "no.such"), ("value", "1")]));
        assert_eq!(reply.data.get("msg"), Some(&"Failed to reload sysctl: sysctl: cannot stat".into()));
        assert!(!fake.call("sysctl", args([("name", "no.such"), ("value", "2"), ("ignoreerrors", "yes")])).failed);
    }
}
