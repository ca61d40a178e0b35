//! What is worth having happened: a simulation in which nothing goes wrong proves nothing.

use ::policies::{ReceiptBody, ReceiptState};
use wire::ResultKind;

use crate::{policies, truth::Truth};

macro_rules! sights {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Something that happened in a world.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Sight {
            $($(#[$doc])* $name),*
        }

        impl Sight {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

sights! {
    /// A partition was taken over from an earlier owner.
    TakeOver,
    /// A result was written without the right to.
    VoidResult,
    /// An owner read somebody else's fence and gave up.
    FencedOff,
    /// Two collectors served one partition at a time.
    TwoOwners,
    /// A process was killed.
    Killed,
    /// A process was killed with something half done.
    KilledMidway,
    /// A collector stood still and went on.
    Paused,
    /// A collector went on without its group.
    Muted,
    /// A member was put out of its group.
    Expelled,
    /// A collector was told to stop, and left.
    Stopped,
    /// A partition was served on outside the group.
    ServedOn,
    /// It was handed over, and nobody lost anything.
    HandedOver,
    /// It was given back by the group before anybody had taken it over.
    TakenBack,
    /// A record landed and its sender was told that it may not have.
    AckLost,
    /// A record did not land.
    SendFailed,
    /// A record landed long after its sender had given up on it.
    LandedLate,
    /// A record landed after its sender's death.
    LandedAfterDeath,
    /// A record landed twice.
    LandedTwice,
    /// A result was written again.
    WrittenAgain,
    /// A commit was lost.
    CommitLost,
    /// A commit came from somebody who no longer owned the partition.
    CommitVoid,
    /// An owner began from an older commit than the last.
    CommitStale,
    /// A request was read again by a collector that had read it.
    RequestCopy,
    /// A request was asked again by its caller.
    AskedAgain,
    /// The starter was killed while callers waited.
    StarterKilled,
    /// An executor was killed.
    ExecutorKilled,
    /// A response came after the verdict.
    LateResponse,
    /// An executor answered twice.
    SecondAnswer,
    /// A response was read before its request.
    Orphan,
    /// Somebody answered who was not asked.
    Uninvited,
    /// A fence of nobody's was written.
    StrangerFence,
    /// A record that cannot be read was written.
    Rubbish,
    /// A record went to the dead letters.
    DeadLetter,
    /// A request was decided by a version that was no longer live.
    EditBetween,
    /// A request was read before its version.
    Parked,
    /// A result was too large and replaced.
    Shrunk,
    /// A successor decided a request that its predecessor had read.
    InheritedOpen,
    /// A sealer or a decoy was killed.
    ReaderKilled,
    /// A sealer or a decoy was put out of its group.
    ReaderExpelled,
    /// A transaction was given up and tried again.
    TransactionAborted,
    /// A sealer did not learn what came of its transaction.
    TransactionUnknown,
    /// A sealer was not told where to go on before an older transaction had ended.
    SealerHeldUp,
    /// A sealer read again what had been dealt with.
    ReadAgain,
    /// A decoy's file was in another one's place.
    FileBeaten,
    /// A file was finished by somebody else than who had begun it.
    ClaimSettledByAnother,
    /// A reader was given less than there was.
    BatchCut,
    /// A station's clock was off.
    ClockOff,
    /// A request did not wait for somebody whose breaker was open.
    BreakerOpen,
    /// He answered, though nobody waited for him.
    Unawaited,
    /// Somebody who was asked never answered.
    SilentExecutor,
    /// An executor answered with another model than before.
    ModelSwapped,
    /// A model answered.
    Prediction,
    /// Nobody did.
    Default,
}

/// What was seen, and how often.
#[derive(Clone, Debug)]
pub struct Sights(Vec<u64>);

// === impl Sights ===

impl Default for Sights {
    fn default() -> Self {
        Self(vec![0; Sight::ALL.len()])
    }
}

impl Sights {
    /// Takes note of one.
    pub fn note(&mut self, sight: Sight) {
        self.0[sight as usize] += 1;
    }

    /// Returns how often one was seen.
    #[must_use]
    pub fn count(&self, sight: Sight) -> u64 {
        self.0[sight as usize]
    }

    /// Counts a world in which others were seen, each once.
    pub fn add_world(&mut self, world: &Self) {
        for (sum, seen) in self.0.iter_mut().zip(&world.0) {
            *sum += u64::from(*seen > 0);
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum += more;
        }
    }
}

/// Adds what can only be seen afterwards.
pub fn look_back(truth: &Truth<'_>, sights: &mut Sights) {
    for written in truth.results.iter().filter(|written| written.is_first) {
        let is_default = written.record.kind != ResultKind::Prediction;
        sights.note(if is_default { Sight::Default } else { Sight::Prediction });
        let is_open = |entry: &ReceiptBody| entry.state == ReceiptState::BreakerOpen;
        if written.decision().is_some_and(|decision| decision.receipt.iter().any(is_open)) {
            sights.note(Sight::BreakerOpen);
        }
        let Some(asked) = truth.requests.get(&written.record.request) else { continue };
        let fence = truth.fences.iter().find(|fence| fence.is_accepted && fence.fencing == written.record.fencing);
        if fence.is_some_and(|fence| fence.order > asked.order) {
            sights.note(Sight::InheritedOpen);
        }
        let edits = truth.story.edits.iter().filter(|edit| **edit <= written.at).count();
        if policies::after(edits).live().policy_ref.version != asked.request.policy.version {
            sights.note(Sight::EditBetween);
        }
    }
}
