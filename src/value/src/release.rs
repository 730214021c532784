//! Releases of Ansible: which one a run follows, and what differs between them.
//!
//! Playbooks in use were written for releases from 1.9 to 2.20, and no release loads them all. By default a run accepts
//! what any of them accepted and says what it is asked for as ansible-core 2.19 does. A run that names a release with
//! `--compat` follows that release alone: what it refuses is refused, and templates and conditions mean what they
//! meant there. [`PROFILES`] is the whole list of differences in the language; which keyword came and went when stands
//! in the playbook crate's keyword table.

use std::fmt;
use std::str::FromStr;

/// Major and minor number of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 1 or 2.
    pub major: u16,
    /// What changes once or twice a year.
    pub minor: u16,
}

impl Version {
    /// A version.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The releases whose behaviour was recorded. Any other release behaves as the newest of these that is not newer than
/// it, but for 2.10, which shares its language with 2.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// Ansible 1.9.
    V1_9,
    /// Ansible 2.0 to 2.9.
    V2_9,
    /// ansible-base 2.10 to ansible-core 2.15.
    V2_11,
    /// ansible-core 2.16 to 2.18.
    V2_16,
    /// ansible-core 2.19 and later.
    V2_19,
}

/// What a template's nodes become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Results {
    /// Their text; text that looks like a list, a mapping or a boolean is read as one.
    Literal,
    /// The value of a template that is a single expression, else their text.
    Native,
}

/// What a condition may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditions {
    /// Rendered first where it holds a template, then evaluated; Python's truth decides.
    Rendered,
    /// Rendered first where it holds a template; text that comes out and was not written by the user is refused.
    Trusted,
    /// An expression that has a boolean result.
    Boolean,
}

/// What differs in the language of one release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The release.
    pub release: Release,
    /// What a template's nodes become. Native since 2.19, where the template engine was rewritten.
    pub results: Results,
    /// What a condition may be. 2.16.15 began to refuse text that is not the user's, 2.19 what is no boolean.
    pub conditions: Conditions,
    /// Whether a condition that is the name of a variable means the expression in that variable's text, so that
    /// `when: flag` is false for `flag: "false"`. The default of `conditional_bare_variables` until 2.9.
    pub bare_conditions: bool,
    /// Whether an empty condition holds. An error since 2.19.
    pub empty_conditions: bool,
    /// Whether a variable whose own template names something undefined is undefined, so that `default` and
    /// `is defined` apply to it, and not an error. Since 2.14.
    pub nested_undefined: bool,
    /// Whether a `#jinja2:` header may say `"true"` for `true`. An error since 2.19.
    pub quoted_header_flags: bool,
    /// Whether keys that Jinja does not know may stand in a `#jinja2:` header. An error since 2.19.
    pub unknown_header_keys: bool,
    /// Whether tests may be written as filters: `result | failed`. Removed in 2.9.
    pub tests_as_filters: bool,
    /// Whether ranges, views and generators that a template yields become lists. Since 2.10.
    pub unrolls: bool,
    /// Whether `with_items` of a mapping goes over its keys. Since 2.19 the mapping is the only item.
    pub mapping_loops: bool,
    /// Whether `with_items: name` means the variable of that name. Since 2.2 it is a list of one text.
    pub bare_loops: bool,
    /// Whether templates may call Python's own methods, such as `__setitem__`. Refused since 2.19.
    pub python_methods: bool,
    /// Whether `set_fact` takes the texts `yes`, `no`, `true` and `false` for booleans. Not since 2.19.
    pub fact_booleans: bool,
    /// Whether `vars` may be a list of mappings. Removed in 2.19.
    pub vars_lists: bool,
}

