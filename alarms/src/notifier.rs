//! Who is told of which condition, when and how often.
//!
//! Pure: what is seen, what receivers answer and the time go in, deliveries come out. What is to be said is never kept in
//! a queue: it follows from what holds now and from what each receiver was told last, at the moment when it can be sent.
//! Laws, each tested by name:
//! - *Once*: while a condition holds, each receiver is told of it once; again only as a reminder, or when it became worse.
//! - *Nothing stale*: nobody is told that something holds that is gone, nor that something is resolved that he never heard of.
//! - *No flapping*: what is gone before it has held for a while is told to nobody, and what is back before it was gone for a
//!   while was never gone.
//! - *Blind is not resolved*: what could not be looked at is as it was.
//! - *Each for itself*: a receiver that is away or hangs keeps nothing from the others.
//! - *Bounded*: so many conditions, one delivery under way to each receiver, waits that double up to a bound.
//! - *A successor goes on*: whoever is given the note tells nobody again what still holds, and tells what was resolved.

mod note;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use wire::Timestamp;

use crate::{Condition, Kind, Severity};

/// What is wrong now, as far as it could be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What is wrong.
    pub conditions: Vec<Condition>,
    /// What could not be looked at.
    pub unseen: BTreeSet<Scope>,
}

/// Conditions that are looked at together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Of what kind.
    pub kind: Kind,
    /// Of which rendezvous.
    pub rendezvous: Option<String>,
}

/// How receivers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So long something holds before anybody is told.
    pub holds: Duration,
    /// So long it is gone before it is resolved.
    pub clears: Duration,
    /// So often is reminded of what holds on; `None` for never.
    pub reminds: Option<Duration>,
    /// How long is waited after the first failed attempt; each further one doubles it.
    pub backoff_min: Duration,
    /// And how long at most. A receiver that asks for more time is given an hour at most.
    pub backoff_max: Duration,
    /// So many conditions are followed at most; the others are told once there is room.
    pub conditions_max: usize,
}

/// Something to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To whom, by its place.
    pub receiver: usize,
    /// What.
    pub notice: Notice,
}

/// What a receiver is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What about it.
    pub word: Word,
    /// The condition, as it was seen last.
    pub condition: Condition,
    /// When this was said.
    pub at: Timestamp,
}

/// What is said about a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It holds, or it became worse.
    Fires,
    /// It still holds.
    Reminds,
    /// It is gone.
    Resolved,
}

/// What came of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The receiver has it.
    Taken,
    /// The receiver will never take it.
    Refused,
    /// It may take it later; not before this time, if it said so.
    Later(Option<Duration>),
}

/// Decides who is told what.
#[derive(Clone, Debug)]
pub struct Notifier {
    rules: Rules,
    receivers: Vec<Receiver>,
    /// By key; at most `conditions_max`.
    known: BTreeMap<String, Known>,
}

/// A receiver, by its name in the note.
#[derive(Clone, Debug)]
struct Receiver {
    name: String,
    /// What is under way.
    sending: Option<(String, Word, Severity)>,
    failures: u32,
    not_before: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Known {
    condition: Condition,
    standing: Standing,
    /// By receiver.
    said: Vec<Said>,
    /// When it was last tried in vain, by receiver: the others have their turn first.
    tried: Vec<Option<Timestamp>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Appearing(Timestamp),
    Holds,
    Clearing(Timestamp),
    Gone,
}

/// What a receiver knows of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Holds(Timestamp, Severity),
    /// It did not want to hear of it.
    Refused(Timestamp, Severity),
}

/// No receiver is waited for longer, whatever it asks for.
const WAIT_MAX: Duration = Duration::from_hours(1);

// === impl Rules ===

impl Default for Rules {
    /// Half a minute until it is told, a minute until it is resolved, reminded every four hours.
    fn default() -> Self {
        Self {
            holds: Duration::from_secs(30),
            clears: Duration::from_mins(1),
            reminds: Some(Duration::from_hours(4)),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_mins(5),
            conditions_max: 500,
        }
    }
}

