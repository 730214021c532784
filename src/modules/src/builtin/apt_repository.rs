//! Manages lines of APT's sources.
//!
//! Options:
//! - `repo` (required): the line, such as `deb http://archive.example.org/debian bookworm main`.
//! - `state` (default `present`): `present`, `absent`. `filename`: file in `/etc/apt/sources.list.d`, without `.list`.
//! - `mode` (default `0644`): of a new file. `update_cache` (default true; alias `update-cache`) after a change, with
//!   `update_cache_retries` and `update_cache_retry_max_delay`.
//! - `validate_certs`, `install_python_apt`: accepted for compatibility.
//! - Not supported: `ppa:` repositories and `codename`, which ask Launchpad; write the `deb` line instead.
//!
//! Returns: `repo`, `state`, `sources_added`, `sources_removed`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - apt_repository:
//!     repo: deb [signed-by=/etc/apt/keyrings/x.asc] https://download.example.org/debian bookworm stable
//!     filename: example
//! ```

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rplay_protocol::{Diff, Reply};
use rplay_value::List;

use crate::{Arg, ArgSpec, Args, Context, Mode, Module, ModuleError, Program, Replace, Support, real_path, tools};

/// `ansible.builtin.apt_repository`
pub static MODULE: Module = Module {
    name: "apt_repository",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("repo").required(),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::raw("mode"),
            Arg::bool("update_cache").default("true").alias(&["update-cache"]),
            Arg::int("update_cache_retries").default("5"),
            Arg::int("update_cache_retry_max_delay").default("12"),
            Arg::text("filename"),
            Arg::bool("install_python_apt").default("true"),
            Arg::bool("validate_certs").default("true"),
            Arg::text("codename"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

const FOLDER: &str = "/etc/apt/sources.list.d";

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let repo = args.need("repo");
    if repo.starts_with("ppa:") || args.get("codename").is_some() {
        return Err(ModuleError::msg(
            "ppa: repositories are not supported: give the deb line of the repository instead",
        ));
    }
    let (enabled, source, _) = parse(repo);
    if !enabled || !is_source(&source) {
        return Err(ModuleError::msg(format!("Invalid repository string: {repo}")));
    }
    let before = read(cx);
    let mut after = before.clone();
    let new_file =
        if args.need("state") == "present" { add(args, &source, &mut after) } else { remove(&source, &mut after) };
    let changed: Vec<&PathBuf> =
        after.keys().chain(before.keys()).filter(|file| after.get(*file) != before.get(*file)).collect();
    let mut reply = Reply::changed(!changed.is_empty()).with("repo", repo).with("state", args.need("state"));
    let names = |all: &BTreeMap<PathBuf, String>, not_in: &BTreeMap<PathBuf, String>| -> Vec<String> {
        let full = |file: &&PathBuf| !all[*file].is_empty() && not_in.get(*file).is_none_or(String::is_empty);
        all.keys().filter(full).map(|file| file.display().to_string()).collect()
    };
    reply = reply.with("sources_added", names(&after, &before)).with("sources_removed", names(&before, &after));
    let mut seen: Vec<&PathBuf> = Vec::new();
    let mut diffs = List::new();
    for file in changed {
        if seen.contains(&file) {
            continue;
        }
        seen.push(file);
        let (old, new) = (before.get(file).cloned().unwrap_or_default(), after.get(file).cloned().unwrap_or_default());
        if cx.diff() {
            let header = |text: &str| if text.is_empty() { "/dev/null".to_owned() } else { file.display().to_string() };
            diffs.push(Diff::text(&header(&old), old.as_str(), &header(&new), new.as_str()).into_map());
        }
        if !cx.check() {
            write(cx, args, file, &new, new_file.as_ref() == Some(file))?;
        }
    }
    // A list even when it is empty or holds one, as ansible-core's.
    reply = reply.with("diff", diffs);
    if reply.changed && !cx.check() && args.flag("update_cache") {
        update(cx, args).inspect_err(|_| {
            // A source that cannot be fetched would break every later run of apt.
            for file in &seen {
                let old = before.get(*file).cloned().unwrap_or_default();
                let _ = write(cx, args, file, &old, false);
            }
        })?;
    }
    Ok(reply)
}

/// Enabled, source with single blanks, comment.
fn parse(line: &str) -> (bool, String, String) {
    let line = line.trim();
    let (enabled, line) = line.strip_prefix('#').map_or((true, line), |rest| (false, rest));
    let (source, comment) = match line.find('#').filter(|at| *at > 0) {
        Some(at) => (&line[..at], line[at + 1..].trim()),
        None => (line, ""),
    };
    (enabled, source.split_whitespace().collect::<Vec<_>>().join(" "), comment.to_owned())
}

fn is_source(source: &str) -> bool {
    source.starts_with("deb ") || source.starts_with("deb-src ")
}

/// Every one-line sources file and its text.
fn read(cx: &Context<'_>) -> BTreeMap<PathBuf, String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = std::fs::read_dir(cx.path(FOLDER)) {
        let names = entries.filter_map(Result::ok).map(|entry| PathBuf::from(FOLDER).join(entry.file_name()));
        files.extend(names.filter(|path| path.extension().is_some_and(|kind| kind == "list")));
    }
    files.into_iter().filter_map(|file| Some((file.clone(), fs_err::read_to_string(cx.path(&file)).ok()?))).collect()
}

