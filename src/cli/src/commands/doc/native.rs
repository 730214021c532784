//! What is native, documented from its source: the header of its file, the table of its arguments.

use std::collections::BTreeMap;

use rplay_modules::{Arg, ArgSpec, Kind as Type, Support};
use rplay_value::{List, Map, Value};

use super::docstring::Docs;
use super::header::{Header, plain};
use super::kind::Kind;
use crate::known::{PluginOption, plugin_options};

/// Native plugins that are not one file each.
const OTHERS: &str = include_str!("natives.tsv");

/// Stands where a plugin in Python has its file.
pub(super) const NATIVE: &str = "native";

/// One native plugin.
#[derive(Clone, Copy)]
pub(super) struct Native {
    pub(super) name: &'static str,
    pub(super) collection: &'static str,
    /// Further short names.
    pub(super) aliases: &'static [&'static str],
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Module {
        module: &'static rplay_modules::Module,
        header: &'static str,
    },
    Action {
        arguments: &'static [&'static str],
        check: bool,
        header: &'static str,
    },
    /// A filter, test or lookup with the names of its arguments.
    Plugin {
        params: &'static [&'static str],
        header: &'static str,
    },
    /// One of [`OTHERS`].
    Other {
        description: &'static str,
    },
}

impl Native {
    /// The name with its collection.
    pub(super) fn full(&self) -> String {
        format!("{}.{}", self.collection, self.name)
    }

    /// Whether it is meant by a name: full, short, or one that ansible-core redirects to it.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let short =
            name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy.")).unwrap_or(name);
        let own = name.strip_prefix(self.collection).and_then(|rest| rest.strip_prefix('.'));
        std::iter::once(&self.name).chain(self.aliases).any(|known| *known == short || Some(*known) == own)
    }

    /// The first sentence.
    pub(super) fn short(&self) -> String {
        match self.what {
            What::Module { header, .. } | What::Action { header, .. } | What::Plugin { header, .. } => {
                Header::read(header).short()
            }
            What::Other { description, .. } => plain(description.trim_end_matches('.')),
        }
    }

    /// Everything, in the shape that plugins in Python have.
    pub(super) fn docs(&self, kind: Kind) -> Docs {
        let mut doc = Map::new();
        doc.insert("collection", self.collection);
        doc.insert("filename", NATIVE);
        doc.insert("plugin_name", self.full());
        doc.insert(if kind == Kind::Module { "module" } else { "name" }, self.name);
        doc.insert("short_description", self.short());
        let (mut examples, mut returns) = (Value::Null, Value::Null);
        match self.what {
            What::Module { module, header } => {
                let header = Header::read(header).with(others_named(module.name, header));
                doc.insert("description", texts(header.description()));
                doc.insert(
                    "has_action",
                    rplay_engine::find_action(&self.full()).is_some_and(|action| action.traits().name == self.name),
                );
                doc.insert("attributes", attributes(Some((module.check, module.diff))));
                doc.insert("runs_on", "target");
                doc.insert("options", arguments(module.spec, &header));
                (examples, returns) = (header.example().map_or(Value::Null, Value::data), header.returns());
            }
            What::Action { arguments, check, header } => {
                let header = Header::read(header);
                doc.insert("description", texts(header.description()));
                doc.insert("has_action", true);
                doc.insert(
                    "attributes",
                    attributes(Some((if check { Support::Full } else { Support::None }, Support::None))),
                );
                // One that takes any argument has a meaning for those that its header names.
                let names = if arguments.is_empty() {
                    header.options()
                } else {
                    arguments.iter().map(|name| (*name).to_owned()).collect()
                };
                let names = names.into_iter().filter(|name| !name.starts_with('_'));
                let option =
                    |name: String| (Value::data(name.as_str()), Value::from(described(said(&header, &name), None)));
                doc.insert("options", names.map(option).collect::<Map>());
                doc.insert("runs_on", "controller");
                (examples, returns) = (header.example().map_or(Value::Null, Value::data), header.returns());
            }
            What::Plugin { params, header } => {
                let header = Header::read(header);
                doc.insert("description", texts(header.description()));
                let known = plugin_options(kind.name(), self.name);
                let mut options: Map =
                    known.iter().map(|option| (option.name, configured(option, said(&header, option.name)))).collect();
                let names: Vec<&str> = params.iter().copied().filter(|name| !name.starts_with('*')).collect();
                for name in &names {
                    if !options.contains(name) {
                        options.insert(*name, described(said(&header, name), None));
                    }
                }
                if !options.is_empty() {
                    doc.insert("options", options);
                }
                if !names.is_empty() {
                    doc.insert("positional", names.join(", "));
                }
                if !self.aliases.is_empty() {
                    doc.insert("aliases", self.aliases.iter().copied().collect::<List>());
                }
                (examples, returns) = (header.example().map_or(Value::Null, Value::data), header.returns());
            }
            What::Other { description } => {
                doc.insert("description", texts([plain(description)]));
                let known = plugin_options(kind.name(), self.name);
                let options: Map = others(kind)
                    .filter(|(name, option, _)| *name == self.full() && *option != "-")
                    .map(|(_, name, said)| match known.iter().find(|option| option.name == name) {
                        Some(option) => (name, configured(option, Some(plain(said)))),
                        None => (name, described(Some(plain(said)), None)),
                    })
                    .collect();
                if !options.is_empty() {
                    doc.insert("options", options);
                }
            }
        }
        Docs { doc, examples, returns, ..Docs::default() }
    }
}

