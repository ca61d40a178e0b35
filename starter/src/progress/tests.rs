//! What may be committed, and when.

use super::*;

fn reading(offsets: std::ops::Range<i64>) -> Progress {
    let mut progress = Progress::default();
    progress.begin(0, offsets.start);
    for offset in offsets {
        assert!(progress.on_read(0, offset));
    }
    progress
}

#[test]
fn nothing_is_skipped_in_whatever_order_the_acknowledgements_come() {
    let mut progress = reading(10..14);
    for (done, committed) in [(12, None), (10, Some(11)), (13, None), (11, Some(14))] {
        progress.on_done(0, done);
        assert_eq!(progress.take_commits(), Vec::from_iter(committed.map(|offset| (0, offset))), "after {done}");
    }
    assert_eq!(progress.in_hand(), 0);
}

#[test]
fn a_commit_is_taken_once() {
    let mut progress = reading(0..1);
    progress.on_done(0, 0);
    assert_eq!(progress.take_commits(), [(0, 1)]);
    assert!(progress.take_commits().is_empty());
}

#[test]
fn what_failed_is_read_again_from_the_first_offset_that_is_needed() {
    let mut progress = reading(0..4);
    progress.on_done(0, 0);
    progress.on_done(0, 3);
    progress.on_failed(0, 2);
    assert_eq!(progress.take_failed(), [(0, 1)]);
    assert!(progress.take_failed().is_empty());
    assert_eq!(progress.in_hand(), 0);
    for offset in 1..4 {
        assert!(progress.on_read(0, offset));
        progress.on_done(0, offset);
    }
    assert_eq!(progress.take_commits(), [(0, 4)]);
}

#[test]
fn a_partition_that_is_not_ours_is_not_read_and_late_news_of_it_changes_nothing() {
    let mut progress = reading(0..2);
    progress.end(0);
    assert!(!progress.on_read(0, 2));
    progress.on_done(0, 0);
    progress.on_failed(0, 1);
    assert!(progress.take_commits().is_empty() && progress.take_failed().is_empty());
}

#[test]
fn an_input_that_is_brought_again_is_in_hand_once() {
    let mut progress = reading(5..6);
    assert!(progress.on_read(0, 5));
    assert_eq!(progress.in_hand(), 1);
    progress.on_done(0, 5);
    assert_eq!(progress.take_commits(), [(0, 6)]);
}

#[test]
fn a_partition_whose_beginning_is_gone_is_read_again_from_what_it_holds() {
    let mut progress = Progress::default();
    progress.begin(0, 0);
    assert!(progress.on_read(0, 100) && progress.on_read(0, 101));
    progress.on_failed(0, 101);
    assert_eq!(progress.take_failed(), [(0, 100)]);
}

#[test]
fn offsets_that_the_log_left_out_are_no_hindrance() {
    let mut progress = Progress::default();
    progress.begin(3, 10);
    for offset in [12, 20] {
        assert!(progress.on_read(3, offset));
        progress.on_done(3, offset);
    }
    assert_eq!(progress.take_commits(), [(3, 21)]);
}
