//! An OpenTelemetry collector's way in: takes OTLP over HTTP, decodes it, and checks how spans hang together.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use tokio::{net::TcpListener, sync::Notify, time::timeout};

use crate::rendezvous::PATIENCE;

/// What was sent to it.
pub(crate) struct Telemetry {
    pub(crate) url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    spans: Mutex<Vec<SeenSpan>>,
    more: Notify,
}

/// A span, and who says so.
#[derive(Clone, Debug)]
pub(crate) struct SeenSpan {
    pub(crate) service: String,
    pub(crate) scope: String,
    pub(crate) authorization: Option<String>,
    pub(crate) span: Span,
}

// === impl Telemetry ===

impl Telemetry {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let taking = Arc::clone(&seen);
        let take = move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            taking.take(&headers, &ExportTraceServiceRequest::decode(body).unwrap());
            std::future::ready(ExportTraceServiceResponse::default().encode_to_vec())
        };
        let routes = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, seen }
    }

    /// Everything that was sent so far.
    pub(crate) fn spans(&self) -> Vec<SeenSpan> {
        self.seen.spans.lock().unwrap().clone()
    }

    /// Waits for `enough` spans of one trace, and returns them.
    pub(crate) async fn trace(&self, trace: &str, enough: impl Fn(&[SeenSpan]) -> bool) -> Vec<SeenSpan> {
        let wait = async {
            loop {
                let more = self.seen.more.notified();
                let of_it: Vec<_> = self.spans().into_iter().filter(|seen| hex(&seen.span.trace_id) == trace).collect();
                if enough(&of_it) {
                    return of_it;
                }
                more.await;
            }
        };
        let waited = timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| panic!("there is {:#?}", self.spans()))
    }
}

impl Seen {
    fn take(&self, headers: &HeaderMap, request: &ExportTraceServiceRequest) {
        let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let mut spans = self.spans.lock().unwrap();
        for of_resource in &request.resource_spans {
            let attributes = &of_resource.resource.as_ref().unwrap().attributes;
            let service = text(attributes, "service.name").unwrap();
            for of_scope in &of_resource.scope_spans {
                let scope = of_scope.scope.as_ref().unwrap().name.clone();
                let authorization = authorization.clone();
                let all = of_scope.spans.iter().map(|span| SeenSpan {
                    service: service.clone(),
                    scope: scope.clone(),
                    authorization: authorization.clone(),
                    span: span.clone(),
                });
                spans.extend(all);
            }
        }
        self.more.notify_waiters();
    }
}

// === impl SeenSpan ===

impl SeenSpan {
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        text(&self.span.attributes, name)
    }

    /// Its name, and whose it is if several have it.
    pub(crate) fn name(&self) -> String {
        let whose = self.attribute("hedgerow.executor").filter(|_| self.span.name.starts_with("process"));
        whose.map_or_else(|| self.span.name.clone(), |executor| format!("{} {executor}", self.span.name))
    }
}

/// Checks that the spans are one tree under `caller`'s span: all parents are told, none ends before it begins, and
/// whatever answers no record that was sent lies within its parent. Returns the children of each, by name.
pub(crate) fn one_tree(spans: &[SeenSpan], caller: Option<&str>) -> BTreeMap<String, Vec<String>> {
    let by_id: BTreeMap<&[u8], &SeenSpan> = spans.iter().map(|seen| (seen.span.span_id.as_slice(), seen)).collect();
    assert_eq!(by_id.len(), spans.len(), "no span is told twice: {spans:#?}");
    let mut tree: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for seen in spans {
        let Span { span_id, parent_span_id, start_time_unix_nano: start, end_time_unix_nano: end, links, .. } =
            &seen.span;
        assert!(start <= end && span_id.len() == 8 && seen.span.trace_id.len() == 16, "{seen:#?}");
        for link in links {
            assert!(by_id.contains_key(link.span_id.as_slice()), "{seen:#?}");
        }
        let Some(parent) = by_id.get(parent_span_id.as_slice()) else {
            assert!(seen.span.name.starts_with("infer "), "only the root has no parent here: {seen:#?}");
            assert_eq!(hex(parent_span_id), caller.unwrap_or_default());
            tree.entry("caller".to_owned()).or_default().push(seen.name());
            continue;
        };
        assert!(parent.span.start_time_unix_nano <= *start, "{seen:#?} under {parent:#?}");
        let is_sent = parent.span.kind == i32::from(SpanKind::Producer as u8);
        assert!(is_sent || *end <= parent.span.end_time_unix_nano, "{seen:#?} under {parent:#?}");
        tree.entry(parent.name()).or_default().push(seen.name());
    }
    for children in tree.values_mut() {
        children.sort();
    }
    tree
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        other => format!("{other:?}"),
    })
}
