//! Manages packages with dnf (or yum) on Fedora, RHEL and their relatives.
//!
//! dnf 4 is a Python program, and what a transaction does is known only to its library. Where it is, the module runs a
//! script of its own (`dnf4.py`) in the Python that `dnf` itself names on its first line, and so sees what dnf sees:
//! exact packages in check mode, groups, modules, advisories. dnf 5, `microdnf` and yum 3 are driven by their program
//! with the options below, and what changed is read from rpm's database. There `list` knows only what is installed.
//!
//! Options:
//! - `name` (list; alias `pkg`): names, `name-version`, globs, `name >= 1.2`, `@group`, `@module:stream/profile`, files
//!   that a package has, paths or URLs of rpm files; `*` with `state: latest`.
//! - `state`: `present`/`installed` (default), `latest`, `absent`/`removed`. `autoremove`: what nothing needs any more.
//! - `list`: `installed`, `updates`, `available`, `repos` or a package, instead of a change.
//! - `update_cache` (alias `expire-cache`): refresh what is known of repositories first. `update_only`: install nothing
//!   new. `security` and `bugfix`: only what such an advisory names. `allow_downgrade`: older versions. `allowerasing`:
//!   remove packages that are in the way. `nobest`, `best`: also others than the newest version, or only that.
//!   `skip_broken`: leave out what cannot be installed. `install_weak_deps`: with what packages recommend.
//! - `download_only`: install nothing; `download_dir`: where the files go. `cacheonly`: only what is in the cache.
//!   `installroot`: the root folder of another system. `releasever`: its release. `conf_file`: another configuration
//!   file.
//! - `enablerepo`, `disablerepo`: repositories to use or to leave out. `exclude`: packages to leave out;
//!   `disable_excludes`: whose exclusions do not count. `enable_plugin`, `disable_plugin`: plugins of dnf.
//! - `disable_gpg_check`, `sslverify`: of repositories; `validate_certs`: of URLs in `name`.
//! - `use_backend`: `auto` (default), `dnf`/`dnf4`/`yum4`, `dnf5`, `yum` (what the system has), `yum3`.
//! - `lock_timeout`, `install_repoquery`: accepted and without effect, as in ansible-core.
//!
//! Returns: `results` (`Installed: x`, `Removed: y`, or the packages of `list`), `rc`, `msg`, `failures`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - dnf:
//!     name: [chrony, "@Development Tools"]
//!     state: present
//! ```

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};

use rplay_protocol::{Deprecation, Reply};
use rplay_value::{List, Map, Value};

use crate::facts::package_manager;
use crate::http::{Request, masked, send};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Program, Support, dnf_program, tools};

/// `ansible.builtin.dnf`
pub static MODULE: Module =
    Module { name: "dnf", collection: "ansible.builtin", spec: &SPEC, check: Support::Full, diff: Support::None, run };

const ARGS: [Arg; 31] = [
    Arg::bool("allow_downgrade").default("false"),
    Arg::bool("allowerasing").default("false"),
    Arg::bool("autoremove").default("false"),
    Arg::bool("best"),
    Arg::bool("bugfix").default("false"),
    Arg::bool("cacheonly").default("false"),
    Arg::text("conf_file"),
    Arg::text("disable_excludes"),
    Arg::bool("disable_gpg_check").default("false"),
    Arg::list("disable_plugin").default(""),
    Arg::list("disablerepo").default(""),
    Arg::bool("download_only").default("false"),
    Arg::text("download_dir"),
    Arg::list("enable_plugin").default(""),
    Arg::list("enablerepo").default(""),
    Arg::list("exclude").default(""),
    Arg::text("installroot").default("/"),
    Arg::bool("install_repoquery").default("true"),
    Arg::bool("install_weak_deps").default("true"),
    Arg::text("list"),
    Arg::list("name").alias(&["pkg"]).default(""),
    Arg::bool("nobest"),
    Arg::bool("security").default("false"),
    Arg::text("releasever"),
    Arg::bool("skip_broken").default("false"),
    Arg::text("state").choices(&["absent", "installed", "latest", "present", "removed"]),
    Arg::bool("update_cache").default("false").alias(&["expire-cache"]),
    Arg::bool("update_only").default("no"),
    Arg::bool("validate_certs").default("true"),
    Arg::bool("sslverify").default("true"),
    Arg::int("lock_timeout").default("30"),
];

