//! Platforms such as `linux/arm/v7`, written and compared as containerd does.

use rplay_value::{Map, Value};

use super::option::Against;
use crate::ModuleError;

const SYSTEMS: [&str; 17] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

const ARCHITECTURES: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// A platform; parts that are not known are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Platform {
    system: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<&str> =
            [&self.system, &self.architecture, &self.variant].into_iter().flatten().map(String::as_str).collect();
        f.write_str(&parts.join("/"))
    }
}

fn system(name: &str) -> String {
    let name = name.to_lowercase();
    if name == "macos" { "darwin".to_owned() } else { name }
}

/// The usual name of an architecture, and of its variant.
fn architecture(name: &str, variant: &str) -> (String, String) {
    let (name, variant) = (name.to_lowercase(), variant.to_lowercase());
    let (name, variant) = match (name.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", other) => ("amd64", other),
        ("aarch64" | "arm64", "8" | "v8") => ("arm64", ""),
        ("aarch64" | "arm64", other) => ("arm64", other),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        (name, variant) => (name, variant),
    };
    (name.to_owned(), variant.to_owned())
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn parse(text: &str, daemon: (Option<&str>, Option<&str>)) -> Result<Platform, String> {
    if text.is_empty() {
        return Err("Platform string must be non-empty".to_owned());
    }
    let check = |part: &str, what: &str| {
        let why = if part.is_empty() {
            "is empty"
        } else if part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Ok(());
        } else {
            "has invalid characters"
        };
        Err(format!("Invalid platform string \"{text}\": {what} {why}"))
    };
    let parts: Vec<&str> = text.splitn(3, '/').collect();
    let [first, second, ..] = parts.as_slice() else {
        check(text, "OS/architecture")?;
        let name = system(text);
        if SYSTEMS.contains(&name.as_str()) {
            let (own, variant) = daemon.1.map_or_else(Default::default, |own| architecture(own, ""));
            return Ok(Platform { system: Some(name), architecture: some(own), variant: some(variant) });
        }
        let (name, variant) = architecture(&name, "");
        if ARCHITECTURES.contains(&name.as_str()) {
            return Ok(Platform {
                system: daemon.0.filter(|own| !own.is_empty()).map(system),
                architecture: some(name),
                variant: some(variant),
            });
        }
        return Err(format!("Invalid platform string \"{text}\": unknown OS or architecture"));
    };
    check(first, "OS")?;
    check(second, "architecture")?;
    let third = parts.get(2).copied();
    if let Some(third) = third {
        check(third, "variant")?;
    }
    let (name, mut variant) = architecture(second, third.unwrap_or_default());
    if third.is_none() && name == "arm" && variant == "v7" {
        variant.clear();
    }
    if third.is_some() && name == "arm64" && variant.is_empty() {
        "v8".clone_into(&mut variant);
    }
    Ok(Platform { system: Some(system(first)), architecture: Some(name), variant: some(variant) })
}

/// Whether two platforms are the same, however they are written.
pub(super) fn equal(wanted: &Value, there: &Value) -> bool {
    let read = |value: &Value| match value.as_str() {
        Some(text) => parse(text, (None, None)).ok(),
        None => Some(Platform::default()),
    };
    match (read(wanted), read(there)) {
        (Some(wanted), Some(there)) => wanted == there,
        _ => wanted == there,
    }
}

fn daemon(host: Option<&Value>) -> (Option<&str>, Option<&str>) {
    let text = |key: &str| host.and_then(|host| host.get(key)).and_then(Value::as_str);
    (text("OSType"), text("Architecture"))
}

/// The platform of an image, completed by the daemon's own; `None` when the image says nothing.
fn of_image(image: Option<&Map>, host: Option<&Value>) -> Option<String> {
    let text = |key: &str| image.and_then(|image| image.get(key)).and_then(Value::as_str);
    let parts = [text("Os"), text("Architecture"), text("Variant")];
    if !parts.iter().flatten().any(|part| !part.is_empty()) {
        return None;
    }
    let (os, own) = daemon(host);
    let [of_image, name, mut variant] = parts.map(|part| part.map(str::to_owned));
    let name = name.or_else(|| {
        let (name, better) = architecture(own?, variant.as_deref().unwrap_or_default());
        variant = some(better);
        Some(name)
    });
    let system = of_image.or_else(|| os.map(system));
    Some(Platform { system, architecture: name, variant: variant.filter(|v| !v.is_empty()) }.to_string())
}

/// Whether an image is for this platform.
pub(in crate::docker) fn fits(wanted: &str, image: &Map, host: &Value) -> Result<bool, String> {
    let wanted = parse(wanted, daemon(Some(host)))?.to_string();
    let there = of_image(Some(image), Some(host)).unwrap_or_default();
    Ok(equal(&wanted.into(), &there.into()))
}

/// The platform of the image that the container has.
pub(super) fn current(against: &Against<'_>) -> Map {
    let own = against.container.get("Platform").cloned().unwrap_or_default();
    let platform = of_image(against.own_image, against.host).map_or(own, Value::from);
    Map::from_iter([("platform", platform)])
}

/// The platform that is wanted, completed by the daemon's own.
pub(super) fn expected(wanted: &Map, host: Option<&Value>) -> Result<Map, ModuleError> {
    let Some(written) = wanted.get("platform").and_then(Value::as_str) else { return Ok(Map::new()) };
    let platform = parse(written, daemon(host))
        .map_err(|why| ModuleError::msg(format!("Error while parsing platform parameer: {why}")))?;
    Ok(Map::from_iter([("platform", platform.to_string())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_many_names() {
        let read = |text: &str| parse(text, (Some("linux"), Some("x86_64"))).map(|platform| platform.to_string());
        assert_eq!(read("linux"), Ok("linux/amd64".into()));
        assert_eq!(read("amd64"), Ok("linux/amd64".into()));
        assert_eq!(read("Linux/aarch64/v8"), Ok("linux/arm64/v8".into()));
        assert_eq!(read("linux/arm"), Ok("linux/arm".into()));
        assert_eq!(read("linux/arm/7"), Ok("linux/arm/v7".into()));
        assert_eq!(read("x/"), Err("Invalid platform string \"x/\": architecture is empty".into()));
        assert_eq!(read("foo"), Err("Invalid platform string \"foo\": unknown OS or architecture".into()));
        assert!(equal(&"linux/x86_64".into(), &"linux/amd64".into()));
        assert!(!equal(&"linux/386".into(), &"linux/amd64".into()));
    }
}
