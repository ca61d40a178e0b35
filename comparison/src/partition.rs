//! The comparison of one partition: three topics in, counts and what is to be written down out.
//!
//! Pure. Laws, each tested by name:
//! - *Whatever is kept, counting on from it gives what counting without stopping gives*, however often it is killed.
//! - *No topic runs ahead*: none is told more than a few seconds before the others, and time passes only up to where
//!   all three are known; so what is held is bounded, and who is silent is known to be.
//! - *Nobody is counted before he is understood*: a request of a version that is not known yet waits for it, not for ever.
//! - *What is lost is told and gone on with.*
//!
//! It deliberately does not know how records are read, where what is kept is written, or what it proves.

use std::{collections::VecDeque, time::Duration};

use canary::{Comparison, Known, Ledger, Limits, Matchup, Place, Topic};
use policies::Given;
use wire::{Decoder, Envelope, Fencing, Request, Response, ResultsEntry, ResultsReader, Timestamp};

use crate::{
    feed::{Feed, MARGIN},
    kept::Kept,
    publishing::Publishing,
};

/// One partition.
#[derive(Debug)]
pub struct Partition {
    matchups: Vec<Matchup>,
    comparison: Comparison,
    /// Of each of `Topic::ALL`.
    feeds: [Feed; 3],
    decoder: Decoder,
    results: ResultsReader,
    /// From which offset on whose results are valid, oldest first.
    valid: VecDeque<(i64, Fencing)>,
    /// Results before are read for their fences alone.
    results_from: i64,
    /// A request of a version that is not known yet, since when.
    parked: Option<(Timestamp, i64, Request, Timestamp)>,
    /// Versions up to this one are not waited for: one of them never came.
    given_up: u64,
    publishing: Publishing,
    actions: VecDeque<Action>,
}

/// From where a partition is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// On from what was kept.
    Kept(Kept),
    /// From there on; results are read from the offset that is told beside it, for the fences that come before.
    At(Kept, i64),
}

/// What is to be done, or counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Read this topic of the partition from there on.
    Read(Topic, i64),
    /// Read no more of it for now.
    Pause(Topic),
    /// Write this down.
    Keep(Kept),
    /// Count this.
    Tell(Told),
}

/// What happened, to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A record was read that belongs to a comparison, or might.
    Read(Topic),
    /// A record was passed: a fence, a void result, or one that is there again.
    Passed(Topic),
    /// A record was passed that cannot be understood.
    Unreadable(Topic),
    /// A version was waited for in vain.
    VersionUnknown,
    /// The log dropped so many records before they were read.
    Lost(Topic, i64),
    /// The log was cut off, or made anew.
    CutOff(Topic),
}

/// A topic is told so much before what is known of the others, and no more.
const AHEAD: Duration = Duration::from_secs(5);
/// A version that is not known yet is waited for so long.
const VERSION_WITHIN: Duration = Duration::from_secs(10);
/// So many results are remembered to recognise those that come again.
const WINDOW: usize = 1 << 14;
/// So many records are told before what is done is counted.
const BATCH: usize = 256;

// === impl Partition ===

impl Partition {
    /// Begins to compare `matchups` from `start` on.
    #[must_use]
    pub fn open(matchups: Vec<Matchup>, limits: Limits, start: Start, now: Timestamp) -> Self {
        let publishing = match &start {
            Start::Kept(_) => Publishing::after(now),
            Start::At(..) => Publishing::default(),
        };
        Self::begin(matchups, limits, start, publishing)
    }

    fn begin(matchups: Vec<Matchup>, limits: Limits, start: Start, publishing: Publishing) -> Self {
        let (kept, fences_from) = match start {
            Start::Kept(kept) => (kept, None),
            Start::At(kept, fences_from) => (kept, Some(fences_from)),
        };
        let positions = kept.checkpoint.positions;
        let first_result = fences_from.map_or(positions.results, |from| from.min(positions.results));
        let (mut results, mut valid) = (ResultsReader::new(WINDOW), VecDeque::new());
        if let Some(fencing) = kept.valid() {
            results.on_fence(wire::Fence(fencing));
            valid.push_back((positions.results, fencing));
        }
        let starts = [positions.requests, positions.responses, first_result];
        let actions = Topic::ALL.into_iter().zip(starts).map(|(topic, from)| Action::Read(topic, from)).collect();
        Self {
            comparison: Comparison::restore(matchups.clone(), limits, kept.checkpoint),
            matchups,
            feeds: starts.map(Feed::at),
            decoder: Decoder::default(),
            results,
            valid,
            results_from: positions.results,
            parked: None,
            given_up: 0,
            publishing,
            actions,
        }
    }

