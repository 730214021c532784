//! Writing to the terminal: colours, banners, where a line goes.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::log::{Level, LogFile};

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
    /// Every colour with its name in ansible.cfg's `[colors]` and in `ANSIBLE_COLOR_*`.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Ok, "ok"),
        (Self::Changed, "changed"),
        (Self::Error, "error"),
        (Self::Skip, "skip"),
        (Self::Unreachable, "unreachable"),
        (Self::Warn, "warn"),
        (Self::Deprecate, "deprecate"),
        (Self::Debug, "debug"),
        (Self::Verbose, "verbose"),
        (Self::DiffAdd, "diff_add"),
        (Self::DiffRemove, "diff_remove"),
        (Self::DiffLines, "diff_lines"),
        (Self::Included, "included"),
    ];
}

/// The ANSI sequence of every colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette([Cow<'static, str>; Color::ALL.len()]);

/// A colour name nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no colour: use a name such as `bright blue`, or `color0`..`color255`, `rgb000`..`rgb555`, `gray0`..`gray23`"
)]
pub struct ColorError(pub String);

/// The names of colours and their ANSI parameters.
const NAMED: [(&str, &str); 17] = [
    ("black", "0;30"),
    ("bright gray", "0;37"),
    ("blue", "0;34"),
    ("white", "1;37"),
    ("green", "0;32"),
    ("bright blue", "1;34"),
    ("cyan", "0;36"),
    ("bright green", "1;32"),
    ("red", "0;31"),
    ("bright cyan", "1;36"),
    ("purple", "0;35"),
    ("bright red", "1;31"),
    ("yellow", "0;33"),
    ("bright purple", "1;35"),
    ("dark gray", "1;30"),
    ("bright yellow", "1;33"),
    ("normal", "0"),
];

/// ansible-core's defaults.
impl std::default::Default for Palette {
    fn default() -> Self {
        Self(Color::ALL.map(|(color, _)| {
            Cow::Borrowed(match color {
                Color::Ok | Color::DiffAdd => "0;32",
                Color::Changed => "0;33",
                Color::Error | Color::DiffRemove => "0;31",
                Color::Skip | Color::DiffLines | Color::Included => "0;36",
                Color::Unreachable => "1;31",
                Color::Warn => "1;35",
                Color::Deprecate => "0;35",
                Color::Debug => "1;30",
                Color::Verbose => "0;34",
            })
        }))
    }
}

impl Palette {
    /// Sets a colour by the name users give: `bright blue`, `color200`, `rgb012`, `gray5`.
    pub fn set(&mut self, color: Color, name: &str) -> Result<(), ColorError> {
        self.0[color as usize] = parameters(name).ok_or_else(|| ColorError(name.to_owned()))?;
        Ok(())
    }

    fn code(&self, color: Color) -> &str {
        &self.0[color as usize]
    }
}

fn parameters(name: &str) -> Option<Cow<'static, str>> {
    let name = match name {
        "magenta" => "purple",
        "bright magenta" => "bright purple",
        other => other,
    };
    if let Some((_, code)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(Cow::Borrowed(code));
    }
    let number = if let Some(digits) = name.strip_prefix("color") {
        digits.parse::<u8>().ok()?
    } else if let Some(digits) = name.strip_prefix("gray") {
        digits.parse::<u8>().ok().filter(|shade| *shade < 24)? + 232
    } else {
        let digits: Vec<u8> = name.strip_prefix("rgb")?.bytes().map(|b| b.wrapping_sub(b'0')).collect();
        let [red, green, blue] = *digits.as_slice() else { return None };
        if red.max(green).max(blue) > 5 {
            return None;
        }
        16 + 36 * red + 6 * green + blue
    };
    Some(Cow::Owned(format!("38;5;{number}")))
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
    /// Which ones.
    pub palette: Palette,
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
    /// The output of running programs is shown while it comes.
    pub follow: bool,
    /// Messages are added to this file too.
    pub log: Option<LogFile>,
}

impl Look {
    /// The colours, when they are on.
    pub(crate) fn palette(&self) -> Option<&Palette> {
        self.color.then_some(&self.palette)
    }
}

impl std::default::Default for Look {
    fn default() -> Self {
        Self {
            verbosity: 0,
            color: false,
            palette: Palette::default(),
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
            follow: false,
            log: None,
        }
    }
}

