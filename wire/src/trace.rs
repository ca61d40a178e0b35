//! How a request is named in traces: the ids of its trace and of its spans, and W3C trace context as text.
//!
//! Law: every id follows from what lies in the log, so that all processes give the same names without telling each other.
//! The trace is the caller's, or the request's own id; a span's id is the first 8 bytes of the UUID version 5 of what the
//! span is (`process/forest`) in the request's namespace.

use std::{fmt, str};

use uuid::Uuid;

use crate::{Request, RequestId};

/// Names one trace: 16 bytes, never all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(u128);

/// Names one span of a trace: 8 bytes, never all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

/// What one span says to the next: `00-TRACE-SPAN-FLAGS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// Which trace.
    pub trace: TraceId,
    /// The span under which what follows hangs.
    pub span: SpanId,
    /// Whether whoever says so keeps his spans.
    pub sampled: bool,
}

/// What a span of a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanOf<'a> {
    /// The whole, from birth to the result in the log.
    Request,
    /// Writing the request.
    SendRequest,
    /// One executor's part.
    Process(&'a str),
    /// Waiting in that executor.
    Queue(&'a str),
    /// That executor's work.
    Compute(&'a str),
    /// The collector's part.
    Decide,
    /// Writing the result.
    SendResult,
}

// === impl TraceId, SpanId ===

impl TraceId {
    /// Returns the trace of a request: its caller's, or one named by its own id.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        Self::whose(request.id, TraceParent::of(request))
    }

    /// Returns the trace of a request of which its caller said this.
    #[must_use]
    pub fn whose(request: RequestId, caller: Option<TraceParent>) -> Self {
        // No request's id is all zero: a UUID has its version in it.
        caller.map_or(Self(request.as_uuid().as_u128()), |parent| parent.trace)
    }

    /// Returns its number.
    #[must_use]
    pub const fn number(self) -> u128 {
        self.0
    }
}

impl SpanId {
    /// Returns the name of a span of `request`.
    #[must_use]
    pub fn of(request: RequestId, span: SpanOf<'_>) -> Self {
        let name = match span {
            SpanOf::Request => "request".to_owned(),
            SpanOf::SendRequest => "send/requests".to_owned(),
            SpanOf::Process(executor) => format!("process/{executor}"),
            SpanOf::Queue(executor) => format!("queue/{executor}"),
            SpanOf::Compute(executor) => format!("compute/{executor}"),
            SpanOf::Decide => "decide".to_owned(),
            SpanOf::SendResult => "send/results".to_owned(),
        };
        // Never zero: its version stands in the first half.
        Self(Uuid::new_v5(&request.as_uuid(), name.as_bytes()).as_u64_pair().0)
    }

    /// Returns its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

// === impl TraceParent ===

impl TraceParent {
    /// Reads a `traceparent`, as W3C Trace Context describes it; `None` if it is none. Of a later version that has more
    /// behind, what is known is read.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok()?;
        let mut parts = text.splitn(5, '-');
        let [version, trace, span, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let more = parts.next().is_some();
        if (version == "00" && more) || version == "ff" || digits::<2>(version).is_none() {
            return None;
        }
        let (trace, span, flags) = (digits::<32>(trace)?, digits::<16>(span)?, digits::<2>(flags)?);
        let span = u64::try_from(span).ok()?;
        let named = trace != 0 && span != 0;
        named.then_some(Self { trace: TraceId(trace), span: SpanId(span), sampled: flags & 1 == 1 })
    }

    /// Returns what the caller of a request said.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        request.traceparent.as_deref().and_then(Self::read)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// Reads exactly so many lower-case hexadecimal digits.
fn digits<const COUNT: usize>(text: &str) -> Option<u128> {
    let all = text.len() == COUNT && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    all.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(text: &str) -> Option<String> {
        TraceParent::read(text.as_bytes()).map(|parent| parent.to_string())
    }

    #[test]
    fn what_a_caller_says_is_read_and_written_as_it_was() {
        assert_eq!(read(GIVEN).as_deref(), Some(GIVEN));
        assert!(TraceParent::read(GIVEN.as_bytes()).is_some_and(|parent| parent.sampled));
        let unsampled = GIVEN.replace("-01", "-02");
        assert!(TraceParent::read(unsampled.as_bytes()).is_some_and(|parent| !parent.sampled));
    }

    #[test]
    fn what_names_nothing_is_no_trace_context() {
        assert_eq!(read(&GIVEN.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32))), None);
        assert_eq!(read(&GIVEN.replace("b7ad6b7169203331", &"0".repeat(16))), None);
        assert_eq!(read(&GIVEN.to_uppercase()), None);
        assert_eq!(read(&GIVEN.replacen("00", "ff", 1)), None);
        assert_eq!(read(&format!("{GIVEN}-more")), None);
        assert_eq!(read(&format!("{}-more", GIVEN.replacen("00", "cc", 1))).as_deref(), Some(GIVEN));
        assert_eq!(read("+0-1-2-3"), None);
    }

    #[test]
    fn a_span_is_named_the_same_everywhere_and_for_ever() {
        let id: RequestId = "6f1d2c4b-7a90-5b0f-9a8e-1b1c3d5e52cf".parse().unwrap();
        // docs/traces.md shows the same in Python.
        assert_eq!(SpanId::of(id, SpanOf::Request).to_string(), "680f1afeb19458c9");
        assert_eq!(SpanId::of(id, SpanOf::Process("forest")).to_string(), "b203e8a107605e59");
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = TraceParent::read(&bytes);
        }

        #[test]
        fn no_span_is_named_zero_and_no_two_alike(id in any::<u128>(), name in "[a-z]{1,8}") {
            let id = RequestId::from_uuid(Uuid::from_u128(id));
            let all = [
                SpanOf::Request, SpanOf::SendRequest, SpanOf::Process(&name), SpanOf::Queue(&name),
                SpanOf::Compute(&name), SpanOf::Decide, SpanOf::SendResult,
            ];
            let mut ids: Vec<u64> = all.iter().map(|span| SpanId::of(id, *span).number()).collect();
            prop_assert!(ids.iter().all(|id| *id != 0));
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), all.len());
        }
    }
}
