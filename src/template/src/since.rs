//! Filters and tests that came with a release after 2.9, so that a release that is followed has those it had.
//!
//! Of ansible-core and Jinja2 only: a collection is as new as what is installed of it.

use rplay_value::{Verdict, Version};

use crate::{Engine, Filter, Lookup, PluginKind, Test, find_filter, find_lookup, find_test};

const FILTERS: [(&str, u16); 7] = [
    ("commonpath", 15),
    ("items", 14),
    ("normpath", 15),
    ("path_join", 10),
    ("split", 11),
    ("unvault", 12),
    ("vault", 12),
];

const TESTS: [(&str, u16); 8] = [
    ("falsy", 10),
    ("timedout", 18),
    ("truthy", 10),
    ("uri", 14),
    ("url", 14),
    ("urn", 14),
    ("vault_encrypted", 10),
    ("vaulted_file", 18),
];

impl Engine {
    /// The native filter of that name, if the release that is followed has it and no plugin takes its place.
    pub(crate) fn native_filter(&self, name: &str) -> Option<&'static Filter> {
        let found = find_filter(name).filter(|filter| self.has(&FILTERS, filter.name));
        found.filter(|_| !self.overrides(PluginKind::Filter, name))
    }

    /// The native test of that name, if the release that is followed has it and no plugin takes its place.
    pub(crate) fn native_test(&self, name: &str) -> Option<&'static Test> {
        let found = find_test(name).filter(|test| self.has(&TESTS, test.name));
        found.filter(|_| !self.overrides(PluginKind::Test, name))
    }

    /// The native lookup of that name, if no plugin takes its place.
    pub(crate) fn native_lookup(&self, name: &str) -> Option<&'static Lookup> {
        find_lookup(name).filter(|_| !self.overrides(PluginKind::Lookup, name))
    }

    /// The test of that name, where tests may be written as filters.
    pub(crate) fn test_as_filter(&self, name: &str) -> Option<&'static Test> {
        find_test(name).filter(|_| self.profile().tests_as_filters)
    }

    fn has(&self, since: &[(&str, u16)], name: &str) -> bool {
        let minor = since.iter().find(|(known, _)| *known == name).map(|(_, minor)| *minor);
        minor.is_none_or(|minor| self.compat().added_in(Version::new(2, minor)) == Verdict::Accepted)
    }
}
