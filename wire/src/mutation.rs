//! Mistakes that can be switched on, one at a time, to see whether the simulation (`tests/simulation/`) notices them.
//!
//! They exist only where debug assertions do: in what is built for release, `is` is the constant `false`, and the
//! mistakes are not in the binary. A cargo feature would do the same, but features unify: building the workspace would
//! put it into the binary too.

/// A mistake, at the one place in the code that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A reader accepts whichever fence is the latest, whatever its epoch.
    LatestFenceWins,
    /// A reader shows each valid result, not the first alone.
    RepeatsAreShown,
    /// Timers decide while a successor still replays what its predecessor heard.
    TimersFireDuringReplay,
    /// What is committed is how far was read, not how far is confirmed.
    PositionIsCommitted,
    /// Every life of a collector goes by the same instance.
    InstanceIsReused,
    /// A result that was handed over to be written counts as confirmed.
    SentIsConfirmed,
    /// A result that is written again is not the same bytes.
    DecidedAnewOnRetry,
    /// No id is remembered once it is decided.
    NothingIsRemembered,
    /// What a successor decides is let out before its own fence is read back.
    WrittenBeforeTheFence,
    /// A late response is heard as if it had come in time.
    LateIsCounted,
    /// A result that was not written for sure is not written again.
    NeverWrittenAgain,
    /// An owner that was fenced off goes on as if nothing had happened.
    FencedOffGoesOn,
    /// A response that comes before its request is dropped.
    OrphansAreDropped,
    /// The responses that an open request may need are not kept readable.
    ResponsesAreNotKept,
    /// A successor does not heed the results that it finds.
    FoundResultsAreIgnored,
    /// A sealer does not read again what it needs to recognise repeats.
    RepeatsAreForgotten,
    /// A sealer lets go of what was in a transaction that was given up.
    AbortedIsForgotten,
    /// A decoy whose file was not taken goes on as if it had been.
    BeatenGoesOn,
}

/// Returns whether `mutation` is switched on in this thread.
#[must_use]
#[inline]
#[cfg(not(debug_assertions))]
pub const fn is(_: Mutation) -> bool {
    false
}

#[cfg(debug_assertions)]
pub use switched::{is, with};

#[cfg(debug_assertions)]
mod switched {
    use std::cell::Cell;

    use super::Mutation;

    thread_local! {
        static ON: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    /// Returns whether `mutation` is switched on in this thread.
    #[must_use]
    #[inline]
    pub fn is(mutation: Mutation) -> bool {
        ON.get() == Some(mutation)
    }

    /// Does `work` with `mutation` switched on in this thread, and in no other.
    pub fn with<T>(mutation: Mutation, work: impl FnOnce() -> T) -> T {
        let before = ON.replace(Some(mutation));
        let done = work();
        ON.set(before);
        done
    }
}
