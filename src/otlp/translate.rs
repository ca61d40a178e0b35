//! From a span of ours to one that OpenTelemetry's exporter takes.

use opentelemetry::{
    Array, InstrumentationScope, KeyValue, StringValue, TraceFlags, Value as TheirValue,
    trace::{Event as TheirEvent, Link as TheirLink, SpanContext, SpanKind, Status as TheirStatus, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use traces::{Attribute, Conventions, Event, Kind, Link, Span, Station, Status, Value};
use wire::{SpanId, TraceId};

/// Knows what things are to be called, and who tells of them.
pub(super) struct Translator {
    conventions: Conventions,
    starter: InstrumentationScope,
    executors: InstrumentationScope,
    collector: InstrumentationScope,
}

// === impl Translator ===

impl Translator {
    pub(super) fn new(conventions: Conventions) -> Self {
        let scope = |station: Station| {
            let name = format!("hedgerow/{}", station.as_str());
            InstrumentationScope::builder(name).with_version(env!("CARGO_PKG_VERSION")).build()
        };
        Self {
            conventions,
            starter: scope(Station::Starter),
            executors: scope(Station::Executors),
            collector: scope(Station::Collector),
        }
    }

    pub(super) fn translate(&self, span: Span) -> SpanData {
        let Span { trace, id, parent, is_parent_remote, name, kind, station, start, end, .. } = span;
        let (mut events, mut links) = (SpanEvents::default(), SpanLinks::default());
        events.events = span.events.into_iter().map(|event| self.event(event)).collect();
        links.links =
            span.links.into_iter().map(|Link { span }| TheirLink::with_context(context(trace, span))).collect();
        let scope = match station {
            Station::Starter => &self.starter,
            Station::Executors => &self.executors,
            Station::Collector => &self.collector,
        };
        SpanData {
            span_context: context(trace, id),
            parent_span_id: parent.map_or(opentelemetry::SpanId::INVALID, theirs),
            parent_span_is_remote: is_parent_remote,
            span_kind: match kind {
                Kind::Server => SpanKind::Server,
                Kind::Producer => SpanKind::Producer,
                Kind::Consumer => SpanKind::Consumer,
                Kind::Internal => SpanKind::Internal,
            },
            name: name.into(),
            start_time: start.into(),
            end_time: end.into(),
            attributes: self.attributes(span.attributes),
            dropped_attributes_count: 0,
            events,
            links,
            status: match span.status {
                Status::Unset => TheirStatus::Unset,
                Status::Error(why) => TheirStatus::error(why),
            },
            instrumentation_scope: scope.clone(),
        }
    }

    fn event(&self, Event { name, at, attributes }: Event) -> TheirEvent {
        TheirEvent::new(name, at.into(), self.attributes(attributes), 0)
    }

    fn attributes(&self, attributes: Vec<Attribute>) -> Vec<KeyValue> {
        let named = self.conventions.named(attributes);
        named.map(|(name, value)| KeyValue::new(name, their_value(value))).collect()
    }
}

fn context(trace: TraceId, span: SpanId) -> SpanContext {
    let trace = opentelemetry::TraceId::from(trace.number());
    SpanContext::new(trace, theirs(span), TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn theirs(span: SpanId) -> opentelemetry::SpanId {
    opentelemetry::SpanId::from(span.number())
}

fn their_value(value: Value) -> TheirValue {
    match value {
        Value::Text(text) => TheirValue::String(text.into()),
        Value::Texts(texts) => TheirValue::Array(Array::String(texts.into_iter().map(StringValue::from).collect())),
        Value::Whole(number) => TheirValue::I64(number),
        Value::Real(number) => TheirValue::F64(number),
        Value::Flag(flag) => TheirValue::Bool(flag),
    }
}
