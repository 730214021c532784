//! Copies trees with rsync.
//!
//! Options:
//! - `src`, `dest` (paths, required), `mode` (`push` or `pull`): from where rsync runs to the host, or back.
//! - `archive` (default true): `recursive`, `links`, `perms`, `times`, `owner`, `group` each can be taken out of it, or
//!   without it be asked for.
//! - `delete`, `checksum`, `compress` (default true), `existing_only`, `dirs`, `copy_links`, `partial`,
//!   `delay_updates` (default true), `link_dest` (list of paths), `rsync_timeout` (seconds), `rsync_opts` (list).
//! - `dest_port`, `private_key`, `verify_host`, `use_ssh_args`, `ssh_connection_multiplexing`,
//!   `set_remote_user` (default true), `rsync_path` (the program on the other side): the connection.
//!
//! `delegate_to` says where rsync runs; without it, on the controller. Who is become, is become on the other side, by
//! sudo in `--rsync-path`.
//!
//! Returns: `cmd`, `msg`, `stdout_lines`, `rc`.
//!
//! Check and diff mode: yes, with rsync's dry run.
//!
//! Example:
//! ```yaml
//! - ansible.posix.synchronize:
//!     src: build/
//!     dest: /srv/www
//!     delete: true
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::List;

use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Program, Support, Surroundings, words};

/// `ansible.posix.synchronize`
pub static MODULE: Module = Module {
    name: "synchronize",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::path("src").required(),
            Arg::path("dest").required(),
            Arg::int("dest_port"),
            Arg::bool("delete").default("false"),
            Arg::path("private_key"),
            Arg::text("rsync_path"),
            Arg::path("_local_rsync_path").default("rsync"),
            Arg::text("_local_rsync_password").no_log(),
            Arg::bool("_substitute_controller").default("false"),
            Arg::bool("archive").default("true"),
            Arg::bool("checksum").default("false"),
            Arg::bool("compress").default("true"),
            Arg::bool("existing_only").default("false"),
            Arg::bool("dirs").default("false"),
            Arg::bool("recursive"),
            Arg::bool("links"),
            Arg::bool("copy_links").default("false"),
            Arg::bool("perms"),
            Arg::bool("times"),
            Arg::bool("owner"),
            Arg::bool("group"),
            Arg::bool("set_remote_user").default("true"),
            Arg::int("rsync_timeout").default("0"),
            Arg::list("rsync_opts").default(""),
            Arg::text("_ssh_args"),
            Arg::bool("use_ssh_args").default("false"),
            Arg::bool("ssh_connection_multiplexing").default("false"),
            Arg::bool("partial").default("false"),
            Arg::bool("verify_host").default("false"),
            Arg::bool("delay_updates").default("true"),
            Arg::text("mode").default("push").choices(&["pull", "push"]),
            Arg::list("link_dest").elements(Kind::Path),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// What rsync prints before each line that tells of a change.
const MARK: &str = "<<CHANGED>>";

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (src, dest) = if args.flag("_substitute_controller") {
        let client = ["SSH_CLIENT", "SSH_CONNECTION"].into_iter().find_map(|name| cx.sys().var(name));
        let client = client
            .as_deref()
            .and_then(|text| text.split_whitespace().next())
            .ok_or_else(|| ModuleError::msg("Could not determine controller hostname for rsync to send to"))?;
        let away = |path: &str| match path.strip_prefix("localhost:") {
            Some(below) => format!("{client}:{below}"),
            None => path.to_owned(),
        };
        (away(args.need("src")), away(args.need("dest")))
    } else {
        (args.need("src").to_owned(), args.need("dest").to_owned())
    };
    let mut line = command(cx, args, &src, &dest)?;
    let mut environment = None;
    if let Some(password) = args.text("_local_rsync_password").filter(|password| !password.is_empty()) {
        if cx.sys().which("sshpass").is_none() {
            return Err(ModuleError::msg(
                "to use rsync connection with passwords, you must install the sshpass program",
            ));
        }
        // The password is in nobody's command line.
        line = format!("sshpass -e {line}");
        environment = Some(password.to_owned());
    }
    let surroundings = Surroundings::new(|name| cx.sys().var(name));
    let argv: Vec<String> =
        words::split(&line).map_err(ModuleError::msg)?.iter().map(|word| surroundings.expand(word)).collect();
    let mut program = Program::new(argv);
    if let Some(password) = environment {
        program = program.env("SSHPASS", &password);
    }
    let output = cx.sys().run(&program)?;
    if !output.success() {
        let reply = Reply::failure(output.err()).with("rc", output.rc).with("cmd", line);
        return Err(ModuleError::reply(reply));
    }
    let out = output.out();
    let mut reply = Reply::ok();
    // With hard links every file is told of; a dot says that nothing changed about it.
    reply.changed = if args.list("link_dest").is_some_and(|list| !list.is_empty()) {
        !out.contains(&format!("{MARK}."))
    } else {
        out.contains(MARK)
    };
    let clean = out.replace(MARK, "");
    let lines: List = clean.split('\n').filter(|line| !line.is_empty()).collect();
    if cx.diff() {
        reply.diff.push(Diff { prepared: Some(clean.clone()), ..Diff::default() });
    }
    Ok(reply.with("msg", clean).with("rc", output.rc).with("cmd", line).with("stdout_lines", lines))
}

