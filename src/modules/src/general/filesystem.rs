//! Makes, grows and wipes file systems on devices and image files.
//!
//! Options:
//! - `dev` (path, required; alias `device`): a block device or a file.
//! - `fstype` (alias `type`): what to make of it; needed unless `state` is `absent`.
//! - `state` (default `present`): `absent` wipes the signatures and needs no device.
//! - `force`: also over another file system. `opts`: further options of mkfs, separated by spaces.
//! - `resizefs`: grow the file system to the size of the device. `uuid`: give it this UUID, every time.
//!
//! Returns: `msg`, where there is something to say.
//!
//! Check mode: full; changing a UUID is foretold as `change`, as community.general does. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.filesystem:
//!     dev: /dev/data/ceph
//!     fstype: xfs
//! ```

use std::os::unix::fs::FileTypeExt as _;

use rplay_protocol::Reply;

use crate::convert::quoted;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, PyRegex, Support, tools};

/// `community.general.filesystem`
pub static MODULE: Module = Module {
    name: "filesystem",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::text("fstype").alias(&["type"]).choices(&[
                "bcachefs", "btrfs", "ext2", "ext3", "ext4", "ext4dev", "f2fs", "lvm", "ocfs2", "reiserfs", "xfs",
                "vfat", "swap", "ufs",
            ]),
            Arg::path("dev").required().alias(&["device"]),
            Arg::text("opts"),
            Arg::bool("force").default("false"),
            Arg::bool("resizefs").default("false"),
            Arg::text("uuid"),
        ],
        required_if: &[("state", "present", &["fstype"])],
        exclusive: &[&["resizefs", "uuid"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// How one kind of file system is handled.
#[derive(Clone, Copy)]
struct Kind {
    /// Its name in messages, which is that of community.general's class.
    label: &'static str,
    /// What blkid calls it.
    types: &'static [&'static str],
    mkfs: &'static str,
    /// Options that keep mkfs from asking.
    force: &'static [&'static str],
    /// mkfs's options that set a UUID, the first of which is used, and what else it needs then.
    mkfs_uuid: &'static [&'static str],
    mkfs_uuid_more: &'static [&'static str],
    /// The program that changes a UUID, its option, and whether that takes the UUID.
    change_uuid: Option<(&'static str, &'static str, bool)>,
    /// The program that grows it, with its first words.
    grow: Option<(&'static str, &'static [&'static str])>,
    /// The program that tells its size.
    info: &'static str,
    /// As many bytes may be left over.
    slack: u64,
    /// Grown by its mount point rather than by its device.
    by_mountpoint: bool,
}

const PLAIN: Kind = Kind {
    label: "",
    types: &[],
    mkfs: "",
    force: &[],
    mkfs_uuid: &[],
    mkfs_uuid_more: &[],
    change_uuid: None,
    grow: None,
    info: "",
    slack: 0,
    by_mountpoint: false,
};

const EXT: Kind = Kind {
    force: &["-F"],
    mkfs_uuid: &["-U"],
    change_uuid: Some(("tune2fs", "-U", true)),
    grow: Some(("resize2fs", &[])),
    info: "tune2fs",
    ..PLAIN
};

const KINDS: &[Kind] = &[
    Kind { label: "Ext2", types: &["ext2"], mkfs: "mkfs.ext2", ..EXT },
    Kind { label: "Ext3", types: &["ext3"], mkfs: "mkfs.ext3", ..EXT },
    Kind { label: "Ext4", types: &["ext4", "ext4dev"], mkfs: "mkfs.ext4", ..EXT },
    Kind {
        label: "XFS",
        types: &["xfs"],
        mkfs: "mkfs.xfs",
        force: &["-f"],
        change_uuid: Some(("xfs_admin", "-U", true)),
        grow: Some(("xfs_growfs", &[])),
        info: "xfs_info",
        // A new allocation group needs 64 blocks, usually of 4 KiB.
        slack: 64 * 4096 - 1,
        by_mountpoint: true,
        ..PLAIN
    },
    Kind { label: "Reiserfs", types: &["reiserfs"], mkfs: "mkfs.reiserfs", force: &["-q"], ..PLAIN },
    Kind {
        label: "Bcachefs",
        types: &["bcachefs"],
        mkfs: "mkfs.bcachefs",
        force: &["--force"],
        mkfs_uuid: &["-U", "--uuid"],
        grow: Some(("bcachefs", &["device", "resize"])),
        info: "bcachefs",
        ..PLAIN
    },
    Kind {
        label: "Btrfs",
        types: &["btrfs"],
        mkfs: "mkfs.btrfs",
        grow: Some(("btrfs", &["filesystem", "resize", "max"])),
        info: "btrfs",
        by_mountpoint: true,
        ..PLAIN
    },
    Kind { label: "Ocfs2", types: &["ocfs2"], mkfs: "mkfs.ocfs2", force: &["-Fx"], ..PLAIN },
    Kind {
        label: "F2fs",
        types: &["f2fs"],
        mkfs: "mkfs.f2fs",
        grow: Some(("resize.f2fs", &[])),
        info: "dump.f2fs",
        ..PLAIN
    },
    Kind {
        label: "VFAT",
        types: &["vfat"],
        mkfs: "mkfs.vfat",
        grow: Some(("fatresize", &["-s", "max"])),
        info: "fatresize",
        ..PLAIN
    },
    Kind {
        label: "LVM",
        types: &["LVM2_member"],
        mkfs: "pvcreate",
        force: &["-f"],
        mkfs_uuid: &["-u", "--uuid"],
        mkfs_uuid_more: &["--norestorefile"],
        change_uuid: Some(("pvchange", "-u", false)),
        grow: Some(("pvresize", &[])),
        info: "pvs",
        ..PLAIN
    },
    Kind { label: "Swap", types: &["swap"], mkfs: "mkswap", force: &["-f"], ..PLAIN },
    Kind { label: "UFS", types: &["ufs"], mkfs: "newfs", grow: Some(("growfs", &["-y"])), info: "dumpfs", ..PLAIN },
];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (path, present) = (args.need("dev"), args.need("state") == "present");
    if !cx.path(path).exists() {
        let msg = format!("Device {path} not found.");
        return if present { Err(ModuleError::msg(msg)) } else { Ok(Reply::ok().with("msg", msg)) };
    }
    let blkid = tools::need(cx, "blkid")?;
    let probe = tools::run(cx, &[blkid.as_str(), "-c", "/dev/null", "-o", "value", "-s", "TYPE", path])?;
    let found = probe.out().trim().to_owned();
    if !present {
        if !found.is_empty() && !cx.check() {
            checked(cx, "wipefs", &["--all", path])?;
        }
        return Ok(Reply::changed(!found.is_empty()));
    }
    let fstype = args.need("fstype");
    let blkid_name = if fstype == "lvm" { "LVM2_member" } else { fstype };
    let kind = KINDS.iter().find(|kind| kind.types.contains(&blkid_name));
    let kind = kind.ok_or_else(|| unsupported(&format!("this filesystem ({fstype}) yet.")))?;
    let force = force_options(cx, kind)?;
    let uuid = args.text("uuid").filter(|uuid| !uuid.is_empty());
    if uuid.is_some() && kind.change_uuid.is_none() && kind.mkfs_uuid.is_empty() {
        return Err(unsupported(&format!("UUID option for this filesystem ({blkid_name}) yet.")));
    }
    let call = Call { cx, path, kind };
    if kind.types.contains(&found.as_str()) {
        if args.flag("resizefs") {
            return call.grow();
        }
        if let Some(uuid) = uuid {
            return call.change_uuid(uuid);
        }
        if !args.flag("force") {
            return Ok(Reply::ok());
        }
    } else if !found.is_empty() && !args.flag("force") {
        let msg = format!("'{path}' is already used as {found}, use force=true to overwrite");
        return Err(ModuleError::reply(Reply::failure(msg).with("rc", probe.rc).with("err", probe.err())));
    }
    call.create(&force, args.text("opts").unwrap_or_default(), uuid)?;
    Ok(Reply::changed(true))
}

