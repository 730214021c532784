//! Tags: Ansible's own and those of YAML 1.1.

/// A tag of Ansible's that stays on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tag {
    /// None, or one that only names the type.
    #[default]
    None,
    /// `!unsafe`: nothing here or inside is a template.
    Unsafe,
    /// `!vault` (and the deprecated `!vault-encrypted`): the text is an encrypted value.
    Vault,
}

const YAML: &str = "tag:yaml.org,2002:";

/// What a tag on a scalar asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarTag {
    Str,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
    Binary,
    Ansible(Tag),
}

impl ScalarTag {
    /// `None` for tags Ansible has no constructor for.
    pub(crate) fn of(tag: &str, ansible: bool) -> Option<Self> {
        Some(match tag.strip_prefix(YAML) {
            Some("str" | "python/unicode") => Self::Str,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("bool") => Self::Bool,
            Some("null") => Self::Null,
            Some("timestamp") => Self::Timestamp,
            Some("binary") => Self::Binary,
            Some(_) => return None,
            None => Self::Ansible(ansible_tag(tag, ansible)?),
        })
    }
}

/// Tags allowed on lists; a set or ordered mapping is read as what it is made of.
pub(crate) fn sequence_tag(tag: &str, ansible: bool) -> Option<Tag> {
    match tag.strip_prefix(YAML) {
        Some("seq" | "omap" | "pairs") => Some(Tag::None),
        Some(_) => None,
        None => ansible_tag(tag, ansible).filter(|tag| *tag == Tag::Unsafe),
    }
}

/// Tags allowed on mappings, and whether the keys alone are wanted as a list (`!!set`).
pub(crate) fn mapping_tag(tag: &str, ansible: bool) -> Option<(Tag, bool)> {
    match tag.strip_prefix(YAML) {
        Some("map" | "python/dict") => Some((Tag::None, false)),
        Some("set") => Some((Tag::None, true)),
        Some(_) => None,
        None => ansible_tag(tag, ansible).filter(|tag| *tag == Tag::Unsafe).map(|tag| (tag, false)),
    }
}

fn ansible_tag(tag: &str, ansible: bool) -> Option<Tag> {
    match tag {
        "!unsafe" if ansible => Some(Tag::Unsafe),
        "!vault" | "!vault-encrypted" if ansible => Some(Tag::Vault),
        _ => None,
    }
}

/// A tag as the user wrote it: `!!int`, `!vault`.
pub(crate) fn written(tag: &str) -> String {
    tag.strip_prefix(YAML).map_or_else(|| tag.to_owned(), |name| format!("!!{name}"))
}

/// The tags a user can have meant.
pub(crate) const KNOWN: [&str; 12] = [
    "!vault",
    "!unsafe",
    "!!str",
    "!!int",
    "!!float",
    "!!bool",
    "!!null",
    "!!timestamp",
    "!!binary",
    "!!set",
    "!!map",
    "!!seq",
];
