//! How long a page takes, with fifty executors and thirty days of history: `cargo run --release -p hedgerow-pages --example drawing`.

#[path = "../../measures/examples/month/history.rs"]
mod history;

use std::{
    fs,
    io::{self, Write as _},
    time::Duration,
};

use alarms::Lags;
use hedgerow_pages::console::{Access, Frame, Page, file, overview, rendezvous};
use history::{NOW, SLICES, definition, sum};
use measures::{Awaited, Chronicle, Decided, Diary, Overview, Passage, Slice, Sum};

const MONTH: Duration = Duration::from_hours(30 * 24);
const TIMES: u32 = 20;

/// Returns the processor time of this thread: what others take of the machine does not count.
fn spent() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    let (fifty, mut dice) = (definition(50), 7);
    let mut diary = Diary::default();
    diary.add(&sum(&fifty, 20_000, &mut dice), NOW);
    let slices: Vec<Slice> = diary.tell(NOW, true);
    let mut chronicle = Chronicle::default();
    for (slice, (seconds, kept)) in slices.into_iter().zip(SLICES) {
        let newest = u64::try_from(NOW.as_micros()).unwrap_or(0) / 1_000_000 / seconds;
        for number in newest - kept + 1..=newest {
            chronicle.take(&0, Slice { number, ..slice.clone() });
        }
    }
    let began = spent();
    let told = Overview::of(&chronicle, &fifty, MONTH, NOW);
    let counted = spent().saturating_sub(began);
    writeln!(
        out,
        "{} executors, {} points over {MONTH:?}, {} results: counted in {counted:?}",
        told.executors.len(),
        told.over_time.len(),
        told.results
    )?;
    let lags = Lags { rendezvous: told.rendezvous.clone(), at_us: NOW.as_micros(), groups: Vec::new() };
    let all = [told.rendezvous.clone()];
    let mut drawn = |called: &str, here: &str, draw: &dyn Fn() -> Page| {
        let frame = Frame { rendezvous: &all, here, access: Access::Reader, live: true };
        let began = spent();
        let length = (0..TIMES).map(|_| file(&draw(), &frame).len()).max().unwrap_or_default();
        writeln!(out, "{called}: {:?}, {} KB", spent().saturating_sub(began) / TIMES, length / 1_000)
    };
    drawn("the overview is drawn in", "/", &|| overview(std::slice::from_ref(&told)))?;
    drawn("the page of the rendezvous is drawn in", "/rendezvous/wine", &|| rendezvous(&told, &lags, None))
}
