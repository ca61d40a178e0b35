//! Whether the decoy's archive holds each record of the requests topic once.

use std::{collections::HashSet, fs, path::Path};

/// Returns what is wrong with the archive below `folder`, given where the requests lie in the log.
pub(crate) fn problem(folder: &Path, requests: &HashSet<(i32, i64)>) -> anyhow::Result<Option<String>> {
    let mut archived = Vec::new();
    collect(&folder.join("archive"), &mut archived)?;
    let once: HashSet<(i32, i64)> = archived.iter().copied().collect();
    let (doubled, missing) = (archived.len() - once.len(), requests.difference(&once).count());
    let invented = once.difference(requests).count();
    let wrong = doubled + missing + invented > 0;
    Ok(wrong.then(|| format!("in the archive {missing} requests are missing, {doubled} doubled, {invented} invented")))
}

/// Adds partition and offset of whatever lies in the files below `folder`.
fn collect(folder: &Path, archived: &mut Vec<(i32, i64)>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, archived)?;
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            let records = decoy::read(&path)?;
            archived.extend(records.iter().map(|record| (record.received.partition.partition, record.received.offset)));
        }
    }
    Ok(())
}
