//! What is done to the stations and to the broker: one variant for each row of the table.

use std::{fmt, thread, time::Duration};

use bus::Clock;
use clap::ValueEnum;
use wire::Timestamp;

use crate::{
    Settings,
    deployment::{Deployment, Order, Role},
};

/// One kind of harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// None: what the machine does by itself
    Calm,
    /// Collectors are killed
    Collector,
    /// A collector is killed while all serve, and another one must serve its partitions within a second
    Recovery,
    /// Executors are killed
    Executors,
    /// Starters are killed
    Starter,
    /// Decoys are killed
    Decoy,
    /// Sealers are killed
    Sealer,
    /// A collector is stopped in its tracks, and goes on as if nothing had been
    Pause,
    /// Each second a collector comes and another one goes
    Storm,
    /// The broker is killed, or stopped, and started again
    Broker,
    /// Every process is replaced, one after the other
    Roll,
    /// Every collector is replaced, one after the other, and no deadline may be missed
    RollCollectors,
    /// Policies are applied while collectors are killed
    Edits,
}

// === impl Fault ===

impl Fault {
    /// Returns the station whose processes it kills.
    pub(crate) fn kills(self) -> Option<Role> {
        match self {
            Self::Collector | Self::Recovery | Self::Edits => Some(Role::Collector),
            Self::Executors => Some(Role::Executors),
            Self::Starter => Some(Role::Starter),
            Self::Decoy => Some(Role::Decoy),
            Self::Sealer => Some(Role::Sealer),
            Self::Calm | Self::Pause | Self::Storm | Self::Broker | Self::Roll | Self::RollCollectors => None,
        }
    }

    /// Returns how many processes serve as `role`: two of those that are killed, so that others take over, and nobody
    /// who seals where that is of no interest. Least of all where the broker restarts: with one replica it forgets to
    /// end transactions (docs/faults.md).
    pub(crate) fn processes(self, role: Role) -> usize {
        match role {
            Role::Starter | Role::Executors | Role::Collector => 2,
            Role::Decoy => 1 + usize::from(self == Self::Decoy),
            Role::Sealer => 2 * usize::from(self == Self::Sealer) + usize::from(self == Self::Roll),
        }
    }

    /// Does it, and returns when it struck.
    pub(crate) fn strike(
        self,
        settings: &Settings,
        deployment: &mut Deployment,
        clock: &Clock,
    ) -> anyhow::Result<Vec<Timestamp>> {
        let mut strikes = Vec::new();
        let mut struck = || strikes.push(clock.now());
        match self {
            Self::Calm => thread::sleep(settings.storm),
            Self::Collector | Self::Executors | Self::Starter | Self::Decoy | Self::Sealer | Self::Edits => {
                for round in 0..a_share(settings.kills, if self == Self::Edits { 5 } else { 1 }) {
                    // One in four does not wait, and may meet the process that replaces who was killed last.
                    if round % 4 != 3 {
                        deployment.ready()?;
                    }
                    thread::sleep(at_random(100..900));
                    struck();
                    deployment.kill_one(self.kills().expect("these kill a station"))?;
                    if self == Self::Edits {
                        deployment.edit(round)?;
                    }
                }
            }
            Self::Recovery => {
                for _ in 0..settings.kills {
                    // Where heartbeats and the kill stand to each other is left to chance.
                    thread::sleep(at_random(1_000..2_000));
                    struck();
                    deployment.kill_one(Role::Collector)?;
                    deployment.ready()?;
                }
            }
            Self::Pause => {
                for _ in 0..a_share(settings.kills, 25) {
                    struck();
                    deployment.pause_one(Role::Collector, settings.pause)?;
                    thread::sleep(at_random(1_500..2_500));
                }
            }
            Self::Storm => {
                for _ in 0..settings.storm.as_secs() {
                    struck();
                    // Where starting takes longer than a second, fewer are on their way, and somebody always serves.
                    if deployment.count(Role::Collector) < 4 {
                        deployment.add(Role::Collector)?;
                    }
                    if deployment.serving(Role::Collector) > 1 {
                        deployment.remove_oldest(Role::Collector)?;
                    }
                    thread::sleep(Duration::from_secs(1));
                }
            }
            Self::Broker => {
                for round in 0..a_share(settings.kills, 16).max(2) {
                    struck();
                    deployment.restart_broker(round % 2 == 0)?;
                    thread::sleep(at_random(2_000..4_000));
                }
            }
            Self::Roll => {
                for _ in 0..a_share(settings.kills, 20) {
                    for role in Role::ALL {
                        for _ in 0..deployment.count(role) {
                            struck();
                            deployment.replace_oldest(role, Order::SuccessorFirst)?;
                        }
                    }
                }
            }
            Self::RollCollectors => {
                for round in 0..a_share(settings.kills, 10) {
                    for turn in 0..u32::try_from(deployment.count(Role::Collector))? {
                        struck();
                        let successor_first = (round + turn).is_multiple_of(2);
                        let order = if successor_first { Order::SuccessorFirst } else { Order::SuccessorLast };
                        deployment.replace_oldest(Role::Collector, order)?;
                    }
                }
            }
        }
        Ok(strikes)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no fault is hidden");
        out.write_str(value.get_name())
    }
}

fn at_random(millis: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(fastrand::u64(millis))
}

/// What takes `times` as long as a kill is done so many times less often, and once at least.
fn a_share(kills: u32, times: u32) -> u32 {
    (kills / times).max(1)
}
