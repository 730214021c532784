//! Keeps locales of Debian and Ubuntu.
//!
//! Options:
//! - `name` (list, required): locales such as `de_DE.UTF-8`. `state` (default `present`): `absent`, `present`.
//!
//! `/etc/locale.gen` is edited and locale-gen run. Where only `/var/lib/locales/supported.d` exists, as on old Ubuntu
//! releases, the locales are in the file `local` there.
//!
//! Returns: `name`, `mechanism`: `glibc` or `ubuntu_legacy`, `ubuntu_mode`; of a failure again under `output` and `vars`.
//!
//! Check mode: full (community.general's never tells of a change). Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.locale_gen:
//!     name: de_DE.UTF-8
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use rplay_protocol::{Diff, Reply};
use rplay_value::Map;

use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Replace, Support, TextFile, tools};

/// `community.general.locale_gen`
pub static MODULE: Module = Module {
    name: "locale_gen",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::list("name").elements(Kind::Text).required(),
            Arg::text("state").default("present").choices(&["absent", "present"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

const GLIBC: &str = "/etc/locale.gen";
const LEGACY: &str = "/var/lib/locales/supported.d";
const SUPPORTED: &str = "/usr/share/i18n/SUPPORTED";

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let legacy = !cx.path(GLIBC).exists();
    if legacy && !cx.path(LEGACY).exists() {
        let msg = format!("{LEGACY} and {GLIBC} are missing. Is the package \"locales\" installed?");
        return Err(ModuleError::msg(msg));
    }
    let mechanism = if legacy { "ubuntu_legacy" } else { "glibc" };
    let names: Vec<String> = args.texts("name").into_iter().map(str::to_owned).collect();
    let diff = cx.diff().then(Diff::default);
    let described = |reply: Reply| {
        let reply = reply.with("name", names.clone()).with("mechanism", mechanism).with("ubuntu_mode", legacy);
        reply.with_diff(diff.clone())
    };
    let unknown = unavailable(cx, &names)?;
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        let msg = format!("The following locales you have entered are not available on your system: {names}");
        // As every module that is built on community.general's helper, with what it would have returned twice more.
        let known = described(Reply::ok()).data;
        let failure = described(Reply::failure(msg)).with("vars", known.clone());
        let mut output = known;
        if cx.diff() {
            output.insert("diff", Map::new());
        }
        return Err(ModuleError::reply(failure.with("output", output)));
    }
    let present = args.need("state") == "present";
    if missing(cx, &names)?.is_empty() == present {
        return Ok(described(Reply::ok()));
    }
    if cx.check() {
        return Ok(described(Reply::changed(true)));
    }
    if legacy {
        generate_legacy(cx, present, &names)?;
    } else {
        let path = cx.path(GLIBC);
        let file = read(&path, GLIBC)?;
        let text: String = file.lines().iter().map(|line| switched(line, &names, present)).collect();
        Replace::new(&path).write(cx.sys(), &file.encode(&text))?;
        tools::run_checked(cx, &[tools::need(cx, "locale-gen")?])?;
    }
    // Some of several locales may have been there already, and a locale of the system cannot be removed.
    let changed = missing(cx, &names)?.is_empty() == present;
    Ok(described(Reply::changed(changed)))
}

fn read(path: &Path, shown: &str) -> Result<TextFile, ModuleError> {
    TextFile::read_given(path, shown)
        .map_err(|error| ModuleError::msg(format!("Module failed with exception: {error}")))
}

/// Those of the names that are neither known to glibc nor there.
fn unavailable(cx: &Context<'_>, names: &[String]) -> Result<Vec<String>, ModuleError> {
    let supported = read(&cx.path(SUPPORTED), SUPPORTED)?;
    let known: BTreeSet<&str> = supported.text.lines().filter_map(locale_of).collect();
    let unknown: Vec<String> = names.iter().filter(|name| !known.contains(name.as_str())).cloned().collect();
    missing(cx, &unknown)
}

/// The locale of a line `# de_DE.UTF-8 UTF-8`, commented or not.
fn locale_of(line: &str) -> Option<&str> {
    let line = line.trim();
    let mut words = line.strip_prefix('#').unwrap_or(line).split_whitespace();
    let locale = words.next()?;
    words.next()?;
    words.next().is_none().then_some(locale)
}

/// Those of the names that are not there.
fn missing(cx: &Context<'_>, names: &[String]) -> Result<Vec<String>, ModuleError> {
    let locale = tools::need(cx, "locale")?;
    let listed = tools::run_checked(cx, &[locale.as_str(), "-a"])?.out();
    let there: BTreeSet<String> = listed.lines().map(normalized).collect();
    Ok(names.iter().filter(|name| !there.contains(&normalized(name))).cloned().collect())
}

/// `locale -a` writes encodings in small letters and without their dashes.
fn normalized(name: &str) -> String {
    const ENCODINGS: [(&str, &str); 10] = [
        (".utf8", ".UTF-8"),
        (".eucjp", ".EUC-JP"),
        (".iso885915", ".ISO-8859-15"),
        (".cp1251", ".CP1251"),
        (".koi8r", ".KOI8-R"),
        (".armscii8", ".ARMSCII-8"),
        (".euckr", ".EUC-KR"),
        (".gbk", ".GBK"),
        (".gb18030", ".GB18030"),
        (".euctw", ".EUC-TW"),
    ];
    ENCODINGS.iter().fold(name.to_owned(), |name, (short, long)| name.replace(short, long))
}

/// A line of `/etc/locale.gen`, switched on or off if it is about one of the names.
fn switched(line: &str, names: &[String], on: bool) -> String {
    let rest = line.strip_prefix('#').unwrap_or(line).trim_start();
    for name in names {
        if let Some(charset) = rest.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix(' '))
            && !charset.trim_end_matches('\n').is_empty()
        {
            return if on { format!("{name} {charset}") } else { format!("# {name} {charset}") };
        }
    }
    line.to_owned()
}

