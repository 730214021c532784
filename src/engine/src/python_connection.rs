//! Connections that are plugins in Python: commands and files go through them, and so does the agent for one call at a
//! time.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rplay_connection::Method;
use rplay_protocol::{Call, MARK, Reply, Request, Response, frame};
use rplay_value::{Map, Value};
use serde_json::{Value as Json, json};

use crate::action::ActionCx;
use crate::python_files::PythonPlugin;
use crate::trouble::Trouble;
use crate::worker::Worker;

/// What a command line left behind.
pub(crate) struct Output {
    pub(crate) rc: i64,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// What plugins are told of how the task's host is reached. No password is in it.
pub(crate) fn fields(cx: &mut ActionCx<'_>) -> Result<Json, Trouble> {
    let plugin = cx.connection_plugin()?;
    let spec = cx.task.plugin_spec(cx.settings, cx.connection_scope, cx.delegated)?;
    let transport = match (&plugin, &spec.kind) {
        (Some(plugin), _) => plugin.file.name.clone(),
        (None, rplay_connection::Kind::Local) => "local".to_owned(),
        (None, rplay_connection::Kind::Ssh(_)) => "ssh".to_owned(),
        (None, rplay_connection::Kind::Docker(docker)) => docker.executable.clone(),
    };
    let key = match &spec.kind {
        rplay_connection::Kind::Ssh(ssh) => ssh.private_key_file.clone(),
        _ => None,
    };
    let r#become = spec.r#become.as_ref();
    let mut given = Vec::new();
    if cx.run().options().connection.password.is_some() {
        given.push("password");
    }
    Ok(json!({
        "transport": transport,
        "connection": transport,
        "plugin": plugin.map(|plugin| plugin.file.json()),
        "remote_addr": spec.host,
        "remote_user": spec.user,
        "port": spec.port,
        "private_key_file": key,
        "timeout": spec.connect_timeout,
        "become": r#become.is_some(),
        "become_user": r#become.map(|r#as| r#as.user.clone()),
        "become_method": r#become.map(|r#as| method(r#as.method)),
        "become_exe": r#become.and_then(|r#as| r#as.exe.clone()),
        "become_flags": r#become.and_then(|r#as| r#as.flags.clone()),
        "check_mode": cx.settings.check,
        "diff": cx.settings.diff,
        "verbosity": cx.run().options().verbosity,
        "given": given,
    }))
}

fn method(method: Method) -> &'static str {
    method.name()
}