/// Every native plugin of a kind, by full name.
pub(super) fn all(kind: Kind) -> BTreeMap<String, Native> {
    let mut found: Vec<Native> = Vec::new();
    let mut add = |name, collection, aliases, what| found.push(Native { name, collection, aliases, what });
    match kind {
        Kind::Module => {
            for (_, module, header) in rplay_modules::table() {
                add(module.name, module.collection, &[], What::Module { module, header });
            }
            for (_, action, header) in rplay_engine::actions() {
                let traits = action.traits();
                // `normal` is the action of every module that has none.
                let hidden = traits.name == "normal"
                    || rplay_modules::table()
                        .any(|(_, m, _)| m.name == traits.name && m.collection == traits.collection);
                if !hidden {
                    let what = What::Action { arguments: traits.arguments, check: traits.check_mode, header };
                    add(traits.name, traits.collection, &[], what);
                }
            }
        }
        Kind::Filter => {
            for (_, filter, header) in rplay_template::filters::TABLE {
                add(filter.name, filter.collection, filter.aliases, What::Plugin { params: filter.params, header });
            }
        }
        Kind::Test => {
            for (_, test, header) in rplay_template::tests::TABLE {
                add(test.name, test.collection, test.aliases, What::Plugin { params: test.params, header });
            }
        }
        Kind::Lookup => {
            for (_, lookup, header) in rplay_template::lookups::TABLE {
                add(lookup.name, lookup.collection, &[], What::Plugin { params: &[], header });
            }
        }
        other => {
            for (full, option, description) in others(other) {
                if let (Some(collection), "-") = (super::places::collection_of(full), option) {
                    add(&full[collection.len() + 1..], collection, &[], What::Other { description });
                }
            }
        }
    }
    found.into_iter().map(|native| (native.full(), native)).collect()
}

/// The headers of the modules that a module's header refers to: `dnf` describes the options of `yum`.
fn others_named(name: &str, header: &str) -> Vec<Header<'static>> {
    let named = |other: &str| other != name && header.contains(&format!("`{other}`, which describes"));
    rplay_modules::table()
        .filter(|(_, other, _)| named(other.name))
        .map(|(_, _, header)| Header::read(header))
        .collect()
}

fn others(kind: Kind) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    OTHERS.lines().filter(|line| !line.starts_with('#')).filter_map(move |line| {
        let mut columns = line.split('\t');
        let mut column = || columns.next();
        let row = (column()?, column()?, column()?, column()?);
        (row.0 == kind.name()).then_some((row.1, row.2, row.3))
    })
}

/// What a header says of an option, in its own words or in passing.
fn said(header: &Header<'_>, name: &str) -> Option<String> {
    header.option(name).or_else(|| header.item(name)).or_else(|| header.mention(name))
}

fn texts(paragraphs: impl IntoIterator<Item = String>) -> List {
    paragraphs.into_iter().map(Value::data).collect()
}

