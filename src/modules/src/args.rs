//! Module arguments: what a module takes, checked and converted as Ansible's `argument_spec` does.

use rplay_value::{List, Map, Value};

use crate::convert::Surroundings;
use crate::validate;

/// The type an argument is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any value's `str`.
    Text,
    /// Text with `~` and variables expanded.
    Path,
    /// yes/no/on/off/true/false/1/0 and real booleans.
    Bool,
    /// Integer.
    Int,
    /// Float.
    Float,
    /// A list, or text split at commas.
    List,
    /// A mapping, JSON text or `k=v` pairs.
    Map,
    /// Anything, untouched.
    Raw,
    /// A list, mapping or text rendered as JSON text.
    Json,
    /// Number of bytes from text such as `10M`.
    Bytes,
    /// Number of bits from text such as `10Mb`.
    Bits,
}

/// One argument. Built with const calls: `Arg::path("path").required().alias(&["dest"])`.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// Type.
    pub kind: Kind,
    /// Type of a list's items; [`Kind::Raw`] leaves them as they are.
    pub elements: Kind,
    /// Must be given.
    pub required: bool,
    /// Text that stands for it when it is not given, converted like any other.
    pub default: Option<&'static str>,
    /// The only values allowed; empty means any.
    pub choices: &'static [&'static str],
    /// A secret: cut from every output.
    pub no_log: bool,
    /// Arguments inside a mapping, or inside each mapping of a list.
    pub options: Option<&'static ArgSpec>,
    /// Only old releases have it: taken without effect, named nowhere, and in results only where it was given.
    pub gone: bool,
}

macro_rules! arg_kinds {
    ($($(#[$doc:meta])* $name:ident $kind:ident;)*) => {
        $($(#[$doc])* pub const fn $name(name: &'static str) -> Self {
            Self::new(name, Kind::$kind)
        })*
    };
}

impl Arg {
    /// An optional argument of this type.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            elements: Kind::Text,
            required: false,
            default: None,
            choices: &[],
            no_log: false,
            options: None,
            gone: false,
        }
    }

    arg_kinds! {
        /// Text.
        text Text;
        /// A path.
        path Path;
        /// A boolean.
        bool Bool;
        /// An integer.
        int Int;
        /// A float.
        float Float;
        /// A list of texts.
        list List;
        /// A mapping.
        map Map;
        /// Anything.
        raw Raw;
        /// JSON text.
        json Json;
        /// A number of bytes.
        bytes Bytes;
        /// A number of bits.
        bits Bits;
    }

    /// It must be given.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Other names.
    pub const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// What stands for it when it is not given.
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// The only values allowed.
    pub const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    /// A secret.
    pub const fn no_log(mut self) -> Self {
        self.no_log = true;
        self
    }

    /// Type of a list's items.
    pub const fn elements(mut self, elements: Kind) -> Self {
        self.elements = elements;
        self
    }

    /// Only old releases have it.
    pub const fn gone(mut self) -> Self {
        self.gone = true;
        self
    }

    /// Arguments inside.
    pub const fn options(mut self, options: &'static ArgSpec) -> Self {
        self.options = Some(options);
        self
    }
}

/// The arguments of a module and the rules between them. `..ArgSpec::EMPTY` fills the rest.
#[derive(Clone, Copy, Debug)]
pub struct ArgSpec {
    /// The arguments.
    pub args: &'static [Arg],
    /// Takes a free form (`command: ls`), as the argument `_raw_params`.
    pub free_form: bool,
    /// Also takes owner, group, mode, attributes, seuser, serole, setype, selevel, unsafe_writes.
    pub file: bool,
    /// At most one of each set.
    pub exclusive: &'static [&'static [&'static str]],
    /// All or none of each set.
    pub together: &'static [&'static [&'static str]],
    /// At least one of each set.
    pub one_of: &'static [&'static [&'static str]],
    /// `(argument, value, needed)`: when the argument has the value, the others are needed.
    pub required_if: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// `(argument, value, needed)`: when the argument has the value, at least one of the others is needed.
    pub required_if_any: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// `(argument, needed)`: when the argument is given, the others are needed.
    pub required_by: &'static [(&'static str, &'static [&'static str])],
    /// Any other argument is accepted as it is (set_fact, add_host).
    pub open: bool,
}

impl ArgSpec {
    /// No arguments and no rules.
    pub const EMPTY: Self = Self {
        args: &[],
        free_form: false,
        file: false,
        exclusive: &[],
        together: &[],
        one_of: &[],
        required_if: &[],
        required_if_any: &[],
        required_by: &[],
        open: false,
    };

    /// Checks and converts arguments in the environment of this process. `module` is named in errors.
    pub fn check(&self, module: &str, given: &Map) -> Result<Args, ArgError> {
        self.check_in(module, given, &Surroundings::of_process())
    }

    /// Checks and converts arguments; `~` and `$NAME` in paths mean what they mean in `surroundings`.
    pub fn check_in(&self, module: &str, given: &Map, surroundings: &Surroundings<'_>) -> Result<Args, ArgError> {
        validate::check(self, module, given, surroundings)
    }

    /// Every argument the module takes: its own, then those all file modules share.
    pub fn all(&self) -> impl Iterator<Item = &'static Arg> + use<> {
        self.args.iter().chain(if self.file { FILE_ARGS } else { &[] })
    }

    /// The argument of this name or alias.
    pub fn find(&self, name: &str) -> Option<&'static Arg> {
        self.all().find(|arg| arg.name == name || arg.aliases.contains(&name))
    }
}

/// What every module that writes files takes besides its own arguments.
pub(crate) const FILE_ARGS: &[Arg] = &[
    Arg::raw("mode"),
    Arg::text("owner"),
    Arg::text("group"),
    Arg::text("seuser"),
    Arg::text("serole"),
    Arg::text("selevel"),
    Arg::text("setype"),
    Arg::text("attributes").alias(&["attr"]),
    Arg::bool("unsafe_writes").default("false"),
];

/// Arguments that do not fit; the text is Ansible's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArgError {
    /// What does not fit.
    pub message: String,
    /// The argument it is about.
    pub argument: Option<String>,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

/// Checked arguments: every argument of the spec is present, converted, or null when it has no default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    pub(crate) values: Map,
    pub(crate) secrets: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

impl Args {
    /// The value as converted; `None` when not given and without default.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|v| !v.is_null())
    }

    /// Text or path.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Text or path that the spec requires or defaults; empty if it does neither.
    pub fn need(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A boolean, false when not given.
    pub fn flag(&self, name: &str) -> bool {
        self.bool(name).unwrap_or(false)
    }

    /// A boolean, if given or defaulted.
    pub fn bool(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// An integer.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_int()
    }

    /// A float.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Float(f) => Some(*f),
            Value::Int(i) => Some(*i as f64),
            _ => None,
        }
    }

    /// A list.
    pub fn list(&self, name: &str) -> Option<&List> {
        self.get(name)?.as_list()
    }

    /// A list's texts.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).map(|l| l.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    /// A mapping.
    pub fn map(&self, name: &str) -> Option<&Map> {
        self.get(name)?.as_map()
    }

    /// All of them, aliases as given included.
    pub fn all(&self) -> &Map {
        &self.values
    }

    /// The texts given to arguments that are secrets, longest first; no output may show them.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }
}