fn unsupported(what: &str) -> ModuleError {
    ModuleError::msg(format!("module does not support {what}"))
}

/// Runs a program that must end well.
fn checked(cx: &Context<'_>, program: &str, words: &[&str]) -> Result<Output, ModuleError> {
    let program = tools::need(cx, program)?;
    let mut argv = vec![program.as_str()];
    argv.extend(words);
    tools::run_checked(cx, &argv)
}

/// mkfs's options that keep it from asking; two programs got theirs late.
fn force_options(cx: &mut Context<'_>, kind: &Kind) -> Result<Vec<&'static str>, ModuleError> {
    let since = |version: &str, first: (u64, u64)| {
        let mut parts = version.split('.').map(|part| part.parse::<u64>().unwrap_or_default());
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) >= first
    };
    let version = |pattern: &str, text: &str| -> Result<Option<String>, ModuleError> {
        Ok(PyRegex::new(pattern)?.search(text).and_then(|found| Some(found.get(1)?.as_str().to_owned())))
    };
    let forced = match kind.label {
        "Btrfs" => {
            let output = checked(cx, kind.mkfs, &["--version"])?;
            let (out, err) = (output.out(), output.err());
            let found = version(" v([0-9.]+)", &out)?.or(version(" v([0-9.]+)", &err)?);
            if found.is_none() {
                cx.warn(format!("Unable to identify mkfs.btrfs version ({}, {})", quoted(&out), quoted(&err)));
            }
            found.is_none_or(|found| since(&found, (3, 12)))
        }
        "F2fs" => {
            let mkfs = tools::need(cx, kind.mkfs)?;
            let output = tools::run(cx, &[mkfs.as_str(), "/dev/null"])?;
            let found = version(r"F2FS-tools: mkfs.f2fs Ver: ([0-9.]+) \(", &output.out())?;
            found.is_some_and(|found| since(&found, (1, 9)))
        }
        _ => return Ok(kind.force.to_vec()),
    };
    Ok(if forced { vec!["-f"] } else { Vec::new() })
}

