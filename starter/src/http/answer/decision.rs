//! What is read of a result's body to tell it in other terms.

use std::borrow::Cow;

use serde::Deserialize;

use super::outputs::Fields;
use crate::starter::Answered;

/// What is read of a result's body; the receipt is passed over.
#[derive(Default, Deserialize)]
pub(crate) struct Body<'a> {
    #[serde(borrow, default)]
    pub(crate) answer: Fields<'a>,
    #[serde(borrow, default)]
    pub(crate) decision: Decision<'a>,
}

/// How it was decided.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Decision<'a> {
    #[serde(borrow)]
    pub(crate) decided_by: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) completeness: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) reason: Cow<'a, str>,
    pub(crate) executors: Vec<String>,
    #[serde(borrow)]
    pub(crate) case: Option<Cow<'a, str>>,
}

// === impl Body ===

impl<'a> Body<'a> {
    /// Reads it; of one that cannot be read there is nothing to tell.
    pub(crate) fn of(answered: &'a Answered) -> Self {
        serde_json::from_slice(&answered.result.body).unwrap_or_default()
    }
}
