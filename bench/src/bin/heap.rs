//! What the pure core takes from the heap, as one JSON object: counted by the allocator, and seen by the kernel.
//!
//! A program of its own, because counting slows down whatever allocates. `hedgerow-bench --only core` starts it.

use std::alloc::System;

use hedgerow_bench::joining::Core;
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// As many requests as may be open in a partition, but for some thousands.
const OPEN: u32 = 1_000_000;

/// Counted after so many requests were decided, so that tables have grown to their size.
const SETTLED: u32 = 20_000;
const COUNTED: u32 = 10_000;

fn main() -> anyhow::Result<()> {
    let mut figures = open_requests()?;
    for (name, value) in events()?.as_object().into_iter().flatten() {
        figures[name] = value.clone();
    }
    println!("{figures}");
    Ok(())
}

/// Counts what a million open requests hold.
fn open_requests() -> anyhow::Result<Value> {
    let mut core = Core::new()?;
    let (before, resident_before) = (Region::new(HEAP), resident()?);
    for number in 0..OPEN {
        let request = core.request(number);
        core.open(request);
    }
    let (held, resident) = (held(&before), resident()? - resident_before);
    anyhow::ensure!(core.is_open() == OPEN as usize, "only {} requests of {OPEN} are open", core.is_open());
    Ok(json!({
        "open_requests": OPEN,
        "bytes_per_open_request": each(held, OPEN), "resident_bytes_per_open_request": each(resident, OPEN),
    }))
}

/// Counts what events take and give back, some thousand requests at a time.
fn events() -> anyhow::Result<Value> {
    let mut core = Core::new()?;
    let (mut opening, mut hearing, mut responses) = (Taken::default(), Taken::default(), 0);
    for first in (0..SETTLED + COUNTED).step_by(1_000) {
        let (events, counts) = (core.events(first, 1_000), first >= SETTLED);
        let region = Region::new(HEAP);
        for request in events.requests {
            core.open(request);
        }
        opening.add(&region, counts);
        let heard = events.responses.len();
        let region = Region::new(HEAP);
        for response in events.responses {
            core.hear(response);
        }
        hearing.add(&region, counts);
        responses += if counts { u32::try_from(heard)? } else { 0 };
        while core.poll().is_some() {}
    }
    Ok(json!({
        "bytes_allocated_per_request": each(opening.bytes, COUNTED),
        "allocations_per_request": each(opening.times, COUNTED),
        "bytes_allocated_per_response": each(hearing.bytes, responses),
        "allocations_per_response": each(hearing.times, responses),
    }))
}

/// What was taken from the heap, whether or not it was given back.
#[derive(Default)]
struct Taken {
    bytes: usize,
    times: usize,
}

// === impl Taken ===

impl Taken {
    fn add(&mut self, region: &Region<'_, System>, counts: bool) {
        if counts {
            let change = region.change();
            self.bytes += change.bytes_allocated;
            self.times += change.allocations + change.reallocations;
        }
    }
}

/// What was taken since and not given back. What a reallocation adds is among the allocated bytes.
fn held(since: &Region<'_, System>) -> usize {
    let change = since.change();
    change.bytes_allocated.saturating_sub(change.bytes_deallocated)
}

/// Returns the bytes of this process that are in memory.
fn resident() -> anyhow::Result<usize> {
    let pages = procfs::process::Process::myself()?.statm()?.resident;
    Ok(usize::try_from(pages * procfs::page_size())?)
}

fn each(whole: usize, count: u32) -> f64 {
    let tenths = whole * 10 / count.max(1) as usize;
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}
