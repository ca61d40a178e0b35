//! The thread that an executor lives on, from loading its model to the last answer.

use std::{sync::Arc, thread};

use executor::Executor;
use tokio::sync::oneshot;
use wire::ExecutorId;

use crate::{
    desk::Desk,
    load::{LoadError, Loading},
};

/// An executor's thread, seen from the station.
pub(crate) struct Thread {
    /// What came of loading.
    pub(crate) loaded: oneshot::Receiver<Result<Arc<dyn Executor>, LoadError>>,
    /// Begins the work; dropped, the thread ends.
    pub(crate) begin: oneshot::Sender<Arc<Desk>>,
    /// Ends when the thread does.
    pub(crate) done: oneshot::Receiver<()>,
}

/// Starts a thread with a runtime of its own, which makes the executor with `load`: an `http` one's connections belong
/// to its runtime, an `onnx` one's memory to its core. It is never joined, since a model may hang for ever.
pub(crate) fn start(executor: &ExecutorId, load: Loading) -> Result<Thread, LoadError> {
    let (say_loaded, loaded) = oneshot::channel();
    let (begin, desk) = oneshot::channel::<Arc<Desk>>();
    let (say_done, done) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| LoadError::Thread(error.to_string()))?;
    let live = move || {
        runtime.block_on(async {
            if say_loaded.send(load.await).is_ok()
                && let Ok(desk) = desk.await
            {
                desk.work().await;
            }
        });
        // Without waiting for what a model's library may have left running.
        runtime.shutdown_background();
        // The station may have stopped waiting.
        let _ = say_done.send(());
    };
    let spawned = thread::Builder::new().name(format!("x-{executor}")).spawn(live);
    spawned.map_err(|error| LoadError::Thread(error.to_string()))?;
    Ok(Thread { loaded, begin, done })
}
