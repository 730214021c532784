//! Lists of mounts as files and `mount` write them: which columns a line has is found from the lines themselves.

use rplay_value::{Map, Value};

use crate::PyRegex;
use crate::facts::unescape;

/// One mount: where, the lines that say so, and what they say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) lines: String,
    pub(crate) fields: Map,
}

impl Entry {
    /// A field's text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The entries of a file: vfstab (seven columns), mnttab (five, the last a time), fstab (four to six), or AIX's
/// stanzas, whichever is the first that every line fits.
pub(crate) fn in_file(text: &str) -> Vec<Entry> {
    let text = text.trim();
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let parsers = [vfstab, mnttab, fstab, stanzas];
    parsers.iter().find_map(|parse| parse(&lines)).unwrap_or_default()
}

fn words(line: &str) -> Option<Vec<&str>> {
    let line = line.trim();
    (!line.is_empty() && !line.starts_with('#')).then(|| line.split_whitespace().collect())
}

fn entry(line: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Entry {
    Entry { lines: line.to_owned(), fields: fields.into_iter().collect() }
}

fn vfstab(lines: &[&str]) -> Option<Vec<Entry>> {
    let mut found = Vec::new();
    for line in lines {
        let Some(words) = words(line) else { continue };
        let [device, check, mount, kind, pass, boot, options, ..] = words.as_slice() else { return None };
        let pass = pass.parse::<i64>().map_or_else(|_| Value::from(*pass), Value::from);
        found.push(entry(
            line,
            [
                ("device", Value::from(*device)),
                ("device_to_fsck", Value::from(*check)),
                ("mount", Value::from(*mount)),
                ("fstype", Value::from(*kind)),
                ("passno", pass),
                ("mount_at_boot", Value::from(*boot)),
                ("options", Value::from(*options)),
            ],
        ));
    }
    Some(found)
}

fn mnttab(lines: &[&str]) -> Option<Vec<Entry>> {
    let table: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
    // A time has ten digits; a line that is too short before one is found is no table of this kind.
    table.iter().take_while(|words| words.len() > 4).find(|words| words[4].len() == 10)?;
    let entries = lines.iter().zip(&table).map(|(line, words)| {
        let [device, mount, kind, options, time, ..] = words.as_slice() else { return None };
        let time: i64 = time.parse().ok()?;
        let texts = [("device", *device), ("mount", *mount), ("fstype", *kind), ("options", *options)];
        Some(entry(
            line,
            texts.map(|(name, text)| (name, Value::from(text))).into_iter().chain([("time", time.into())]),
        ))
    });
    entries.collect()
}

fn fstab(lines: &[&str]) -> Option<Vec<Entry>> {
    let mut found = Vec::new();
    for line in lines {
        let line = line.trim();
        let Some(words) = words(line) else { continue };
        let words: Vec<String> = words.into_iter().map(unescape).collect();
        let [device, mount, kind, options, rest @ ..] = words.as_slice() else { return None };
        let mut one = entry(
            line,
            [("device", device), ("mount", mount), ("fstype", kind), ("options", options)]
                .map(|(name, text)| (name, Value::from(text.as_str()))),
        );
        for (name, number) in ["dump", "passno"].into_iter().zip(rest) {
            one.fields.insert(name, number.parse::<i64>().ok()?);
        }
        found.push(one);
    }
    Some(found)
}

fn stanzas(lines: &[&str]) -> Option<Vec<Entry>> {
    let mut all: Vec<Vec<&str>> = Vec::new();
    for line in lines.iter().filter(|line| !line.starts_with('*') && !line.trim().is_empty()) {
        if line.trim_end().ends_with(':') {
            all.push(vec![line]);
        } else if line.contains('=') {
            all.last_mut()?.push(line);
        } else {
            // Linux has a file of this name too, which is a list of file systems.
            return Some(Vec::new());
        }
    }
    let entries = all.into_iter().map(|stanza| {
        let attributes: Map = stanza[1..]
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.trim(), Value::from(value.trim())))
            .collect();
        let text = |name: &str| attributes.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let device: Vec<&str> = ["nodename", "dev"].into_iter().filter_map(text).collect();
        let device = if device.is_empty() { "unknown".to_owned() } else { device.join(":") };
        let kind = text("vfs").unwrap_or("unknown").to_owned();
        let mount = &stanza[0][..stanza[0].len() - 1];
        entry(
            &stanza.join("\n"),
            [
                ("mount", Value::from(mount)),
                ("device", Value::from(device)),
                ("fstype", Value::from(kind)),
                ("attributes", Value::from(attributes)),
            ],
        )
    });
    Some(entries.collect())
}

