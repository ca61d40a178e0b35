//! What must hold of every story, whatever the weather. One file for each promise.

mod i01_one_result;
mod i02_every_request;
mod i03_no_invention;
mod i04_one_author;
mod i05_watermarks;
mod i06_on_time;
mod i07_bounds;
mod i08_purity;
mod i09_isolation;
mod i10_one_outcome;
mod i11_commits;
mod i12_archive;
mod i13_sealed;
mod i14_audit;

use crate::truth::Truth;

pub use i14_audit::is_in_order;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: &'static str,
    /// How.
    pub how: String,
}

type Check = fn(&Truth<'_>) -> Result<(), String>;

const ALL: [(&str, Check); 14] = [
    ("I1 one result", i01_one_result::check),
    ("I2 every request", i02_every_request::check),
    ("I3 no invention", i03_no_invention::check),
    ("I4 one author", i04_one_author::check),
    ("I5 watermarks", i05_watermarks::check),
    ("I6 on time", i06_on_time::check),
    ("I7 bounds", i07_bounds::check),
    ("I8 purity", i08_purity::check),
    ("I9 isolation", i09_isolation::check),
    ("I10 one outcome", i10_one_outcome::check),
    ("I11 commits", i11_commits::check),
    ("I12 archive", i12_archive::check),
    ("I13 sealed", i13_sealed::check),
    ("I14 audit", i14_audit::check),
];

/// Returns every promise that a story breaks.
#[must_use]
pub fn judge(truth: &Truth<'_>) -> Vec<Broken> {
    let broken = ALL.iter().filter_map(|(invariant, check)| check(truth).err().map(|how| Broken { invariant, how }));
    broken.collect()
}

/// Returns what each invariant is called.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}
