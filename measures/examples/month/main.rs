//! What counting costs a request, and what a month of many executors takes: `cargo run --release -p hedgerow-measures --example month`.

mod history;

use std::{
    fs,
    io::{self, Write as _},
    time::Duration,
};

use hedgerow_measures::{Awaited, Chronicle, Decided, Diary, Overview, Passage, Slice, Sum};
use history::{NOW, SLICES, definition, sum};

/// Returns the processor time of this thread: what others take of the machine does not count.
fn spent() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

fn since(began: Duration) -> Duration {
    spent().saturating_sub(began)
}

fn cells(sum: &Sum) -> usize {
    let executors = sum.executors.values().map(|did| did.answers.len() + did.queued.len() + did.computed.len());
    let uses = sum.uses.values().flat_map(|uses| uses.versions.values()).map(|used| used.took.len());
    executors.chain(uses).sum::<usize>() + sum.results.predicted.len() + sum.results.degraded.len()
}

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    let (four, mut dice) = (definition(4), 7);
    let began = spent();
    let counted = sum(&four, 200_000, &mut dice);
    let each = since(began) / 200_000;
    writeln!(out, "counting a request of four executors takes {each:?} ({} cells)", counted.results.predicted.len())?;

    let fifty = definition(50);
    let some = sum(&fifty, 20_000, &mut dice);
    let mut diary = Diary::default();
    diary.add(&some, NOW);
    let slices: Vec<Slice> = diary.tell(NOW, true);
    let (mut chronicle, mut held, mut read) = (Chronicle::default(), 0, Duration::ZERO);
    for (slice, (seconds, kept)) in slices.into_iter().zip(SLICES) {
        let text = serde_json::to_string(&slice).expect("counts");
        let cells = cells(&slice.sum);
        writeln!(
            out,
            "of a slice of {seconds} s, {} KB of JSON, {cells} cells are held {kept} times",
            text.len() / 1_000
        )?;
        held += cells as u64 * kept;
        let newest = u64::try_from(NOW.as_micros()).unwrap_or(0) / 1_000_000 / seconds;
        let began = spent();
        for number in newest - kept + 1..=newest {
            let again: Slice = serde_json::from_str(&text).expect("what was written");
            chronicle.take(&0, Slice { number, ..again });
        }
        read += since(began);
    }
    writeln!(out, "all of them are read in {read:?} and take {} MB", held * 10 / 1_000_000)?;
    for window in [Duration::from_hours(1), Duration::from_hours(24), Duration::from_hours(30 * 24)] {
        let began = spent();
        let overview = Overview::of(&chronicle, &fifty, window, NOW);
        writeln!(out, "an overview of {window:?} takes {:?} ({} results)", since(began), overview.results)?;
    }
    let began = spent();
    for second in 0..60 {
        diary.add(&some, NOW.after(Duration::from_secs(second)));
        diary.tell(NOW.after(Duration::from_secs(second)), false);
    }
    writeln!(out, "adding fifty executors' counts to a process' diary takes {:?}", since(began) / 60)
}
