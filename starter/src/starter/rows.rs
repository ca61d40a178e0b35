//! An input of several rows: each is a request of its own with an id of its own, and all are answered together.
//!
//! Row 3 of what its caller named `k` is the request of the key `k#3`: whoever sends the same rows again gets the same
//! results, and whoever asks under `k#3` that row's.

use futures::future::join_all;

use super::{Answered, RawInput, Starter};
use crate::{
    input::{InvalidInput, Protocol, Rows, TensorProblem},
    plan::key,
    refusal::Refusal,
};

/// What came of an input, of however many rows.
#[derive(Clone, Debug)]
pub enum Inferred {
    /// It was one.
    One(Answered),
    /// It was several.
    Many {
        /// How the caller spoke.
        protocol: Protocol,
        /// What came of each row, in their order.
        rows: Vec<Row>,
    },
}

/// What came of one row.
pub type Row = Result<Answered, Refusal>;

// === impl Starter ===

impl Starter {
    /// Asks about every row of the input, and waits for all of their results. As `ask`, but for the rows.
    pub async fn infer(&self, input: RawInput) -> Result<Inferred, Refusal> {
        let begun = self.clock().now();
        if input.key.is_none() {
            self.has_room(begun).map_err(|refusal| self.refused(refusal))?;
        }
        match self.understand(&input, begun) {
            Ok(understood) => {
                // Whoever waits holds nothing of what he sent.
                drop(input);
                self.counted(self.pursue(understood, begun).await).map(Inferred::One)
            }
            Err(Refusal::Invalid(InvalidInput::Tensor { problem: TensorProblem::Batch { .. }, .. })) => {
                let (protocol, rows) = self.rows(&input).map_err(|refusal| self.refused(refusal))?;
                drop(input);
                let ask = async |row: Result<RawInput, InvalidInput>| match row {
                    Ok(row) => self.ask(row).await,
                    Err(invalid) => Err(self.refused(invalid.into())),
                };
                Ok(Inferred::Many { protocol, rows: join_all(rows.into_iter().map(ask)).await })
            }
            Err(refusal) => Err(self.refused(refusal)),
        }
    }

    /// Takes an input apart into one for each row.
    fn rows(&self, input: &RawInput) -> Result<(Protocol, Vec<Result<RawInput, InvalidInput>>), Refusal> {
        let (body, binary) = input.parts()?;
        let Rows { protocol, rows } = self.served().rows(&body, &binary, self.limits().rows)?;
        let name = input.key.as_deref().or(protocol.id());
        if let Some(name) = name {
            // Of the longest, so that either all of them are names or none is.
            key("the key with the number of a row", format!("{name}#{}", rows.len() - 1).as_bytes())?;
        }
        let budget = [input.budget, protocol.budget()].into_iter().flatten().min();
        let one = |(index, row): (usize, Result<_, InvalidInput>)| {
            row.map(|body| RawInput {
                body,
                json_bytes: None,
                key: name.map(|name| format!("{name}#{index}")),
                attributes: input.attributes.clone(),
                parameters: protocol.parameters().to_vec(),
                budget,
                version: input.version,
                traceparent: input.traceparent.clone(),
                reply: input.reply.clone(),
            })
        };
        let rows = rows.into_iter().enumerate().map(one).collect();
        Ok((protocol, rows))
    }
}
