//! What the tests of all kinds of servers ask, and how.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use executor::{Executor, Input, Now};
use policies::InputSchema;
use serde_json::Value;
use wire::{Failure, RequestId, Timestamp};

use crate::{Errand, Takes};

/// A budget that nobody uses up.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn schema() -> Arc<InputSchema> {
    Arc::new(InputSchema::of(&["hue", "ash"], &[]))
}

/// A clock that stands still: how long a call may take is what its deadline says.
pub(crate) fn standing() -> Now {
    Arc::new(|| Timestamp::EPOCH)
}

pub(crate) fn errand(now: Now) -> Errand {
    let takes = Takes::Features(schema());
    let base = std::env::temp_dir();
    Errand { name: "vendor".to_owned(), takes, connections: 4, max_batch: None, base, now, sampling: None }
}

/// An input with this body that may take its time.
pub(crate) fn input(body: &str) -> Input {
    input_until(body, Timestamp::EPOCH.after(LONG))
}

fn input_until(body: &str, deadline: Timestamp) -> Input {
    Input::new(RequestId::from_uuid(uuid::Uuid::nil()), deadline, Bytes::copy_from_slice(body.as_bytes()), schema())
}

pub(crate) async fn ask(executor: &Arc<dyn Executor>, budget: Duration) -> Result<Value, String> {
    ask_until(executor, Timestamp::EPOCH.after(budget)).await
}

pub(crate) async fn ask_until(executor: &Arc<dyn Executor>, deadline: Timestamp) -> Result<Value, String> {
    read(executor.score(&input_until(r#"{"hue": 1, "ash": 2}"#, deadline)).await)
}

pub(crate) fn read(answer: Result<Bytes, Failure>) -> Result<Value, String> {
    Ok(serde_json::from_slice(&answer.map_err(|failure| failure.message)?).unwrap())
}
