//! The three topics of a partition, with everything that can lie in them, and somebody who reads them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use canary::{Known, Ledger, Limits, Matchup, Topic};
use policies::{Circumstances, Definition, Evaluation};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::{
    Envelope, ExecutorId, Failure, FailureKind, Fence, Fencing, ModelVersion, PolicyRef, Record, Reply, Request,
    RequestId, Response, ResultRecord, Timestamp,
};

use super::super::{Action, Partition, Start};
use crate::Kept;

pub(super) const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);
const POLICY: &str = "rendezvous: wine\nbudget: 50ms\ninput: { features: [alcohol] }\nanswer: { value: class }\n\
    executors:\n  forest: { echo: }\n  next: { echo: , canary: { of: forest } }\n  again: { echo: , canary: { of: forest } }\n\
    decide:\n- first:\n  until: 40ms\n- default: { class: unknown }";
/// Three canaries, and requests of thirteen features.
const WIDE: &str = "rendezvous: wine\nbudget: 50ms\ninput: { features: [a, b, c, d, e, f, g, h, i, j, k, l, m] }\n\
    answer: { value: class, confidence: sure }\nexecutors:\n  forest: { echo: }\n  next: { echo: , canary: { of: forest } }\n  \
    again: { echo: , canary: { of: forest } }\n  third: { echo: , canary: { of: forest } }\n\
    decide:\n- first:\n  until: 40ms\n- default: { class: unknown }";

/// A log, and the one version of the policy.
pub(super) struct Story {
    definition: Arc<Definition>,
    features: Vec<&'static str>,
    topics: [Vec<(Timestamp, Record)>; 3],
}

/// What was counted, by canary.
pub(super) type Ledgers = BTreeMap<String, Ledger>;

/// Somebody who reads it.
pub(super) struct Reader<'story> {
    story: &'story Story,
    pub(super) partition: Partition,
    /// From where each topic is read, if it is.
    pub(super) at: [Option<usize>; 3],
    kept: Vec<Kept>,
    now: Timestamp,
}

pub(super) fn limits() -> Limits {
    Limits { patience: Duration::from_secs(5), ..Limits::default() }
}

pub(super) fn matchups() -> Vec<Matchup> {
    Story::new(0, 0).matchups()
}

// === impl Story ===

impl Story {
    pub(super) fn new(seed: u64, requests: u64) -> Self {
        Self::spread(seed, requests, Duration::from_millis(20))
    }

    /// Returns requests that come one every `apart`.
    pub(super) fn spread(seed: u64, requests: u64, apart: Duration) -> Self {
        Self::of(POLICY, &["alcohol"], seed, (requests, apart))
    }

    /// Returns requests of thirteen features, about which three canaries are asked.
    pub(super) fn wide(seed: u64, requests: u64) -> Self {
        let features = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"];
        Self::of(WIDE, &features, seed, (requests, Duration::from_millis(5)))
    }

