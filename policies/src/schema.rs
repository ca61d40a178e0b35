//! The schema of a policy file, for editors: what they complete, explain and underline while one types.
//!
//! Law: it knows the same keys as the reader (`document`), says what each is for, and refuses no policy that the reader
//! takes. What fields mean together it deliberately does not know: that is what checking is for.

/// The schema: JSON Schema, draft 2020-12.
pub const SCHEMA: &str = include_str!("../policy.schema.json");

#[cfg(test)]
mod tests;
