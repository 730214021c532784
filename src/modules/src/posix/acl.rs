//! Reads and changes access control lists of files, with getfacl and setfacl.
//!
//! Options:
//! - `path` (path, required; alias `name`). `state` (default `query`): `absent`, `present`, `query`.
//! - `etype`: `group`, `mask`, `other`, `user`; `entity`: which user or group; `permissions`: of `r`, `w`, `x`, `X`.
//! - `entry`: the three of them in one, such as `default:user:joe:rw-`, instead of them.
//! - `default`: what new files of a folder get. `recursive` (alias `recurse`): also everything below the path.
//! - `follow` (default true): of links, what they point to.
//! - `recalculate_mask` (default `default`): `default`, `mask`, `no_mask`.
//! - `use_nfsv4_acls`: NFSv4's lists, with nfs4_getfacl and nfs4_setfacl.
//!
//! Returns: `acl`: the list's lines then, `msg`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - ansible.posix.acl:
//!     path: /etc/ceph/ceph.client.admin.keyring
//!     etype: user
//!     entity: nova
//!     permissions: r
//!     state: present
//! ```

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `ansible.posix.acl`
pub static MODULE: Module = Module {
    name: "acl",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::path("path").required().alias(&["name"]),
            Arg::text("entry"),
            Arg::text("entity").default(""),
            Arg::text("etype").choices(&["group", "mask", "other", "user"]),
            Arg::text("permissions"),
            Arg::text("state").default("query").choices(&["absent", "present", "query"]),
            Arg::bool("follow").default("true"),
            Arg::bool("default").default("false"),
            Arg::bool("recursive").default("false").alias(&["recurse"]),
            Arg::text("recalculate_mask").default("default").choices(&["default", "mask", "no_mask"]),
            Arg::bool("use_nfsv4_acls").default("false"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// One entry of a list.
struct Entry {
    kind: String,
    entity: String,
    permissions: String,
    is_default: bool,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let state = args.need("state");
    if !cx.path(args.need("path")).exists() {
        return Err(ModuleError::msg("Path not found or not accessible."));
    }
    check(args)?;
    let entry = entry(args)?;
    let call = Call { cx, args, entry: &entry };
    let nfs = args.flag("use_nfsv4_acls");
    let Entry { kind, entity, permissions, .. } = &entry;
    let text = if nfs {
        format!("A:{}:{entity}:{permissions}tcy", if kind == "group" { "g" } else { "" })
    } else if state == "present" && !permissions.is_empty() {
        format!("{kind}:{entity}:{permissions}")
    } else {
        format!("{kind}:{entity}")
    };
    let (changed, msg) = match state {
        "present" => {
            let changed = call.edit(if nfs { "-a" } else { "-m" }, &text)?;
            (changed, format!("{text} is present"))
        }
        "absent" => (call.edit("-x", &text)?, format!("{text} is absent")),
        _ => (false, "current acl".to_owned()),
    };
    Ok(Reply::changed(changed).with("msg", msg).with("acl", call.read()?))
}

/// What does not go together.
fn check(args: &Args) -> Result<(), ModuleError> {
    let refuse = |msg: &str| Err(ModuleError::msg(msg));
    let given = |name: &str| args.text(name).filter(|text| !text.is_empty());
    let state = args.need("state");
    if state == "query" {
        if args.flag("recursive") {
            return refuse("'recursive' MUST NOT be set when 'state=query'.");
        }
        if args.need("recalculate_mask") != "default" {
            return refuse("'recalculate_mask' MUST NOT be set to 'mask' or 'no_mask' when 'state=query'.");
        }
    }
    let Some(entry) = given("entry") else {
        if state == "absent" && given("permissions").is_some() && !args.flag("use_nfsv4_acls") {
            return refuse("'permissions' MUST NOT be set when 'state=absent'.");
        }
        if state == "absent" && given("entity").is_none() {
            return refuse("'entity' MUST be set when 'state=absent'.");
        }
        if state != "query" && given("etype").is_none() {
            return refuse(&format!("'etype' MUST be set when 'state={state}'."));
        }
        return Ok(());
    };
    if ["etype", "entity", "permissions"].into_iter().any(|name| given(name).is_some()) {
        return refuse("'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set.");
    }
    let colons = entry.matches(':').count();
    if state == "present" && ![2, 3].contains(&colons) {
        return refuse("'entry' MUST have 3 or 4 sections divided by ':' when 'state=present'.");
    }
    if state == "absent" && ![1, 2].contains(&colons) {
        return refuse("'entry' MUST have 2 or 3 sections divided by ':' when 'state=absent'.");
    }
    if state == "query" {
        return refuse("'entry' MUST NOT be set when 'state=query'.");
    }
    Ok(())
}

fn entry(args: &Args) -> Result<Entry, ModuleError> {
    let Some(text) = args.text("entry").filter(|entry| !entry.is_empty()) else {
        let text = |name: &str| args.need(name).to_owned();
        let [kind, entity, permissions] = [text("etype"), text("entity"), text("permissions")];
        return Ok(Entry { kind, entity, permissions, is_default: args.flag("default") });
    };
    let unreadable = || ModuleError::msg(format!("'entry' is no [default:]etype:entity[:permissions]: {text}"));
    let mut parts: Vec<&str> = text.split(':').collect();
    let is_default = text.to_lowercase().starts_with('d');
    if is_default {
        parts.remove(0);
    }
    let (kind, entity, permissions) = match parts[..] {
        [kind, entity] => (kind, entity, ""),
        [kind, entity, permissions] => (kind, entity, permissions),
        _ => return Err(unreadable()),
    };
    let kind = match kind.to_lowercase().chars().next() {
        Some('u') => "user",
        Some('g') => "group",
        Some('m') => "mask",
        Some('o') => "other",
        _ => return Err(unreadable()),
    };
    let [kind, entity, permissions] = [kind, entity, permissions].map(str::to_owned);
    Ok(Entry { kind, entity, permissions, is_default: is_default || args.flag("default") })
}

struct Call<'a> {
    cx: &'a Context<'a>,
    args: &'a Args,
    entry: &'a Entry,
}

impl Call<'_> {
    fn argv(&self, program: &str, words: &[&str]) -> Result<Vec<String>, ModuleError> {
        let args = self.args;
        let mut argv = vec![tools::need(self.cx, program)?];
        if self.entry.is_default {
            argv.push("-d".to_owned());
        }
        argv.extend(words.iter().map(ToString::to_string));
        let posix = !args.flag("use_nfsv4_acls");
        let mut push = |wanted: bool, word: &str| argv.extend(wanted.then(|| word.to_owned()));
        let edits = program.ends_with("setfacl");
        push(posix && args.flag("recursive"), "--recursive");
        push(edits && args.need("recalculate_mask") == "mask", "--mask");
        push(edits && args.need("recalculate_mask") == "no_mask", "--no-mask");
        push(posix && !args.flag("follow"), "--physical");
        push(true, args.need("path"));
        Ok(argv)
    }

    /// Adds or removes an entry unless that changes nothing, as a test run tells.
    fn edit(&self, option: &str, entry: &str) -> Result<bool, ModuleError> {
        let nfs = self.args.flag("use_nfsv4_acls");
        let argv = self.argv(if nfs { "nfs4_setfacl" } else { "setfacl" }, &[option, entry])?;
        let mut test = argv.clone();
        test.insert(1, "--test".to_owned());
        let foreseen = lines(&tools::run_checked(self.cx, &test)?.out());
        let changes = if nfs {
            // The new list starts with the entry; it was there if it is there again.
            foreseen.iter().filter(|line| *line == entry).count() != 2
        } else {
            // setfacl shows lists that stay as they are as `*,*`.
            !foreseen.iter().any(|line| line.ends_with("*,*"))
        };
        if changes && !self.cx.check() {
            let output = tools::run(self.cx, &argv)?;
            // Removing what is not there fails.
            if !output.success() && option != "-x" {
                return Err(tools::failed(&argv.iter().map(String::as_str).collect::<Vec<_>>(), &output));
            }
        }
        Ok(changes)
    }

    fn read(&self) -> Result<Vec<String>, ModuleError> {
        let argv = if self.args.flag("use_nfsv4_acls") {
            self.argv("nfs4_getfacl", &["--omit-header"])?
        } else {
            self.argv("getfacl", &["--absolute-names", "--omit-header"])?
        };
        Ok(lines(&tools::run_checked(self.cx, &argv)?.out()))
    }
}