/// rsync's command line, quoted as for a shell.
fn command(cx: &mut Context<'_>, args: &Args, src: &str, dest: &str) -> Result<String, ModuleError> {
    let rsync = args.need("_local_rsync_path");
    let rsync = if rsync.contains('/') { rsync.to_owned() } else { cx.sys().need(rsync)? };
    if src.starts_with("rsync://") && dest.starts_with("rsync://") {
        let reply = Reply::failure("either src or dest must be a localhost").with("rc", 1);
        return Err(ModuleError::reply(reply));
    }
    let mut line = vec![rsync];
    let mut add = |wanted: bool, options: &[&str]| {
        line.extend(options.iter().filter(|_| wanted).map(|option| (*option).to_owned()));
    };
    add(args.flag("delay_updates"), &["--delay-updates", "-F"]);
    add(args.flag("compress"), &["--compress"]);
    let timeout = args.int("rsync_timeout").unwrap_or(0);
    add(timeout != 0, &[&format!("--timeout={timeout}")]);
    add(cx.check(), &["--dry-run"]);
    add(args.flag("delete"), &["--delete-after"]);
    add(args.flag("existing_only"), &["--existing"]);
    add(args.flag("checksum"), &["--checksum"]);
    add(args.flag("copy_links"), &["--copy-links"]);
    let archive = args.flag("archive");
    add(archive, &["--archive"]);
    for name in ["recursive", "links", "perms", "times", "owner", "group"] {
        match (archive, args.bool(name)) {
            (true, Some(false)) => add(true, &[&format!("--no-{name}")]),
            (false, Some(true)) => add(true, &[&format!("--{name}")]),
            _ => {}
        }
    }
    add(args.flag("dirs"), &["--dirs"]);
    let options = args.texts("rsync_opts");
    let by_shell =
        !src.starts_with("rsync://") && !dest.starts_with("rsync://") && (src.contains(':') || dest.contains(':'));
    if by_shell && !options.iter().any(|option| option.contains("--rsh")) {
        let shell = shell(cx, args)?;
        add(true, &[&format!("--rsh={}", words::quote(&shell))]);
    }
    if let Some(path) = args.text("rsync_path").filter(|path| !path.is_empty()) {
        add(true, &[&format!("--rsync-path={}", words::quote(path))]);
    }
    if options.contains(&"") {
        cx.warn(
            "The empty string is present in rsync_opts which will cause rsync to transfer the current working directory. If this is intended, use \".\" instead to get rid of this warning. If this is unintended, check for problems in your playbook leading to empty string in rsync_opts.",
        );
    }
    add(true, &options);
    add(args.flag("partial"), &["--partial"]);
    let links = args.texts("link_dest");
    add(!links.is_empty(), &["-H", "-vv"]);
    for link in links {
        let link = std::path::absolute(link)?;
        let folder = std::path::absolute(dest.rsplit_once('/').map_or(".", |(folder, _)| folder))?;
        if folder.starts_with(&link) {
            let folder = folder.display();
            return Err(ModuleError::msg(format!(
                "Hardlinking into a subdirectory of the source would cause recursion. {folder} and {dest}"
            )));
        }
        add(true, &[&format!("--link-dest={}", link.display())]);
    }
    add(true, &[&format!("--out-format={}", words::quote(&format!("{MARK}%i %n%L")))]);
    add(true, &[&words::quote(src), &words::quote(dest)]);
    Ok(line.join(" "))
}