/// Adds the source; one that is there but commented out is enabled instead. Returns the file a new line went into.
fn add(args: &Args, source: &str, files: &mut BTreeMap<PathBuf, String>) -> Option<PathBuf> {
    let mut found = false;
    for text in files.values_mut() {
        let lines = text.lines().map(|line| {
            let (enabled, known, comment) = parse(line);
            if known != source {
                return line.to_owned();
            }
            found = true;
            match (enabled, comment.is_empty()) {
                (true, _) => line.to_owned(),
                (false, true) => source.to_owned(),
                (false, false) => format!("{source} # {comment}"),
            }
        });
        let edited: String = lines.map(|line| line + "\n").collect();
        if edited.trim_end() != text.trim_end() {
            *text = edited;
        }
    }
    if found {
        return None;
    }
    let file = PathBuf::from(FOLDER).join(suggested(args, source));
    let text = files.entry(file.clone()).or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(source);
    text.push('\n');
    Some(file)
}

fn remove(source: &str, files: &mut BTreeMap<PathBuf, String>) -> Option<PathBuf> {
    for text in files.values_mut() {
        let wanted = |line: &&str| {
            let (enabled, known, _) = parse(line);
            !(enabled && known == source)
        };
        if text.lines().any(|line| !wanted(&line)) {
            let mut kept = text.lines().filter(wanted).collect::<Vec<_>>().join("\n");
            if !kept.is_empty() {
                kept.push('\n');
            }
            *text = kept;
        }
    }
    None
}

/// The file's name: what was asked for, or the address with underscores.
fn suggested(args: &Args, source: &str) -> String {
    if let Some(name) = args.text("filename") {
        return format!("{name}.list");
    }
    let without_options = match (source.find('['), source.find(']')) {
        (Some(open), Some(close)) if open < close => format!("{}{}", &source[..open], &source[close + 1..]),
        _ => source.to_owned(),
    };
    let address = without_options
        .split_whitespace()
        .find(|word| !["deb", "deb-src"].contains(word))
        .unwrap_or_default()
        .to_owned();
    let address = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let address = address.split_once('@').map_or(address, |(_, host)| host);
    let words: Vec<&str> =
        address.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    format!("{}.list", words.join("_"))
}

fn write(cx: &Context<'_>, args: &Args, file: &PathBuf, text: &str, new: bool) -> Result<(), ModuleError> {
    let path = real_path(&cx.path(file));
    if text.is_empty() {
        return match fs_err::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        };
    }
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    Replace::new(&path).write(cx.sys(), text.as_bytes())?;
    if new {
        let mode = args.get("mode").map(Mode::parse).transpose()?.map_or(0o644, |mode| mode.resolve(0o644, false));
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn update(cx: &Context<'_>, args: &Args) -> Result<(), ModuleError> {
    let retries = args.int("update_cache_retries").unwrap_or(5).max(1);
    let longest = args.int("update_cache_retry_max_delay").unwrap_or(12).max(0);
    let apt_get = tools::need(cx, "apt-get")?;
    for attempt in 0..retries {
        let program = Program::new([apt_get.as_str(), "-q", "update"]).live().env("DEBIAN_FRONTEND", "noninteractive");
        let output = tools::run_program(cx, program)?;
        let err = output.err();
        if output.success() && !err.contains("Failed to fetch") {
            return Ok(());
        }
        if attempt + 1 == retries {
            return Err(ModuleError::msg(format!(
                "Failed to update apt cache after {retries} retries: {}",
                err.trim()
            )));
        }
        let delay = (1_i64 << attempt.min(30)).min(longest);
        std::thread::sleep(std::time::Duration::from_secs(delay as u64));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn a_source_comes_and_goes() {
        let fake = Fake::new().unwrap().on("apt-get", 0, "");
        fake.write("/etc/apt/sources.list", "deb http://mirror.example/debian bookworm main\n#deb http://x/ y z\n")
            .unwrap();
        let call =
            |entries: &[(&'static str, &'static str)]| fake.call("apt_repository", args(entries.iter().copied()));
        assert!(!call(&[("repo", "deb  http://mirror.example/debian bookworm main")]).changed);
        assert!(fake.command_lines().is_empty());
        let line = "deb [arch=amd64] https://u:p@download.example.org/debian stable main";
        let reply = call(&[("repo", line)]);
        assert!(reply.changed && !reply.failed, "{reply:?}");
        let file = "/etc/apt/sources.list.d/download_example_org_debian.list";
        assert_eq!(fake.read(file).unwrap(), format!("{line}\n"));
        assert_eq!(reply.data.get("sources_added"), Some(&vec![file].into()));
        assert_eq!(fake.command_lines(), ["apt-get -q update"]);
        assert!(!call(&[("repo", line)]).changed);
        assert!(call(&[("repo", "deb http://x/ y z")]).changed);
        assert!(fake.read("/etc/apt/sources.list").unwrap().contains("\ndeb http://x/ y z\n"));
        assert!(call(&[("repo", line), ("state", "absent")]).changed);
        assert!(fake.read(file).is_err());
        assert!(call(&[("repo", "nonsense")]).failed);
    }

    #[test]
    fn a_source_that_cannot_be_fetched_is_taken_back() {
        let fake = Fake::new().unwrap().on("apt-get", 100, "");
        let reply = fake.call(
            "apt_repository",
            args([("repo", "deb http://no/ x y"), ("update_cache_retries", "1"), ("filename", "f")]),
        );
        assert!(reply.failed);
        assert!(fake.read("/etc/apt/sources.list.d/f.list").is_err());
    }
}
