//! Every metric has a line in `docs/metrics.md`, and every line a metric.

use std::collections::BTreeSet;

use prometheus_client::registry::Registry;
use sealer::Destination;
use wire::ReplyTopics;

use super::files;

/// The registry tells nobody what is in it but by `Debug`, and its page leaves out what nobody counted yet.
fn registered(registry: &Registry) -> BTreeSet<String> {
    let (text, mut prefix, mut found) = (format!("{registry:?}"), String::new(), BTreeSet::new());
    let quoted = |rest: &str| rest.split('"').next().unwrap_or_default().to_owned();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("Registry { prefix: ").into_iter().chain(rest.find("Descriptor { name: \"")).min() {
        rest = &rest[at..];
        if let Some(begun) = rest.strip_prefix("Registry { prefix: ") {
            prefix = begun.strip_prefix("Some(Prefix(\"").map_or_else(String::new, |name| quoted(name) + "_");
            rest = begun;
        } else if let Some(begun) = rest.strip_prefix("Descriptor { name: \"") {
            let unit = begun.split_once("unit: ").map_or("", |(_, unit)| unit);
            let unit = unit.strip_prefix("Some(").map_or_else(String::new, |unit| {
                format!("_{}", unit.split(')').next().unwrap_or_default().to_lowercase())
            });
            found.insert(format!("{prefix}{}{unit}", quoted(begun)));
            rest = begun;
        }
    }
    found
}

#[test]
fn every_metric_has_a_line_in_the_document_and_every_line_a_metric() {
    let mut registry = Registry::default();
    starter::Metrics::default().register(&mut registry);
    executors::Metrics::default().register(&mut registry);
    collector::Metrics::default().register(&mut registry);
    decoy::Metrics::default().register(&mut registry);
    comparison::Metrics::default().register(&mut registry);
    sealer::Metrics::default().register(&Destination::Sealed, &mut registry);
    sealer::Metrics::default().register(&Destination::Replies(ReplyTopics::default()), &mut registry);
    control::Metrics::default().register(&mut registry);
    hedgerow::otlp::Metrics::default().register(&mut registry);
    hedgerow::alerting::Metrics::default().register(&mut registry);
    hedgerow::scrape::register(&mut registry);
    let stations = files("metrics.rs").into_iter().filter(|(name, _)| name.ends_with("/src/metrics.rs"));
    assert_eq!(stations.count(), 7, "register the new station's here too");
    let mut counted = registered(&registry);
    // They are read when they are asked for.
    hedgerow::timekeeping::register(&bus::Clock::system(), &mut registry);
    let page = hedgerow::scrape::open_metrics(&registry);
    counted.extend(page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned)));
    let document = files("docs/metrics.md").pop().expect("it is there").1;
    let lines: Vec<(&str, &str)> = document
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let name =
                cells.next()?.strip_prefix('`')?.strip_suffix('`').filter(|name| name.starts_with("hedgerow_"))?;
            Some((name, cells.next()?))
        })
        .collect();
    let documented: BTreeSet<String> = lines
        .iter()
        .map(|(name, kind)| {
            let suffix = if *kind == "counter" { "_total" } else { "" };
            let bare = name.strip_suffix(suffix).unwrap_or_else(|| panic!("{name} is a counter without `_total`"));
            bare.strip_suffix("_info").unwrap_or(bare).to_owned()
        })
        .collect();
    assert_eq!(documented.len(), lines.len(), "a metric has two lines");
    let unsaid: Vec<&String> = counted.difference(&documented).collect();
    assert!(unsaid.is_empty(), "docs/metrics.md has no line for {unsaid:?}");
    let gone: Vec<&String> = documented.difference(&counted).collect();
    assert!(gone.is_empty(), "docs/metrics.md has a line for what nobody counts: {gone:?}");
}
