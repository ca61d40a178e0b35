//! PURE: under which span a server's spans are to hang.

use executor::Input;
use traces::Sampling;
use wire::{SpanId, SpanOf, TraceId, TraceParent};

/// Returns the span that a call of `executor` about `rows` is part of; of several rows, the first one's whose trace is
/// kept for sure, because a call has one parent. Where nobody keeps traces (`sampling` is `None`), a caller's context is
/// passed on as it is: a span of ours that nobody tells of would leave the server's without a parent.
pub(super) fn parent_of(rows: &[&Input], executor: &str, sampling: Option<Sampling>) -> Option<TraceParent> {
    let Some(sampling) = sampling else { return rows.iter().find_map(|row| row.caller) };
    let is_kept = |row: &Input| sampling.keeps_whose(row.request, row.caller).is_some();
    let kept = rows.iter().find(|row| is_kept(row));
    let row = kept.or_else(|| rows.first())?;
    Some(TraceParent {
        trace: TraceId::whose(row.request, row.caller),
        span: SpanId::of(row.request, SpanOf::Process(executor)),
        // Of a request that is only kept if it misses, nobody knows yet.
        sampled: kept.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use policies::InputSchema;
    use traces::Share;
    use uuid::Uuid;
    use wire::{RequestId, Timestamp};

    use super::*;

    const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0";

    fn input(id: u128, flag: Option<&str>) -> Input {
        let schema = Arc::new(InputSchema::default());
        let caller = flag.and_then(|flag| TraceParent::read(format!("{CALLER}{flag}").as_bytes()));
        Input::new(RequestId::from_uuid(Uuid::from_u128(id)), Timestamp::EPOCH, "{}".into(), schema).called_by(caller)
    }

    fn parent(rows: &[Input], share: Option<&str>) -> Option<String> {
        let sampling = share.map(|share| Sampling { share: share.parse::<Share>().unwrap() });
        parent_of(&rows.iter().collect::<Vec<_>>(), "forest", sampling).map(|parent| parent.to_string())
    }

    fn ours(id: u128) -> SpanId {
        SpanId::of(RequestId::from_uuid(Uuid::from_u128(id)), SpanOf::Process("forest"))
    }

    #[test]
    fn where_nobody_keeps_traces_a_caller_s_is_passed_on_and_no_other_is_begun() {
        assert_eq!(parent(&[input(7, None)], None), None);
        assert_eq!(parent(&[input(7, Some("1"))], None), Some(format!("{CALLER}1")));
    }

    #[test]
    fn a_server_s_spans_hang_under_the_executor_s_in_the_caller_s_trace_or_the_request_s_own() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(parent(&[input(7, Some("1"))], Some("0")), Some(format!("00-{trace}-{}-01", ours(7))));
        assert_eq!(parent(&[input(7, Some("0"))], Some("100%")), Some(format!("00-{trace}-{}-00", ours(7))));
        assert_eq!(parent(&[input(7, None)], Some("100%")), Some(format!("00-{:032x}-{}-01", 7, ours(7))));
        assert_eq!(parent(&[input(7, None)], Some("0")), Some(format!("00-{:032x}-{}-00", 7, ours(7))));
    }

    #[test]
    fn of_a_batch_the_first_whose_trace_is_kept_is_told() {
        let rows = [input(7, None), input(8, Some("1")), input(9, Some("1"))];
        assert!(parent(&rows, Some("0")).unwrap().ends_with(&format!("{}-01", ours(8))));
        assert!(parent(&rows[..1], Some("0")).unwrap().ends_with(&format!("{}-00", ours(7))));
        assert_eq!(parent(&[], Some("0")), None);
    }
}
