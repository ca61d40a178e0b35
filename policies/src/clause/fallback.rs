//! `default`: what there is to say when no model's answer was acceptable in time.

use std::time::Duration;

use bytes::Bytes;
use wire::Timestamp;

use super::{Choice, Moment, Why};
use crate::{Fallen, LastKnown, evidence::Seats};

/// What the ladder ends with.
#[derive(Clone, Debug)]
pub(crate) enum Fallback {
    /// This object.
    Constant(Bytes),
    /// The last prediction about the request's key if it is young enough, otherwise this object.
    LastKnown { max_age: Duration, otherwise: Bytes },
    /// An error that says this, as a JSON object.
    Error(Bytes),
}

impl Fallback {
    /// Returns what it says when nothing is known of the key.
    pub(crate) fn constant(&self) -> &Bytes {
        match self {
            Self::Constant(answer) | Self::LastKnown { otherwise: answer, .. } | Self::Error(answer) => answer,
        }
    }

    pub(super) fn choose(&self, moment: &Moment<'_>) -> Choice {
        self.say(moment.known, moment.evidence.born.after(moment.since))
    }

    /// Returns what it says at `now`, where `known` was said last about the same key.
    pub(crate) fn say(&self, known: Option<&LastKnown>, now: Timestamp) -> Choice {
        let (answer, why, fallen) = match self {
            Self::Constant(answer) => (answer, Why::Fallback, Fallen::Constant),
            Self::Error(answer) => (answer, Why::Fallback, Fallen::Error),
            Self::LastKnown { max_age, otherwise } => {
                let aged = known.map(|known| (known, now.since(known.at)));
                match aged {
                    Some((known, age)) if age <= *max_age => {
                        (&known.answer, Why::LastKnown { age }, Fallen::LastKnown { age })
                    }
                    _ => {
                        let age = aged.map(|(_, age)| age);
                        (otherwise, Why::Unknown { age, max_age: *max_age }, Fallen::Constant)
                    }
                }
            }
        };
        Choice { fallen: Some(fallen), ..Choice::of(Seats::NONE, answer.clone(), why) }
    }
}