/// What differs, release by release, oldest first. Recorded in `fixtures/compat`.
pub static PROFILES: [Profile; 5] = [
    Profile {
        release: Release::V1_9,
        results: Results::Literal,
        conditions: Conditions::Rendered,
        bare_conditions: true,
        empty_conditions: true,
        nested_undefined: false,
        quoted_header_flags: true,
        unknown_header_keys: true,
        tests_as_filters: true,
        unrolls: false,
        mapping_loops: true,
        bare_loops: true,
        python_methods: true,
        fact_booleans: true,
        vars_lists: true,
    },
    Profile {
        release: Release::V2_9,
        results: Results::Literal,
        conditions: Conditions::Rendered,
        bare_conditions: true,
        empty_conditions: true,
        nested_undefined: false,
        quoted_header_flags: true,
        unknown_header_keys: true,
        tests_as_filters: false,
        unrolls: false,
        mapping_loops: true,
        bare_loops: false,
        python_methods: true,
        fact_booleans: true,
        vars_lists: true,
    },
    Profile {
        release: Release::V2_11,
        results: Results::Literal,
        conditions: Conditions::Rendered,
        bare_conditions: false,
        empty_conditions: true,
        nested_undefined: false,
        quoted_header_flags: true,
        unknown_header_keys: true,
        tests_as_filters: false,
        unrolls: true,
        mapping_loops: true,
        bare_loops: false,
        python_methods: true,
        fact_booleans: true,
        vars_lists: true,
    },
    Profile {
        release: Release::V2_16,
        results: Results::Literal,
        conditions: Conditions::Trusted,
        bare_conditions: false,
        empty_conditions: true,
        nested_undefined: true,
        quoted_header_flags: true,
        unknown_header_keys: true,
        tests_as_filters: false,
        unrolls: true,
        mapping_loops: true,
        bare_loops: false,
        python_methods: true,
        fact_booleans: true,
        vars_lists: true,
    },
    Profile {
        release: Release::V2_19,
        results: Results::Native,
        conditions: Conditions::Boolean,
        bare_conditions: false,
        empty_conditions: false,
        nested_undefined: true,
        quoted_header_flags: false,
        unknown_header_keys: false,
        tests_as_filters: false,
        unrolls: true,
        mapping_loops: false,
        bare_loops: false,
        python_methods: false,
        fact_booleans: false,
        vars_lists: false,
    },
];

/// What a run accepts that follows no release in particular: as 2.19, and what older releases accepted beside it.
pub static UNION: Profile = Profile {
    release: Release::V2_19,
    results: Results::Native,
    conditions: Conditions::Rendered,
    bare_conditions: false,
    empty_conditions: true,
    nested_undefined: true,
    quoted_header_flags: true,
    unknown_header_keys: false,
    tests_as_filters: true,
    unrolls: true,
    mapping_loops: false,
    bare_loops: true,
    python_methods: true,
    fact_booleans: false,
    vars_lists: true,
};

impl Release {
    /// Every release, oldest first.
    pub const ALL: [Self; 5] = [Self::V1_9, Self::V2_9, Self::V2_11, Self::V2_16, Self::V2_19];

    /// Its number.
    pub const fn version(self) -> Version {
        match self {
            Self::V1_9 => Version::new(1, 9),
            Self::V2_9 => Version::new(2, 9),
            Self::V2_11 => Version::new(2, 11),
            Self::V2_16 => Version::new(2, 16),
            Self::V2_19 => Version::new(2, 19),
        }
    }

    /// The one that a version behaves as.
    pub fn of(version: Version) -> Self {
        if version == Version::new(2, 10) {
            return Self::V2_11;
        }
        if version.major == 2 && version.minor < 9 {
            return Self::V2_9;
        }
        Self::ALL.into_iter().rev().find(|release| release.version() <= version).unwrap_or(Self::V1_9)
    }

    /// What differs in its language.
    pub fn profile(self) -> &'static Profile {
        &PROFILES[self as usize]
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version().fmt(f)
    }
}

/// How a run treats something that came or went with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there.
    Accepted,
    /// It is accepted although the release does not have it: worth a deprecation warning.
    Deprecated,
    /// It is not there.
    Refused,
}

/// Last patch level of each minor release, which is reported when only major and minor are asked for.
const LAST: [(Version, u16); 22] = [
    (Version::new(1, 9), 6),
    (Version::new(2, 0), 2),
    (Version::new(2, 1), 6),
    (Version::new(2, 2), 3),
    (Version::new(2, 3), 3),
    (Version::new(2, 4), 6),
    (Version::new(2, 5), 15),
    (Version::new(2, 6), 20),
    (Version::new(2, 7), 18),
    (Version::new(2, 8), 20),
    (Version::new(2, 9), 27),
    (Version::new(2, 10), 17),
    (Version::new(2, 11), 12),
    (Version::new(2, 12), 10),
    (Version::new(2, 13), 13),
    (Version::new(2, 14), 18),
    (Version::new(2, 15), 13),
    (Version::new(2, 16), 19),
    (Version::new(2, 17), 14),
    (Version::new(2, 18), 19),
    (Version::new(2, 19), 14),
    (Version::new(2, 20), 10),
];

/// Which Ansible a run follows, and how closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compat {
    release: Release,
    version: Version,
    patch: u16,
    strict: bool,
}

