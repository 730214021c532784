//! Manages users.
//!
//! Options:
//! - `name` (required; alias `user`): the user. `state` (default `present`): `present`, `absent`. `uid`: the number;
//!   `non_unique`: also when another user has it. `uid_min`, `uid_max`: numbers to choose from.
//! - `group`: the primary group. `groups`: further ones; `append`: add to those that the user is in, instead of
//!   replacing them. `comment`: the full name. `home`, `shell`: home folder and shell. `system`: a system user.
//! - `password`: a hash. `update_password` (default `always`): `always`, or `on_create` for new users only.
//!   `password_lock`: lock it, or unlock it.
//! - `password_expire_max`, `password_expire_min`, `password_expire_warn`: days until it must, before it may be
//!   changed, and of warning. `password_expire_account_disable`: days after that until the user is disabled. `expires`:
//!   when the user is, in seconds since 1970; negative for never.
//! - `create_home` (default true): make the home folder. `move_home`: move it with `home`. `skeleton`: the folder whose
//!   files are put there. `umask`: of the home folder. `seuser`: the SELinux user.
//! - `generate_ssh_key`: make a key unless there is one. `ssh_key_bits`, `ssh_key_type` (default `rsa`), `ssh_key_file`
//!   (default `.ssh/id_TYPE`), `ssh_key_comment`, `ssh_key_passphrase`: what kind, where, and its words.
//! - `force`: with `absent`, also when the user is logged in. `remove`: with `absent`, also home folder and mail.
//! - `login_class`, `hidden`, `profile`, `authorization`, `role`: of other systems, without effect on Linux.
//! - `local`: only the local files, by libuser's tools.
//!
//! Passwords are given to `chpasswd` on its standard input, never on a command line.
//!
//! Returns: `uid`, `group`, `comment`, `home`, `shell`, `groups`, `append`, `move_home`, `system`, `create_home`, `ssh_*`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - user:
//!     name: stack
//!     groups: [wheel]
//!     append: true
//!     generate_ssh_key: true
//! ```

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rplay_protocol::Reply;
use rplay_value::Value;

use crate::accounts::{Accounts, Shadow, User};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support, tools};

