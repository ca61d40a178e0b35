//! Why a clause decided, or did not: numbers when it happens, a sentence when somebody asks.

use std::{fmt, time::Duration};

use wire::{Budget, ExecutorId};

use super::{How, Weight};

/// Why a clause decided, or did not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Why {
    /// First heard.
    Heard,
    /// Nobody answered usably.
    NoAnswer,
    /// So many answered, and none as it must be.
    NotAccepted { heard: usize },
    /// The rank, from 1, that was chosen.
    Rank(usize),
    /// None of the ranked answered.
    NoRank,
    /// So much agrees, where so much had to.
    Agreed { votes: Weight, needed: Weight },
    /// More than on anything else.
    Most { votes: Weight, next: Weight },
    /// Not enough voted.
    TooFew { votes: Weight, needed: Weight },
    /// Enough voted, and did not agree.
    Dispute { largest: Weight, votes: Weight, needed: Weight },
    /// Enough agree, and not with whoever must be among them.
    Without { votes: Weight, who: ExecutorId, dispute: bool },
    /// Enough agree, and too many of them are kin.
    Kin { votes: Weight, families: usize, needed: usize, dispute: bool },
    /// The heaviest group is not far enough ahead.
    Close { largest: Weight, next: Weight, margin: Weight },
    /// Groups of the same weight, and the tie goes to the next clause.
    Tied { votes: Weight },
    /// The highest score.
    Scored(f64),
    /// The highest score is below the mark, or nothing could be scored.
    Below { highest: Option<f64>, at_least: Option<f64> },
    /// More than one has the highest score, and the tie goes to the next clause.
    Even(f64),
    /// Made of so many answers.
    Combined { how: How, sources: usize },
    /// Too few answers to make one of.
    Scarce { sources: usize, needed: usize },
    /// The ladder's end.
    Fallback,
    /// The ladder's end, and what was said last about the same key.
    LastKnown { age: Duration },
    /// The ladder's end, and nothing is known of the key, or only what is too old.
    Unknown { age: Option<Duration>, max_age: Duration },
}

// === impl Why ===

impl Why {
    /// Returns whether enough answered, and disagree.
    pub(crate) fn is_dispute(&self) -> bool {
        match self {
            Self::Dispute { .. } | Self::Close { .. } | Self::Tied { .. } => true,
            Self::Without { dispute, .. } | Self::Kin { dispute, .. } => *dispute,
            _ => false,
        }
    }

    /// Returns whether too few answered, however they agree.
    pub(crate) fn is_too_few(&self) -> bool {
        match self {
            Self::TooFew { .. } | Self::Scarce { .. } => true,
            Self::Without { dispute, .. } | Self::Kin { dispute, .. } => !dispute,
            _ => false,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heard => out.write_str("heard first"),
            Self::NoAnswer => out.write_str("nobody answered"),
            Self::NotAccepted { heard } => write!(out, "{heard} answered, none as it must be"),
            Self::Rank(rank) => write!(out, "best-ranked answer (rank {rank})"),
            Self::NoRank => out.write_str("none of the ranked answered"),
            Self::Agreed { votes, needed } => write!(out, "{votes} agree, {needed} needed"),
            Self::Most { votes, next } => write!(out, "{votes} agree, at most {next} on anything else"),
            Self::TooFew { votes, needed } => write!(out, "{votes} voted, {needed} needed"),
            Self::Dispute { largest, votes, needed } => {
                write!(out, "{votes} voted, at most {largest} agree, {needed} needed")
            }
            Self::Without { votes, who, .. } => write!(out, "{votes} agree, {who} not among them"),
            Self::Kin { votes, families, needed, .. } => {
                write!(out, "{votes} agree, of {families} families, {needed} needed")
            }
            Self::Close { largest, next, margin } => {
                write!(out, "{largest} agree, {next} on something else, {margin} more needed")
            }
            Self::Tied { votes } => write!(out, "{votes} agree, and as many on something else"),
            Self::Scored(score) => write!(out, "highest score {score}"),
            Self::Below { highest: None, .. } => out.write_str("nothing could be scored"),
            Self::Below { highest: Some(score), at_least } => {
                write!(out, "highest score {score}, at least {} needed", at_least.unwrap_or(*score))
            }
            Self::Even(score) => write!(out, "highest score {score}, more than once"),
            Self::Combined { how, sources } => write!(out, "{how} of {sources}"),
            Self::Scarce { sources, needed } => write!(out, "{sources} to combine, {needed} needed"),
            Self::Fallback => out.write_str("no clause above decided"),
            Self::LastKnown { age } => {
                write!(out, "no clause above decided; the last known answer is {} old", written(*age))
            }
            Self::Unknown { age: None, .. } => out.write_str("no clause above decided; nothing is known of the key"),
            Self::Unknown { age: Some(age), max_age } => {
                let (age, max_age) = (written(*age), written(*max_age));
                write!(out, "no clause above decided; the last known answer is {age} old, at most {max_age} allowed")
            }
        }
    }
}

/// Writes a duration as a policy would.
fn written(duration: Duration) -> Budget {
    Budget::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
