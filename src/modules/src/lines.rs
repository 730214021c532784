//! A running program's output, cut into lines that people can follow.
//!
//! Whatever a program writes, what is shown of it stays small: long lines are cut, and of a flood of lines some are left
//! out. Each line says what is missing. The module's own result is not touched by any of this.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rplay_protocol::OutputLine;

use crate::censor::STARS;

/// Bytes of a line that are shown.
const LINE: usize = 4096;
/// A line that has not ended is shown after this time, and again no sooner than after this time.
const PATIENCE: Duration = Duration::from_millis(800);
/// Lines and bytes that may come at once.
const BURST: (f64, f64) = (1000.0, 256.0 * 1024.0);
/// Lines and bytes in a second after that.
const STEADY: (f64, f64) = (200.0, 64.0 * 1024.0);
/// Once so many bytes of one program were shown, the rest is shown at the pace of [`SLOW`].
const PLENTY: u64 = 8 << 20;
/// Lines and bytes in a second of a program that has shown plenty.
const SLOW: (f64, f64) = (5.0, 1024.0);

/// The lines of one program: bytes in as they come, lines out.
#[derive(Debug)]
pub struct Lines {
    streams: [Stream; 2],
    pace: Pace,
    /// Lines left out since the last one that was shown, and the newest of them.
    lost: u64,
    newest: Option<(bool, Line)>,
    /// In no text; longer ones first.
    secrets: Arc<[String]>,
}

/// What is known of the line that a stream is writing.
#[derive(Debug, Default)]
struct Stream {
    line: Line,
    /// The program went back to the start of the line; the next byte overwrites it, unless it ends the line.
    returned: bool,
    /// There is a line at all: text, or an empty one that was written over.
    begun: bool,
    /// When the line changed first since it was shown.
    changed: Option<Instant>,
    shown: Option<Instant>,
}

/// A line as it was written.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    cut: u64,
}

impl Lines {
    /// No line yet. `secrets` are those of [`by_line`].
    pub fn new(secrets: Arc<[String]>, now: Instant) -> Self {
        Self {
            streams: Default::default(),
            pace: Pace { lines: BURST.0, bytes: BURST.1, last: now, total: 0 },
            lost: 0,
            newest: None,
            secrets,
        }
    }

    /// Takes what came on one stream; returns the lines that ended, as far as they are shown.
    pub fn push(&mut self, stderr: bool, bytes: &[u8], now: Instant) -> Vec<OutputLine> {
        let mut out = Vec::new();
        for part in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let stream = &mut self.streams[usize::from(stderr)];
            let (text, end) = match part.split_last() {
                Some((end @ (b'\n' | b'\r'), text)) => (text, Some(*end)),
                _ => (part, None),
            };
            stream.write(text, now);
            match end {
                Some(b'\n') => {
                    let line = stream.take();
                    out.extend(self.pass(stderr, line, now));
                }
                Some(_) => (stream.returned, stream.begun) = (true, true),
                None => {}
            }
        }
        out
    }

    /// Time has passed: lines that are not ended, and the newest of those left out, as far as they are due.
    pub fn tick(&mut self, now: Instant) -> Vec<OutputLine> {
        let mut out = Vec::new();
        if self.newest.as_ref().is_some_and(|(_, line)| self.pace.allows(line.bytes.len(), now)) {
            out.extend(self.newest());
        }
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let due = |at: Option<Instant>| at.is_none_or(|at| now.saturating_duration_since(at) >= PATIENCE);
            if stream.changed.is_some()
                && due(stream.changed)
                && due(stream.shown)
                && self.pace.allows(stream.line.bytes.len(), now)
            {
                (stream.changed, stream.shown) = (None, Some(now));
                out.push(OutputLine { partial: true, ..stream.line.shown(index == 1, &self.secrets, true) });
            }
        }
        out
    }

    /// The program has ended: what is left.
    pub fn end(&mut self) -> Vec<OutputLine> {
        let mut out = Vec::new();
        for stderr in [false, true] {
            let stream = &mut self.streams[usize::from(stderr)];
            if stream.begun {
                let line = stream.take();
                if self.newest.is_some() {
                    self.lose(stderr, line);
                } else {
                    out.push(line.shown(stderr, &self.secrets, false));
                }
            }
        }
        // The last words of a program matter most.
        out.extend(self.newest());
        out
    }

    /// The newest of the lines that were left out.
    fn newest(&mut self) -> Option<OutputLine> {
        let (stderr, line) = self.newest.take()?;
        let lost = std::mem::take(&mut self.lost).saturating_sub(1);
        Some(OutputLine { lost, ..line.shown(stderr, &self.secrets, false) })
    }

    fn pass(&mut self, stderr: bool, line: Line, now: Instant) -> Option<OutputLine> {
        if !self.pace.allows(line.bytes.len(), now) {
            self.lose(stderr, line);
            return None;
        }
        self.newest = None;
        let lost = std::mem::take(&mut self.lost);
        Some(OutputLine { lost, ..line.shown(stderr, &self.secrets, false) })
    }

    fn lose(&mut self, stderr: bool, line: Line) {
        self.lost += 1;
        self.newest = Some((stderr, line));
    }
}