/// `ansible.builtin.user`
pub static MODULE: Module = Module {
    name: "user",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("name").required().alias(&["user"]),
            Arg::int("uid"),
            Arg::bool("non_unique").default("false"),
            Arg::text("group"),
            Arg::list("groups"),
            Arg::text("comment"),
            Arg::path("home"),
            Arg::path("shell"),
            Arg::text("password").no_log(),
            Arg::text("login_class"),
            Arg::int("password_expire_max"),
            Arg::int("password_expire_min"),
            Arg::int("password_expire_warn"),
            Arg::bool("hidden"),
            Arg::text("seuser"),
            Arg::bool("force").default("false"),
            Arg::bool("remove").default("false"),
            Arg::bool("create_home").default("true").alias(&["createhome"]),
            Arg::text("skeleton"),
            Arg::bool("system").default("false"),
            Arg::bool("move_home").default("false"),
            Arg::bool("append").default("false"),
            Arg::bool("generate_ssh_key"),
            Arg::int("ssh_key_bits").default("0"),
            Arg::text("ssh_key_type").default("rsa"),
            Arg::path("ssh_key_file"),
            Arg::text("ssh_key_comment"),
            Arg::text("ssh_key_passphrase").no_log(),
            Arg::text("update_password").default("always").choices(&["always", "on_create"]),
            Arg::float("expires"),
            Arg::bool("password_lock"),
            Arg::bool("local"),
            Arg::text("profile"),
            Arg::text("authorization"),
            Arg::text("role"),
            Arg::text("umask"),
            Arg::int("password_expire_account_disable"),
            Arg::int("uid_min"),
            Arg::int("uid_max"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// Options of other systems.
const ELSEWHERE: &[(&str, &str)] = &[
    ("login_class", "FreeBSD, NetBSD and OpenBSD"),
    ("hidden", "macOS"),
    ("profile", "Illumos and Solaris"),
    ("authorization", "Illumos and Solaris"),
    ("role", "Illumos and Solaris"),
];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    for (option, system) in ELSEWHERE {
        if args.get(option).is_some() {
            cx.warn(format!("{option} has no effect here: it is for {system}"));
        }
    }
    let append_alone = args.flag("append") && args.get("groups").is_none();
    if append_alone {
        // Without a blank between the sentences, as ansible-core's.
        cx.warn("'append' is set, but no 'groups' are specified. Use 'groups' for appending new groups.This will change to an error in Ansible 2.14.");
    }
    if args.text("password").is_some_and(looks_unhashed) {
        cx.warn("The input password appears not to have been hashed. The 'password' argument must be encrypted for this module to work properly.");
    }
    UserRun { cx, args, name: args.need("name").to_owned(), local: args.flag("local") }.run()
}

/// Whether a password cannot be a hash crypt(3) knows.
fn looks_unhashed(password: &str) -> bool {
    if password.is_empty() || ["*", "!", "*************"].contains(&password) {
        return false;
    }
    let fields: Vec<&str> = password.split('$').collect();
    if password.contains([':', '*', '!']) || fields.len() < 3 {
        return true;
    }
    let hash = fields[fields.len() - 1];
    let length = match fields[1] {
        "1" => Some(22),
        "5" | "y" => Some(43),
        "6" => Some(86),
        _ => None,
    };
    hash.contains(|c: char| !(c.is_ascii_alphanumeric() || "./=".contains(c)))
        || length.is_some_and(|l| hash.len() != l)
}

struct UserRun<'a, 'c> {
    cx: &'a mut Context<'c>,
    args: &'a Args,
    name: String,
    local: bool,
}

impl UserRun<'_, '_> {
    fn run(mut self) -> Result<Reply, ModuleError> {
        let args = self.args;
        let state = args.need("state").to_owned();
        let mut reply = Reply::ok().with("name", self.name.as_str()).with("state", state.as_str());
        let exists = self.find().is_some();
        let said;
        match (state.as_str(), exists) {
            ("absent", false) => return Ok(reply),
            // As ansible-core: who comes or goes in check mode, and no more.
            ("absent", true) | ("present", false) if self.cx.check() => return Ok(Reply::changed(true)),
            ("absent", true) => {
                said = Some(self.delete()?);
                reply.changed = true;
                reply = reply.with("force", args.flag("force")).with("remove", args.flag("remove"));
            }
            (_, false) => {
                reply.changed = true;
                said = Some(self.create()?);
                reply = reply.with("system", args.flag("system")).with("create_home", args.flag("create_home"));
            }
            (_, true) => {
                said = self.modify()?;
                reply.changed = said.is_some();
                reply = reply.with("append", args.flag("append")).with("move_home", args.flag("move_home"));
            }
        }
        if args.get("password").is_some() && state == "present" {
            reply = reply.with("password", "NOT_LOGGING_PASSWORD");
        }
        if let Some(output) = said {
            for (key, text) in [("stdout", output.out()), ("stderr", output.err())] {
                if !text.is_empty() {
                    reply = reply.with(key, text);
                }
            }
        }
        if state == "absent" {
            return Ok(reply);
        }
        let Some(user) = self.find() else {
            let failure = Reply::failure(format!("failed to look up user name: {}", self.name));
            return Err(ModuleError::reply(failure));
        };
        reply = self.describe(reply, &user);
        reply = self.home(reply, &user)?;
        if args.flag("generate_ssh_key") {
            reply = self.ssh_key(reply, &user)?;
        }
        reply.changed |= self.password_age()?;
        Ok(reply)
    }

    fn find(&self) -> Option<User> {
        let accounts = Accounts::new(self.cx);
        if self.local { accounts.local_user(&self.name) } else { accounts.user(&self.name) }
    }

    fn describe(&self, reply: Reply, user: &User) -> Reply {
        let reply = reply
            .with("uid", user.uid)
            .with("group", user.gid)
            .with("comment", user.comment.as_str())
            .with("home", user.home.as_str())
            .with("shell", user.shell.as_str());
        match self.args.get("groups") {
            Some(_) => reply.with("groups", self.args.texts("groups").join(",")),
            None => reply,
        }
    }

    fn failure(&self, output: &Output) -> ModuleError {
        let reply = Reply::failure(output.err()).with("name", self.name.as_str()).with("rc", output.rc);
        ModuleError::reply(reply)
    }

    fn execute(&self, argv: &[String]) -> Result<Output, ModuleError> {
        let output = tools::run(self.cx, argv)?;
        if output.success() { Ok(output) } else { Err(self.failure(&output)) }
    }

    fn tool(&self, name: &str) -> Result<String, ModuleError> {
        let prefix = if self.local { "l" } else { "" };
        tools::need(self.cx, &format!("{prefix}{name}"))
    }

    fn delete(&self) -> Result<Output, ModuleError> {
        let mut argv = vec![self.tool("userdel")?];
        if self.args.flag("force") && !self.local {
            argv.push("-f".to_owned());
        }
        if self.args.flag("remove") {
            argv.push("-r".to_owned());
        }
        argv.push(self.name.clone());
        self.execute(&argv)
    }

    /// The names of the further groups that were asked for; an unknown one is an error.
    fn wanted_groups(&self) -> Result<Option<BTreeSet<String>>, ModuleError> {
        if self.args.get("groups").is_none() {
            return Ok(None);
        }
        let accounts = Accounts::new(self.cx);
        let names = self.args.texts("groups");
        let names = names.iter().flat_map(|entry| entry.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let known = names.map(|name| {
            let group = accounts.group(name).ok_or_else(|| ModuleError::msg(format!("Group {name} does not exist")))?;
            Ok(group.name)
        });
        known.collect::<Result<BTreeSet<String>, ModuleError>>().map(Some)
    }

    fn create(&mut self) -> Result<Output, ModuleError> {
        let args = self.args;
        let mut argv = vec![self.tool("useradd")?];
        let mut option = |flag: &str, value: String| argv.extend([flag.to_owned(), value]);
        if let Some(uid) = args.int("uid") {
            option("-u", uid.to_string());
        }
        let accounts = Accounts::new(self.cx);
        if let Some(seuser) = args.text("seuser") {
            option("-Z", seuser.to_owned());
        }
        if let Some(group) = args.text("group") {
            if accounts.group(group).is_none() {
                return Err(ModuleError::msg(format!("Group {group} does not exist")));
            }
            option("-g", group.to_owned());
        }
        let groups = self.wanted_groups()?.unwrap_or_default();
        if !groups.is_empty() && !self.local {
            option("-G", groups.iter().cloned().collect::<Vec<_>>().join(","));
        }
        if let Some(comment) = args.text("comment") {
            option("-c", comment.to_owned());
        }
        let home = args.text("home").map(PathBuf::from);
        let mut deep_home = None;
        if let Some(home) = &home {
            let parent = home.parent().unwrap_or(home);
            if args.flag("create_home") && !self.cx.path(parent).is_dir() {
                // useradd makes the last folder only.
                self.make_home(home)?;
                deep_home = Some(home.clone());
            }
            option("-d", home.to_string_lossy().into_owned());
        }
        if let Some(shell) = args.text("shell") {
            option("-s", shell.to_owned());
        }
        if let Some(expires) = args.float("expires").filter(|_| !self.local) {
            option("-e", expiry_date(expires));
        }
        if let Some(days) = args.int("password_expire_account_disable") {
            option("-f", days.to_string());
        }
        if args.flag("create_home") {
            if let Some(skeleton) = args.text("skeleton") {
                option("-k", skeleton.to_owned());
            }
            if let Some(umask) = args.text("umask") {
                option("-K", format!("UMASK={umask}"));
            }
        }
        for (name, key) in [("uid_min", "UID_MIN"), ("uid_max", "UID_MAX")] {
            if let Some(limit) = args.int(name) {
                option("-K", format!("{key}={limit}"));
            }
        }
        let mut flag = |word: &str| argv.push(word.to_owned());
        if args.int("uid").is_some() && args.flag("non_unique") {
            flag("-o");
        }
        if args.get("group").is_none() && accounts.group_named(&self.name).is_some() {
            // A group of the user's name is there: none of its own is made.
            flag(if self.local { "-n" } else { "-N" });
        }
        match (args.flag("create_home"), self.local) {
            (true, false) => flag("-m"),
            (false, _) => flag("-M"),
            (true, true) => {}
        }
        if args.flag("system") {
            flag("-r");
        }
        argv.push(self.name.clone());
        let output = self.execute(&argv)?;
        if let Some(password) = args.text("password") {
            let lock = if args.flag("password_lock") { "!" } else { "" };
            self.set_password(&format!("{lock}{password}"))?;
        } else if args.flag("password_lock") {
            self.execute(&[self.tool("usermod")?, "-L".to_owned(), self.name.clone()])?;
        }
        if self.local {
            self.local_extras(&groups, &BTreeSet::new())?;
        }
        if let (Some(home), Some(user)) = (deep_home, self.find()) {
            own_tree(&self.cx.path(home), user.uid, user.gid)?;
        }
        Ok(output)
    }

    /// Expiry and groups of a libuser account, which luseradd and lusermod do not set.
    fn local_extras(&self, add: &BTreeSet<String>, remove: &BTreeSet<String>) -> Result<(), ModuleError> {
        if let Some(expires) = self.args.float("expires") {
            let days = if expires < 0.0 { -1 } else { (expires / 86_400.0).floor() as i64 };
            let chage = tools::need(self.cx, "lchage")?;
            self.execute(&[chage, "-E".to_owned(), days.to_string(), self.name.clone()])?;
        }
        for (flag, groups) in [("-M", add), ("-m", remove)] {
            for group in groups {
                let lgroupmod = tools::need(self.cx, "lgroupmod")?;
                self.execute(&[lgroupmod, flag.to_owned(), self.name.clone(), group.clone()])?;
            }
        }
        Ok(())
    }

    /// Sets the hash by way of a pipe: command lines can be seen by everybody.
    fn set_password(&self, hash: &str) -> Result<Output, ModuleError> {
        let chpasswd = tools::need(self.cx, "chpasswd")?;
        let program = Program::new([chpasswd.as_str(), "-e"]).stdin(format!("{}:{hash}\n", self.name));
        let output = tools::run_program(self.cx, program)?;
        if output.success() { Ok(output) } else { Err(self.failure(&output)) }
    }

    /// Changes what is not as asked for; `None` when nothing is.
    fn modify(&mut self) -> Result<Option<Output>, ModuleError> {
        let args = self.args;
        let Some(user) = self.find() else { return Ok(None) };
        let accounts = Accounts::new(self.cx);
        let shadow = accounts.shadow(&self.name);
        // Without a line in the shadow file nothing says that the account never ends: `usermod` writes the line.
        let end_unknown = shadow.is_none().then_some(0);
        let shadow = shadow.unwrap_or_default();
        let mut argv: Vec<String> = Vec::new();
        if let Some(uid) = args.int("uid").filter(|uid| *uid != i64::from(user.uid)) {
            argv.extend(["-u".to_owned(), uid.to_string()]);
            if args.flag("non_unique") {
                argv.push("-o".to_owned());
            }
        }
        if let Some(group) = args.text("group") {
            let group =
                accounts.group(group).ok_or_else(|| ModuleError::msg(format!("Group {group} does not exist")))?;
            if group.gid != user.gid {
                argv.extend(["-g".to_owned(), group.gid.to_string()]);
            }
        }
        let (add, remove) = self.groups_to_change(&mut argv)?;
        for (option, flag, now) in
            [("comment", "-c", &user.comment), ("home", "-d", &user.home), ("shell", "-s", &user.shell)]
        {
            if let Some(wanted) = args.text(option).filter(|wanted| *wanted != now.as_str()) {
                argv.extend([flag.to_owned(), wanted.to_owned()]);
                if option == "home" && args.flag("move_home") {
                    argv.push("-m".to_owned());
                }
            }
        }
        let expiry =
            args.float("expires").filter(|expires| expires_differently(*expires, shadow.expires.or(end_unknown)));
        if let Some(expires) = expiry.filter(|_| !self.local) {
            argv.extend(["-e".to_owned(), expiry_date(expires)]);
        }
        let inactive = args.int("password_expire_account_disable");
        if let Some(days) = inactive.filter(|days| accounts.shadow_field(&self.name, 6) != Some(*days)) {
            argv.extend(["-f".to_owned(), days.to_string()]);
        }
        let password = args.text("password").filter(|wanted| {
            let plain = |hash: &str| hash.trim_start_matches('!').to_owned();
            args.need("update_password") == "always" && plain(&shadow.password) != plain(wanted)
        });
        let locked = shadow.password.starts_with('!');
        match args.bool("password_lock").filter(|_| password.is_none()) {
            Some(true) if !locked => argv.push("-L".to_owned()),
            Some(false) if locked => argv.push("-U".to_owned()),
            _ => {}
        }
        let local_changes = self.local && (expiry.is_some() || !add.is_empty() || !remove.is_empty());
        if argv.is_empty() && password.is_none() && !local_changes {
            return Ok(None);
        }
        if self.cx.check() {
            return Ok(Some(Output::default()));
        }
        let mut output = Output::default();
        if !argv.is_empty() {
            argv.insert(0, self.tool("usermod")?);
            argv.push(self.name.clone());
            output = self.execute(&argv)?;
        }
        if let Some(password) = password {
            let lock = if args.flag("password_lock") { "!" } else { "" };
            output = self.set_password(&format!("{lock}{password}"))?;
        }
        if local_changes {
            self.local_extras(&add, &remove)?;
        }
        Ok(Some(output))
    }

    /// Adds usermod's group options; returns the groups to join and to leave.
    fn groups_to_change(&self, argv: &mut Vec<String>) -> Result<(BTreeSet<String>, BTreeSet<String>), ModuleError> {
        let Some(wanted) = self.wanted_groups()? else { return Ok(Default::default()) };
        let groups = Accounts::new(self.cx).groups();
        let member = groups.into_iter().filter(|group| group.members.contains(&self.name));
        let now: BTreeSet<String> = member.map(|group| group.name).collect();
        let append = self.args.flag("append");
        let add: BTreeSet<String> = wanted.difference(&now).cloned().collect();
        let remove: BTreeSet<String> =
            if append { BTreeSet::new() } else { now.difference(&wanted).cloned().collect() };
        let differs = !add.is_empty() || !remove.is_empty();
        if differs && !self.local {
            if append {
                argv.push("-a".to_owned());
            }
            argv.extend(["-G".to_owned(), wanted.into_iter().collect::<Vec<_>>().join(",")]);
        }
        Ok((add, remove))
    }

    /// Makes a home that is missing.
    fn home(&mut self, mut reply: Reply, user: &User) -> Result<Reply, ModuleError> {
        let home = PathBuf::from(self.args.text("home").unwrap_or(&user.home));
        if self.args.flag("create_home") && !self.cx.path(&home).exists() {
            if !self.cx.check() {
                self.make_home(&home)?;
                own_tree(&self.cx.path(&home), user.uid, user.gid)?;
            }
            reply.changed = true;
        }
        Ok(reply)
    }

    fn make_home(&self, home: &Path) -> Result<(), ModuleError> {
        let path = self.cx.path(home);
        let skeleton = self.cx.path(self.args.text("skeleton").unwrap_or("/etc/skel"));
        fs_err::create_dir_all(&path)?;
        if skeleton.is_dir() {
            copy_tree(&skeleton, &path)?;
        }
        let definitions = fs_err::read_to_string(self.cx.path("/etc/login.defs")).unwrap_or_default();
        let setting = |name: &str| {
            let value = definitions.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
            value.and_then(|value| u32::from_str_radix(value, 8).ok())
        };
        if !definitions.is_empty() {
            let mode = setting("HOME_MODE").or_else(|| setting("UMASK").map(|umask| 0o777 & !umask)).unwrap_or(0o755);
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    fn ssh_key(&mut self, mut reply: Reply, user: &User) -> Result<Reply, ModuleError> {
        let args = self.args;
        let kind = args.need("ssh_key_type");
        let file = args.text("ssh_key_file").map_or_else(|| format!(".ssh/id_{kind}"), str::to_owned);
        let file = Path::new(&user.home).join(file);
        let public = PathBuf::from(format!("{}.pub", file.display()));
        let shown = file.display().to_string();
        let mut generate = true;
        for (path, what) in [(&file, "private"), (&public, "public")] {
            if self.cx.path(path).exists() {
                let name = path.display();
                if args.flag("force") {
                    self.cx.warn(format!("Overwriting existing ssh key {what} file \"{name}\""));
                } else if generate {
                    self.cx.warn(format!(
                        "Found existing ssh key {what} file \"{name}\", no force, so skipping ssh-keygen generation"
                    ));
                    generate = false;
                }
            }
        }
        if generate {
            reply.changed = true;
            if !self.cx.check() {
                self.generate_key(user, &file, &public)?;
            }
        }
        let keygen = tools::need(self.cx, "ssh-keygen")?;
        if self.cx.path(&file).exists() {
            let output = tools::run(self.cx, &[keygen.as_str(), "-l", "-f", &shown])?;
            let text = if output.success() { output.out() } else { output.err() };
            reply = reply.with("ssh_fingerprint", text.trim());
        } else {
            reply = reply.with("ssh_fingerprint", "");
        }
        let key = fs_err::read_to_string(self.cx.path(&public)).ok();
        Ok(reply.with("ssh_key_file", shown).with("ssh_public_key", key.map(|key| Value::from(key.trim()))))
    }

    fn generate_key(&self, user: &User, file: &Path, public: &Path) -> Result<(), ModuleError> {
        let args = self.args;
        if !self.cx.path(&user.home).exists() {
            return Err(ModuleError::msg(format!("User {} home directory does not exist", self.name)));
        }
        let folder = self.cx.path(file.parent().unwrap_or(file));
        if !folder.exists() {
            fs_err::create_dir_all(&folder)?;
            fs_err::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
            chown(&folder, Some(user.uid), Some(user.gid))?;
        }
        for path in [file, public] {
            match fs_err::remove_file(self.cx.path(path)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        let host = fs_err::read_to_string(self.cx.path("/proc/sys/kernel/hostname")).unwrap_or_default();
        let comment =
            args.text("ssh_key_comment").map_or_else(|| format!("ansible-generated on {}", host.trim()), str::to_owned);
        let keygen = tools::need(self.cx, "ssh-keygen")?;
        let mut argv = vec![keygen, "-q".to_owned(), "-t".to_owned(), args.need("ssh_key_type").to_owned()];
        if let Some(bits) = args.int("ssh_key_bits").filter(|bits| *bits > 0) {
            argv.extend(["-b".to_owned(), bits.to_string()]);
        }
        argv.extend(["-C".to_owned(), comment, "-f".to_owned(), file.display().to_string()]);
        let mut program = Program::new(argv);
        match args.text("ssh_key_passphrase") {
            None => program.argv.extend(["-N".to_owned(), String::new()]),
            Some(passphrase) => {
                // Asked for through a program, so that it is on no command line: ssh-keygen reads it from there.
                let script = tempfile::Builder::new().prefix("askpass").tempfile_in(self.cx.sys().tmp())?;
                fs_err::write(script.path(), "#!/bin/sh\nprintf '%s\\n' \"$RPLAY_PASSPHRASE\"\n")?;
                fs_err::set_permissions(script.path(), std::fs::Permissions::from_mode(0o700))?;
                let path = script.into_temp_path();
                let asked = path.to_string_lossy().into_owned();
                program = program
                    .env("SSH_ASKPASS", &asked)
                    .env("SSH_ASKPASS_REQUIRE", "force")
                    .env("DISPLAY", ":")
                    .env("RPLAY_PASSPHRASE", passphrase);
                let output = tools::run_program(self.cx, program)?;
                drop(path);
                return self.own_key(&output, user, file, public);
            }
        }
        let output = tools::run_program(self.cx, program)?;
        self.own_key(&output, user, file, public)
    }

    fn own_key(&self, output: &Output, user: &User, file: &Path, public: &Path) -> Result<(), ModuleError> {
        if !output.success() {
            return Err(self.failure(output));
        }
        for path in [file, public] {
            chown(self.cx.path(path), Some(user.uid), Some(user.gid))?;
        }
        Ok(())
    }

    /// How long the password lasts; true when it was changed.
    fn password_age(&self) -> Result<bool, ModuleError> {
        let Shadow { min_days, max_days, warn_days, .. } =
            Accounts::new(self.cx).shadow(&self.name).unwrap_or_default();
        let mut argv = Vec::new();
        for (option, flag, now) in [
            ("password_expire_min", "-m", min_days),
            ("password_expire_max", "-M", max_days),
            ("password_expire_warn", "-W", warn_days),
        ] {
            if let Some(days) = self.args.int(option).filter(|days| Some(*days) != now) {
                argv.extend([flag.to_owned(), days.to_string()]);
            }
        }
        if argv.is_empty() {
            return Ok(false);
        }
        if !self.cx.check() {
            argv.insert(0, tools::need(self.cx, "chage")?);
            argv.push(self.name.clone());
            self.execute(&argv)?;
        }
        Ok(true)
    }
}

/// The day an account ends, as useradd takes it; empty for never.
fn expiry_date(seconds: f64) -> String {
    if seconds < 0.0 {
        return String::new();
    }
    let day = Timestamp::from_second(seconds as i64).map(|time| time.to_zoned(TimeZone::UTC).date());
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// Whether the wanted end is on another day than the account's.
fn expires_differently(seconds: f64, now: Option<i64>) -> bool {
    match now {
        _ if seconds < 0.0 => now.is_some_and(|day| day >= 0),
        None => true,
        Some(day) => day != (seconds / 86_400.0).floor() as i64,
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), ModuleError> {
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if target.symlink_metadata().is_ok() {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs_err::read_link(entry.path())?, &target)?;
        } else if kind.is_dir() {
            fs_err::create_dir(&target)?;
            fs_err::set_permissions(&target, entry.metadata()?.permissions())?;
            copy_tree(&entry.path(), &target)?;
        } else {
            fs_err::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn own_tree(path: &Path, uid: u32, gid: u32) -> Result<(), ModuleError> {
    for entry in walkdir::WalkDir::new(path).follow_links(false).into_iter().filter_map(Result::ok) {
        lchown(entry.path(), Some(uid), Some(gid))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    const HASH: &str = "$6$salt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn fake() -> Fake {
        let fake = Fake::new()
            .unwrap()
            .on("useradd", 0, "")
            .on("usermod", 0, "")
            .on("userdel", 0, "")
            .on("chpasswd", 0, "")
            .on("chage", 0, "");
        fake.write("/etc/passwd", "stack:x:1001:1001:Stack:/home/stack:/bin/bash\n").unwrap();
        fake.write("/etc/group", "stack:x:1001:\nwheel:x:10:stack\naudio:x:11:\n").unwrap();
        fake.write("/etc/shadow", "stack:!:19000:0:99999:7::1000:\n").unwrap();
        fake.write("/home/stack/x", "").unwrap();
        fake
    }

    #[test]
    fn what_is_as_asked_for_stays() {
        let fake = fake();
        let reply = fake.call(
            "user",
            args([
                ("name", "stack"),
                ("uid", "1001"),
                ("groups", "wheel"),
                ("shell", "/bin/bash"),
                ("password_lock", "true"),
            ]),
        );
        assert!(!reply.changed && !reply.failed, "{reply:?}");
        assert!(fake.command_lines().is_empty());
        assert_eq!(reply.data.get("home"), Some(&"/home/stack".into()));
        assert_eq!(reply.data.get("groups"), Some(&"wheel".into()));
    }

    #[test]
    fn an_account_without_a_shadow_line_gets_one() {
        let fake = fake();
        fake.write("/etc/passwd", "bare::575:575::/home/bare:/bin/bash\n").unwrap();
        assert!(fake.call("user", args([("name", "bare"), ("expires", "-1")])).changed);
        assert_eq!(fake.command_lines(), ["usermod -e  bare"]);
    }

    #[test]
    fn changes_are_one_command() {
        let fake = fake();
        let call = |more: &[(&'static str, &'static str)]| {
            let mut all = vec![("name", "stack")];
            all.extend(more);
            fake.call("user", args(all))
        };
        assert!(call(&[("groups", "audio"), ("append", "true")]).changed);
        assert!(call(&[("groups", "audio"), ("comment", "New")]).changed);
        assert!(!call(&[("groups", "wheel"), ("append", "true")]).changed);
        assert!(call(&[("groups", "")]).changed);
        assert!(call(&[("expires", "0")]).changed);
        assert!(!call(&[("expires", "86400000")]).changed);
        assert!(call(&[("expires", "-1")]).changed);
        assert!(call(&[("password_expire_max", "30"), ("password_expire_min", "0")]).changed);
        let expected = [
            "usermod -a -G audio stack",
            "usermod -G audio -c New stack",
            "usermod -G  stack",
            "usermod -e 1970-01-01 stack",
            "usermod -e  stack",
            "chage -M 30 stack",
        ];
        assert_eq!(fake.command_lines(), expected);
    }

    #[test]
    fn passwords_are_on_no_command_line() {
        let fake = fake();
        let reply = fake.call("user", args([("name", "stack"), ("password", HASH)]));
        assert!(reply.changed && reply.warnings.is_empty(), "{reply:?}");
        assert_eq!(fake.command_lines(), ["chpasswd -e"]);
        let given = fake.programs()[0].stdin.clone().unwrap();
        assert_eq!(String::from_utf8(given).unwrap(), format!("stack:{HASH}\n"));
        let reply =
            fake.call("user", args([("name", "stack"), ("password", "secret"), ("update_password", "on_create")]));
        assert!(!reply.changed);
        assert!(reply.warnings[0].contains("not to have been hashed"));
    }

    #[test]
    fn new_users() {
        let fake = fake();
        assert!(fake.check("user", args([("name", "new")])).changed);
        assert!(fake.command_lines().is_empty());
        let reply = fake.call(
            "user",
            args([
                ("name", "new"),
                ("uid", "7"),
                ("groups", "wheel,audio"),
                ("system", "true"),
                ("create_home", "false"),
            ]),
        );
        assert!(reply.failed, "a fake useradd adds nobody");
        assert_eq!(fake.command_lines(), ["useradd -u 7 -G audio,wheel -M -r new"]);
        let reply = fake.call("user", args([("name", "new"), ("group", "nope")]));
        assert_eq!(reply.data.get("msg"), Some(&"Group nope does not exist".into()));
    }

    #[test]
    fn removal() {
        let fake = fake();
        assert!(!fake.call("user", args([("name", "new"), ("state", "absent")])).changed);
        assert!(
            fake.call("user", args([("name", "stack"), ("state", "absent"), ("remove", "true"), ("force", "true")]))
                .changed
        );
        assert_eq!(fake.command_lines(), ["userdel -f -r stack"]);
    }
}
