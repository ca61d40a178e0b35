//! Server reflection, in both of its versions: what is served here, for clients that have no `.proto` files.

use axum::Router;
use tonic_reflection::server::{Builder, Error};

use super::AROUND;

/// Its calls, as the version that clients ask first and the one that older ones know.
const PATHS: [&str; 2] =
    ["/grpc.reflection.v1.ServerReflection/{call}", "/grpc.reflection.v1alpha.ServerReflection/{call}"];

/// Returns its routes.
pub(super) fn routes() -> Router {
    with_both().expect("what is compiled in describes itself well")
}

fn with_both() -> Result<Router, Error> {
    let [now, before] = PATHS;
    let now = Router::new().route_service(now, described().build_v1()?.max_decoding_message_size(AROUND));
    Ok(now.route_service(before, described().build_v1alpha()?.max_decoding_message_size(AROUND)))
}

fn described() -> Builder<'static> {
    Builder::configure()
        .register_file_descriptor_set(oip::descriptor())
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
