//! `fact_caching` and what belongs to it, as the engine takes it.

use std::time::Duration;

use rplay_diag::{Diagnostic, nearest, quoted_list};
use rplay_engine::{CacheSettings, FactCaching, PythonCache};

use crate::settings::Settings;

const NAMES: [&str; 3] = ["memory", "jsonfile", "sqlite"];

/// What the settings ask for; `python` finds a plugin in Python. What cannot be had is a warning, and facts stay in
/// memory: as ansible-core.
pub(crate) fn from_settings(
    settings: &Settings,
    python: impl FnOnce(&str) -> Option<PythonCache>,
) -> Result<FactCaching, Box<Diagnostic>> {
    let name = settings.text("CACHE_PLUGIN").unwrap_or_else(|| "memory".to_owned());
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(&name);
    if short == "memory" {
        return Ok(FactCaching::Memory);
    }
    let kind = match short {
        "jsonfile" => FactCaching::JsonFile,
        "sqlite" => FactCaching::Sqlite,
        _ => {
            if let Some(cache) = python(&name) {
                return Ok(FactCaching::Python(Box::new(cache)));
            }
            let near = nearest(short, NAMES);
            let warning = Diagnostic::warning(format!("Unable to load the cache plugin '{name}'."));
            return Err(Box::new(warning.hint(near.map_or_else(
                || format!("facts stay in memory; fact_caching can be {} or a plugin in Python", quoted_list(NAMES)),
                |near| format!("did you mean `{near}`? Facts stay in memory"),
            ))));
        }
    };
    let Some(path) = settings.path("CACHE_PLUGIN_CONNECTION") else {
        let what = if short == "sqlite" { "the database file" } else { "a folder" };
        return Err(Box::new(
            Diagnostic::warning(format!("Required config '_uri' for '{short}' cache plugin not provided."))
                .hint(format!("set fact_caching_connection to {what}; facts stay in memory")),
        ));
    };
    let timeout = settings.int("CACHE_PLUGIN_TIMEOUT").and_then(|seconds| u64::try_from(seconds).ok());
    Ok(kind(CacheSettings {
        path,
        prefix: settings.text("CACHE_PLUGIN_PREFIX").unwrap_or_default(),
        timeout: timeout.filter(|seconds| *seconds > 0).map(Duration::from_secs),
    }))
}
