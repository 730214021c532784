//! Applies a patch, by the program `patch`.
//!
//! Options:
//! - `src` (path, required; also `patchfile`): the patch, on the controller unless `remote_src` (bool).
//! - `dest` (path; also `originalfile`): the file to patch, or `basedir` (path): the folder the patch is about.
//! - `strip` (int, default 0): leading folders of names that are left out.
//! - `state` (`present` or `absent`): applied, or taken back.
//! - `backup` (bool): numbered copies; `binary`, `ignore_whitespace` (bool).
//!
//! Returns: nothing of its own.
//!
//! Check mode: yes, with the program's dry run. Diff: none.
//!
//! Example:
//! ```yaml
//! - ansible.posix.patch:
//!     src: fix.patch
//!     basedir: /usr/lib/python3/dist-packages
//!     strip: 1
//! ```

use std::path::Path;

use nix::unistd::{AccessFlags, access};
use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support};

/// `ansible.posix.patch`
pub static MODULE: Module = Module {
    name: "patch",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::path("src").required().alias(&["patchfile"]),
            Arg::path("dest").alias(&["originalfile"]),
            Arg::path("basedir"),
            Arg::int("strip").default("0"),
            Arg::bool("remote_src").default("false"),
            Arg::bool("backup").default("false"),
            Arg::bool("binary").default("false"),
            Arg::bool("ignore_whitespace").default("false"),
            Arg::text("state").default("present").choices(&["absent", "present"]),
        ],
        one_of: &[&["dest", "basedir"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    // The action sends the patch along; the file lives as long as the call.
    let sent = match cx.attachment("src") {
        Some(content) => {
            let mut file = tempfile::NamedTempFile::new_in(cx.sys().tmp())?;
            std::io::Write::write_all(&mut file, content)?;
            Some(file)
        }
        None => None,
    };
    let src = args.need("src");
    let patch = sent.as_ref().map_or_else(|| cx.path(src), |file| file.path().to_owned());
    if access(&patch, AccessFlags::R_OK).is_err() {
        return Err(ModuleError::msg(format!("src {src} doesn't exist or not readable")));
    }
    if let Some(dest) = args.text("dest").filter(|dest| access(&cx.path(dest), AccessFlags::W_OK).is_err()) {
        return Err(ModuleError::msg(format!("dest {dest} doesn't exist or not writable")));
    }
    if let Some(folder) = args.text("basedir").filter(|folder| !cx.path(folder).exists()) {
        return Err(ModuleError::msg(format!("basedir {folder} doesn't exist")));
    }
    let folder = match args.text("basedir") {
        Some(folder) => cx.path(folder),
        None => cx.path(Path::new(args.need("dest")).parent().unwrap_or(Path::new("."))),
    };
    let Some(program) = cx.sys().which("patch") else { return Err(ModuleError::msg("patch command not found")) };
    let call = Call { cx, args, program: program.to_string_lossy().into_owned(), folder: &folder, patch: &patch };
    let present = args.need("state") == "present";
    // Taking it back works only where it is applied, and the other way round.
    if call.run(&["--dry-run"], present)?.success() {
        return Ok(Reply::ok());
    }
    let mut options = vec!["--batch", "--reject-file=-"];
    options.extend(cx.check().then_some("--dry-run"));
    options.extend(args.flag("backup").then_some(["--backup", "--version-control=numbered"]).into_iter().flatten());
    let output = call.run(&options, !present)?;
    if output.success() {
        return Ok(Reply { changed: true, ..Reply::ok() });
    }
    let said = output.err();
    Err(ModuleError::msg(if said.is_empty() { output.out() } else { said }))
}

struct Call<'a> {
    cx: &'a Context<'a>,
    args: &'a Args,
    program: String,
    folder: &'a Path,
    patch: &'a Path,
}

impl Call<'_> {
    fn run(&self, options: &[&str], reverse: bool) -> Result<Output, ModuleError> {
        let args = self.args;
        let mut argv = vec![self.program.clone(), "--quiet".to_owned(), "--forward".to_owned()];
        argv.extend(options.iter().map(|option| (*option).to_owned()));
        argv.push(format!("--strip={}", args.int("strip").unwrap_or(0)));
        argv.push(format!("--directory={}", self.folder.display()));
        argv.push(format!("--input={}", std::path::absolute(self.patch)?.display()));
        argv.extend(args.flag("binary").then(|| "--binary".to_owned()));
        argv.extend(args.flag("ignore_whitespace").then(|| "--ignore-whitespace".to_owned()));
        argv.extend(args.text("dest").map(|dest| self.cx.path(dest).to_string_lossy().into_owned()));
        argv.extend(reverse.then(|| "--reverse".to_owned()));
        Ok(self.cx.sys().run(&Program::new(argv).env("LC_ALL", "C"))?)
    }
}

#[cfg(test)]
mod tests {
    use crate::Output;
    use crate::testing::{Fake, args};

    #[test]
    fn a_patch_is_applied_where_it_is_not() {
        let fake = Fake::new()
            .unwrap()
            .on("patch --quiet --forward --dry-run", 1, "")
            .on("patch --quiet --forward --dry-run", 0, "")
            .on("patch --quiet --forward --batch", 0, "");
        fake.write("/p", "patch").unwrap();
        fake.write("/d/f", "text").unwrap();
        let given = || args([("src", "/p"), ("dest", "/d/f"), ("strip", "1"), ("backup", "yes")]);
        assert!(fake.call("patch", given()).changed);
        let line = fake.command_lines().pop().unwrap();
        assert!(
            line.contains("--backup --version-control=numbered --strip=1 --directory=") && !line.contains("--reverse")
        );
        assert!(!fake.call("patch", given()).changed);
        assert!(fake.command_lines().pop().unwrap().ends_with("--reverse"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = Output { rc: 1, stdout: b"1 out of 1 hunk FAILED\n".to_vec(), stderr: Vec::new() };
        let fake = Fake::new().unwrap().answer("patch", refused);
        fake.write("/p", "patch").unwrap();
        let error = |entries: &[(&'static str, &str)]| {
            fake.call("patch", args(entries.iter().copied())).data.get("msg").unwrap().to_string()
        };
        assert_eq!(error(&[("src", "/none"), ("basedir", "/")]), "src /none doesn't exist or not readable");
        assert_eq!(error(&[("src", "/p"), ("dest", "/none")]), "dest /none doesn't exist or not writable");
        assert_eq!(error(&[("src", "/p"), ("basedir", "/none")]), "basedir /none doesn't exist");
        assert_eq!(error(&[("src", "/p"), ("basedir", "/")]), "1 out of 1 hunk FAILED\n");
        assert_eq!(error(&[("src", "/p")]), "one of the following is required: dest, basedir");
    }
}
