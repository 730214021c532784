//! What a template file's own template knows about the file.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rplay_value::{Map, Time, Value};

use crate::pytime;

/// As [`crate::Engine::file_variables`]. `managed` is the setting `ansible_managed`.
pub(crate) fn file_variables(name: &str, path: &Path, destination: Option<&str>, managed: &str) -> Map {
    let mut vars = Map::new();
    let now = Zoned::now();
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    vars.insert("template_host", Value::data(host.trim()));
    vars.insert("template_path", Value::data(name));
    let mut managed = managed.replace("{host}", host.trim()).replace("{file}", name);
    if let Ok(meta) = fs_err::metadata(path) {
        let owner = owner(meta.uid());
        managed = managed.replace("{uid}", &owner);
        vars.insert("template_uid", Value::data(owner));
        let modified = meta.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        if let Some(time) = modified {
            let modified = moment(&time.to_zoned(TimeZone::system()));
            if managed.contains('%') {
                managed = pytime::format(&modified, &managed);
            }
            vars.insert("template_mtime", Value::Time(modified));
        }
    }
    vars.insert("template_fullpath", Value::data(path.to_string_lossy().into_owned()));
    vars.insert("template_destpath", destination.map_or(Value::Null, Value::data));
    vars.insert("template_run_date", Value::Time(moment(&now)));
    vars.insert("ansible_managed", Value::data(managed));
    vars
}

fn moment(at: &Zoned) -> Time {
    let at = at.datetime();
    Time::DateTime(at.round(jiff::Unit::Microsecond).unwrap_or(at), None)
}

/// The user's name, or the number of one without a name.
fn owner(uid: u32) -> String {
    let users = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}