struct Call<'a, 'b> {
    cx: &'a mut Context<'b>,
    path: &'a str,
    kind: &'a Kind,
}

impl Call<'_, '_> {
    fn create(&self, force: &[&str], opts: &str, uuid: Option<&str>) -> Result<(), ModuleError> {
        if self.cx.check() {
            return Ok(());
        }
        let kind = self.kind;
        let mut opts: Vec<&str> = opts.split_whitespace().collect();
        if let (Some(uuid), Some(option)) = (uuid, kind.mkfs_uuid.first())
            && !kind.mkfs_uuid.iter().any(|option| opts.contains(option))
        {
            opts.extend([option, uuid]);
            opts.extend(kind.mkfs_uuid_more);
        }
        let words: Vec<&str> = force.iter().copied().chain(opts).chain([self.path]).collect();
        checked(self.cx, kind.mkfs, &words)?;
        if let Some(uuid) = uuid.filter(|_| kind.mkfs_uuid.is_empty()) {
            self.run_change_uuid(uuid)?;
        }
        Ok(())
    }

    fn change_uuid(&self, uuid: &str) -> Result<Reply, ModuleError> {
        if self.cx.check() {
            let msg = format!("Changing {} filesystem UUID on device {}", self.kind.label, self.path);
            return Ok(Reply::ok().with("change", true).with("msg", msg));
        }
        Ok(Reply::changed(true).with("msg", self.run_change_uuid(uuid)?))
    }

    fn run_change_uuid(&self, uuid: &str) -> Result<String, ModuleError> {
        let Some((program, option, takes)) = self.kind.change_uuid else {
            return Err(unsupported(&format!("changing the UUID of {} filesystems", self.kind.label)));
        };
        let words: &[&str] = if takes { &[option, uuid, self.path] } else { &[option, self.path] };
        Ok(checked(self.cx, program, words)?.out())
    }

    fn grow(mut self) -> Result<Reply, ModuleError> {
        let (label, path, kind) = (self.kind.label, self.path, self.kind);
        let Some((program, words)) = kind.grow else {
            let fstype = kind.types.first().copied().unwrap_or_default();
            return Err(unsupported(&format!("resizing {fstype} filesystem yet.")));
        };
        let device = self.device_size()?;
        let size = self.size()?;
        if size.saturating_add(kind.slack) >= device {
            return Ok(Reply::ok().with("msg", format!("{label} filesystem is using the whole device {path}")));
        }
        if self.cx.check() {
            return Ok(Reply::changed(true).with("msg", format!("resizing filesystem {label} on device {path}")));
        }
        let mountpoint;
        let target = if kind.by_mountpoint {
            mountpoint = self.mountpoint()?.ok_or_else(|| self.not_mounted())?;
            mountpoint.as_str()
        } else {
            path
        };
        let words: Vec<&str> = words.iter().copied().chain([target]).collect();
        Ok(Reply::changed(true).with("msg", checked(self.cx, program, &words)?.out()))
    }

    fn not_mounted(&self) -> ModuleError {
        ModuleError::msg(format!("{} needs to be mounted for {} operations", self.path, self.kind.label))
    }

    /// Bytes of the device.
    fn device_size(&self) -> Result<u64, ModuleError> {
        let metadata = fs_err::metadata(self.cx.path(self.path))?;
        if metadata.file_type().is_block_device() {
            let out = checked(self.cx, "blockdev", &["--getsize64", self.path])?.out();
            return out
                .trim()
                .parse()
                .map_err(|_| ModuleError::msg(format!("could not read blockdev: {}", out.trim())));
        }
        if metadata.is_file() {
            return Ok(metadata.len());
        }
        Err(ModuleError::msg(format!("Target device not supported: {}", self.path)))
    }

