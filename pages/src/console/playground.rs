//! Asking about an input from a page: what is sent, what was wrong with it, and where the answer is seen.

use maud::{Markup, html};
use policies::Definition;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Page, paths, telling::coded};
use crate::{prose::plain, words};

/// What a rendezvous takes, and what was refused if something was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Playground {
    /// The rendezvous.
    pub rendezvous: String,
    /// The version that would decide: `wine@3`.
    pub policy: String,
    /// How long an answer may take, in microseconds.
    pub budget_us: u64,
    /// What an input must have, each a number.
    pub features: Vec<String>,
    /// What may be said beside it.
    pub attributes: Vec<String>,
    /// Where an input can be given to this process; `null` if it has no starter.
    pub asks: bool,
    /// What was typed and why it was refused.
    pub refused: Option<RefusedInput>,
}

/// An input that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedInput {
    /// What was typed.
    pub typed: AskFields,
    /// Which field is to blame; `null` if none is: too many requests were open, for example.
    pub field: Option<AskField>,
    /// Why, in a sentence.
    pub why: String,
}

/// What the form sends, by POST to the playground itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskFields {
    /// The input: one JSON object.
    #[serde(default)]
    pub input: String,
    /// How many milliseconds the answer may take; empty for as long as the policy allows.
    #[serde(default)]
    pub budget_ms: String,
    /// The caller's own key for the request; empty for none.
    #[serde(default)]
    pub key: String,
    /// What is said beside the input, `name=value`, one a line.
    #[serde(default)]
    pub attributes: String,
}

/// One of the form's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskField {
    /// The input.
    Input,
    /// The budget.
    BudgetMs,
    /// The key.
    Key,
    /// The attributes.
    Attributes,
}

// === impl Playground ===

impl Playground {
    /// Returns what `definition` takes; `asks` says whether this process can ask.
    #[must_use]
    pub fn of(definition: &Definition, asks: bool) -> Self {
        Self {
            rendezvous: definition.name().to_string(),
            policy: definition.policy_ref.to_string(),
            budget_us: definition.budget.as_micros(),
            features: definition.input.features.iter().map(ToString::to_string).collect(),
            attributes: definition.attributes.iter().map(ToString::to_string).collect(),
            asks,
            refused: None,
        }
    }

    /// Returns the same with what was typed and why it was refused.
    #[must_use]
    pub fn refusing(self, refused: RefusedInput) -> Self {
        Self { refused: Some(refused), ..self }
    }

    /// Returns an input that is valid: each feature, in the schema's order, has a number.
    #[must_use]
    pub fn example(&self) -> String {
        let member = |name: &String| format!("  {}: 1", Value::from(name.as_str()));
        let members: Vec<String> = self.features.iter().map(member).collect();
        format!("{{\n{}\n}}", members.join(",\n"))
    }
}

// === the page ===

/// Returns the page.
#[must_use]
pub fn playground(view: &Playground) -> Page {
    let name = plain(&view.rendezvous);
    let main = html! {
        p.over { "Playground · rendezvous " (name) }
        h1 { "Ask " (name) }
        @if view.asks { (form(view)) } @else { (nobody_asks(view)) }
        (by_hand(view))
    };
    Page::new(&format!("Playground of {name}"), &main)
}

fn nobody_asks(view: &Playground) -> Markup {
    html! {
        section.told-off {
            h2 { "This process has no starter" }
            p { "It shows what others do, and takes no inputs itself. Open the playground of a process that does: one that was started by " code { "hedgerow up" } ", or add the station here:" }
            pre { "hedgerow run starter console " (plain(&view.rendezvous)) ".yaml --brokers HOST:PORT --console 127.0.0.1:8090" }
        }
    }
}

fn form(view: &Playground) -> Markup {
    let typed = view.refused.as_ref().map(|refused| &refused.typed);
    let example = AskFields { input: view.example(), ..AskFields::default() };
    let typed = typed.unwrap_or(&example);
    let budget = words::micros(words::exact(view.budget_us));
    html! {
        section {
            @if let Some(refused) = view.refused.as_ref().filter(|refused| refused.field.is_none()) {
                p.wrong role="alert" { b { "✗ " } (coded(&refused.why)) }
            }
            form.fields method="post" action=(paths::playground(&view.rendezvous)) {
                p {
                    label for="input" { "The input: one JSON object, a number for each feature" }
                    // A line break behind the tag would be taken for part of the mark-up.
                    textarea #input name="input" rows=(typed.input.lines().count().clamp(6, 24)) spellcheck="false" autocomplete="off" required maxlength="1000000"
                        aria-invalid=[invalid(view, AskField::Input)] aria-describedby=[described(view, AskField::Input)] { "\n" (typed.input) }
                    (wrong(view, AskField::Input))
                }
                p {
                    label for="budget_ms" { "Budget in milliseconds; " (budget) " if empty" }
                    input #budget_ms name="budget_ms" type="text" inputmode="decimal" autocomplete="off" value=(typed.budget_ms)
                        aria-invalid=[invalid(view, AskField::BudgetMs)] aria-describedby=[described(view, AskField::BudgetMs)];
                    (wrong(view, AskField::BudgetMs))
                }
                p {
                    label for="key" { "Your own key for it; whoever sends the same key again gets the same answer" }
                    input #key name="key" type="text" autocomplete="off" spellcheck="false" maxlength="512" value=(typed.key)
                        aria-invalid=[invalid(view, AskField::Key)] aria-describedby=[described(view, AskField::Key)];
                    (wrong(view, AskField::Key))
                }
                @if !view.attributes.is_empty() {
                    p {
                        label for="attributes" { "Attributes, " code { "name=value" } " one a line: " (plain(&view.attributes.join(", "))) }
                        textarea #attributes name="attributes" rows="3" spellcheck="false" autocomplete="off"
                            aria-invalid=[invalid(view, AskField::Attributes)] aria-describedby=[described(view, AskField::Attributes)] { "\n" (typed.attributes) }
                        (wrong(view, AskField::Attributes))
                    }
                }
                p { button type="submit" { "Ask, and see the race" } }
            }
            p.soft.small { "It is a request like any other: version " (plain(&view.policy)) " decides, and it is counted." }
        }
    }
}

fn complaint(view: &Playground, field: AskField) -> Option<&RefusedInput> {
    view.refused.as_ref().filter(|refused| refused.field == Some(field))
}

fn invalid(view: &Playground, field: AskField) -> Option<&'static str> {
    complaint(view, field).map(|_| "true")
}

fn described(view: &Playground, field: AskField) -> Option<String> {
    complaint(view, field).map(|_| named(field))
}

fn named(field: AskField) -> String {
    let name = match field {
        AskField::Input => "input",
        AskField::BudgetMs => "budget_ms",
        AskField::Key => "key",
        AskField::Attributes => "attributes",
    };
    format!("{name}-wrong")
}

fn wrong(view: &Playground, field: AskField) -> Markup {
    html! {
        @if let Some(refused) = complaint(view, field) {
            span.wrong #(named(field)) role="alert" { b { "✗ " } (coded(&refused.why)) }
        }
    }
}

fn by_hand(view: &Playground) -> Markup {
    html! {
        section {
            h2 { "The same by hand" }
            p.soft { "To the address that inputs are taken at (" code { "--listen" } "):" }
            div.scroll role="region" tabindex="0" aria-label="A command" {
                pre { "curl localhost:8080/v2/models/" (plain(&view.rendezvous)) "/infer --data @input.json" }
            }
        }
    }
}
