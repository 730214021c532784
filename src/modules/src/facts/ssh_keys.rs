//! `ssh_host_key_*`: the public host keys of the SSH server.

use super::{Found, Probe};

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let mut found = Found::default();
    for folder in ["/etc/ssh", "/etc/openssh", "/etc"] {
        for algorithm in ["dsa", "rsa", "ecdsa", "ed25519"] {
            let Some(text) = probe.read(format!("{folder}/ssh_host_{algorithm}_key.pub")) else { continue };
            let mut words = text.split_whitespace();
            if let (Some(kind), Some(key)) = (words.next(), words.next()) {
                found.set(&format!("ssh_host_key_{algorithm}_public"), key);
                found.set(&format!("ssh_host_key_{algorithm}_public_keytype"), kind);
            }
        }
        if !found.facts.is_empty() {
            break;
        }
    }
    found
}