// === impl Notifier ===

impl Notifier {
    /// Returns a notifier for receivers of these names, who were told nothing yet.
    #[must_use]
    pub fn new(rules: Rules, receivers: impl IntoIterator<Item = String>) -> Self {
        let receiver = |name| Receiver { name, sending: None, failures: 0, not_before: None };
        Self { rules, receivers: receivers.into_iter().map(receiver).collect(), known: BTreeMap::new() }
    }

    /// Takes in what is wrong at `now`.
    pub fn observe(&mut self, seen: Observation, now: Timestamp) {
        let (mut present, mut room) = (BTreeSet::new(), self.rules.conditions_max.saturating_sub(self.known.len()));
        for condition in seen.conditions {
            let key = condition.key();
            if present.contains(&key) {
                continue;
            }
            match self.known.get_mut(&key) {
                Some(known) => known.on_seen(condition, now, &self.rules),
                None if room > 0 => {
                    room -= 1;
                    let mut known = Known::new(condition, now, self.receivers.len());
                    known.ripen(now, &self.rules);
                    self.known.insert(key.clone(), known);
                }
                None => continue,
            }
            present.insert(key);
        }
        for (key, known) in &mut self.known {
            if !present.contains(key) && !seen.unseen.contains(&known.condition.scope()) {
                known.on_missed(now, &self.rules);
            }
        }
        self.forget();
    }

    /// Returns what is to be sent at `now`: one delivery under way to each receiver at most, the worst first.
    pub fn poll_delivery(&mut self, now: Timestamp) -> Option<Delivery> {
        for (place, receiver) in self.receivers.iter_mut().enumerate() {
            if receiver.sending.is_some() || receiver.not_before.is_some_and(|at| now < at) {
                continue;
            }
            let due = self.known.iter().filter_map(|(key, known)| {
                let word = known.wanted(place, now, &self.rules)?;
                Some((known.tried[place], std::cmp::Reverse(known.condition.severity), key, word, known))
            });
            let Some((_, _, key, word, known)) = due.min_by_key(|(tried, severity, key, ..)| (*tried, *severity, *key))
            else {
                continue;
            };
            receiver.sending = Some((key.clone(), word, known.condition.severity));
            let notice = Notice { word, condition: known.condition.clone(), at: now };
            return Some(Delivery { receiver: place, notice });
        }
        None
    }

    /// Takes in what came of the delivery that is under way to `receiver`. `dice`, from 0 to 1, spreads attempts, so that
    /// those who failed together do not come back together.
    pub fn on_answer(&mut self, receiver: usize, answer: Answer, now: Timestamp, dice: f64) {
        let Some(told) = self.receivers.get_mut(receiver) else { return };
        let Some((key, word, severity)) = told.sending.take() else { return };
        if let Answer::Later(after) = answer {
            told.not_before = Some(now.after(self.rules.wait(told.failures, after, dice)));
            told.failures = told.failures.saturating_add(1);
        } else {
            told.not_before = None;
            told.failures = 0;
        }
        if let Some(known) = self.known.get_mut(&key) {
            known.tried[receiver] = matches!(answer, Answer::Later(_)).then_some(now);
            match (answer, word) {
                (Answer::Later(_), _) => {}
                (_, Word::Resolved) => known.said[receiver] = Said::Nothing,
                (Answer::Taken, _) => known.said[receiver] = Said::Holds(now, severity),
                (Answer::Refused, _) => known.said[receiver] = Said::Refused(now, severity),
            }
        }
        self.forget();
    }

