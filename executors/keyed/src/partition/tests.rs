//! The laws, played: several processes serve one partition, are stopped at any point, and serve on when they should not.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// The log: what every process sees, and nothing else survives one.
#[derive(Default)]
struct Log {
    /// Requests: the key of each.
    requests: Vec<u8>,
    kept: Vec<Kept>,
    commands: Vec<(String, Bytes)>,
    responses: BTreeMap<i64, Vec<Reply>>,
    committed: Option<(i64, String)>,
    /// Whose turn it is: commits of any other are refused.
    owner: u32,
}

/// A process that serves the partition.
struct Process {
    number: u32,
    partition: Partition,
    /// Steps that were taken and not written.
    batch: Vec<Taken>,
    /// Responses that may be sent.
    to_send: VecDeque<Kept>,
    setting: u8,
}

/// What may happen next.
#[derive(Clone, Debug)]
enum Act {
    Request(u8),
    Setting(u8),
    /// The process takes so many steps.
    Steps(u8),
    /// It writes what it has, unless it is fenced off.
    Write,
    /// So many responses go to the log, and this many of them are acknowledged.
    Send(u8, u8),
    /// It is killed; another one begins.
    Kill,
    /// It has lost the partition and does not know: it goes on beside its successor.
    Lose,
    /// The one that has lost it acts.
    Zombie(Box<Act>),
    /// The record that was committed with the state is gone from the group's memory.
    ForgetCommit,
    Compact,
}

fn act() -> impl Strategy<Value = Act> {
    let plain = prop_oneof![
        4 => (0_u8..3).prop_map(Act::Request),
        1 => (0_u8..4).prop_map(Act::Setting),
        4 => (1_u8..4).prop_map(Act::Steps),
        4 => Just(Act::Write),
        3 => (1_u8..4, 0_u8..4).prop_map(|(send, acknowledged)| Act::Send(send, acknowledged)),
    ];
    let zombie = plain.clone().prop_map(|act| Act::Zombie(Box::new(act)));
    prop_oneof![12 => plain, 2 => Just(Act::Kill), 1 => Just(Act::Lose), 3 => zombie, 1 => Just(Act::Compact), 1 => Just(Act::ForgetCommit)]
}

fn key(number: u8) -> String {
    format!("key-{number}")
}

fn asked(log: &Log, offset: i64) -> Asked {
    let index = usize::try_from(offset).unwrap();
    let request = RequestId::from_uuid(Uuid::from_u128(u128::try_from(offset).unwrap()));
    Asked { offset, request, key: Some(key(log.requests[index])), due: Timestamp::from_micros(1) }
}

/// A step that tells what it saw: how many were taken about its key, the setting, and every second time a command.
fn step(before: Option<&Bytes>, setting: u8) -> Step {
    let count: u32 = before.map_or(0, |state| std::str::from_utf8(state).unwrap().parse().unwrap()) + 1;
    Step {
        answer: format!("{{\"count\":{count},\"setting\":{setting}}}").into(),
        state: Memory::Is(count.to_string().into()),
        command: count.is_multiple_of(2).then(|| format!("{count}").into()),
    }
}

impl Process {
    fn begin(log: &Log, setting: u8) -> Self {
        let committed = log.committed.as_ref().map(|(next, note)| (*next, note.as_str()));
        let mut partition = Partition::open(committed, !log.kept.is_empty());
        for kept in &log.kept {
            if partition.is_restored() {
                break;
            }
            partition.on_kept(kept.clone());
        }
        let lost = partition.on_end();
        assert!(!lost, "all that was committed is there");
        let to_send = partition.unanswered().cloned().collect();
        Self { number: log.owner, partition, batch: Vec::new(), to_send, setting }
    }

    fn act(&mut self, act: &Act, log: &mut Log) {
        match act {
            Act::Steps(count) => {
                for _ in 0..*count {
                    let offset = self.partition.start().unwrap_or(0);
                    if usize::try_from(offset).unwrap() < log.requests.len() {
                        let asked = asked(log, offset);
                        let known = self.partition.known(asked.key.as_deref().unwrap());
                        let step = step(known, self.setting);
                        self.batch.push(self.partition.on_stepped(asked, "counter@1".into(), Ok(step)));
                    }
                }
            }
            Act::Write if log.owner == self.number => {
                let place = self.partition.place();
                log.committed = Some((place.next, place.note()));
                for Taken { kept, command } in self.batch.drain(..) {
                    log.commands.extend(command.map(|command| (kept.key.clone().unwrap(), command)));
                    log.kept.push(Kept::decode(&kept.encode()).unwrap());
                    self.to_send.push_back(kept);
                }
            }
            Act::Send(count, acknowledged) => {
                for index in 0..*count {
                    let Some(kept) = self.to_send.pop_front() else { return };
                    log.responses.entry(kept.offset).or_default().push(kept.reply.clone());
                    // What is not acknowledged may be in the log all the same.
                    if index < *acknowledged {
                        self.partition.on_answered(kept.offset);
                    }
                }
            }
            _ => {}
        }
    }
}

