//! What people read, of every kind of report: its words, its mark-up, and that nothing from outside becomes mark-up.

#[path = "../examples/gallery/samples.rs"]
mod samples;
#[path = "support/tree.rs"]
mod tree;

use std::{collections::BTreeSet, sync::LazyLock};

use canary::Report;
use hedgerow_pages::canary::{Examples, Made, html, index, markdown, text};
use proptest::prelude::*;
use samples::{Sample, poison};
use tree::Tree;

static ALL: LazyLock<Vec<Sample>> = LazyLock::new(samples::all);

fn sample(name: &str) -> &'static Sample {
    ALL.iter().find(|sample| sample.name == name).unwrap_or_else(|| panic!("no sample is called {name}"))
}

fn page(sample: &Sample) -> String {
    html(&sample.report, &sample.examples, &samples::made())
}

#[test]
fn the_first_line_says_the_verdict_and_why() {
    let firsts = ALL.iter().map(|sample| {
        let markdown = markdown(&sample.report);
        format!("{}: {}", sample.name, markdown.lines().next().unwrap_or_default())
    });
    insta::assert_snapshot!(firsts.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_words_of_a_page() {
    insta::assert_snapshot!(Tree::of(&page(sample("worse-with-segments"))).words());
}

#[test]
fn lists_are_told_on_a_page_in_a_pull_request_and_in_a_terminal() {
    let lists = sample("lists");
    let words = Tree::of(&page(lists)).words();
    let section = words.split("How alike lists are").nth(2).expect("a link and the section");
    let (section, _) = section.split_once("5 requests whose lists").expect("requests to look at");
    insta::assert_snapshot!("lists_on_a_page", section);
    insta::assert_snapshot!("lists_in_a_pull_request", markdown(&lists.report));
    insta::assert_snapshot!("lists_in_a_terminal", text(&lists.report, 100));
    insta::assert_snapshot!("lists_in_a_narrow_terminal", text(&lists.report, 56));
}

#[test]
fn the_markup_of_a_page_without_traffic() {
    let page = page(sample("no-traffic"));
    let body = page.split_once("<body>").expect("a body").1;
    insta::assert_snapshot!(body.replace("><", ">\n<"));
}

#[test]
fn the_markdown_of_a_pull_request() {
    insta::assert_snapshot!(markdown(&sample("worse-with-segments").report));
}

#[test]
fn the_text_of_a_terminal() {
    insta::assert_snapshot!(text(&sample("worse-with-segments").report, 100));
    insta::assert_snapshot!("the_text_of_a_narrow_terminal", text(&sample("many-labels").report, 60));
}

#[test]
fn every_page_is_well_formed_and_asks_for_nothing() {
    let reports: Vec<Report> = ALL.iter().map(|sample| sample.report.clone()).collect();
    let index = index(&reports, |report| Some(format!("#{}", report.canary.len())));
    for page in ALL.iter().map(page).chain([index]) {
        let tree = Tree::of(&page);
        for (element, name, value) in &tree.attributes {
            let asks = match name.as_str() {
                "href" => !value.starts_with('#') && value != "data:,",
                "src" | "srcset" | "style" | "action" | "data" | "xlink:href" => true,
                name => name.starts_with("on"),
            };
            assert!(!asks, "<{element} {name}={value}> may ask for something, or run");
        }
        let runs = ["script", "img", "iframe", "object", "use"];
        assert!(!tree.elements.iter().any(|name| runs.contains(&name.as_str())));
        assert!(!page.contains("@import") && !page.contains("url("));
    }
}

#[test]
fn every_chart_has_a_name_and_a_description() {
    for sample in ALL.iter() {
        let tree = Tree::of(&page(sample));
        let all = |wanted: &'static str| {
            tree.attributes.iter().filter(move |(_, name, _)| name == wanted).map(|(.., value)| value)
        };
        let ids: BTreeSet<&String> = all("id").collect();
        assert_eq!(ids.len(), all("id").count(), "ids are unique in {}", sample.name);
        for named in all("aria-labelledby").chain(all("aria-describedby")) {
            assert!(ids.contains(named), "{named} is nowhere in {}", sample.name);
        }
        let charts = tree
            .attributes
            .iter()
            .filter(|(element, name, value)| (&**element, &**name, &**value) == ("svg", "role", "img"));
        assert_eq!(charts.count(), all("aria-labelledby").count(), "each chart is named in {}", sample.name);
        let mut links = all("href").filter_map(|href| href.strip_prefix('#'));
        assert!(links.all(|link| ids.contains(&link.to_owned())), "a link leads nowhere in {}", sample.name);
    }
}

#[test]
fn a_pull_request_is_not_drowned() {
    for sample in ALL.iter() {
        let lines = markdown(&sample.report).lines().count();
        assert!(lines <= 80, "{lines} lines about {}", sample.name);
    }
}

#[test]
fn a_report_that_judges_nothing_and_one_that_allows_nothing_are_drawn() {
    let mut report = sample("worse").report.clone();
    for metric in &mut report.metrics {
        (metric.judged, metric.threshold) = (false, None);
    }
    let page = |report: &Report| html(report, &Examples::new(), &Made::default());
    assert!(page(&report).contains("measured, not judged"));
    for metric in &mut report.metrics {
        (metric.judged, metric.threshold) = (true, Some(0.0));
    }
    let attributes = Tree::of(&page(&report)).attributes;
    let odd = attributes.iter().find(|(.., value)| value.contains("NaN") || value.contains("inf"));
    assert_eq!(odd, None, "every mark has a place");
}

/// Letters and words that mean something to somebody.
fn outside() -> impl Strategy<Value = String> {
    let letters = "<>&\"'`*_[]()|\\#~!@:/=- \n\r\t\u{1b}\u{0}\u{202e}\u{2066}\u{feff}aZé0;}{$%";
    let words = ["<script>", "</style>", "-->", "]]>", "</details>", "javascript:", "&lt;", "| x |", "\n\n# x", "```"];
    let letter = prop::sample::select(letters.chars().collect::<Vec<_>>()).prop_map(String::from);
    let word = prop::sample::select(words.to_vec()).prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![letter, word], 1..24).prop_map(|parts| format!("x{}", parts.concat()))
}

