//! The page `/metrics`: what every station of this process counts, in the format that is asked for.
//!
//! Several rendezvous in one process count under the same names, told apart by the label `rendezvous`. The client library
//! writes a metric's name, help and type once for each of them; Prometheus wants all samples of a name together, and its
//! head once.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    http::{HeaderMap, header::ACCEPT},
    response::IntoResponse,
    routing::get,
};
use prometheus_client::{metrics::info::Info, registry::Registry};

const OPEN_METRICS: &str = "application/openmetrics-text";

/// One metric, as the client library wrote it.
struct Family<'page> {
    name: &'page str,
    help: &'page str,
    kind: &'page str,
    unit: Option<&'page str>,
    samples: Vec<&'page str>,
}

/// Serves what `registry` holds.
pub fn routes(registry: Registry) -> Router {
    let registry = Arc::new(registry);
    let page = move |headers: HeaderMap| async move {
        let accepts = |wanted: &str| {
            headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(wanted)))
        };
        if accepts(OPEN_METRICS) {
            let kind = format!("{OPEN_METRICS}; version=1.0.0; charset=utf-8");
            return ([("content-type", kind)], open_metrics(&registry)).into_response();
        }
        ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], plain(&registry)).into_response()
    };
    Router::new().route("/metrics", get(page))
}

/// Adds what is known of the program itself.
pub fn register(registry: &mut Registry) {
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("hedgerow_build", "Which version of hedgerow this process runs", version);
}

/// Returns the page as `OpenMetrics` has it.
#[must_use]
pub fn open_metrics(registry: &Registry) -> String {
    let mut page = String::new();
    for Family { name, help, kind, unit, samples } in families(&written(registry)) {
        page.extend(["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
        page += &unit.map_or_else(String::new, |unit| format!("# UNIT {name} {unit}\n"));
        page.extend(samples.iter().flat_map(|sample| [*sample, "\n"]));
    }
    page + "# EOF\n"
}

/// Returns the page in Prometheus' own format, for whoever does not ask for the other.
#[must_use]
pub fn plain(registry: &Registry) -> String {
    let mut page = String::new();
    for Family { name, help, kind, samples, .. } in families(&written(registry)) {
        // There a metric is called as its samples are, and what informs is a gauge.
        let (suffix, kind) = match kind {
            "counter" => ("_total", kind),
            "info" => ("_info", "gauge"),
            _ => ("", kind),
        };
        page.extend(["# HELP ", name, suffix, " ", help, "\n# TYPE ", name, suffix, " ", kind, "\n"]);
        page.extend(samples.iter().flat_map(|sample| [*sample, "\n"]));
    }
    page
}

fn written(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).expect("writing to a string cannot fail");
    text
}

/// Returns every metric once, with the samples of all who count it.
fn families(text: &str) -> Vec<Family<'_>> {
    let (mut all, mut known): (Vec<Family<'_>>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
    let mut current = 0;
    for line in text.lines() {
        let said = |what: &str| line.strip_prefix(what).map(|rest| rest.split_once(' ').unwrap_or((rest, "")));
        if let Some((name, help)) = said("# HELP ") {
            current = *known.entry(name).or_insert(all.len());
            if current == all.len() {
                all.push(Family { name, help, kind: "unknown", unit: None, samples: Vec::new() });
            }
        } else if let Some((_, kind)) = said("# TYPE ") {
            all[current].kind = kind;
        } else if let Some((_, unit)) = said("# UNIT ") {
            all[current].unit = Some(unit);
        } else if !line.starts_with('#') {
            all[current].samples.push(line);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use prometheus_client::{metrics::counter::Counter, registry::Unit};

    use super::*;

    /// As `hedgerow up` does it.
    fn two_rendezvous() -> Registry {
        let mut registry = Registry::default();
        register(&mut registry);
        for name in ["wine", "fraud"] {
            let labels = [("rendezvous".into(), name.into())];
            let registry = registry.sub_registry_with_labels(labels.into_iter());
            registry.register("hedgerow_shed", "Callers refused", Counter::<u64>::default());
            registry.register_with_unit("hedgerow_spent", "Work", Unit::Seconds, Counter::<u64>::default());
        }
        registry
    }

    #[test]
    fn metrics_of_several_rendezvous_stand_together_and_are_told_apart_by_label() {
        insta::assert_snapshot!(open_metrics(&two_rendezvous()));
        insta::assert_snapshot!(plain(&two_rendezvous()));
    }
}
