//! dpkg's database and version order, read without starting dpkg.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::Context;

/// One package dpkg knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) architecture: String,
    pub(crate) version: String,
    /// What the administrator wants: `install`, `hold`, `deinstall`, `purge`.
    pub(crate) selection: String,
    /// What is there: `installed`, `config-files`, `not-installed`, ...
    pub(crate) state: String,
    /// Names it stands for.
    pub(crate) provides: Vec<String>,
    pub(crate) section: String,
    pub(crate) origin: String,
}

impl Package {
    /// Unpacked and configured.
    pub(crate) fn installed(&self) -> bool {
        self.state == "installed"
    }
}

/// `/var/lib/dpkg/status` by package name.
#[derive(Debug, Default)]
pub(crate) struct Database(HashMap<String, Vec<Package>>);

impl Database {
    /// Reads the target's database; empty when there is none.
    pub(crate) fn read(cx: &Context<'_>) -> Self {
        let bytes = std::fs::read(cx.path("/var/lib/dpkg/status")).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut packages: HashMap<String, Vec<Package>> = HashMap::new();
        for paragraph in text.split("\n\n") {
            let mut package = Package::default();
            for line in paragraph.lines() {
                // Continuation lines begin with a blank and hold nothing needed here.
                let Some((key, value)) = line.split_once(": ").filter(|_| !line.starts_with(' ')) else { continue };
                match key {
                    "Package" => value.clone_into(&mut package.name),
                    "Architecture" => value.clone_into(&mut package.architecture),
                    "Version" => value.clone_into(&mut package.version),
                    "Section" => value.clone_into(&mut package.section),
                    "Origin" => value.clone_into(&mut package.origin),
                    "Status" => {
                        let mut words = value.split(' ');
                        words.next().unwrap_or_default().clone_into(&mut package.selection);
                        words.next_back().unwrap_or_default().clone_into(&mut package.state);
                    }
                    "Provides" => {
                        let names = value.split(',').filter_map(|entry| entry.split_whitespace().next());
                        package.provides = names.map(str::to_owned).collect();
                    }
                    _ => {}
                }
            }
            if !package.name.is_empty() {
                packages.entry(package.name.clone()).or_default().push(package);
            }
        }
        Self(packages)
    }

    /// The package `name` or `name:architecture`, the installed one first.
    pub(crate) fn get(&self, name: &str) -> Option<&Package> {
        let (name, architecture) = name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(arch)));
        let fits = |package: &&Package| match architecture {
            None | Some("any" | "native") => true,
            Some(wanted) => package.architecture == wanted || package.architecture == "all",
        };
        let known = self.0.get(name)?;
        known.iter().filter(fits).find(|package| package.installed()).or_else(|| known.iter().find(fits))
    }

    /// Packages that provide a name and are installed.
    pub(crate) fn providers(&self, name: &str) -> Vec<&Package> {
        self.all().filter(|package| package.installed() && package.provides.iter().any(|given| given == name)).collect()
    }

    /// Every package.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Package> {
        self.0.values().flatten()
    }
}

/// Orders two versions as dpkg does: epoch, upstream version, revision.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let parts = |version: &str| {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch.parse::<u64>().unwrap_or(0), upstream.to_owned(), revision.to_owned())
    };
    let (a, b) = (parts(a), parts(b));
    a.0.cmp(&b.0).then_with(|| fragment(&a.1, &b.1)).then_with(|| fragment(&a.2, &b.2))
}

/// Letters before other signs, `~` before everything, even the end; digits by number.
fn fragment(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<&u8>| match c {
        Some(b'~') => -1,
        None => 0,
        Some(c) if c.is_ascii_digit() => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    };
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        loop {
            let (x, y) = (a.first(), b.first());
            let words = |c: Option<&u8>| c.is_some_and(|c| !c.is_ascii_digit());
            if !words(x) && !words(y) {
                break;
            }
            match weight(x).cmp(&weight(y)) {
                Ordering::Equal => {}
                other => return other,
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let digits = |bytes: &[u8]| bytes.iter().take_while(|c| c.is_ascii_digit()).count();
        let (x, rest_a) = a.split_at(digits(a));
        let (y, rest_b) = b.split_at(digits(b));
        let trimmed = |number: &[u8]| number.iter().skip_while(|c| **c == b'0').copied().collect::<Vec<u8>>();
        let (x, y) = (trimmed(x), trimmed(y));
        match x.len().cmp(&y.len()).then_with(|| x.cmp(&y)) {
            Ordering::Equal => {}
            other => return other,
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        let ordered = ["1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0a-1", "1.0+x-1", "1.2-1", "1.10-1", "1:0.1"];
        for pair in ordered.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("1.00-0", "1.0"), Ordering::Equal);
        assert_eq!(compare("2.36-9+deb12u4", "2.36-9+deb12u10"), Ordering::Less);
    }

    #[test]
    fn the_status_file() {
        let text = "Package: vim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:9.0-1\nProvides: editor (= 1), vim-x\n\
                    Description: x\n y\n\nPackage: old\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n";
        let database = Database::parse(text);
        assert!(database.get("vim").unwrap().installed());
        assert!(database.get("vim:amd64").is_some() && database.get("vim:i386").is_none());
        assert_eq!(database.get("old").unwrap().state, "config-files");
        assert_eq!(database.providers("editor")[0].name, "vim");
    }
}
