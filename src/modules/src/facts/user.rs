//! `user_*`, the real and effective ids, and `env`.

use std::os::unix::ffi::OsStringExt;

use nix::unistd::{getgid, getuid};
use rplay_value::Map;

use super::{Found, Probe};
use crate::accounts::Accounts;

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let sys = probe.cx().sys();
    let accounts = Accounts::new(probe.cx());
    let uid = getuid().as_raw();
    let by_name =
        ["LOGNAME", "USER", "LNAME", "USERNAME"].iter().find_map(|name| sys.var(name).filter(|v| !v.is_empty()));
    let account = by_name.as_deref().and_then(|name| accounts.user(name)).or_else(|| accounts.user_by_id(uid));
    let name = by_name.or_else(|| account.as_ref().map(|account| account.name.clone()));
    found.set_some("user_id", name);
    if let Some(account) = account {
        found.set("user_uid", account.uid);
        found.set("user_gid", account.gid);
        found.set("user_gecos", account.comment);
        found.set("user_dir", account.home);
        found.set("user_shell", account.shell);
    }
    found.set("real_user_id", uid);
    found.set("effective_user_id", sys.euid());
    found.set("real_group_id", getgid().as_raw());
    found.set("effective_group_id", getgid().as_raw());
    found
}

pub(super) fn env(probe: &Probe<'_>) -> Found {
    let text = |bytes: std::ffi::OsString| String::from_utf8_lossy(&bytes.into_vec()).into_owned();
    let mut env: Map = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    for (name, value) in &probe.cx().call().environment {
        env.insert(name, value);
    }
    let mut found = Found::default();
    found.set("env", env);
    found
}
