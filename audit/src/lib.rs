//! Proves the promise from the topics alone: for each accepted request exactly one valid result, or each violation with its offsets.
