//! What an operator changes from a page: an ordinary change of the control topic, under the name he gives and with a message
//! that says where it came from. Whoever was faster is not overwritten: a page says which version it was made for.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use control::{Outcome, PublishError, RefusedChange};
use pages::console::{ActFields, RollBackFields, paths, problem};
use policies::edit::EditError;
use wire::{Action, Apply, Deed, ExecutorId, RendezvousName};

use super::{Asked, Console, guard::Denied};
use crate::{
    canaries::{Objection, Plan},
    door::{Problem, known},
};

/// Why nothing was changed.
enum Unchanged {
    Denied(Denied),
    Problem(Problem),
    Objection(Objection),
    Edit(EditError),
    Refused(RefusedChange),
    NotPublished(PublishError),
}

/// Who changes something unless he says who he is.
const NOBODY: &str = "console";
const FROM_HERE: &str = "from the console";

/// Makes an earlier version's text the next version.
pub(super) async fn roll_back(
    State(console): State<Console>,
    Path(rendezvous): Path<String>,
    asked: Asked,
    Form(wanted): Form<RollBackFields>,
) -> Response {
    let back = paths::policy(&rendezvous);
    let changed = async {
        asked.asker.may_change(&asked.headers)?;
        let (name, _) = known(&console.sources().shelf, &rendezvous)?;
        let history = console.sources().follower.history(&name);
        let text = history.and_then(|history| history.borrow().entry(wanted.version).map(|entry| entry.text().clone()));
        let no_version = || Problem::NotFound(format!("`{rendezvous}` has no version {}", wanted.version));
        let apply = Apply::live(text.ok_or_else(no_version)?, wanted.expected);
        let action = Action::Apply(Apply { rolls_back: Some(wanted.version), ..apply });
        console.change(&name, &wanted.author, &wanted.message, action).await
    };
    console.changed(changed.await, &back, &asked)
}

/// Does something about a canary, by the report that there is.
pub(super) async fn act(
    State(console): State<Console>,
    Path((rendezvous, canary)): Path<(String, String)>,
    asked: Asked,
    Form(wanted): Form<ActFields>,
) -> Response {
    let back = paths::canaries(&rendezvous);
    let changed = async {
        asked.asker.may_change(&asked.headers)?;
        let (name, versions) = known(&console.sources().shelf, &rendezvous)?;
        let nobody = |_| Problem::NotFound(format!("{rendezvous} has no canary `{canary}`"));
        let id = ExecutorId::new(&canary).map_err(nobody)?;
        let report = console.sources().canaries.report(&rendezvous, &canary).await.ok().map(|(report, _)| report);
        let live = Arc::clone(versions.live());
        let plan = Plan { rendezvous: name, expected: wanted.expected, live, canary: id, report };
        let acted = plan.act(wanted.act)?;
        if matches!(wanted.act, Deed::Promote | Deed::PromoteFirst) && wanted.force.is_none() {
            plan.may_be_promoted()?;
        }
        plan.check_examples(&acted, wanted.act)?;
        console.change(&plan.rendezvous, &wanted.author, &wanted.message, plan.action(&acted, wanted.act)).await
    };
    console.changed(changed.await, &back, &asked)
}

// === impl Console ===

impl Console {
    async fn change(
        &self,
        rendezvous: &RendezvousName,
        author: &str,
        message: &str,
        action: Action,
    ) -> Result<(), Unchanged> {
        let author = Some(author.trim()).filter(|author| !author.is_empty()).unwrap_or(NOBODY);
        let message = match message.trim() {
            "" => FROM_HERE.to_owned(),
            said => format!("{said} ({FROM_HERE})"),
        };
        let follower = &self.sources().follower;
        let change = follower.change(rendezvous, author, &message, action);
        match follower.publish(change).await.map_err(Unchanged::NotPublished)? {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refused) => Err(Unchanged::Refused(refused)),
        }
    }

    /// Shows what it was changed to, or says why it was not.
    fn changed(&self, changed: Result<(), Unchanged>, back: &str, asked: &Asked) -> Response {
        let why = match changed {
            Ok(()) => return Redirect::to(back).into_response(),
            Err(Unchanged::Denied(denied)) => return self.denied(denied, asked),
            Err(why) => why,
        };
        let page = problem("Nothing was changed", &why.sentence(), Some((back, "Look again")));
        self.framed(why.status(), &page, asked, false)
    }
}

// === impl Unchanged ===

impl Unchanged {
    fn status(&self) -> StatusCode {
        match self {
            Self::Denied(denied) => denied.status(),
            Self::Problem(problem) => problem.status(),
            Self::Refused(refused) if refused.refusal.is_conflict() => StatusCode::CONFLICT,
            Self::Objection(_) | Self::Edit(_) | Self::Refused(_) | Self::NotPublished(PublishError::Change(_)) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::NotPublished(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Denied(denied) => denied.sentence().to_owned(),
            Self::Problem(problem) => problem.sentence(),
            Self::Objection(Objection { sentence, hint }) => format!("{sentence}\n{hint}"),
            Self::Edit(error) => error.to_string(),
            Self::Refused(refused) => refused.sentence.clone(),
            Self::NotPublished(error) => error.to_string(),
        }
    }
}

impl From<Denied> for Unchanged {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<Problem> for Unchanged {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Objection> for Unchanged {
    fn from(objection: Objection) -> Self {
        Self::Objection(objection)
    }
}

impl From<EditError> for Unchanged {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}
