//! Whether the machine can hold what is asked for: told with numbers, before anything is made.

use rplay_diag::Diagnostic;

use super::{LabError, Past};
use crate::node::Provider;
use crate::scenario::Budget;
use crate::topology::Node;
use crate::units::Size;

/// What a container without a limit is reckoned to need: systemd with a few services, or one program.
const SYSTEMD: Size = Size::mib(96);
const PROGRAM: Size = Size::mib(32);

/// What nodes need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Memory.
    pub memory: Size,
    /// Disk space, at most.
    pub disk: Size,
}

/// What the machine has free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Free {
    /// Memory.
    pub memory: Size,
    /// Disk space where disks are made.
    pub disk: Size,
}

impl Free {
    /// As the kernel says now.
    pub fn now(path: &std::path::Path) -> Result<Self, LabError> {
        let text = fs_err::read_to_string("/proc/meminfo")?;
        let disk = nix::sys::statvfs::statvfs(path).map_err(std::io::Error::from)?;
        let disk = disk.blocks_available() * disk.fragment_size();
        Ok(Self { memory: available(&text).unwrap_or_default(), disk: Size(disk) })
    }
}

fn available(meminfo: &str) -> Option<Size> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(Size(kib << 10))
}

impl Estimate {
    /// What these nodes need: what they may have, else what such nodes had in use when they were last there.
    pub fn of<'a, 'n: 'a>(nodes: impl IntoIterator<Item = &'a Node<'n>>, past: &Past) -> Self {
        let mut need = Self::default();
        for node in nodes {
            let set = node.set;
            let memory = match set.provider {
                Provider::Existing => continue,
                Provider::Docker => {
                    let guess = if set.container.systemd { SYSTEMD } else { PROGRAM };
                    set.memory.or_else(|| past.memory(&set.name)).unwrap_or(guess)
                }
                Provider::Libvirt | Provider::Uml => set.memory.unwrap_or_default(),
            };
            need.memory.0 += memory.0;
            need.disk.0 += set.disk.map_or(0, |size| size.0) + set.disks.iter().map(|disk| disk.size.0).sum::<u64>();
        }
        need
    }

    /// Refuses what does not fit.
    pub fn fits(&self, free: Free, budget: Budget) -> Result<(), LabError> {
        let less = |size: Size, rest: Size| Size(size.0.saturating_sub(rest.0));
        let kinds = [
            ("memory", self.memory, budget.memory, free.memory, Size::mib(1024)),
            ("disk", self.disk, budget.disk, free.disk, Size::mib(2048)),
        ];
        for (what, need, given, free, rest) in kinds {
            let most = given.unwrap_or_else(|| less(free, rest));
            if need > most {
                let text = format!("the nodes need {need} of {what}, and {most} can be had ({free} is free)");
                let hint = match given {
                    Some(_) => format!("`budget.{what}` of the scenario says so"),
                    None => format!("ask for fewer nodes (`--nodes NAME:COUNT`), or for more with `budget.{what}`"),
                };
                return Err(LabError::said(Diagnostic::error(text).hint(hint)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_numbers() {
        let free = Free { memory: Size::mib(8192), disk: Size::mib(100_000) };
        let need = Estimate { memory: Size::mib(7168), disk: Size::default() };
        need.fits(free, Budget::default()).unwrap();
        let need = Estimate { memory: Size::mib(12_288), disk: Size::default() };
        let error = need.fits(free, Budget::default()).unwrap_err();
        assert_eq!(error.to_string(), "the nodes need 12G of memory, and 7G can be had (8G is free)");
        need.fits(free, Budget { memory: Some(Size::mib(16_384)), ..Budget::default() }).unwrap();
        let need = Estimate { memory: Size::default(), disk: Size::mib(99_000) };
        assert!(need.fits(free, Budget::default()).unwrap_err().to_string().contains("of disk"));
    }

    #[test]
    fn free_memory_is_read() {
        let text = "MemTotal:       24660880 kB\nMemFree:  1 kB\nMemAvailable:   2097152 kB\n";
        assert_eq!(available(text), Some(Size::mib(2048)));
    }
}
