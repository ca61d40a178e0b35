//! `prefer`: the best-ranked answer that is there as soon as nobody better is waited for.
//!
//! A rank is waited for until it answers, fails, abstains or loses its patience. One that lost its patience and
//! answers after all is still the better answer, as long as none was chosen: from then on ranks race. The clause is
//! over as soon as nobody is waited for.
//!
//! Nobody loses its patience before the clause above has its end (`lower` makes sure of it). Otherwise it would depend
//! on whether that clause was given up early who is chosen here.

use std::{iter::zip, time::Duration};

use wire::ExecutorId;

use super::{Choice, Judgement, Moment, Why, seating::RankSeat};
use crate::{
    Latencies, PatienceBody, Quantile,
    evidence::{Evidence, Seats},
};

/// A ranked preference.
#[derive(Clone, Debug)]
pub(crate) struct Prefer {
    pub(crate) ranks: Vec<Rank>,
}

/// One rank.
#[derive(Clone, Debug)]
pub(crate) struct Rank {
    pub(crate) executor: ExecutorId,
    /// How long it is waited for, since the request's birth; `None` is as long as the clause lasts.
    pub(crate) until: Option<Patience>,
}

/// Until when somebody is waited for, since the request's birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Until then.
    At(Duration),
    /// As long as that executor usually takes from its start, but no less and no more than this since birth.
    Usual { quantile: Quantile, min: Duration, max: Duration },
}

// === impl Prefer ===

impl Prefer {
    pub(super) fn judge(&self, moment: &Moment<'_>) -> Judgement {
        let Moment { evidence, since, .. } = *moment;
        let mut impatient = Seats::NONE;
        for (index, (rank, place)) in zip(&self.ranks, moment.ranks()).enumerate() {
            let Some(seat) = place.seat else { continue };
            if evidence.usable().contains(seat) {
                return Judgement::Accept(Choice { impatient, ..Choice::one(seat, evidence, Why::Rank(index + 1)) });
            }
            if evidence.pending().contains(seat) {
                match rank.patience(*place, moment) {
                    Some(until) if until <= since => impatient = impatient.union(Seats::one(seat)),
                    wake => return Judgement::Wait(wake),
                }
            }
        }
        Judgement::Reject(Why::NoRank)
    }

    pub(super) fn conclude(moment: &Moment<'_>) -> Result<Choice, Why> {
        let usable = |place: &RankSeat| place.seat.filter(|seat| moment.evidence.usable().contains(*seat));
        let mut answers = moment.ranks().iter().enumerate().filter_map(|(index, place)| Some((index, usable(place)?)));
        answers.next().map(|(index, seat)| Choice::one(seat, moment.evidence, Why::Rank(index + 1))).ok_or(Why::NoRank)
    }

    /// Looks up the patience of those ranks that have it from how long executors usually take.
    pub(crate) fn look_up(&self, ranks: &[RankSeat], evidence: &Evidence, usual: &Latencies) -> Vec<Duration> {
        let looked_up = zip(&self.ranks, ranks).filter(|(_, place)| place.lookup.is_some());
        looked_up.map(|(rank, place)| rank.look_up(*place, evidence, usual)).collect()
    }

    /// Returns until when each rank that has a patience of its own and was asked is waited for.
    pub(crate) fn patience_at(&self, moment: &Moment<'_>) -> Vec<(ExecutorId, Duration)> {
        let Moment { evidence, .. } = *moment;
        let name = |evidence: &Evidence, place: &RankSeat| place.seat.map(|seat| evidence.name(seat).clone());
        let ranks = zip(&self.ranks, moment.ranks());
        ranks.filter_map(|(rank, place)| Some((name(evidence, place)?, rank.patience(*place, moment)?))).collect()
    }

    pub(super) fn pin(&mut self, patience: &[PatienceBody]) {
        for rank in &mut self.ranks {
            if let Some(known) = patience.iter().find(|known| known.executor == rank.executor.as_str()) {
                rank.until = Some(Patience::At(Duration::from_micros(known.until_us)));
            }
        }
    }

    /// Puts `executor` before all others, with the patience that the first one had.
    pub(super) fn put_first(&mut self, executor: &ExecutorId) {
        self.ranks.retain(|rank| rank.executor != *executor);
        let until = self.ranks.first().and_then(|rank| rank.until);
        self.ranks.insert(0, Rank { executor: executor.clone(), until });
    }

    pub(super) fn patience(&self) -> impl Iterator<Item = Duration> {
        self.ranks.iter().filter_map(|rank| rank.until.map(Patience::longest))
    }

    pub(super) fn prolong(&mut self, more: Duration) {
        self.each_patience(|until| until.saturating_add(more));
    }

    pub(super) fn shorten(&mut self, less: Duration) {
        self.each_patience(|until| until.saturating_sub(less));
    }

    fn each_patience(&mut self, moved: impl Fn(Duration) -> Duration) {
        for patience in self.ranks.iter_mut().filter_map(|rank| rank.until.as_mut()) {
            match patience {
                Patience::At(until) => *until = moved(*until),
                Patience::Usual { min, max, .. } => (*min, *max) = (moved(*min), moved(*max)),
            }
        }
    }
}

// === impl Rank ===

impl Rank {
    /// Returns until when it is waited for, if not as long as the clause lasts.
    fn patience(&self, place: RankSeat, moment: &Moment<'_>) -> Option<Duration> {
        Some(match self.until? {
            Patience::At(until) => until,
            Patience::Usual { max, .. } => place.lookup.map_or(max, |lookup| moment.lookups[lookup]),
        })
    }

    /// Returns how long its executor usually takes, within bounds; whoever is not known is waited for the longest.
    fn look_up(&self, place: RankSeat, evidence: &Evidence, latencies: &Latencies) -> Duration {
        match self.until {
            Some(Patience::Usual { quantile, min, max }) => {
                let start = place.seat.map_or(Duration::ZERO, |seat| evidence.roster.asked()[seat].start_after);
                latencies.of(&self.executor, quantile).map_or(max, |usual| (start + usual).max(min).min(max))
            }
            Some(Patience::At(until)) => until,
            None => Duration::MAX,
        }
    }
}

// === impl Patience ===

impl Patience {
    /// Returns until when at most.
    fn longest(self) -> Duration {
        match self {
            Self::At(until) | Self::Usual { max: until, .. } => until,
        }
    }
}
