//! `distribution*` and `os_family`, from the release files in the order ansible-core 2.19 looks at them.

use std::collections::HashMap;

use super::{Found, Probe};

/// Families and the distributions in them; any other distribution is its own family.
const FAMILIES: &[(&str, &[&str])] = &[
    (
        "RedHat",
        &[
            "RedHat",
            "RHEL",
            "Fedora",
            "CentOS",
            "Scientific",
            "SLC",
            "Ascendos",
            "CloudLinux",
            "PSBM",
            "OracleLinux",
            "OVS",
            "OEL",
            "Amazon",
            "Amzn",
            "Virtuozzo",
            "XenServer",
            "Alibaba",
            "EulerOS",
            "openEuler",
            "AlmaLinux",
            "Rocky",
            "TencentOS",
            "EuroLinux",
            "Kylin Linux Advanced Server",
            "MIRACLE",
        ],
    ),
    (
        "Debian",
        &[
            "Debian",
            "Ubuntu",
            "Raspbian",
            "Neon",
            "KDE neon",
            "Linux Mint",
            "SteamOS",
            "Devuan",
            "Kali",
            "Cumulus Linux",
            "Pop!_OS",
            "Parrot",
            "Pardus GNU/Linux",
            "Uos",
            "Deepin",
            "OSMC",
            "Linux Mint Debian Edition",
        ],
    ),
    (
        "Suse",
        &[
            "SuSE",
            "SLES",
            "SLED",
            "openSUSE",
            "openSUSE Tumbleweed",
            "SLES_SAP",
            "SUSE_LINUX",
            "openSUSE Leap",
            "ALP-Dolomite",
            "SL-Micro",
            "openSUSE MicroOS",
        ],
    ),
    ("Archlinux", &["Archlinux", "Antergos", "Manjaro"]),
    ("Mandrake", &["Mandrake", "Mandriva"]),
    ("Gentoo", &["Gentoo", "Funtoo"]),
    ("ClearLinux", &["Clear Linux OS", "Clear Linux Mix"]),
];

/// Release files and the distribution each is tried for; `true` where an empty file is enough.
const FILES: &[(&str, &str, bool)] = &[
    ("/etc/altlinux-release", "Altlinux", false),
    ("/etc/oracle-release", "OracleLinux", false),
    ("/etc/slackware-version", "Slackware", false),
    ("/etc/centos-release", "CentOS", false),
    ("/etc/redhat-release", "RedHat", false),
    ("/etc/vmware-release", "VMwareESX", true),
    ("/etc/openwrt_release", "OpenWrt", false),
    ("/etc/os-release", "Amazon", false),
    ("/etc/system-release", "Amazon", false),
    ("/etc/alpine-release", "Alpine", false),
    ("/etc/arch-release", "Archlinux", true),
    ("/etc/os-release", "Archlinux", false),
    ("/etc/os-release", "SUSE", false),
    ("/etc/SuSE-release", "SUSE", false),
    ("/etc/gentoo-release", "Gentoo", false),
    ("/etc/os-release", "Debian", false),
    ("/etc/lsb-release", "Debian", false),
    ("/etc/lsb-release", "Mandriva", false),
    ("/usr/lib/os-release", "ClearLinux", false),
    ("/etc/os-release", "Flatcar", false),
    ("/etc/os-release", "NA", false),
];

/// A file's `KEY=value` lines, quotes taken off.
#[derive(Debug, Default)]
pub(crate) struct ReleaseFile(HashMap<String, String>);

impl ReleaseFile {
    /// Parses the text of an os-release or lsb-release file.
    pub(crate) fn parse(text: &str) -> Self {
        let entries = text.lines().filter_map(|line| {
            let line = line.trim();
            let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
            let value = value.trim();
            let unquoted =
                ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
            Some((key.trim().to_owned(), unquoted.replace("\\\"", "\"")))
        });
        Self(entries.collect())
    }