fn play(acts: &[Act]) -> Log {
    let (mut log, mut setting) = (Log::default(), 0);
    let mut process = Process::begin(&log, setting);
    let mut zombie: Option<Process> = None;
    for act in acts {
        match act {
            Act::Request(key) => log.requests.push(*key),
            Act::Setting(next) => {
                setting = *next;
                process.setting = setting;
            }
            Act::Kill => {
                log.owner += 1;
                process = Process::begin(&log, setting);
            }
            Act::Lose => {
                log.owner += 1;
                let successor = Process::begin(&log, setting);
                zombie = Some(std::mem::replace(&mut process, successor));
            }
            Act::Zombie(act) => {
                if let Some(zombie) = &mut zombie {
                    zombie.act(act, &mut log);
                }
            }
            Act::ForgetCommit => log.committed = None,
            Act::Compact => {
                // The log keeps the newest record of each key, and any others; never fewer than the last ones.
                let kept = std::mem::take(&mut log.kept);
                let last =
                    |record: &Kept| kept.iter().rfind(|other| other.key == record.key).unwrap().number == record.number;
                let answered = process.partition.place().next;
                log.kept = kept
                    .iter()
                    .filter(|record| last(record) || record.offset >= answered.min(committed(&log)))
                    .cloned()
                    .collect();
            }
            act => process.act(act, &mut log),
        }
    }
    // In the end one process serves on in peace.
    log.owner += 1;
    let mut last = Process::begin(&log, setting);
    while last.partition.start().is_none_or(|next| usize::try_from(next).unwrap() < log.requests.len())
        && !log.requests.is_empty()
    {
        last.act(&Act::Steps(1), &mut log);
    }
    last.act(&Act::Write, &mut log);
    while !last.to_send.is_empty() {
        last.act(&Act::Send(1, 1), &mut log);
    }
    log
}

fn committed(log: &Log) -> i64 {
    log.committed.as_ref().map_or(0, |(next, _)| *next)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn each_step_counts_once_whatever_crashes_and_whoever_serves_on(acts in prop::collection::vec(act(), 0..80)) {
        let log = play(&acts);
        let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
        let mut commands = Vec::new();
        for key in &log.requests {
            let count = counts.entry(*key).or_default();
            *count += 1;
            if count.is_multiple_of(2) {
                commands.push((self::key(*key), Bytes::from(count.to_string())));
            }
        }
        let mut process = Process::begin(&log, 0);
        for (key, count) in counts {
            let known = process.partition.known(&self::key(key)).map(|state| state.to_vec());
            prop_assert_eq!(known, Some(count.to_string().into_bytes()), "key {}", key);
        }
        prop_assert_eq!(&log.commands, &commands);
        process.act(&Act::Steps(1), &mut Log { owner: log.owner, ..Log::default() });
    }

    #[test]
    fn each_request_is_answered_and_whoever_answers_again_says_the_same(acts in prop::collection::vec(act(), 0..80)) {
        let log = play(&acts);
        for offset in 0..log.requests.len() {
            let said = log.responses.get(&i64::try_from(offset).unwrap());
            prop_assert!(said.is_some(), "request {} was never answered", offset);
            let said = said.unwrap();
            prop_assert!(said.iter().all(|reply| *reply == said[0]), "request {}: {:?}", offset, said);
        }
    }
}

fn partition() -> Partition {
    Partition::open(None, false)
}

fn one(offset: i64) -> Asked {
    Asked {
        offset,
        request: RequestId::from_uuid(Uuid::nil()),
        key: Some("hall".to_owned()),
        due: Timestamp::from_micros(9),
    }
}

fn taken(partition: &mut Partition, offset: i64, answer: &'static str, state: Memory) -> Taken {
    let step = Step { answer: answer.into(), state, command: Some("on".into()) };
    partition.on_stepped(one(offset), "heater@1".into(), Ok(step))
}

#[test]
fn what_is_committed_is_never_past_what_was_not_answered() {
    let mut partition = partition();
    let _ = taken(&mut partition, 3, "{}", Memory::Is("1".into()));
    let _ = taken(&mut partition, 4, "{}", Memory::Same);
    partition.on_passed(5);
    assert_eq!(partition.place(), Place { next: 3, applied: 6, kept: 2 });
    partition.on_answered(4);
    assert_eq!(partition.place().next, 3);
    partition.on_answered(3);
    assert_eq!(partition.place().next, 6);
}

#[test]
fn an_answer_is_held_until_nobody_waits_for_it() {
    let mut partition = partition();
    let _ = taken(&mut partition, 0, "{}", Memory::Same);
    partition.expire(Timestamp::from_micros(8));
    assert_eq!(partition.unanswered().count(), 1);
    partition.expire(Timestamp::from_micros(9));
    assert_eq!(partition.unanswered().count(), 0);
}

#[test]
fn a_step_that_returns_what_cannot_be_kept_is_a_failure_and_changes_nothing() {
    let check = |answer: &'static str, state: Memory, told: &str| {
        let mut partition = partition();
        let _ = taken(&mut partition, 0, "{}", Memory::Is("1".into()));
        let Taken { kept, command } = taken(&mut partition, 1, answer, state);
        let Reply::Failure(failure) = &kept.reply else { panic!("{kept:?}") };
        assert!(failure.message.contains(told), "{}", failure.message);
        assert_eq!((kept.state.as_deref(), command), (Some(&b"1"[..]), None));
    };
    check("on", Memory::Same, "the answer is not JSON");
    check("{}", Memory::Is("on".into()), "what is to be known is not JSON");
    check("{}", Memory::Is(vec![b'1'; STATE_MAX + 1].into()), "too large");
}

#[test]
fn who_never_committed_begins_with_the_oldest_and_a_commit_without_our_note_is_gone_on_with() {
    assert_eq!(partition().start(), None);
    assert!(partition().is_restored());
    let mut moved = Partition::open(Some((5, "")), true);
    assert!(!moved.is_restored());
    assert!(!moved.on_end(), "nobody said how much there is");
    assert_eq!((moved.start(), moved.is_new(4), moved.is_new(5)), (Some(5), false, true));
}

#[test]
fn state_that_is_not_all_there_is_told() {
    let mut partition = Partition::open(Some((5, "v1 applied=6 kept=3")), true);
    assert!(partition.on_end());
    assert_eq!(partition.start(), Some(6));
}