    /// Where the device is mounted first.
    fn mountpoint(&self) -> Result<Option<String>, ModuleError> {
        let findmnt = tools::need(self.cx, "findmnt")?;
        let words = [findmnt.as_str(), "--mtab", "--noheadings", "--output", "TARGET", "--source", self.path];
        let output = tools::run(self.cx, &words)?;
        let first = output.out().lines().next().unwrap_or_default().to_owned();
        Ok(Some(first).filter(|first| output.success() && !first.is_empty()))
    }

    /// Bytes of the file system, as its own program tells.
    fn size(&mut self) -> Result<u64, ModuleError> {
        let (kind, path) = (self.kind, self.path);
        let words: Vec<&str> = match kind.info {
            "tune2fs" => vec!["-l", path],
            "bcachefs" => vec!["show-super", path],
            "fatresize" => vec!["--info", path],
            "pvs" => vec!["--noheadings", "-o", "pv_size", "--units", "b", "--nosuffix", path],
            _ => vec![path],
        };
        let out = match kind.info {
            "xfs_info" => {
                // It knows a mounted file system by its mount point in every version.
                let mountpoint = self.mountpoint()?;
                checked(self.cx, kind.info, &[mountpoint.as_deref().unwrap_or(path)])?.out()
            }
            "btrfs" => {
                let mountpoint = self.mountpoint()?.ok_or_else(|| self.not_mounted())?;
                checked(self.cx, kind.info, &["filesystem", "usage", "-b", &mountpoint])?.out()
            }
            _ => checked(self.cx, kind.info, &words)?.out(),
        };
        parse_size(kind.info, &out).ok_or_else(|| {
            self.cx.warn(format!("unable to process {} output '{}'", kind.info, quoted(&out)));
            ModuleError::msg(format!("unable to process {} output for {path}", kind.info))
        })
    }
}

/// The size in bytes in what a program printed.
fn parse_size(program: &str, out: &str) -> Option<u64> {
    let after = |start: &str| out.lines().find_map(|line| Some(line.split_once(start)?.1.trim()));
    let first = |text: &str| text.split_whitespace().next()?.parse::<u64>().ok();
    match program {
        "tune2fs" => Some(first(after("Block count:")?)? * first(after("Block size:")?)?),
        "dump.f2fs" => Some(first(after("Info: sector size = ")?)? * first(after("Info: total FS sectors = ")?)?),
        "pvs" => out.trim().parse().ok(),
        "btrfs" => out.lines().find(|line| line.contains("Device size"))?.split_whitespace().next_back()?.parse().ok(),
        "fatresize" => out.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            ["Size", "Cur size"].contains(&name.trim()).then(|| value.trim().parse().ok())?
        }),
        "dumpfs" => {
            let line = |start: &str| out.lines().find(|line| line.contains(start));
            let fragment = out.lines().find(|line| line.starts_with("fsize"))?.split_whitespace().nth(1)?;
            let fragments = line("providersize")?.split_whitespace().next_back()?;
            Some(fragment.parse::<u64>().ok()? * fragments.parse::<u64>().ok()?)
        }
        "bcachefs" => parse_human(out.lines().find(|line| line.contains("Size: "))?),
        // data     =                       bsize=4096   blocks=65536, imaxpct=25
        "xfs_info" => {
            let data = out.lines().find(|line| line.split('=').next().map(str::trim) == Some("data"))?;
            let value = |name: &str| first(&data.split_once(name)?.1.replace(',', " "));
            Some(value("bsize=")? * value("blocks=")?)
        }
        _ => None,
    }
}

