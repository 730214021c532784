//! Renames LVM volume groups.
//!
//! Options:
//! - `vg` (required): name or UUID of the group. `vg_new` (required): its new name.
//!
//! Returns: `msg`, `diff`. A group that has the new name already is left alone.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.general.lvg_rename:
//!     vg: VolGroup00
//!     vg_new: system
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::Map;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `community.general.lvg_rename`
pub static MODULE: Module = Module {
    name: "lvg_rename",
    collection: "community.general",
    spec: &ArgSpec { args: &[Arg::text("vg").required(), Arg::text("vg_new").required()], ..ArgSpec::EMPTY },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (old, new) = (args.need("vg"), args.need("vg_new"));
    let vgs = tools::need(cx, "vgs")?;
    let listed = tools::run_checked(cx, &[&vgs, "--noheadings", "--separator", ";", "-o", "vg_name,vg_uuid"])?.out();
    let is_there = |group: &str| {
        let group = group.strip_prefix("/dev/").unwrap_or(group);
        listed.lines().any(|line| line.trim().split(';').any(|known| known == group))
    };
    match (is_there(old), is_there(new)) {
        (true, true) => return Err(ModuleError::msg(format!("The new VG name ({new}) is already in use."))),
        (false, false) => {
            return Err(ModuleError::msg(format!("Both current ({old}) and new ({new}) VG are missing.")));
        }
        (false, true) => {
            return Ok(Reply::ok().with("msg", format!("The new VG ({new}) already exists, nothing to do.")));
        }
        (true, false) => {}
    }
    let vgrename = tools::need(cx, "vgrename")?;
    let msg = if cx.check() {
        format!("Running in check mode. The module would rename VG {old} to {new}.")
    } else {
        tools::run_checked(cx, &[vgrename.as_str(), old, new])?.out()
    };
    let [before, after] = [old, new].map(|name| Map::from_iter([("vg", name)]));
    Ok(Reply::changed(true).with("msg", msg).with_diff(cx.diff().then(|| Diff::attributes(before, after))))
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    fn call(fake: &Fake, old: &'static str, new: &'static str) -> Reply {
        fake.call("community.general.lvg_rename", args([("vg", old), ("vg_new", new)]))
    }

    #[test]
    fn groups_are_renamed_once() {
        let fake =
            Fake::new().unwrap().on("vgs", 0, "  data;uuid-1\n  other;uuid-2\n").on("vgrename", 0, "  renamed\n");
        let msg = |reply: Reply| reply.data.get("msg").unwrap().to_string();
        assert!(fake.check("lvg_rename", args([("vg", "/dev/data"), ("vg_new", "new")])).diff[0].after.is_some());
        assert_eq!(fake.command_lines().len(), 1);
        assert_eq!(msg(call(&fake, "uuid-1", "new")), "  renamed\n");
        assert_eq!(fake.command_lines().last().unwrap(), "vgrename uuid-1 new");
        assert_eq!(msg(call(&fake, "gone", "data")), "The new VG (data) already exists, nothing to do.");
        assert_eq!(msg(call(&fake, "data", "other")), "The new VG name (other) is already in use.");
        assert_eq!(msg(call(&fake, "gone", "none")), "Both current (gone) and new (none) VG are missing.");
    }
}
