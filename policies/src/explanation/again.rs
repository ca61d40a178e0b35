//! What a replay adds to an explanation: whether it agrees, and what more time would have changed.

use std::time::Duration;

use super::{ReplayTold, VerdictTold, WithMore, micros, same};
use crate::{Definition, Recorded, Rehearing, Unreplayable};

// === impl ReplayTold ===

impl ReplayTold {
    pub(super) fn impossible(why: &str) -> Self {
        Self { outcome: "impossible", why: Some(why.to_owned()) }
    }
}

/// What came of playing it again.
pub(super) struct Replayed {
    pub(super) told: ReplayTold,
    pub(super) with_more: Option<WithMore>,
}

pub(super) fn replayed(
    recorded: &Recorded,
    definition: Option<&Definition>,
    more: Duration,
) -> Result<Replayed, String> {
    let definition = definition.ok_or("the text of the policy that decided is not known")?;
    let told = |why: Unreplayable| why.to_string();
    let replay = Rehearing::of(recorded).map_err(told)?;
    let again = VerdictTold::replayed(&replay.again(definition).map_err(told)?, replay.born());
    let given = recorded.result.as_ref().map(VerdictTold::given).ok_or("there is no result yet")?;
    let difference = given.difference(&again);
    let outcome = if difference.is_none() { "same" } else { "different" };
    // A request that was refused was not evaluated, with however much time.
    let with_more = if replay.was_refused() { None } else { Some(with_more(&replay, definition, &given, more)) };
    let with_more = with_more.transpose().map_err(told)?;
    Ok(Replayed { told: ReplayTold { outcome, why: difference }, with_more })
}

fn with_more(
    replay: &Rehearing<'_>,
    definition: &Definition,
    given: &VerdictTold,
    more: Duration,
) -> Result<WithMore, Unreplayable> {
    let verdict = VerdictTold::replayed(&replay.with_more(definition, more)?, replay.born());
    let mut least = None;
    for (needed, executor) in replay.thresholds(definition)? {
        let then = VerdictTold::replayed(&replay.with_more(definition, needed)?, replay.born());
        if !same(Some(definition), &then.answer, &given.answer) {
            least = Some((executor.to_string(), needed));
            break;
        }
    }
    Ok(WithMore {
        more_us: micros(more),
        same_answer: same(Some(definition), &verdict.answer, &given.answer),
        verdict,
        least_us: least.as_ref().map(|(_, needed)| micros(*needed)),
        least_by: least.map(|(executor, _)| executor),
    })
}
