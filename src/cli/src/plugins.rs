//! Python plugins of a run: where they are looked for, and where their warnings go.

use std::sync::Arc;

use rplay_diag::Sources;
use rplay_python::{Paths, Python, PythonOptions};
use rplay_template::Notices as _;
use rplay_value::{Compat, Verdict, Version};

use crate::notices::Listener;
use crate::settings::Settings;

/// The release that keeps what is undefined from plugins that do not ask for it.
const MARKERS: Version = Version::new(2, 19);

/// The Python plugins that these settings lead to. Nothing is started before a name is missing.
pub(crate) fn python(settings: &Settings, sources: &Sources, compat: &Compat, listener: Listener) -> Python {
    Python::new(PythonOptions {
        paths: Paths {
            filters: settings.paths("DEFAULT_FILTER_PLUGIN_PATH"),
            tests: settings.paths("DEFAULT_TEST_PLUGIN_PATH"),
            lookups: settings.paths("DEFAULT_LOOKUP_PLUGIN_PATH"),
            collections: settings.paths("COLLECTIONS_PATHS"),
        },
        sources: sources.clone(),
        config_file: settings.file.clone(),
        lenient: !compat.is_strict() || compat.added_in(MARKERS) != Verdict::Accepted,
        notify: Arc::new(move |diagnostic| listener.notice(diagnostic)),
        ..PythonOptions::default()
    })
}
