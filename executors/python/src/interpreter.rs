//! Which Python runs a file: that of a virtual environment beside it (`.venv`), else the one that `HEDGEROW_PYTHON`
//! names, else `python3`.
//!
//! The folder's own goes first: the variable holds for every policy of a process, and two policies may need packages
//! that do not go together.

use std::path::{Path, PathBuf};

/// The variable that names an interpreter.
pub const VARIABLE: &str = "HEDGEROW_PYTHON";
const BESIDE: &str = ".venv/bin/python";
const USUAL: &str = "python3";

/// Returns the interpreter for files in `folder`.
pub(crate) fn of(folder: &Path) -> PathBuf {
    choose(folder.join(BESIDE), std::env::var_os(VARIABLE).map(PathBuf::from))
}

fn choose(beside: PathBuf, named: Option<PathBuf>) -> PathBuf {
    if beside.exists() {
        return beside;
    }
    let named = named.filter(|named| !named.as_os_str().is_empty()).unwrap_or_else(|| USUAL.into());
    // A worker runs in the file's folder, from which a path is not meant. A bare name is looked for in `PATH`.
    if named.components().count() > 1 { std::path::absolute(&named).unwrap_or(named) } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_beside_the_file_goes_before_the_one_named_and_that_before_the_usual_one() {
        let folder = tempfile::tempdir().unwrap();
        let beside = || folder.path().join(BESIDE);
        assert_eq!(choose(beside(), None), Path::new("python3"));
        assert_eq!(choose(beside(), Some("".into())), Path::new("python3"));
        assert_eq!(choose(beside(), Some("/opt/python".into())), Path::new("/opt/python"));
        std::fs::create_dir_all(beside().parent().unwrap()).unwrap();
        std::fs::write(beside(), "").unwrap();
        assert_eq!(choose(beside(), Some("/opt/python".into())), beside());
    }
}
