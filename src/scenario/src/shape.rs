//! What a file may hold, said once: checking it, reading it and its JSON schema all come from these tables.

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A name: letters, digits, `-` and `_`, beginning with a letter.
    Name,
    /// A path, relative to the file it stands in.
    Path,
    /// A whole number in a range.
    Int(i64, i64),
    /// `true` or `false`.
    Bool,
    /// A number of bytes: `512M`, `4G`, `1.5GiB`; a bare number is MiB, as hypervisors count memory.
    Size,
    /// A time: `500ms`, `30s`, `5m`, `1h`; a bare number is seconds.
    Time,
    /// A share: `0.5%`.
    Percent,
    /// A rate of data: `100mbit`, `10kbit`.
    Rate,
    /// A network: `192.168.24.0/24`.
    Cidr,
    /// An address: `192.168.24.10`.
    Address,
    /// A hardware address: `52:54:00:aa:bb:cc`.
    Mac,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list; one item alone counts as a list of one.
    List(&'static Kind),
    /// A mapping from names to these.
    Map(&'static Kind),
    /// A mapping with these fields.
    Shape(&'static Shape),
    /// The first of these that fits how the value is written: text, number, boolean, list or mapping.
    Either(&'static [Kind]),
    /// Anything: variables.
    Any,
}

/// One field of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// It must be given.
    pub required: bool,
    /// What it means, with unit and default.
    pub doc: &'static str,
}

impl Field {
    /// A field that may be left out.
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, required: false, doc }
    }

    /// A field that must be given.
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, required: true, doc }
    }
}

/// A mapping with known fields.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What users call it: `network`, `stage`.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its fields, in the order of their documentation.
    pub fields: &'static [Field],
    /// Exactly one of these must be given.
    pub one_of: &'static [&'static str],
}

impl Shape {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Kind {
    /// How users are told what is wanted.
    pub fn describe(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Name => "a name (letters, digits, `-`, `_`)".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Int(least, most) if *most == i64::MAX => format!("a number from {least}"),
            Self::Int(least, most) => format!("a number from {least} to {most}"),
            Self::Bool => "true or false".to_owned(),
            Self::Size => "a size such as 512M or 4G".to_owned(),
            Self::Time => "a time such as 500ms, 30s or 5m".to_owned(),
            Self::Percent => "a share such as 0.5%".to_owned(),
            Self::Rate => "a rate such as 100mbit".to_owned(),
            Self::Cidr => "a network such as 192.168.24.0/24".to_owned(),
            Self::Address => "an address such as 192.168.24.10".to_owned(),
            Self::Mac => "a hardware address such as 52:54:00:12:34:56".to_owned(),
            Self::Choice(words) => {
                format!("one of {}", words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))
            }
            Self::List(item) => format!("a list, each {}", item.describe()),
            Self::Map(item) => format!("a mapping of names, each {}", item.describe()),
            Self::Shape(shape) => format!("a mapping that describes {}", crate::check::a(shape.name)),
            Self::Either(kinds) => kinds.iter().map(Self::describe).collect::<Vec<_>>().join(", or "),
            Self::Any => "any value".to_owned(),
        }
    }
}
