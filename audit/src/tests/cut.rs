//! A cut log accuses nobody: whatever is found in the rest of a log is found in the whole log too.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::log::{Log, at, result};
use crate::Kind;

/// What happens: what, to whose request, saying what, how long after the one before.
type Step = (u8, u8, u8, u32);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![6 => 0..3_000_u32, 1 => 20_000..70_000_u32];
    prop::collection::vec((0..12_u8, 0..12_u8, 0..3_u8, wait), 0..60)
}

/// A log as collectors write it, who repeat their fences every five seconds; with a zombie's and a stranger's records.
fn log(steps: &[Step]) -> Log {
    let mut log = Log::new();
    let (mut now, mut epoch, mut fenced, mut born) = (0, 1, 0, [None; 12]);
    log.fence(0, 1);
    for (what, whose, says, wait) in steps {
        now += i64::from(*wait);
        while fenced + 5_000 <= now {
            fenced += 5_000;
            log.fence(fenced, epoch);
        }
        // What has no key is not asked again after a minute.
        let has_key = whose % 2 == 0;
        let key = if has_key { format!("key {whose}") } else { whose.to_string() };
        let says = ["good", "bad", "unknown"][usize::from(*says)];
        let asked = &mut born[usize::from(*whose)];
        match what {
            0..=4 if has_key || asked.is_none_or(|asked| asked + 60_000 > now) => {
                log.request(now, &key);
                asked.get_or_insert(now);
            }
            0..=4 => {}
            5 => {
                epoch += 1;
                log.fence(now, epoch);
            }
            6 => _ = log.result(now, &key, epoch - 1, says),
            7 => _ = log.fence(now, epoch.saturating_sub(1)),
            // An id that nobody asked for, if nobody asked yet: a result that came before its request would stand.
            _ => match asked {
                Some(asked) => _ = log.result_record(now, result(&key, epoch, says, now - *asked)),
                None => _ = log.result(now, &format!("nobody's {whose}"), epoch, says),
            },
        }
    }
    log.ending.as_of = at(now + 60_000);
    log
}

/// Who is accused, and whether of silence.
fn violations(log: &Log) -> BTreeSet<(bool, String)> {
    log.audit().violations.into_iter().map(|v| (v.kind == Kind::Missing, v.request)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_cut_log_accuses_nobody(steps in steps(), requests in 0..30_usize, results in 0..60_usize) {
        let whole = log(&steps);
        let (requests, results) = (requests.min(whole.requests.len()), results.min(whole.results.len()));
        let cut = whole.without(requests, results);
        let (found, true_ones) = (violations(&cut), violations(&whole));
        let false_ones: Vec<_> = found.difference(&true_ones).collect();
        prop_assert!(false_ones.is_empty(), "{false_ones:?}\nwhole: {true_ones:?}");
    }
}
