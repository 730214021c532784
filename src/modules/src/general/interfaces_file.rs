//! Keeps options of interfaces in files such as `/etc/network/interfaces`.
//!
//! Options:
//! - `dest` (path, default `/etc/network/interfaces`): the file.
//! - `iface`: the interface, which has to be in the file; needed with `option`. `address_family`: `inet`, `inet6`, where
//!   it is there several times.
//! - `option`, `value`: the last line of the option gets the value; `pre-up`, `up`, `post-up` and `down` are added
//!   to what is there; `method` is the interface's own method.
//! - `state` (default `present`): `absent` removes the option, of `up` and the like only with that value if one is given.
//! - `backup`: keep a copy; and those of every file module: `owner`, `group`, `mode`, ...
//!
//! Returns: `dest`, `ifaces`: a mapping for each interface of its options, lists for `up` and the like.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.interfaces_file:
//!     iface: eth1
//!     option: mtu
//!     value: 9000
//! ```

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::{
    Arg, ArgSpec, Args, Context, FileAttrs, Module, ModuleError, Replace, Support, TextFile, backup, real_path,
};

/// `community.general.interfaces_file`
pub static MODULE: Module = Module {
    name: "interfaces_file",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::path("dest").default("/etc/network/interfaces"),
            Arg::text("iface"),
            Arg::text("address_family"),
            Arg::text("option"),
            Arg::text("value"),
            Arg::bool("backup").default("false"),
            Arg::text("state").default("present").choices(&["absent", "present"]),
        ],
        file: true,
        required_by: &[("option", &["iface"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// Options that may be there many times.
const SCRIPTS: [&str; 4] = ["pre-up", "up", "down", "post-up"];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (dest, present) = (args.need("dest"), args.need("state") == "present");
    let option = args.text("option");
    if option.is_some() && present && args.get("value").is_none() {
        return Err(ModuleError::msg("Value must be set if option is defined and state is 'present'"));
    }
    let path = real_path(&cx.path(dest));
    let file = TextFile::read_given(&path, dest)?;
    let mut lines = read(&file.lines())?;
    let mut changed = false;
    if let Some(option) = option {
        let edit =
            Edit { iface: args.need("iface"), family: args.text("address_family"), option, value: args.text("value") };
        changed = if present { edit.set(&mut lines)? } else { edit.unset(&mut lines)? };
    }
    let texts: Vec<String> = lines.into_iter().map(|line| line.text).collect();
    let ifaces = described(&read(&texts)?);
    if changed && !cx.check() {
        if args.flag("backup") {
            backup(&path, false)?;
        }
        let write = Replace::new(&path).unsafe_writes(args.flag("unsafe_writes"));
        write.write(cx.sys(), &file.encode(&texts.concat()))?;
    }
    changed |= FileAttrs::from_args(args)?.apply(cx, &path, None)?;
    Ok(Reply::changed(changed).with("dest", dest).with("ifaces", ifaces))
}

/// A line of the file.
struct Line {
    text: String,
    iface: Option<Stanza>,
}

/// What a line says of an interface: its heading, or an option of it.
#[derive(Clone)]
struct Stanza {
    name: String,
    family: Option<String>,
    /// Option and value; the method, if any, of a heading.
    option: Option<(String, String)>,
    method: Option<String>,
}

fn read(texts: &[String]) -> Result<Vec<Line>, ModuleError> {
    let mut lines = Vec::with_capacity(texts.len());
    let mut current: Option<Stanza> = None;
    let mut is_inside_something = false;
    for (number, text) in texts.iter().enumerate() {
        let words: Vec<&str> = text.split_whitespace().collect();
        let first = words.first().copied().unwrap_or_default();
        let mut iface = None;
        if first == "iface" {
            let word = |n: usize| words.get(n).map(|word| (*word).to_owned());
            let name =
                word(1).ok_or_else(|| ModuleError::msg(format!("iface without a name in line {}", number + 1)))?;
            current = Some(Stanza { name, family: word(2), option: None, method: word(3) });
            iface.clone_from(&current);
            is_inside_something = true;
        } else if first.is_empty() || first.starts_with('#') {
        } else if is_heading(first) {
            current = None;
            is_inside_something = true;
        } else if let Some(heading) = &current {
            let value = text.trim_start()[first.len()..].trim().to_owned();
            iface = Some(Stanza { option: Some((first.to_owned(), value)), ..heading.clone() });
        } else if !is_inside_something {
            return Err(ModuleError::msg(format!("misplaced option {text} in line {}", number + 1)));
        }
        lines.push(Line { text: text.clone(), iface });
    }
    Ok(lines)
}

fn is_heading(word: &str) -> bool {
    ["mapping", "source", "source-dir", "source-directory", "auto", "no-auto-down", "no-scripts"].contains(&word)
        || word.starts_with("allow-")
}

/// The interfaces as results show them. Of several stanzas of one name the last one counts.
fn described(lines: &[Line]) -> Map {
    let mut ifaces = Map::new();
    for stanza in lines.iter().filter_map(|line| line.iface.as_ref()) {
        let Some((option, value)) = &stanza.option else {
            let mut iface: Map = SCRIPTS.into_iter().map(|name| (name, List::new())).collect();
            iface.insert("address_family", stanza.family.as_deref());
            iface.insert("method", stanza.method.as_deref());
            ifaces.insert(stanza.name.as_str(), iface);
            continue;
        };
        let Some(Value::Map(iface)) = ifaces.get_mut(&stanza.name) else { continue };
        if let Some(Value::List(scripts)) = iface.get_mut(option) {
            scripts.push(value.as_str());
        } else {
            iface.insert(option.as_str(), value.as_str());
        }
    }
    ifaces
}

struct Edit<'a> {
    iface: &'a str,
    family: Option<&'a str>,
    option: &'a str,
    value: Option<&'a str>,
}

impl Edit<'_> {
    /// Where the interface's heading and options are.
    fn own(&self, lines: &[Line]) -> Result<Vec<usize>, ModuleError> {
        let is_own = |line: &Line| {
            let stanza = line.iface.as_ref().filter(|stanza| stanza.name == self.iface);
            stanza.is_some_and(|s| self.family.is_none_or(|family| s.family.as_deref() == Some(family)))
        };
        let own: Vec<usize> = (0..lines.len()).filter(|at| is_own(&lines[*at])).collect();
        if own.is_empty() {
            return Err(ModuleError::msg(format!("Error: interface {} not found", self.iface)));
        }
        Ok(own)
    }

    /// Those of them that hold the option.
    fn holding(&self, lines: &[Line], own: &[usize]) -> Vec<usize> {
        own.iter().copied().filter(|at| option_of(&lines[*at]).is_some_and(|(name, _)| name == self.option)).collect()
    }

    fn set(&self, lines: &mut Vec<Line>) -> Result<bool, ModuleError> {
        let own = self.own(lines)?;
        let holding = self.holding(lines, &own);
        let value = self.value.unwrap_or_default();
        let has_options = own.iter().any(|at| option_of(&lines[*at]).is_some());
        let (Some(at), last) = (holding.last(), own[own.len() - 1]) else {
            return Ok(self.add(lines, own[own.len() - 1], has_options));
        };
        if SCRIPTS.contains(&self.option) {
            if holding.iter().any(|at| option_of(&lines[*at]).is_some_and(|(_, now)| now == value)) {
                return Ok(false);
            }
            return Ok(self.add(lines, *at, last > 0 && has_options));
        }
        let line = &mut lines[*at];
        let now = option_of(line).map(|(_, now)| now.to_owned()).unwrap_or_default();
        if now == value {
            return Ok(false);
        }
        // The rest of the line, spaces and all, stays.
        let start = line.text.find(self.option).map_or(0, |at| at + self.option.len());
        let start = line.text[start..].find(&now).map_or(line.text.len(), |at| start + at);
        line.text.replace_range(start..start + now.len(), value);
        Ok(true)
    }

    /// Adds the option behind a line, indented like it.
    fn add(&self, lines: &mut Vec<Line>, after: usize, has_options: bool) -> bool {
        let value = self.value.unwrap_or_default();
        if self.option == "method" {
            return self.set_method(lines, value);
        }
        let last = &mut lines[after].text;
        if !last.ends_with('\n') {
            last.push('\n');
        }
        let indent = &last[..last.len() - last.trim_start().len()];
        let indent = if has_options { indent.to_owned() } else { format!("{indent}    ") };
        let end = &last[last.trim_end().len()..];
        let text = format!("{indent}{} {value}{end}", self.option);
        lines.insert(after + 1, Line { text, iface: None });
        true
    }

    /// The method is the last word of the heading.
    fn set_method(&self, lines: &mut [Line], value: &str) -> bool {
        let mut changed = false;
        for line in lines {
            let Some(stanza) = line.iface.as_mut().filter(|s| s.option.is_none() && s.name == self.iface) else {
                continue;
            };
            let method = stanza.method.as_deref().unwrap_or_default();
            if method == value || self.family.is_some_and(|family| stanza.family.as_deref() != Some(family)) {
                continue;
            }
            let text = line.text.trim_end();
            let (kept, end) = (text.strip_suffix(method).unwrap_or(text).len(), text.len());
            line.text.replace_range(kept..end, value);
            stanza.method = Some(value.to_owned());
            changed = true;
        }
        changed
    }

    fn unset(&self, lines: &mut Vec<Line>) -> Result<bool, ModuleError> {
        let own = self.own(lines)?;
        let mut gone = self.holding(lines, &own);
        if let Some(value) = self.value.filter(|value| SCRIPTS.contains(&self.option) && *value != "None") {
            gone.retain(|at| option_of(&lines[*at]).is_some_and(|(_, now)| now == value));
        }
        let mut at = 0;
        lines.retain(|_| {
            at += 1;
            gone.binary_search(&(at - 1)).is_err()
        });
        Ok(!gone.is_empty())
    }
}