    /// The value of a key that is there and not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The os-release file of the target.
pub(crate) fn os_release(probe: &Probe<'_>) -> ReleaseFile {
    let text = probe.read("/etc/os-release").or_else(|| probe.read("/usr/lib/os-release"));
    ReleaseFile::parse(&text.unwrap_or_default())
}

/// What is found out about the distribution.
#[derive(Debug, Default)]
struct Facts {
    distribution: String,
    version: String,
    release: String,
    major: String,
    minor: Option<String>,
    search: Option<&'static str>,
}

pub(super) fn collect(probe: &Probe<'_>) -> Found {
    let os = os_release(probe);
    let mut facts = guess(probe, &os);
    let mut found = Found::default();
    for (path, name, may_be_empty) in FILES {
        let Ok(meta) = std::fs::metadata(probe.path(path)) else { continue };
        if !meta.is_file() {
            continue;
        }
        let text = probe.read(path);
        if *may_be_empty {
            (*name).clone_into(&mut facts.distribution);
            found.set("distribution_file_path", *path);
            found.set("distribution_file_variety", *name);
            break;
        }
        let Some(text) = text else { continue };
        let text = text.trim_matches(['\'', '"', '\\']);
        if parse(probe, name, path, text, &os, &mut facts) {
            found.set("distribution_file_path", *path);
            found.set("distribution_file_variety", *name);
            found.set("distribution_file_parsed", true);
            break;
        }
    }
    let family = FAMILIES.iter().find(|(_, names)| names.contains(&facts.distribution.as_str()));
    found.set("os_family", family.map_or(facts.distribution.as_str(), |(family, _)| family));
    found.set("distribution", facts.distribution);
    found.set("distribution_version", facts.version);
    found.set("distribution_release", facts.release);
    found.set("distribution_major_version", facts.major);
    found.set_some("distribution_minor_version", facts.minor);
    found.set_some("distribution_file_search_string", facts.search);
    found
}

/// What os-release alone says.
fn guess(probe: &Probe<'_>, os: &ReleaseFile) -> Facts {
    let id = os.get("ID").unwrap_or_default();
    let mut version = os.get("VERSION_ID").unwrap_or_default().to_owned();
    if id == "debian" {
        // os-release has the major version only; point releases are in /etc/debian_version ("trixie/sid" in testing).
        let full = probe.read("/etc/debian_version").unwrap_or_default();
        let finer = full.matches('.').count() > version.matches('.').count() || version.is_empty();
        if finer && full.starts_with(|c: char| c.is_ascii_digit()) {
            version = full;
        }
    } else if id == "centos" {
        let text = probe.read("/etc/centos-release").or_else(|| probe.read("/etc/redhat-release")).unwrap_or_default();
        let full =
            text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or_default();
        if full.matches('.').count() > version.matches('.').count() {
            version = full.split('.').take(2).collect::<Vec<_>>().join(".");
        }
    }
    let codename = os.get("VERSION_CODENAME").or_else(|| os.get("UBUNTU_CODENAME")).or_else(|| {
        let (_, rest) = os.get("VERSION")?.split_once('(')?;
        rest.split_once(')').map(|(name, _)| name)
    });
    let distribution = match id {
        "amzn" => "Amazon".to_owned(),
        "rhel" => "Redhat".to_owned(),
        "" => "OtherLinux".to_owned(),
        _ => capitalize(id),
    };
    let version = if version.is_empty() { "NA".to_owned() } else { version };
    let release = codename.unwrap_or("NA").to_owned();
    Facts { distribution, major: major(&version), version, release, minor: None, search: None }
}

/// Tries one release file for one distribution; true when it is the one.
fn parse(probe: &Probe<'_>, name: &str, path: &str, text: &str, os: &ReleaseFile, facts: &mut Facts) -> bool {
    let search = match name {
        "OracleLinux" => Some("Oracle Linux"),
        "RedHat" => Some("Red Hat"),
        "Altlinux" => Some("ALT"),
        _ => None,
    };
    if let Some(search) = search {
        if text.contains(search) {
            name.clone_into(&mut facts.distribution);
            facts.search = Some(search);
        } else {
            text.split_whitespace().next().unwrap_or_default().clone_into(&mut facts.distribution);
        }
        return true;
    }
    let file = ReleaseFile::parse(text);
    match name {
        "Archlinux" if text.contains("Arch Linux") => name.clone_into(&mut facts.distribution),
        "Slackware" if text.contains("Slackware") => {
            name.clone_into(&mut facts.distribution);
            if let Some(version) = text.split_whitespace().find(|w| w.contains('.')) {
                version.clone_into(&mut facts.version);
            }
        }
        "CentOS" if text.contains("CentOS Stream") => {
            name.clone_into(&mut facts.distribution);
            "Stream".clone_into(&mut facts.release);
        }
        "CentOS" if text.contains("TencentOS Server") => "TencentOS".clone_into(&mut facts.distribution),
        "Amazon" if text.contains("Amazon") => amazon(path, text, &file, facts),
        "OpenWrt" if text.contains("OpenWrt") => {
            name.clone_into(&mut facts.distribution);
            set(&mut facts.version, file.get("DISTRIB_RELEASE"));
            set(&mut facts.release, file.get("DISTRIB_CODENAME"));
        }
        "Alpine" => {
            name.clone_into(&mut facts.distribution);
            text.clone_into(&mut facts.version);
        }
        "SUSE" if text.to_lowercase().contains("suse") => suse(probe, path, text, &file, facts),
        "Gentoo" => name.clone_into(&mut facts.distribution),
        "Debian" => return debian(probe, path, text, &file, facts),
        "Mandriva" if text.contains("Mandriva") => {
            name.clone_into(&mut facts.distribution);
            set(&mut facts.version, file.get("DISTRIB_RELEASE"));
            set(&mut facts.release, file.get("DISTRIB_CODENAME"));
        }
        "ClearLinux" if file.get("NAME").is_some_and(|n| n.contains("Clear Linux")) => {
            set(&mut facts.distribution, file.get("NAME"));
            set(&mut facts.version, file.get("VERSION_ID"));
            set(&mut facts.major, file.get("VERSION_ID"));
            set(&mut facts.release, file.get("ID"));
        }
        "Flatcar" if os.get("ID") == Some("flatcar") => {
            name.clone_into(&mut facts.distribution);
            set(&mut facts.version, file.get("VERSION"));
            facts.major = major(&facts.version);
        }
        "NA" => {
            set(&mut facts.distribution, file.get("NAME"));
            if facts.version == "NA" {
                set(&mut facts.version, file.get("VERSION"));
            }
        }
        _ => return false,
    }
    true
}

fn amazon(path: &str, text: &str, file: &ReleaseFile, facts: &mut Facts) {
    "Amazon".clone_into(&mut facts.distribution);
    if path == "/etc/os-release" {
        if let Some(version) = file.get("VERSION_ID") {
            version.clone_into(&mut facts.version);
            facts.major = major(version);
            facts.minor = Some(version.split('.').nth(1).unwrap_or("NA").to_owned());
        }
    } else {
        let number = text.split_whitespace().find(|word| word.chars().all(|c| c.is_ascii_digit()));
        number.unwrap_or("NA").clone_into(&mut facts.version);
    }
}

fn suse(probe: &Probe<'_>, path: &str, text: &str, file: &ReleaseFile, facts: &mut Facts) {
    "SUSE".clone_into(&mut facts.distribution);
    let lower = text.to_lowercase();
    if path == "/etc/os-release" {
        set(&mut facts.distribution, file.get("NAME"));
        if let Some(id) = file.get("VERSION_ID") {
            id.clone_into(&mut facts.version);
            facts.major = major(id);
            let minor = id.split_once('.').map_or("", |(_, minor)| minor);
            if lower.contains("open") {
                minor.clone_into(&mut facts.release);
            } else if lower.contains("enterprise") {
                (if minor.is_empty() { "0" } else { minor }).clone_into(&mut facts.release);
            }
        }
    } else if lower.contains("open") {
        set(&mut facts.distribution, text.split_whitespace().next());
        set(&mut facts.release, file.get("CODENAME"));
    } else if lower.contains("enterprise") {
        let name = if text.contains("Server") { "SLES" } else { "SLED" };
        name.clone_into(&mut facts.distribution);
        if let Some(level) = file.get("PATCHLEVEL") {
            level.clone_into(&mut facts.release);
            facts.version = format!("{}.{level}", facts.version);
        }
    }
    let product = probe.link("/etc/products.d/baseproduct").unwrap_or_default();
    match file.get("VARIANT_ID") {
        Some("server-sap" | "sles-sap") => "SLES_SAP".clone_into(&mut facts.distribution),
        Some("transactional") => "SL-Micro".clone_into(&mut facts.distribution),
        Some(_) => {}
        None if product.ends_with("SLES_SAP.prod") => "SLES_SAP".clone_into(&mut facts.distribution),
        None if product.ends_with("SL-Micro.prod") => "SL-Micro".clone_into(&mut facts.distribution),
        None => {}
    }
}

fn debian(probe: &Probe<'_>, path: &str, text: &str, file: &ReleaseFile, facts: &mut Facts) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let name = if has(&["Debian", "Raspbian"]) {
        if let Some(name) = in_parentheses(file.get("PRETTY_NAME").unwrap_or_default()) {
            name.clone_into(&mut facts.release);
        }
        let version = probe.read("/etc/debian_version").unwrap_or_default();
        if let Some((_, minor)) = version.lines().find_map(|line| line.split_once('.')) {
            facts.minor =
                Some(minor.chars().take_while(char::is_ascii_digit).collect()).filter(|m: &String| !m.is_empty());
        }
        "Debian"
    } else if has(&["Ubuntu"]) {
        "Ubuntu"
    } else if has(&["SteamOS"]) {
        "SteamOS"
    } else if ["/etc/lsb-release", "/etc/os-release"].contains(&path) && has(&["Kali", "Parrot"]) {
        set(&mut facts.release, file.get("DISTRIB_RELEASE"));
        if has(&["Kali"]) { "Kali" } else { "Parrot" }
    } else if has(&["Devuan"]) {
        let pretty = file.get("PRETTY_NAME").unwrap_or_default();
        set(&mut facts.release, in_parentheses(pretty).or_else(|| pretty.split_whitespace().last()));
        if let Some(version) = file.get("VERSION_ID") {
            version.clone_into(&mut facts.version);
            version.clone_into(&mut facts.major);
        }
        "Devuan"
    } else if has(&["Cumulus"]) {
        set(&mut facts.version, file.get("VERSION_ID"));
        facts.major = major(&facts.version);
        set(&mut facts.release, file.get("VERSION"));
        "Cumulus Linux"
    } else if has(&["Mint"]) {
        set(&mut facts.version, file.get("VERSION_ID"));
        facts.major = major(&facts.version);
        "Linux Mint"
    } else if has(&["UOS", "Uos", "uos", "Deepin", "deepin"]) {
        set(&mut facts.release, file.get("VERSION_CODENAME"));
        set(&mut facts.version, file.get("VERSION_ID"));
        facts.major = major(&facts.version);
        if has(&["UOS", "Uos", "uos"]) { "Uos" } else { "Deepin" }
    } else if has(&["LMDE"]) {
        "Linux Mint Debian Edition"
    } else {
        return false;
    };
    name.clone_into(&mut facts.distribution);
    true
}

fn in_parentheses(text: &str) -> Option<&str> {
    text.split_once('(')?.1.split_once(')').map(|(inside, _)| inside)
}

fn set(fact: &mut String, value: Option<&str>) {
    if let Some(value) = value {
        value.clone_into(fact);
    }
}

fn major(version: &str) -> String {
    version.split('.').next().unwrap_or(version).to_owned()
}

/// As Python's `str.capitalize`: the first letter large, the others small.
fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect())
        .unwrap_or_default()
}