/// Lines that are no comments, without an empty one at the end.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.trim().to_owned()).collect();
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    fn fake(test: &str) -> Fake {
        let fake = Fake::new().unwrap().on("setfacl", 0, "").on("setfacl --test", 0, test);
        fake.write("/f", "").unwrap();
        fake.on("getfacl", 0, "user::rw-\ngroup::r--\n\n")
    }

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.call("ansible.posix.acl", args([("path", "/f")].into_iter().chain(given.iter().copied())))
    }

    fn msg(reply: &Reply) -> String {
        reply.data.get("msg").unwrap().to_string()
    }

    #[test]
    fn lists_are_read() {
        let fake = fake("");
        let reply = call(&fake, &[("follow", "no")]);
        assert_eq!(reply.data.get("acl"), Some(&vec!["user::rw-", "group::r--"].into()));
        assert_eq!(fake.command_lines(), ["getfacl --absolute-names --omit-header --physical /f"]);
    }

    #[test]
    fn entries_are_set_and_removed_when_that_changes_something() {
        let differs = fake("/f: u::rw-,u:joe:r--,*\n");
        let reply = call(&differs, &[("etype", "user"), ("entity", "joe"), ("permissions", "r"), ("state", "present")]);
        assert!(reply.changed);
        assert_eq!(msg(&reply), "user:joe:r is present");
        assert!(
            call(&differs, &[("entry", "default:group:ops:rw"), ("state", "present"), ("recursive", "yes")]).changed
        );
        assert!(call(&differs, &[("entry", "u:joe"), ("state", "absent"), ("recalculate_mask", "mask")]).changed);
        let lines: Vec<String> =
            differs.command_lines().into_iter().filter(|line| line.starts_with("setfacl")).collect();
        assert_eq!(lines[1], "setfacl -m user:joe:r /f");
        assert_eq!(lines[2], "setfacl --test -d -m group:ops:rw --recursive /f");
        assert_eq!(lines[5], "setfacl -x user:joe --mask /f");
        let same = fake("/f: *,*\n");
        assert!(
            !call(&same, &[("etype", "user"), ("entity", "joe"), ("permissions", "r"), ("state", "present")]).changed
        );
        let given = args([("path", "/f"), ("etype", "mask"), ("permissions", "r"), ("state", "present")]);
        assert!(differs.check("acl", given).changed);
        assert!(differs.command_lines()[differs.command_lines().len() - 2].contains("--test"));
    }

    #[test]
    fn nfs_lists_have_programs_of_their_own() {
        let fake = Fake::new().unwrap().on("nfs4_getfacl", 0, "A::joe:rtcy\n").on("nfs4_setfacl", 0, "A::joe:rtcy\n");
        fake.write("/f", "").unwrap();
        let given = [
            ("etype", "user"),
            ("entity", "joe"),
            ("permissions", "r"),
            ("use_nfsv4_acls", "yes"),
            ("state", "present"),
        ];
        assert!(call(&fake, &given).changed);
        assert!(fake.command_lines().contains(&"nfs4_setfacl -a A::joe:rtcy /f".to_owned()));
        let fake = fake.on("nfs4_setfacl --test", 0, "A::joe:rtcy\nA::joe:rtcy\n");
        assert!(!call(&fake, &given).changed);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let fake = fake("");
        let wrong = |given: &[(&'static str, &str)]| msg(&call(&fake, given));
        assert_eq!(wrong(&[("recurse", "yes")]), "'recursive' MUST NOT be set when 'state=query'.");
        assert_eq!(wrong(&[("state", "absent")]), "'entity' MUST be set when 'state=absent'.");
        assert_eq!(wrong(&[("state", "present")]), "'etype' MUST be set when 'state=present'.");
        assert_eq!(wrong(&[("entry", "u:a:r")]), "'entry' MUST NOT be set when 'state=query'.");
        assert_eq!(
            wrong(&[("entry", "u:a"), ("state", "present")]),
            "'entry' MUST have 3 or 4 sections divided by ':' when 'state=present'."
        );
        assert_eq!(
            wrong(&[("entry", "x:a:r"), ("state", "present")]),
            "'entry' is no [default:]etype:entity[:permissions]: x:a:r"
        );
        assert_eq!(
            fake.call("acl", args([("path", "/none")])).data.get("msg"),
            Some(&"Path not found or not accessible.".into())
        );
    }
}
