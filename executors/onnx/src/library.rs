//! Finds the onnxruntime library and loads it, once per process.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use ort::environment::Environment;

/// The variable that names the library.
const VARIABLE: &str = "ORT_DYLIB_PATH";
/// Where `make setup` puts it, under the workspace.
const SET_UP: &str = "target/setup/onnxruntime/libonnxruntime.so";
/// What it is called beside the executable, and what the system's loader is asked for.
const FILE: &str = "libonnxruntime.so";

/// Why there is no onnxruntime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// It was found nowhere.
    #[error(
        "the onnxruntime library was not found; type `make setup`, or `pip install onnxruntime` and set {VARIABLE} to \
         the `libonnxruntime.so…` in its `capi` folder"
    )]
    Missing,
    /// What was found cannot be used.
    #[error("the onnxruntime library at `{path}` cannot be used: {cause}; type `make setup`, or correct {VARIABLE}", path = path.display())]
    Unusable {
        /// What was found.
        path: PathBuf,
        /// What the loader says.
        cause: String,
    },
}

/// Returns the process' onnxruntime, found and loaded by the first call: a process has one.
pub fn environment() -> Result<&'static Environment, LibraryError> {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = ENVIRONMENT.get() {
        return Ok(made);
    }
    let found =
        find(env::var_os(VARIABLE).map(PathBuf::from), &beside_executable(), &env::current_dir().unwrap_or_default());
    let environment = load(found)?;
    Ok(ENVIRONMENT.get_or_init(|| environment))
}

fn load(found: Option<PathBuf>) -> Result<Environment, LibraryError> {
    // Found nowhere, the system's loader still knows its own folders.
    let path = found.clone().unwrap_or_else(|| FILE.into());
    let unusable = |cause: String| found.map_or(LibraryError::Missing, |path| LibraryError::Unusable { path, cause });
    match ort::init_from(&path).map_err(|error| error.to_string()) {
        Ok(builder) => builder.build().map_err(|error| unusable(error.to_string())),
        Err(cause) => Err(unusable(cause)),
    }
}

/// Returns the library that is named, else the first that exists: beside the executable, then where `make setup` puts
/// it, under the current folder or a parent of it.
fn find(named: Option<PathBuf>, beside: &Path, folder: &Path) -> Option<PathBuf> {
    let set_up = folder.ancestors().map(|parent| parent.join(SET_UP));
    named.or_else(|| std::iter::once(beside.join(FILE)).chain(set_up).find(|path| path.exists()))
}

fn beside_executable() -> PathBuf {
    env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_library_is_found_where_set_up_puts_it_even_from_a_folder_below() {
        let root = tempfile::tempdir().unwrap();
        let (library, below) = (root.path().join(SET_UP), root.path().join("policies/deeper"));
        fs::create_dir_all(&below).unwrap();
        assert_eq!(find(None, root.path(), &below), None);
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        fs::write(&library, "").unwrap();
        assert_eq!(find(None, root.path(), &below), Some(library));
    }

    #[test]
    fn a_named_library_and_one_beside_the_executable_go_first() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(FILE), "").unwrap();
        assert_eq!(find(None, root.path(), root.path()), Some(root.path().join(FILE)));
        assert_eq!(find(Some("named.so".into()), root.path(), root.path()), Some("named.so".into()));
    }
}
