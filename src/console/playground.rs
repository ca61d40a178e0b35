//! Asking from a page: the same starter as callers over `/v2` ask, and then the way to what became of it.

use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use bytes::Bytes;
use pages::console::{AskField, AskFields, RefusedInput, paths, playground};
use starter::{InvalidInput, InvalidReason, RawInput, Refusal, Starter, budget};

use super::{Asked, Console, view::View};
use crate::door::Problem;

/// Asks, and shows the race: the request's own page.
pub(super) async fn ask(
    State(console): State<Console>,
    Path(rendezvous): Path<String>,
    asked: Asked,
    Form(typed): Form<AskFields>,
) -> Response {
    if let Err(denied) = asked.asker.is_himself(&asked.headers) {
        return console.denied(denied, &asked);
    }
    let Some(starter) = console.starter(&rendezvous) else {
        return console.show(View::Playground(rendezvous), asked).await;
    };
    match answer(&starter, &typed).await {
        Ok(id) => Redirect::to(&paths::request(&rendezvous, &id)).into_response(),
        Err((status, field, why)) => console.refused(&rendezvous, status, RefusedInput { typed, field, why }, &asked),
    }
}

type Refused = (StatusCode, Option<AskField>, String);

async fn answer(starter: &Starter, typed: &AskFields) -> Result<String, Refused> {
    let input = input(typed)?;
    let field = if typed.key.trim().is_empty() { AskField::Input } else { AskField::Key };
    let answered = starter.ask(input).await.map_err(|refusal| refused(&refusal, field))?;
    Ok(answered.id.to_string())
}

/// Reads what was typed: what a caller over HTTP says in headers stands in fields here.
fn input(typed: &AskFields) -> Result<RawInput, Refused> {
    let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let budget = said(&typed.budget_ms).map(|millis| budget("the budget", &millis)).transpose();
    let budget = budget.map_err(|invalid| (StatusCode::BAD_REQUEST, Some(AskField::BudgetMs), invalid.to_string()))?;
    let attributes = typed.attributes.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let (name, value) = line.split_once('=').ok_or_else(|| {
            let why = format!("`{}` is not `name=value`", line.trim());
            (StatusCode::BAD_REQUEST, Some(AskField::Attributes), why)
        })?;
        Ok((name.trim().to_owned(), Bytes::copy_from_slice(value.trim().as_bytes())))
    });
    Ok(RawInput {
        body: Bytes::copy_from_slice(typed.input.as_bytes()),
        key: said(&typed.key),
        attributes: attributes.collect::<Result<_, Refused>>()?,
        budget,
        ..RawInput::default()
    })
}

fn refused(refusal: &Refusal, parameter: AskField) -> Refused {
    let (status, field) = match refusal {
        Refusal::Invalid(invalid) => (StatusCode::BAD_REQUEST, Some(field(invalid, parameter))),
        Refusal::Conflict { .. } => (StatusCode::CONFLICT, Some(AskField::Key)),
        Refusal::NotLive { .. } => (StatusCode::NOT_FOUND, None),
        Refusal::Shed { .. } => (StatusCode::TOO_MANY_REQUESTS, None),
        Refusal::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, None),
        Refusal::NoResult { .. } => (StatusCode::GATEWAY_TIMEOUT, None),
    };
    (status, field, refusal.to_string())
}

/// Beside the body only a key and a budget are parameters, and the budget was read before.
fn field(invalid: &InvalidInput, parameter: AskField) -> AskField {
    match invalid.reason() {
        InvalidReason::Attribute => AskField::Attributes,
        InvalidReason::Parameter => parameter,
        _ => AskField::Input,
    }
}

// === impl Console ===

impl Console {
    fn refused(&self, rendezvous: &str, status: StatusCode, refused: RefusedInput, asked: &Asked) -> Response {
        match self.sources().playground(rendezvous) {
            Ok(view) => {
                // Where there is no such field, it is said above them all.
                let is_shown = refused.field != Some(AskField::Attributes) || !view.attributes.is_empty();
                let refused = RefusedInput { field: refused.field.filter(|_| is_shown), ..refused };
                self.framed(status, &playground(&view.refusing(refused)), asked, false)
            }
            Err(why) => self.problem(&why, asked),
        }
    }

    fn starter(&self, rendezvous: &str) -> Option<Starter> {
        self.sources().starters.get(rendezvous).cloned()
    }
}

impl super::Sources {
    /// Returns what a rendezvous takes.
    pub(super) fn playground(&self, rendezvous: &str) -> Result<pages::console::Playground, Problem> {
        let (_, versions) = crate::door::known(&self.shelf, rendezvous)?;
        Ok(pages::console::Playground::of(versions.live(), self.starters.contains_key(rendezvous)))
    }
}
