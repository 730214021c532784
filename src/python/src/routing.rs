//! Where a name leads: ansible-core's own moves of plugins to collections, and a collection's `meta/runtime.yml`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use rplay_diag::Sources;
use rplay_template::PluginKind;
use rplay_value::Value;

/// Short names that ansible-core sends to a collection: `kind name full.name` lines.
static MOVED: LazyLock<HashMap<(&str, &str), &str>> = LazyLock::new(|| {
    let lines = include_str!("moved.txt").lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(((words.next()?, words.next()?), words.next()?))
    });
    lines.collect()
});

/// The collection's plugin that a short name of ansible-core's stands for.
pub(crate) fn moved(kind: PluginKind, name: &str) -> Option<&'static str> {
    MOVED.get(&(kind.name(), name)).copied()
}

/// What a collection says about one of its names.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Route {
    /// It is another plugin now.
    pub(crate) redirect: Option<String>,
    /// It is no more: the message.
    pub(crate) removed: Option<String>,
    /// It will not be for long: the message.
    pub(crate) deprecated: Option<String>,
}

/// What `meta/runtime.yml` of a collection's folder says about a plugin's name.
pub(crate) fn route(sources: &Sources, folder: &Path, kind: PluginKind, full: &str, name: &str) -> Route {
    let path = folder.join("meta/runtime.yml");
    let Ok(text) = fs_err::read_to_string(&path) else { return Route::default() };
    let source = sources.add_file(&path, text.as_str());
    let Ok((runtime, _)) = rplay_yaml::load_str(&text, source, rplay_yaml::Trust::Data) else {
        return Route::default();
    };
    let entry = runtime.get("plugin_routing").and_then(|all| all.get(kind.name())).and_then(|all| all.get(name));
    let Some(entry) = entry else { return Route::default() };
    let text = |value: &Value, key: &str| value.get(key).filter(|v| !v.is_null()).map(ToString::to_string);
    let when = |value: &Value| {
        let version = text(value, "removal_version").map(|version| format!("version {version}"));
        version.or_else(|| text(value, "removal_date").map(|date| format!("a release after {date}")))
    };
    let sentence = |value: &Value| text(value, "warning_text").map(|text| format!(" {text}")).unwrap_or_default();
    Route {
        redirect: text(entry, "redirect"),
        removed: entry.get("tombstone").map(|tombstone| {
            let since =
                when(tombstone).map(|when| format!(" This feature was removed from {when}.")).unwrap_or_default();
            format!("The '{full}' {kind} plugin has been removed.{}{since}", sentence(tombstone))
        }),
        deprecated: entry.get("deprecation").map(|deprecation| {
            let kind = kind.name();
            let title = format!("{}{}", kind[..1].to_uppercase(), &kind[1..]);
            let until =
                when(deprecation).map(|when| format!(" This feature will be removed from {when}.")).unwrap_or_default();
            format!("{title} \"{full}\" has been deprecated.{}{until}", sentence(deprecation))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_says_what_became_of_its_plugins() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(dir.path().join("meta")).unwrap();
        let text = "plugin_routing:\n  filter:\n    old: {redirect: a.b.new}\n    gone: {tombstone: {removal_version: 2.0.0, warning_text: Use new.}}\n    aging: {deprecation: {removal_date: 2027-01-01, warning_text: Use new.}}\n";
        fs_err::write(dir.path().join("meta/runtime.yml"), text).unwrap();
        let sources = Sources::new();
        let route = |name: &str| route(&sources, dir.path(), PluginKind::Filter, &format!("a.b.{name}"), name);
        assert_eq!(route("old").redirect.as_deref(), Some("a.b.new"));
        assert_eq!(
            route("gone").removed.as_deref(),
            Some(
                "The 'a.b.gone' filter plugin has been removed. Use new. This feature was removed from version 2.0.0."
            )
        );
        assert_eq!(
            route("aging").deprecated.as_deref(),
            Some(
                "Filter \"a.b.aging\" has been deprecated. Use new. This feature will be removed from a release after 2027-01-01."
            )
        );
        assert_eq!(route("other"), Route::default());
    }

    #[test]
    fn lookups_that_moved_are_found_where_they_are() {
        assert_eq!(moved(PluginKind::Lookup, "hashi_vault"), Some("community.hashi_vault.hashi_vault"));
        assert_eq!(moved(PluginKind::Filter, "nothing"), None);
    }
}
