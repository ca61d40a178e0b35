//! Writes the client and the server of the service out of the list of its calls, so that nobody needs `protoc`.

use tonic_build::manual::{Builder, Method, Service};

/// Each call's name in Rust and on the wire. Its messages are called as it is, with `Request` and `Response` behind.
const CALLS: [(&str, &str); 6] = [
    ("server_live", "ServerLive"),
    ("server_ready", "ServerReady"),
    ("server_metadata", "ServerMetadata"),
    ("model_ready", "ModelReady"),
    ("model_metadata", "ModelMetadata"),
    ("model_infer", "ModelInfer"),
];

fn main() {
    let service = Service::builder().name("GRPCInferenceService").package("inference");
    let service = CALLS.iter().fold(service, |service, (name, call)| service.method(method(name, call)));
    Builder::new().build_transport(false).compile(&[service.build()]);
}

fn method(name: &str, call: &str) -> Method {
    Method::builder()
        .name(name)
        .route_name(call)
        .input_type(format!("crate::messages::{call}Request"))
        .output_type(format!("crate::messages::{call}Response"))
        .codec_path("::tonic_prost::ProstCodec")
        .build()
}