/// The remote shell: ssh, as the options say.
fn shell(cx: &Context<'_>, args: &Args) -> Result<String, ModuleError> {
    let mut words = vec![cx.sys().need("ssh")?];
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if !args.flag("ssh_connection_multiplexing") {
        add(&["-S", "none"]);
    }
    if let Some(key) = args.text("private_key") {
        add(&["-i", key]);
    }
    if let Some(port) = args.int("dest_port") {
        add(&["-o", &format!("Port={port}")]);
    }
    if !args.flag("verify_host") {
        add(&["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    }
    let quoted: Vec<String> = words.iter().map(|word| words::quote(word)).collect();
    let more = args.text("_ssh_args").filter(|more| !more.is_empty()).map(|more| format!(" {more}"));
    Ok(format!("{}{}", quoted.join(" "), more.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    fn system(out: &str) -> Fake {
        Fake::new().unwrap().on("rsync", 0, out).on("ssh", 0, "").on("sshpass", 0, "")
    }

    fn call(fake: &Fake, entries: &[(&'static str, &str)]) -> Reply {
        let base = [("src", "/a"), ("dest", "/b")];
        let given = base.iter().copied().filter(|(name, _)| !entries.iter().any(|(own, _)| own == name));
        fake.call("ansible.posix.synchronize", args(given.chain(entries.iter().copied())))
    }

    #[test]
    fn options_become_rsyncs() {
        let fake = system("<<CHANGED>>>f+++++++++ x\n");
        let reply = call(&fake, &[]);
        assert!(reply.changed, "{:?}", reply.data);
        let cmd = |reply: &Reply| reply.data.get("cmd").unwrap().to_string();
        let end = "--out-format='<<CHANGED>>%i %n%L'";
        assert_eq!(cmd(&reply), format!("/usr/bin/rsync --delay-updates -F --compress --archive {end} /a /b"));
        assert_eq!(reply.data.get("msg").unwrap().to_string(), ">f+++++++++ x\n");
        assert!(fake.command_lines()[0].ends_with("--out-format=<<CHANGED>>%i %n%L /a /b"));
        let reply = call(
            &fake,
            &[
                ("archive", "no"),
                ("links", "yes"),
                ("delete", "yes"),
                ("rsync_timeout", "9"),
                ("rsync_opts", "--exclude=x y,-q"),
            ],
        );
        assert!(cmd(&reply).contains("--timeout=9 --delete-after --links --exclude=x y -q --out-format="));
        let reply = call(
            &fake,
            &[("owner", "no"), ("dest", "me@h:/b c"), ("dest_port", "2222"), ("rsync_path", "sudo -u root rsync")],
        );
        assert!(
            cmd(&reply).contains(
                "--no-owner --rsh='/usr/bin/ssh -S none -o Port=2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null' --rsync-path='sudo -u root rsync'"
            ),
            "{}",
            cmd(&reply)
        );
        assert!(cmd(&reply).ends_with(" /a 'me@h:/b c'"));
    }

    #[test]
    fn nothing_new_is_no_change_and_passwords_stay_hidden() {
        let fake = system("");
        assert!(!call(&fake, &[]).changed);
        let reply = call(&fake, &[("dest", "h:/b"), ("_local_rsync_password", "very-secret-word")]);
        assert!(reply.data.get("cmd").unwrap().to_string().starts_with("sshpass -e "));
        assert!(!fake.command_lines().iter().any(|line| line.contains("very-secret-word")));
        assert_eq!(fake.programs().pop().unwrap().env["SSHPASS"], "very-secret-word");
        let reply = call(&fake, &[("src", "rsync://h/a"), ("dest", "rsync://h/b")]);
        assert_eq!(reply.data.get("msg").unwrap().to_string(), "either src or dest must be a localhost");
        let reply = call(&fake, &[("link_dest", "/"), ("dest", "/b/c")]);
        assert!(
            reply.failed && reply.data.get("msg").unwrap().to_string().starts_with("Hardlinking into a subdirectory")
        );
    }
}
