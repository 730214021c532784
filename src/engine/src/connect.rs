//! From a host's variables to the way it is reached. Variables are stronger than keywords, keywords than the command line.

use std::sync::Arc;

use rplay_connection::{Become, Docker, Kind, Link, Method, Secret, Spec, Ssh};
use rplay_template::Scope;

use crate::fields::truth_word;
use crate::python_files::PythonPlugin;
use crate::task::{Delegated, Settings, TaskCx};
use crate::trouble::Trouble;

/// Old names of what is read most.
const ADDRESS: &[&str] = &["ansible_ssh_host", "ansible_host"];
const PORT: &[&str] = &["ansible_ssh_port", "ansible_port"];
const USER: &[&str] = &["ansible_ssh_user", "ansible_user"];
const PASSWORD: &[&str] = &["ansible_ssh_password", "ansible_ssh_pass", "ansible_password"];
const KEY: &[&str] = &["ansible_ssh_private_key_file", "ansible_private_key_file"];
const TIMEOUT: &[&str] = &["ansible_ssh_timeout", "ansible_timeout"];

struct Reader<'a> {
    task: &'a TaskCx<'a>,
    scope: &'a Scope,
}

impl Reader<'_> {
    /// The first of these variables that is set.
    fn text(&self, names: &[&str]) -> Result<Option<String>, Trouble> {
        for name in names {
            if let Some(text) = self.task.run.text_variable(name, self.scope)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    fn number<T: std::str::FromStr>(&self, names: &[&str]) -> Result<Option<T>, Trouble> {
        let Some(text) = self.text(names)? else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| {
            Trouble::message(format!(
                "The variable '{}' must be a number, not '{text}'.",
                names.last().copied().unwrap_or_default()
            ))
        })
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Trouble> {
        let Some(text) = self.text(&[name])? else { return Ok(None) };
        truth_word(&text)
            .map(Some)
            .ok_or_else(|| Trouble::message(format!("The variable '{name}' must be a boolean, not '{text}'.")))
    }
}

impl TaskCx<'_> {
    /// The connection of a task.
    pub(crate) async fn link(
        &self,
        settings: &Settings,
        scope: &Scope,
        delegated: Option<&Delegated>,
        apart: bool,
    ) -> Result<Arc<Link>, Trouble> {
        let mut spec = self.spec(settings, scope, delegated)?;
        spec.apart = apart && spec.kind == Kind::Local && spec.r#become.is_none();
        Ok(self.run.pool().get(&spec).await?)
    }

    /// The kind of connection of the host that does the work.
    fn connection_kind(&self, settings: &Settings, scope: &Scope) -> Result<String, Trouble> {
        let variable = Reader { task: self, scope }.text(&["ansible_connection"])?;
        let given = variable.or_else(|| settings.connection.clone());
        Ok(given.unwrap_or_else(|| self.run.options().connection.kind.clone()))
    }

    /// The plugin in Python that the connection is, if it is one.
    pub(crate) fn connection_plugin(
        &self,
        settings: &Settings,
        scope: &Scope,
    ) -> Result<Option<Arc<PythonPlugin>>, Trouble> {
        let kind = self.connection_kind(settings, scope)?;
        Ok(self.run.resolver().python_connection(&kind))
    }

    /// As [`TaskCx::spec`], for a host that a plugin in Python may reach: then the kind says nothing.
    pub(crate) fn plugin_spec(
        &self,
        settings: &Settings,
        scope: &Scope,
        delegated: Option<&Delegated>,
    ) -> Result<Spec, Trouble> {
        let plugin = self.connection_plugin(settings, scope)?;
        self.spec_as(settings, scope, delegated, plugin.is_some())
    }

    /// How the host that does the work is reached.
    pub(crate) fn spec(
        &self,
        settings: &Settings,
        scope: &Scope,
        delegated: Option<&Delegated>,
    ) -> Result<Spec, Trouble> {
        self.spec_as(settings, scope, delegated, false)
    }

    fn spec_as(
        &self,
        settings: &Settings,
        scope: &Scope,
        delegated: Option<&Delegated>,
        plugin: bool,
    ) -> Result<Spec, Trouble> {
        let read = Reader { task: self, scope };
        let defaults = &self.run.options().connection;
        let name = delegated.map_or(&self.host, |delegated| &delegated.name);
        let kind = self.connection_kind(settings, scope)?;
        let r#become = self.r#become(settings, &read)?;
        let short = kind.rsplit('.').next().unwrap_or(&kind);
        let mut spec = Spec {
            host: read.text(ADDRESS)?.unwrap_or_else(|| name.to_string()),
            remote_tmp: read.text(&["ansible_remote_tmp"])?.or_else(|| defaults.remote_tmp.clone()),
            r#become,
            ..Spec::default()
        };
        spec.kind = match short {
            _ if plugin => Kind::Local,
            "local" => {
                spec.host = name.to_string();
                self.stay(&mut spec.r#become, defaults.local_user.as_deref());
                return Ok(Spec { kind: Kind::Local, folder: self.local_folder(), ..spec });
            }
            "ssh" | "smart" | "paramiko" | "paramiko_ssh" => Kind::Ssh(Box::new(self.ssh(&read)?)),
            "docker" | "podman" => Kind::Docker(Docker {
                executable: read
                    .text(&["ansible_docker_executable", "ansible_podman_executable"])?
                    .unwrap_or_else(|| short.to_owned()),
                extra_args: read.text(&["ansible_docker_extra_args", "ansible_podman_extra_args"])?.unwrap_or_default(),
            }),
            other => {
                let kinds = ["local", "ssh", "smart", "docker", "podman"];
                let trouble = Trouble::message(format!("the connection plugin '{other}' was not found"));
                return Err(match rplay_diag::nearest(other, kinds) {
                    Some(near) => trouble.help(format!("did you mean `{near}`?")),
                    None => trouble.help(format!("the kinds of connection are {}", rplay_diag::quoted_list(kinds))),
                });
            }
        };
        spec.port = match read.number(PORT)? {
            Some(port) => Some(port),
            // The keyword is the task's own host's: another host keeps its port.
            None => settings
                .port
                .filter(|_| delegated.is_none())
                .and_then(|port| u16::try_from(port).ok())
                .or(defaults.port),
        };
        spec.user = read.text(USER)?.or_else(|| settings.remote_user.clone()).or_else(|| defaults.user.clone());
        self.stay(&mut spec.r#become, spec.user.as_deref());
        spec.password = read.text(PASSWORD)?.or_else(|| defaults.password.clone()).map(Secret::from);
        spec.connect_timeout = read.number(TIMEOUT)?.unwrap_or(defaults.timeout);
        spec.retries = read.number(&["ansible_ssh_retries"])?.unwrap_or(defaults.retries);
        Ok(spec)
    }

    /// Becomes nobody where the connection is that user already: no `sudo` is needed there.
    fn stay(&self, r#become: &mut Option<Become>, user: Option<&str>) {
        let allowed = self.run.options().connection.become_allow_same_user;
        r#become.take_if(|r#as| !allowed && user == Some(r#as.user.as_str()));
    }

    /// Where modules run on this machine: in the playbook's folder, as ansible-core's `local`.
    fn local_folder(&self) -> Option<std::path::PathBuf> {
        let folder = std::path::absolute(self.run.world().playbook_dir()).ok()?;
        let here = std::env::current_dir().ok();
        (here.as_ref() != Some(&folder) && folder.is_dir()).then_some(folder)
    }

    fn ssh(&self, read: &Reader<'_>) -> Result<Ssh, Trouble> {
        let defaults = &self.run.options().connection;
        let or = |name: &str, default: &Option<String>| -> Result<Option<String>, Trouble> {
            Ok(read.text(&[name])?.or_else(|| default.clone()))
        };
        let base = Ssh::default();
        let checking = match read.flag("ansible_ssh_host_key_checking")? {
            Some(checking) => checking,
            None => read.flag("ansible_host_key_checking")?.unwrap_or(defaults.host_key_checking),
        };
        Ok(Ssh {
            executable: or("ansible_ssh_executable", &defaults.ssh_executable)?.unwrap_or(base.executable),
            args: or("ansible_ssh_args", &defaults.ssh_args)?.unwrap_or(base.args),
            common_args: or("ansible_ssh_common_args", &defaults.ssh_common_args)?.unwrap_or_default(),
            extra_args: or("ansible_ssh_extra_args", &defaults.ssh_extra_args)?.unwrap_or_default(),
            private_key_file: read.text(KEY)?.or_else(|| defaults.private_key.clone()),
            private_key_passphrase: read.text(&["ansible_ssh_private_key_passphrase"])?.map(Secret::from),
            host_key_checking: checking,
            control_path: or("ansible_control_path", &defaults.control_path)?,
            control_path_dir: read
                .text(&["ansible_control_path_dir"])?
                .map(Into::into)
                .or_else(|| defaults.control_path_dir.clone()),
        })
    }

    fn r#become(&self, settings: &Settings, read: &Reader<'_>) -> Result<Option<Become>, Trouble> {
        let defaults = &self.run.options().connection;
        if !read.flag("ansible_become")?.or(settings.r#become).unwrap_or(defaults.r#become) {
            return Ok(None);
        }
        let method = read
            .text(&["ansible_become_method"])?
            .or_else(|| settings.become_method.clone())
            .unwrap_or_else(|| defaults.become_method.clone());
        let short = method.rsplit('.').next().unwrap_or(&method).to_owned();
        let methods = [Method::Sudo, Method::Su, Method::Doas];
        let parsed = methods.into_iter().find(|known| known.name() == short).ok_or_else(|| {
            let methods = methods.map(Method::name);
            let trouble = Trouble::message(format!(
                "Invalid become method specified, could not find matching plugin: '{short}'."
            ));
            trouble.help(format!("the methods are {}", rplay_diag::quoted_list(methods)))
        })?;
        let named = |suffix: &str| format!("ansible_{short}_{suffix}");
        let own = |names: &[&str], suffix: &str| -> Result<Option<String>, Trouble> {
            let own = named(suffix);
            let mut all = names.to_vec();
            all.push(&own);
            read.text(&all)
        };
        Ok(Some(Become {
            method: parsed,
            user: own(&["ansible_become_user"], "user")?
                .or_else(|| settings.become_user.clone())
                .or_else(|| defaults.become_user.clone())
                .unwrap_or_else(|| "root".to_owned()),
            password: own(&["ansible_become_password", "ansible_become_pass"], "pass")?
                .or_else(|| defaults.become_password.clone())
                .map(Secret::from),
            exe: own(&["ansible_become_exe"], "exe")?
                .or_else(|| settings.become_exe.clone())
                .or_else(|| defaults.become_exe.clone()),
            flags: own(&["ansible_become_flags"], "flags")?
                .or_else(|| settings.become_flags.clone())
                .or_else(|| defaults.become_flags.clone()),
        }))
    }
}
