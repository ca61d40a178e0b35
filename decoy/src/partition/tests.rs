//! One partition: what is read, held, written and given back.

use wire::{Headers, Record};

use super::*;

const LIMITS: Limits = Limits { rows: 3, bytes: 1 << 20, every: Duration::from_secs(1) };

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis * 1_000)
}

fn received(offset: i64) -> Received {
    let record = Record { key: None, headers: Headers::default(), payload: None };
    Received { partition: TopicPartition::new("t", 0), offset, appended: at(offset), record }
}

/// What the archive says when it ends with `last`.
fn survey(last: Option<i64>) -> Survey {
    let newest = last.map(|last| {
        let mut segment = Segment::open(Begin::At(last));
        let _ = segment.admit(last, 1, at(0), &LIMITS);
        Label::of(&TopicPartition::new("t", 0), &segment, at(last)).unwrap()
    });
    Survey { newest }
}

fn full() -> ArchiveError {
    ArchiveError::Unavailable("disk full".to_owned())
}

const DURABLE: Result<Published, ArchiveError> = Ok(Published::Durable { bytes: 7 });

/// What the partition says, in one line.
fn said(partition: &mut Partition) -> String {
    let words = std::iter::from_fn(|| partition.poll_action()).map(|action| match action {
        Action::Survey => "survey".to_owned(),
        Action::Start(StartAt::Beginning) => "start".to_owned(),
        Action::Start(StartAt::Offset(offset)) => format!("start@{offset}"),
        Action::Start(other) => format!("{other:?}"),
        Action::Pause => "pause".to_owned(),
        Action::Write(sealed) => format!("write {}-{}", sealed.label.covered.first, sealed.label.covered.last),
        Action::Commit(offset) => format!("commit {offset}"),
        Action::Report(Report::Archived { records, .. }) => format!("archived {records}"),
        Action::Report(Report::Gap(gap)) => format!("gap {gap:?}"),
        Action::Report(Report::Shrunk { .. }) => "shrunk".to_owned(),
        Action::Report(Report::Beaten(covered)) => format!("beaten {}-{}", covered.first, covered.last),
        Action::Report(Report::Failed { first, needs_hands, .. }) => {
            format!("failed{}{}", if first { " first" } else { "" }, if needs_hands { " hands" } else { "" })
        }
        Action::Report(Report::Recovered { .. }) => "recovered".to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn opened(last: Option<i64>) -> Partition {
    let mut partition = Partition::open(TopicPartition::new("t", 0), None, false);
    assert_eq!(said(&mut partition), "survey");
    partition.on_surveyed(Ok(survey(last)), at(0));
    partition
}

fn fresh() -> Partition {
    let mut partition = opened(None);
    assert_eq!(said(&mut partition), "start");
    partition
}

fn feed(partition: &mut Partition, offsets: impl IntoIterator<Item = i64>) {
    for offset in offsets {
        partition.on_record(&received(offset), at(0), &LIMITS);
    }
}

#[test]
fn the_archive_says_where() {
    let mut partition = opened(Some(9));
    assert_eq!(said(&mut partition), "start@9, commit 10");
    // The newest archived record comes again, as the proof that this is the log it came from.
    feed(&mut partition, 9..13);
    assert_eq!(said(&mut partition), "write 10-12");
}

#[test]
fn an_archive_that_moved_begins_where_the_other_folder_ended() {
    let begun = |committed, last| {
        let mut partition = Partition::open(TopicPartition::new("t", 0), committed, true);
        assert_eq!(said(&mut partition), "survey");
        partition.on_surveyed(Ok(survey(last)), at(0));
        said(&mut partition)
    };
    assert_eq!(begun(Some(500), None), "start@500, commit 500");
    assert_eq!(begun(Some(500), Some(519)), "start@519, commit 520");
    assert_eq!(begun(None, None), "start", "the other folder holds nothing");
}

#[test]
fn less_in_the_archive_than_was_committed_is_said() {
    let mut partition = Partition::open(TopicPartition::new("t", 0), Some(500), false);
    partition.on_surveyed(Ok(survey(Some(9))), at(0));
    assert_eq!(said(&mut partition), "survey, shrunk, start@9, commit 10");
}

#[test]
fn a_full_file_is_written_and_then_committed() {
    let mut partition = fresh();
    feed(&mut partition, 0..4);
    assert_eq!(said(&mut partition), "write 0-2");
    assert_eq!(partition.durable(), Some(0));
    partition.on_written(DURABLE, at(1), &LIMITS);
    assert_eq!(said(&mut partition), "commit 3, archived 3");
    assert_eq!(partition.durable(), Some(3));
}

#[test]
fn one_file_is_written_at_a_time_and_one_more_fills() {
    let mut partition = fresh();
    feed(&mut partition, 0..20);
    assert_eq!(said(&mut partition), "write 0-2, pause");
    partition.on_written(DURABLE, at(1), &LIMITS);
    assert_eq!(said(&mut partition), "commit 3, archived 3, write 3-5, start@6");
    feed(&mut partition, 6..8);
    partition.on_written(DURABLE, at(2), &LIMITS);
    assert_eq!(said(&mut partition), "commit 6, archived 3");
}

#[test]
fn a_file_is_written_when_its_first_record_has_waited_long_enough() {
    let mut partition = fresh();
    feed(&mut partition, 0..1);
    assert_eq!(partition.deadline(), Some(at(1_000)));
    partition.on_time(at(999));
    assert_eq!(said(&mut partition), "");
    partition.on_time(at(1_000));
    assert_eq!(said(&mut partition), "write 0-0");
    partition.on_time(at(9_000));
    assert_eq!((said(&mut partition).as_str(), partition.deadline()), ("", None));
}

#[test]
fn what_cannot_be_written_is_tried_again_with_patience_until_it_is() {
    let mut partition = fresh();
    feed(&mut partition, 0..20);
    said(&mut partition);
    partition.on_written(Err(full()), at(0), &LIMITS);
    assert_eq!((said(&mut partition).as_str(), partition.is_troubled()), ("failed first", true));
    let mut waits = Vec::new();
    let mut now = at(0);
    for _ in 0..9 {
        let again = partition.deadline().unwrap();
        waits.push(again.since(now).as_millis());
        now = again;
        partition.on_time(now);
        assert_eq!(said(&mut partition), "write 0-2");
        partition.on_written(Err(full()), now, &LIMITS);
        assert_eq!(said(&mut partition), "failed");
    }
    assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    partition.on_time(partition.deadline().unwrap());
    partition.on_written(DURABLE, now, &LIMITS);
    assert_eq!(said(&mut partition), "write 0-2, recovered, commit 3, archived 3, write 3-5, start@6");
    assert!(!partition.is_troubled());
}

#[test]
fn an_archive_that_cannot_be_looked_at_is_looked_at_again() {
    let mut partition = Partition::open(TopicPartition::new("t", 0), None, false);
    partition.on_surveyed(Err(full()), at(0));
    assert_eq!(said(&mut partition), "survey, failed first");
    partition.on_time(at(99));
    assert_eq!(said(&mut partition), "");
    partition.on_time(at(100));
    partition.on_surveyed(Ok(survey(None)), at(101));
    assert_eq!(said(&mut partition), "survey, recovered, start");
}

#[test]
fn who_is_beaten_drops_its_buffers_and_looks_again() {
    let mut partition = fresh();
    feed(&mut partition, 0..5);
    said(&mut partition);
    partition.on_written(Ok(Published::Beaten), at(1), &LIMITS);
    assert_eq!(said(&mut partition), "beaten 0-2, pause, survey");
    feed(&mut partition, 5..9);
    partition.on_surveyed(Ok(survey(Some(6))), at(2));
    assert_eq!(said(&mut partition), "start@6, commit 7");
}

#[test]
fn what_the_log_lost_is_a_gap_and_not_a_stop() {
    let mut partition = opened(Some(9));
    said(&mut partition);
    partition.on_gone(&(100..200), at(0));
    assert_eq!(said(&mut partition), "gap 10..100, start@100");
    feed(&mut partition, [100, 101, 105]);
    assert_eq!(said(&mut partition), "gap 102..105, write 100-105");
}

#[test]
fn a_proof_that_is_gone_is_no_gap() {
    let mut partition = opened(Some(9));
    said(&mut partition);
    partition.on_gone(&(10..10), at(0));
    assert_eq!(said(&mut partition), "start@10");
}

#[test]
fn a_log_that_is_shorter_than_its_archive_is_another_log() {
    let mut partition = opened(Some(9));
    said(&mut partition);
    for words in ["pause, failed first hands", "pause, failed hands"] {
        partition.on_gone(&(0..9), at(0));
        assert_eq!(said(&mut partition), words);
        partition.on_time(partition.deadline().unwrap());
        partition.on_surveyed(Ok(survey(Some(9))), at(0));
        assert_eq!(said(&mut partition), "survey, start@9, commit 10");
    }
}

#[test]
fn a_log_with_another_record_in_its_place_is_another_log() {
    let mut partition = opened(Some(9));
    said(&mut partition);
    let other = Received { appended: at(77), ..received(9) };
    partition.on_record(&other, at(0), &LIMITS);
    feed(&mut partition, 10..20);
    assert_eq!(said(&mut partition), "pause, failed first hands");
}

#[test]
fn what_is_in_hand_at_the_end_is_written() {
    let mut partition = fresh();
    feed(&mut partition, 0..5);
    partition.on_stop();
    assert_eq!(said(&mut partition), "write 0-2");
    partition.on_written(DURABLE, at(1), &LIMITS);
    assert_eq!(said(&mut partition), "commit 3, archived 3, write 3-4");
    assert!(partition.is_busy());
    partition.on_written(DURABLE, at(1), &LIMITS);
    assert_eq!(said(&mut partition), "commit 5, archived 2");
    assert!(!partition.is_busy());
}

#[test]
fn an_end_with_nothing_in_hand_is_at_once() {
    let mut partition = fresh();
    partition.on_stop();
    assert_eq!((said(&mut partition).as_str(), partition.is_busy()), ("", false));
}
