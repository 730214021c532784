//! `fibre_channel_wwn`, `iscsi_iqn`, `hostnqn`: names of this host in storage networks.

use rplay_value::List;

use super::{Found, Probe};

pub(super) fn fibre_channel(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let hosts = probe.list("/sys/class/fc_host");
    let names = hosts.iter().flat_map(|host| probe.lines(format!("/sys/class/fc_host/{host}/port_name")));
    found.set("fibre_channel_wwn", names.map(|name| name.trim_start_matches("0x").to_owned()).collect::<List>());
    found
}

pub(super) fn iscsi(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let lines = probe.lines("/etc/iscsi/initiatorname.iscsi");
    found.set("iscsi_iqn", lines.iter().find_map(|line| line.strip_prefix("InitiatorName=")).unwrap_or_default());
    found
}

pub(super) fn nvme(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    let lines = probe.lines("/etc/nvme/hostnqn");
    found.set("hostnqn", lines.iter().find(|line| line.starts_with("nqn.")).map_or("", String::as_str));
    found
}
