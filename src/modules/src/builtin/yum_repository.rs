//! Manages repositories of dnf and yum: sections of the files in `/etc/yum.repos.d`.
//!
//! Options:
//! - `name` (required): the repository's id. `description`: its name, required with `state: present`.
//! - `state` (default `present`): `present`, `absent`. `file` (default: the id): the file's name without `.repo`;
//!   `reposdir` (default `/etc/yum.repos.d`): where it is.
//! - `baseurl` (list), `mirrorlist`, `metalink`: where the packages are; one of them with `state: present`.
//! - `gpgcheck`, `gpgkey` (list), `repo_gpgcheck`, `enabled`, `exclude` (list; alias `excludepkgs`), `includepkgs` (list),
//!   `priority`, `cost`, `module_hotfixes`, `skip_if_unavailable`, `countme`, `include`, `enablegroups`,
//!   `metadata_expire`, `failovermethod`, `bandwidth`, `throttle`, `timeout`, `retries`, `ip_resolve`,
//!   `deltarpm_percentage`, `username`, `password`, `proxy`, `proxy_username`, `proxy_password`, `s3_enabled`,
//!   `sslcacert` (alias `ca_cert`), `sslclientcert` (alias `client_cert`), `sslclientkey` (alias `client_key`),
//!   `sslverify` (alias `validate_certs`): written as they are.
//! - `async`, `deltarpm_metadata_percentage`, `gpgcakey`, `http_caching`, `keepalive`, `keepcache`,
//!   `metadata_expire_filter`, `mirrorlist_expire`, `protect`, `ssl_check_cert_permissions`, `ui_repoid_vars`: written
//!   too, with a word of warning: dnf does not know them.
//! - `owner`, `group`, `mode` and the other attributes of files: of the repository's file.
//!
//! Returns: `repo`, `state`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - yum_repository:
//!     name: epel
//!     description: Extra packages
//!     baseurl: https://download.example.org/pub/epel/$releasever/$basearch/
//! ```

use std::path::Path;

use rplay_protocol::{Deprecation, Diff, Reply};
use rplay_value::Value;

use crate::repo_file::RepoFile;
use crate::{Arg, ArgSpec, Args, Context, FileAttrs, Module, ModuleError, Replace, Support};

