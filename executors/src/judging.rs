//! Judges: executors that are given what others said, beside the input.
//!
//! A judge's requests wait here, in the fetching loop, until those whom it hears have spoken or its wait is over; then
//! they are scored like any other. What it is given is one JSON object, `{"input": {…}, "answers": {"forest": {…}}}`,
//! the answers in the order in which the policy names them.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bus::{Bus, BusError, Received, StartAt};
use bytes::Bytes;
use executor::Input;
use policies::Versions;
use serde::de::IgnoredAny;
use wire::{Decoder, Envelope, ExecutorId, Reply, RequestId, Timestamp};

use crate::{
    ear::{Ear, Heard},
    hearing::{Hearing, Judge, Ready},
    post,
    work::Work,
};

/// Answers are kept for a while longer than a budget: clocks differ.
const SLACK: Duration = Duration::from_secs(1);

/// The judges of this process, and what they have heard.
pub(crate) struct Judging {
    pub(crate) ear: Ear,
    hearing: Hearing<Asking>,
    /// Whose answers somebody here wants to hear.
    heard: HashSet<ExecutorId>,
    keep: Duration,
    decoder: Decoder,
}

/// A request that a judge is asked about.
pub(crate) struct Asking {
    pub(crate) judge: ExecutorId,
    pub(crate) version: u64,
    pub(crate) work: Arc<Work>,
    /// When it may start.
    pub(crate) start: Timestamp,
}

// === impl Judging ===

impl Judging {
    pub(crate) fn new(bus: Arc<dyn Bus>, responses: String) -> Self {
        let (hearing, heard) = (Hearing::new(SLACK), HashSet::new());
        Self { ear: Ear::new(bus, responses), hearing, heard, keep: SLACK, decoder: Decoder::default() }
    }

    /// Hears those who are heard by judges of `versions` that are run here; `only` names whom is run, `None` all.
    pub(crate) fn follow(&mut self, versions: &Versions, only: Option<&[ExecutorId]>) {
        self.heard = post::named(versions, only).into_iter().flat_map(|post| post.spec.hears).collect();
        for definition in versions.in_use() {
            self.keep = self.keep.max(definition.budget.as_duration() + SLACK);
        }
        self.hearing.keep_for(self.keep);
        self.ear.need(!self.heard.is_empty());
    }

    /// Begins to hear a partition: what was said about requests that are still alive, and all that comes.
    pub(crate) fn on_assigned(&mut self, partition: i32, now: Timestamp) -> Result<(), BusError> {
        self.ear.start(partition, self.alive(now))
    }

    /// Takes in what was heard.
    pub(crate) fn on_heard(&mut self, heard: Heard, now: Timestamp) -> Result<(), BusError> {
        match heard {
            Heard::Opened => self.ear.start_all(self.alive(now)),
            Heard::Records(records) => {
                for received in &records {
                    self.on_record(received, now);
                }
                Ok(())
            }
        }
    }

    /// Goes on with what is alive, in every partition, after a gap.
    pub(crate) fn on_gap(&mut self, now: Timestamp) -> Result<(), BusError> {
        self.ear.start_all(self.alive(now))
    }

    /// Lets judges wait who are asked about a request; returns those that there is no room for.
    pub(crate) fn on_request(&mut self, id: RequestId, judges: Vec<Judge<Asking>>, now: Timestamp) -> Vec<Asking> {
        self.hearing.on_request(id, judges, now)
    }

    pub(crate) fn on_time(&mut self, now: Timestamp) {
        self.hearing.on_time(now);
    }

    /// Returns the next instant worth an `on_time`.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.hearing.next_deadline()
    }

    /// Returns a request that its judge may begin with, and what it has heard about it.
    pub(crate) fn poll_ready(&mut self, now: Timestamp) -> Option<Asking> {
        loop {
            let Ready { who, answers } = self.hearing.poll_ready()?;
            // Another process has the partition now, and its judge hears the same.
            if !who.work.share.is_revoked() {
                return Some(Asking { work: Arc::new(with_answers(&who.work, &answers, now)), ..who });
            }
        }
    }

    fn on_record(&mut self, received: &Received, now: Timestamp) {
        // What is no response is put among the dead letters by the collector.
        let Ok(Envelope::Response(response)) = self.decoder.decode(&received.record) else { return };
        if !self.heard.contains(&response.executor) {
            return;
        }
        let answer = match response.reply {
            Reply::Answer(answer) => Some(answer).filter(|answer| serde_json::from_slice::<IgnoredAny>(answer).is_ok()),
            Reply::Failure(_) => None,
        };
        self.hearing.on_response(response.request, response.executor, answer, now);
    }

    fn alive(&self, now: Timestamp) -> StartAt {
        StartAt::Time(now.before(self.keep))
    }
}

/// Returns the work of a judge: the input and the answers, as one JSON object. Its time in the queue begins now.
fn with_answers(work: &Work, answers: &[(ExecutorId, Bytes)], now: Timestamp) -> Work {
    let size: usize = answers.iter().map(|(executor, answer)| executor.as_str().len() + answer.len() + 4).sum();
    let mut body = Vec::with_capacity(work.input.body.len() + size + 26);
    body.extend_from_slice(b"{\"input\":");
    body.extend_from_slice(&work.input.body);
    body.extend_from_slice(b",\"answers\":{");
    for (index, (executor, answer)) in answers.iter().enumerate() {
        // An executor's name needs no escapes.
        body.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        body.extend_from_slice(executor.as_str().as_bytes());
        body.extend_from_slice(b"\":");
        body.extend_from_slice(answer);
    }
    body.extend_from_slice(b"}}");
    let input = Input::judged(&work.input, body.into());
    Work {
        input,
        share: Arc::clone(&work.share),
        offset: work.offset,
        budget: work.budget,
        asked: work.asked,
        fetched: now,
    }
}
