//! Writing to the terminal: colours, banners, where a line goes.

use std::io::{self, Write};

/// The colours of ansible-core's default configuration, named by what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Nothing had to be changed.
    Ok,
    /// Something changed.
    Changed,
    /// Failed.
    Error,
    /// Skipped or ignored.
    Skip,
    /// Not reached.
    Unreachable,
    /// A warning.
    Warn,
    /// A deprecation.
    Deprecate,
    /// Paths, retries, polls.
    Debug,
    /// Shown only with `-v`.
    Verbose,
    /// An added line.
    DiffAdd,
    /// A removed line.
    DiffRemove,
    /// Where in a file.
    DiffLines,
    /// An included file.
    Included,
}

impl Color {
    /// The parameters of the ANSI sequence.
    fn code(self) -> &'static str {
        match self {
            Self::Ok | Self::DiffAdd => "0;32",
            Self::Changed => "0;33",
            Self::Error | Self::DiffRemove => "0;31",
            Self::Skip | Self::DiffLines | Self::Included => "0;36",
            Self::Unreachable => "1;31",
            Self::Warn => "1;35",
            Self::Deprecate => "0;35",
            Self::Debug => "1;30",
            Self::Verbose => "0;34",
        }
    }
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultFormat {
    /// JSON, on one line unless asked for more.
    #[default]
    Json,
    /// YAML, indented.
    Yaml,
}

/// How output looks: what `ansible.cfg`, the environment and flags chose.
#[derive(Clone, Debug)]
pub struct Look {
    /// `-v` count.
    pub verbosity: u8,
    /// ANSI colours.
    pub color: bool,
    /// Width of banners; ansible's 79 when not a terminal.
    pub columns: usize,
    /// `display_skipped_hosts`.
    pub skipped_hosts: bool,
    /// `display_ok_hosts`.
    pub ok_hosts: bool,
    /// `display_failed_stderr`.
    pub failed_stderr: bool,
    /// `display_args_to_stdout`.
    pub task_args: bool,
    /// `show_custom_stats`.
    pub custom_stats: bool,
    /// `show_task_path_on_failure`.
    pub path_on_failure: bool,
    /// `check_mode_markers`.
    pub check_markers: bool,
    /// `deprecation_warnings`.
    pub deprecations: bool,
    /// `show_per_host_start`.
    pub host_starts: bool,
    /// `verbose_to_stderr`.
    pub verbose_stderr: bool,
    /// `result_format`.
    pub results: ResultFormat,
    /// `pretty_results`: `None` indents what is YAML, very verbose or asked to be shown.
    pub pretty: Option<bool>,
    /// Lines of context in differences.
    pub diff_context: usize,
}

impl std::default::Default for Look {
    fn default() -> Self {
        Self {
            verbosity: 0,
            color: false,
            columns: 79,
            skipped_hosts: true,
            ok_hosts: true,
            failed_stderr: false,
            task_args: false,
            custom_stats: false,
            path_on_failure: false,
            check_markers: false,
            deprecations: true,
            host_starts: false,
            verbose_stderr: false,
            results: ResultFormat::Json,
            pretty: None,
            diff_context: 3,
        }
    }
}

/// Text in a colour, each line on its own so that pagers keep it.
pub(crate) fn colored(text: &str, color: Option<Color>, on: bool) -> String {
    let Some(color) = color.filter(|_| on) else { return text.to_owned() };
    let lines: Vec<String> = text.split('\n').map(|line| format!("\u{1b}[{}m{line}\u{1b}[0m", color.code())).collect();
    lines.join("\n")
}

/// Standard output and standard error as one place to write to.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    color: bool,
    columns: usize,
}

impl Terminal {
    /// The process's own streams, buffered until [`Terminal::flush`].
    pub fn standard(look: &Look) -> Self {
        Self::new(Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout())), Box::new(io::stderr()), look)
    }

    /// Any two streams.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, look: &Look) -> Self {
        Self { out, err, color: look.color, columns: look.columns }
    }

    /// Whether colours are on.
    pub(crate) fn color(&self) -> bool {
        self.color
    }

    /// One message with its line end, on standard output.
    pub(crate) fn line(&mut self, text: &str, color: Option<Color>) -> io::Result<()> {
        Self::write(&mut self.out, text, color, self.color)
    }

    /// One message with its line end, on standard error. What standard output holds back goes first.
    pub(crate) fn error_line(&mut self, text: &str, color: Option<Color>) -> io::Result<()> {
        self.out.flush()?;
        Self::write(&mut self.err, text, color, self.color)?;
        self.err.flush()
    }

    fn write(out: &mut dyn Write, text: &str, color: Option<Color>, on: bool) -> io::Result<()> {
        let text = text.replace("\r\n", "\n");
        let body = text.strip_suffix('\n').unwrap_or(&text);
        writeln!(out, "{}", colored(body, color, on))
    }

    /// A heading: an empty line, the text, and stars up to the width.
    pub(crate) fn banner(&mut self, text: &str) -> io::Result<()> {
        let text = text.trim();
        let stars = self.columns.saturating_sub(width(text)).max(3);
        self.line(&format!("\n{text} {}", "*".repeat(stars)), None)
    }

    /// Text as it is, on standard output.
    pub(crate) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Standard output itself.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Everything written so far becomes visible.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Cells a text takes: wide East Asian characters two, combining marks none.
pub(crate) fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f
            | 0x2e80..=0xa4cf
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f
            | 0xff00..=0xff60
            | 0xffe0..=0xffe6
            | 0x1f300..=0x1f64f
            | 0x1f900..=0x1f9ff
            | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_coloured_on_its_own() {
        assert_eq!(colored("a\nb", Some(Color::Ok), true), "\u{1b}[0;32ma\u{1b}[0m\n\u{1b}[0;32mb\u{1b}[0m");
        assert_eq!(colored("a", Some(Color::Ok), false), "a");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(width("aé日本"), 6);
    }
}