/// Asks the plugin's process to do something on the host.
async fn ask(cx: &mut ActionCx<'_>, plugin: &PythonPlugin, mut request: Json) -> Result<Json, Trouble> {
    let mut worker = match cx.take_worker() {
        Some(worker) => worker,
        None => Worker::start(cx.run(), &[plugin.file.json()])?,
    };
    request["connection"] = fields(cx)?;
    request["connection_scope"] = worker.desk.scope(cx.connection_scope.clone()).into();
    request["file"] = plugin.file.file.display().to_string().into();
    worker.send(request.to_string().as_bytes()).await?;
    let answer = loop {
        let message = worker.receive().await?;
        let Some(message) = worker.minor(cx, message).await? else { continue };
        match message["op"].as_str() {
            Some("done" | "raised") => break message,
            Some("secret") => {
                let spec = cx.task.plugin_spec(cx.settings, cx.connection_scope, cx.delegated)?;
                let found = match message["name"].as_str() {
                    Some("password") => spec.password.as_ref(),
                    _ => spec.r#become.as_ref().and_then(|r#as| r#as.password.as_ref()),
                };
                let answer = json!({"op": "answer", "value": found.map(|secret| secret.reveal().to_owned())});
                worker.send(answer.to_string().as_bytes()).await?;
            }
            other => return Err(Trouble::message(format!("a connection asks for `{}`", other.unwrap_or_default()))),
        }
    };
    cx.worker = Some(worker);
    if answer["op"] == "raised" {
        tracing::debug!(target: "rplay_python", "{}", answer["trace"].as_str().unwrap_or_default());
        let message = answer["message"].as_str().unwrap_or_default();
        let kinds = answer["kinds"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut trouble = Trouble::message(message);
        trouble.unreachable = kinds.iter().any(|kind| kind == "AnsibleConnectionFailure");
        return Err(trouble);
    }
    Ok(answer["value"].clone())
}

fn bytes(value: &Json) -> Vec<u8> {
    match value {
        Json::String(text) => text.clone().into_bytes(),
        Json::Object(special) => {
            special.get("v").and_then(Json::as_str).and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Runs a command line on the host.
pub(crate) async fn exec(
    cx: &mut ActionCx<'_>,
    plugin: &PythonPlugin,
    command: &str,
    stdin: Option<&[u8]>,
    shell: bool,
) -> Result<Output, Trouble> {
    let stdin = stdin.map(|bytes| json!({"$": "bytes", "v": STANDARD.encode(bytes)}));
    let answer = ask(cx, plugin, json!({"op": "exec", "cmd": command, "stdin": stdin, "shell": shell})).await?;
    Ok(Output {
        rc: answer["rc"].as_i64().unwrap_or_default(),
        stdout: bytes(&answer["stdout"]),
        stderr: bytes(&answer["stderr"]),
    })
}

/// Runs a module: the agent is put there once, and started for this call.
pub(crate) async fn send(cx: &mut ActionCx<'_>, plugin: &Arc<PythonPlugin>, mut call: Call) -> Result<Reply, Trouble> {
    let agent = cx.run().pool().agent().await?;
    let folder = call.foreign.as_ref().map_or_else(
        || cx.run().options().connection.remote_tmp.clone().unwrap_or_else(|| "~/.ansible/tmp".to_owned()),
        |foreign| foreign.folder.clone(),
    );
    let place = place(cx, plugin, &folder, &agent.name, &agent.program).await?;
    let (id, lane) = (1, 1);
    let mut packs = std::collections::HashSet::new();
    call.attach_packs(&mut packs);
    let body = call.take_body();
    let malformed = |error: frame::FrameError| Trouble::message(error.to_string());
    let mut input =
        frame::encode(frame::DIRECT, &Request::Call { id, lane, live: false, call }, &body).map_err(malformed)?;
    input.extend(frame::encode(frame::DIRECT, &Request::Bye, &[]).map_err(malformed)?);
    let output = exec(cx, plugin, &format!("{place} --once"), Some(&input), true).await?;
    Ok(reply(&output, id))
}

/// Where the agent's program is on the host; it is put there if it is not.
async fn place(
    cx: &mut ActionCx<'_>,
    plugin: &Arc<PythonPlugin>,
    folder: &str,
    name: &str,
    program: &[u8],
) -> Result<String, Trouble> {
    let look = format!("umask 77 && mkdir -p {folder} && cd {folder} && pwd && test -x {name} && echo present");
    let found = exec(cx, plugin, &look, None, true).await?;
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    let mut lines = said.lines();
    let folder = lines.next().filter(|line| line.starts_with('/')).unwrap_or("/tmp").to_owned();
    let path = format!("{folder}/{name}");
    if lines.next() == Some("present") {
        return Ok(path);
    }
    let local = tempfile::NamedTempFile::new().map_err(|error| Trouble::message(error.to_string()))?;
    fs_err::write(local.path(), program).map_err(|error| Trouble::message(error.to_string()))?;
    let part = format!("{path}.part");
    ask(cx, plugin, json!({"op": "put", "local": local.path().display().to_string(), "remote": part})).await?;
    exec(cx, plugin, &format!("chmod 700 {part} && mv {part} {path}"), None, true).await?;
    Ok(path)
}

/// What the agent said; where something else answered, a module's JSON.
fn reply(output: &Output, id: u64) -> Reply {
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some(at) = output.stdout.windows(MARK.len()).position(|part| part == MARK.as_bytes()) {
        let rest = &output.stdout[at + MARK.len()..];
        let mut rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        while let Ok(Some(found)) = frame::read(&mut rest) {
            if let Ok(Response::Reply { id: answered, reply }) = found.message::<Response>()
                && answered == id
            {
                return reply;
            }
        }
    }
    if let Some(start) = text.find('{')
        && let Some(Ok(found)) = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Map>().next()
    {
        let flag = |name: &str| found.get(name).is_some_and(Value::is_true);
        return Reply { changed: flag("changed"), failed: flag("failed"), data: found, ..Reply::default() };
    }
    let mut reply = Reply::failure("Module result deserialization failed.");
    reply.data.insert("module_stdout", text.into_owned());
    reply.data.insert("module_stderr", String::from_utf8_lossy(&output.stderr).into_owned());
    reply.data.insert("rc", output.rc);
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: Vec<u8>) -> Output {
        Output { rc: 0, stdout, stderr: Vec::new() }
    }

    #[test]
    fn the_answer_is_the_agents_or_a_modules_json() {
        let told = Reply { changed: true, ..Reply::default() };
        let mut said = format!("a banner\n{MARK}\n").into_bytes();
        said.extend(frame::encode(0, &Response::Reply { id: 1, reply: told.clone() }, &[]).unwrap());
        assert_eq!(reply(&output(said), 1), told);
        let other = reply(&output(b"{\"msg\": \"ALL IS GOOD\"}".to_vec()), 1);
        assert_eq!(other.data.get("msg").and_then(Value::as_str), Some("ALL IS GOOD"));
        assert!(reply(&output(b"nothing".to_vec()), 1).failed);
    }
}
