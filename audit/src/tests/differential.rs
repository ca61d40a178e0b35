//! The audit and a naive, quadratic reading of the same log agree, whatever lies in it.

use std::time::Duration;

use proptest::prelude::*;
use wire::{Envelope, Fencing, RequestId, ResultRecord, Timestamp};

use super::log::{GRACE, Log, at};
use crate::{Kind, Place};

/// What is compared: counts, and violations by kind, request and result offsets, sorted.
#[derive(Debug, PartialEq, Eq, Default)]
struct Findings {
    accepted: u64,
    results: u64,
    open: u64,
    void: u64,
    late: u64,
    degraded: u64,
    repeats: u64,
    again: u64,
    copies: u64,
    violations: Vec<(Kind, RequestId, Option<i64>, Option<i64>)>,
}

/// One record: what it is, whose, by which epoch, saying what, how long after the one before.
type Step = (u8, u8, u64, u8, u32);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![8 => 0..120_u32, 1 => 30_000..70_000_u32];
    prop::collection::vec((0..10_u8, 0..6_u8, 1..5_u64, 0..3_u8, wait), 0..60)
}

fn log(steps: &[Step]) -> Log {
    let mut log = Log::new();
    let mut now = 0;
    for (what, whose, epoch, says, wait) in steps {
        now += i64::from(*wait);
        let key = whose.to_string();
        let says = ["good", "bad", "unknown"][usize::from(*says)];
        match what {
            0..=2 => _ = log.request(now, &key),
            3..=4 => _ = log.fence(now, *epoch),
            5 => _ = log.results_garbage(now),
            _ => _ = log.result(now, &key, *epoch, says),
        }
    }
    log.ending.as_of = at(now + 5_000);
    log
}

fn naive(log: &Log) -> Findings {
    let mut findings = Findings::default();
    let requests: Vec<(Place, RequestId, Timestamp)> = log
        .requests
        .iter()
        .filter_map(|(place, record)| match Envelope::decode(record) {
            Ok(Envelope::Request(request)) => Some((*place, request.id, request.deadline())),
            _ => None,
        })
        .collect();
    let valid: Vec<(Place, ResultRecord)> = (0..log.results.len())
        .filter_map(|index| {
            let (place, record) = &log.results[index];
            let Ok(Envelope::Result(result)) = Envelope::decode(record) else { return None };
            let holds = owner(log, index) == Some(result.fencing);
            findings.void += u64::from(!holds);
            holds.then_some((*place, result))
        })
        .collect();
    let mut ids: Vec<RequestId> = requests.iter().map(|(_, id, _)| *id).collect();
    ids.extend(valid.iter().map(|(_, result)| result.request));
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let asked: Vec<_> = requests.iter().filter(|(_, whose, _)| *whose == id).collect();
        let answers: Vec<_> = valid.iter().filter(|(_, result)| result.request == id).collect();
        one(&mut findings, id, &asked, &answers, log);
    }
    findings.violations.sort_unstable();
    findings
}

/// One id: its requests and its valid results, in the log's order.
fn one(
    findings: &mut Findings,
    id: RequestId,
    asked: &[&(Place, RequestId, Timestamp)],
    answers: &[&(Place, ResultRecord)],
    log: &Log,
) {
    findings.copies += u64::try_from(asked.len().saturating_sub(1)).unwrap();
    let request = asked.first().map(|(place, _, _)| place.offset);
    if let Some((place, _, deadline)) = asked.first() {
        findings.accepted += 1;
        match answers.first() {
            Some((given, result)) => {
                findings.results += 1;
                findings.late += u64::from(given.appended > *deadline);
                findings.degraded += u64::from(result.kind != wire::ResultKind::Prediction);
            }
            None if deadline.after(GRACE) <= log.ending.as_of => {
                findings.violations.push((Kind::Missing, id, Some(place.offset), None));
            }
            None => findings.open += 1,
        }
    } else if let Some((given, _)) = answers.first() {
        findings.violations.push((Kind::Invented, id, None, Some(given.offset)));
    }
    let Some((mut stands, mut says)) = answers.first().map(|(place, result)| (*place, result)) else { return };
    for (place, result) in answers.iter().skip(1) {
        let same = (result.kind, &result.body) == (says.kind, &says.body);
        let renewed = |copy: &&&(Place, RequestId, Timestamp)| {
            copy.0.appended >= stands.appended.after(Duration::from_mins(1)) && copy.0.appended <= place.appended
        };
        if same && result.fencing == says.fencing {
            findings.repeats += 1;
        } else if asked.iter().skip(1).any(|copy| renewed(&copy)) {
            findings.again += 1;
            (stands, says) = (*place, result);
        } else {
            let kind = if same { Kind::Second } else { Kind::Contradictory };
            // A result that came before its request was read is not known by it yet.
            let known = request.filter(|_| asked[0].0.appended <= place.appended);
            findings.violations.push((kind, id, known, Some(place.offset)));
        }
    }
}

/// Whose results are valid at `index`, found anew from the log's beginning.
fn owner(log: &Log, index: usize) -> Option<Fencing> {
    log.results[..index].iter().fold(None, |owner: Option<Fencing>, (_, record)| match Envelope::decode(record) {
        Ok(Envelope::Fence(fence)) if owner.is_none_or(|owner| owner.epoch < fence.0.epoch) => Some(fence.0),
        _ => owner,
    })
}

fn audited(log: &Log) -> Findings {
    let told = log.audit();
    let violation = |v: &crate::Violation| {
        let offset = |place: Option<crate::PlaceTold>| place.map(|place| place.offset);
        (v.kind, v.request.parse().unwrap(), offset(v.request_at), offset(v.result_at))
    };
    let mut violations: Vec<_> = told.violations.iter().map(violation).collect();
    violations.sort_unstable();
    let of_kind = |wanted: Kind| violations.iter().filter(|(kind, ..)| *kind == wanted).count();
    let counts = told.counts;
    assert_eq!(of_kind(Kind::Missing), usize::try_from(counts.missing).unwrap());
    assert_eq!(of_kind(Kind::Invented), usize::try_from(counts.invented).unwrap());
    assert_eq!(of_kind(Kind::Contradictory), usize::try_from(counts.contradictory).unwrap());
    assert_eq!(of_kind(Kind::Second) + of_kind(Kind::Contradictory), usize::try_from(counts.second).unwrap());
    assert_eq!(counts.accepted, counts.results + counts.missing + counts.open);
    Findings {
        accepted: counts.accepted,
        results: counts.results,
        open: counts.open,
        void: counts.void,
        late: counts.late,
        degraded: counts.degraded,
        repeats: counts.repeats,
        again: counts.again,
        copies: counts.copies,
        violations,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_audit_finds_what_a_naive_reading_finds(steps in steps()) {
        let log = log(&steps);
        prop_assert_eq!(audited(&log), naive(&log));
    }
}
