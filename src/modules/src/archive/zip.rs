//! Zip archives, read and unpacked here, judged as Ansible's `ZipArchive` does; `unzip` only for its own options.

use std::fs::{File, FileTimes};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use zip::ZipArchive;

use super::{Archive, Comparison, Extraction, Job, target, unhandled};
use crate::{Mode, ModuleError, Program, Replace, real_path, umask};

/// An open zip file.
pub(crate) struct Zip {
    archive: ZipArchive<File>,
    names: Vec<String>,
    entries: Vec<Entry>,
}

/// What the archive says about one member.
#[derive(Clone)]
struct Entry {
    index: usize,
    name: String,
    kind: char,
    size: u64,
    crc: u32,
    mode: u32,
    modified: u64,
}

impl Zip {
    pub(super) fn open(job: &Job<'_>) -> Result<Self, ModuleError> {
        let explain =
            |error: zip::result::ZipError| unhandled(job.src, &format!("Unable to list files in the archive: {error}"));
        let file = File::open(job.src).map_err(ModuleError::file("could not read", job.src))?;
        let mut archive = ZipArchive::new(file).map_err(explain)?;
        let mut entries = Vec::new();
        for index in 0..archive.len() {
            let member = archive.by_index(index).map_err(explain)?;
            let name = member.name().map_err(explain)?.into_owned();
            if member.enclosed_name().is_none() {
                return Err(ModuleError::msg(format!(
                    "{name} in the archive would be written outside of the destination"
                )));
            }
            if !job.takes(&name) {
                continue;
            }
            let kind = if member.is_dir() {
                'd'
            } else if member.is_symlink() {
                'L'
            } else {
                'f'
            };
            // Archives made on other systems have no permissions.
            let plain = if kind == 'd' { 0o777 } else { 0o666 } & !umask();
            let mode = member.unix_mode().map(|mode| mode & 0o777).filter(|mode| *mode != 0).unwrap_or(plain);
            let modified = member.last_modified().map_or(0, seconds);
            entries.push(Entry { index, name, kind, size: member.size(), crc: member.crc32(), mode, modified });
        }
        let names = entries.iter().map(|entry| entry.name.clone()).collect();
        Ok(Self { archive, names, entries })
    }

    fn write(&mut self, job: &Job<'_>, entry: &Entry) -> Result<(), ModuleError> {
        let path = target(job.dest, &entry.name);
        let folder = if entry.kind == 'd' { path.as_path() } else { path.parent().unwrap_or(job.dest) };
        fs_err::create_dir_all(folder)?;
        // A link that came with the archive must not lead anywhere else.
        if !real_path(folder).starts_with(real_path(job.dest)) {
            return Err(ModuleError::msg(format!(
                "{} in the archive would be written outside of the destination",
                entry.name
            )));
        }
        let explain = |error: zip::result::ZipError| {
            ModuleError::msg(format!("could not read {} in the archive: {error}", entry.name))
        };
        match entry.kind {
            'd' => fs_err::set_permissions(&path, std::fs::Permissions::from_mode(entry.mode))?,
            'L' => {
                let mut to = String::new();
                self.archive.by_index(entry.index).map_err(explain)?.read_to_string(&mut to)?;
                if path.symlink_metadata().is_ok() {
                    fs_err::remove_file(&path)?;
                }
                std::os::unix::fs::symlink(to, &path)?;
            }
            _ => {
                let mut content = Vec::new();
                self.archive.by_index(entry.index).map_err(explain)?.read_to_end(&mut content)?;
                let mode = Mode::Bits(entry.mode);
                Replace::new(&path).mode(Some(&mode)).write(job.cx.sys(), &content)?;
                let time = UNIX_EPOCH + Duration::from_secs(entry.modified);
                File::options()
                    .append(true)
                    .open(&path)?
                    .set_times(FileTimes::new().set_modified(time).set_accessed(time))?;
            }
        }
        Ok(())
    }
}

/// The archive's local time, as seconds since the epoch.
fn seconds(time: zip::DateTime) -> u64 {
    let parts = [time.month(), time.day(), time.hour(), time.minute(), time.second()].map(|part| part as i8);
    let [month, day, hour, minute, second] = parts;
    DateTime::new(time.year() as i16, month, day, hour, minute, second, 0)
        .and_then(|time| time.to_zoned(TimeZone::system()))
        .ok()
        .and_then(|zoned| u64::try_from(zoned.timestamp().as_second()).ok())
        .unwrap_or(0)
}

