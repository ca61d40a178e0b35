//! The service's calls, for the build script, which writes both ends, and for the descriptor.

/// Each call's name in Rust and on the wire. Its messages are called as it is, with `Request` and `Response` behind.
pub(crate) const CALLS: [(&str, &str); 6] = [
    ("server_live", "ServerLive"),
    ("server_ready", "ServerReady"),
    ("server_metadata", "ServerMetadata"),
    ("model_ready", "ModelReady"),
    ("model_metadata", "ModelMetadata"),
    ("model_infer", "ModelInfer"),
];
/// The service's package and its name.
pub(crate) const SERVICE: (&str, &str) = ("inference", "GRPCInferenceService");
