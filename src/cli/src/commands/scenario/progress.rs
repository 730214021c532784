//! The line at the end of a terminal that tells what is at work: it goes away before anything else is printed.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rplay_scenario::lab::Told;

/// Time between looks at the clock.
const TICK: Duration = Duration::from_millis(250);

#[derive(Default)]
struct Work {
    running: Vec<(String, Instant)>,
    done: usize,
    /// The line stands on the terminal.
    shown: bool,
}

/// The line, when there is a terminal.
pub(super) struct Progress {
    work: Option<Arc<Mutex<Work>>>,
    over: Arc<AtomicBool>,
}

impl Progress {
    pub(super) fn new(wanted: bool) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        if !wanted || !io::stdout().is_terminal() {
            return Self { work: None, over };
        }
        let work = Arc::new(Mutex::new(Work::default()));
        let (seen, ended) = (Arc::clone(&work), Arc::clone(&over));
        // Ends with the process: it waits for nothing.
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                draw(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
            }
        });
        Self { work: Some(work), over }
    }

    /// Notes what begins and ends.
    pub(super) fn told(&self, told: &Told) {
        let Some(work) = &self.work else { return };
        let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Told::Begun(what, name) => {
                let name = format!("{what} {name}");
                work.running.push((name, Instant::now()));
                if is_run(what) {
                    // Its own output takes the terminal.
                    clear(&mut work);
                }
            }
            Told::Ended { what, name, .. } => {
                let name = format!("{what} {name}");
                work.running.retain(|(running, _)| *running != name);
                work.done += 1;
            }
            _ => {}
        }
    }

    /// Prints something where the line stands.
    pub(super) fn print(&self, text: &str) {
        if let Some(work) = &self.work {
            clear(&mut work.lock().unwrap_or_else(PoisonError::into_inner));
        }
        super::told::print(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(work) = &self.work {
            clear(&mut work.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn is_run(what: &str) -> bool {
    ["stage", "idempotence", "check"].contains(&what)
}

fn clear(work: &mut Work) {
    if work.shown {
        let _ = write!(io::stdout().lock(), "\r\u{1b}[K");
        work.shown = false;
    }
}

fn draw(work: &mut Work) {
    let quiet = work.running.iter().any(|(name, _)| name.split(' ').next().is_some_and(is_run));
    if work.running.is_empty() || quiet {
        return;
    }
    let mut out = io::stdout().lock();
    let _ = write!(out, "\r\u{1b}[K{}", line(work, 79));
    let _ = out.flush();
    work.shown = true;
}

/// What is at work, as far as it fits.
fn line(work: &Work, width: usize) -> String {
    let running: Vec<String> =
        work.running.iter().map(|(name, since)| format!("{name} {:.0}s", since.elapsed().as_secs_f64())).collect();
    let text = format!("{} done; {}", work.done, running.join(", "));
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width - 2).chain("..".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_fits_the_terminal() {
        let mut work = Work { done: 2, ..Work::default() };
        work.running.push(("node web-0".to_owned(), Instant::now()));
        work.running.push(("node web-1".to_owned(), Instant::now()));
        assert_eq!(line(&work, 79), "2 done; node web-0 0s, node web-1 0s");
        assert_eq!(line(&work, 20), "2 done; node web-0..");
    }
}