    fn of(policy: &str, features: &[&'static str], seed: u64, (requests, apart): (u64, Duration)) -> Self {
        let definition = Definition::parse("wine.yaml", policy).unwrap_or_else(|problems| panic!("{problems}"));
        let (definition, topics) = (Arc::new(definition), Default::default());
        let mut story = Self { definition, features: features.to_vec(), topics };
        let mut dice = fastrand::Rng::with_seed(seed);
        story.topics[2].push((BORN.before(Duration::from_secs(1)), fence(1)));
        for number in 0..requests {
            let born = BORN.after(apart * u32::try_from(number).unwrap());
            story.request(number, born, &mut dice);
        }
        for topic in &mut story.topics {
            topic.sort_by_key(|(at, _)| *at);
        }
        story
    }

    pub(super) fn matchups(&self) -> Vec<Matchup> {
        let matchups = Matchup::of(&self.definition).into_iter();
        matchups.map(|matchup| Matchup { warm_up: Duration::ZERO, twin: None, ..matchup }).collect()
    }

    pub(super) fn results_end(&self) -> i64 {
        i64::try_from(self.topics[2].len()).unwrap()
    }

    fn request(&mut self, number: u64, born: Timestamp, dice: &mut fastrand::Rng) {
        let request = Request {
            id: RequestId::from_key(self.definition.name(), &number.to_string()),
            born,
            budget: self.definition.budget,
            policy: self.definition.policy_ref.clone(),
            case: None,
            plan: self.definition.plan(),
            key: None,
            attributes: wire::Attributes::default(),
            traceparent: None,
            reply: None,
            body: self
                .features
                .iter()
                .map(|name| (*name, 8.0 + 6.0 * dice.f64()))
                .collect::<Value>()
                .to_string()
                .into(),
        };
        let mut said: Vec<(Response, Timestamp)> = Vec::new();
        for spec in &self.definition.executors {
            let name = spec.id.as_str();
            if dice.u8(..) < 12 {
                continue;
            }
            let after = if dice.u8(..) < 16 { dice.u64(50_000..12_000_000) } else { dice.u64(500..45_000) };
            let reply = match dice.u8(..) {
                0..20 => Reply::Failure(Failure { kind: FailureKind::Failed, message: "no".to_owned() }),
                20..120 => answer("red", dice),
                _ => answer("white", dice),
            };
            said.push((response(&request, name, reply), born.after(Duration::from_micros(after))));
        }
        said.sort_by_key(|(_, at)| *at);
        let (result, decided) = self.decide(&request, &said);
        // Somebody without the right to writes it too, before; the writer's retry comes behind; owners change.
        let epoch = number / 10 + 1;
        let of = |epoch| ResultRecord { fencing: fencing(epoch), ..result.clone() };
        if number.is_multiple_of(10) {
            self.topics[2].push((born.before(Duration::from_micros(1)), fence(epoch)));
        }
        self.topics[2].push((decided.before(Duration::from_micros(1)), of(epoch + 70).encode()));
        self.topics[2].push((decided, of(epoch).encode()));
        if dice.u8(..) < 40 {
            self.topics[2].push((decided, of(epoch).encode()));
        }
        for (response, at) in said {
            self.topics[1].push((at, Envelope::Response(response).encode()));
        }
        if dice.u8(..) < 40 {
            let copy = Envelope::Request(request.clone()).encode();
            self.topics[0].push((born.after(Duration::from_millis(3)), copy));
            self.topics[dice.usize(..3)].push((born, Record::default()));
        }
        self.topics[0].push((born, Envelope::Request(request).encode()));
    }

    fn decide(&self, request: &Request, said: &[(Response, Timestamp)]) -> (ResultRecord, Timestamp) {
        let (policy, known) = (Arc::clone(&self.definition.policy), Circumstances::default());
        let step = Evaluation::open(policy, &request.plan, request.born, request.budget, Duration::ZERO, &known);
        let verdict = step.finish(said.iter().map(|(response, at)| (response, *at)));
        let body = verdict.body(&request.policy, None, request.born, request.budget);
        let (policy, kind) = (request.policy.clone(), verdict.kind());
        let record =
            ResultRecord { request: request.id, policy, kind, key: None, reply: None, fencing: fencing(1), body };
        (record, verdict.at.max(request.born.after(Duration::from_micros(2))))
    }
}

impl Known for Story {
    fn definition(&self, policy: &PolicyRef) -> Option<Arc<Definition>> {
        (*policy == self.definition.policy_ref).then(|| Arc::clone(&self.definition))
    }

    fn truth(&self, _: RequestId) -> Option<Value> {
        None
    }
}

fn answer(class: &str, dice: &mut fastrand::Rng) -> Reply {
    Reply::Answer(json!({ "class": class, "sure": dice.f64() }).to_string().into())
}

fn fencing(epoch: u64) -> Fencing {
    Fencing { epoch, instance: Uuid::from_u128(epoch.into()) }
}

fn fence(epoch: u64) -> Record {
    Fence(fencing(epoch)).encode()
}

fn response(request: &Request, executor: &str, reply: Reply) -> Response {
    Response {
        request: request.id,
        executor: ExecutorId::new(executor).unwrap(),
        model: ModelVersion::new(executor, "1f3a"),
        fetched: Duration::ZERO,
        queued: Duration::from_micros(200),
        scored: Duration::from_micros(1_500),
        reply,
    }
}

// === impl Reader ===

impl<'story> Reader<'story> {
    pub(super) fn new(story: &'story Story, start: Start) -> Self {
        let partition = Partition::open(story.matchups(), limits(), start, BORN);
        let mut reader = Self { story, partition, at: [None; 3], kept: Vec::new(), now: BORN };
        reader.act();
        reader
    }

