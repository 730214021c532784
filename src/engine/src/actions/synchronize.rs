//! Copies trees with rsync, run on the controller or on the host that the task is delegated to.
//!
//! rsync makes a connection of its own: from where it runs to the task's host. This action tells the module, which runs
//! rsync, how that connection is made, as ansible.posix 2's action does.

use std::path::PathBuf;

use async_trait::async_trait;
use rplay_connection::{Kind, Method, Spec};
use rplay_value::{List, Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.posix.synchronize`
pub(crate) static ACTION: Synchronize = Synchronize;

/// Copies trees.
pub(crate) struct Synchronize;

const MODULE: &str = "ansible.posix.synchronize";

#[async_trait(?Send)]
impl Action for Synchronize {
    fn traits(&self) -> Traits {
        Traits { collection: "ansible.posix", ..Traits::new("synchronize") }
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        // Where the task's connection leads, and where the host itself is.
        let leads = cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)?;
        let own = cx.task.spec(cx.settings, cx.scope, None)?;
        let mut way = Way::new(cx, &leads, &own)?;
        let mut args = std::mem::take(&mut cx.args);
        let (Some(src), Some(dest)) = (text(&args, "src"), text(&args, "dest")) else {
            return Err(Trouble::action("synchronize requires both src and dest parameters are set"));
        };
        let pull = text(&args, "mode").as_deref() == Some("pull");
        let set_user = crate::fields::truth_word(&text(&args, "set_remote_user").unwrap_or_else(|| "yes".to_owned()));
        way.user = own.user.clone().filter(|_| set_user.unwrap_or(true) && !way.is_local);
        let (src, dest) = if way.is_local {
            (absolute(cx, &src), absolute(cx, &dest))
        } else if pull {
            (way.remote(cx, &mut args, &src), absolute(cx, &dest))
        } else {
            (absolute(cx, &src), way.remote(cx, &mut args, &dest))
        };
        args.insert("src", src);
        args.insert("dest", dest);
        way.tell(cx, &mut args, &leads, &own)?;
        let reply = if way.is_local {
            cx.module(MODULE, args).await?
        } else {
            // Nobody is become where rsync runs, but where it connects to.
            let spec = if way.on_controller {
                Spec { kind: Kind::Local, host: "localhost".to_owned(), ..Spec::default() }
            } else {
                Spec { r#become: None, ..leads }
            };
            let link = cx.run().pool().get(&spec).await?;
            let call = cx.call(MODULE, args);
            link.start_live(call, cx.live()).await?
        };
        Ok(cx.reply(reply))
    }
}

fn text(args: &Map, name: &str) -> Option<String> {
    args.get(name).filter(|value| !value.is_null()).map(|value| value.to_str().into_owned())
}

fn is_localhost(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "localhost" | "::1")
}

/// rsync's own connection.
struct Way {
    /// The task's host, as rsync reaches it.
    host: String,
    user: Option<String>,
    /// Both ends are on the machine where rsync runs.
    is_local: bool,
    /// rsync runs here, though the task's connection leads elsewhere.
    on_controller: bool,
    /// The connection that the module runs over is none.
    runs_here: bool,
    /// The host's port is the one of this machine's sshd.
    usual_port: bool,
    port: Option<Value>,
    container: bool,
}

impl Way {
    fn new(cx: &ActionCx<'_>, leads: &Spec, own: &Spec) -> Result<Self, Trouble> {
        let name = cx.task.host.to_string();
        let address = cx.run().text_variable("ansible_host", cx.scope)?;
        let delegate = cx.delegated.map(|delegated| delegated.name.to_string());
        let is_same = delegate.as_ref().is_some_and(|host| *host == name || Some(host) == address.as_ref());
        let remote = leads.kind != Kind::Local;
        let use_delegate = is_same || delegate.is_some() && remote;
        let port = own.port;
        Ok(Self {
            host: if is_same { "127.0.0.1".to_owned() } else { address.unwrap_or(name) },
            user: None,
            is_local: delegate.is_none() && !remote || is_same,
            on_controller: !use_delegate && remote,
            runs_here: !use_delegate,
            usual_port: port.is_none(),
            port: port.map(|port| Value::from(i64::from(port))),
            container: matches!(leads.kind, Kind::Docker(_)) && !use_delegate,
        })
    }

    /// A path on the task's host.
    fn remote(&self, cx: &ActionCx<'_>, args: &mut Map, path: &str) -> String {
        let near = is_localhost(&self.host);
        if near && self.runs_here && self.usual_port {
            return absolute(cx, path);
        }
        if near && self.usual_port {
            args.insert("_substitute_controller", true);
        }
        self.target(path)
    }

    /// `user@host:path` as rsync takes it; a host in the path stays.
    fn target(&self, path: &str) -> String {
        if path.starts_with("rsync://") {
            return path.to_owned();
        }
        let user = self.user.as_ref().filter(|_| !self.container).map(|user| format!("{user}@")).unwrap_or_default();
        if self.host.contains(':') {
            format!("[{user}{}]:{path}", self.host)
        } else if !path.contains(':') {
            format!("{user}{}:{path}", self.host)
        } else if !path.contains('@') {
            format!("{user}{path}")
        } else {
            path.to_owned()
        }
    }

    /// What the module has to know besides its options.
    fn tell(&self, cx: &ActionCx<'_>, args: &mut Map, leads: &Spec, own: &Spec) -> Result<(), Trouble> {
        let run = cx.run();
        if args.get("dest_port").is_none_or(Value::is_null)
            && let Some(port) = &self.port
        {
            args.insert("dest_port", port.clone());
        }
        let use_ssh_args = args.remove("use_ssh_args").is_some_and(|value| {
            value.as_bool().or_else(|| crate::fields::truth_word(&value.to_str())).unwrap_or(false)
        });
        if let (true, Kind::Ssh(ssh)) = (use_ssh_args, &leads.kind) {
            let all = [&ssh.args, &ssh.common_args, &ssh.extra_args];
            let all: Vec<&str> = all.into_iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
            args.insert("_ssh_args", all.join(" "));
        }
        args.insert(
            "_local_rsync_path",
            run.text_variable("ansible_rsync_path", cx.scope)?.unwrap_or_else(|| "rsync".to_owned()),
        );
        if let Some(password) = own_password(cx)? {
            args.insert("_local_rsync_password", password);
        }
        if self.is_local {
            return Ok(());
        }
        if let (false, Kind::Ssh(ssh)) = (args.contains("private_key"), &own.kind)
            && let Some(key) = &ssh.private_key_file
        {
            args.insert("private_key", key.as_str());
        }
        let given = text(args, "rsync_path").filter(|path| !path.is_empty());
        if let (None, Some(wanted), false) = (&given, &leads.r#become, matches!(leads.kind, Kind::Docker(_))) {
            if wanted.method != Method::Sudo {
                let name = wanted.method.name();
                let message = format!("synchronize becomes other users with sudo, not with {name}");
                return Err(
                    Trouble::message(message).help("`rsync_path` says which program rsync starts on the other side")
                );
            }
            args.insert("rsync_path", format!("sudo -u {} rsync", wanted.user));
        }
        if let (true, Kind::Docker(docker)) = (self.container, &leads.kind) {
            let mut options: List = match args.get("rsync_opts") {
                Some(Value::List(list)) => list.clone(),
                Some(Value::Null) | None => List::new(),
                Some(other) => other.to_str().split(',').collect(),
            };
            if !options.iter().any(|option| option.as_str() == Some("--blocking-io")) {
                options.push("--blocking-io");
            }
            let client = format!("{} {}", docker.executable, docker.extra_args);
            let user = leads.r#become.as_ref().map(|wanted| &wanted.user).or(self.user.as_ref());
            let user = user.map(|user| format!(" -u {user}")).unwrap_or_default();
            let shell = format!("{} exec{user} -i", client.trim());
            options.push(format!("--rsh={}", rplay_modules::words::quote(&shell)));
            args.insert("rsync_opts", options);
        }
        Ok(())
    }
}

fn own_password(cx: &ActionCx<'_>) -> Result<Option<String>, Trouble> {
    for name in ["ansible_ssh_pass", "ansible_password"] {
        if let Some(password) = cx.run().text_variable(name, cx.scope)?.filter(|text| !text.is_empty()) {
            return Ok(Some(password));
        }
    }
    Ok(None)
}

/// A path of this side: relative ones are looked for as other actions look for files. Others' and absolute ones stay.
fn absolute(cx: &ActionCx<'_>, path: &str) -> String {
    if path.contains(':') || path.starts_with('/') {
        return path.to_owned();
    }
    let found = cx.scope.find_file("files", path);
    let found = found.unwrap_or_else(|| match path.strip_prefix("~/") {
        Some(below) => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(below),
        None => cx.scope.surroundings().basedir.join(path),
    });
    let mut found = found.to_string_lossy().into_owned();
    if path.ends_with('/') && !found.ends_with('/') {
        found.push('/');
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(host: &str, user: Option<&str>) -> Way {
        Way {
            host: host.to_owned(),
            user: user.map(str::to_owned),
            is_local: false,
            on_controller: true,
            runs_here: true,
            usual_port: true,
            port: None,
            container: false,
        }
    }

    #[test]
    fn targets_are_written_as_rsync_reads_them() {
        assert_eq!(way("h", Some("me")).target("/x"), "me@h:/x");
        assert_eq!(way("h", None).target("x y"), "h:x y");
        assert_eq!(way("fd00::1", Some("me")).target("/x"), "[me@fd00::1]:/x");
        assert_eq!(way("h", Some("me")).target("other:/x"), "me@other:/x");
        assert_eq!(way("h", Some("me")).target("you@other:/x"), "you@other:/x");
        assert_eq!(way("h", Some("me")).target("rsync://h/x"), "rsync://h/x");
        assert_eq!(Way { container: true, ..way("box", Some("me")) }.target("/x"), "box:/x");
    }
}
