//! Everything that says how a host is reached, in one place.

use std::path::PathBuf;

use rplay_protocol as protocol;
use rplay_protocol::Method;

use crate::Secret;

/// How a host is reached and as whom. Two tasks with equal specs share one [`Link`](crate::Link).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// The kind of connection (`ansible_connection`) with its own options.
    pub kind: Kind,
    /// Address (`ansible_host`, else the inventory name); for Docker the container's name or id.
    pub host: String,
    /// `ansible_port`; the program's own default when absent.
    pub port: Option<u16>,
    /// `ansible_user`; the program's own default when absent.
    pub user: Option<String>,
    /// `ansible_password`.
    pub password: Option<Secret>,
    /// Seconds until a connection attempt or a become prompt is given up (`timeout`, `ansible_ssh_timeout`).
    pub connect_timeout: u64,
    /// How often a failed connection attempt is repeated (`reconnection_retries`, `ansible_ssh_retries`).
    pub retries: u32,
    /// Folder on the target for the agent and its temporary files (`ansible_remote_tmp`). `~` and `$NAME` mean what
    /// they mean to the target's shell. `~/.cache/rplay` when absent.
    pub remote_tmp: Option<String>,
    /// The user to become once connected.
    pub r#become: Option<Become>,
    /// For this machine: modules run in an agent's process instead of this one. Background tasks need that.
    pub apart: bool,
    /// For this machine: the folder that relative paths start in, when it is not this process's own.
    pub folder: Option<PathBuf>,
}

/// The kinds of connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// This machine, without any connection (`local`).
    Local,
    /// OpenSSH (`ssh`, `smart`).
    Ssh(Box<Ssh>),
    /// `docker exec` (`docker`, `community.docker.docker`).
    Docker(Docker),
}

/// What only SSH has. Texts of arguments are split as a shell would.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ssh {
    /// `ansible_ssh_executable`.
    pub executable: String,
    /// `ansible_ssh_args`; Ansible's own default is [`Ssh::DEFAULT_ARGS`].
    pub args: String,
    /// `ansible_ssh_common_args`.
    pub common_args: String,
    /// `ansible_ssh_extra_args`.
    pub extra_args: String,
    /// `ansible_ssh_private_key_file`; `~` is the home of the user who runs rplay.
    pub private_key_file: Option<String>,
    /// `ansible_ssh_private_key_passphrase`: for a key that is encrypted.
    pub private_key_passphrase: Option<Secret>,
    /// `host_key_checking`, `ansible_ssh_host_key_checking`.
    pub host_key_checking: bool,
    /// `ansible_control_path`, with `%(directory)s`; our own name when absent.
    pub control_path: Option<String>,
    /// `ansible_control_path_dir`; [`PoolOptions::control_dir`](crate::PoolOptions) when absent.
    pub control_path_dir: Option<PathBuf>,
}

impl Ssh {
    /// What `ssh_args` is when nobody sets it (ansible-core's value).
    pub const DEFAULT_ARGS: &str = "-C -o ControlMaster=auto -o ControlPersist=60s";
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            executable: "ssh".to_owned(),
            args: Self::DEFAULT_ARGS.to_owned(),
            common_args: String::new(),
            extra_args: String::new(),
            private_key_file: None,
            private_key_passphrase: None,
            host_key_checking: true,
            control_path: None,
            control_path_dir: None,
        }
    }
}

/// What only Docker has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Docker {
    /// The client program (`ansible_docker_executable`... `docker` or `podman`).
    pub executable: String,
    /// Arguments before `exec` (`ansible_docker_extra_args`), split as a shell would.
    pub extra_args: String,
}

impl Default for Docker {
    fn default() -> Self {
        Self { executable: "docker".to_owned(), extra_args: String::new() }
    }
}

/// The user to become, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Become {
    /// `become_method`.
    pub method: Method,
    /// `become_user`.
    pub user: String,
    /// `become_password`.
    pub password: Option<Secret>,
    /// `become_exe`.
    pub exe: Option<String>,
    /// `become_flags`; the method's own default when absent.
    pub flags: Option<String>,
}

impl Become {
    /// Becoming a user with a method's defaults and no password.
    pub fn new(method: Method, user: impl Into<String>) -> Self {
        Self { method, user: user.into(), password: None, exe: None, flags: None }
    }

    /// What the target needs to know; the password travels apart.
    pub(crate) fn wire(&self) -> protocol::Become {
        let default = match self.method {
            // ansible-core's default for sudo; the others have none.
            Method::Sudo => "-H -S -n",
            Method::Su | Method::Doas => "",
        };
        let flags = crate::words::split(self.flags.as_deref().unwrap_or(default));
        protocol::Become { method: self.method, user: self.user.clone(), exe: self.exe.clone(), flags }
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            kind: Kind::Local,
            host: "localhost".to_owned(),
            port: None,
            user: None,
            password: None,
            connect_timeout: 10,
            retries: 0,
            remote_tmp: None,
            r#become: None,
            apart: false,
            folder: None,
        }
    }
}

impl Spec {
    /// This machine.
    pub fn local() -> Self {
        Self::default()
    }

    /// A host over SSH with default options.
    pub fn ssh(host: impl Into<String>) -> Self {
        Self { kind: Kind::Ssh(Box::default()), host: host.into(), ..Self::default() }
    }

    /// A container.
    pub fn docker(container: impl Into<String>) -> Self {
        Self { kind: Kind::Docker(Docker::default()), host: container.into(), ..Self::default() }
    }

    /// The same host without becoming anyone.
    pub(crate) fn base(&self) -> Self {
        Self { r#become: None, apart: false, ..self.clone() }
    }
}