/// The options of every program, and the one that only this module has.
pub(crate) const fn args_with(own: Arg) -> [Arg; 32] {
    let mut all = [own; 32];
    let mut index = 0;
    while index < ARGS.len() {
        all[index] = ARGS[index];
        index += 1;
    }
    all
}

pub(crate) const RULES: ArgSpec = ArgSpec {
    exclusive: &[&["name", "list"], &["best", "nobest"]],
    one_of: &[&["name", "list", "update_cache"]],
    ..ArgSpec::EMPTY
};

pub(crate) static SPEC: ArgSpec = ArgSpec {
    args: &args_with(
        Arg::text("use_backend")
            .default("auto")
            .alias(&["use"])
            .choices(&["auto", "dnf", "yum", "yum4", "dnf4", "dnf5", "yum3"]),
    ),
    ..RULES
};

/// Whose Python may have dnf's library, after the one that the program names itself.
const INTERPRETERS: [&str; 3] = ["/usr/libexec/platform-python", "/usr/bin/python3", "/usr/bin/python"];
const SCRIPT: &str = include_str!("dnf4.py");
/// Reads the script from standard input, which goes on with the options: neither is in the list of processes.
const LOADER: &str =
    "import sys; exec(compile(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())), 'dnf4', 'exec'))";
/// The script's exit status where the Python that ran it does not have the library.
const NO_LIBRARY: i32 = 42;

pub(crate) fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let backend = match args.need("use_backend") {
        backend @ ("auto" | "yum") => match package_manager(cx).as_str() {
            "dnf5" => "dnf5",
            _ => backend,
        },
        named => named,
    };
    match backend {
        "dnf5" => return dnf_program::run(cx, args, tools::need(cx, "dnf5")?),
        "yum3" => return dnf_program::run(cx, args, tools::need(cx, "yum")?),
        _ => {}
    }
    let names = checked_names(args)?;
    let own = program(cx, &["dnf", "dnf-3", "yum"]).and_then(|path| first_line_program(cx, &path));
    let mut tried: Vec<&str> = Vec::new();
    for interpreter in own.as_deref().into_iter().chain(INTERPRETERS) {
        if tried.contains(&interpreter) || !cx.path(interpreter).exists() {
            continue;
        }
        tried.push(interpreter);
        if let Some(reply) = ask_library(cx, args, &names, interpreter)? {
            return Ok(reply);
        }
    }
    // Small images and releases before 8 have a program, but no library for Python 3.
    if let Some(path) = program(cx, &["microdnf", "yum"]).filter(|_| !backend.starts_with("dnf")) {
        return dnf_program::run(cx, args, path);
    }
    let msg = format!(
        "Could not import the dnf python module. Please install `python3-dnf` package or ensure you have specified the correct ansible_python_interpreter. (attempted {})",
        tried.join(", ")
    );
    Err(ModuleError::reply(Reply::failure(msg).with("results", List::new())))
}

/// The first of these programs that the target has.
fn program(cx: &Context<'_>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| tools::find(cx, name))
}

