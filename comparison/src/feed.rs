//! One topic of a partition, as far as it was fetched: what waits to be told, and up to when all is known.
//!
//! Pure. Laws: records leave in the order of the log; what waits is bounded, because who is full asks for no more; what
//! was not fetched yet was taken in by the log at `heard` or later.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use wire::{Record, Timestamp};

/// A topic of one partition.
#[derive(Debug)]
pub(crate) struct Feed {
    waiting: VecDeque<(i64, Timestamp, Record)>,
    bytes: usize,
    /// The first offset that was not fetched.
    next: i64,
    heard: Timestamp,
    is_paused: bool,
}

/// So many records wait at most, give and take one fetch.
const RECORDS_MAX: usize = 2_000;
/// So many bytes of them.
const BYTES_MAX: usize = 4 << 20;
/// So much before the end of a topic was asked for, all that it holds is below that end: clocks differ a little, and a
/// record is visible only once it is replicated.
pub(crate) const MARGIN: Duration = Duration::from_secs(2);

// === impl Feed ===

impl Feed {
    /// Begins at `next`, where nothing is known yet.
    pub(crate) fn at(next: i64) -> Self {
        let (waiting, bytes) = Default::default();
        Self { waiting, bytes, next, heard: Timestamp::EPOCH, is_paused: false }
    }

    /// Takes in what lies next. What was fetched before is passed over.
    pub(crate) fn push(&mut self, offset: i64, appended: Timestamp, record: Record) {
        if offset < self.next {
            return;
        }
        self.next = offset + 1;
        self.heard = self.heard.max(appended);
        self.bytes += size(&record);
        self.waiting.push_back((offset, appended, record));
    }

    /// Takes note that at `asked` the topic ended before `end`.
    pub(crate) fn on_end(&mut self, end: i64, asked: Timestamp) {
        if self.next >= end {
            self.heard = self.heard.max(asked.before(MARGIN));
        }
    }

    /// Returns when the log took in what is to be told next.
    pub(crate) fn head(&self) -> Option<Timestamp> {
        self.waiting.front().map(|(_, appended, _)| *appended)
    }

    /// Returns the instant before which everything was told.
    pub(crate) fn told(&self) -> Timestamp {
        self.head().unwrap_or(self.heard).min(self.heard)
    }

    /// Hands out what is to be told next.
    pub(crate) fn pop(&mut self) -> Option<(i64, Timestamp, Record)> {
        let next = self.waiting.pop_front()?;
        self.bytes -= size(&next.2);
        Some(next)
    }

    /// Returns whether to stop fetching, if that is not known.
    pub(crate) fn pauses(&mut self) -> bool {
        let is_full = self.waiting.len() >= RECORDS_MAX || self.bytes >= BYTES_MAX;
        is_full && !std::mem::replace(&mut self.is_paused, true)
    }

    /// Returns from where on to fetch again, if that is not known.
    pub(crate) fn resumes(&mut self) -> Option<i64> {
        let has_room = self.waiting.len() <= RECORDS_MAX / 2 && self.bytes <= BYTES_MAX / 2;
        (has_room && std::mem::take(&mut self.is_paused)).then_some(self.next)
    }

    /// Goes on at `low`: the log holds nothing before.
    pub(crate) fn skip_to(&mut self, low: i64) {
        self.next = self.next.max(low);
        self.is_paused = false;
    }

    /// Returns whether it is all told, and only whoever asks for the end of the topic can learn more.
    pub(crate) fn is_dry(&self) -> bool {
        self.waiting.is_empty()
    }
}

fn size(record: &Record) -> usize {
    size_of::<Record>() + record.payload.as_ref().map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn up_to_when_all_is_known_follows_what_waits_and_then_the_end() {
        let mut feed = Feed::at(5);
        assert_eq!(feed.told(), Timestamp::EPOCH);
        feed.on_end(6, at(90));
        assert_eq!(feed.told(), Timestamp::EPOCH, "there is a record to come");
        feed.push(5, at(100), Record::default());
        feed.push(7, at(103), Record::default());
        feed.push(7, at(104), Record::default());
        feed.on_end(8, at(200));
        assert_eq!(feed.told(), at(100), "what waits is not told");
        assert_eq!(feed.pop().map(|(offset, ..)| offset), Some(5));
        assert_eq!(feed.told(), at(103));
        assert_eq!(feed.pop().map(|(offset, ..)| offset), Some(7));
        assert!(feed.pop().is_none() && feed.is_dry());
        assert_eq!(feed.told(), at(198));
    }

    #[test]
    fn who_is_full_pauses_once_and_goes_on_where_it_stopped() {
        let mut feed = Feed::at(0);
        let most = i64::try_from(RECORDS_MAX).unwrap();
        for offset in 0..most {
            assert!(!feed.pauses());
            feed.push(offset, at(offset), Record::default());
        }
        assert!(feed.pauses() && !feed.pauses());
        assert_eq!(feed.resumes(), None);
        while feed.waiting.len() > RECORDS_MAX / 2 {
            feed.pop();
        }
        assert_eq!((feed.resumes(), feed.resumes()), (Some(most), None));
        let large = Record { payload: Some(vec![0; BYTES_MAX].into()), ..Record::default() };
        feed.push(most, at(most), large);
        assert!(feed.pauses(), "bytes count too");
    }
}
