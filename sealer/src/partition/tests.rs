//! Any log, any restarts: each valid result is copied once and in order.

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;
use wire::{PolicyRef, RequestId, ResultKind, ResultRecord};

use super::*;

/// So small that a short log goes beyond it.
const SMALL: Reach = Reach { results: 8, step: 3, window: 24 };

/// What happens next in a log.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody takes the partition over, so many epochs further on.
    TakeOver(u64),
    /// The owner repeats its fence.
    Fence,
    /// A fence that lost the race: of an epoch that has passed.
    LateFence,
    /// The owner writes a new result.
    Result,
    /// The owner writes again what it wrote so many results ago, repeats among them.
    Repeat(usize),
    /// An earlier owner writes the result that was written last (`true`), or the next one.
    Void(bool),
    /// Somebody writes something else.
    Garbage,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (1_u64..3).prop_map(Step::TakeOver),
        1 => Just(Step::Fence),
        1 => Just(Step::LateFence),
        8 => Just(Step::Result),
        3 => (0_usize..8).prop_map(Step::Repeat),
        2 => any::<bool>().prop_map(Step::Void),
        1 => Just(Step::Garbage),
    ];
    proptest::collection::vec(step, 1..200)
}

/// Writes the log that `steps` tell. Nobody owns it before the first take-over.
fn log_of(steps: &[Step]) -> Vec<Record> {
    let (mut epoch, mut written, mut fresh) = (1, Vec::new(), 0_u32);
    let mut owned = false;
    let write = |step: &Step| match step {
        Step::TakeOver(ahead) => {
            owned = true;
            epoch += ahead;
            fence(epoch)
        }
        Step::Fence => {
            owned = true;
            fence(epoch)
        }
        Step::LateFence if owned => fence(epoch - 1),
        Step::Result => {
            fresh += 1;
            if owned {
                written.push(fresh);
            }
            result(fresh, epoch)
        }
        Step::Repeat(back) if *back < written.len() => {
            let again = written[written.len() - 1 - back];
            // What was first written longer ago nobody needs to recognise.
            if written[..written.len().saturating_sub(8)].contains(&again) {
                return garbage();
            }
            written.push(again);
            result(again, epoch)
        }
        Step::Void(true) => result(written.last().copied().unwrap_or(0), epoch - 1),
        Step::Void(false) => result(fresh + 1, epoch - 1),
        Step::LateFence | Step::Repeat(_) | Step::Garbage => garbage(),
    };
    steps.iter().map(write).collect()
}

fn garbage() -> Record {
    Record { payload: Some(Bytes::from_static(b"?")), ..Record::default() }
}

fn fencing(epoch: u64) -> Fencing {
    Fencing { epoch, instance: Uuid::from_u128(u128::from(epoch)) }
}

fn fence(epoch: u64) -> Record {
    Fence(fencing(epoch)).encode()
}

fn result(id: u32, epoch: u64) -> Record {
    let policy: PolicyRef = "wine@1".parse().unwrap();
    let request = RequestId::from_key(&policy.rendezvous, &id.to_string());
    let (kind, body) = (ResultKind::Prediction, Bytes::from_static(b"{}"));
    ResultRecord { request, policy, kind, key: None, reply: None, fencing: fencing(epoch), body }.encode()
}

/// Returns the offsets that whoever reads the whole log by the rule takes.
fn valid(log: &[Record]) -> Vec<i64> {
    let mut reader = ResultsReader::new(usize::MAX);
    let taken = (0..).zip(log).filter(|(_, record)| reader.read(record).valid().is_some());
    taken.map(|(offset, _)| offset).collect()
}

/// A log, and what its sealers have copied and committed.
struct Sealing<'a> {
    log: &'a [Record],
    copied: Vec<i64>,
    committed: Option<(i64, String)>,
}

impl Sealing<'_> {
    /// Reads `length` records from where a sealer begins, commits after every `every`-th that is new, and dies.
    fn live(&mut self, length: usize, every: usize) {
        let committed = self.committed.as_ref().map(|(next, note)| (*next, note.as_str()));
        let mut partition = Partition::open_with(SMALL, committed);
        let begin = usize::try_from(partition.start().unwrap_or(0)).unwrap();
        let (mut in_hand, mut fresh) = (Vec::new(), 0);
        for (offset, record) in (0..).zip(self.log).skip(begin).take(length) {
            match partition.on_record(offset, record) {
                Heard::Known => continue,
                Heard::Copy => in_hand.push(offset),
                _ => {}
            }
            fresh += 1;
            if fresh % every == 0 {
                self.copied.append(&mut in_hand);
                let place = partition.place();
                self.committed = Some((place.next, place.note()));
            }
        }
    }
}

