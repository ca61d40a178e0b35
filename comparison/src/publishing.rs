//! When what was counted is worth writing down.
//!
//! Pure. Laws: what is new is written soon; under load, every few seconds and no more often; one record is on its way
//! at a time; what was written is written again after a while even if nothing is new, so that the late word of somebody
//! who had the partition before does not stand for long, and so that who goes on finds a log that still holds it.

use std::time::Duration;

use wire::Timestamp;

/// When to write.
#[derive(Debug, Default)]
pub(crate) struct Publishing {
    /// Since when there is something new.
    news: Option<Timestamp>,
    /// When it was written last.
    last: Option<Timestamp>,
    is_under_way: bool,
    /// Whether there is anything to write at all.
    has_any: bool,
}

/// What is new waits so long for more of it.
const SOON: Duration = Duration::from_millis(500);
/// It is written no more often.
const EVERY: Duration = Duration::from_secs(3);
/// It is written again after so long if nothing is new.
const AGAIN: Duration = Duration::from_mins(1);

// === impl Publishing ===

impl Publishing {
    /// Begins at `now` with what somebody has written.
    pub(crate) fn after(now: Timestamp) -> Self {
        Self { news: None, last: Some(now), is_under_way: false, has_any: true }
    }

    /// Takes note that there is something new.
    pub(crate) fn on_news(&mut self, now: Timestamp) {
        self.has_any = true;
        self.news.get_or_insert(now);
    }

    /// Takes note that it was handed to the log.
    pub(crate) fn on_sent(&mut self, now: Timestamp) {
        (self.news, self.last, self.is_under_way) = (None, Some(now), true);
    }

    /// Takes note that the log has it, or does not.
    pub(crate) fn on_done(&mut self, is_written: bool, now: Timestamp) {
        self.is_under_way = false;
        if !is_written {
            self.on_news(now);
        }
    }

    /// Returns whether what was counted is not written yet.
    pub(crate) fn has_news(&self) -> bool {
        self.news.is_some()
    }

    /// Returns when it is to be written.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        if self.is_under_way || !self.has_any {
            return None;
        }
        let soon = self.news.map(|news| news.after(SOON));
        match (soon, self.last) {
            (Some(soon), Some(last)) => Some(soon.max(last.after(EVERY))),
            (None, Some(last)) => Some(last.after(AGAIN)),
            (soon, None) => soon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    #[test]
    fn the_first_news_are_written_soon_and_more_of_them_every_few_seconds() {
        let mut publishing = Publishing::default();
        assert_eq!(publishing.due(), None, "nothing was counted");
        publishing.on_news(now(1_000));
        publishing.on_news(now(1_400));
        assert_eq!(publishing.due(), Some(now(1_500)));
        publishing.on_sent(now(1_500));
        publishing.on_news(now(1_600));
        assert_eq!(publishing.due(), None, "one is on its way");
        publishing.on_done(true, now(1_700));
        assert_eq!(publishing.due(), Some(now(4_500)));
        publishing.on_sent(now(4_500));
        publishing.on_done(true, now(4_600));
        assert_eq!(publishing.due(), Some(now(64_500)));
        publishing.on_news(now(20_000));
        assert_eq!(publishing.due(), Some(now(20_500)));
    }

    #[test]
    fn what_the_log_did_not_take_is_written_again() {
        let mut publishing = Publishing::after(now(0));
        assert_eq!(publishing.due(), Some(now(60_000)));
        publishing.on_sent(now(60_000));
        publishing.on_done(false, now(60_100));
        assert!(publishing.has_news());
        assert_eq!(publishing.due(), Some(now(63_000)));
    }
}
