//! What is done about a canary: the live version's text with another standing of it, and nothing else.
//!
//! Laws: what changes in meaning is the canary's standing alone, or nothing is done (`policies::edit`); whether its examples
//! still come out is told before anything is written.

use policies::{
    Checked, Definition, Diagnostics, Difference, ExampleOutcome,
    edit::{EditError, edit},
};
use wire::{ActedOn, CanaryAct, Deed, ExecutorId};

use crate::Report;

/// A text in which a canary stands otherwise.
#[derive(Clone, Debug)]
pub struct Acted {
    /// The text.
    pub text: String,
    /// What is to be said about it all the same: that no clause can choose who was promoted, for example.
    pub warnings: Diagnostics,
    /// What changes.
    pub difference: Difference,
    /// Those of its examples that do not come out as it says: with any, it cannot become a version.
    pub failed: Vec<ExampleOutcome>,
}

/// Returns the text of `live` after `deed` was done about `canary`, or why it cannot be done.
pub fn act(live: &Definition, canary: &ExecutorId, deed: Deed) -> Result<Acted, EditError> {
    let text = edit(&live.text, canary, deed)?;
    let Checked { definition, problems } = Definition::check("the edited text", &text);
    let Some(definition) = definition else { return Err(EditError::Broken(problems)) };
    let difference = policies::diff(live, &definition);
    let failed = definition.play_examples().into_iter().filter(|example| !example.passed).collect();
    Ok(Acted { text, warnings: problems, difference, failed })
}

// === impl Report ===

impl Report {
    /// Returns what is written down of it with what is done by it.
    #[must_use]
    pub fn acted_on(&self) -> ActedOn {
        ActedOn {
            digest: self.digest(),
            verdict: self.verdict.as_str().to_owned(),
            because: self.because.clone(),
            compared: self.requests.compared,
        }
    }

    /// Returns `act` as what is done by this report.
    #[must_use]
    pub fn act(&self, act: Deed) -> CanaryAct {
        CanaryAct { canary: self.canary.clone(), act, report: Some(self.acted_on()) }
    }
}

#[cfg(test)]
mod tests;
