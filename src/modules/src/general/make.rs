//! Runs targets of a Makefile that are not up to date.
//!
//! Options:
//! - `chdir` (path, required): the folder to run in. `file` (path): another Makefile. `make` (path): another program.
//! - `target`, or `targets` (list). `jobs` (int): how many at a time.
//! - `params` (dict): variables; an entry without a value is given as it is.
//!
//! Returns: `command`, `stdout`, `stderr` (of the question whether there is work, where there is none), and `target`,
//! `targets`, `params`, `chdir`, `file`, `jobs` as given.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.make:
//!     chdir: /usr/src/app
//!     target: install
//!     params:
//!       PREFIX: /usr
//! ```

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::convert::python_str;
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Output, Program, Support, tools, words};

/// `community.general.make`
pub static MODULE: Module = Module {
    name: "make",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("target"),
            Arg::list("targets").elements(Kind::Text),
            Arg::map("params"),
            Arg::path("chdir").required(),
            Arg::path("file"),
            Arg::path("make"),
            Arg::int("jobs"),
        ],
        exclusive: &[&["target", "targets"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let given = args.text("make").map(str::to_owned).or_else(|| tools::find(cx, "gmake"));
    let mut argv = vec![given.map_or_else(|| tools::need(cx, "make"), Ok)?];
    if let Some(jobs) = args.int("jobs") {
        argv.extend(["-j".to_owned(), jobs.to_string()]);
    }
    if let Some(file) = args.text("file") {
        argv.extend(["-f".to_owned(), file.to_owned()]);
    }
    match args.text("target").filter(|target| !target.is_empty()) {
        Some(target) => argv.push(target.to_owned()),
        None => argv.extend(args.texts("targets").into_iter().map(str::to_owned)),
    }
    for (name, value) in args.map("params").into_iter().flatten() {
        let name = python_str(name);
        argv.push(if value.is_null() { name } else { format!("{name}={}", python_str(value)) });
    }
    let mut question = argv.clone();
    question.push("-q".to_owned());
    let mut output = make(cx, args, &question)?;
    let changed = !output.success();
    if changed && !cx.check() {
        output = make(cx, args, &argv)?;
        if !output.success() {
            return Err(tools::failed(&argv.iter().map(String::as_str).collect::<Vec<_>>(), &output));
        }
    }
    let trimmed = |text: String| text.trim_end_matches(['\r', '\n']).to_owned();
    let mut reply = Reply::changed(changed);
    reply = reply.with("stdout", trimmed(output.out())).with("stderr", trimmed(output.err()));
    for name in ["target", "targets", "params", "chdir", "file", "jobs"] {
        reply = reply.with(name, args.get(name).cloned().unwrap_or(Value::Null));
    }
    Ok(reply.with("command", argv.iter().map(|word| words::quote(word)).collect::<Vec<_>>().join(" ")))
}

fn make(cx: &Context<'_>, args: &Args, argv: &[String]) -> Result<Output, ModuleError> {
    let folder = args.need("chdir");
    if !cx.path(folder).is_dir() {
        return Err(ModuleError::msg(format!("Provided cwd is not a valid directory: {folder}")));
    }
    tools::run_program(cx, Program::new(argv.iter().cloned()).cwd(cx.path(folder)))
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;
    use rplay_value::{Map, Value};

    use crate::testing::{Fake, args};

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.write("/src/Makefile", "").unwrap();
        fake.call("community.general.make", args([("chdir", "/src")].into_iter().chain(given.iter().copied())))
    }

    #[test]
    fn work_is_done_when_there_is_some() {
        let fake = Fake::new().unwrap().on("make", 0, "done\n\n").on("make install -q", 1, "").on(
            "make all -q",
            0,
            "up to date\n",
        );
        let reply = call(&fake, &[("target", "install")]);
        assert!(reply.changed);
        assert_eq!(reply.data.get("stdout"), Some(&"done".into()));
        assert_eq!(reply.data.get("command"), Some(&"/usr/bin/make install".into()));
        let reply = call(&fake, &[("targets", "all")]);
        assert!(!reply.changed);
        assert_eq!(reply.data.get("target"), Some(&Value::Null));
        let given = || args([("chdir", "/src"), ("target", "install")]);
        assert!(fake.check("make", given()).changed);
        assert_eq!(fake.command_lines().iter().filter(|line| *line == "make install").count(), 1);
    }

    #[test]
    fn parameters_follow_targets() {
        let fake = Fake::new().unwrap().on("make", 0, "");
        let mut given = args([("chdir", "/src"), ("file", "M k"), ("jobs", "3")]);
        given.insert("params", Map::from_iter([("A", Value::from(4)), ("-s", Value::Null), ("B", true.into())]));
        fake.write("/src/x", "").unwrap();
        let reply = fake.call("make", given);
        assert_eq!(reply.data.get("command"), Some(&"/usr/bin/make -j 3 -f 'M k' A=4 -s B=True".into()));
    }

    #[test]
    fn failures_are_makes_own() {
        let broken = Fake::new().unwrap().on("make", 2, "");
        assert_eq!(call(&broken, &[("target", "x")]).data.get("rc"), Some(&2.into()));
        let reply = broken.call("make", args([("chdir", "/none")]));
        assert_eq!(reply.data.get("msg"), Some(&"Provided cwd is not a valid directory: /none".into()));
        assert!(call(&broken, &[("target", "x"), ("targets", "y")]).failed);
    }
}
