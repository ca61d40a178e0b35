//! The policy as meant: a ladder of clauses that ends in a total one.

/// A checked policy.
#[derive(Debug)]
pub struct Policy {}