    /// Takes in records of `topic`, in the order of its log.
    pub fn on_record(&mut self, topic: Topic, offset: i64, appended: Timestamp, record: wire::Record) {
        self.feeds[topic.index()].push(offset, appended, record);
    }

    /// Takes note that `topic` ended before `end` when that was asked for, at `asked`.
    pub fn on_end(&mut self, topic: Topic, end: i64, asked: Timestamp) {
        self.feeds[topic.index()].on_end(end, asked);
    }

    /// Compares what can be compared, and says what is to be done by then. `newest` is the newest version that is known.
    pub fn on_time(&mut self, now: Timestamp, known: &impl Known, newest: u64) {
        let mut told = 0;
        while self.tell_next(now, newest) {
            told += 1;
            if told % BATCH == 0 {
                self.comparison.count(known);
            }
        }
        let open = self.comparison.held().0;
        self.comparison.on_time(self.told());
        self.comparison.count(known);
        if self.comparison.held().0 != open {
            self.publishing.on_news(now);
        }
        for (topic, feed) in Topic::ALL.into_iter().zip(&mut self.feeds) {
            if feed.pauses() {
                self.actions.push_back(Action::Pause(topic));
            } else if let Some(from) = feed.resumes() {
                self.actions.push_back(Action::Read(topic, from));
            }
        }
        if self.publishing.due().is_some_and(|due| due <= now) {
            self.publishing.on_sent(now);
            let kept = self.keep(known);
            self.actions.push_back(Action::Keep(kept));
        }
    }

    /// Takes note that the log has what was to be kept, or does not.
    pub fn on_kept(&mut self, is_written: bool, now: Timestamp) {
        self.publishing.on_done(is_written, now);
    }

    /// Takes note that somebody else has written something older since: ours is to be the last word.
    pub fn on_contradicted(&mut self, now: Timestamp) {
        self.publishing.on_news(now);
    }

    /// Compares by `matchups` from now on. Whatever is compared as before goes on.
    pub fn on_matchups(&mut self, matchups: Vec<Matchup>, limits: Limits, known: &impl Known, now: Timestamp) {
        if matchups == self.matchups {
            return;
        }
        let kept = self.keep(known);
        self.begin_again(matchups, limits, kept, now);
    }

    /// Takes note that of `topic` the log holds `low` to `high` and not what was to be read.
    pub fn on_gone(&mut self, topic: Topic, offset: i64, (low, high): (i64, i64), known: &impl Known, now: Timestamp) {
        if offset <= high {
            self.tell(Told::Lost(topic, (low - offset).max(0)));
            self.feeds[topic.index()].skip_to(low);
            if topic == Topic::Results {
                // Fences may be among what was lost; the owner repeats its own within seconds.
                self.results = ResultsReader::new(WINDOW);
                self.valid.clear();
            }
            return self.actions.push_back(Action::Read(topic, low));
        }
        let mut kept = self.keep(known);
        kept.checkpoint.cut_off(topic, low);
        if topic == Topic::Results {
            kept.forget_valid();
        }
        let matchups = std::mem::take(&mut self.matchups);
        self.begin_again(matchups, self.comparison.limits(), kept, now);
        self.tell(Told::CutOff(topic));
    }

    /// Returns what is new and not written down yet, for whoever lets go of the partition.
    #[must_use]
    pub fn last_word(&mut self, known: &impl Known) -> Option<Kept> {
        self.publishing.has_news().then(|| self.keep(known))
    }

    /// Returns what there is to keep: from it somebody else can go on.
    #[must_use]
    pub fn keep(&mut self, known: &impl Known) -> Kept {
        let checkpoint = self.comparison.checkpoint(known);
        let from = checkpoint.positions.results;
        while self.valid.get(1).is_some_and(|(next, _)| *next <= from) {
            self.valid.pop_front();
        }
        let valid = self.valid.front().filter(|(since, _)| *since <= from).map(|(_, fencing)| *fencing);
        Kept::new(valid, checkpoint)
    }

    /// Returns what is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns whether it has to be asked where topics end, for anything to go on.
    #[must_use]
    pub fn wants_ends(&self, now: Timestamp) -> bool {
        let told = self.told();
        let waits = |feed: &Feed| feed.head().is_some_and(|head| told.after(AHEAD) < head);
        let is_due = self.comparison.next_deadline().is_some_and(|due| told <= due && due.after(MARGIN) < now);
        self.feeds.iter().any(Feed::is_dry) && (is_due || self.feeds.iter().any(waits))
    }