fn option_of(line: &Line) -> Option<(&str, &str)> {
    line.iface.as_ref()?.option.as_ref().map(|(name, value)| (name.as_str(), value.as_str()))
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;
    use rplay_value::Value;

    use crate::testing::{Fake, args};

    const FILE: &str = "# lo\nauto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n    address 10.0.0.2\n    \
        mtu  1500\n    up ip route add a\n    up ip route add b\niface eth0 inet6 auto\n";

    fn fake() -> Fake {
        let fake = Fake::new().unwrap();
        fake.write("/etc/network/interfaces", FILE).unwrap();
        fake
    }

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.call("community.general.interfaces_file", args(given.iter().copied()))
    }

    fn text(fake: &Fake) -> String {
        fake.read("/etc/network/interfaces").unwrap()
    }

    #[test]
    fn interfaces_are_described() {
        let reply = call(&fake(), &[]);
        assert!(!reply.changed);
        let ifaces = reply.data.get("ifaces").unwrap();
        assert_eq!(ifaces.get("lo").and_then(|lo| lo.get("method")), Some(&"loopback".into()));
        assert_eq!(ifaces.get("eth0").and_then(|eth0| eth0.get("address_family")), Some(&"inet6".into()));
    }

    #[test]
    fn options_are_set_added_and_removed() {
        let fake = fake();
        let set = |option, value| [("iface", "eth0"), ("address_family", "inet"), ("option", option), ("value", value)];
        assert!(!call(&fake, &set("mtu", "1500")).changed);
        assert!(call(&fake, &set("mtu", "9000")).changed);
        assert!(text(&fake).contains("    mtu  9000\n"));
        assert!(!call(&fake, &set("up", "ip route add a")).changed);
        assert!(call(&fake, &set("up", "ip route add c")).changed);
        assert!(call(&fake, &set("gateway", "10.0.0.1")).changed);
        assert!(text(&fake).ends_with("    up ip route add c\n    gateway 10.0.0.1\niface eth0 inet6 auto\n"));
        assert!(call(&fake, &[("iface", "lo"), ("option", "mtu"), ("value", "65536")]).changed);
        assert!(text(&fake).contains("iface lo inet loopback\n    mtu 65536\n"));
        assert!(call(&fake, &set("method", "dhcp")).changed);
        assert!(text(&fake).contains("iface eth0 inet dhcp\n"));
        let gone = |option| [("iface", "eth0"), ("option", option), ("state", "absent")];
        assert!(
            call(&fake, &[("iface", "eth0"), ("option", "up"), ("value", "ip route add b"), ("state", "absent")])
                .changed
        );
        assert!(text(&fake).contains("add a") && !text(&fake).contains("add b"));
        assert!(call(&fake, &gone("up")).changed);
        assert!(!call(&fake, &gone("up")).changed);
        assert!(!text(&fake).contains("up ip"));
    }

    #[test]
    fn check_mode_writes_nothing_and_errors_say_what_is_wrong() {
        let fake = fake();
        let given = args([("iface", "lo"), ("option", "mtu"), ("value", "9")]);
        let reply = fake.check("interfaces_file", given);
        assert!(reply.changed);
        assert_eq!(reply.data.get("ifaces").and_then(|i| i.get("lo")).and_then(|i| i.get("mtu")), Some(&"9".into()));
        assert_eq!(text(&fake), FILE);
        let msg = |reply: Reply| reply.data.get("msg").and_then(Value::as_str).unwrap().to_owned();
        assert_eq!(
            msg(call(&fake, &[("iface", "eth9"), ("option", "mtu"), ("value", "1")])),
            "Error: interface eth9 not found"
        );
        assert_eq!(
            msg(call(&fake, &[("iface", "eth0"), ("option", "mtu")])),
            "Value must be set if option is defined and state is 'present'"
        );
        assert_eq!(
            msg(call(&fake, &[("option", "mtu"), ("value", "1")])),
            "missing parameter(s) required by 'option': iface"
        );
        assert!(msg(call(&fake, &[("dest", "/none")])).starts_with("[Errno 2]"));
        fake.write("/etc/odd", "mtu 5\n").unwrap();
        assert_eq!(msg(call(&fake, &[("dest", "/etc/odd")])), "misplaced option mtu 5\n in line 1");
    }
}
