//! Manages the alternatives of commands with update-alternatives.
//!
//! Options:
//! - `name` (required): the generic name. `path`: the alternative; `family`: on RPM systems its group; one of the two
//!   is needed.
//! - `link`: the generic link; needed where the name is not known yet.
//! - `priority`: 50 for a new alternative. `subcommands` (alias `slaves`): list of `name`, `link` and `path`.
//! - `state` (default `selected`): `present` installs, `selected` also selects, `auto` also leaves the choice to the
//!   system, `absent` removes.
//!
//! Returns: `msg`: what was done, `diff`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.general.alternatives:
//!     name: editor
//!     path: /usr/bin/vim.basic
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::{List, Map, Value};

use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Support, tools};

/// `community.general.alternatives`
pub static MODULE: Module = Module {
    name: "alternatives",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required(),
            Arg::path("path"),
            Arg::text("family"),
            Arg::path("link"),
            Arg::int("priority"),
            Arg::text("state").default("selected").choices(&["present", "selected", "absent", "auto"]),
            Arg::list("subcommands").elements(Kind::Map).alias(&["slaves"]).options(&ArgSpec {
                args: &[Arg::text("name").required(), Arg::path("path").required(), Arg::path("link").required()],
                ..ArgSpec::EMPTY
            }),
        ],
        one_of: &[&["path", "family"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// One file that a name may stand for.
#[derive(Debug, Default, PartialEq)]
struct Alternative {
    path: String,
    family: String,
    priority: i64,
    subcommands: Vec<Subcommand>,
}

/// A link that follows the choice.
#[derive(Clone, Debug, PartialEq)]
struct Subcommand {
    name: String,
    path: String,
    link: Option<String>,
}

impl Subcommand {
    fn shown(&self) -> Map {
        Map::from_iter([
            ("name", Value::from(self.name.as_str())),
            ("path", self.path.as_str().into()),
            ("link", self.link.as_deref().into()),
        ])
    }
}

/// What the system knows of a name.
#[derive(Debug, Default, PartialEq)]
struct Known {
    mode: Option<String>,
    path: Option<String>,
    link: Option<String>,
    alternatives: Vec<Alternative>,
}

impl Known {
    fn find(&self, path: &str) -> Option<&Alternative> {
        self.alternatives.iter().find(|alternative| alternative.path == path)
    }
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (name, path, family) = (args.need("name"), args.text("path"), args.text("family"));
    let state = args.need("state");
    let program = tools::need(cx, "update-alternatives")?;
    let wanted = subcommands(args);
    let output = tools::run(cx, &[program.as_str(), "--display", name])?;
    let shown = output.success().then(|| output.out());
    let known = shown.as_deref().map(|text| parse(text, wanted.as_deref())).unwrap_or_default();
    let here = path.and_then(|path| known.find(path));
    let call = Call { cx, args, program, known: &known, here, wanted };

    let (mut done, mut after) = (Vec::new(), Map::new());
    if state == "absent" {
        if let Some(here) = here {
            call.act(&["--remove", name, &here.path])?;
            done.push(format!("Remove alternative '{}' from '{name}'.", here.path));
            after.insert("state", "absent");
        }
    } else {
        if let Some(path) = path.filter(|_| call.differs()) {
            call.install(path)?;
            done.push(format!("Install alternative '{path}' for '{name}'."));
            after = call.installed(path);
        }
        let current = known.path.as_deref();
        let same_path = path.is_some() && current == path;
        let same_family =
            current.and_then(|current| known.find(current)).is_some_and(|now| Some(now.family.as_str()) == family);
        if state == "selected" && !same_path && !same_family {
            let choice = path.or(family).unwrap_or_default();
            call.act(&["--set", name, choice])?;
            done.push(format!("Set alternative '{choice}' for '{name}'."));
            after.insert("state", "selected");
        }
        if state == "auto" && known.mode.as_deref() == Some("manual") {
            call.act(&["--auto", name])?;
            done.push(format!("Set alternative to auto for '{name}'."));
            after.insert("state", "present");
        }
    }
    let before = if cx.diff() && known.mode.is_some() { call.before() } else { Map::new() };
    let after = if cx.diff() { after } else { Map::new() };
    let reply = Reply::changed(!done.is_empty()).with("msg", done.join(" "));
    Ok(reply.with_diff(Some(Diff::attributes(before, after))))
}

fn subcommands(args: &Args) -> Option<Vec<Subcommand>> {
    let text = |map: &Map, name: &str| map.get(name).map(ToString::to_string);
    let one = |map: &Map| {
        let (name, path) = (text(map, "name").unwrap_or_default(), text(map, "path").unwrap_or_default());
        Subcommand { name, path, link: text(map, "link") }
    };
    Some(args.list("subcommands")?.iter().filter_map(Value::as_map).map(one).collect())
}

struct Call<'a> {
    cx: &'a Context<'a>,
    args: &'a Args,
    program: String,
    known: &'a Known,
    /// What the system knows of the path the call is about.
    here: Option<&'a Alternative>,
    wanted: Option<Vec<Subcommand>>,
}

impl Call<'_> {
    fn act(&self, words: &[&str]) -> Result<(), ModuleError> {
        if !self.cx.check() {
            let argv: Vec<&str> = [self.program.as_str()].into_iter().chain(words.iter().copied()).collect();
            tools::run_checked(self.cx, &argv)?;
        }
        Ok(())
    }

    /// Whether the path is not installed as it shall be.
    fn differs(&self) -> bool {
        let Some(here) = self.here else { return true };
        let among = |some: &[Subcommand], others: &[Subcommand]| some.iter().all(|one| others.contains(one));
        self.args.int("priority").is_some_and(|priority| priority != here.priority)
            || self.wanted.as_deref().is_some_and(|w| !among(&here.subcommands, w) || !among(w, &here.subcommands))
    }

    fn link(&self) -> Option<&str> {
        self.args.text("link").filter(|link| !link.is_empty()).or(self.known.link.as_deref())
    }

    fn priority(&self) -> i64 {
        self.args.int("priority").unwrap_or_else(|| self.here.map_or(50, |here| here.priority))
    }

    fn install(&self, path: &str) -> Result<(), ModuleError> {
        if !self.cx.path(path).exists() {
            return Err(ModuleError::msg(format!("Specified path {path} does not exist")));
        }
        let link = self.link().ok_or_else(|| {
            ModuleError::msg("Needed to install the alternative, but unable to do so as we are missing the link")
        })?;
        let priority = self.priority().to_string();
        let mut words = vec!["--install", link, self.args.need("name"), path, &priority];
        if let Some(family) = self.args.text("family") {
            words.extend(["--family", family]);
        }
        for subcommand in self.wanted.iter().flatten() {
            let link = subcommand.link.as_deref().unwrap_or_default();
            words.extend(["--slave", link, &subcommand.name, &subcommand.path]);
        }
        self.act(&words)
    }

    /// The subcommands the path has or will have.
    fn subcommands(&self) -> Option<List> {
        let of_path = || self.here.map(|here| here.subcommands.as_slice());
        let subcommands = self.wanted.as_deref().or_else(of_path)?;
        Some(subcommands.iter().map(Subcommand::shown).collect()).filter(|list: &List| !list.is_empty())
    }

    fn installed(&self, path: &str) -> Map {
        let mut after = Map::from_iter([
            ("state", Value::from("present")),
            ("path", path.into()),
            ("family", self.args.text("family").into()),
            ("priority", self.priority().into()),
            ("link", self.link().into()),
        ]);
        if let Some(subcommands) = self.subcommands() {
            after.insert("subcommands", subcommands);
        }
        after
    }

    fn before(&self) -> Map {
        let Some(here) = self.here else { return Map::from_iter([("state", "absent")]) };
        let other_is_chosen =
            self.known.mode.as_deref() == Some("manual") && self.known.path.as_deref() != Some(&here.path);
        let mut before = Map::from_iter([
            ("state", Value::from(if other_is_chosen { "selected" } else { "present" })),
            ("path", here.path.as_str().into()),
            ("priority", here.priority.into()),
            ("link", self.known.link.as_deref().into()),
        ]);
        if !here.subcommands.is_empty() {
            before.insert("subcommands", here.subcommands.iter().map(Subcommand::shown).collect::<List>());
        }
        before
    }
}