/// Text in a colour, each line on its own so that pagers keep it.
pub(crate) fn colored(text: &str, color: Option<Color>, palette: Option<&Palette>) -> String {
    let (Some(color), Some(palette)) = (color, palette) else { return text.to_owned() };
    let code = palette.code(color);
    let lines: Vec<String> = text.split('\n').map(|line| format!("\u{1b}[{code}m{line}\u{1b}[0m")).collect();
    lines.join("\n")
}

/// Standard output and standard error as one place to write to.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    palette: Option<Palette>,
    columns: usize,
    log: Option<LogFile>,
}

impl Terminal {
    /// The process's own streams, buffered until [`Terminal::flush`].
    pub fn standard(look: &Look) -> Self {
        Self::new(Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout())), Box::new(io::stderr()), look)
    }

    /// The process's own streams, with nothing held back: what several outputs write in turn stays in order.
    pub fn direct(look: &Look) -> Self {
        Self::new(Box::new(io::stdout()), Box::new(io::stderr()), look)
    }

    /// Any two streams.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, look: &Look) -> Self {
        Self { out, err, palette: look.palette().cloned(), columns: look.columns, log: look.log.clone() }
    }

    /// The colours, when they are on.
    pub(crate) fn palette(&self) -> Option<&Palette> {
        self.palette.as_ref()
    }

    /// One message with its line end, on standard output.
    pub(crate) fn line(&mut self, text: &str, color: Option<Color>) -> io::Result<()> {
        self.logged(Level::Info, text)?;
        Self::write(&mut self.out, text, color, self.palette.as_ref())
    }

    /// One message with its line end, on standard error. What standard output holds back goes first.
    pub(crate) fn error_line(&mut self, text: &str, color: Option<Color>) -> io::Result<()> {
        self.logged(Level::Info, text)?;
        self.on_error(text, color)
    }

    /// A warning or an error, with its line end.
    pub(crate) fn grave(&mut self, level: Level, text: &str, color: Color, on_stderr: bool) -> io::Result<()> {
        // Ansible ends these with an empty line in the log.
        self.logged(level, &format!("{text}\n"))?;
        if on_stderr {
            self.on_error(text, Some(color))
        } else {
            Self::write(&mut self.out, text, Some(color), self.palette.as_ref())
        }
    }

    fn on_error(&mut self, text: &str, color: Option<Color>) -> io::Result<()> {
        self.out.flush()?;
        Self::write(&mut self.err, text, color, self.palette.as_ref())?;
        self.err.flush()
    }

    fn logged(&self, level: Level, text: &str) -> io::Result<()> {
        self.log.as_ref().map_or(Ok(()), |log| log.add(level, text))
    }

    fn write(out: &mut dyn Write, text: &str, color: Option<Color>, palette: Option<&Palette>) -> io::Result<()> {
        let text = text.replace("\r\n", "\n");
        let body = text.strip_suffix('\n').unwrap_or(&text);
        writeln!(out, "{}", colored(body, color, palette))
    }

    /// A heading: an empty line, the text, and stars up to the width.
    pub(crate) fn banner(&mut self, text: &str) -> io::Result<()> {
        let text = text.trim();
        let stars = self.columns.saturating_sub(width(text)).max(3);
        self.line(&format!("\n{text} {}", "*".repeat(stars)), None)
    }

    /// Text as it is, on standard output.
    pub(crate) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.logged(Level::Info, text.trim_end_matches('\n'))?;
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
        let palette = Palette::default();
        assert_eq!(colored("a\nb", Some(Color::Ok), Some(&palette)), "\u{1b}[0;32ma\u{1b}[0m\n\u{1b}[0;32mb\u{1b}[0m");
        assert_eq!(colored("a", Some(Color::Ok), None), "a");
    }

    #[test]
    fn colours_are_chosen_by_ansibles_names() {
        let mut palette = Palette::default();
        for (name, code) in [
            ("bright blue", "1;34"),
            ("magenta", "0;35"),
            ("color200", "38;5;200"),
            ("rgb123", "38;5;67"),
            ("gray5", "38;5;237"),
        ] {
            palette.set(Color::Changed, name).unwrap();
            assert_eq!(palette.code(Color::Changed), code);
        }
        for name in ["pink", "color256", "rgb006", "rgb12", "gray24", ""] {
            assert_eq!(palette.set(Color::Ok, name), Err(ColorError(name.to_owned())));
        }
        assert!(Color::ALL.iter().enumerate().all(|(i, (color, _))| *color as usize == i));
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(width("aé日本"), 6);
    }
}
