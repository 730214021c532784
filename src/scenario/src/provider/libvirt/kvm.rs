//! Whether hardware virtualisation works: told by starting a machine, since a `/dev/kvm` that opens may still never
//! run a guest.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a guest's processor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The machine's own.
    Kvm,
    /// A program that translates its instructions.
    Tcg,
}

impl Accelerator {
    /// The `type` of a domain.
    pub fn domain_type(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "qemu",
        }
    }
}

/// Code of a boot sector that counts down and ends the machine through QEMU's exit device: `mov ecx, 0x4000000; again:
/// dec ecx; jnz again; mov al, 0x10; out 0xf4, al; hlt`. A processor is through with it in a tenth of a second. Where
/// the hypervisor has none and reads every instruction itself, it takes minutes, although KVM opens and makes machines
/// there.
const CODE: [u8; 15] = [0x66, 0xb9, 0, 0, 0, 4, 0x66, 0x49, 0x75, 0xfc, 0xb0, 0x10, 0xe6, 0xf4, 0xf4];
/// QEMU's exit status after that: twice the byte, plus one.
const STATUS: i32 = 0x10 * 2 + 1;

/// Starts a machine of one boot sector with KVM; one that has not ended within the deadline never will. `user` is who
/// runs machines here.
pub fn probe(qemu: &Path, user: Option<&str>, deadline: Duration) -> io::Result<Accelerator> {
    let opens = match user {
        None => fs_err::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok(),
        Some(user) => {
            let ids = ["--reuid", user, "--regid", user, "--init-groups", "sh", "-c", "exec 3<>/dev/kvm"];
            Command::new("setpriv").args(ids).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        }
    };
    Ok(if opens && boots(qemu, "kvm", deadline)? { Accelerator::Kvm } else { Accelerator::Tcg })
}

fn boots(qemu: &Path, accelerator: &str, deadline: Duration) -> io::Result<bool> {
    let mut sector = [0; 512];
    sector[..CODE.len()].copy_from_slice(&CODE);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let file = tempfile::NamedTempFile::new()?;
    fs_err::write(file.path(), sector)?;
    let drive = format!("file={},format=raw,if=ide,readonly=off", file.path().display());
    let child = Command::new(qemu)
        .args(["-accel", accelerator, "-nodefaults", "-display", "none", "-no-reboot", "-m", "16"])
        .args(["-drive", &drive, "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut child = Reaped(child);
    let start = Instant::now();
    while start.elapsed() < deadline {
        if let Some(status) = child.0.try_wait()? {
            return Ok(status.code() == Some(STATUS));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(false)
}

/// A process that never outlives its use.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn qemu(script: &str) -> tempfile::TempPath {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs_err::set_permissions(file.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        file.into_temp_path()
    }

    #[test]
    fn only_the_right_end_in_time_counts() {
        let soon = Duration::from_secs(20);
        assert!(boots(&qemu("exit 33"), "kvm", soon).unwrap());
        assert!(!boots(&qemu("exit 1"), "kvm", soon).unwrap());
        assert!(!boots(&qemu("exec sleep 60"), "kvm", Duration::from_millis(50)).unwrap());
        assert!(boots(Path::new("/nowhere/qemu"), "kvm", soon).is_err());
    }
}
