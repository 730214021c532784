//! Mounts and volumes of a container.

use std::collections::BTreeSet;

use rplay_value::{List, Map, Value};

use super::super::inspect::items;
use super::super::options::{bytes, for_go};
use super::option::put_host;
use crate::{Context, ModuleError, Surroundings};

/// Options that only some types of mounts have.
const OF_TYPES: &[(&str, &[&str])] = &[
    ("create_mountpoint", &["bind"]),
    ("labels", &["volume"]),
    ("no_copy", &["volume"]),
    ("non_recursive", &["bind"]),
    ("propagation", &["bind"]),
    ("read_only_force_recursive", &["bind"]),
    ("read_only_non_recursive", &["bind"]),
    ("subpath", &["volume", "image"]),
    ("tmpfs_size", &["tmpfs"]),
    ("tmpfs_mode", &["tmpfs"]),
    ("tmpfs_options", &["tmpfs"]),
    ("volume_driver", &["volume"]),
    ("volume_options", &["volume"]),
];

/// The first version of the daemon's interface that has these.
pub(in crate::docker) const SINCE: &[(&str, Option<&str>, &str)] = &[
    ("non_recursive", None, "1.40"),
    ("create_mountpoint", None, "1.42"),
    ("type", Some("cluster"), "1.42"),
    ("read_only_non_recursive", None, "1.44"),
    ("read_only_force_recursive", None, "1.44"),
    ("subpath", None, "1.45"),
    ("tmpfs_options", None, "1.46"),
    ("type", Some("image"), "1.47"),
];

/// Checks and reads `mounts` and `volumes`; named and host volumes are `volume_binds`, too.
pub(super) fn prepare(cx: &Context<'_>, values: &mut Map) -> Result<(), ModuleError> {
    let mut places = Map::new();
    if let Some(written) = values.get("mounts").and_then(Value::as_list).cloned() {
        let mounts: Result<List, ModuleError> = written
            .iter()
            .filter_map(Value::as_map)
            .map(|mount| read(mount, &mut places))
            .collect::<Result<Vec<_>, _>>()
            .map(List::from_iter);
        values.insert("mounts", mounts?);
    }
    if let Some(written) = values.get("volumes").and_then(Value::as_list).cloned() {
        let mut volumes = Vec::new();
        for volume in &written {
            volumes.push(volume_read(cx, &volume.to_str(), &mut places)?);
        }
        let binds: List = volumes.iter().filter_map(|volume| bound(volume)).collect();
        values.insert("volumes", volumes);
        values.insert("volume_binds", binds);
    }
    Ok(())
}

/// Nothing can be mounted twice at one place.
fn take(places: &mut Map, place: &str, option: &str) -> Result<(), ModuleError> {
    if let Some(other) = places.get(place) {
        let other = other.to_str();
        return Err(ModuleError::msg(if other == option {
            format!("The mount point \"{place}\" appears twice in the {option} option")
        } else {
            format!("The mount point \"{place}\" appears both in the {option} and {other} option")
        }));
    }
    places.insert(place, option);
    Ok(())
}