    /// Returns what whoever is never stopped counts.
    pub(super) fn whole(story: &Story) -> Ledgers {
        let begin = Start::Kept(Kept::nothing_before(canary::Positions::default()));
        Reader::new(story, begin).finish(&mut fastrand::Rng::with_seed(0))
    }

    /// Reads something, or asks where topics end, or lets time pass.
    pub(super) fn step(&mut self, dice: &mut fastrand::Rng) {
        match dice.u8(..8) {
            topic @ 0..6 => self.deliver(usize::from(topic % 3), dice.usize(1..8)),
            6 => Topic::ALL.into_iter().zip(0..3).for_each(|(topic, which)| {
                let end = i64::try_from(self.story.topics[which].len()).unwrap();
                self.partition.on_end(topic, end, self.now);
            }),
            _ => self.now = self.now.after(Duration::from_millis(dice.u64(1..4_000))),
        }
        self.pass();
    }

    pub(super) fn pass(&mut self) {
        self.partition.on_time(self.now, self.story, u64::MAX);
        self.act();
    }

    /// Delivers at most so many records of a topic.
    pub(super) fn deliver(&mut self, which: usize, most: usize) {
        let Some(at) = &mut self.at[which] else { return };
        for (appended, record) in self.story.topics[which].iter().skip(*at).take(most) {
            let offset = i64::try_from(*at).unwrap();
            self.partition.on_record(Topic::ALL[which], offset, *appended, record.clone());
            *at += 1;
        }
    }

    pub(super) fn has_more(&self, which: usize) -> bool {
        self.at[which].is_some_and(|at| at < self.story.topics[which].len())
    }

    pub(super) fn end(&self) -> i64 {
        i64::try_from(self.story.topics.iter().map(Vec::len).min().unwrap()).unwrap()
    }

    /// Reads to the end, long after it, and returns what was counted.
    pub(super) fn finish(mut self, dice: &mut fastrand::Rng) -> Ledgers {
        self.clone_finish(dice)
    }

    pub(super) fn clone_finish(&mut self, dice: &mut fastrand::Rng) -> Ledgers {
        while (0..3).any(|which| self.has_more(which)) {
            self.step(dice);
        }
        self.now = self.now.after(Duration::from_hours(24));
        for (topic, which) in Topic::ALL.into_iter().zip(0..3) {
            let end = i64::try_from(self.story.topics[which].len()).unwrap();
            self.partition.on_end(topic, end, self.now);
        }
        self.pass();
        assert_eq!(self.partition.held().0, 0, "nothing is open");
        let ledgers = self.partition.ledgers();
        ledgers.map(|(matchup, ledger)| (matchup.canary.to_string(), ledger.clone())).collect()
    }

    pub(super) fn keep(&mut self) -> Kept {
        self.partition.keep(self.story)
    }

    /// Returns what was to be written down since.
    pub(super) fn kept(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.kept)
    }

    /// Does what the partition says.
    pub(super) fn act(&mut self) {
        while let Some(action) = self.partition.poll_action() {
            match action {
                Action::Read(topic, from) => self.at[which(topic)] = Some(usize::try_from(from).unwrap()),
                Action::Pause(topic) => self.at[which(topic)] = None,
                Action::Keep(kept) => {
                    self.kept.push(kept);
                    self.partition.on_kept(true, self.now);
                }
                Action::Tell(_) => {}
            }
        }
    }
}

fn which(topic: canary::Topic) -> usize {
    Topic::ALL.iter().position(|known| *known == topic).unwrap()
}