    /// Returns when there is something to do even if nothing comes.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let due = self.comparison.next_deadline().map(|due| due.after(MARGIN).after(Duration::from_millis(1)));
        let version = self.parked.as_ref().map(|(since, ..)| since.after(VERSION_WITHIN));
        [due, version, self.publishing.due()].into_iter().flatten().min()
    }

    /// Returns the instant before which everything was told.
    #[must_use]
    pub fn told(&self) -> Timestamp {
        let parked = self.parked.iter().map(|(.., appended)| *appended);
        self.feeds.iter().map(Feed::told).chain(parked).min().unwrap_or(Timestamp::EPOCH)
    }

    /// Returns when the log took in what waits longest to be compared, if anything does.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Timestamp> {
        let parked = self.parked.iter().map(|(.., appended)| *appended);
        self.feeds.iter().filter_map(Feed::head).chain(parked).min()
    }

    /// Returns each matchup with what was counted of it.
    pub fn ledgers(&self) -> impl Iterator<Item = (&Matchup, &Ledger)> {
        self.comparison.ledgers()
    }

    /// Returns how many requests are open, and how many bytes are held of them.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        self.comparison.held()
    }

    fn begin_again(&mut self, matchups: Vec<Matchup>, limits: Limits, kept: Kept, now: Timestamp) {
        let publishing = std::mem::take(&mut self.publishing);
        let actions = std::mem::take(&mut self.actions);
        *self = Self::begin(matchups, limits, Start::Kept(kept), publishing);
        self.actions
            .extend(actions.into_iter().filter(|action| !matches!(action, Action::Read(..) | Action::Pause(_))));
        self.publishing.on_news(now);
    }

    /// Tells the oldest record that waits, if no other topic is known too little of; returns whether it did.
    fn tell_next(&mut self, now: Timestamp, newest: u64) -> bool {
        if let Some((since, offset, request, appended)) = self.parked.take() {
            let is_over = now >= since.after(VERSION_WITHIN);
            if request.policy.version > newest && !is_over {
                self.parked = Some((since, offset, request, appended));
                return false;
            }
            if request.policy.version > newest {
                self.given_up = request.policy.version;
                self.tell(Told::VersionUnknown);
            }
            self.comparison.on_request(offset, request, appended);
            self.publishing.on_news(now);
            self.tell(Told::Read(Topic::Requests));
            return true;
        }
        let heads = self.feeds.iter().enumerate().filter_map(|(which, feed)| Some((feed.head()?, which)));
        let Some((head, which)) = heads.min() else { return false };
        if self.feeds.iter().any(|feed| feed.told().after(AHEAD) < head) {
            return false;
        }
        let Some((offset, appended, record)) = self.feeds[which].pop() else { return false };
        let topic = Topic::ALL[which];
        match self.read(topic, offset, appended, &record) {
            Read::Request(request) if request.policy.version > newest.max(self.given_up) => {
                self.parked = Some((now, offset, request, appended));
                return true;
            }
            Read::Request(request) => self.comparison.on_request(offset, request, appended),
            Read::Response(response) => self.comparison.on_response(offset, response, appended),
            Read::Result(given) => self.comparison.on_result(offset, given),
            Read::Nothing => {
                self.comparison.on_other(Place { topic, offset });
                self.tell(Told::Passed(topic));
                return true;
            }
            Read::Garbage => {
                self.comparison.on_other(Place { topic, offset });
                self.tell(Told::Unreadable(topic));
                return true;
            }
        }
        self.publishing.on_news(now);
        self.tell(Told::Read(topic));
        true
    }

    fn read(&mut self, topic: Topic, offset: i64, appended: Timestamp, record: &wire::Record) -> Read {
        if topic == Topic::Results {
            return match self.results.read(record) {
                ResultsEntry::Valid(result) if offset >= self.results_from => {
                    Given::read(result, appended).map_or(Read::Garbage, Read::Result)
                }
                ResultsEntry::Fence { fence: wire::Fence(fencing), accepted: true } => {
                    self.valid.push_back((offset + 1, fencing));
                    Read::Nothing
                }
                ResultsEntry::Garbage(_) => Read::Garbage,
                _ => Read::Nothing,
            };
        }
        match (topic, self.decoder.decode(record)) {
            (Topic::Requests, Ok(Envelope::Request(request))) => Read::Request(request),
            (Topic::Responses, Ok(Envelope::Response(response))) => Read::Response(response),
            _ => Read::Garbage,
        }
    }

    fn tell(&mut self, told: Told) {
        self.actions.push_back(Action::Tell(told));
    }
}

/// What a record turned out to be.
enum Read {
    Request(Request),
    Response(Response),
    Result(Given),
    Nothing,
    Garbage,
}

#[cfg(test)]
mod tests;