/// The names without blanks around it; those that hold commas are several.
fn checked_names(args: &Args) -> Result<Vec<String>, ModuleError> {
    let names = separated(&args.texts("name"));
    let is_sentence = |name: &&String| name.contains(' ') && !name.contains(['@', '>', '<', '=']);
    if names.iter().any(|name| is_sentence(&name)) {
        return Err(ModuleError::msg(
            "It appears that a space separated string of packages was passed in as an argument. To operate on several packages, pass a comma separated string of packages or a list of packages.",
        ));
    }
    if args.flag("autoremove") && !matches!(args.text("state"), None | Some("absent")) {
        let msg = "Autoremove should be used alone or with state=absent";
        return Err(ModuleError::reply(Reply::failure(msg).with("results", List::new())));
    }
    Ok(names)
}

/// As ansible-core: what holds commas comes apart and goes to the end.
fn separated(texts: &[&str]) -> Vec<String> {
    let (several, single): (Vec<&str>, Vec<&str>) =
        texts.iter().map(|text| text.trim()).partition(|text| text.contains(','));
    let parts = several.iter().flat_map(|text| text.split(',')).map(str::trim);
    let all: Vec<String> = single.into_iter().chain(parts).map(str::to_owned).collect();
    if all == [""] { Vec::new() } else { all }
}

/// The interpreter that a script names on its first line, without its options.
fn first_line_program(cx: &Context<'_>, path: &str) -> Option<String> {
    let mut line = String::new();
    let file = fs_err::File::open(cx.path(path)).ok()?;
    BufReader::new(io::Read::take(file, 256)).read_line(&mut line).ok()?;
    let words: Vec<&str> = line.strip_prefix("#!")?.split_whitespace().collect();
    Some((*words.first().filter(|word| word.contains("python"))?).to_owned())
}

/// Lets the library work; nothing when this Python does not have it.
fn ask_library(
    cx: &mut Context<'_>,
    args: &Args,
    names: &[String],
    interpreter: &str,
) -> Result<Option<Reply>, ModuleError> {
    let mut options: Map = args.all().clone();
    options.insert("check", cx.check());
    options.insert("name", names.to_vec());
    for list in ["disablerepo", "enablerepo", "exclude"] {
        options.insert(list, separated(&args.texts(list)));
    }
    if args.get("state").is_none() {
        options.insert("state", if args.flag("autoremove") { "absent" } else { "present" });
    }
    let mut downloads = BTreeMap::new();
    let mut files = Map::new();
    for url in names.iter().filter(|name| name.contains("://")) {
        let file = download(cx, url, args.flag("validate_certs"))?;
        files.insert(url.as_str(), file.to_string_lossy().into_owned());
        downloads.insert(url, file);
    }
    options.insert("files", files);
    let options = serde_json::to_string(&Value::from(options)).map_err(io::Error::from)?;
    let input = format!("{}\n{SCRIPT}{options}", SCRIPT.len());
    // Isolated: nothing in the working folder or the user's own packages takes dnf's place.
    let output = tools::run_program(cx, Program::new([interpreter, "-I", "-c", LOADER]).stdin(input))?;
    if output.rc == NO_LIBRARY {
        return Ok(None);
    }
    let Ok(mut data) = serde_json::from_slice::<Map>(&output.stdout) else {
        let reply = Reply::failure("dnf ended without a result")
            .with("rc", output.rc)
            .with("stdout", output.out())
            .with("stderr", output.err());
        return Err(ModuleError::reply(reply));
    };
    for warning in data.remove("warnings").as_ref().and_then(Value::as_list).into_iter().flatten() {
        cx.warn(warning.as_str().unwrap_or_default());
    }
    let flag = |value: Option<Value>| value.and_then(|value| value.as_bool()).unwrap_or(false);
    let (failed, changed) = (flag(data.remove("failed")), flag(data.remove("changed")));
    let mut reply = Reply { failed, changed, data, ..Reply::default() };
    if cx.call().args.contains("install_repoquery") {
        let text = "Param 'install_repoquery' is deprecated. See the module docs for more information";
        reply.deprecations.push(Deprecation::core(text, "2.20"));
    }
    Ok(Some(reply))
}

