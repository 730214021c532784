//! Tar archives through GNU tar, with the options and the judgement of Ansible's `TgzArchive`.

use rplay_protocol::Reply;

use super::{Archive, Comparison, Extraction, Job, unhandled};
use crate::{ModuleError, Output, Program};

/// A tar archive and the program that reads it.
pub(crate) struct Tar {
    handler: &'static str,
    program: String,
    flag: Option<&'static str>,
    members: Vec<String>,
}

impl Tar {
    pub(super) fn open(job: &Job<'_>, handler: &'static str, flag: Option<&'static str>) -> Result<Self, ModuleError> {
        if job.cx.check() {
            let msg = "remote module (ansible.legacy.unarchive) does not support check mode when using gtar";
            // Not a failure: the caller turns it into a skipped task.
            return Err(ModuleError::Failed { reply: Box::new(Reply::ok().with("skipped", true).with("msg", msg)) });
        }
        let sys = job.cx.sys();
        let program = sys.which("gtar").or_else(|| sys.which("tar"));
        let program =
            program.ok_or_else(|| unhandled(job.src, "Unable to find required 'gtar' or 'tar' binary in the path"))?;
        let program = program.to_string_lossy().into_owned();
        let version = sys.run(&Program::new([program.as_str(), "--version"]))?.out();
        if !(version.starts_with("tar") && version.contains("GNU")) {
            let kind = if version.starts_with("bsdtar") { "bsd" } else { "None" };
            return Err(unhandled(
                job.src,
                &format!("Command \"{program}\" detected as tar type {kind}. GNU tar required."),
            ));
        }
        let mut tar = Self { handler, program, flag, members: Vec::new() };
        let output = tar.run(job, "--list", false)?;
        if !output.success() {
            let why = format!("Unable to list files in the archive: {}", output.err());
            return Err(unhandled(job.src, &format!("Command \"{}\" could not handle archive: {why}", tar.program)));
        }
        let text = output.out();
        tar.members =
            text.lines().map(|name| name.trim_start_matches('/').to_owned()).filter(|name| job.takes(name)).collect();
        if tar.members.is_empty() {
            let why = format!(
                "Command \"{}\" found no files in archive. Empty archive files are not supported.",
                tar.program
            );
            return Err(unhandled(job.src, &why));
        }
        Ok(tar)
    }

    fn words(&self, job: &Job<'_>, action: &str, attributes: bool) -> Vec<String> {
        let mut words =
            vec![self.program.clone(), action.to_owned(), "-C".to_owned(), job.dest.to_string_lossy().into_owned()];
        words.extend(self.flag.map(str::to_owned));
        if action == "--list" {
            words.push("--quoting-style=literal".to_owned());
        }
        let options = job.args.texts("extra_opts");
        if !options.is_empty() {
            words.push("--show-transformed-names".to_owned());
            words.extend(options.into_iter().map(str::to_owned));
        }
        if attributes {
            words.extend(job.attrs.owner.as_ref().map(|owner| format!("--owner={owner}")));
            words.extend(job.attrs.group.as_ref().map(|group| format!("--group={group}")));
            if job.args.flag("keep_newer") {
                words.push("--keep-newer-files".to_owned());
            }
        }
        words.extend(
            job.args.texts("exclude").into_iter().map(|path| format!("--exclude={}", path.trim_end_matches('/'))),
        );
        words.extend(["-f".to_owned(), job.src.to_string_lossy().into_owned()]);
        words.extend(job.args.texts("include").into_iter().map(str::to_owned));
        words
    }

    /// In the C locale: its messages are read.
    fn run(&self, job: &Job<'_>, action: &str, attributes: bool) -> Result<Output, ModuleError> {
        let mut program = Program::new(self.words(job, action, attributes)).cwd(job.dest);
        for name in ["LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"] {
            program = program.env(name, "C");
        }
        Ok(job.cx.sys().run(&program)?)
    }
}

impl Archive for Tar {
    fn handler(&self) -> &'static str {
        self.handler
    }

    fn members(&self) -> &[String] {
        &self.members
    }

    fn compare(&mut self, job: &Job<'_>) -> Result<Comparison, ModuleError> {
        let output = self.run(job, "--diff", true)?;
        let root = job.cx.sys().euid() == 0;
        let attrs = job.attrs;
        let differs = |line: &str| {
            if line.ends_with(": : Warning: Cannot stat: No such file or directory") {
                // Names that lost all their folders to an option.
                return false;
            }
            (root && attrs.owner.is_none() && line.ends_with(": Uid differs"))
                || (root && attrs.group.is_none() && line.ends_with(": Gid differs"))
                || (attrs.mode.is_none() && line.ends_with(": Mode differs"))
                || line.contains(": Invalid owner")
                || line.contains(": Invalid group")
                || [
                    ": Mod time differs",
                    ": Warning: Cannot stat: No such file or directory",
                    ": Symlink differs",
                    ": Contents differ",
                    ": Size differs",
                ]
                .iter()
                .any(|end| line.ends_with(end))
        };
        let (out, err) = (output.out(), output.err());
        let unarchived = !out.lines().chain(err.lines()).any(differs);
        Ok(Comparison { unarchived, ..Comparison::default() })
    }

    fn extract(&mut self, job: &Job<'_>, _comparison: &Comparison) -> Result<Extraction, ModuleError> {
        let output = self.run(job, "--extract", true)?;
        Ok(Extraction { cmd: self.words(job, "--extract", true), rc: output.rc, out: output.out(), err: output.err() })
    }
}
