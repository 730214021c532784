//! What a run shows and where it logs, as the settings and the terminal say.

use std::io::{self, IsTerminal as _};

use rplay_diag::Diagnostic;
use rplay_output::{LogFile, Look, ResultFormat};

use crate::settings::Settings;

/// `RPLAY_LOG` chooses what rplay itself logs to standard error; very verbose runs show its debug messages.
pub(super) fn trace(verbosity: u8) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RPLAY_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(if verbosity >= 5 { "rplay=debug,rplay_connection=debug" } else { "off" })
    });
    // A second run in one process (tests) keeps the first one's logging.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
}

/// The file of `log_path`. One that cannot be written is a warning, as in Ansible.
pub(super) fn open_log(settings: &mut Settings) -> Option<LogFile> {
    // Ansible's own messages come from a logger of this name.
    if settings.list("DEFAULT_LOG_FILTER").iter().any(|name| name == "ansible") {
        return None;
    }
    let path = settings.path("DEFAULT_LOG_PATH")?;
    let named = ["LOGNAME", "USER", "LNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let user = named.filter(|name| !name.is_empty()).unwrap_or_else(|| {
        let uid = nix::unistd::getuid();
        let known = nix::unistd::User::from_uid(uid).ok().flatten();
        known.map_or_else(|| format!("uid={uid}"), |user| user.name)
    });
    match LogFile::open(&path, &user) {
        Ok(log) => Some(log),
        Err(error) => {
            settings.warnings.push(Diagnostic::warning(format!("nothing is logged: {error}")));
            None
        }
    }
}

/// How results look on the terminal.
pub(super) fn look(settings: &Settings, verbosity: u8) -> Look {
    let color = settings.flag("FORCE_COLOR") || io::stdout().is_terminal() && !settings.flag("NOCOLOR");
    Look {
        verbosity,
        color,
        columns: columns(),
        skipped_hosts: settings.flag("DISPLAY_SKIPPED_HOSTS"),
        ok_hosts: settings.flag("DISPLAY_OK_HOSTS"),
        failed_stderr: settings.flag("DISPLAY_FAILED_STDERR"),
        task_args: settings.flag("DISPLAY_ARGS_TO_STDOUT"),
        custom_stats: settings.flag("SHOW_CUSTOM_STATS"),
        path_on_failure: settings.flag("SHOW_TASK_PATH_ON_FAILURE"),
        check_markers: settings.flag("CHECK_MODE_MARKERS"),
        deprecations: settings.flag("DEPRECATION_WARNINGS"),
        results: if settings.text("RESULT_FORMAT").as_deref() == Some("yaml") {
            ResultFormat::Yaml
        } else {
            ResultFormat::Json
        },
        pretty: settings.is_set("CALLBACK_FORMAT_PRETTY").then(|| settings.flag("CALLBACK_FORMAT_PRETTY")),
        host_starts: settings.flag("SHOW_PER_HOST_START"),
        verbose_stderr: settings.flag("VERBOSE_TO_STDERR"),
        diff_context: settings.int("DIFF_CONTEXT").and_then(|n| usize::try_from(n).ok()).unwrap_or(3),
        ..Look::default()
    }
}

/// As wide as the terminal less one, at least 79: as Ansible's banners.
fn columns() -> usize {
    use std::os::fd::AsRawFd as _;
    nix::ioctl_read_bad!(window_size, nix::libc::TIOCGWINSZ, nix::libc::winsize);
    let mut size = nix::libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return 79;
    }
    #[expect(unsafe_code, reason = "asking the terminal for its width has no safe call in nix")]
    let asked = unsafe { window_size(stdout.as_raw_fd(), &raw mut size) };
    if asked.is_ok() { usize::from(size.ws_col).saturating_sub(1).max(79) } else { 79 }
}