fn download(cx: &Context<'_>, url: &str, validate_certs: bool) -> Result<tempfile::TempPath, ModuleError> {
    let failed = |why: String| ModuleError::msg(format!("Failure downloading {}, {why}", masked(url)));
    let request = Request { validate_certs, ..Request::new("GET", url) };
    let response = send(cx, request).map_err(failed)?;
    if response.status != 200 {
        return Err(failed(response.message()));
    }
    let name = url.rsplit('/').next().unwrap_or_default();
    let (stem, suffix) = name.rfind('.').filter(|dot| *dot > 0).map_or((name, ""), |dot| name.split_at(dot));
    let mut file = tempfile::Builder::new().prefix(stem).suffix(suffix).tempfile_in(cx.sys().tmp())?;
    response.copy_to(file.as_file_mut()).map_err(|error| failed(error.to_string()))?;
    Ok(file.into_temp_path())
}

#[cfg(test)]
mod tests {
    use super::separated;
    use crate::testing::{Fake, args};

    fn fake(result: &str) -> Fake {
        let fake = Fake::new().unwrap().on("platform-python", 42, "").on("python3", 0, result).on("dnf", 0, "");
        fake.write("/usr/bin/dnf", "#!/usr/libexec/platform-python -s\n").unwrap();
        fake.write("/usr/libexec/platform-python", "").unwrap();
        fake.write("/usr/bin/python3", "").unwrap();
        fake
    }

    #[test]
    fn the_first_python_that_has_the_library_answers() {
        let fake = fake(r#"{"changed": true, "msg": "", "rc": 0, "results": ["Installed: a-1"], "warnings": ["w"]}"#);
        let reply = fake.call("dnf", args([("name", "b, a"), ("enablerepo", "x,y")]));
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(reply.warnings, ["w"]);
        assert_eq!(reply.data.get("results"), Some(&vec!["Installed: a-1"].into()));
        let programs: Vec<String> = fake.programs().iter().map(|program| program.argv[0].clone()).collect();
        assert_eq!(programs, ["/usr/libexec/platform-python", "/usr/bin/python3"]);
        let input = String::from_utf8(fake.programs()[1].stdin.clone().unwrap()).unwrap();
        let options: serde_json::Value = serde_json::from_str(&input[input.rfind('\n').unwrap()..]).unwrap();
        assert_eq!(options["name"], serde_json::json!(["b", "a"]));
        assert_eq!(options["enablerepo"], serde_json::json!(["x", "y"]));
        assert_eq!(options["state"], "present");
        assert_eq!(options["check"], false);
    }

    #[test]
    fn what_cannot_be_is_said_before_anything_runs() {
        let fake = fake("{}");
        for (given, msg) in [
            (args([("name", "a b")]), "It appears that a space separated"),
            (args([("autoremove", "yes"), ("state", "latest")]), "Autoremove should be used alone"),
            (args([("name", "a"), ("list", "b")]), "parameters are mutually exclusive: name|list"),
        ] {
            let reply = fake.call("dnf", given);
            assert!(reply.failed && reply.data.get("msg").unwrap().as_str().unwrap().starts_with(msg), "{reply:?}");
        }
        assert!(fake.command_lines().is_empty());
    }

    #[test]
    fn without_the_library_the_program_works_or_the_failure_says_so() {
        let bare = Fake::new().unwrap().on("rpm -q bash", 0, "").on("microdnf", 0, "");
        assert!(!bare.call("dnf", args([("name", "bash")])).failed);
        let reply = Fake::new().unwrap().call("dnf", args([("name", "bash")]));
        assert!(reply.data.get("msg").unwrap().as_str().unwrap().contains("install `python3-dnf`"), "{reply:?}");
    }

    #[test]
    fn commas_are_several_names() {
        assert_eq!(separated(&["a, b", " c "]), ["c", "a", "b"]);
        assert!(separated(&[""]).is_empty());
    }
}
