//! `prefer`: the best-ranked answer that is there as soon as nobody better is waited for.
//!
//! A rank is waited for until it answers, fails, abstains or loses its patience. One that lost its patience and
//! answers after all is still the better answer, as long as none was chosen.

use std::time::Duration;

use wire::ExecutorId;

use super::{Choice, Judgement, Why};
use crate::{
    PatienceBody, Quantile,
    evidence::{Evidence, Said, Speech},
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

impl Prefer {
    pub(super) fn judge(&self, evidence: &Evidence, since: Duration) -> Judgement {
        let mut impatient = false;
        for (index, rank) in self.ranks.iter().enumerate() {
            match evidence.candidate(&rank.executor) {
                Some((seat, Some(Said { speech: Speech::Usable(answer, _), .. }))) => {
                    return Judgement::Accept(Choice { impatient, ..Choice::one(seat, answer, Why::Rank(index + 1)) });
                }
                Some((_, None)) if rank.is_patient(since) => return Judgement::Wait(rank.until.map(Patience::longest)),
                Some((_, None)) => impatient = true,
                _ => {}
            }
        }
        Judgement::Reject(Why::NoRank)
    }

    pub(super) fn conclude(&self, evidence: &Evidence) -> Result<Choice, Why> {
        let answers =
            self.ranks.iter().enumerate().filter_map(|(index, rank)| match evidence.candidate(&rank.executor) {
                Some((seat, Some(Said { speech: Speech::Usable(answer, _), .. }))) => Some((index, seat, answer)),
                _ => None,
            });
        let best = answers.min_by_key(|(index, ..)| *index);
        best.map(|(index, seat, answer)| Choice::one(seat, answer, Why::Rank(index + 1))).ok_or(Why::NoRank)
    }

    pub(super) fn pin(&mut self, patience: &[PatienceBody]) {
        for rank in &mut self.ranks {
            if let Some(known) = patience.iter().find(|known| known.executor == rank.executor.as_str()) {
                rank.until = Some(Patience::At(Duration::from_micros(known.until_us)));
            }
        }
    }

    pub(super) fn patience(&self) -> impl Iterator<Item = Duration> {
        self.ranks.iter().filter_map(|rank| rank.until.map(Patience::longest))
    }

    pub(super) fn prolong(&mut self, more: Duration) {
        for patience in self.ranks.iter_mut().filter_map(|rank| rank.until.as_mut()) {
            match patience {
                Patience::At(until) => *until = until.saturating_add(more),
                Patience::Usual { min, max, .. } => {
                    (*min, *max) = (min.saturating_add(more), max.saturating_add(more));
                }
            }
        }
    }
}

impl Rank {
    fn is_patient(&self, since: Duration) -> bool {
        self.until.is_none_or(|until| since < until.longest())
    }
}

impl Patience {
    /// Returns until when at most.
    fn longest(self) -> Duration {
        match self {
            Self::At(until) | Self::Usual { max: until, .. } => until,
        }
    }
}