impl Stream {
    fn write(&mut self, text: &[u8], now: Instant) {
        if text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.returned) {
            self.line.bytes.clear();
            self.line.cut = 0;
        }
        self.begun = true;
        let room = LINE.saturating_sub(self.line.bytes.len()).min(text.len());
        self.line.bytes.extend_from_slice(&text[..room]);
        self.line.cut += (text.len() - room) as u64;
        self.changed.get_or_insert(now);
    }

    /// The line has ended.
    fn take(&mut self) -> Line {
        let shown = self.shown;
        std::mem::replace(self, Self { shown, ..Self::default() }).line
    }
}

impl Line {
    /// The line for people; `open`: more of it may come.
    fn shown(&self, stderr: bool, secrets: &[String], open: bool) -> OutputLine {
        let (mut bytes, mut cut) = (&self.bytes[..], self.cut);
        if cut > 0 {
            // Not in the middle of a character.
            let whole = bytes.len() - unfinished(bytes);
            cut += (bytes.len() - whole) as u64;
            bytes = &bytes[..whole];
        }
        let text = masked(String::from_utf8_lossy(bytes), secrets, open || cut > 0);
        OutputLine { stderr, text, partial: false, cut, lost: 0 }
    }
}

/// How many bytes at the end are the start of a character that needs more.
fn unfinished(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        Some(chunk) if bytes.ends_with(chunk.invalid()) && !chunk.invalid().is_empty() => {
            let invalid = chunk.invalid();
            let needed = match invalid[0] {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => 0,
            };
            if invalid.len() < needed { invalid.len() } else { 0 }
        }
        _ => 0,
    }
}

/// The lines of secrets, as [`Lines`] looks for them: longer ones first.
pub(crate) fn by_line(secrets: &[String]) -> Arc<[String]> {
    // A piece of two letters is no secret, and hiding it would hide half of every text.
    const SHORTEST: usize = 3;
    let mut lines: Vec<String> = Vec::new();
    for secret in secrets {
        lines.extend(
            secret.split(['\n', '\r']).filter(|line| *line == secret || line.len() >= SHORTEST).map(str::to_owned),
        );
    }
    lines.retain(|line| !line.is_empty());
    lines.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    lines.dedup();
    lines.into()
}

/// The text without secrets; `open`: nor what may be the start of one at its end.
fn masked(text: Cow<'_, str>, secrets: &[String], open: bool) -> String {
    let mut text = text.into_owned();
    for secret in secrets {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), STARS);
        }
    }
    if open {
        let start = secrets
            .iter()
            .flat_map(|secret| secret.char_indices().skip(1).map(|(at, _)| &secret[..at]))
            .filter(|start| text.ends_with(start))
            .map(str::len)
            .max();
        if let Some(length) = start {
            text.truncate(text.len() - length);
            text.push_str(STARS);
        }
    }
    text
}

