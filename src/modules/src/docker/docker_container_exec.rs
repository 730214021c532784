//! Runs a command in a Docker container.
//!
//! Options:
//! - `container` (required); `command`: one line, split into words as a shell does; or `argv`: its words.
//! - `chdir`, `user`, `env`, `tty` (default `false`), `detach` (default `false`): do not wait for it.
//! - `stdin`; `stdin_add_newline` (default `true`); `strip_empty_ends` (default `true`): cuts line ends off the output.
//! - The daemon: `docker_host` (`DOCKER_HOST`), `api_version`, `timeout`, `tls`, `validate_certs`, `tls_hostname`,
//!   `ca_path`, `client_cert`, `client_key`, `use_ssh_client`, `debug`.
//!
//! Returns: `stdout`, `stderr`, `rc`; with `detach` only `exec_id`. A command that fails does not fail the task.
//!
//! Check mode: none. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.docker.docker_container_exec:
//!     container: web
//!     command: /bin/sh -c "ls -l"
//!   register: listing
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::engine::{Engine, Fault, TOGETHER, quoted, with_connection};
use super::inspect::text;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, words};

/// `community.docker.docker_container_exec`
pub static MODULE: Module = Module {
    name: "docker_container_exec",
    collection: "community.docker",
    spec: &ArgSpec {
        args: with_connection![
            Arg::text("container").required(),
            Arg::list("argv"),
            Arg::text("command"),
            Arg::text("chdir"),
            Arg::bool("detach").default("false"),
            Arg::text("user"),
            Arg::text("stdin"),
            Arg::bool("stdin_add_newline").default("true"),
            Arg::bool("strip_empty_ends").default("true"),
            Arg::bool("tty").default("false"),
            Arg::map("env"),
        ],
        exclusive: &[&["argv", "command"]],
        one_of: &[&["argv", "command"]],
        together: TOGETHER,
        ..ArgSpec::EMPTY
    },
    check: Support::None,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let engine = Engine::connect(cx, args)?;
    if args.get("chdir").is_some() {
        engine.needs("chdir", "1.35")?;
    }
    let env = args.map("env").map(environment).transpose()?;
    let argv: List = match args.text("command") {
        Some(command) => words::split(command).map_err(ModuleError::msg)?.into_iter().collect(),
        None => args.list("argv").cloned().unwrap_or_default(),
    };
    let mut stdin = args.text("stdin").map(str::to_owned);
    if args.flag("detach") && stdin.is_some() {
        return Err(ModuleError::msg("If detach=true, stdin cannot be provided."));
    }
    if args.flag("stdin_add_newline")
        && let Some(stdin) = &mut stdin
    {
        stdin.push('\n');
    }
    let stdin = stdin.filter(|stdin| !stdin.is_empty());
    let container = args.need("container");
    let mut wanted = Map::from_iter([
        ("Container", Value::from(container)),
        ("User", args.need("user").into()),
        ("Privileged", false.into()),
        ("Tty", false.into()),
        ("AttachStdin", stdin.is_some().into()),
        ("AttachStdout", true.into()),
        ("AttachStderr", true.into()),
        ("Cmd", argv.into()),
        ("Env", env.map_or(Value::Null, Value::List)),
    ]);
    if let Some(folder) = args.text("chdir") {
        wanted.insert("WorkingDir", folder);
    }
    execute(&engine, args, container, &wanted, stdin).map_err(|fault| match &fault {
        Fault::Api { status: 404, .. } => ModuleError::msg(format!("Could not find container \"{container}\"")),
        Fault::Api { status: 409, .. } => {
            ModuleError::msg(format!("The container \"{container}\" has been paused ({fault})"))
        }
        _ => fault.into(),
    })
}

fn execute(engine: &Engine, args: &Args, container: &str, wanted: &Map, stdin: Option<String>) -> Result<Reply, Fault> {
    let made = engine.post(&format!("/containers/{}/exec", quoted(container))).body(wanted).value()?;
    let id = text(&made, "Id");
    let (detach, tty) = (args.flag("detach"), args.flag("tty"));
    let how = Map::from_iter([("Tty", tty), ("Detach", detach)]);
    let start = engine.post(&format!("/exec/{}/start", quoted(id))).body(&how);
    if detach {
        start.done()?;
        return Ok(Reply::changed(true).with("exec_id", id));
    }
    // How long the command takes is its own business.
    let start = start.timeout(None);
    let start = match stdin {
        Some(stdin) => start.input(stdin.into_bytes()),
        None => start,
    };
    let said = start.send()?.bytes()?;
    let (stdout, stderr) = if tty { (said, Vec::new()) } else { split_streams(&said) };
    let ended = engine.get(&format!("/exec/{}/json", quoted(id))).value()?;
    let shown = |bytes: Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if args.flag("strip_empty_ends") { text.trim_end_matches(['\r', '\n']).to_owned() } else { text }
    };
    let rc = ended.get("ExitCode").and_then(Value::as_int).unwrap_or(0);
    Ok(Reply::changed(true).with("stdout", shown(stdout)).with("stderr", shown(stderr)).with("rc", rc))
}

fn environment(env: &Map) -> Result<List, ModuleError> {
    let entry = |(name, value): (&Value, &Value)| match value.as_str() {
        Some(value) => Ok(format!("{}={value}", name.to_str())),
        None => Err(ModuleError::msg(format!(
            "Non-string value found for env option. Ambiguous env options must be wrapped in quotes to avoid them being \
             interpreted. Key: {}",
            name.to_str()
        ))),
    };
    env.iter().map(entry).collect::<Result<Vec<_>, _>>().map(List::from_iter)
}

/// Standard output and error out of the daemon's frames: one byte for which, three empty, four for the length.
pub(super) fn split_streams(mut rest: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some((&[stream, _, _, _, a, b, c, d], tail)) = rest.split_first_chunk::<8>() {
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX).min(tail.len());
        let (content, tail) = tail.split_at(length);
        if stream == 2 { &mut stderr } else { &mut stdout }.extend_from_slice(content);
        rest = tail;
    }
    (stdout, stderr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_told_apart() {
        let frames =
            [b"\x01\0\0\0\0\0\0\x02hi".as_slice(), b"\x02\0\0\0\0\0\0\x01!", b"\x01\0\0\0\0\0\0\x01."].concat();
        assert_eq!(split_streams(&frames), (b"hi.".to_vec(), b"!".to_vec()));
        assert_eq!(split_streams(b"\x01\0\0"), (Vec::new(), Vec::new()));
    }

    #[test]
    fn values_of_the_environment_are_texts() {
        assert_eq!(environment(&Map::from_iter([("A", "1")])).unwrap().to_vec(), ["A=1".into()]);
        let error = environment(&Map::from_iter([("A", true)])).unwrap_err().to_string();
        assert!(error.ends_with("Key: A"), "{error}");
    }
}
