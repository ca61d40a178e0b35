//! The sealer: copies valid results, each once and in a transaction, to where plain consumers read them.