/// How much may be shown now.
#[derive(Debug)]
struct Pace {
    lines: f64,
    bytes: f64,
    last: Instant,
    total: u64,
}

impl Pace {
    fn allows(&mut self, length: usize, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.last).as_secs_f64();
        let rate = if self.total < PLENTY { STEADY } else { SLOW };
        self.lines = (self.lines + passed * rate.0).min(BURST.0);
        self.bytes = (self.bytes + passed * rate.1).min(BURST.1);
        self.last = now.max(self.last);
        if self.lines < 1.0 || self.bytes < 0.0 {
            return false;
        }
        // A line longer than what is left is paid for later.
        self.lines -= 1.0;
        self.bytes -= length as f64;
        self.total += length as u64;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(secrets: &[&str]) -> (Lines, Instant) {
        let now = Instant::now();
        (Lines::new(by_line(&secrets.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()), now), now)
    }

    fn texts(lines: &[OutputLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    /// What a terminal that shows whole lines would show.
    fn expected(bytes: &[u8]) -> Vec<String> {
        let mut parts: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        if parts.last().is_some_and(|last| last.is_empty()) {
            parts.pop();
        }
        let shown = |part: &[u8]| {
            let end = part.iter().rposition(|b| *b != b'\r').map_or(0, |at| at + 1);
            let start = part[..end].iter().rposition(|b| *b == b'\r').map_or(0, |at| at + 1);
            String::from_utf8_lossy(&part[start..end]).into_owned()
        };
        parts.into_iter().map(shown).collect()
    }

    proptest! {
        #[test]
        fn where_output_is_split_does_not_matter(
            words in prop::collection::vec(prop_oneof![
                Just(b"\n".to_vec()), Just(b"\r".to_vec()), Just(b"\r\n".to_vec()),
                "[a-zä☃]{0,5}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..4),
            ], 0..60),
            cuts in prop::collection::vec(1..9_usize, 1..20),
        ) {
            let bytes = words.concat();
            let (mut whole, now) = lines(&[]);
            let mut all = whole.push(false, &bytes, now);
            all.extend(whole.end());
            let (mut split, now) = lines(&[]);
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for size in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.extend(split.push(false, piece, now));
                rest = after;
            }
            pieces.extend(split.end());
            prop_assert_eq!(&all, &pieces);
            prop_assert_eq!(texts(&all), expected(&bytes));
        }

        #[test]
        fn no_secret_and_no_start_of_one_gets_through(
            text in "[abs\r\n]{0,40}", at in 0..40_usize, size in 1..12_usize, open in any::<bool>(),
        ) {
            const SECRET: &str = "zq7zqx";
            let at = at.min(text.len());
            let text = format!("{}{SECRET}{}", &text[..at], &text[at..]);
            let (mut lines, now) = lines(&[SECRET]);
            let mut shown = Vec::new();
            let mut late = now;
            for piece in text.as_bytes().chunks(size) {
                shown.extend(lines.push(false, piece, late));
                if open {
                    late += Duration::from_secs(2);
                    shown.extend(lines.tick(late));
                }
            }
            shown.extend(lines.end());
            for line in &shown {
                prop_assert!(!line.text.contains(['z', 'q', 'x']), "{:?}", line);
            }
        }
    }

    #[test]
    fn lines_end_at_newlines_and_the_rest_comes_at_the_end() {
        let (mut lines, now) = lines(&[]);
        assert_eq!(texts(&lines.push(false, b"a\nb", now)), ["a"]);
        assert_eq!(texts(&lines.push(true, b"x\r\n\n", now)), ["x", ""]);
        assert_eq!(texts(&lines.push(false, b"c\n\xff\xfe", now)), ["bc"]);
        let rest = lines.end();
        assert_eq!(texts(&rest), ["\u{fffd}\u{fffd}"]);
        assert!(lines.end().is_empty());
    }

    #[test]
    fn questions_and_progress_bars_are_shown_once_in_a_while() {
        let (mut lines, now) = lines(&[]);
        assert!(lines.push(false, b"Go on? [y/N] ", now).is_empty());
        assert!(lines.tick(now).is_empty());
        let later = now + Duration::from_secs(1);
        let shown = lines.tick(later);
        assert!(shown[0].partial);
        assert_eq!(texts(&shown), ["Go on? [y/N] "]);
        assert!(lines.tick(later + Duration::from_secs(9)).is_empty(), "it has not changed");
        assert_eq!(texts(&lines.push(false, b"y\n", later)), ["Go on? [y/N] y"]);
        let mut shown = Vec::new();
        for percent in 0..=100_u64 {
            let time = later + Duration::from_millis(percent * 100);
            shown.extend(lines.push(false, format!("\r{percent} %").as_bytes(), time));
            shown.extend(lines.tick(time));
        }
        shown.extend(lines.push(false, b"\r\n", later + Duration::from_secs(11)));
        assert!((5..20).contains(&shown.len()), "{shown:?}");
        assert!(shown.iter().rev().skip(1).all(|line| line.partial));
        assert_eq!(shown.last().map(|line| line.text.as_str()), Some("100 %"));
    }

    #[test]
    fn a_long_line_is_cut_between_characters_and_says_so() {
        let (mut lines, now) = lines(&[]);
        let long = format!("a{}", "☃".repeat(LINE));
        let mut shown = Vec::new();
        for piece in long.as_bytes().chunks(1000) {
            shown.extend(lines.push(false, piece, now));
        }
        shown.extend(lines.push(false, b"\n", now));
        assert_eq!(shown.len(), 1);
        assert!(shown[0].text.len() <= LINE && shown[0].text.ends_with('☃') && !shown[0].text.contains('\u{fffd}'));
        assert_eq!(shown[0].text.len() as u64 + shown[0].cut, long.len() as u64);
    }

    #[test]
    fn of_a_flood_some_lines_are_shown_and_the_last_one_always() {
        let (mut lines, now) = lines(&[]);
        let mut shown = Vec::new();
        let mut time = now;
        for n in 0..100_000 {
            time += Duration::from_micros(10);
            shown.extend(lines.push(false, format!("{n}\n").as_bytes(), time));
        }
        shown.extend(lines.tick(time));
        shown.extend(lines.end());
        assert!(shown.len() < 1300, "{}", shown.len());
        assert_eq!(shown.last().map(|line| line.text.as_str()), Some("99999"));
        assert_eq!(shown.iter().map(|line| 1 + line.lost).sum::<u64>(), 100_000);
        // Every count is right where it stands.
        let mut next = 0;
        for line in &shown {
            next += line.lost;
            assert_eq!(line.text, next.to_string());
            next += 1;
        }
    }

    #[test]
    fn a_program_that_talks_for_days_is_followed_slowly() {
        let (mut lines, now) = lines(&[]);
        let mut size = 0;
        for second in 0..86_400_u64 {
            let time = now + Duration::from_secs(second);
            for _ in 0..2 {
                size += lines.push(false, &[b'x'; 2000], time).len();
                size += lines.push(false, b"\n", time).iter().map(|line| line.text.len()).sum::<usize>();
            }
        }
        assert!(size < 120 << 20, "{size}");
    }

    #[test]
    fn secrets_of_several_lines_are_hidden_line_by_line() {
        let (mut lines, now) = lines(&["-----BEGIN KEY-----\nabc123\n-----END"]);
        let shown = lines.push(false, b"> abc123 -----END\n", now);
        assert_eq!(texts(&shown), ["> ******** ********"]);
    }
}
