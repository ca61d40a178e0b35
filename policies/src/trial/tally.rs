//! Counting: what each version did, and how a shadow's verdicts differ from those that were given.

use std::{ops::AddAssign, time::Duration};

use bytes::Bytes;
use serde_json::Value;
use wire::{ResultKind, Timestamp};

use super::{ArmTally, PairTally, TrialTally};
use crate::{Objective, Policy, Verdict, evidence::canonical_eq};

/// A shadow answers earlier or later only by more than this: the log tells no finer time.
const ABOUT_THE_SAME: Duration = Duration::from_millis(1);

/// What one version said about one request, as far as it is compared.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// What the answer says where the policy says to look, if it does.
    value: Option<Value>,
    answer: Bytes,
    /// Whether it is a prediction, and no default or error.
    pub prediction: bool,
    /// How long after the request's birth it came.
    pub after: Duration,
}

// === impl Opinion ===

impl Opinion {
    /// Returns what `policy` said by `verdict` about a request born at `born`.
    #[must_use]
    pub fn of(policy: &Policy, verdict: &Verdict, born: Timestamp) -> Self {
        Self {
            value: policy.value_of(&verdict.answer),
            answer: verdict.answer.clone(),
            prediction: verdict.kind() == ResultKind::Prediction,
            after: verdict.at.since(born),
        }
    }

    fn says_the_same_as(&self, other: &Self) -> bool {
        if let (Some(value), Some(others)) = (&self.value, &other.value) {
            return canonical_eq(value, others);
        }
        let read = |answer: &Bytes| serde_json::from_slice::<Value>(answer);
        self.answer == other.answer
            || matches!((read(&self.answer), read(&other.answer)), (Ok(mine), Ok(theirs)) if canonical_eq(&mine, &theirs))
    }
}

// === impl ArmTally ===

impl ArmTally {
    /// Counts a verdict that came `after` its request's birth, against the live version's objectives.
    pub fn count(&mut self, prediction: bool, after: Duration, objectives: &[Objective]) {
        self.decided += 1;
        self.defaults += u64::from(!prediction);
        self.missed.resize(self.missed.len().max(objectives.len()), 0);
        for (missed, objective) in self.missed.iter_mut().zip(objectives) {
            *missed += u64::from(!objective.is_kept(prediction, after));
        }
    }
}

// === impl PairTally ===

impl PairTally {
    /// Counts how a shadow's opinion differs from what was answered.
    pub fn count(&mut self, live: &Opinion, shadow: &Opinion) {
        self.compared += 1;
        self.different += u64::from(!shadow.says_the_same_as(live));
        self.earlier += u64::from(shadow.after + ABOUT_THE_SAME < live.after);
        self.later += u64::from(shadow.after > live.after + ABOUT_THE_SAME);
        self.default_instead += u64::from(live.prediction && !shadow.prediction);
        self.prediction_instead += u64::from(!live.prediction && shadow.prediction);
    }
}

// === impl TrialTally ===

impl AddAssign<&Self> for TrialTally {
    fn add_assign(&mut self, other: &Self) {
        self.live += &other.live;
        self.trial += &other.trial;
        self.paired += other.paired;
    }
}

impl AddAssign<&Self> for ArmTally {
    fn add_assign(&mut self, other: &Self) {
        self.decided += other.decided;
        self.defaults += other.defaults;
        self.missed.resize(self.missed.len().max(other.missed.len()), 0);
        for (missed, more) in self.missed.iter_mut().zip(&other.missed) {
            *missed += more;
        }
    }
}

impl AddAssign for PairTally {
    fn add_assign(&mut self, other: Self) {
        self.compared += other.compared;
        self.different += other.different;
        self.earlier += other.earlier;
        self.later += other.later;
        self.default_instead += other.default_instead;
        self.prediction_instead += other.prediction_instead;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(value: Option<&str>, answer: &str, millis: u64) -> Opinion {
        let value = value.map(|text| serde_json::from_str(text).expect("JSON"));
        let answer = Bytes::copy_from_slice(answer.as_bytes());
        Opinion { value, answer, prediction: true, after: Duration::from_millis(millis) }
    }

    fn compared(live: &Opinion, shadow: &Opinion) -> PairTally {
        let mut tally = PairTally::default();
        tally.count(live, shadow);
        assert_eq!(tally.compared, 1);
        tally
    }

    #[test]
    fn the_value_is_compared_where_both_policies_name_one_and_else_the_whole_answer() {
        let differs = |live: &Opinion, shadow: &Opinion| compared(live, shadow).different == 1;
        assert!(!differs(&opinion(Some("1"), r#"{"a":1,"b":2}"#, 5), &opinion(Some("1.0"), r#"{"a":1}"#, 5)));
        assert!(differs(&opinion(Some("1"), r#"{"a":1}"#, 5), &opinion(Some("2"), r#"{"a":2}"#, 5)));
        assert!(!differs(&opinion(None, r#"{"a":1,"b":2}"#, 5), &opinion(Some("1"), r#"{"b":2, "a":1}"#, 5)));
        assert!(differs(&opinion(None, r#"{"a":1,"b":2}"#, 5), &opinion(None, r#"{"a":1}"#, 5)));
    }

    #[test]
    fn a_millisecond_is_neither_earlier_nor_later() {
        let at = |millis| opinion(None, "{}", millis);
        let told = |live, shadow| {
            let PairTally { earlier, later, .. } = compared(&at(live), &at(shadow));
            (earlier, later)
        };
        assert_eq!((told(10, 9), told(10, 11)), ((0, 0), (0, 0)));
        assert_eq!((told(10, 8), told(10, 12)), ((1, 0), (0, 1)));
    }

    #[test]
    fn a_default_in_a_prediction_s_place_is_counted_either_way() {
        let prediction = opinion(None, "{}", 5);
        let default = Opinion { prediction: false, ..prediction.clone() };
        let PairTally { default_instead, prediction_instead, .. } = compared(&prediction, &default);
        assert_eq!((default_instead, prediction_instead), (1, 0));
        let PairTally { default_instead, prediction_instead, .. } = compared(&default, &prediction);
        assert_eq!((default_instead, prediction_instead), (0, 1));
    }

    #[test]
    fn an_objective_is_missed_by_what_came_later_than_it_says_and_by_what_is_degraded_unless_it_says_otherwise() {
        let objective = |millis, degraded_is_good| Objective {
            within: Duration::from_millis(millis),
            share: 0.9,
            window: Duration::from_mins(1),
            degraded_is_good,
        };
        let objectives = [objective(10, false), objective(20, false), objective(20, true)];
        let mut arm = ArmTally::default();
        for (prediction, millis) in [(true, 5), (true, 10), (true, 11), (true, 21), (false, 5), (false, 25)] {
            arm.count(prediction, Duration::from_millis(millis), &objectives);
        }
        assert_eq!((arm.decided, arm.defaults, arm.missed), (6, 2, vec![4, 3, 2]));
    }

    #[test]
    fn partitions_add_up_also_when_one_has_counted_nothing_yet() {
        let mut sum = TrialTally::default();
        let arm = ArmTally { decided: 3, defaults: 1, missed: vec![2] };
        let tally = TrialTally { live: arm.clone(), ..TrialTally::default() };
        sum += &tally;
        sum += &TrialTally::default();
        sum += &tally;
        assert_eq!(sum.live, ArmTally { decided: 6, defaults: 2, missed: vec![4] });
    }
}
