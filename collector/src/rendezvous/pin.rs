//! What a request is decided by: the version in its header and its case, found once and kept as long as it is open.

use std::sync::Arc;

use policies::{Definition, Policy};
use wire::{ReplyTo, Request};

/// The version that a request is pinned to, and how it is named there.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The version.
    pub definition: Arc<Definition>,
    /// Which of its cases applies; one that the version does not have counts as none.
    pub case: Option<Arc<str>>,
    /// Whom or what the request is about.
    pub key: Option<Arc<str>>,
    /// Where its caller wants its result besides.
    pub reply: Option<Arc<ReplyTo>>,
}

// === impl Pin ===

impl Pin {
    /// Pins `request` to `definition`; tells whether its case is one that the version does not have.
    pub(super) fn new(request: &Request, definition: Arc<Definition>) -> (Self, bool) {
        let known = definition.policy_for(request.case.as_deref()).is_some();
        let case = request.case.clone().filter(|_| known);
        (Self { definition, case, key: request.key.clone(), reply: request.reply.clone() }, !known)
    }

    /// Returns how is decided.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        policy_for(&self.definition, self.case.as_deref())
    }
}

/// Returns how `definition` decides about requests of `case`, or of none if it has no such case.
pub(crate) fn policy_for<'a>(definition: &'a Definition, case: Option<&str>) -> &'a Arc<Policy> {
    definition.policy_for(case).unwrap_or(&definition.policy)
}
