//! The Open Inference Protocol v2 over gRPC: its messages, its client and its server, and the bytes of its tensors.
//!
//! Messages are written by hand (`messages`) and the two ends are generated from the list of calls in `build.rs`: a
//! compiler of `.proto` files would take longer to build than all of this. `descriptor` tells both to clients that ask.
//! `tensor` is for JSON's binary extension too.
//!
//! Transport is whoever's who asks or serves: `client` takes any tonic channel, and `server::GrpcInferenceServiceServer`
//! is a tower service, which an axum router takes under `server::SERVICE_NAME`.

mod calls;
mod descriptor;
mod messages;
pub mod tensor;

pub use descriptor::descriptor;
pub use messages::*;

/// Asks a server.
pub use generated::g_r_p_c_inference_service_client as client;
/// Answers clients.
pub use generated::g_r_p_c_inference_service_server as server;

#[allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "written by tonic-build")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/inference.GRPCInferenceService.rs"));
}
