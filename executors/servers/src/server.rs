//! An executor whose model is on a server elsewhere, whatever words that knows.
//!
//! The server is asked once what its model takes. One that is away when the station starts is not an error: it is asked
//! again later, and meanwhile gets rows as such a server most likely takes them.
//!
//! Where the policy says so (`max_batch`), requests that wait at the same time are rows of one call. A batch that the
//! server refuses, or answers otherwise than row by row, is asked again one by one; if it takes each of them alone, it is
//! given no batch any more. A call that found the server busy or away is made again as often as the policy says
//! (`retries`) and the budget allows.
//!
//! The server is told under which span its own are to hang (`traceparent`), so that its spans stand in the request's trace.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use executor::{BoxFuture, Executor, Input, Now, failed};
use futures::future::join_all;
use traces::Sampling;
use wire::{Failure, ModelVersion, RendezvousName, RequestId, Timestamp};

use crate::{
    ServerError,
    dialect::{Answers, Call, Description, Dialect, PATIENCE, Problem, Silence},
    layout::Takes,
    retry,
    secrets::{Secret, Secrets},
    traceparent::parent_of,
};

/// How long a server that did not describe its model is left alone before it is asked again.
pub(crate) const AGAIN: Duration = Duration::from_secs(5);
/// How long a made-up call may take that is to warm a server up.
const WARMING: Duration = Duration::from_secs(10);
/// How old a version may be that only a description tells.
const RENEW: Duration = Duration::from_secs(30);

/// A model on a server that speaks `D`.
pub(crate) struct Server<D: Dialect> {
    shared: Arc<Shared<D>>,
}

/// What a server is to know and to be given.
pub(crate) struct Manner {
    pub(crate) name: String,
    /// As in the policy.
    pub(crate) url: String,
    pub(crate) takes: Takes,
    pub(crate) batch_max: NonZeroUsize,
    pub(crate) retries: u8,
    pub(crate) secrets: Option<Secrets>,
    pub(crate) now: Now,
    pub(crate) sampling: Option<Sampling>,
}

struct Shared<D: Dialect> {
    dialect: D,
    manner: Manner,
    state: Mutex<State<D::Layout>>,
}

struct State<Layout> {
    model: ModelVersion,
    layout: Arc<Layout>,
    /// When to ask the server about its model; `None` when it has answered, and says with its answers what may change.
    ask_at: Option<Timestamp>,
    /// Why it cannot be reached, as far as is known.
    away: Option<String>,
    /// How many rows it is given in one call at most.
    batch_max: NonZeroUsize,
    /// Whether it was warmed up since it was away last.
    is_warm: bool,
}

// === impl Server ===

impl<D: Dialect> Server<D> {
    /// Asks the server that `dialect` reaches about its model.
    pub(crate) async fn connect(dialect: D, manner: Manner) -> Result<Self, ServerError> {
        let model = ModelVersion::new(&manner.name, "unversioned");
        let layout = Arc::new(dialect.assumed(&manner.takes));
        let state = State { model, layout, ask_at: None, away: None, batch_max: manner.batch_max, is_warm: false };
        let shared = Arc::new(Shared { dialect, manner, state: Mutex::new(state) });
        shared.describe().await?;
        Ok(Self { shared })
    }
}

impl<D: Dialect> Executor for Server<D> {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            self.shared.ask_again();
            let layout = Arc::clone(&self.shared.state().layout);
            self.shared.dialect.check(&layout, input).map_err(failed)?;
            self.shared.ask_alone(&layout, input).await
        })
    }

    fn score_batch<'a>(&'a self, inputs: &'a [&'a Input]) -> BoxFuture<'a, Vec<Result<Bytes, Failure>>> {
        Box::pin(async move {
            self.shared.ask_again();
            let layout = Arc::clone(&self.shared.state().layout);
            let check = |input: &&Input| self.shared.dialect.check(&layout, input);
            let checked: Vec<Result<(), String>> = inputs.iter().map(check).collect();
            let rows = inputs.iter().zip(&checked).filter(|(_, checked)| checked.is_ok()).map(|(input, _)| *input);
            let answers = self.shared.ask_rows(&layout, &rows.collect::<Vec<_>>()).await;
            let mut answers = answers.into_iter();
            let answer = |checked: Result<(), String>| match checked {
                Ok(()) => answers.next().expect("each row that was asked about has an answer"),
                Err(problem) => Err(failed(problem)),
            };
            checked.into_iter().map(answer).collect()
        })
    }

    fn batch_max(&self) -> NonZeroUsize {
        self.shared.state().batch_max
    }

    fn model(&self) -> ModelVersion {
        self.shared.state().model.clone()
    }

    fn trouble(&self) -> Option<String> {
        self.shared.state().away.clone()
    }
}

