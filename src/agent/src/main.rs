//! The program on the target: it reads frames from standard input, runs modules, writes frames to standard output.
//!
//! It knows nothing of playbooks. It ends when its input does, however that came about, and takes every program it has
//! started along; then nothing of it is left but, where it is cached, its own file.
//!
//! Start reading at [`serve`].

mod child;
mod escalate;
mod files;
mod job;
mod lanes;
mod output;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use rplay_protocol::{Hello, PROTOCOL};

/// What the command line says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    /// Folder for temporary files; made when needed.
    tmp: Option<PathBuf>,
    /// Remove the program's file at once.
    unlink: bool,
    /// Run one module in the background.
    job: bool,
    /// The end of the input is no reason to stop what runs: the calls are all there, and their replies are waited for.
    once: bool,
}

fn options(args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--tmp" => options.tmp = Some(args.next().ok_or("--tmp needs a folder")?.into()),
            "--unlink" => options.unlink = true,
            "--job" => options.job = true,
            "--once" => options.once = true,
            other => {
                return Err(format!(
                    "unknown argument {other}; the arguments are --tmp FOLDER, --unlink, --once and --job"
                ));
            }
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            output::complain(&error);
            return ExitCode::from(2);
        }
    };
    if options.job {
        return job::main();
    }
    // A session of its own: no terminal's hangup or Ctrl-C reaches the modules. Fails where it has one already.
    let _ = nix::unistd::setsid();
    let program = std::env::current_exe().ok();
    if options.unlink
        && let Some(program) = &program
    {
        let _ = fs_err::remove_file(program);
    }
    let own_folder = options.tmp.is_some();
    let tmp = options.tmp.unwrap_or_else(std::env::temp_dir);
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let hello = Hello {
        protocol: PROTOCOL,
        pid: std::process::id(),
        user,
        uid: uid.as_raw(),
        tmp: tmp.to_string_lossy().into_owned(),
    };
    let served = serve::serve(hello, tmp.clone(), options.once);
    if options.unlink && own_folder {
        // Only if nothing else is in it.
        let _ = std::fs::remove_dir(&tmp);
    }
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_checked() {
        let parse = |text: &str| options(text.split_whitespace().map(str::to_owned));
        assert_eq!(
            parse("--tmp /x --unlink"),
            Ok(Options { tmp: Some("/x".into()), unlink: true, ..Options::default() })
        );
        assert!(parse("--tmp").is_err());
        assert!(parse("--unlnk").unwrap_err().contains("--unlnk"));
    }
}