/// Columns of Linux, of the BSDs, and of AIX.
const LINUX: &str = r"^(?P<device>\S+) on (?P<mount>\S+) type (?P<fstype>\S+) \((?P<options>.+)\)$";
const BSD: &str = r"^(?P<device>\S+) on (?P<mount>\S+) \((?P<fstype>.+)\)$";
const AIX: &str = r"^(?P<node>\S*)\s+(?P<mounted>\S+)\s+(?P<mount>\S+)\s+(?P<fstype>\S+)\s+(?P<time>\S+\s+\d+\s+\d+:\d+)\s+(?P<options>.*)$";

/// The entries of what `mount` prints.
pub(crate) fn in_output(text: &str) -> Vec<Entry> {
    let lines: Vec<&str> = text.lines().collect();
    let of = |pattern: &str, names: &[&'static str], skipped: usize, optional: &str| -> Option<Vec<Entry>> {
        let regex = PyRegex::new(pattern).ok()?;
        let mut found = Vec::new();
        for line in &lines[skipped.min(lines.len())..] {
            let Some(captures) = regex.search(line) else {
                if !optional.is_empty() && line.starts_with(optional) {
                    continue;
                }
                return None;
            };
            let text = |name: &str| Value::from(captures.name(name).map_or("", |found| found.as_str()));
            found.push(entry(line, names.iter().map(|name| (*name, text(name)))));
        }
        Some(found)
    };
    if let Some(found) = of(LINUX, &["device", "mount", "fstype", "options"], 0, "") {
        return found;
    }
    if let Some(mut found) = of(BSD, &["device", "mount", "fstype"], 0, "map ") {
        for one in &mut found {
            let kind = one.text("fstype").to_owned();
            if let Some((kind, options)) = kind.split_once(',') {
                one.fields.insert("fstype", kind.trim_end());
                one.fields.insert("options", options.trim_start());
            }
        }
        return found;
    }
    if lines.len() <= 2 {
        return Vec::new();
    }
    let mut found = of(AIX, &["node", "mounted", "mount", "fstype", "time", "options"], 2, "").unwrap_or_default();
    for one in &mut found {
        let (node, mut device) = (one.text("node").to_owned(), one.text("mounted").to_owned());
        if !node.is_empty() && !device.is_empty() {
            device = format!("{node}:{device}");
        }
        one.fields.remove("node");
        one.fields.remove("mounted");
        one.fields.insert("device", device);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Entry, in_file, in_output};

    fn shown(entries: &[Entry]) -> Vec<String> {
        entries.iter().map(|entry| serde_json::to_string(&entry.fields).unwrap()).collect()
    }

    #[test]
    fn the_columns_tell_the_kind_of_a_file() {
        assert_eq!(
            shown(&in_file("# x\n/dev/a /m\\040n ext4 rw 0 1\nb /b nfs defaults\n")),
            [
                r#"{"device":"/dev/a","mount":"/m n","fstype":"ext4","options":"rw","dump":0,"passno":1}"#,
                r#"{"device":"b","mount":"/b","fstype":"nfs","options":"defaults"}"#
            ]
        );
        assert_eq!(
            shown(&in_file("/dev/dsk/a /dev/rdsk/a / ufs 1 no -\n")),
            [
                r#"{"device":"/dev/dsk/a","device_to_fsck":"/dev/rdsk/a","mount":"/","fstype":"ufs","passno":1,"mount_at_boot":"no","options":"-"}"#
            ]
        );
        assert_eq!(
            shown(&in_file("/dev/a / ufs rw 1700000000\n")),
            [r#"{"device":"/dev/a","mount":"/","fstype":"ufs","options":"rw","time":1700000000}"#]
        );
        assert_eq!(
            shown(&in_file("* AIX\n/home:\n\tdev = /dev/hd1\n\tnodename = n\n\tvfs = jfs\n")),
            [
                r#"{"mount":"/home","device":"n:/dev/hd1","fstype":"jfs","attributes":{"dev":"/dev/hd1","nodename":"n","vfs":"jfs"}}"#
            ]
        );
        assert!(in_file("ext4\nnodev proc\n").is_empty());
    }

    #[test]
    fn what_mount_prints() {
        assert_eq!(
            shown(&in_output("tmpfs on /run type tmpfs (rw,size=1k)\n")),
            [r#"{"device":"tmpfs","mount":"/run","fstype":"tmpfs","options":"rw,size=1k"}"#]
        );
        assert_eq!(
            shown(&in_output("/dev/disk1 on / (apfs, local, journaled)\nmap auto_home on /home (autofs)\n")),
            [r#"{"device":"/dev/disk1","mount":"/","fstype":"apfs","options":"local, journaled"}"#]
        );
        let aix = "  node mounted over vfs date options\n---\n     /dev/hd4 / jfs2 Sep 06 10:40 rw\n";
        assert_eq!(
            shown(&in_output(aix)),
            [r#"{"mount":"/","fstype":"jfs2","time":"Sep 06 10:40","options":"rw","device":"/dev/hd4"}"#]
        );
        assert!(in_output("nonsense\n").is_empty());
    }
}
