//! Sets the system's time zone.
//!
//! Options:
//! - `name`: the zone, such as `Europe/Berlin`.
//! - `hwclock` (alias `rtc`): whether the hardware clock keeps `UTC` or `local` time; needs systemd.
//!
//! Returns: `diff`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.general.timezone:
//!     name: Etc/UTC
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::Map;

use crate::facts::service_manager;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, tools};

/// `community.general.timezone`
pub static MODULE: Module = Module {
    name: "timezone",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[Arg::text("name"), Arg::text("hwclock").alias(&["rtc"]).choices(&["UTC", "local"])],
        one_of: &[&["hwclock", "name"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (mut before, mut after) = (Map::new(), Map::new());
    let timedatectl = tools::find(cx, "timedatectl").filter(|_| service_manager(cx) == "systemd");
    if let Some(name) = args.text("name") {
        if !cx.path(format!("/usr/share/zoneinfo/{name}")).is_file() {
            return Err(ModuleError::msg(format!("given timezone \"{name}\" is not available")));
        }
        let now = current(cx);
        if now != name {
            before.insert("name", now);
            after.insert("name", name);
            match &timedatectl {
                _ if cx.check() => {}
                Some(program) => drop(tools::run_checked(cx, &[program.as_str(), "set-timezone", name])?),
                None => set(cx, name)?,
            }
        }
    }
    if let Some(clock) = args.text("hwclock") {
        let Some(program) = &timedatectl else {
            return Err(ModuleError::msg("hwclock needs systemd's timedatectl, which does not run here"));
        };
        let shown = tools::run_checked(cx, &[program.as_str(), "show", "--property=LocalRTC"])?.out();
        let now = if shown.trim() == "LocalRTC=yes" { "local" } else { "UTC" };
        if now != clock {
            before.insert("hwclock", now);
            after.insert("hwclock", clock);
            if !cx.check() {
                tools::run_checked(
                    cx,
                    &[program.as_str(), "set-local-rtc", if clock == "local" { "yes" } else { "no" }],
                )?;
            }
        }
    }
    let changed = !after.is_empty();
    Ok(Reply::changed(changed).with_diff(Some(Diff::attributes(before, after))))
}

/// The zone that `/etc/localtime` links to, or the one Debian's file names.
fn current(cx: &Context<'_>) -> String {
    let link = std::fs::read_link(cx.path("/etc/localtime")).ok();
    let named =
        link.as_deref().and_then(|link| link.to_str()?.split_once("zoneinfo/").map(|(_, name)| name.to_owned()));
    named.unwrap_or_else(|| fs_err::read_to_string(cx.path("/etc/timezone")).unwrap_or_default().trim().to_owned())
}

fn set(cx: &Context<'_>, name: &str) -> Result<(), ModuleError> {
    let path = cx.path("/etc/localtime");
    let fresh = cx.path("/etc/.localtime.new");
    match fs_err::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    std::os::unix::fs::symlink(format!("/usr/share/zoneinfo/{name}"), &fresh)?;
    fs_err::rename(fresh, path)?;
    let file = cx.path("/etc/timezone");
    if file.exists() {
        Replace::new(&file).write(cx.sys(), format!("{name}\n").as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn zones() {
        let fake = Fake::new().unwrap();
        fake.write("/usr/share/zoneinfo/Etc/UTC", "").unwrap();
        fake.write("/usr/share/zoneinfo/Europe/Berlin", "").unwrap();
        fake.write("/etc/timezone", "Etc/UTC\n").unwrap();
        assert!(!fake.call("timezone", args([("name", "Etc/UTC")])).changed);
        assert!(fake.check("timezone", args([("name", "Europe/Berlin")])).changed);
        let reply = fake.call("community.general.timezone", args([("name", "Europe/Berlin")]));
        assert!(reply.changed, "{reply:?}");
        assert!(!fake.call("timezone", args([("name", "Europe/Berlin")])).changed);
        assert_eq!(fake.read("/etc/timezone").unwrap(), "Europe/Berlin\n");
        assert!(fake.call("timezone", args([("name", "Mars/Base")])).failed);
    }
}
