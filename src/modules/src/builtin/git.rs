//! Checks out git repositories.
//!
//! Options:
//! - `repo` (required; alias `name`): the address. `dest`: the folder of the checkout. `version` (default `HEAD`):
//!   branch, tag or commit. `remote` (default `origin`): the name of the address in the checkout.
//! - `clone` (default true): clone when there is no checkout. `update` (default true): fetch when there is one.
//!   `force`: overwrite local changes.
//! - `depth`: how many commits to fetch. `refspec`: what to fetch besides. `reference`: a repository of this machine to
//!   take objects from. `single_branch`: fetch only the branch. `bare`: no files, only the repository.
//!   `separate_git_dir`: the folder of the repository, apart from the files.
//! - `recursive` (default true), `track_submodules`: submodules.
//! - `accept_hostkey`, `accept_newhostkey`, `key_file`, `ssh_opts`: for repositories over SSH.
//! - `verify_commit`, `gpg_allowlist`: only signed versions. `archive`, `archive_prefix`: also write an archive.
//! - `executable`: the git to use. `umask`: of files that are made.
//!
//! Returns: `before`, `after`, `remote_url_changed`, `submodules_changed`, `git_dir_now`, `git_dir_before`, `msg`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - git:
//!     repo: https://opendev.org/openstack/tripleo-quickstart
//!     dest: /opt/quickstart
//!     version: master
//! ```

use std::path::{Path, PathBuf};

use rplay_protocol::{Diff, Reply};
use rplay_value::Value;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support, tools, words};