fn crc(path: &Path) -> io::Result<u32> {
    let mut file = fs_err::File::open(path)?;
    let mut crc = flate2::Crc::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(crc.sum()),
            n => crc.update(&buffer[..n]),
        }
    }
}

/// rsync-like letters for what differs; `None` when nothing does.
fn itemized(job: &Job<'_>, entry: &Entry) -> Result<Option<String>, ModuleError> {
    let path = target(job.dest, &entry.name);
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(Some(format!(">{}++++++.?? {}\n", entry.kind, entry.name)));
    };
    let same_kind = match entry.kind {
        'd' => metadata.is_dir(),
        'L' => metadata.is_symlink(),
        _ => metadata.is_file(),
    };
    if !same_kind {
        return Ok(Some(format!("c{}++++++.?? {}\n", entry.kind, entry.name)));
    }
    let mut letters: Vec<char> = format!(".{}.......??", entry.kind).chars().collect();
    if entry.kind == 'f' {
        let modified = u64::try_from(metadata.mtime()).unwrap_or_default();
        if job.args.flag("keep_newer") && entry.modified < modified {
            return Ok(None);
        }
        if entry.modified != modified {
            letters[4] = 't';
        }
        if metadata.len() != entry.size {
            letters[3] = 's';
        }
        if crc(&path)? != entry.crc {
            letters[2] = 'c';
        }
    }
    if entry.kind != 'L' {
        let now = metadata.mode() & 0o7777;
        let wanted = job.attrs.mode.as_ref().map_or(entry.mode, |mode| mode.resolve(now, metadata.is_dir()));
        if wanted != now {
            letters[5] = 'p';
        }
    }
    let owner = job.attrs.owner.as_ref().and_then(|owner| crate::user_id(job.cx.sys(), owner));
    let group = job.attrs.group.as_ref().and_then(|group| crate::group_id(job.cx.sys(), group));
    if owner.is_some_and(|uid| uid != metadata.uid()) {
        letters[6] = 'o';
    }
    if group.is_some_and(|gid| gid != metadata.gid()) {
        letters[6] = 'g';
    }
    let differs = letters[2..7].iter().any(|letter| *letter != '.');
    Ok(differs.then(|| format!("{} {}\n", letters.into_iter().collect::<String>(), entry.name)))
}

impl Archive for Zip {
    fn handler(&self) -> &'static str {
        "ZipArchive"
    }

    fn members(&self) -> &[String] {
        &self.names
    }

    fn compare(&mut self, job: &Job<'_>) -> Result<Comparison, ModuleError> {
        let mut diff = String::new();
        let mut differing = Vec::new();
        for entry in &self.entries {
            if let Some(line) = itemized(job, entry)? {
                diff.push_str(&line);
                differing.push(entry.name.clone());
            }
        }
        Ok(Comparison { unarchived: differing.is_empty(), diff: Some(diff), differing })
    }

    fn extract(&mut self, job: &Job<'_>, comparison: &Comparison) -> Result<Extraction, ModuleError> {
        let options = job.args.texts("extra_opts");
        if !options.is_empty() {
            // Options are words of unzip, so unzip it is.
            let mut words = vec![job.cx.sys().need("unzip")?, "-o".to_owned()];
            words.extend(options.into_iter().map(str::to_owned));
            words.push(job.src.to_string_lossy().into_owned());
            words.extend(job.args.texts("include").into_iter().map(str::to_owned));
            let exclude = job.args.texts("exclude");
            if !exclude.is_empty() {
                words.push("-x".to_owned());
                words.extend(exclude.into_iter().map(str::to_owned));
            }
            words.extend(["-d".to_owned(), job.dest.to_string_lossy().into_owned()]);
            let output = job.cx.sys().run(&Program::new(words.clone()))?;
            return Ok(Extraction { cmd: words, rc: output.rc, out: output.out(), err: output.err() });
        }
        let differing: Vec<Entry> =
            self.entries.iter().filter(|e| comparison.differing.contains(&e.name)).cloned().collect();
        let mut out = String::new();
        for entry in &differing {
            self.write(job, entry)?;
            out.push_str(&format!("  inflating: {}\n", entry.name));
        }
        Ok(Extraction { out, ..Extraction::default() })
    }
}