/// `Size: 1.5 GiB` in bytes.
fn parse_human(line: &str) -> Option<u64> {
    let mut words = line.split_whitespace().skip(1);
    let (number, unit) = (words.next()?.parse::<f64>().ok()?, words.next()?);
    let power = |units: &[&str]| units.iter().position(|known| *known == unit);
    let binary = power(&["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]).map(|n| (1024.0_f64, n));
    let (base, exponent) =
        binary.or_else(|| power(&["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]).map(|n| (1000.0, n)))?;
    Some((number * base.powi(exponent as i32)) as u64)
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use super::parse_size;
    use crate::testing::{Fake, args};

    fn image(found: &str) -> Fake {
        let fake = Fake::new().unwrap().on("blkid", 0, found);
        fake.write("/disk.img", "0123456789").unwrap();
        fake
    }

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        let given = args([("dev", "/disk.img")].into_iter().chain(given.iter().copied()));
        fake.call("community.general.filesystem", given)
    }

    fn msg(reply: &Reply) -> String {
        reply.data.get("msg").unwrap().to_string()
    }

    #[test]
    fn file_systems_are_made_once() {
        let empty = image("").on("mkfs.ext4", 0, "").on("mkfs.xfs", 0, "").on("xfs_admin", 0, "");
        assert!(empty.check("filesystem", args([("dev", "/disk.img"), ("fstype", "ext4")])).changed);
        assert_eq!(empty.command_lines().len(), 1);
        assert!(call(&empty, &[("fstype", "ext4"), ("opts", "-L x"), ("uuid", "1")]).changed);
        assert_eq!(empty.command_lines().last().unwrap(), "mkfs.ext4 -F -L x -U 1 /disk.img");
        assert!(call(&empty, &[("fstype", "xfs"), ("uuid", "2")]).changed);
        assert_eq!(empty.command_lines().last().unwrap(), "xfs_admin -U 2 /disk.img");
        let made = image("ext4\n").on("mkfs.ext4", 0, "");
        assert!(!call(&made, &[("fstype", "ext4")]).changed);
        assert!(call(&made, &[("fstype", "ext4dev"), ("force", "yes")]).changed);
        assert_eq!(
            msg(&call(&made, &[("fstype", "vfat")])),
            "'/disk.img' is already used as ext4, use force=true to overwrite"
        );
        assert_eq!(
            msg(&call(&made, &[("fstype", "swap"), ("uuid", "1")])),
            "module does not support UUID option for this filesystem (swap) yet."
        );
    }

    #[test]
    fn signatures_are_wiped() {
        let made = image("ext4\n").on("wipefs", 0, "");
        assert!(call(&made, &[("state", "absent")]).changed);
        assert_eq!(made.command_lines().last().unwrap(), "wipefs --all /disk.img");
        assert!(!call(&image(""), &[("state", "absent")]).changed);
        let reply = made.call("filesystem", args([("dev", "/none"), ("state", "absent")]));
        assert_eq!((reply.failed, msg(&reply)), (false, "Device /none not found.".to_owned()));
        assert!(made.call("filesystem", args([("dev", "/none"), ("fstype", "ext4")])).failed);
    }

    #[test]
    fn file_systems_grow_with_their_device() {
        let grow = [("fstype", "ext4"), ("resizefs", "yes")];
        let small = image("ext4\n").on("resize2fs", 0, "done").on("tune2fs", 0, "Block count: 2\nBlock size: 4\n");
        assert_eq!(msg(&call(&small, &grow)), "done");
        let full = image("ext4\n").on("tune2fs", 0, "Block count: 5\nBlock size: 2\n");
        assert_eq!(msg(&call(&full, &grow)), "Ext4 filesystem is using the whole device /disk.img");
        let odd = image("ext4\n").on("tune2fs", 0, "?");
        assert_eq!(msg(&call(&odd, &grow)), "unable to process tune2fs output for /disk.img");
        let swap = image("swap\n");
        assert_eq!(
            msg(&call(&swap, &[("fstype", "swap"), ("resizefs", "yes")])),
            "module does not support resizing swap filesystem yet."
        );
        let unmounted =
            image("btrfs\n").on("mkfs.btrfs", 0, "mkfs.btrfs, part of btrfs-progs v6.2\n").on("findmnt", 1, "");
        assert_eq!(
            msg(&call(&unmounted, &[("fstype", "btrfs"), ("resizefs", "yes")])),
            "/disk.img needs to be mounted for Btrfs operations"
        );
    }

    #[test]
    fn sizes_are_read_as_each_program_prints_them() {
        let xfs = "meta-data=/dev/x isize=512 agcount=4\ndata     =     bsize=4096   blocks=25600, imaxpct=25\n";
        for (program, out, bytes) in [
            ("xfs_info", xfs, 25600 * 4096),
            ("dump.f2fs", "Info: sector size = 512\nInfo: total FS sectors = 102400 (50 MB)\n", 512 * 102_400),
            ("pvs", "  4194304\n", 4_194_304),
            ("btrfs", "Overall:\n    Device size:    1073741824\n", 1 << 30),
            ("fatresize", "FAT: fat16\nSize: 1000\n", 1000),
            ("bcachefs", "Size: 1.5 GiB\n", 3 << 29),
            ("bcachefs", "Size: 2 kB\n", 2000),
        ] {
            assert_eq!(parse_size(program, out), Some(bytes), "{program}");
        }
    }
}
