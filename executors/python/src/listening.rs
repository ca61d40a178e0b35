//! What workers print goes to the log, line by line: cut where a line is long, and left out, with their number told,
//! where there are many in a second.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use executor::Now;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};
use wire::Timestamp;

/// So many bytes of a line are kept.
const LINE_MAX: usize = 2_000;
/// So many lines of one worker are logged in a second.
const LINES_MAX: u32 = 100;
const SECOND: Duration = Duration::from_secs(1);
/// How Python begins the line that says that it was killed by a signal; a trace of calls follows.
const FATAL: &str = "Fatal Python error";

/// The last line that a worker printed.
#[derive(Clone, Default)]
pub(crate) struct LastLine(Arc<Mutex<String>>);

/// How many lines may still be logged in this second.
struct Rate {
    since: Timestamp,
    logged: u32,
    left_out: u32,
}

/// Logs what comes from `printed` until it ends, and keeps the last of it.
pub(crate) async fn listen(printed: impl AsyncRead + Unpin, name: Arc<str>, worker: u32, last: LastLine, now: Now) {
    let (mut printed, mut line) = (BufReader::new(printed), Vec::new());
    let mut rate = Rate { since: now(), logged: 0, left_out: 0 };
    while let Ok(true) = next_line(&mut printed, &mut line).await {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        let (may, left_out) = rate.take(now());
        if left_out > 0 {
            tracing::warn!(executor = %name, worker, "{left_out} more lines that it printed were left out");
        }
        if may {
            tracing::info!(executor = %name, worker, "{text}");
        }
        last.note(text);
    }
}

/// Reads a line, or as much of it as is kept; `false` at the end.
async fn next_line(printed: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    loop {
        let part = printed.fill_buf().await?;
        if part.is_empty() {
            return Ok(!line.is_empty());
        }
        let end = part.iter().position(|byte| *byte == b'\n');
        let taken = &part[..end.unwrap_or(part.len())];
        line.extend_from_slice(&taken[..taken.len().min(LINE_MAX - line.len())]);
        let length = end.map_or(part.len(), |end| end + 1);
        printed.consume(length);
        if end.is_some() {
            // An empty line is a line, and not the end.
            line.push(b' ');
            return Ok(true);
        }
    }
}

// === impl LastLine, Rate ===

impl LastLine {
    /// Returns it; `None` if nothing was printed.
    pub(crate) fn get(&self) -> Option<String> {
        Some(self.line().clone()).filter(|line| !line.is_empty())
    }

    fn note(&self, text: &str) {
        let mut line = self.line();
        if !line.starts_with(FATAL) {
            line.clear();
            line.push_str(text);
        }
    }

    fn line(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rate {
    /// Returns whether a line may be logged now, and how many were left out in the second that is over.
    fn take(&mut self, now: Timestamp) -> (bool, u32) {
        let mut left_out = 0;
        if now.since(self.since) >= SECOND {
            left_out = self.left_out;
            *self = Self { since: now, logged: 0, left_out: 0 };
        }
        let may = self.logged < LINES_MAX;
        if may {
            self.logged += 1;
        } else {
            self.left_out += 1;
        }
        (may, left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_lines_in_a_second_some_are_logged_and_the_number_of_the_others_is_told() {
        let at = |millis| Timestamp::EPOCH.after(Duration::from_millis(millis));
        let mut rate = Rate { since: at(0), logged: 0, left_out: 0 };
        let logged = (0..150).filter(|_| rate.take(at(10)).0).count();
        assert_eq!(logged, 100);
        assert_eq!(rate.take(at(1_200)), (true, 50));
        assert_eq!(rate.take(at(1_201)), (true, 0));
    }

    #[tokio::test]
    async fn lines_are_cut_and_empty_ones_end_nothing() {
        let text = format!("one\n\n{}\nlast", "x".repeat(5_000));
        let (mut printed, mut line, mut lengths) = (BufReader::new(text.as_bytes()), Vec::new(), Vec::new());
        while next_line(&mut printed, &mut line).await.unwrap() {
            lengths.push(String::from_utf8_lossy(&line).trim_end().len());
        }
        assert_eq!(lengths, [3, 0, LINE_MAX, 4]);
    }

    #[test]
    fn the_line_that_says_how_it_died_is_kept_and_not_the_calls_below_it() {
        let last = LastLine::default();
        assert_eq!(last.get(), None);
        for line in ["loading", "Fatal Python error: Segmentation fault", "  File \"rank.py\", line 3 in score"] {
            last.note(line);
        }
        assert_eq!(last.get().unwrap(), "Fatal Python error: Segmentation fault");
    }
}