fn described(description: Option<String>, kind: Option<&str>) -> Map {
    let mut option = Map::from_iter([("description", texts(description))]);
    if let Some(kind) = kind {
        option.insert("type", kind);
    }
    option
}

/// An option of a plugin, with how it is set.
fn configured(option: &PluginOption, description: Option<String>) -> Map {
    let mut out = described(description, (option.kind != "none").then_some(option.kind));
    if !option.default.is_null() {
        out.insert("default", option.default.clone());
    }
    let named = |key: &'static str, items: &[&'static str]| {
        items.iter().map(|item| Map::from_iter([(key, *item)])).collect::<List>()
    };
    if !option.env.is_empty() {
        out.insert("env", named("name", &option.env));
    }
    if !option.ini.is_empty() {
        let entry =
            |(section, key): &(&'static str, &'static str)| Map::from_iter([("key", *key), ("section", *section)]);
        out.insert("ini", option.ini.iter().map(entry).collect::<List>());
    }
    if !option.vars.is_empty() {
        out.insert("vars", named("name", &option.vars));
    }
    out
}

fn attributes(support: Option<(Support, Support)>) -> Map {
    let entry = |description: &str, support: Support| {
        let word = match support {
            Support::Full => "full",
            Support::Partial => "partial",
            Support::None => "none",
        };
        Map::from_iter([("description", description), ("support", word)])
    };
    let entries = support.map(|(check, diff)| {
        [
            ("check_mode", entry("Tells what would change without changing it.", check)),
            ("diff_mode", entry("Shows what changes, with --diff.", diff)),
        ]
    });
    entries.into_iter().flatten().collect()
}

/// The arguments of a module, those of every file module included.
fn arguments(spec: &ArgSpec, header: &Header<'_>) -> Map {
    let shown = spec.all().filter(|arg| !arg.gone && !arg.name.starts_with('_'));
    shown.map(|arg| (arg.name, argument(arg, spec, header))).collect()
}

fn argument(arg: &Arg, spec: &ArgSpec, header: &Header<'_>) -> Map {
    let shared =
        || (spec.file && !spec.args.iter().any(|own| own.name == arg.name)).then(|| shared(arg.name)).flatten();
    let said = header.option(arg.name).or_else(|| arg.aliases.iter().find_map(|alias| header.option(alias)));
    let said = said.or_else(|| shared().or_else(|| common(arg.name)).map(str::to_owned));
    let said = said.or_else(|| header.item(arg.name)).or_else(|| header.mention(arg.name));
    let mut out = described(said, Some(type_name(arg.kind)));
    if arg.required {
        out.insert("required", true);
    }
    if !arg.aliases.is_empty() {
        out.insert("aliases", arg.aliases.iter().copied().collect::<List>());
    }
    if !arg.choices.is_empty() {
        out.insert("choices", arg.choices.iter().copied().collect::<List>());
    }
    if arg.kind == Type::List && arg.elements != Type::Raw {
        out.insert("elements", type_name(arg.elements));
    }
    if arg.no_log {
        out.insert("no_log", true);
    }
    if let Some(default) = arg.default {
        out.insert("default", default_value(arg.kind, default));
    }
    if let Some(inner) = arg.options {
        let inner = inner.all().filter(|arg| !arg.gone);
        out.insert("suboptions", inner.map(|arg| (arg.name, argument(arg, spec, header))).collect::<Map>());
    }
    out
}

fn default_value(kind: Type, text: &str) -> Value {
    match kind {
        Type::Bool => rplay_value::parse_bool(text).map_or_else(|| Value::data(text), Value::Bool),
        Type::Int | Type::Float => serde_json::from_str(text).unwrap_or_else(|_| Value::data(text)),
        Type::List if text.is_empty() => Value::from(List::new()),
        Type::List => Value::from(text.split(',').map(|item| Value::data(item.trim())).collect::<List>()),
        _ => Value::data(text),
    }
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Text => "str",
        Type::Path => "path",
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Float => "float",
        Type::List => "list",
        Type::Map => "dict",
        Type::Raw => "raw",
        Type::Json => "json",
        Type::Bytes => "bytes",
        Type::Bits => "bits",
    }
}

