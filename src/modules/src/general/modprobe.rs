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

use rplay_protocol::Reply;

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
            Arg::text("persistent").default("disabled").choices(&["absent", "disabled", "present"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (name, state, params) = (args.need("name"), args.need("state"), args.need("params"));
    let mut reply = Reply::ok().with("name", name).with("params", params).with("state", state);
    let loaded = is_loaded(cx, name);
    if loaded != (state == "present") {
        reply.changed = true;
        if !cx.check() {
            let mut argv = vec![tools::need(cx, "modprobe")?];
            if state == "absent" {
                argv.push("-r".to_owned());
            }
            argv.push(name.to_owned());
            if state == "present" {
                argv.extend(words::split(params).map_err(ModuleError::msg)?);
            }
            let output = tools::run(cx, &argv)?;
            if !output.success() {
                let failure = Reply::failure(output.err()).with("rc", output.rc);
                let failure = failure.with("stdout", output.out()).with("stderr", output.err());
                return Err(ModuleError::reply(failure.with("name", name).with("params", params).with("state", state)));
            }
        }
    }
    match args.need("persistent") {
        "present" => reply.changed |= persist(cx, name, params)?,
        "absent" => reply.changed |= forget(cx, name)?,
        _ => {}
    }
    Ok(reply)
}

/// Whether the kernel has the module, loaded or built in.
fn is_loaded(cx: &Context<'_>, name: &str) -> bool {
    let plain = name.replace('-', "_");
    let read = |path: &str| fs_err::read_to_string(cx.path(path)).unwrap_or_default();
    if read("/proc/modules").lines().any(|line| line.split(' ').next() == Some(&plain)) {
        return true;
    }
    let release = read("/proc/sys/kernel/osrelease");
    let builtin = read(&format!("/lib/modules/{}/modules.builtin", release.trim()));
    let file =
        |line: &str| line.rsplit('/').next().and_then(|file| file.strip_suffix(".ko")).map(|n| n.replace('-', "_"));
    builtin.lines().any(|line| file(line).as_deref() == Some(plain.as_str()))
}

fn persist(cx: &Context<'_>, name: &str, params: &str) -> Result<bool, ModuleError> {
    let mut changed = put(cx, &format!("/etc/modules-load.d/{name}.conf"), &format!("{name}\n"))?;
    if !params.is_empty() {
        changed |= put(cx, &format!("/etc/modprobe.d/{name}.conf"), &format!("options {name} {params}\n"))?;
    }
    Ok(changed)
}

fn put(cx: &Context<'_>, path: &str, content: &str) -> Result<bool, ModuleError> {
    let path = cx.path(path);
    if fs_err::read_to_string(&path).is_ok_and(|text| text == content) {
        return Ok(false);
    }
    if !cx.check() {
        Replace::new(&path).write(cx.sys(), content.as_bytes())?;
        fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    }
    Ok(true)
}

/// Comments the module out wherever boot would load it or give it parameters.
fn forget(cx: &Context<'_>, name: &str) -> Result<bool, ModuleError> {
    let mut changed = false;
    for folder in ["/etc/modules-load.d", "/etc/modprobe.d"] {
        let Ok(entries) = fs_err::read_dir(cx.path(folder)) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let Ok(text) = fs_err::read_to_string(&path) else { continue };
            let about = |line: &str| {
                let words: Vec<&str> = line.split_whitespace().collect();
                words == [name] || words.len() > 2 && words[..2] == ["options", name]
            };
            if !text.lines().any(about) {
                continue;
            }
            changed = true;
            if !cx.check() {
                let lines =
                    text.lines().map(|line| if about(line) { format!("#{line}\n") } else { format!("{line}\n") });
                Replace::new(&path).write(cx.sys(), lines.collect::<String>().as_bytes())?;
            }
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn modules_are_loaded_once() {
        let fake = Fake::new().unwrap().on("modprobe", 0, "");
        fake.write("/proc/modules", "br_netfilter 1 0 - Live\n").unwrap();
        fake.write("/etc/modules-load.d/x", "").unwrap();
        fake.write("/etc/modprobe.d/x", "").unwrap();
        assert!(!fake.call("modprobe", args([("name", "br-netfilter")])).changed);
        assert!(
            fake.call("modprobe", args([("name", "kvm"), ("params", "nested=1"), ("persistent", "present")])).changed
        );
        assert_eq!(fake.read("/etc/modprobe.d/kvm.conf").unwrap(), "options kvm nested=1\n");
        assert!(fake.call("modprobe", args([("name", "br_netfilter"), ("state", "absent")])).changed);
        assert_eq!(fake.command_lines(), ["modprobe kvm nested=1", "modprobe -r br_netfilter"]);
        assert!(fake.call("modprobe", args([("name", "kvm"), ("state", "absent"), ("persistent", "absent")])).changed);
        assert_eq!(fake.read("/etc/modules-load.d/kvm.conf").unwrap(), "#kvm\n");
    }
}