/// What `update-alternatives --display` prints, on Debian and on RPM systems. There, links of subcommands are not told,
/// and are taken to be those asked for.
fn parse(text: &str, wanted: Option<&[Subcommand]>) -> Known {
    let mut known = Known::default();
    let mut links: Vec<(String, String)> = Vec::new();
    let follower = |line: &str| {
        let rest = line.trim_start();
        rest.strip_prefix("slave ").or_else(|| rest.strip_prefix("follower ")).map(str::to_owned)
    };
    for line in text.lines() {
        if known.mode.is_none() {
            known.mode = mode(line);
        }
        let inside = line.trim_start();
        if let Some(path) = inside.strip_prefix("link currently points to ") {
            known.path.get_or_insert_with(|| path.to_owned());
        } else if let Some((name, link)) = inside.strip_prefix("link ").and_then(|rest| rest.split_once(" is "))
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            known.link.get_or_insert_with(|| link.to_owned());
        } else if let Some(alternative) = alternative(line) {
            known.alternatives.push(alternative);
        } else if let Some(rest) = follower(line) {
            if let Some((name, path)) = rest.split_once(": ") {
                if let Some(last) = known.alternatives.last_mut().filter(|_| path != "(null)") {
                    let (name, path) = (name.to_owned(), path.to_owned());
                    last.subcommands.push(Subcommand { name, path, link: None });
                }
            } else if let Some((name, link)) = rest.split_once(" is ") {
                links.push((name.to_owned(), link.to_owned()));
            }
        }
    }
    // What has no mode is not understood.
    if known.mode.is_none() {
        return Known::default();
    }
    if links.is_empty() {
        links.extend(wanted.unwrap_or_default().iter().filter_map(|s| Some((s.name.clone(), s.link.clone()?))));
    }
    for subcommand in known.alternatives.iter_mut().flat_map(|alternative| &mut alternative.subcommands) {
        subcommand.link = links.iter().rfind(|(name, _)| *name == subcommand.name).map(|(_, link)| link.clone());
    }
    known
}

