//! Lists the installed packages of the target as facts.
//!
//! Options:
//! - `manager` (list, default `auto`): `apt`, `rpm`; several with `strategy: all`.
//! - `strategy` (default `first`): take the `first` manager that is there, or `all`.
//!
//! Returns: `ansible_facts.packages`: for each name a list of what is installed: `name`, `version`, `arch`, `source`, and
//! `release`, `epoch` (rpm) or `category`, `origin` (apt).
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - package_facts:
//! ```

use std::collections::HashMap;

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::dpkg::{Database, Package};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `ansible.builtin.package_facts`
pub static MODULE: Module = Module {
    name: "package_facts",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::list("manager").default("auto"),
            Arg::text("strategy").default("first").choices(&["first", "all"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// Managers of other systems, which ansible-core knows.
const ELSEWHERE: [&str; 8] = ["apk", "openbsd_pkg", "pacman", "pip", "pkg", "pkg5", "pkg_info", "portage"];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut managers: Vec<String> = args.texts("manager").iter().map(|name| name.to_lowercase()).collect();
    if managers.iter().any(|name| name == "auto") {
        managers = vec!["rpm".into(), "apt".into()];
    }
    let mut packages = Map::new();
    let mut found = false;
    for manager in &managers {
        let listed = match manager.as_str() {
            "apt" => apt(cx),
            "rpm" | "dnf" | "dnf5" | "yum" | "zypper" => rpm(cx)?,
            other if ELSEWHERE.contains(&other) => {
                let why = "only apt and rpm can be asked";
                cx.warn(format!("Requested package manager {other} was not usable by this module: {why}"));
                continue;
            }
            other => return Err(ModuleError::msg(format!("Unsupported package managers requested: {other}"))),
        };
        if listed.is_empty() {
            if args.texts("manager").iter().any(|name| name.eq_ignore_ascii_case(manager)) {
                let why = "it has no packages on this host";
                cx.warn(format!("Requested package manager {manager} was not usable by this module: {why}"));
            }
            continue;
        }
        found = true;
        for package in listed {
            let Some(name) = package.get("name").cloned() else { continue };
            let key = name.as_str().unwrap_or_default().to_owned();
            let mut list = packages.get(&key).and_then(Value::as_list).cloned().unwrap_or_default();
            list.push(package);
            packages.insert(name, list);
        }
        if args.need("strategy") == "first" {
            break;
        }
    }
    if !found {
        return Err(ModuleError::msg(format!(
            "Could not detect a supported package manager from the following list: [{}], or the required Python library is not installed. Check warnings for details.",
            managers.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(Reply::ok().with("ansible_facts", Map::from_iter([("packages", packages)])))
}

fn apt(cx: &Context<'_>) -> Vec<Map> {
    let database = Database::read(cx);
    let mut installed: Vec<_> = database.all().filter(|package| package.installed()).collect();
    installed.sort_by(|a, b| (&a.name, &a.architecture).cmp(&(&b.name, &b.architecture)));
    let known = Repositories::read(cx, &installed);
    installed
        .into_iter()
        .map(|package| {
            let exact = exact(&package.name, &package.version);
            Map::from_iter([
                ("name", package.name.as_str()),
                ("version", &package.version),
                ("arch", &package.architecture),
                ("category", known.sections.get(&exact).unwrap_or(&package.section)),
                ("origin", known.origins.get(&exact).map_or("", String::as_str)),
                ("source", "apt"),
            ])
        })
        .collect()
}

/// A name and a version.
type Exact = (String, String);

fn exact(name: &str, version: &str) -> Exact {
    (name.to_owned(), version.to_owned())
}

/// What the repositories say of installed packages: who publishes them, and in which section.
#[derive(Default)]
struct Repositories {
    origins: HashMap<Exact, String>,
    sections: HashMap<Exact, String>,
}

impl Repositories {
    /// Asks apt-cache, where there is one; the text of its answers stays as it is since apt 0.6.
    fn read(cx: &Context<'_>, installed: &[&Package]) -> Self {
        let Some(program) = tools::find(cx, "apt-cache") else { return Self::default() };
        let ask = |words: Vec<String>| {
            let argv: Vec<String> = [program.clone()].into_iter().chain(words).collect();
            tools::run(cx, &argv).map(|output| output.out()).unwrap_or_default()
        };
        let policy = ask(vec!["policy".to_owned()]);
        let files = publishers(&policy);
        let named = |package: &&Package| match package.architecture.as_str() {
            "all" | "" => package.name.clone(),
            architecture => format!("{}:{architecture}", package.name),
        };
        let mut known = Self::default();
        // Few enough for any system's limit of arguments.
        for some in installed.chunks(1000) {
            let words = ["policy".to_owned()].into_iter();
            let names = some.iter().map(named);
            known.origins.extend(origins(&ask(words.chain(names).collect()), &files));
            let words = ["show".to_owned()].into_iter();
            let exact = some.iter().map(|package| format!("{}={}", named(package), package.version));
            known.sections.extend(sections(&ask(words.chain(exact).collect())));
        }
        known
    }
}

/// `500 http://host/debian bookworm/main amd64 Packages`, the file without its priority, to the `o=` of its release.
fn publishers(policy: &str) -> HashMap<&str, &str> {
    let mut found = HashMap::new();
    let mut file = None;
    for line in policy.lines() {
        let text = line.trim();
        if let Some(release) = text.strip_prefix("release ") {
            let origin = release.split(',').find_map(|part| part.strip_prefix("o="));
            if let (Some(file), Some(origin)) = (file, origin) {
                found.insert(file, origin);
            }
        } else if let Some((priority, name)) = text.split_once(' ')
            && priority.parse::<i32>().is_ok()
        {
            file = Some(name);
        }
    }
    found
}

/// Who publishes each installed version, of a table of versions: `*** VERSION PRIORITY`, then the files that have it.
fn origins(policy: &str, files: &HashMap<&str, &str>) -> Vec<(Exact, String)> {
    let mut found = Vec::new();
    let (mut name, mut version) = ("", None);
    for line in policy.lines() {
        if !line.starts_with(' ') {
            name = line.trim_end_matches(':').split(':').next().unwrap_or_default();
            version = None;
        } else if let Some(rest) = line.strip_prefix(" *** ") {
            version = rest.split_whitespace().next();
        } else if line.starts_with("        ") {
            let file = line.trim().split_once(' ').map(|(_, file)| file);
            if let (Some(version), Some(origin)) = (version.take(), file.and_then(|file| files.get(file))) {
                found.push((exact(name, version), (*origin).to_owned()));
            }
        } else {
            version = None;
        }
    }
    found
}

/// The first section of each version among records.
fn sections(records: &str) -> HashMap<Exact, String> {
    let mut found = HashMap::new();
    for record in records.split("\n\n") {
        let field = |name: &str| record.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        if let (Some(name), Some(version), Some(section)) = (field("Package"), field("Version"), field("Section")) {
            found.entry(exact(name, version)).or_insert_with(|| section.to_owned());
        }
    }
    found
}

fn rpm(cx: &Context<'_>) -> Result<Vec<Map>, ModuleError> {
    if !cx.path("/var/lib/rpm").exists() && !cx.path("/usr/lib/sysimage/rpm").exists() {
        return Ok(Vec::new());
    }
    let Some(program) = tools::find(cx, "rpm") else { return Ok(Vec::new()) };
    let format = "%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%{EPOCHNUM}\\t%{ARCH}\\t%|EPOCH?{e}:{n}|\\n";
    let listed = tools::run_checked(cx, &[program.as_str(), "-qa", "--qf", format])?;
    let text = listed.out();
    let packages = text.lines().filter_map(|line| {
        let fields: List = line.split('\t').collect();
        let [name, version, release, epoch, arch, has_epoch] = &fields[..] else { return None };
        // All of them are texts since ansible-core 2.19, what is missing too.
        let none = || Value::from("None");
        let epoch = if has_epoch.as_str() == Some("e") { epoch.clone() } else { none() };
        let arch = if arch.as_str() == Some("(none)") { none() } else { arch.clone() };
        Some(Map::from_iter([
            ("name", name.clone()),
            ("version", version.clone()),
            ("release", release.clone()),
            ("epoch", epoch),
            ("arch", arch),
            ("source", "rpm".into()),
        ]))
    });
    Ok(packages.collect())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn debian_and_rpm() {
        let fake = Fake::new().unwrap();
        assert!(fake.call("package_facts", args::<&str>([])).failed);
        fake.write(
            "/var/lib/dpkg/status",
            "Package: vim\nStatus: install ok installed\nSection: editors\nArchitecture: amd64\nVersion: 2:9\n",
        )
        .unwrap();
        let policy = "vim:\n  Installed: 2:9\n  Version table:\n     2:10 500\n        500 http://d/ sid/main amd64 Packages\n *** 2:9 500\n        500 http://d/ b/main amd64 Packages\n        100 /var/lib/dpkg/status\n";
        let files = "Package files:\n 100 /var/lib/dpkg/status\n     release a=now\n 500 http://d/ b/main amd64 Packages\n     release v=12,o=Debian,a=stable\n     origin d\n";
        let fake = fake.on("apt-cache policy vim:amd64", 0, policy).on("apt-cache policy", 0, files).on(
            "apt-cache show",
            0,
            "Package: vim\nVersion: 2:9\nSection: text\n\nPackage: vim\nVersion: 2:9\nSection: x\n",
        );
        let reply = fake.call("package_facts", args::<&str>([]));
        let json = serde_json::to_string(reply.data.get("ansible_facts").unwrap()).unwrap();
        assert_eq!(
            json,
            r#"{"packages":{"vim":[{"name":"vim","version":"2:9","arch":"amd64","category":"text","origin":"Debian","source":"apt"}]}}"#
        );
        let fake = Fake::new().unwrap().on("rpm -qa", 0, "bash\t5.1\t6.el9\t0\tx86_64\tn\nbind\t9\t1\t32\tx86_64\te\n");
        fake.write("/var/lib/rpm/x", "").unwrap();
        let reply = fake.call("package_facts", args([("manager", "auto")]));
        let json = serde_json::to_string(reply.data.get("ansible_facts").unwrap()).unwrap();
        assert!(json.contains(r#""bash":[{"name":"bash","version":"5.1","release":"6.el9","epoch":"None","arch":"x86_64","source":"rpm"}]"#), "{json}");
        assert!(json.contains(r#""epoch":"32""#));
    }
}