impl Default for Compat {
    /// Accepts what any release accepted, and reports 2.19.
    fn default() -> Self {
        Self {
            release: Release::V2_19,
            version: Release::V2_19.version(),
            patch: last(Release::V2_19.version()),
            strict: false,
        }
    }
}

fn last(version: Version) -> u16 {
    LAST.iter().find(|(known, _)| *known == version).map_or(0, |(_, patch)| *patch)
}

impl From<Release> for Compat {
    fn from(release: Release) -> Self {
        let version = release.version();
        Self { release, version, patch: last(version), strict: true }
    }
}

impl Compat {
    /// Whether what the release refuses is refused; otherwise the union of all releases is accepted.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// The release it behaves as.
    pub fn release(&self) -> Release {
        self.release
    }

    /// The version that was asked for.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What differs in the language.
    pub fn profile(&self) -> &'static Profile {
        if self.strict { self.release.profile() } else { &UNION }
    }

    /// `ansible_version.full`.
    pub fn full(&self) -> String {
        format!("{}.{}", self.version, self.patch)
    }

    /// Major, minor and revision, for `ansible_version`.
    pub fn parts(&self) -> [u16; 3] {
        [self.version.major, self.version.minor, self.patch]
    }

    /// What to do with something that a release does not have any more.
    pub fn removed_in(&self, until: Version) -> Verdict {
        match (self.version >= until, self.strict) {
            (false, _) => Verdict::Accepted,
            (true, false) => Verdict::Deprecated,
            (true, true) => Verdict::Refused,
        }
    }

    /// What to do with something that came with a release.
    pub fn added_in(&self, since: Version) -> Verdict {
        if self.strict && self.version < since { Verdict::Refused } else { Verdict::Accepted }
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)
    }
}

/// A text that names no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no release of Ansible: 1.9, 2.9, 2.11, 2.16 and 2.19 are followed, and those between as the one before"
)]
pub struct UnknownRelease(pub String);

impl FromStr for Compat {
    type Err = UnknownRelease;

    /// `2.16` or `2.16.3`: follows that release and reports that version.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownRelease(text.to_owned());
        let numbers: Result<Vec<u16>, _> = text.trim().split('.').map(str::parse).collect();
        let (version, patch) = match numbers.map_err(|_| unknown())?[..] {
            [major, minor] => (Version::new(major, minor), None),
            [major, minor, patch] | [major, minor, patch, _] => (Version::new(major, minor), Some(patch)),
            _ => return Err(unknown()),
        };
        let oldest = Release::V1_9.version();
        let newest = Version::new(2, 30);
        if version < oldest || version > newest || version.major == 1 && version != oldest {
            return Err(unknown());
        }
        Ok(Self { release: Release::of(version), version, patch: patch.unwrap_or_else(|| last(version)), strict: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_stand_in_the_order_of_their_releases() {
        for release in Release::ALL {
            assert_eq!(release.profile().release, release);
        }
    }

    #[test]
    fn a_version_in_between_follows_the_release_before_it_and_reports_itself() {
        let compat: Compat = "2.10".parse().unwrap();
        assert_eq!((compat.release(), compat.full()), (Release::V2_11, "2.10.17".to_owned()));
        let compat: Compat = "2.17.3".parse().unwrap();
        assert_eq!((compat.release(), compat.full()), (Release::V2_16, "2.17.3".to_owned()));
        assert_eq!("2.4".parse::<Compat>().unwrap().release(), Release::V2_9);
        assert_eq!("2.20".parse::<Compat>().unwrap().release(), Release::V2_19);
        assert_eq!("2.15".parse::<Compat>().unwrap().release(), Release::V2_11);
        for wrong in ["", "2", "1.8", "1.10", "3.0", "2.x", "2.16.1.2.3", "core"] {
            assert!(wrong.parse::<Compat>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_union_warns_where_a_release_refuses() {
        let sudo = Version::new(2, 9);
        assert_eq!(Compat::default().removed_in(sudo), Verdict::Deprecated);
        assert_eq!(Compat::from(Release::V2_19).removed_in(sudo), Verdict::Refused);
        assert_eq!(Compat::from(Release::V1_9).removed_in(sudo), Verdict::Accepted);
        let throttle = Version::new(2, 9);
        assert_eq!(Compat::from(Release::V1_9).added_in(throttle), Verdict::Refused);
        assert_eq!(Compat::default().added_in(throttle), Verdict::Accepted);
    }
}
