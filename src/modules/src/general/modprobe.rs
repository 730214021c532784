//! Loads and unloads kernel modules, now and at boot.
//!
//! Options:
//! - `name` (required), `state` (default `present`): `present`, `absent`; `params`: the module's parameters.
//! - `persistent` (default `disabled`): `present` and `absent` also manage what is loaded at boot.
//!
//! Returns: `name`, `params`, `state`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.modprobe:
//!     name: br_netfilter
//!     persistent: present
//! ```

use std::collections::BTreeSet;
use std::path::PathBuf;

use rplay_protocol::Reply;

use crate::text_file::errno;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, tools, words};

/// `community.general.modprobe`
pub static MODULE: Module = Module {
    name: "modprobe",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required(),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("params").default(""),
            Arg::text("persistent").default("disabled").choices(&["disabled", "present", "absent"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let modprobe = tools::need(cx, "modprobe")?;
    let (name, state, params) = (args.need("name"), args.need("state"), args.need("params"));
    let mut changed = false;
    let loaded = is_loaded(cx, args)?;
    if state == "present" && !loaded {
        let words = words::split(params).map_err(ModuleError::msg)?;
        let mut argv = vec![modprobe.as_str()];
        argv.extend(cx.check().then_some("-n"));
        argv.push(name);
        argv.extend(words.iter().map(String::as_str));
        told(cx, args, &argv)?;
        changed = cx.check() || is_loaded(cx, args)?;
        if !changed {
            // It loads and does not stay; modprobe says why when it is to be the first to load it.
            let mut argv = vec![modprobe.as_str(), "-n", "--first-time", name];
            argv.extend(words.iter().map(String::as_str));
            let output = tools::run(cx, &argv)?;
            if !output.success() {
                cx.warn(output.err());
            }
        }
    } else if state == "absent" && loaded {
        let mut argv = vec![modprobe.as_str(), "-r", name];
        argv.extend(cx.check().then_some("-n"));
        told(cx, args, &argv)?;
        changed = true;
    }
    match args.need("persistent") {
        "present" => changed |= persist(cx, name, params)?,
        "absent" => changed |= forget(cx, name)?,
        _ => {}
    }
    Ok(Reply::changed(changed).with("name", name).with("params", params).with("state", state))
}

/// Runs modprobe and fails with its words.
fn told(cx: &Context<'_>, args: &Args, argv: &[&str]) -> Result<(), ModuleError> {
    let output = tools::run(cx, argv)?;
    if output.success() {
        return Ok(());
    }
    let failure = Reply::failure(output.err()).with("rc", output.rc);
    Err(named(failure.with("stdout", output.out()).with("stderr", output.err()), args))
}

fn named(failure: Reply, args: &Args) -> ModuleError {
    let keys = ["name", "params", "state"];
    ModuleError::reply(keys.into_iter().fold(failure, |reply, key| reply.with(key, args.need(key))))
}

/// Whether the kernel has the module, loaded or built in.
fn is_loaded(cx: &Context<'_>, args: &Args) -> Result<bool, ModuleError> {
    let name = args.need("name");
    let read = |path: String| {
        let text = std::fs::read_to_string(cx.path(&path));
        text.map_err(|error| named(Reply::failure(errno(&error, &path)), args))
    };
    let plain = name.replace('-', "_");
    if read("/proc/modules".to_owned())?.lines().any(|line| line.split(' ').next() == Some(&plain)) {
        return Ok(true);
    }
    let release = fs_err::read_to_string(cx.path("/proc/sys/kernel/osrelease")).unwrap_or_default();
    let builtin = read(format!("/lib/modules/{}/modules.builtin", release.trim()))?;
    Ok(builtin.lines().any(|line| line.trim_end().ends_with(&format!("/{name}.ko"))))
}

/// Where boot looks for modules to load, and for their parameters.
const LOADED: &str = "/etc/modules-load.d";
const OPTIONS: &str = "/etc/modprobe.d";

/// A line of either kind of file, about one module.
enum Line<'a> {
    Load,
    /// `options NAME a=1`: the one setting.
    Options(&'a str),
    Other,
}

impl<'a> Line<'a> {
    fn read(line: &'a str, name: &str) -> Self {
        let ends = |rest: &str| {
            let rest = rest.trim_start_matches(' ');
            rest.is_empty() || rest.starts_with(['#', ';'])
        };
        if line.trim_start_matches(' ').strip_prefix(name).is_some_and(ends) {
            return Self::Load;
        }
        let Some(rest) = line.strip_prefix("options ").and_then(|rest| rest.strip_prefix(name)?.strip_prefix(' '))
        else {
            return Self::Other;
        };
        let (setting, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let word = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
        match setting.split_once('=') {
            Some((key, value)) if word(key) && !value.is_empty() && ends(after) => Self::Options(setting),
            _ => Self::Other,
        }
    }
}

/// Every file of a folder, with its text.
fn files(cx: &Context<'_>, folder: &str) -> Vec<(PathBuf, String)> {
    let Ok(entries) = fs_err::read_dir(cx.path(folder)) else { return Vec::new() };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file());
    paths.filter_map(|path| fs_err::read_to_string(&path).ok().map(|text| (path, text))).collect()
}

fn is_at_boot(cx: &Context<'_>, name: &str) -> bool {
    files(cx, LOADED).iter().any(|(_, text)| text.lines().any(|line| matches!(Line::read(line, name), Line::Load)))
}

/// The parameters that boot gives the module.
fn options(cx: &Context<'_>, name: &str) -> BTreeSet<String> {
    let setting = |line: &str| match Line::read(line, name) {
        Line::Options(setting) => Some(setting.to_owned()),
        _ => None,
    };
    files(cx, OPTIONS).iter().flat_map(|(_, text)| text.lines().filter_map(setting).collect::<Vec<_>>()).collect()
}

fn persist(cx: &Context<'_>, name: &str, params: &str) -> Result<bool, ModuleError> {
    let mut changed = false;
    if !is_at_boot(cx, name) {
        put(cx, &format!("{LOADED}/{name}.conf"), &format!("{name}\n"))?;
        changed = true;
    }
    let wanted: BTreeSet<String> = params.split_whitespace().map(str::to_owned).collect();
    if options(cx, name) != wanted {
        comment_out(cx, OPTIONS, |line| matches!(Line::read(line, name), Line::Options(_)))?;
        let lines: Vec<String> = params.split_whitespace().map(|param| format!("options {name} {param}")).collect();
        put(cx, &format!("{OPTIONS}/{name}.conf"), &format!("{}\n", lines.join("\n")))?;
        changed = true;
    }
    Ok(changed)
}

fn put(cx: &Context<'_>, path: &str, content: &str) -> Result<(), ModuleError> {
    if cx.check() {
        return Ok(());
    }
    let path = cx.path(path);
    let new = !path.exists();
    Replace::new(&path).write(cx.sys(), content.as_bytes())?;
    if new {
        fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    }
    Ok(())
}

/// Comments the module out wherever boot would load it or give it parameters.
fn forget(cx: &Context<'_>, name: &str) -> Result<bool, ModuleError> {
    let mut changed = false;
    if is_at_boot(cx, name) {
        comment_out(cx, LOADED, |line| matches!(Line::read(line, name), Line::Load))?;
        changed = true;
    }
    if !options(cx, name).is_empty() {
        comment_out(cx, OPTIONS, |line| matches!(Line::read(line, name), Line::Options(_)))?;
        changed = true;
    }
    Ok(changed)
}

fn comment_out(cx: &Context<'_>, folder: &str, about: impl Fn(&str) -> bool) -> Result<(), ModuleError> {
    for (path, text) in files(cx, folder) {
        if cx.check() || !text.lines().any(&about) {
            continue;
        }
        let lines = text.lines().map(|line| if about(line) { format!("#{line}\n") } else { format!("{line}\n") });
        Replace::new(&path).write(cx.sys(), lines.collect::<String>().as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn modules_are_loaded_once() {
        let fake = Fake::new().unwrap().on("modprobe", 0, "");
        fake.write("/proc/modules", "br_netfilter 1 0 - Live\n").unwrap();
        fake.write("/proc/sys/kernel/osrelease", "6.1\n").unwrap();
        fake.write("/lib/modules/6.1/modules.builtin", "kernel/arch/kvm.ko\n").unwrap();
        fake.write("/etc/modules-load.d/x", "").unwrap();
        fake.write("/etc/modprobe.d/x", "").unwrap();
        assert!(!fake.call("modprobe", args([("name", "br-netfilter")])).changed);
        assert!(!fake.call("modprobe", args([("name", "kvm")])).changed);
        let nested = [("name", "kvm"), ("params", "nested=1"), ("persistent", "present")];
        assert!(fake.call("modprobe", args(nested)).changed);
        assert_eq!(fake.read("/etc/modprobe.d/kvm.conf").unwrap(), "options kvm nested=1\n");
        assert!(!fake.call("modprobe", args(nested)).changed);
        assert!(fake.call("modprobe", args([("name", "br_netfilter"), ("state", "absent")])).changed);
        // It says it loads the module, and nothing is there.
        assert!(!fake.call("modprobe", args([("name", "dm_mod"), ("params", "a=1")])).changed);
        let expected = ["modprobe -r br_netfilter", "modprobe dm_mod a=1", "modprobe -n --first-time dm_mod a=1"];
        assert_eq!(fake.command_lines(), expected);
        assert!(fake.call("modprobe", args([("name", "kvm"), ("persistent", "absent")])).changed);
        assert_eq!(fake.read("/etc/modules-load.d/kvm.conf").unwrap(), "#kvm\n");
        assert_eq!(fake.read("/etc/modprobe.d/kvm.conf").unwrap(), "#options kvm nested=1\n");
    }
}
