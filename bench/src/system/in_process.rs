//! A client without any log: three tasks of this process and a timer. The least that the work itself can cost.

use std::time::Duration;

use bus::BoxFuture;
use bytes::Bytes;
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::{Answer, System, Tally};
use crate::{
    cpu::Whose,
    work::{BODY, CANDIDATES, Work},
};

/// It, running.
pub(crate) struct InProcess {
    work: Work,
    budget: Duration,
}

// === impl InProcess ===

impl InProcess {
    pub(crate) fn start(work: Work, budget: Duration) -> Self {
        Self { work, budget }
    }
}

impl System for InProcess {
    fn name(&self) -> &'static str {
        "tokio"
    }

    fn whose(&self) -> Whose {
        Whose::Own
    }

    fn ask(&self) -> BoxFuture<'static, Answer> {
        let (work, budget) = (self.work, self.budget);
        Box::pin(async move {
            let (id, body) = (Uuid::new_v4(), Bytes::from_static(BODY));
            let due = Instant::now() + budget;
            let executors = (0..CANDIDATES.len()).map(move |place| {
                let body = body.clone();
                tokio::spawn(async move {
                    let takes = work.takes(id, place);
                    if !takes.is_zero() {
                        sleep(takes).await;
                    }
                    body
                })
            });
            match timeout_at(due, join_all(executors)).await {
                Ok(answers) if answers.iter().all(Result::is_ok) => Answer::Prediction,
                _ => Answer::Default,
            }
        })
    }

    fn stop(&self) -> BoxFuture<'_, anyhow::Result<Option<Tally>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
