//! A bar on stderr for what takes long; nothing is shown of what is done at once.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How far the reading of a log has come.
pub(super) struct Progress {
    began: Instant,
    bar: Option<ProgressBar>,
}

/// Whoever waits longer wants to know for what.
const UNSHOWN: Duration = Duration::from_millis(700);

// === impl Progress ===

impl Progress {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), bar: None }
    }

    /// Shows that `read` of `total` records are read.
    pub(super) fn show(&mut self, read: u64, total: u64) {
        if self.bar.is_none() && self.began.elapsed() < UNSHOWN {
            return;
        }
        self.bar.get_or_insert_with(|| records(total)).set_position(read);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// On stderr, and only if that is a terminal.
fn records(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} records, {per_sec}, {eta} left");
    ProgressBar::new(total).with_style(style.expect("the template is a constant"))
}