fn poisoned(text: &str) -> Report {
    let mut report = sample("worse-with-segments").report.clone();
    report.lists.clone_from(&sample("lists").report.lists);
    poison(&mut report, text);
    report
}

/// What is left of Markdown when code is taken out, line by line, and how many ticks began and ended code.
fn around_code(markdown: &str) -> Vec<(String, usize)> {
    let line = |line: &str| (line.split('`').step_by(2).collect::<String>(), line.matches('`').count());
    markdown.lines().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_names_are_they_stay_text(hostile in outside()) {
        let (harmless, hostile) = (poisoned("x"), poisoned(&hostile));
        let page = |report| html(report, &Examples::new(), &Made::default());
        prop_assert_eq!(Tree::of(&page(&hostile)).elements, Tree::of(&page(&harmless)).elements);

        let [told, expected] = [&hostile, &harmless].map(|report| around_code(&markdown(report)));
        prop_assert_eq!(told.len(), expected.len(), "no line is added");
        for ((text, ticks), (_, expected)) in told.iter().zip(expected) {
            prop_assert_eq!(*ticks, expected, "code ends where it ends: {}", text);
            let is_ours = text.starts_with("<details>") || text == "</details>";
            prop_assert!(is_ours || !text.contains(['<', '>']), "{}", text);
        }

        for width in [0, 60, 100] {
            let text = text(&hostile, width);
            prop_assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{:?}", text);
            prop_assert!(!text.contains(['\u{202e}', '\u{2066}']), "nothing turns text around");
            prop_assert!(text.lines().all(|line| line.chars().count() <= width.max(48)), "{}", text);
        }
    }
}