/// `ansible.builtin.git`
pub static MODULE: Module = Module {
    name: "git",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("dest"),
            Arg::text("repo").required().alias(&["name"]),
            Arg::text("version").default("HEAD"),
            Arg::text("remote").default("origin"),
            Arg::text("refspec"),
            Arg::text("reference"),
            Arg::bool("force").default("false"),
            Arg::int("depth"),
            Arg::bool("clone").default("true"),
            Arg::bool("update").default("true"),
            Arg::bool("verify_commit").default("false"),
            Arg::list("gpg_allowlist").alias(&["gpg_whitelist"]),
            Arg::bool("accept_hostkey").default("false"),
            Arg::bool("accept_newhostkey").default("false"),
            Arg::path("key_file"),
            Arg::text("ssh_opts"),
            Arg::path("executable"),
            Arg::bool("bare").default("false"),
            Arg::bool("recursive").default("true"),
            Arg::bool("single_branch").default("false"),
            Arg::bool("track_submodules").default("false"),
            Arg::raw("umask"),
            Arg::path("archive"),
            Arg::text("archive_prefix"),
            Arg::path("separate_git_dir"),
        ],
        exclusive: &[&["separate_git_dir", "bare"], &["accept_hostkey", "accept_newhostkey"]],
        required_by: &[("archive_prefix", &["archive"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let git = Git::new(cx, args)?;
    git.run(cx)
}

struct Git<'a> {
    args: &'a Args,
    program: String,
    repo: String,
    /// The working folder as the target sees it.
    dest: Option<PathBuf>,
    version: &'a str,
    remote: &'a str,
    bare: bool,
    ssh: String,
    umask: Option<u32>,
}

/// What a remote has under a name.
#[derive(Default)]
struct Refs {
    branch: Option<String>,
    /// The commit a tag stands for.
    tag: Option<String>,
}

impl<'a> Git<'a> {
    fn new(cx: &Context<'_>, args: &'a Args) -> Result<Self, ModuleError> {
        let program = match args.text("executable") {
            Some(path) => path.to_owned(),
            None => tools::need(cx, "git")?,
        };
        let mut repo = args.need("repo").to_owned();
        if let Some(rest) = repo.strip_prefix("~/") {
            repo = format!("{}/{rest}", cx.sys().var("HOME").unwrap_or_default());
        }
        if repo.starts_with('/') {
            // Shallow clones of a path need a URL.
            repo = format!("file://{repo}");
        }
        let dest = args.text("dest").map(std::path::absolute).transpose()?;
        if dest.is_none() && args.flag("clone") {
            return Err(ModuleError::msg("the destination directory must be specified unless clone=no"));
        }
        let umask = match args.get("umask") {
            None => None,
            Some(Value::Text(text)) => {
                let parsed = u32::from_str_radix(text.as_str(), 8);
                Some(parsed.map_err(|_| ModuleError::msg("umask must be an octal integer"))?)
            }
            Some(_) => return Err(ModuleError::msg("umask must be defined as a quoted octal integer")),
        };
        Ok(Self {
            args,
            program,
            repo,
            dest,
            version: args.need("version"),
            remote: args.need("remote"),
            bare: args.flag("bare"),
            ssh: ssh_command(cx, args),
            umask,
        })
    }

    fn execute(&self, cx: &Context<'_>, words: &[&str]) -> Result<Output, ModuleError> {
        let folder = self.dest.as_deref().filter(|dest| cx.path(dest).is_dir());
        self.execute_in(cx, words, folder)
    }

    fn execute_in(&self, cx: &Context<'_>, words: &[&str], folder: Option<&Path>) -> Result<Output, ModuleError> {
        let argv = std::iter::once(self.program.as_str()).chain(words.iter().copied());
        let talks = matches!(words.first(), Some(&("clone" | "fetch" | "pull" | "submodule" | "checkout" | "archive")));
        let mut program = Program { umask: self.umask, live: talks, ..Program::new(argv) };
        program = program
            .env("GIT_SSH_COMMAND", &self.ssh)
            .env("LANGUAGE", "C")
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0");
        if let Some(folder) = folder {
            program = program.cwd(cx.path(folder));
        }
        tools::run_program(cx, program)
    }

    fn checked(&self, cx: &Context<'_>, words: &[&str]) -> Result<Output, ModuleError> {
        let output = self.execute(cx, words)?;
        if output.success() { Ok(output) } else { Err(self.failed(words, &output, output.err().trim_end())) }
    }

    fn failed(&self, words: &[&str], output: &Output, msg: &str) -> ModuleError {
        let command = std::iter::once(self.program.as_str()).chain(words.iter().copied());
        let command: Vec<String> = command.map(words::quote).collect();
        let reply = Reply::failure(msg).with("cmd", command.join(" ")).with("rc", output.rc);
        ModuleError::reply(reply.with("stdout", output.out()).with("stderr", output.err()))
    }

    fn run(&self, cx: &mut Context<'_>) -> Result<Reply, ModuleError> {
        let (args, check) = (self.args, cx.check());
        let mut reply = Reply::ok();
        let mut folder = self.repository(cx)?;
        if let (Some(separate), Some(now)) = (args.text("separate_git_dir"), &folder) {
            let separate = std::path::absolute(separate)?;
            if cx.path(now).exists() && *now != separate {
                reply.changed = true;
                if !check {
                    reply = self.relocate(cx, reply, now, &separate)?;
                    folder = Some(separate);
                }
            }
        }
        let cloned = folder.as_deref().is_some_and(|folder| cx.path(folder.join("config")).exists());
        reply = reply.with("before", Value::Null);
        let mut before = None;
        let (mut local_changes, mut url_changed) = (false, false);
        if !cloned {
            if check || !args.flag("clone") {
                let head = self.remote_head(cx, &self.repo)?;
                let diff = self.diff(cx, None, &head)?;
                return Ok(Reply { changed: true, ..reply }.with("after", head).with_diff(diff));
            }
            self.clone_repository(cx)?;
        } else if !args.flag("update") {
            let head = self.head(cx)?;
            reply = reply.with("before", head.as_str()).with("after", head);
            return self.archive(cx, reply);
        } else {
            let head = self.head(cx)?;
            reply = reply.with("before", head.as_str());
            before = Some(head);
            local_changes = self.has_local_changes(cx)?;
            let place = self.dest.as_deref().unwrap_or(Path::new("")).display().to_string();
            if local_changes {
                if !args.flag("force") {
                    let msg = format!("Local modifications exist in the destination: {place} (force=no).");
                    return Err(ModuleError::reply(reply.with("msg", msg)));
                }
                if !check {
                    self.checked(cx, &["reset", "--hard", "HEAD"])?;
                    reply.changed = true;
                    reply = reply.with("msg", format!("Local modifications exist in the destination: {place}"));
                }
            }
            url_changed = self.set_url(cx, check)?;
            reply = reply.with("remote_url_changed", url_changed);
            if check {
                let head = self.remote_head(cx, self.remote)?;
                let changed = before.as_ref() != Some(&head) || url_changed;
                let diff = if changed { self.diff(cx, before.as_deref(), &head)? } else { None };
                return Ok(Reply { changed, ..reply }.with("after", head).with_diff(diff));
            }
            self.fetch(cx)?;
        }
        if !self.bare {
            self.switch(cx)?;
        }
        let mut submodules = false;
        if args.flag("recursive") && !self.bare {
            submodules = self.submodules_differ(cx)?;
            if submodules {
                reply = reply.with("submodules_changed", true);
                self.update_submodules(cx)?;
            }
        }
        let after = self.head(cx)?;
        reply = reply.with("after", after.as_str());
        if before.as_ref() != Some(&after) || local_changes || submodules || url_changed {
            reply.changed = true;
            let diff = self.diff(cx, before.as_deref(), &after)?;
            reply = reply.with_diff(diff);
        }
        self.archive(cx, reply)
    }

    /// Where git keeps its own files for the working folder.
    fn repository(&self, cx: &Context<'_>) -> Result<Option<PathBuf>, ModuleError> {
        let Some(dest) = &self.dest else { return Ok(None) };
        if self.bare {
            return Ok(Some(dest.clone()));
        }
        let path = dest.join(".git");
        if !cx.path(&path).is_file() {
            return Ok(Some(path));
        }
        let text = fs_err::read_to_string(cx.path(&path))?;
        let folder = text.trim_end().strip_prefix("gitdir: ").map(|place| dest.join(place));
        folder.filter(|folder| cx.path(folder).is_dir()).map(Some).ok_or_else(|| {
            ModuleError::msg(
                "Current repo does not have a valid reference to a separate Git dir or it refers to the invalid path",
            )
        })
    }

    fn relocate(&self, cx: &Context<'_>, reply: Reply, now: &Path, separate: &Path) -> Result<Reply, ModuleError> {
        if cx.path(separate).exists() {
            return Err(ModuleError::msg(format!("Separate-git-dir path {} already exists.", separate.display())));
        }
        let dest = self.dest.as_deref().unwrap_or(now);
        fs_err::rename(cx.path(now), cx.path(separate))?;
        if let Err(error) = fs_err::write(cx.path(dest.join(".git")), format!("gitdir: {}", separate.display())) {
            fs_err::rename(cx.path(separate), cx.path(now))?;
            return Err(error.into());
        }
        let reply = reply.with("git_dir_before", now.to_string_lossy().into_owned());
        Ok(reply.with("git_dir_now", separate.to_string_lossy().into_owned()))
    }

    fn head(&self, cx: &Context<'_>) -> Result<String, ModuleError> {
        Ok(self.execute(cx, &["rev-parse", "HEAD"])?.out().trim_end().to_owned())
    }

    fn has_local_changes(&self, cx: &Context<'_>) -> Result<bool, ModuleError> {
        if self.bare {
            return Ok(false);
        }
        let status = self.execute(cx, &["status", "--porcelain"])?.out();
        Ok(status.lines().any(|line| !line.starts_with("??")))
    }

    /// What the remote has under the wanted version, asked for in one go.
    fn refs(&self, cx: &Context<'_>, remote: &str) -> Result<Refs, ModuleError> {
        let (branch, tag) = (format!("refs/heads/{}", self.version), format!("refs/tags/{}", self.version));
        let peeled = format!("{tag}^{{}}");
        let output = self.checked(cx, &["ls-remote", remote, &branch, &tag, &peeled])?.out();
        let find = |name: &str| {
            let line = output.lines().find_map(|line| line.split_once('\t').filter(|(_, found)| *found == name));
            line.map(|(commit, _)| commit.to_owned())
        };
        Ok(Refs { branch: find(&branch), tag: find(&peeled).or_else(|| find(&tag)) })
    }

    /// The commit the wanted version is at the remote.
    fn remote_head(&self, cx: &Context<'_>, remote: &str) -> Result<String, ModuleError> {
        if self.version != "HEAD" {
            let refs = self.refs(cx, remote)?;
            // Neither branch nor tag: a commit's own name, which cannot be asked for.
            return Ok(refs.branch.or(refs.tag).unwrap_or_else(|| self.version.to_owned()));
        }
        let name =
            if remote == self.repo { "HEAD".to_owned() } else { format!("refs/heads/{}", self.head_branch(cx)?) };
        let output = self.checked(cx, &["ls-remote", remote, &name])?;
        let text = output.out();
        text.split_whitespace().next().map(str::to_owned).ok_or_else(|| {
            let msg = format!("Could not determine remote revision for {}", self.version);
            self.failed(&["ls-remote", remote, &name], &output, &msg)
        })
    }

    /// The branch that is checked out, or the remote's main one.
    fn head_branch(&self, cx: &Context<'_>) -> Result<String, ModuleError> {
        let local = self.execute(cx, &["symbolic-ref", "--quiet", "--short", "HEAD"])?;
        if local.success() {
            return Ok(local.out().trim().to_owned());
        }
        let main =
            self.execute(cx, &["symbolic-ref", "--quiet", "--short", &format!("refs/remotes/{}/HEAD", self.remote)])?;
        let text = main.out();
        let name = text.trim();
        let name = name.strip_prefix(&format!("{}/", self.remote)).unwrap_or(name);
        if name.is_empty() {
            return Err(ModuleError::msg(format!("Unable to find the branch HEAD of {} stands for", self.remote)));
        }
        Ok(name.to_owned())
    }

    fn clone_repository(&self, cx: &mut Context<'_>) -> Result<(), ModuleError> {
        let args = self.args;
        let Some(dest) = &self.dest else { return Ok(()) };
        let parent = dest.parent().unwrap_or(dest).to_owned();
        fs_err::create_dir_all(cx.path(&parent))?;
        let mut words: Vec<String> = vec!["clone".into()];
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        if self.bare {
            add(&["--bare"]);
        } else {
            add(&["--origin", self.remote]);
        }
        let single = args.flag("single_branch");
        let depth = args.int("depth").filter(|depth| *depth != 0).map(|depth| depth.to_string());
        let named = if (depth.is_some() || single) && self.version != "HEAD" {
            let refs = self.refs(cx, &self.repo)?;
            refs.branch.is_some() || refs.tag.is_some()
        } else {
            false
        };
        if let Some(depth) = &depth {
            if self.version == "HEAD" || args.get("refspec").is_some() {
                add(&["--depth", depth]);
            } else if named {
                add(&["--depth", depth, "--branch", self.version]);
            } else {
                cx.warn("Ignoring depth argument. Shallow clones are only available for HEAD, branches, tags or in combination with refspec.");
            }
        }
        if let Some(reference) = args.text("reference") {
            add(&["--reference", reference]);
        }
        if single {
            add(&["--single-branch"]);
            if named {
                add(&["--branch", self.version]);
            }
        }
        if let Some(folder) = args.text("separate_git_dir") {
            add(&[&format!("--separate-git-dir={folder}")]);
        }
        add(&[&self.repo, &dest.to_string_lossy()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = self.execute_in(cx, &words, Some(&parent))?;
        if !output.success() {
            return Err(self.failed(&words, &output, output.err().trim_end()));
        }
        if self.bare && self.remote != "origin" {
            self.checked(cx, &["remote", "add", self.remote, &self.repo])?;
        }
        if let Some(refspec) = args.text("refspec") {
            let mut words = vec!["fetch"];
            if let Some(depth) = &depth {
                words.extend(["--depth", depth]);
            }
            words.extend([self.remote, refspec]);
            self.checked(cx, &words)?;
        }
        if args.flag("verify_commit") {
            self.verify(cx)?;
        }
        Ok(())
    }

    /// Points the remote at the wanted URL; true when it pointed elsewhere.
    fn set_url(&self, cx: &Context<'_>, check: bool) -> Result<bool, ModuleError> {
        let now = self.execute(cx, &["ls-remote", "--get-url", self.remote])?;
        let now = now.out().trim_end().to_owned();
        let plain = |url: &str| std::fs::canonicalize(cx.path(url)).unwrap_or_else(|_| PathBuf::from(url));
        if now == self.repo || plain(&now) == plain(&self.repo) {
            return Ok(false);
        }
        if !check {
            let output = self.execute(cx, &["remote", "set-url", self.remote, &self.repo])?;
            if !output.success() {
                let (out, err) = (output.out(), output.err());
                let msg = format!("Failed to set a new url {} for {}: {out} {err}", self.repo, self.remote);
                return Err(ModuleError::msg(msg));
            }
        }
        Ok(true)
    }

    fn fetch(&self, cx: &Context<'_>) -> Result<(), ModuleError> {
        let args = self.args;
        let mut words: Vec<String> = vec!["fetch".into()];
        let mut refspecs: Vec<String> = Vec::new();
        if let Some(depth) = args.int("depth").filter(|depth| *depth != 0) {
            let version = self.version;
            if let Some(refspec) = args.text("refspec") {
                refspecs.push(refspec.to_owned());
            } else if version == "HEAD" {
                refspecs.push(self.head_branch(cx)?);
            } else {
                let refs = self.refs(cx, self.remote)?;
                if refs.branch.is_some() {
                    if self.head_branch(cx).ok().as_deref() != Some(version) {
                        refspecs.push(format!("+refs/heads/{version}:refs/heads/{version}"));
                    }
                    refspecs.push(format!("+refs/heads/{version}:refs/remotes/{}/{version}", self.remote));
                } else if refs.tag.is_some() {
                    refspecs.push(format!("+refs/tags/{version}:refs/tags/{version}"));
                }
            }
            if !refspecs.is_empty() {
                words.extend(["--depth".to_owned(), depth.to_string()]);
            }
        }
        if refspecs.is_empty() {
            if self.bare {
                refspecs.extend(["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()]);
            } else {
                words.push("--tags".to_owned());
            }
            refspecs.extend(args.text("refspec").map(str::to_owned));
        }
        if args.flag("force") {
            words.push("--force".to_owned());
        }
        words.push(self.remote.to_owned());
        words.extend(refspecs);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = self.execute(cx, &words)?;
        if output.success() {
            return Ok(());
        }
        let msg = format!("Failed to download remote objects and refs: {} {}", output.out(), output.err());
        Err(self.failed(&words, &output, &msg))
    }

    fn is_local_branch(&self, cx: &Context<'_>, name: &str) -> Result<bool, ModuleError> {
        Ok(self.execute(cx, &["show-ref", "--verify", "--quiet", &format!("refs/heads/{name}")])?.success())
    }

    /// Checks the wanted version out.
    fn switch(&self, cx: &Context<'_>) -> Result<(), ModuleError> {
        let version = self.version;
        let step = |words: &[&str], msg: String| {
            let output = self.execute(cx, words)?;
            if output.success() { Ok(()) } else { Err(self.failed(words, &output, &msg)) }
        };
        if version == "HEAD" {
            let branch = self.head_branch(cx)?;
            let msg = || format!("Failed to checkout branch {branch}");
            step(&["checkout", "--force", &branch], msg())?;
            step(&["reset", "--hard", &format!("{}/{branch}", self.remote), "--"], msg())?;
        } else if self.refs(cx, self.remote)?.branch.is_some() {
            let tracked = format!("{}/{version}", self.remote);
            let known = self.is_local_branch(cx, version)?;
            if let (false, Some(depth)) = (known, self.args.int("depth").filter(|depth| *depth != 0)) {
                // A shallow clone knows one branch only.
                let (local, remote) = (
                    format!("+refs/heads/{version}:refs/heads/{version}"),
                    format!("+refs/heads/{version}:refs/remotes/{tracked}"),
                );
                let words = ["fetch", &format!("--depth={depth}"), self.remote, &local, &remote];
                step(&words, format!("Failed to fetch branch from remote: {version}"))?;
            }
            if self.is_local_branch(cx, version)? {
                step(&["checkout", "--force", version], format!("Failed to checkout branch {version}"))?;
                step(&["reset", "--hard", &tracked], format!("Failed to checkout {version}"))?;
            } else {
                step(&["checkout", "--track", "-b", version, &tracked], format!("Failed to checkout {version}"))?;
            }
        } else {
            step(&["checkout", "--force", version], format!("Failed to checkout {version}"))?;
        }
        if self.args.flag("verify_commit") { self.verify(cx) } else { Ok(()) }
    }

    fn verify(&self, cx: &Context<'_>) -> Result<(), ModuleError> {
        let version = self.version;
        let kind = self.execute(cx, &["cat-file", "-t", &format!("refs/tags/{version}")])?.out();
        let allowed = self.args.texts("gpg_allowlist");
        let mut words = vec![if kind.trim() == "tag" { "verify-tag" } else { "verify-commit" }, version];
        if !allowed.is_empty() {
            words.push("--raw");
        }
        let output = self.execute(cx, &words)?;
        if !output.success() {
            let msg = format!("Failed to verify GPG signature of commit/tag \"{version}\"");
            return Err(self.failed(&words, &output, &msg));
        }
        if allowed.is_empty() {
            return Ok(());
        }
        // `[GNUPG:] VALIDSIG <subkey> ... <primary key>`
        let err = output.err();
        let signer =
            err.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|w| w.get(1) == Some(&"VALIDSIG"));
        let signer =
            signer.and_then(|words| words.get(if words.len() > 11 { 11 } else { 2 }).map(|key| (*key).to_owned()));
        match signer {
            Some(key) if allowed.contains(&key.as_str()) => Ok(()),
            key => {
                let key = key.unwrap_or_default();
                let msg = format!("The gpg_allowlist does not include the public key \"{key}\" for this commit");
                Err(self.failed(&words, &output, &msg))
            }
        }
    }

    fn submodules_differ(&self, cx: &Context<'_>) -> Result<bool, ModuleError> {
        let Some(dest) = &self.dest else { return Ok(false) };
        let Ok(text) = fs_err::read_to_string(cx.path(dest.join(".gitmodules"))) else { return Ok(false) };
        let paths = text.lines().filter_map(|line| line.trim().strip_prefix("path")?.trim_start().strip_prefix('='));
        if paths.map(str::trim).any(|path| !cx.path(dest.join(path).join(".git")).exists()) {
            return Ok(true);
        }
        let versions = |version: &str| {
            let foreach = ["submodule", "foreach", "--quiet", &format!("{} rev-parse {version}", self.program)];
            self.checked(cx, &foreach).map(|output| output.out())
        };
        let before = if self.args.flag("track_submodules") { Some(versions("HEAD")?) } else { None };
        self.checked(cx, &["submodule", "foreach", &format!("{} fetch", self.program)])?;
        match before {
            Some(before) => Ok(before != versions(&format!("{}/HEAD", self.remote))?),
            None => Ok(self.checked(cx, &["submodule", "status"])?.out().lines().any(|line| !line.starts_with(' '))),
        }
    }

    fn update_submodules(&self, cx: &Context<'_>) -> Result<(), ModuleError> {
        self.execute(cx, &["submodule", "sync"])?;
        let mut words = vec!["submodule", "update", "--init", "--recursive"];
        if self.args.flag("track_submodules") {
            words.push("--remote");
        }
        if self.args.flag("force") {
            words.push("--force");
        }
        let output = self.execute(cx, &words)?;
        if output.success() {
            return Ok(());
        }
        let msg = format!("Failed to init/update submodules: {}{}", output.out(), output.err());
        Err(self.failed(&words, &output, &msg))
    }

    fn diff(&self, cx: &Context<'_>, before: Option<&str>, after: &str) -> Result<Option<Diff>, ModuleError> {
        if !cx.diff() {
            return Ok(None);
        }
        let text = match before {
            None => format!(">> Newly checked out {after}"),
            Some(before) if before == after => return Ok(None),
            Some(before) => {
                let output = self.execute(cx, &["diff", before, after])?;
                match (output.success(), output.out()) {
                    (true, text) if !text.is_empty() => text,
                    (true, _) => format!(">> No visual differences between {before} and {after}"),
                    _ => format!(">> Failed to get proper diff between {before} and {after}:\n>> {}", output.err()),
                }
            }
        };
        Ok(Some(Diff { prepared: Some(text), ..Diff::default() }))
    }

    fn archive(&self, cx: &Context<'_>, mut reply: Reply) -> Result<Reply, ModuleError> {
        let Some(archive) = self.args.text("archive") else { return Ok(reply) };
        if cx.check() {
            return Ok(Reply { changed: true, ..reply });
        }
        let format = match Path::new(archive).extension().and_then(|extension| extension.to_str()) {
            Some("zip") => "zip",
            Some("gz") => "tar.gz",
            Some("tar") => "tar",
            Some("tgz") => "tgz",
            _ => {
                let failure =
                    Reply::failure(format!("Unable to get file extension from archive file name : {archive}"));
                let details = "Please specify archive as filename with extension. File extension can be one of ['tar', 'tar.gz', 'zip', 'tgz']";
                return Err(ModuleError::reply(failure.with("details", details)));
            }
        };
        let target = cx.path(archive);
        let folder = target.parent().unwrap_or(Path::new("."));
        let fresh = tempfile::Builder::new().prefix(".archive").tempfile_in(folder)?.into_temp_path();
        let output = fresh.to_string_lossy().into_owned();
        let mut words = vec!["archive", "--format", format, "--output", &output];
        if let Some(prefix) = self.args.text("archive_prefix") {
            words.extend(["--prefix", prefix]);
        }
        words.push(self.version);
        let done = self.execute(cx, &words)?;
        if !done.success() {
            let reply = Reply::failure("Failed to perform archive operation");
            let details = format!("Git archive command failed to create archive {archive}: {}", done.err());
            return Err(ModuleError::reply(reply.with("details", details)));
        }
        if fs_err::read(&target).ok() == Some(fs_err::read(&fresh)?) {
            reply.changed = false;
            return Ok(reply);
        }
        fs_err::set_permissions(&fresh, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        fresh.persist(&target).map_err(|error| error.error)?;
        reply.changed = true;
        Ok(reply)
    }
}

/// ssh as git is to call it: never asking, with the key and options of the task.
fn ssh_command(cx: &Context<'_>, args: &Args) -> String {
    let mut command =
        cx.sys().var("GIT_SSH").or_else(|| cx.sys().var("GIT_SSH_COMMAND")).unwrap_or_else(|| "ssh".to_owned());
    let mut options = args.text("ssh_opts").unwrap_or_default().to_owned();
    let decided = ["no", "accept-new"].iter().any(|value| options.contains(&format!("StrictHostKeyChecking={value}")));
    if args.flag("accept_hostkey") && !decided {
        options.push_str(" -o StrictHostKeyChecking=no");
    } else if args.flag("accept_newhostkey") && !decided {
        options.push_str(" -o StrictHostKeyChecking=accept-new");
    }
    if !options.contains("BatchMode=yes") {
        options.push_str(" -o BatchMode=yes");
    }
    if let Some(key) = args.text("key_file") {
        options.push_str(&format!(" -i {} -o IdentitiesOnly=yes", words::quote(key)));
    }
    command.push(' ');
    command.push_str(options.trim());
    command
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rplay_protocol::{Call, Reply};
    use rplay_value::Map;

    use crate::Real;

    fn git(folder: &std::path::Path, words: &[&str]) {
        let mut command = Command::new("git");
        command.current_dir(folder).args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "init.defaultBranch=main",
        ]);
        assert!(command.args(words).output().unwrap().status.success(), "{words:?}");
    }

    fn call(entries: &[(&str, &str)], check: bool) -> Reply {
        let args: Map = entries.iter().copied().collect();
        crate::run(&Real::default(), &Call { module: "git".into(), args, check, diff: check, ..Call::default() })
    }

    #[test]
    fn a_repository_is_cloned_updated_and_protected() {
        let root = tempfile::tempdir().unwrap();
        let origin = root.path().join("origin");
        std::fs::create_dir(&origin).unwrap();
        git(&origin, &["init", "-q"]);
        std::fs::write(origin.join("a"), "1").unwrap();
        git(&origin, &["add", "a"]);
        git(&origin, &["commit", "-qm", "one"]);
        git(&origin, &["tag", "v1"]);
        let (repo, dest) = (origin.to_str().unwrap(), root.path().join("work"));
        let base = [("repo", repo), ("dest", dest.to_str().unwrap())];
        let with = |more: &[(&'static str, &'static str)], check| call(&[&base[..], more].concat(), check);

        let reply = with(&[], true);
        assert!(reply.changed && !dest.exists(), "{reply:?}");
        assert!(reply.diff[0].prepared.as_deref().unwrap().starts_with(">> Newly checked out "));
        let reply = with(&[], false);
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert!(reply.data.get("before").unwrap().is_null());
        let first = reply.data.get("after").unwrap().clone();
        assert!(!with(&[], false).changed);
        assert!(!with(&[], true).changed);

        std::fs::write(origin.join("a"), "2").unwrap();
        git(&origin, &["commit", "-qam", "two"]);
        git(&origin, &["branch", "side"]);
        assert!(with(&[], true).changed);
        assert!(!with(&[("update", "no")], false).changed);
        let reply = with(&[], false);
        assert!(reply.changed && reply.data.get("before") == Some(&first), "{reply:?}");
        assert_eq!(std::fs::read_to_string(dest.join("a")).unwrap(), "2");

        let reply = with(&[("version", "v1")], false);
        assert!(reply.changed && reply.data.get("after") == Some(&first), "{reply:?}");
        assert!(with(&[("version", "side")], false).changed);
        assert!(!with(&[("version", "side")], false).changed);

        std::fs::write(dest.join("a"), "mine").unwrap();
        let reply = with(&[("version", "side")], false);
        assert!(reply.data.get("msg").unwrap().as_str().unwrap().ends_with("(force=no)."));
        assert!(with(&[("version", "side"), ("force", "yes")], false).changed);
        assert_eq!(std::fs::read_to_string(dest.join("a")).unwrap(), "2");

        let reply = with(&[("version", "nothing")], false);
        assert_eq!(reply.data.get("msg"), Some(&"Failed to checkout nothing".into()));
        let archive = root.path().join("x.tar").to_str().unwrap().to_owned();
        let given = [&base[..], &[("version", "side"), ("archive", archive.as_str())]].concat();
        assert!(call(&given, false).changed && !call(&given, false).changed);
    }

    #[test]
    fn shallow_and_bare_clones() {
        let root = tempfile::tempdir().unwrap();
        let origin = root.path().join("origin");
        std::fs::create_dir(&origin).unwrap();
        git(&origin, &["init", "-q"]);
        for number in ["1", "2"] {
            std::fs::write(origin.join("a"), number).unwrap();
            git(&origin, &["add", "a"]);
            git(&origin, &["commit", "-qm", number]);
        }
        let repo = origin.to_str().unwrap();
        let shallow = root.path().join("shallow");
        let given = [("repo", repo), ("dest", shallow.to_str().unwrap()), ("depth", "1"), ("version", "main")];
        let reply = call(&given, false);
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert!(shallow.join(".git/shallow").exists());
        assert!(!call(&given, false).changed);
        let bare = root.path().join("bare");
        let given = [("repo", repo), ("dest", bare.to_str().unwrap()), ("bare", "yes")];
        assert!(call(&given, false).changed && bare.join("config").exists());
        assert!(!call(&given, false).changed);
    }
}
