//! Writes the client and the server of the service out of the list of its calls, so that nobody needs `protoc`.

#[path = "src/calls.rs"]
mod calls;

use tonic_build::manual::{Builder, Method, Service};

use calls::{CALLS, SERVICE};

fn main() {
    let (package, name) = SERVICE;
    let service = Service::builder().name(name).package(package);
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