    /// Returns when a receiver that is waited for may be tried again, the next one of them.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Timestamp> {
        self.receivers.iter().filter(|receiver| receiver.sending.is_none()).filter_map(|one| one.not_before).min()
    }

    /// Returns what holds, has held for long enough, and is not resolved yet.
    pub fn holding(&self) -> impl Iterator<Item = &Condition> {
        let holds = |known: &&Known| matches!(known.standing, Standing::Holds | Standing::Clearing(_));
        self.known.values().filter(holds).map(|known| &known.condition)
    }

    /// Returns how many attempts on end `receiver` did not take.
    #[must_use]
    pub fn failures(&self, receiver: usize) -> u32 {
        self.receivers.get(receiver).map_or(0, |receiver| receiver.failures)
    }

    /// Drops what is gone and need not be told to anybody any more.
    fn forget(&mut self) {
        let sending = |key: &String| {
            let mut under_way = self.receivers.iter().filter_map(|receiver| receiver.sending.as_ref());
            under_way.any(|(about, ..)| about == key)
        };
        self.known.retain(|key, known| !known.is_over() || sending(key));
    }
}

// === impl Rules ===

impl Rules {
    /// Returns how long a receiver is left alone that failed `failures` times before.
    fn wait(&self, failures: u32, asked: Option<Duration>, dice: f64) -> Duration {
        let doubled = self.backoff_min.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
        // Between half of it and all of it.
        let spread = doubled.min(self.backoff_max).mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0);
        spread.max(asked.unwrap_or_default().min(WAIT_MAX))
    }
}

// === impl Known ===

impl Known {
    fn new(condition: Condition, now: Timestamp, receivers: usize) -> Self {
        let (said, tried) = (vec![Said::Nothing; receivers], vec![None; receivers]);
        Self { condition, standing: Standing::Appearing(now), said, tried }
    }

    fn on_seen(&mut self, condition: Condition, now: Timestamp, rules: &Rules) {
        // It is the same one, whatever the observer thinks of when it began.
        let since_us = self.condition.since_us.min(condition.since_us);
        self.condition = Condition { since_us, ..condition };
        match self.standing {
            Standing::Appearing(_) | Standing::Holds => {}
            Standing::Clearing(_) => self.standing = Standing::Holds,
            Standing::Gone => self.standing = Standing::Appearing(now),
        }
        self.ripen(now, rules);
    }

    fn on_missed(&mut self, now: Timestamp, rules: &Rules) {
        match self.standing {
            Standing::Appearing(_) => self.standing = Standing::Gone,
            Standing::Holds => self.standing = Standing::Clearing(now),
            Standing::Clearing(_) | Standing::Gone => {}
        }
        if let Standing::Clearing(since) = self.standing
            && now.since(since) >= rules.clears
        {
            self.standing = Standing::Gone;
        }
    }

    fn ripen(&mut self, now: Timestamp, rules: &Rules) {
        if let Standing::Appearing(since) = self.standing
            && now.since(since) >= rules.holds
        {
            self.standing = Standing::Holds;
        }
    }

    /// Returns what `receiver` is to be told now.
    fn wanted(&self, receiver: usize, now: Timestamp, rules: &Rules) -> Option<Word> {
        let is_due = |at: Timestamp| {
            let every = rules.reminds.filter(|_| !self.condition.kind.is_news());
            every.is_some_and(|every| now.since(at) >= every)
        };
        match (self.standing, self.said[receiver]) {
            (Standing::Holds, Said::Nothing) => Some(Word::Fires),
            (Standing::Holds, Said::Holds(_, severity) | Said::Refused(_, severity))
                if self.condition.severity > severity =>
            {
                Some(Word::Fires)
            }
            (Standing::Holds, Said::Holds(at, _)) if is_due(at) => Some(Word::Reminds),
            (Standing::Holds, Said::Refused(at, _)) if is_due(at) => Some(Word::Fires),
            (Standing::Gone, Said::Holds(..)) => Some(Word::Resolved),
            _ => None,
        }
    }

    fn is_over(&self) -> bool {
        self.standing == Standing::Gone && !self.said.iter().any(|said| matches!(said, Said::Holds(..)))
    }
}

// === impl Condition ===

impl Condition {
    /// Returns what it is looked at together with.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope { kind: self.kind, rendezvous: self.rendezvous.clone() }
    }
}

// === impl Word ===

impl Word {
    /// Returns its name in JSON and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fires => "firing",
            Self::Reminds => "reminder",
            Self::Resolved => "resolved",
        }
    }
}

#[cfg(test)]
mod tests;
