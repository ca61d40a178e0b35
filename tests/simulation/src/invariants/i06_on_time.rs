//! I6, on time: where nothing goes wrong, a result is in the log by its deadline and ε.
//!
//! ε covers what the simulated log may take to deliver a request and to take a result in, and what the collector puts off
//! to do several things at a time. Clocks that are off are faults.

use std::time::Duration;

use wire::Timestamp;

use crate::{net::START_SECONDS, truth::Truth};

/// What a fetch does not explain.
const EPSILON: Duration = Duration::from_millis(60);
/// The first stations are ready by then.
const READY: Duration = Duration::from_millis(1_400);

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let weather = &truth.story.weather;
    if weather.skew > 0 {
        return Ok(());
    }
    let ready = Timestamp::from_micros(START_SECONDS * 1_000_000).after(READY);
    let since = if weather.is_calm() && weather.rubbish == 0 { Some(ready) } else { truth.story.settled };
    let Some(since) = since else { return Ok(()) };
    let epsilon = EPSILON + Duration::from_micros(2 * weather.fetch);
    for asked in truth.requests.values().filter(|asked| asked.at >= since) {
        let Some(written) = truth.result(&asked.request.id) else { continue };
        let due = asked.request.budget.deadline(asked.at).after(epsilon);
        if written.at > due {
            let by = written.at.since(due);
            return Err(format!("{} is answered {by:?} after its deadline and ε", asked.request.id));
        }
    }
    Ok(())
}
