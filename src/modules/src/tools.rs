//! Running the target's own programs the way modules do: in the C locale, failing with the program's words.

use rplay_protocol::Reply;

use crate::{Context, ModuleError, Output, Program};

/// Runs a program in the C locale, however it ends.
pub(crate) fn run<S: AsRef<str>>(cx: &Context<'_>, argv: &[S]) -> Result<Output, ModuleError> {
    run_program(cx, Program::new(argv.iter().map(AsRef::as_ref)))
}

/// Runs a program that was prepared further, in the C locale unless it sets its own.
pub(crate) fn run_program(cx: &Context<'_>, mut program: Program) -> Result<Output, ModuleError> {
    for name in ["LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE"] {
        program.env.entry(name.to_owned()).or_insert_with(|| "C.UTF-8".to_owned());
    }
    cx.sys().run(&program).map_err(|error| {
        let command = program.argv.iter().map(|word| crate::words::quote(word)).collect::<Vec<_>>().join(" ");
        // The system's error is the code, as ansible-core's `run_command` tells it; other faults have the words.
        let (msg, rc) = match error.raw_os_error() {
            Some(code) => ("Error executing command.".to_owned(), code),
            None => (format!("Error executing command: {error}"), 257),
        };
        let reply = Reply::failure(msg).with("cmd", command).with("rc", rc);
        ModuleError::reply(reply.with("stdout", "").with("stderr", ""))
    })
}

/// Runs a program and fails with its own words unless it ends with 0.
pub(crate) fn run_checked<S: AsRef<str>>(cx: &Context<'_>, argv: &[S]) -> Result<Output, ModuleError> {
    let output = run(cx, argv)?;
    if output.success() {
        return Ok(output);
    }
    let command: Vec<&str> = argv.iter().map(AsRef::as_ref).collect();
    Err(failed(&command, &output))
}

/// What a failed program said, as Ansible's `run_command(check_rc=True)` reports it.
pub(crate) fn failed(command: &[&str], output: &Output) -> ModuleError {
    let msg = output.err().trim_end().to_owned();
    let reply = Reply::failure(msg)
        .with("cmd", command.iter().map(|word| crate::words::quote(word)).collect::<Vec<_>>().join(" "))
        .with("rc", output.rc)
        .with("stdout", output.out())
        .with("stderr", output.err());
    ModuleError::reply(reply)
}

/// Where a program is, if it is installed.
pub(crate) fn find(cx: &Context<'_>, name: &str) -> Option<String> {
    cx.sys().which(name).map(|path| path.to_string_lossy().into_owned())
}

/// Where a program is that the module cannot work without.
pub(crate) fn need(cx: &Context<'_>, name: &str) -> Result<String, ModuleError> {
    find(cx, name).ok_or_else(|| {
        let paths = cx.sys().var("PATH").unwrap_or_default();
        ModuleError::msg(format!("Failed to find required executable \"{name}\" in paths: {paths}"))
    })
}
