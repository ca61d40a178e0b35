//! How bad it gets: drawn once from the seed, before anything happens.

use std::time::Duration;

use crate::dice::Dice;

/// What may happen in one world, and how often. Chances are per mille.
#[derive(Clone, Debug)]
pub struct Weather {
    /// How many partitions each topic has.
    pub partitions: i32,
    /// How many collectors there are.
    pub collectors: usize,
    /// How many requests are asked while faults happen.
    pub requests: usize,
    /// How many more are asked once everything is well again.
    pub afterwards: usize,
    /// So long faults happen.
    pub lasts: Duration,
    /// Sends that land and of which the sender hears that they may not have.
    pub ack_lost: u32,
    /// Sends that do not land.
    pub failed: u32,
    /// Sends that land long after the sender was told that they may not have.
    pub late: u32,
    /// Sends that land twice.
    pub duplicated: u32,
    /// Commits that get lost.
    pub commits_lost: u32,
    /// Assignments that come with an older commit than the last.
    pub commits_stale: u32,
    /// How many times a process is killed.
    pub kills: usize,
    /// How many times a collector is stopped dead and goes on later.
    pub pauses: usize,
    /// How many times a collector goes on and the group does not hear of it.
    pub mutes: usize,
    /// How many times a collector is told to stop, and comes back.
    pub stops: usize,
    /// How many fences are written by nobody.
    pub strangers: usize,
    /// How many records are written that do not belong where they are.
    pub rubbish: usize,
    /// How many times the policy is edited.
    pub edits: usize,
    /// How far a host's clock may be off, in microseconds.
    pub skew: u64,
    /// A member that was not heard of for so long is out of its group.
    pub session: Duration,
    /// Responses that never come.
    pub silent: u32,
    /// Responses that are failures.
    pub failing: u32,
    /// How long executors take at most, in microseconds.
    pub slowest: u64,
    /// Results of more bytes are refused.
    pub bytes_max: usize,
    /// Requests that nearly all go to one partition.
    pub hot: bool,
    /// Fetches are slow: up to so many microseconds until a record is seen.
    pub fetch: u64,
}

// === impl Weather ===

impl Weather {
    /// Draws one.
    pub fn drawn(dice: &mut Dice) -> Self {
        let calm = Self::calm(dice);
        match dice.below(10) {
            0 => calm,
            1..=3 => Self { skew: 0, ..Self::stormy(dice, &calm, 1) },
            4..=6 => Self::stormy(dice, &calm, 2),
            7 => Self::long(dice, &calm),
            8 => Self { kills: 2 + dice.below(6), ..Self::stormy(dice, &calm, 1) },
            _ => Self { mutes: 1 + dice.below(3), pauses: 1 + dice.below(3), ..Self::stormy(dice, &calm, 3) },
        }
    }

    /// Returns whether nothing goes wrong at all.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.kills + self.pauses + self.mutes + self.stops + self.strangers == 0
            && self.ack_lost + self.failed + self.late + self.duplicated == 0
            && self.skew == 0
    }

    fn calm(dice: &mut Dice) -> Self {
        Self {
            partitions: if dice.chance(700) { 1 } else { 2 },
            collectors: 1 + dice.below(3),
            requests: 3 + dice.below(7),
            afterwards: 1,
            lasts: dice.millis(1_000, 5_000),
            ack_lost: 0,
            failed: 0,
            late: 0,
            duplicated: 0,
            commits_lost: 0,
            commits_stale: 0,
            kills: 0,
            pauses: 0,
            mutes: 0,
            stops: 0,
            strangers: 0,
            rubbish: 0,
            edits: dice.below(3),
            skew: 0,
            session: Duration::from_millis(*dice.pick(&[300, 600, 1_500])),
            silent: 50,
            failing: 50,
            slowest: *dice.pick(&[20_000, 200_000, 1_000_000]),
            bytes_max: usize::MAX,
            hot: dice.chance(300),
            fetch: *dice.pick(&[2_000, 20_000, 60_000]),
        }
    }

    fn stormy(dice: &mut Dice, calm: &Self, force: u32) -> Self {
        let mut up_to = |most: u32| u32::try_from(dice.below(most as usize + 1)).unwrap_or(most) * force;
        let (ack_lost, failed, late, duplicated) = (up_to(60), up_to(60), up_to(60), up_to(40));
        let (commits_lost, commits_stale) = (up_to(150), up_to(100));
        let most = force as usize + 1;
        Self {
            ack_lost,
            failed,
            late,
            duplicated,
            commits_lost,
            commits_stale,
            kills: dice.below(2 * most),
            pauses: dice.below(most),
            mutes: dice.below(most),
            stops: dice.below(most),
            strangers: if dice.chance(300) { 1 + dice.below(2) } else { 0 },
            rubbish: dice.below(6),
            edits: dice.below(5),
            skew: *dice.pick(&[0, 0, 3_000, 500_000, 10_000_000]),
            silent: *dice.pick(&[20, 100, 500]),
            failing: *dice.pick(&[20, 100, 300]),
            bytes_max: if dice.chance(150) { 2_400 } else { usize::MAX },
            ..calm.clone()
        }
    }

    /// Long enough for what is remembered for a minute to be forgotten.
    fn long(dice: &mut Dice, calm: &Self) -> Self {
        let stormy = Self::stormy(dice, calm, 1);
        let lasts = dice.millis(70_000, 140_000);
        Self { lasts, requests: stormy.requests + 3, kills: 1 + dice.below(4), ..stormy }
    }
}
