//! Python plugins of a run: where they are looked for, and where their warnings go.

use std::sync::Arc;

use rplay_collection::{Collections, sites};
use rplay_diag::Sources;
use rplay_python::{Paths, Python, PythonOptions};
use rplay_template::Notices as _;
use rplay_value::{Compat, Verdict, Version};

use crate::notices::Listener;
use crate::settings::Settings;

/// The release that keeps what is undefined from plugins that do not ask for it.
const MARKERS: Version = Version::new(2, 19);

/// The collections of a run: configured ones, then those of installed Python packages.
pub(crate) fn collections(settings: &Settings, sources: &Sources) -> Collections {
    let all = Collections::new(settings.paths("COLLECTIONS_PATHS"), sources.clone());
    if settings.flag("COLLECTIONS_SCAN_SYS_PATH") {
        all.with_sites(|| sites(&|name| std::env::var_os(name)))
    } else {
        all
    }
}

/// The Python plugins that these settings lead to. Nothing is started before a name is missing.
pub(crate) fn python(
    settings: &Settings,
    sources: &Sources,
    compat: &Compat,
    collections: Collections,
    listener: Listener,
) -> Python {
    Python::new(PythonOptions {
        paths: Paths {
            filters: settings.paths("DEFAULT_FILTER_PLUGIN_PATH"),
            tests: settings.paths("DEFAULT_TEST_PLUGIN_PATH"),
            lookups: settings.paths("DEFAULT_LOOKUP_PLUGIN_PATH"),
        },
        collections,
        sources: sources.clone(),
        config_file: settings.file.clone(),
        lenient: !compat.is_strict() || compat.added_in(MARKERS) != Verdict::Accepted,
        notify: Arc::new(move |diagnostic| listener.notice(diagnostic)),
        ..PythonOptions::default()
    })
}
