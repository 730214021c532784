//! Manages groups.
//!
//! Options:
//! - `name` (required): the group.
//! - `state` (default `present`): `present`, `absent`.
//! - `gid`, `non_unique`, `gid_min`, `gid_max`: its number, whether others may have it, the range to take it from.
//! - `system`: a system group. `local`: only the local files, by libuser's tools. `force`: remove even a user's primary group.
//!
//! Returns: `name`, `state`, `gid`, `system`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - group:
//!     name: stack
//!     gid: 1002
//! ```

use rplay_protocol::Reply;

use crate::accounts::Accounts;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `ansible.builtin.group`
pub static MODULE: Module = Module {
    name: "group",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("name").required(),
            Arg::bool("force").default("false"),
            Arg::int("gid"),
            Arg::bool("system").default("false"),
            Arg::bool("local").default("false"),
            Arg::bool("non_unique").default("false"),
            Arg::int("gid_min"),
            Arg::int("gid_max"),
        ],
        required_if: &[("non_unique", "true", &["gid"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let name = args.need("name");
    let local = args.flag("local");
    if local && args.flag("force") {
        return Err(ModuleError::msg(
            "force is not a valid option for local, force=True and local=True are mutually exclusive",
        ));
    }
    if local && let Some(option) = ["gid_min", "gid_max"].into_iter().find(|option| args.int(option).is_some()) {
        return Err(ModuleError::msg(format!("'{option}' can not be used with 'local'")));
    }
    let accounts = Accounts::new(cx);
    let find = |accounts: &Accounts<'_>| if local { accounts.local_group(name) } else { accounts.group_named(name) };
    let before = find(&accounts);
    // As ansible-core: what comes or goes in check mode tells only that.
    let foreseen = || Ok(Reply::changed(true));
    let argv = match (args.need("state"), &before) {
        ("absent", None) => None,
        ("absent", Some(_)) if cx.check() => return foreseen(),
        ("absent", Some(_)) => {
            let mut argv = vec![tools::need(cx, if local { "lgroupdel" } else { "groupdel" })?];
            if args.flag("force") {
                argv.push("-f".to_owned());
            }
            Some(argv)
        }
        (_, None) if cx.check() => return foreseen(),
        (_, None) => Some(creation(cx, args, local, &accounts)?),
        (_, Some(group)) => {
            if local {
                number_is_free(args, name, &accounts)?;
            }
            match args.int("gid").filter(|gid| *gid != i64::from(group.gid)) {
                None => None,
                Some(gid) => {
                    let mut argv = vec![tools::need(cx, if local { "lgroupmod" } else { "groupmod" })?];
                    argv.extend(["-g".to_owned(), gid.to_string()]);
                    if args.flag("non_unique") {
                        argv.push("-o".to_owned());
                    }
                    Some(argv)
                }
            }
        }
    };
    let mut reply = Reply::changed(argv.is_some()).with("name", name).with("state", args.need("state"));
    if let Some(mut argv) = argv.filter(|_| !cx.check()) {
        argv.push(name.to_owned());
        let output = tools::run(cx, &argv)?;
        if !output.success() {
            let failure = Reply::failure(output.err()).with("name", name);
            return Err(ModuleError::reply(failure));
        }
        for (key, text) in [("stdout", output.out()), ("stderr", output.err())] {
            if !text.is_empty() {
                reply = reply.with(key, text);
            }
        }
    }
    if let Some(group) = find(&Accounts::new(cx)) {
        reply = reply.with("system", args.flag("system")).with("gid", group.gid);
    }
    Ok(reply)
}

/// libuser gives a number twice: nobody else may have it.
fn number_is_free(args: &Args, name: &str, accounts: &Accounts<'_>) -> Result<(), ModuleError> {
    let Some(gid) = args.int("gid").filter(|gid| *gid != 0) else { return Ok(()) };
    match accounts.groups().iter().find(|other| i64::from(other.gid) == gid && other.name != name) {
        Some(other) => Err(ModuleError::msg(format!("GID '{gid}' already exists with group '{}'", other.name))),
        None => Ok(()),
    }
}

fn creation(cx: &Context<'_>, args: &Args, local: bool, accounts: &Accounts<'_>) -> Result<Vec<String>, ModuleError> {
    if local {
        number_is_free(args, args.need("name"), accounts)?;
    }
    let mut argv = vec![tools::need(cx, if local { "lgroupadd" } else { "groupadd" })?];
    if let Some(gid) = args.int("gid") {
        argv.extend(["-g".to_owned(), gid.to_string()]);
        if args.flag("non_unique") {
            argv.push("-o".to_owned());
        }
    }
    if args.flag("system") {
        argv.push("-r".to_owned());
    }
    for (option, key) in [("gid_min", "GID_MIN"), ("gid_max", "GID_MAX")] {
        if let Some(limit) = args.int(option) {
            argv.extend(["-K".to_owned(), format!("{key}={limit}")]);
        }
    }
    Ok(argv)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn groups_come_change_and_go() {
        let fake = Fake::new().unwrap().on("groupadd", 0, "").on("groupmod", 0, "").on("groupdel", 0, "");
        fake.write("/etc/group", "root:x:0:\nstack:x:1002:\n").unwrap();
        assert!(!fake.call("group", args([("name", "stack")])).changed);
        assert!(fake.call("group", args([("name", "new"), ("gid", "7"), ("system", "true")])).changed);
        assert!(fake.call("group", args([("name", "stack"), ("gid", "1003")])).changed);
        assert!(!fake.call("group", args([("name", "gone"), ("state", "absent")])).changed);
        assert!(fake.call("group", args([("name", "stack"), ("state", "absent")])).changed);
        let expected = ["groupadd -g 7 -r new", "groupmod -g 1003 stack", "groupdel stack"];
        assert_eq!(fake.command_lines(), expected);
        assert!(fake.check("group", args([("name", "other")])).changed);
        assert_eq!(fake.command_lines().len(), 3);
    }

    #[test]
    fn the_reply_has_the_number() {
        let fake = Fake::new().unwrap();
        fake.write("/etc/group", "stack:x:1002:\n").unwrap();
        let reply = fake.call("group", args([("name", "stack")]));
        assert_eq!(reply.data.get("gid"), Some(&1002.into()));
        assert_eq!(reply.data.get("system"), Some(&false.into()));
    }
}
