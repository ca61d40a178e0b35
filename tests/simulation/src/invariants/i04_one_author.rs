//! I4, no result of an older right: a right that was lost is never regained, and it has one holder. So each fencing is
//! accepted once at most, unless strangers meddle, and is one life's own, and so are the results under it.

use std::collections::{BTreeMap, HashSet};

use crate::{processes::vandal::NOBODY, truth::Truth};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let mut holders = BTreeMap::new();
    for fence in truth.fences.iter().filter(|fence| fence.by != NOBODY) {
        let key = (fence.partition, fence.fencing.epoch, fence.fencing.instance);
        let holder = *holders.entry(key).or_insert(fence.by);
        if holder != fence.by {
            return Err(format!("{:?} and {:?} go by the same fencing {key:?}", holder, fence.by));
        }
    }
    for written in &truth.results {
        let fencing = written.record.fencing;
        let holder = holders.get(&(written.partition, fencing.epoch, fencing.instance));
        if holder.is_some_and(|holder| *holder != written.by) {
            return Err(format!("{:?} wrote result {} by the right of {holder:?}", written.by, written.offset));
        }
    }
    let mut accepted = HashSet::new();
    for fence in truth.fences.iter().filter(|fence| fence.is_accepted) {
        if fence.by == NOBODY {
            // Epochs go round: two strangers' fences half a round apart make an older right the higher one again.
            accepted.retain(|(partition, _)| *partition != fence.partition);
        } else if !accepted.insert((fence.partition, fence.fencing)) {
            return Err(format!("{:?} was lost and is regained at {}", fence.fencing, fence.offset));
        }
    }
    Ok(())
}