proptest! {
    #[test]
    fn each_valid_result_is_copied_once_and_in_order_whatever_restarts(
        steps in steps(),
        lives in proptest::collection::vec((1_usize..60, 1_usize..9), 0..12),
    ) {
        let log = log_of(&steps);
        let mut sealing = Sealing { log: &log, copied: Vec::new(), committed: None };
        for (length, every) in lives {
            sealing.live(length, every);
        }
        sealing.live(log.len(), 1);
        prop_assert_eq!(sealing.copied, valid(&log));
    }

    #[test]
    fn a_place_is_enough_to_go_on_as_whoever_gave_it_would_have(steps in steps(), at in 0_usize..200) {
        let log = log_of(&steps);
        let at = at.min(log.len());
        let mut giver = Partition::open_with(SMALL, None);
        for (offset, record) in (0..).zip(&log[..at]) {
            let _ = giver.on_record(offset, record);
        }
        let place = giver.place();
        let mut heir = Partition::open_with(SMALL, Some((place.next, &place.note())));
        prop_assert_eq!(heir.place().valid, place.valid, "it is known before anything is read");
        let from = usize::try_from(heir.start().unwrap()).unwrap();
        for (offset, record) in (0..).zip(&log).skip(from) {
            let heard = heir.on_record(offset, record);
            if usize::try_from(offset).unwrap() < at {
                prop_assert_eq!(heard, Heard::Known);
            } else {
                prop_assert_eq!(heard, giver.on_record(offset, record));
                prop_assert_eq!(heir.place(), giver.place());
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded(steps in steps()) {
        let mut partition = Partition::open_with(SMALL, None);
        for (offset, record) in (0..).zip(&log_of(&steps)) {
            let _ = partition.on_record(offset, record);
            prop_assert!(partition.marks.len() <= 8 / 3 + 3, "{:?}", partition.marks);
        }
    }
}

#[test]
fn repeats_that_are_read_again_do_not_shorten_what_the_next_one_remembers() {
    let writes = (8..=40).flat_map(|id| [result(id, 1), result(id - 7, 1)]);
    let log: Vec<Record> = [fence(1)].into_iter().chain((1..=7).map(|id| result(id, 1))).chain(writes).collect();
    let mut giver = Partition::open_with(SMALL, None);
    let mut heir = giver.clone();
    for (offset, record) in (0..).zip(&log) {
        let _ = giver.on_record(offset, record);
        // Each record has an owner of its own, who reads again what a successor must.
        let (place, note) = (heir.place(), heir.place().note());
        heir = Partition::open_with(SMALL, (offset > 0).then_some((place.next, note.as_str())));
        let from = usize::try_from(heir.start().unwrap_or(0)).unwrap();
        for (offset, record) in (0..=offset).zip(&log).skip(from) {
            let _ = heir.on_record(offset, record);
        }
        assert_eq!(heir.place(), giver.place());
    }
}

#[test]
fn what_is_read_again_is_at_most_a_step_more_than_the_reach() {
    let mut partition = Partition::open_with(SMALL, None);
    let _ = partition.on_record(0, &fence(1));
    for id in 1..=1_000 {
        assert_eq!(partition.on_record(i64::from(id), &result(id, 1)), Heard::Copy);
    }
    let Place { next, from, .. } = partition.place();
    assert!((8..=8 + 3).contains(&(next - from)), "{next} {from}");
}

#[test]
fn a_moved_offset_is_gone_on_from_and_the_log_before_it_is_read_for_its_fences() {
    let log = [fence(1), result(1, 1), result(2, 1), result(3, 1)];
    // As `kafka-consumer-groups --reset-offsets` commits it: without a note.
    let mut partition = Partition::open_with(SMALL, Some((2, "")));
    assert_eq!(partition.start(), None);
    let heard: Vec<_> = (0..).zip(&log).map(|(offset, record)| partition.on_record(offset, record)).collect();
    assert_eq!(heard, [Heard::Known, Heard::Known, Heard::Copy, Heard::Copy]);
}

#[test]
fn what_the_log_dropped_before_it_was_copied_is_told_and_gone_on_behind() {
    let mut partition = Partition::open_with(SMALL, None);
    let _ = partition.on_record(0, &fence(1));
    let _ = partition.on_record(1, &result(1, 1));
    assert_eq!(partition.on_gone(10, 20), Gone::Lost(8));
    assert_eq!(partition.start(), Some(10));
    // Whether this one is valid nobody can know: a fence may be among what was lost.
    assert_eq!(partition.on_record(10, &result(2, 1)), Heard::Void);
    assert_eq!(partition.on_record(11, &fence(1)), Heard::Fence);
    assert_eq!(partition.on_record(12, &result(3, 1)), Heard::Copy);
}

#[test]
fn a_memory_that_the_log_no_longer_holds_costs_no_result() {
    let mut partition = Partition::open_with(SMALL, None);
    let _ = partition.on_record(0, &fence(1));
    for id in 1..=20 {
        let _ = partition.on_record(i64::from(id), &result(id, 1));
    }
    let place = partition.place();
    let mut heir = Partition::open_with(SMALL, Some((place.next, &place.note())));
    // The log has dropped what it would read again, the fence too.
    assert_eq!(heir.on_gone(19, 25), Gone::Memory);
    assert_eq!(heir.start(), Some(19));
    assert_eq!(heir.on_record(19, &result(19, 1)), Heard::Known);
    assert_eq!(heir.on_record(20, &result(20, 1)), Heard::Known);
    assert_eq!(heir.on_record(21, &result(20, 1)), Heard::Repeat);
    assert_eq!(heir.on_record(22, &result(21, 1)), Heard::Copy);
}

#[test]
fn a_log_that_was_cut_off_is_gone_on_with_at_its_end() {
    let mut partition = Partition::open_with(SMALL, Some((100, "v1 valid=- from=90 valid=-")));
    assert_eq!(partition.on_gone(0, 40), Gone::CutOff(60));
    assert_eq!(partition.start(), Some(0));
    assert_eq!(partition.on_record(39, &fence(2)), Heard::Known);
    assert_eq!(partition.on_record(40, &result(1, 2)), Heard::Copy);
    assert_eq!(partition.place().next, 41);
}
