//! Three rooms in winter: sensors send readings, heaters do what they are told, and somebody changes his mind.
//!
//! Time is simulated, a minute a reading, and everything else is real: the readings are requests, what is wanted is a
//! record of the control stream, and a heater hears of nothing but the topic of commands.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use bus::{Bus, Clock, Consumer, Event, Producer, StartAt, TopicPartition};
use bytes::Bytes;
use control::Follower;
use hedgerow::app::{self, App, Role, Running};
use prometheus_client::registry::Registry;
use serde::Deserialize;
use starter::{Limits, RawInput, Starter};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::Record;

use crate::{Setting, Switch};

/// The rooms, and how fast each loses its warmth.
pub const ROOMS: [(&str, f64); 3] = [("hall", 0.012), ("kitchen", 0.008), ("nursery", 0.005)];
/// What is wanted of every room at first.
pub const FIRST: Setting = Setting { desired: 20.0, up: 0.5, down: 0.5 };
/// What is wanted of the nursery later.
pub const LATER: Setting = Setting { desired: 22.0, up: 0.3, down: 0.3 };

const OUTSIDE: f64 = 2.0;
/// How much a heater warms its room in a minute.
const WARMS: f64 = 0.4;
const SETTINGS: &str = "heater.settings";
const COMMANDS: &str = "heater.commands";
/// Generous: it bounds a run that has failed, never one that does not.
const PATIENCE: Duration = Duration::from_mins(1);

/// A house with a thermostat.
pub struct House {
    app: App,
    running: Running,
    producer: Arc<dyn Producer>,
    commands: Box<dyn Consumer>,
    rooms: BTreeMap<&'static str, Room>,
    minute: u32,
    /// Versions are followed as long as somebody holds it.
    _follower: Follower,
}

/// A room, with its heater.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// How warm it is.
    pub temperature: f64,
    /// How its heater stands; as long as nobody told it anything, off.
    pub heater: Switch,
    loses: f64,
}

/// A command that a heater has heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// When, in minutes.
    pub minute: u32,
    /// Which room's.
    pub room: String,
    /// What it was told.
    pub heater: Switch,
    /// How warm it was.
    pub temperature: f64,
    /// What was wanted.
    pub desired: f64,
}

#[derive(Deserialize)]
struct Command {
    heater: Switch,
    temperature: f64,
    desired: f64,
}

#[derive(Deserialize)]
struct Result {
    answer: Answer,
}

#[derive(Deserialize)]
struct Answer {
    command: Option<Switch>,
}

// === impl House ===

impl House {
    /// Starts everything on `bus`, by the policy at `policy`.
    pub async fn open(bus: Arc<dyn Bus>, policy: &Path) -> anyhow::Result<Self> {
        let (clock, stop) = (Clock::system(), CancellationToken::new());
        let (definition, models) = app::load(policy)?;
        let follower = app::follow(&bus, &clock, &mut Registry::default(), &stop, std::future::ready(())).await?;
        let follower = follower.context("nobody stops it so early")?;
        let versions = follower.ensure_first(&definition, "the house", "it").await?;
        let data = std::env::temp_dir();
        // A slow machine may take its time.
        let limits = Limits { grace: PATIENCE, ..Limits::default() };
        let (kinds, partitions) = (crate::kinds(), 4);
        let of = App::new(bus, clock, versions, follower.models(), partitions);
        let app = App { models, data, limits, kinds, ..of };
        let running = start(&app).await?;
        let producer = app.bus.producer(&[SETTINGS]).await?;
        let mut commands = app.bus.tail().await?;
        for partition in 0..app.bus.partitions(COMMANDS).await? {
            commands.start(&TopicPartition::new(COMMANDS, partition), StartAt::Beginning)?;
        }
        let room = |(name, loses): &(&'static str, f64)| {
            (*name, Room { temperature: 17.0, heater: Switch::Off, loses: *loses })
        };
        let rooms = ROOMS.iter().map(room).collect();
        Ok(Self { app, running, producer, commands, rooms, minute: 0, _follower: follower })
    }

    /// Says what is wanted of a room; it counts when the executor has read it, with some reading to come.
    pub async fn set(&self, room: &str, setting: &Setting) -> anyhow::Result<()> {
        let (told, taken) = tokio::sync::oneshot::channel();
        let record = Record {
            key: Some(room.to_owned().into()),
            payload: Some(serde_json::to_vec(setting)?.into()),
            ..Record::default()
        };
        // Whoever waits has gone if this fails.
        let acknowledge = Box::new(move |outcome| drop(told.send(outcome)));
        self.producer.send(&TopicPartition::new(SETTINGS, 0), record, acknowledge)?;
        timeout(PATIENCE, taken).await???;
        Ok(())
    }

    /// Lets a minute pass: every room is read, heaters do what they are told. Returns what they were told.
    pub async fn minute(&mut self) -> anyhow::Result<Vec<Told>> {
        self.minute += 1;
        let starter = self.running.starter.clone().context("the house runs a starter")?;
        let readings: Vec<(&str, f64)> = self.rooms.iter().map(|(name, room)| (*name, room.temperature)).collect();
        let mut expected = 0;
        for (name, temperature) in readings {
            expected += usize::from(ask(&starter, name, temperature).await?.is_some());
        }
        let mut told = Vec::with_capacity(expected);
        while told.len() < expected {
            let event = timeout(PATIENCE, self.commands.next()).await.context("a command that was promised")??;
            let Event::Records(records) = event else { continue };
            for received in records {
                let room = String::from_utf8_lossy(received.record.key.as_deref().unwrap_or_default()).into_owned();
                let Command { heater, temperature, desired } =
                    serde_json::from_slice(received.record.payload.as_deref().unwrap_or_default())?;
                told.push(Told { minute: self.minute, room, heater, temperature, desired });
            }
        }
        ensure!(told.len() == expected, "{} commands, and answers spoke of {expected}", told.len());
        for Told { room, heater, .. } in &told {
            self.rooms.get_mut(room.as_str()).context("a command for no room of ours")?.heater = *heater;
        }
        self.rooms.values_mut().for_each(Room::pass);
        Ok(told)
    }

    /// Stops everything, and starts it again on the same log.
    pub async fn restart(self) -> anyhow::Result<Self> {
        self.running.stop().await?;
        let running = start(&self.app).await?;
        Ok(Self { running, ..self })
    }

    /// Returns the rooms, by name.
    #[must_use]
    pub fn rooms(&self) -> &BTreeMap<&'static str, Room> {
        &self.rooms
    }

    /// Stops everything.
    pub async fn close(self) -> anyhow::Result<()> {
        self.running.stop().await
    }
}

async fn start(app: &App) -> anyhow::Result<Running> {
    app.start(&[Role::Collector, Role::Executors, Role::Starter], &mut Registry::default()).await
}

/// Sends a reading; returns the command that the answer speaks of.
async fn ask(starter: &Starter, room: &str, temperature: f64) -> anyhow::Result<Option<Switch>> {
    let attributes = vec![("sensor".to_owned(), Bytes::copy_from_slice(room.as_bytes()))];
    let body = format!("{{\"temperature\":{temperature}}}").into();
    let answered = timeout(PATIENCE, starter.ask(RawInput { body, attributes, ..RawInput::default() })).await?;
    let answered = answered.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    let Result { answer } = serde_json::from_slice(&answered.result.body)?;
    Ok(answer.command)
}

// === impl Room ===

impl Room {
    fn pass(&mut self) {
        let gains = if self.heater == Switch::On { WARMS } else { 0.0 };
        self.temperature += gains - self.loses * (self.temperature - OUTSIDE);
    }
}