/// `editor - auto mode`, `java - status is manual.`
fn mode(line: &str) -> Option<String> {
    let (_, status) = line.split_once(" - ")?;
    let status = status.strip_prefix("status is ").unwrap_or(status);
    let mode = status.strip_suffix(" mode").or_else(|| status.strip_suffix('.'))?;
    mode.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| mode.to_owned())
}

/// `/bin/nano - priority 40`, `/opt/java - family java-17 priority 1`
fn alternative(line: &str) -> Option<Alternative> {
    let (path, rest) = line.rsplit_once(" - ").filter(|(path, _)| path.starts_with('/'))?;
    let (family, rest) = match rest.strip_prefix("family ") {
        Some(rest) => rest.split_once(' ')?,
        None => ("", rest),
    };
    let number = rest.strip_prefix("priority ")?.split_whitespace().next()?;
    let (path, family) = (path.to_owned(), family.to_owned());
    Some(Alternative { path, family, priority: number.parse().ok()?, subcommands: Vec::new() })
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;
    use rplay_value::{Map, Value};

    use super::parse;
    use crate::testing::{Fake, args};

    const EDITOR: &str = "editor - manual mode\n  link best version is /bin/nano\n  link currently points to /bin/nano\n  \
        link editor is /usr/bin/editor\n  slave editor.1.gz is /usr/share/man/man1/editor.1.gz\n/bin/ed - priority -100\n  \
        slave editor.1.gz: /usr/share/man/man1/ed.1.gz\n/bin/nano - priority 40\n";

    fn fake() -> Fake {
        let fake = Fake::new().unwrap().on("update-alternatives", 0, "");
        let fake =
            fake.on("update-alternatives --display editor", 0, EDITOR).on("update-alternatives --display new", 2, "");
        for path in ["/bin/ed", "/bin/nano", "/bin/vi"] {
            fake.write(path, "").unwrap();
        }
        fake
    }

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.call("community.general.alternatives", args(given.iter().copied()))
    }

    fn msg(reply: &Reply) -> String {
        reply.data.get("msg").unwrap().to_string()
    }

    #[test]
    fn what_is_chosen_stays() {
        let fake = fake();
        assert!(!call(&fake, &[("name", "editor"), ("path", "/bin/nano")]).changed);
        assert_eq!(
            msg(&call(&fake, &[("name", "editor"), ("path", "/bin/ed")])),
            "Set alternative '/bin/ed' for 'editor'."
        );
        assert_eq!(
            msg(&call(&fake, &[("name", "editor"), ("path", "/bin/vi"), ("state", "auto")])),
            "Install alternative '/bin/vi' for 'editor'. Set alternative to auto for 'editor'."
        );
        assert!(
            !call(&fake, &[("name", "editor"), ("path", "/bin/ed"), ("priority", "-100"), ("state", "present")])
                .changed
        );
        assert!(call(&fake, &[("name", "editor"), ("path", "/bin/ed"), ("state", "absent")]).changed);
        assert!(!call(&fake, &[("name", "editor"), ("path", "/bin/vi"), ("state", "absent")]).changed);
        let lines: Vec<String> = fake.command_lines().into_iter().filter(|line| !line.contains("--display")).collect();
        assert_eq!(
            lines,
            [
                "update-alternatives --set editor /bin/ed",
                "update-alternatives --install /usr/bin/editor editor /bin/vi 50",
                "update-alternatives --auto editor",
                "update-alternatives --remove editor /bin/ed",
            ]
        );
    }

    #[test]
    fn new_names_need_a_link_and_a_file() {
        let fake = fake();
        assert_eq!(
            msg(&call(&fake, &[("name", "new"), ("path", "/bin/vi")])),
            "Needed to install the alternative, but unable to do so as we are missing the link"
        );
        assert_eq!(
            msg(&call(&fake, &[("name", "new"), ("path", "/bin/none"), ("link", "/x")])),
            "Specified path /bin/none does not exist"
        );
        assert_eq!(msg(&call(&fake, &[("name", "new")])), "one of the following is required: path, family");
        let one = Map::from_iter([("name", "new.1"), ("path", "/bin/ed"), ("link", "/y")]);
        let mut given = args([("name", "new"), ("path", "/bin/vi"), ("link", "/x"), ("family", "f")]);
        given.insert("subcommands", Value::from(vec![one]));
        let reply = fake.check("alternatives", given);
        assert_eq!(reply.diff[0].before, Some(Map::new().into()));
        let after = reply.diff[0].after.clone().unwrap();
        assert_eq!((after.get("state"), after.get("family")), (Some(&"selected".into()), Some(&"f".into())));
        assert!(after.get("subcommands").is_some());
    }

    #[test]
    fn nothing_of_a_subcommand_is_a_secret() {
        let mut given = args([("name", "new"), ("path", "/bin/vi")]);
        given.insert("subcommands", Value::from(vec![Map::from_iter([("name", "a"), ("path", "/b")])]));
        let reply = fake().call("alternatives", given);
        assert_eq!(reply.data.get("msg"), Some(&"missing required arguments: link found in subcommands".into()));
    }

    #[test]
    fn rpm_systems_print_families() {
        let known = parse(
            "java - status is auto.\n link currently points to /opt/j17\n/opt/j17 - family java-17 priority 17\n \
             follower jre: /opt/jre\n follower none: (null)\nCurrent `best' version is /opt/j17.\n",
            None,
        );
        assert_eq!((known.mode.as_deref(), known.path.as_deref(), known.link), (Some("auto"), Some("/opt/j17"), None));
        let java = &known.alternatives[0];
        assert_eq!((java.family.as_str(), java.priority, java.subcommands.len()), ("java-17", 17, 1));
        assert_eq!(parse("nothing known\n", None), super::Known::default());
    }
}
