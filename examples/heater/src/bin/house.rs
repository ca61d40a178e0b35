//! `make heater`: three rooms for some hours, and every command that was given.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use bus::{Clock, EmbeddedBus};
use hedgerow_heater::{
    Setting, Switch,
    house::{FIRST, House, LATER, ROOMS, Told},
};

/// How long the house is looked at, in minutes; and when something happens.
const MINUTES: u32 = 240;
const RESTARTED: u32 = 80;
const CHANGED: u32 = 160;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(watch());
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn watch() -> anyhow::Result<()> {
    let policy = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("heater.yaml");
    let bus = EmbeddedBus::new(Clock::system());
    let mut house = House::open(bus, &policy).await.context("the house")?;
    for (room, _) in ROOMS {
        house.set(room, &FIRST).await?;
    }
    let mut commands = 0;
    println!("{} rooms, {}", ROOMS.len(), wanted(&FIRST));
    for minute in 1..=MINUTES {
        match minute {
            RESTARTED => {
                house = house.restart().await?;
                println!("{}  everything is stopped and started again", clock(minute));
            }
            CHANGED => {
                house.set("nursery", &LATER).await?;
                println!("{}  the nursery is to be warmer: {}", clock(minute), wanted(&LATER));
            }
            _ => {}
        }
        for told in house.minute().await? {
            commands += 1;
            println!("{}  {}", clock(minute), sentence(&told));
        }
    }
    let readings = usize::try_from(MINUTES)? * ROOMS.len();
    println!("\n{readings} readings, {commands} commands");
    for (name, room) in house.rooms() {
        println!("{name:<8} {:.1}°, heater {}", room.temperature, word(room.heater));
    }
    house.close().await
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn sentence(told: &Told) -> String {
    let Told { room, heater, temperature, desired, .. } = told;
    format!("{room:<8} {temperature:.1}° where {desired:.1}° is wanted: heater {}", word(*heater))
}

fn word(switch: Switch) -> &'static str {
    match switch {
        Switch::On => "on",
        Switch::Off => "off",
    }
}

fn wanted(setting: &Setting) -> String {
    format!("{{ desired: {:.1}, up: {:.1}, down: {:.1} }}", setting.desired, setting.up, setting.down)
}