// === impl Shared ===

impl<D: Dialect> Shared<D> {
    /// Asks about several rows in one call; one by one if that is refused, so that no row fails for another's sake.
    async fn ask_rows(&self, layout: &D::Layout, rows: &[&Input]) -> Vec<Result<Bytes, Failure>> {
        if rows.is_empty() {
            return Vec::new();
        }
        match self.ask(layout, rows).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(Problem::Refused(why)) if rows.len() > 1 => self.ask_each(layout, rows, &why).await,
            Err(problem) => vec![Err(failed(problem.into_words())); rows.len()],
        }
    }

    async fn ask_each(&self, layout: &D::Layout, rows: &[&Input], why: &str) -> Vec<Result<Bytes, Failure>> {
        let answers = join_all(rows.iter().map(|row| self.ask_alone(layout, row))).await;
        if answers.iter().all(Result::is_ok) {
            self.state().batch_max = NonZeroUsize::MIN;
            let executor = &self.manner.name;
            tracing::warn!(executor, %why, "this server takes rows alone and not in batches: it gets no batch any more");
        }
        answers
    }

    async fn ask_alone(&self, layout: &D::Layout, row: &Input) -> Result<Bytes, Failure> {
        let mut answers = self.ask(layout, &[row]).await.map_err(|problem| failed(problem.into_words()))?;
        Ok(answers.pop().expect("one row has one answer"))
    }

    /// Asks about `rows` for as long as the last of them may wait, and again where that may help.
    async fn ask(&self, layout: &D::Layout, rows: &[&Input]) -> Result<Vec<Bytes>, Problem> {
        let deadline = rows.iter().map(|row| row.deadline).max().unwrap_or(Timestamp::EPOCH);
        let parent = parent_of(rows, &self.manner.name, self.manner.sampling);
        let (mut failures, mut may_renew) = (0, true);
        loop {
            let secret = self.secret();
            let call = Call { left: deadline.since((self.manner.now)()), secret: secret.clone(), parent };
            let problem = match self.dialect.ask(layout, rows, call).await {
                Ok(Answers { bodies, version }) => {
                    if !D::IS_SILENT_ABOUT_VERSIONS {
                        self.note_version(version.as_deref());
                    }
                    return Ok(bodies);
                }
                Err(problem) => problem,
            };
            let left = deadline.since((self.manner.now)());
            match &problem {
                Problem::Barred(_) if may_renew && self.renew(secret.as_deref()) => may_renew = false,
                Problem::Later { after, .. } if failures < self.manner.retries => {
                    let Some(pause) = retry::pause(failures, *after, left, fastrand::f64()) else {
                        return Err(cleaned(problem, secret.as_deref()));
                    };
                    failures += 1;
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(cleaned(problem, secret.as_deref())),
            }
        }
    }

    fn secret(&self) -> Option<Arc<Secret>> {
        self.manner.secrets.as_ref().map(Secrets::held)
    }

    /// Reads the secret again that a server did not take; returns whether there is another one now.
    fn renew(&self, refused: Option<&Secret>) -> bool {
        let (Some(secrets), Some(refused)) = (&self.manner.secrets, refused) else { return false };
        secrets.renew(refused).unwrap_or_else(|error| {
            tracing::warn!(executor = self.manner.name, %error, "the server takes its credentials no more, and no others are there");
            false
        })
    }

    fn note_version(&self, version: Option<&str>) {
        let version = version.filter(|text| !text.is_empty()).unwrap_or("unversioned");
        let model = ModelVersion::new(&self.manner.name, version);
        self.state().model = model;
    }

    /// Lets a server that is to describe its model be asked again beside the requests, not before them.
    fn ask_again(self: &Arc<Self>) {
        let now = (self.manner.now)();
        let mut state = self.state();
        if state.ask_at.is_some_and(|at| at <= now) {
            state.ask_at = Some(now.after(AGAIN));
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = shared.describe().await {
                    tracing::error!(%error, executor = shared.manner.name, "requests to this server will fail");
                }
            });
        }
    }

    /// Asks the server what its model takes; no answer is a reason to ask again, not an error.
    async fn describe(&self) -> Result<(), ServerError> {
        let described = self.description().await;
        if let Some(layout) = self.note_description(described)? {
            self.warm_up(&layout).await;
        }
        Ok(())
    }

    /// Returns how the server wants rows, if it said so.
    fn note_description(
        &self,
        described: Result<Description<D::Layout>, Silence>,
    ) -> Result<Option<Arc<D::Layout>>, ServerError> {
        let mut state = self.state();
        state.away = None;
        let problem = match described {
            Ok(Description { layout, version }) => {
                let layout = Arc::new(layout);
                state.layout = Arc::clone(&layout);
                state.ask_at = D::IS_SILENT_ABOUT_VERSIONS.then(|| (self.manner.now)().after(RENEW));
                drop(state);
                if version.is_some() {
                    self.note_version(version.as_deref());
                }
                return Ok(Some(layout));
            }
            Err(Silence::Misfit(problem)) => {
                return Err(ServerError::Misfit { url: self.manner.url.clone(), problem });
            }
            Err(Silence::Away(problem)) => {
                state.away = Some(problem.clone());
                state.is_warm = false;
                problem
            }
            Err(Silence::Barred(problem) | Silence::Mute(problem)) => problem,
        };
        tracing::warn!(executor = self.manner.name, %problem, "asking again in {} s", AGAIN.as_secs());
        state.ask_at = Some((self.manner.now)().after(AGAIN));
        Ok(None)
    }

    /// Asks a server that is cold at first about a row of zeros. What it says is nobody's answer: it may not like zeros.
    async fn warm_up(&self, layout: &D::Layout) {
        if !D::IS_COLD_AT_FIRST || std::mem::replace(&mut self.state().is_warm, true) {
            return;
        }
        let Takes::Features(schema) = &self.manner.takes else { return };
        let nobody = RendezvousName::new("nobody").expect("a name");
        let zeros = serde_json::Value::Object(executor::zeros(schema)).to_string();
        let due = (self.manner.now)().after(WARMING);
        let row = Input::new(RequestId::from_key(&nobody, "warm-up"), due, zeros.into(), Arc::clone(schema));
        let call = Call { left: WARMING, secret: self.secret(), parent: None };
        if let Err(problem) = self.dialect.ask(layout, &[&row], call.clone()).await {
            let problem = cleaned(problem, call.secret.as_deref()).into_words();
            tracing::debug!(executor = self.manner.name, %problem, "the server did not like what was to warm it up");
        }
    }

    async fn description(&self) -> Result<Description<D::Layout>, Silence> {
        let mut secret = self.secret();
        let call = |secret: &Option<Arc<Secret>>| Call { left: PATIENCE, secret: secret.clone(), parent: None };
        let mut described = self.dialect.describe(&self.manner.takes, call(&secret)).await;
        if matches!(described, Err(Silence::Barred(_))) && self.renew(secret.as_deref()) {
            secret = self.secret();
            described = self.dialect.describe(&self.manner.takes, call(&secret)).await;
        }
        let Some(secret) = secret else { return described };
        described.map_err(|silence| match silence {
            Silence::Away(words) => Silence::Away(secret.out_of(&words)),
            Silence::Barred(words) => Silence::Barred(secret.out_of(&words)),
            Silence::Mute(words) => Silence::Mute(secret.out_of(&words)),
            Silence::Misfit(words) => Silence::Misfit(secret.out_of(&words)),
        })
    }

    fn state(&self) -> MutexGuard<'_, State<D::Layout>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server may repeat what it was told.
fn cleaned(problem: Problem, secret: Option<&Secret>) -> Problem {
    let Some(secret) = secret else { return problem };
    match problem {
        Problem::Refused(words) => Problem::Refused(secret.out_of(&words)),
        Problem::Barred(words) => Problem::Barred(secret.out_of(&words)),
        Problem::Later { words, after } => Problem::Later { words: secret.out_of(&words), after },
        Problem::Failed(words) => Problem::Failed(secret.out_of(&words)),
    }
}
