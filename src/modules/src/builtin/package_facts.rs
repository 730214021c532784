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

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::dpkg::Database;
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
    installed
        .into_iter()
        .map(|package| {
            Map::from_iter([
                ("name", package.name.as_str()),
                ("version", &package.version),
                ("arch", &package.architecture),
                ("category", &package.section),
                ("origin", &package.origin),
                ("source", "apt"),
            ])
        })
        .collect()
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
        let reply = fake.call("package_facts", args::<&str>([]));
        let json = serde_json::to_string(reply.data.get("ansible_facts").unwrap()).unwrap();
        assert_eq!(
            json,
            r#"{"packages":{"vim":[{"name":"vim","version":"2:9","arch":"amd64","category":"editors","origin":"","source":"apt"}]}}"#
        );
        let fake = Fake::new().unwrap().on("rpm -qa", 0, "bash\t5.1\t6.el9\t0\tx86_64\tn\nbind\t9\t1\t32\tx86_64\te\n");
        fake.write("/var/lib/rpm/x", "").unwrap();
        let reply = fake.call("package_facts", args([("manager", "auto")]));
        let json = serde_json::to_string(reply.data.get("ansible_facts").unwrap()).unwrap();
        assert!(json.contains(r#""bash":[{"name":"bash","version":"5.1","release":"6.el9","epoch":"None","arch":"x86_64","source":"rpm"}]"#), "{json}");
        assert!(json.contains(r#""epoch":"32""#));
    }
}