fn read(written: &Map, places: &mut Map) -> Result<Map, ModuleError> {
    let mut mount = written.clone();
    let given = |key: &str| written.get(key).filter(|value| !value.is_null());
    let target = given("target").map(Value::to_string).unwrap_or_default();
    let kind = given("type").map(Value::to_string).unwrap_or_default();
    let failed = |msg: String| Err(ModuleError::msg(msg));
    take(places, &target, "mounts")?;
    if given("source").is_none() && !["tmpfs", "volume", "image", "cluster"].contains(&kind.as_str()) {
        return failed(format!("source must be specified for mount \"{target}\" of type \"{kind}\""));
    }
    for (option, kinds) in OF_TYPES {
        if given(option).is_some() && !kinds.contains(&kind.as_str()) {
            let plural = if kinds.len() == 1 { "" } else { "s" };
            return failed(format!(
                "{option} cannot be specified for mount \"{target}\" of type \"{kind}\" (needs type{plural} \"{}\")",
                kinds.join("\", \"")
            ));
        }
    }
    let options = mount.remove("volume_options").and_then(|options| options.as_map().cloned()).unwrap_or_default();
    if given("volume_driver").is_some_and(Value::is_true) && !options.is_empty() {
        mount.insert("volume_options", for_go(Some(&options)));
    }
    if let Some(labels) = given("labels").and_then(Value::as_map).filter(|labels| !labels.is_empty()) {
        mount.insert("labels", for_go(Some(labels)));
    }
    if let Some(size) = given("tmpfs_size").and_then(Value::as_str) {
        let size = bytes(size).map_err(|why| {
            ModuleError::msg(format!("Failed to convert tmpfs_size of mount \"{target}\" to bytes: {why}"))
        })?;
        mount.insert("tmpfs_size", size);
    }
    if let Some(mode) = given("tmpfs_mode").and_then(Value::as_str) {
        let digits = mode.trim().trim_start_matches("0o");
        let Ok(mode) = i64::from_str_radix(digits, 8) else {
            return failed(format!("tmp_fs mode of mount \"{target}\" is not an octal string!"));
        };
        mount.insert("tmpfs_mode", mode);
    }
    if let Some(options) = given("tmpfs_options").and_then(Value::as_list).filter(|options| !options.is_empty()) {
        let mut pairs = List::new();
        for (index, option) in options.iter().enumerate() {
            pairs.push(tmpfs_option(option, index + 1, &target)?);
        }
        mount.insert("tmpfs_options", pairs);
    }
    Ok(mount.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

fn tmpfs_option(option: &Value, number: usize, target: &str) -> Result<List, ModuleError> {
    let failed = |what: String| Err(ModuleError::msg(what));
    let entries = option.as_map().cloned().unwrap_or_default();
    let (1, Some((key, value))) = (entries.len(), entries.get_index(0)) else {
        return failed(format!("tmpfs_options[{number}] of mount \"{target}\" must be a one-element dictionary!"));
    };
    if key.as_str().is_none() {
        return failed(format!(
            "key {} in tmpfs_options[{number}] of mount \"{target}\" must be a string!",
            key.repr()
        ));
    }
    if !value.is_null() && value.as_str().is_none() {
        return failed(format!(
            "value {} in tmpfs_options[{number}] of mount \"{target}\" must be a string or null/none!",
            value.repr()
        ));
    }
    Ok([key, value].into_iter().filter(|part| !part.is_null()).cloned().collect())
}

/// One entry of `volumes`, with the path on the host made absolute.
fn volume_read(cx: &Context<'_>, written: &str, places: &mut Map) -> Result<String, ModuleError> {
    let parts: Vec<&str> = written.split(':').collect();
    match parts.as_slice() {
        [host, inside, mode] => {
            if !is_mode(mode) {
                return Err(ModuleError::msg(format!("Found invalid volumes mode: {mode}")));
            }
            take(places, inside, "volumes")?;
            return Ok(format!("{}:{inside}:{mode}", absolute(cx, host)));
        }
        [host, inside] if !is_mode(inside) && host.starts_with(['.', '~']) => {
            take(places, inside, "volumes")?;
            return Ok(format!("{}:{inside}:rw", absolute(cx, host)));
        }
        [only] => take(places, only, "volumes")?,
        [_, inside, ..] => take(places, inside, "volumes")?,
        [] => {}
    }
    Ok(written.to_owned())
}

fn absolute(cx: &Context<'_>, host: &str) -> String {
    if !host.starts_with(['.', '~']) {
        return host.to_owned();
    }
    let expanded = Surroundings::new(|name| cx.sys().var(name)).expand_user(host);
    let path = std::path::absolute(&expanded).unwrap_or_else(|_| expanded.into());
    let mut plain = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            std::path::Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain.to_string_lossy().into_owned()
}

/// Whether a part of a volume is not a path but how it is mounted.
fn is_mode(text: &str) -> bool {
    const MODES: [&str; 14] = [
        "rw",
        "ro",
        "z",
        "Z",
        "consistent",
        "delegated",
        "cached",
        "rprivate",
        "private",
        "rshared",
        "shared",
        "rslave",
        "slave",
        "nocopy",
    ];
    text.split(',').all(|part| MODES.contains(&part))
}

/// `host:container:mode`, of volumes that are not anonymous.
fn bound(volume: &str) -> Option<String> {
    let parts: Vec<&str> = volume.split(':').collect();
    match parts.as_slice() {
        [_, _, _] => Some(volume.to_owned()),
        [host, inside] if !is_mode(inside) => Some(format!("{host}:{inside}:rw")),
        _ => None,
    }
}

/// Whether a volume has neither a name nor a path on the host.
fn is_anonymous(volume: &str) -> bool {
    bound(volume).is_none()
}

/// What the container has mounted.
pub(super) fn current(container: &Map) -> Map {
    let config = |section: &str, key: &str| {
        container.get(section).and_then(|config| config.get(key)).filter(|value| !value.is_null())
    };
    let mut there = Map::new();
    if let Some(volumes) = config("Config", "Volumes") {
        there.insert("volumes", volumes.clone());
    }
    if let Some(binds) = config("HostConfig", "Binds") {
        there.insert("volume_binds", binds.clone());
    }
    if let Some(mounts) = config("HostConfig", "Mounts") {
        there.insert("mounts", items(mounts).map(shown).collect::<List>());
    }
    there
}

/// A mount of the daemon's under the names of the options.
fn shown(mount: &Value) -> Map {
    let own = |key: &str| mount.get(key).cloned().unwrap_or_default();
    let of = |section: &str, key: &str| mount.get(section).and_then(|options| options.get(key)).cloned();
    let null = |value: Option<Value>| value.unwrap_or_default();
    let driver = |key: &str| mount.get("VolumeOptions")?.get("DriverConfig")?.get(key).cloned();
    let empty = || Value::Map(Map::new());
    let subpath = of("VolumeOptions", "Subpath").filter(Value::is_true);
    Map::from_iter([
        ("type", own("Type")),
        ("source", own("Source")),
        ("target", own("Target")),
        ("read_only", mount.get("ReadOnly").cloned().unwrap_or(Value::Bool(false))),
        ("consistency", own("Consistency")),
        ("propagation", null(of("BindOptions", "Propagation"))),
        ("no_copy", of("VolumeOptions", "NoCopy").unwrap_or(Value::Bool(false))),
        ("labels", of("VolumeOptions", "Labels").unwrap_or_else(empty)),
        ("volume_driver", null(driver("Name"))),
        ("volume_options", driver("Options").unwrap_or_else(empty)),
        ("tmpfs_size", null(of("TmpfsOptions", "SizeBytes"))),
        ("tmpfs_mode", null(of("TmpfsOptions", "Mode"))),
        ("non_recursive", null(of("BindOptions", "NonRecursive"))),
        ("create_mountpoint", null(of("BindOptions", "CreateMountpoint"))),
        ("read_only_non_recursive", null(of("BindOptions", "ReadOnlyNonRecursive"))),
        ("read_only_force_recursive", null(of("BindOptions", "ReadOnlyForceRecursive"))),
        ("subpath", null(subpath.or_else(|| of("ImageOptions", "Subpath")))),
        ("tmpfs_options", null(of("TmpfsOptions", "Options"))),
    ])
}

/// What it should have mounted; the image has volumes, too.
pub(super) fn expected(wanted: &Map, image: Option<&Map>) -> Map {
    let mut expected = Map::new();
    if let Some(mounts) = wanted.get("mounts") {
        expected.insert("mounts", mounts.clone());
    }
    let of_image = image.and_then(|image| image.get("Config")?.get("Volumes")?.as_map()).cloned().unwrap_or_default();
    let mut volumes = of_image.clone();
    for volume in wanted.get("volumes").into_iter().flat_map(items) {
        if is_anonymous(&volume.to_str()) {
            volumes.insert(volume.clone(), Map::new());
        }
    }
    if !volumes.is_empty() {
        expected.insert("volumes", volumes);
    }
    let mut binds = BTreeSet::new();
    for (host, config) in of_image.texts() {
        if let Some(inside) = config.get("bind").filter(|bind| bind.is_true()) {
            let mode = config.get("mode").map_or_else(|| "rw".to_owned(), Value::to_string);
            binds.insert(format!("{host}:{}:{mode}", inside.to_str()));
        }
    }
    binds.extend(wanted.get("volume_binds").into_iter().flat_map(items).map(Value::to_string));
    expected.insert("volume_binds", binds.into_iter().collect::<List>());
    expected
}

/// Puts mounts and volumes into what the daemon is asked to make.
pub(super) fn set(wanted: &Map, body: &mut Map) {
    if let Some(mounts) = wanted.get("mounts") {
        let mounts: List = items(mounts).filter_map(Value::as_map).map(for_daemon).collect();
        put_host(body, "Mounts", Some(&mounts.into()));
    }
    if let Some(volumes) = wanted.get("volumes") {
        let anonymous = items(volumes).filter(|volume| is_anonymous(&volume.to_str()));
        let volumes: Map = anonymous.map(|volume| (volume.clone(), Map::new())).collect();
        body.insert("Volumes", volumes);
    }
    put_host(body, "Binds", wanted.get("volume_binds"));
}

fn for_daemon(mount: &Map) -> Map {
    let kind = mount.get("type").and_then(Value::as_str).unwrap_or_default();
    let own = |key: &str| mount.get(key).cloned().unwrap_or_default();
    let mut made = Map::from_iter([
        ("Target", own("target")),
        ("Source", own("source")),
        ("Type", own("type")),
        ("ReadOnly", own("read_only")),
    ]);
    let collect = |keys: &[(&str, &str, bool)]| -> Map {
        // Some are left out when they say nothing, others only when they are not given.
        let found = keys.iter().filter_map(|(key, option, nonempty)| {
            let value = mount.get(option).filter(|value| !nonempty || value.is_true())?;
            Some((*key, value.clone()))
        });
        found.collect()
    };
    made.extend(collect(&[("Consistency", "consistency", false)]));
    let (section, mut options) = match kind {
        "bind" => (
            "BindOptions",
            collect(&[
                ("Propagation", "propagation", false),
                ("NonRecursive", "non_recursive", false),
                ("CreateMountpoint", "create_mountpoint", false),
                ("ReadOnlyNonRecursive", "read_only_non_recursive", false),
                ("ReadOnlyForceRecursive", "read_only_force_recursive", false),
            ]),
        ),
        "volume" => ("VolumeOptions", collect(&[("NoCopy", "no_copy", true), ("Labels", "labels", true)])),
        "tmpfs" => (
            "TmpfsOptions",
            collect(&[
                ("Mode", "tmpfs_mode", true),
                ("SizeBytes", "tmpfs_size", true),
                ("Options", "tmpfs_options", false),
            ]),
        ),
        "image" => ("ImageOptions", collect(&[("Subpath", "subpath", false)])),
        _ => ("", Map::new()),
    };
    if kind == "volume" {
        let driver = collect(&[("Name", "volume_driver", true), ("Options", "volume_options", true)]);
        if driver.contains("Name") {
            options.insert("DriverConfig", driver);
        }
        options.extend(collect(&[("Subpath", "subpath", false)]));
    }
    if !options.is_empty() {
        made.insert(section, options);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;

    fn prepared(values: Map) -> Result<Map, String> {
        let fake = Fake::new().unwrap();
        let call = rplay_protocol::Call::default();
        let mut values = values;
        prepare(&Context::new(&fake, &call), &mut values).map_err(|error| error.to_string())?;
        Ok(values)
    }

    #[test]
    fn volumes_are_anonymous_or_bound() {
        let wanted =
            prepared(Map::from_iter([("volumes", vec!["/a", "n:/b", "/h:/c:ro", "~/x:/d", "/e:ro"])])).unwrap();
        assert_eq!(wanted.get("volume_binds").unwrap().to_string(), "['n:/b:rw', '/h:/c:ro', '/root/x:/d:rw']");
        let mut body = Map::new();
        set(&wanted, &mut body);
        assert_eq!(body.get("Volumes").unwrap().to_string(), "{'/a': {}, '/e:ro': {}}");
    }

    #[test]
    fn mounts_are_checked() {
        let mount = |entries: &[(&'static str, &str)]| {
            let mount: Map = entries.iter().copied().collect();
            prepared(Map::from_iter([("mounts", vec![mount])]))
        };
        let why = |entries: &[(&'static str, &str)]| mount(entries).unwrap_err();
        assert_eq!(
            why(&[("target", "/a"), ("type", "bind")]),
            "source must be specified for mount \"/a\" of type \"bind\""
        );
        assert_eq!(
            why(&[("target", "/a"), ("type", "tmpfs"), ("subpath", "x")]),
            "subpath cannot be specified for mount \"/a\" of type \"tmpfs\" (needs types \"volume\", \"image\")"
        );
        assert_eq!(
            why(&[("target", "/a"), ("type", "tmpfs"), ("tmpfs_mode", "9")]),
            "tmp_fs mode of mount \"/a\" is not an octal string!"
        );
        let wanted =
            mount(&[("target", "/a"), ("type", "tmpfs"), ("tmpfs_mode", "0700"), ("tmpfs_size", "1k")]).unwrap();
        let mut body = Map::new();
        set(&wanted, &mut body);
        assert_eq!(
            body.get("HostConfig").unwrap().to_string(),
            "{'Mounts': [{'Target': '/a', 'Source': None, 'Type': 'tmpfs', 'ReadOnly': None, 'TmpfsOptions': {'Mode': 448, 'SizeBytes': 1024}}]}"
        );
        let twice = Map::from_iter([("volumes", vec!["/a", "x:/a"])]);
        assert_eq!(prepared(twice).unwrap_err(), "The mount point \"/a\" appears twice in the volumes option");
    }
}
