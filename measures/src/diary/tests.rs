//! Several processes count, are started anew, and are added up.

use std::time::Duration;

use policies::{DecidedBy, Reason};
use proptest::{collection::vec, prelude::*};
use wire::{ResultKind, Timestamp};

use super::{Chronicle, Diary};
use crate::{Decided, Sum};

const NOW: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);

fn after(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

fn took(millis: u64) -> Sum {
    let mut sum = Sum::default();
    let decided = Decided { clause: 1, by: DecidedBy::First, reason: Reason::Early, results: 1 };
    sum.on_result(ResultKind::Prediction, decided, Duration::from_millis(millis), Duration::from_secs(1));
    sum
}

proptest! {
    #[test]
    fn what_several_processes_told_is_what_one_would_have_counted(
        // Who counted, how long after the last one, and what; and who is started anew after it.
        all in vec((0_u8..3, 0_u64..400, 1_u64..100, prop::option::of(0_u8..3)), 1..80),
    ) {
        let (mut many, mut one) = (Chronicle::default(), Chronicle::default());
        let mut lives = [0_u32; 3];
        let mut diaries: [Diary; 3] = Default::default();
        let (mut alone, mut seconds) = (Diary::default(), 0);
        for (who, later, millis, restarted) in all {
            seconds += later;
            let now = after(seconds);
            alone.add(&took(millis), now);
            alone.tell(now, true).into_iter().for_each(|slice| one.take(&(0, 0), slice));
            diaries[usize::from(who)].add(&took(millis), now);
            for (name, diary) in (0_u8..).zip(&mut diaries) {
                let is_last = restarted == Some(name);
                diary.tell(now, is_last).into_iter().for_each(|slice| many.take(&(name, lives[usize::from(name)]), slice));
                if is_last {
                    lives[usize::from(name)] += 1;
                    *diary = Diary::default();
                }
            }
        }
        for (name, diary) in (0_u8..).zip(&mut diaries) {
            diary.tell(after(seconds), true).into_iter().for_each(|slice| many.take(&(name, lives[usize::from(name)]), slice));
        }
        for window in [60, 3_600, 86_400, 30 * 86_400].map(Duration::from_secs) {
            prop_assert_eq!(many.over(window, after(seconds)), one.over(window, after(seconds)));
        }
    }
}

#[test]
fn what_is_told_again_counts_once_and_what_is_older_is_what_it_was() {
    let (mut diary, mut chronicle) = (Diary::default(), Chronicle::default());
    diary.add(&took(5), after(0));
    for slice in diary.tell(after(0), true) {
        chronicle.take(&'a', slice.clone());
        chronicle.take(&'a', slice);
    }
    diary.add(&took(6), after(1));
    let again = diary.tell(after(1), true);
    assert_eq!(again.len(), 3, "each level is told");
    for slice in again {
        chronicle.take(&'a', slice);
    }
    let all = |chronicle: &Chronicle<char>| chronicle.over(Duration::from_mins(5), after(60)).results.all();
    assert_eq!(all(&chronicle), 2);
    assert!(diary.tell(after(2), true).is_empty(), "there is no news");
    diary.add(&took(7), after(50));
    diary.tell(after(50), false).into_iter().for_each(|slice| chronicle.take(&'a', slice));
    diary.tell(after(52), false).into_iter().for_each(|slice| chronicle.take(&'a', slice));
    assert_eq!(all(&chronicle), 3);
}

#[test]
fn what_is_held_is_bounded_by_slices_whoever_comes_and_goes() {
    let mut chronicle = Chronicle::default();
    for life in 0..3_000 {
        let mut diary = Diary::default();
        diary.add(&took(5), after(life * 3_600));
        diary.tell(after(life * 3_600), true).into_iter().for_each(|slice| chronicle.take(&life, slice));
    }
    assert!(chronicle.len() < 390 + 300 + 744 + 12, "{} slices", chronicle.len());
    let month = chronicle.over(Duration::from_hours(30 * 24), after(2_999 * 3_600));
    assert_eq!(month.results.all(), 30 * 24 + 1);
}