/// `ansible.builtin.yum_repository`
pub static MODULE: Module = Module {
    name: "yum_repository",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::bool("async"),
            Arg::text("bandwidth"),
            Arg::list("baseurl"),
            Arg::text("cost"),
            Arg::bool("countme"),
            Arg::text("deltarpm_metadata_percentage"),
            Arg::text("deltarpm_percentage"),
            Arg::text("description"),
            Arg::bool("enabled"),
            Arg::bool("enablegroups"),
            Arg::list("exclude").alias(&["excludepkgs"]),
            Arg::text("failovermethod").choices(&["roundrobin", "priority"]),
            Arg::text("file"),
            Arg::text("gpgcakey"),
            Arg::bool("gpgcheck"),
            Arg::list("gpgkey"),
            Arg::bool("module_hotfixes"),
            Arg::text("http_caching").choices(&["all", "packages", "none"]),
            Arg::text("include"),
            Arg::list("includepkgs"),
            Arg::text("ip_resolve").choices(&["4", "6", "IPv4", "IPv6", "whatever"]),
            Arg::bool("keepalive"),
            Arg::text("keepcache").choices(&["0", "1"]),
            Arg::text("metadata_expire"),
            Arg::text("metadata_expire_filter").choices(&[
                "never",
                "read-only:past",
                "read-only:present",
                "read-only:future",
            ]),
            Arg::text("metalink"),
            Arg::text("mirrorlist"),
            Arg::text("mirrorlist_expire"),
            Arg::text("name").required(),
            Arg::text("password").no_log(),
            Arg::text("priority"),
            Arg::bool("protect"),
            Arg::text("proxy"),
            Arg::text("proxy_password").no_log(),
            Arg::text("proxy_username"),
            Arg::bool("repo_gpgcheck"),
            Arg::path("reposdir").default("/etc/yum.repos.d"),
            Arg::text("retries"),
            Arg::bool("s3_enabled"),
            Arg::bool("skip_if_unavailable"),
            Arg::text("sslcacert").alias(&["ca_cert"]),
            Arg::bool("ssl_check_cert_permissions"),
            Arg::text("sslclientcert").alias(&["client_cert"]),
            Arg::text("sslclientkey").alias(&["client_key"]),
            Arg::bool("sslverify").alias(&["validate_certs"]),
            Arg::text("state").choices(&["present", "absent"]).default("present"),
            Arg::text("throttle"),
            Arg::text("timeout"),
            Arg::text("ui_repoid_vars"),
            Arg::text("username"),
        ],
        file: true,
        required_if: &[("state", "present", &["description"])],
        required_if_any: &[("state", "present", &["baseurl", "mirrorlist", "metalink"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// What only yum knew.
const WITHOUT_EFFECT: &[&str] = &[
    "deltarpm_metadata_percentage",
    "gpgcakey",
    "http_caching",
    "keepalive",
    "metadata_expire_filter",
    "mirrorlist_expire",
    "protect",
    "ssl_check_cert_permissions",
    "ui_repoid_vars",
];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (id, folder) = (args.need("name"), args.need("reposdir"));
    if !cx.path(folder).is_dir() {
        return Err(ModuleError::msg(format!("Repo directory '{folder}' does not exist.")));
    }
    let place = Path::new(folder).join(format!("{}.repo", args.text("file").unwrap_or(id)));
    let (shown, path) = (place.to_string_lossy().into_owned(), cx.path(&place));
    let mut file = match fs_err::read(&path) {
        Ok(bytes) if path.is_file() => {
            RepoFile::parse(&String::from_utf8_lossy(&bytes), &shown).map_err(ModuleError::msg)?
        }
        _ => RepoFile::default(),
    };
    let before = file.listing();
    file.remove(id);
    let mut reply = Reply::ok();
    if args.need("state") == "present" {
        file.add(id, entries(args, &mut reply));
    }
    let after = file.listing();
    reply.changed = before != after;
    if reply.changed && !cx.check() {
        if file.is_empty() {
            fs_err::remove_file(&path).map_err(|error| {
                let msg = format!("Cannot remove empty repo file {shown}.");
                ModuleError::reply(Reply::failure(msg).with("details", error.to_string()))
            })?;
        } else {
            Replace::new(&path).unsafe_writes(args.flag("unsafe_writes")).write(cx.sys(), file.text().as_bytes())?;
        }
    }
    if path.is_file() {
        reply.changed |= FileAttrs::from_args(args)?.apply(cx, &path, None)?;
    }
    let diff = Diff::text(&shown, before, &shown, after);
    Ok(reply.with("repo", id).with("state", args.need("state")).with_diff(Some(diff)))
}

/// The section's entries, sorted by the names of the options they come from.
fn entries(args: &Args, reply: &mut Reply) -> Vec<(String, String)> {
    let own = |name: &&str| !matches!(*name, "state" | "reposdir" | "file" | "description");
    let mut names: Vec<&str> = MODULE.spec.args.iter().map(|arg| arg.name).filter(own).collect();
    names.sort_unstable();
    let mut entries = Vec::new();
    for name in names {
        let value = match name {
            "name" => args.get("description"),
            _ => args.get(name),
        };
        let Some(value) = value else { continue };
        let deprecated = match name {
            "keepcache" => Some(("parameter is deprecated as it is only valid in the main configuration.", "2.20")),
            "async" => {
                Some(("parameter is deprecated as it has been removed on systems supported by ansible-core", "2.22"))
            }
            _ if WITHOUT_EFFECT.contains(&name) => {
                Some(("parameter is deprecated as it has no effect with dnf as an underlying package manager.", "2.22"))
            }
            _ => None,
        };
        if let Some((why, version)) = deprecated {
            reply.deprecations.push(Deprecation::core(format!("'{name}' {why}"), version));
        }
        let text = match value {
            Value::Bool(flag) => i32::from(*flag).to_string(),
            Value::List(_) => args.texts(name).join(if matches!(name, "baseurl" | "gpgkey") { "\n" } else { " " }),
            other => other.to_string(),
        };
        entries.push((name.to_owned(), text));
    }
    entries
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    fn fake() -> Fake {
        let fake = Fake::new().unwrap();
        fake.write("/etc/yum.repos.d/other.repo", "[a]\nname = A\n").unwrap();
        fake
    }

    #[test]
    fn a_repository_is_written_once_and_removed_with_its_file() {
        let fake = fake();
        let given = || {
            args([
                ("name", "epel"),
                ("description", "Extra"),
                ("baseurl", "http://a/,http://b/"),
                ("enabled", "no"),
                ("exclude", "x,y"),
                ("validate_certs", "yes"),
            ])
        };
        assert!(fake.check("yum_repository", given()).changed);
        assert!(fake.read("/etc/yum.repos.d/epel.repo").is_err());
        let reply = fake.call("yum_repository", given());
        assert!(reply.changed && !reply.failed, "{reply:?}");
        let text =
            "[epel]\nbaseurl = http://a/\n\thttp://b/\nenabled = 0\nexclude = x y\nname = Extra\nsslverify = 1\n\n";
        assert_eq!(fake.read("/etc/yum.repos.d/epel.repo").unwrap(), text);
        assert!(!fake.call("yum_repository", given()).changed);
        let gone = || args([("name", "epel"), ("state", "absent")]);
        assert!(fake.call("yum_repository", gone()).changed);
        assert!(fake.read("/etc/yum.repos.d/epel.repo").is_err());
        assert!(!fake.call("yum_repository", gone()).changed);
    }

    #[test]
    fn other_sections_of_the_file_stay() {
        let fake = fake();
        let reply = fake.call(
            "yum_repository",
            args([("name", "b"), ("description", "B"), ("metalink", "m"), ("file", "other"), ("keepcache", "1")]),
        );
        assert_eq!(reply.deprecations.len(), 1);
        let text = "[a]\nname = A\n\n[b]\nkeepcache = 1\nmetalink = m\nname = B\n\n";
        assert_eq!(fake.read("/etc/yum.repos.d/other.repo").unwrap(), text);
    }

    #[test]
    fn failures() {
        let fake = fake();
        fake.write("/etc/yum.repos.d/bad.repo", "x = 1\n").unwrap();
        for (given, msg) in [
            (
                args([("name", "x"), ("description", "X")]),
                "state is present but any of the following are missing: baseurl, mirrorlist, metalink",
            ),
            (
                args([("name", "x"), ("state", "absent"), ("reposdir", "/none")]),
                "Repo directory '/none' does not exist.",
            ),
            (
                args([("name", "bad"), ("state", "absent")]),
                "File contains no section headers.\nfile: '/etc/yum.repos.d/bad.repo', line: 1\n'x = 1\\n'",
            ),
        ] {
            let reply = fake.call("yum_repository", given);
            assert_eq!(reply.data.get("msg"), Some(&msg.into()));
        }
    }
}