fn generate_legacy(cx: &Context<'_>, present: bool, names: &[String]) -> Result<(), ModuleError> {
    let program = tools::need(cx, "locale-gen")?;
    if present {
        // Ubuntu's own locale-gen adds what it is given to the file.
        let argv: Vec<&str> = [program.as_str()].into_iter().chain(names.iter().map(String::as_str)).collect();
        tools::run_checked(cx, &argv)?;
        return Ok(());
    }
    let shown = format!("{LEGACY}/local");
    let path = cx.path(&shown);
    let file = read(&path, &shown)?;
    let is_kept =
        |line: &&String| !line.split(' ').next().is_some_and(|locale| names.iter().any(|name| name == locale));
    let text: String = file.lines().iter().filter(is_kept).map(String::as_str).collect();
    Replace::new(&path).write(cx.sys(), &file.encode(&text))?;
    tools::run_checked(cx, &[program.as_str(), "--purge"])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    const GEN: &str = "# de_DE.UTF-8 UTF-8\n# de_DE ISO-8859-1\nen_US.UTF-8 UTF-8\n";

    fn fake(path: &str) -> Fake {
        let fake = Fake::new().unwrap().on("locale-gen", 0, "");
        fake.write("/usr/share/i18n/SUPPORTED", "de_DE.UTF-8 UTF-8\nde_DE ISO-8859-1\nen_US.UTF-8 UTF-8\n").unwrap();
        fake.write(path, GEN).unwrap();
        fake
    }

    fn call(fake: &Fake, name: &'static str, state: &'static str) -> Reply {
        fake.call("community.general.locale_gen", args([("name", name), ("state", state)]))
    }

    #[test]
    fn locales_are_switched_on_and_off() {
        let fake = fake("/etc/locale.gen").on("locale -a", 0, "C\nen_US.utf8\n");
        let fake = fake.on("locale -a", 0, "C\nen_US.utf8\n").on("locale -a", 0, "C\nde_DE.utf8\n");
        let reply = call(&fake, "de_DE.UTF-8", "present");
        assert!(reply.changed, "{reply:?}");
        assert_eq!(reply.data.get("mechanism"), Some(&"glibc".into()));
        assert_eq!(fake.read("/etc/locale.gen").unwrap(), GEN.replacen("# ", "", 1));
        assert!(!call(&fake, "de_DE.UTF-8", "present").changed);
        assert!(!call(&fake, "en_US.UTF-8", "absent").changed);
        let check = fake.check("locale_gen", args([("name", "de_DE.UTF-8"), ("state", "absent")]));
        assert!(check.changed);
        assert_eq!(fake.command_lines().iter().filter(|line| line.starts_with("locale-gen")).count(), 1);
    }

    #[test]
    fn unknown_locales_and_systems_are_refused() {
        let fake = fake("/etc/locale.gen").on("locale -a", 0, "C\nC.utf8\n");
        let reply = call(&fake, "xx_XX,yy,de_DE", "present");
        assert_eq!(
            reply.data.get("msg"),
            Some(&"The following locales you have entered are not available on your system: xx_XX, yy".into())
        );
        assert!(!call(&fake, "C.UTF-8", "present").failed);
        let none = Fake::new().unwrap();
        assert!(call(&none, "C", "present").data.get("msg").unwrap().to_string().ends_with("\"locales\" installed?"));
    }

    #[test]
    fn old_ubuntu_has_a_file_of_its_own() {
        let fake =
            fake("/var/lib/locales/supported.d/local").on("locale -a", 0, "en_US.utf8\n").on("locale -a", 0, "\n");
        assert!(call(&fake, "de_DE", "present").data.get("ubuntu_mode") == Some(&true.into()));
        assert!(fake.command_lines().contains(&"locale-gen de_DE".to_owned()));
    }
}