/// What the arguments of every file module are.
fn shared(name: &str) -> Option<&'static str> {
    Some(match name {
        "mode" => "Permissions: an octal number in quotes, or symbolic ones such as C(u=rw,g=r,o=).",
        "owner" => "Name or number of the user who owns the file.",
        "group" => "Name or number of the file's group.",
        "seuser" => "User of the SELinux context; C(_default) means the policy's.",
        "serole" => "Role of the SELinux context; C(_default) means the policy's.",
        "setype" => "Type of the SELinux context; C(_default) means the policy's.",
        "selevel" => "Level of the SELinux context; C(_default) means the policy's.",
        "attributes" => "Flags as chattr takes them: letters, with C(+), C(-) or C(=) in front.",
        "unsafe_writes" => "Write into the file where it stands when it cannot be replaced in one step.",
        _ => return None,
    })
}

/// What options of many modules are that mean the same everywhere.
fn common(name: &str) -> Option<&'static str> {
    Some(match name {
        "backup" => "Keep a copy of the file as it was, with the time in its name.",
        "ca_path" => "File with the certificates of authorities to trust.",
        "client_cert" => "Certificate to show, in PEM; it may hold the key too.",
        "client_key" => "Key of C(client_cert).",
        "debug" => "Return what was done.",
        "decompress" => "Unpack answers that are compressed.",
        "force_basic_auth" => "Send user and password with the first request, not only when they are asked for.",
        "headers" => "Further headers of the request.",
        "http_agent" => "What the request says it comes from.",
        "privatekey_content" => "The private key itself.",
        "privatekey_passphrase" => "The passphrase of the private key.",
        "privatekey_path" => "File of the private key.",
        "return_content" => "Return the content too.",
        "select_crypto_backend" => "There is no choice: both mean what is built in.",
        "state" => "What shall be so at the end.",
        "unix_socket" => "Socket to connect to, instead of the host of the address.",
        "unredirected_headers" => "Headers that are not sent again to where a redirect leads.",
        "uri" => "Address of the hypervisor.",
        "url_password" => "Password for the address.",
        "url_username" => "User for the address.",
        "use_netrc" => "Take user and password from ~/.netrc when none are given.",
        "use_proxy" => "Use the proxy that the environment names.",
        "validate" => "Command that must succeed with the new file, C(%s) in it, before that is put in place.",
        "validate_certs" => "Check the server's certificate.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_every_native_module_says_what_it_is() {
        let mut silent = Vec::new();
        for (name, native) in all(Kind::Module) {
            let docs = native.docs(Kind::Module);
            for (option, about) in docs.doc.get("options").and_then(Value::as_map).into_iter().flatten() {
                if about.get("description").and_then(Value::as_list).is_none_or(|list| list.is_empty()) {
                    silent.push(format!("{name} {}", option.to_str()));
                }
            }
        }
        assert!(silent.is_empty(), "{} options are not described: {}", silent.len(), silent.join(", "));
    }

    #[test]
    fn other_natives_are_what_the_crates_know() {
        let short = |kind| all(kind).into_values().map(|native| native.name).collect::<Vec<_>>();
        for name in rplay_output::NAMES.iter().chain(rplay_output::EXTRA_NAMES) {
            assert!(short(Kind::Callback).contains(name), "{name}");
        }
        for method in [rplay_protocol::Method::Sudo, rplay_protocol::Method::Su, rplay_protocol::Method::Doas] {
            assert!(short(Kind::Become).contains(&method.name()), "{method}");
        }
        assert_eq!(short(Kind::Cache), ["jsonfile", "memory", "sqlite"]);
        assert!(OTHERS.lines().all(|line| line.starts_with('#') || line.split('\t').count() == 4));
    }

    #[test]
    fn names_that_lead_to_a_native_one() {
        let modules = all(Kind::Module);
        for name in ["copy", "ansible.builtin.copy", "ansible.legacy.copy"] {
            assert!(modules["ansible.builtin.copy"].is_called(name), "{name}");
        }
        for name in ["ini_file", "ansible.builtin.ini_file", "community.general.ini_file"] {
            assert!(modules["community.general.ini_file"].is_called(name), "{name}");
        }
        assert!(!modules["community.general.ini_file"].is_called("ns.coll.ini_file"));
        assert!(modules.contains_key("ansible.builtin.debug") && !modules.contains_key("ansible.builtin.normal"));
    }
}
