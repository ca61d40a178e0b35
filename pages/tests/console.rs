//! The console's pages: what they say, their mark-up, and that nothing from outside becomes mark-up.

#[path = "../examples/gallery/console.rs"]
mod samples;
#[path = "support/tree.rs"]
mod tree;

use std::collections::BTreeSet;

use alarms::Lags;
use hedgerow_pages::console::{
    Access, Frame, Page, SCRIPT, file, overview, rendezvous, script_path, style, style_path,
};
use measures::{Alert, Overview};
use proptest::prelude::*;
use tree::Tree;

fn frame<'a>(rendezvous: &'a [String], here: &'a str) -> Frame<'a> {
    Frame { rendezvous, here, access: Access::Reader, live: true }
}

#[test]
fn style_and_script_are_files_of_their_own() {
    let page = file(&overview(&[]), &frame(&[], "/"));
    let tree = Tree::of(&page);
    assert!(!tree.elements.iter().any(|element| element == "style"));
    let inline = tree.attributes.iter().find(|(_, name, _)| name == "style" || name.starts_with("on"));
    assert_eq!(inline, None, "a strict policy would not run it");
    assert!(page.contains(&format!("<script src=\"{}\" defer></script>", script_path())));
    assert!(page.contains(&format!("href=\"{}\"", style_path())));
    assert!(style().contains("--ink:") && SCRIPT.lines().count() <= 80);
    assert!(style_path().starts_with("/console-") && style_path() != script_path());
}

#[test]
fn the_frame_says_where_one_is_and_where_one_can_go() {
    let all = ["fraud".to_owned(), "wine".to_owned()];
    let page = file(&overview(&[]), &frame(&all, "/rendezvous/wine/policy?version=7"));
    let current: Vec<_> = Tree::of(&page)
        .attributes
        .windows(2)
        .filter(|two| two[1].1 == "aria-current")
        .map(|two| (two[0].2.clone(), two[1].2.clone()))
        .collect();
    assert_eq!(current, [("/rendezvous/wine/policy".to_owned(), "page".to_owned())]);
    insta::assert_snapshot!(Tree::of(&page).words());
}

// === what pages say ===

fn words(page: &Page) -> String {
    Tree::of(&page.main).words()
}

fn page(overview: &Overview) -> Page {
    rendezvous(overview, &samples::lags(&overview.rendezvous), Some(&samples::time(&overview.rendezvous)))
}

#[test]
fn the_overview_begins_with_the_worst() {
    let all =
        [samples::healthy("wine"), samples::quiet("churn"), samples::unpromised("ranking"), samples::burning("fraud")];
    insta::assert_snapshot!(words(&overview(&all)));
    let backwards: Vec<Overview> = all.iter().rev().cloned().collect();
    assert_eq!(overview(&backwards), overview(&all), "whatever the order they come in");
}

#[test]
fn who_needs_somebodys_eyes_stands_above_who_does_not() {
    let with = |name: &str, change: &dyn Fn(&mut Overview)| {
        let mut overview = samples::healthy(name);
        change(&mut overview);
        overview
    };
    let all = [
        samples::quiet("f-quiet"),
        samples::unpromised("e-unpromised"),
        with("d-kept-more", &|overview| overview.objectives[1].budget_left = Some(0.9)),
        samples::healthy("d-kept"),
        with("c-ticket", &|overview| overview.objectives[0].alert = Some(Alert::Ticket)),
        // A share of 100 % has no budget, and yet one bad result breaks it.
        with("b-broken", &|overview| {
            let promise = &mut overview.objectives[0];
            (promise.share, promise.attained, promise.budget_left) = (1.0, Some(0.999_999), None);
        }),
        // One burns, another is gone: what is said is about the one that is not kept.
        with("b-spent", &|overview| {
            overview.objectives[0].alert = Some(Alert::Ticket);
            (overview.objectives[1].budget_left, overview.objectives[1].attained) = (Some(-0.1), Some(0.945));
        }),
        samples::burning("a-page"),
    ];
    let words = words(&overview(&all)).replace('\u{a0}', " ");
    let names = words.lines().filter(|line| all.iter().any(|one| one.rendezvous == **line)).collect::<Vec<_>>();
    let order = ["a-page", "b-broken", "b-spent", "c-ticket", "d-kept", "d-kept-more", "e-unpromised", "f-quiet"];
    // In the sentence about the worst, in the list, and above each card.
    assert_eq!(names, [&order[..1], &order, &order].concat());
    let spent = words.split("b-spent\nNot kept\n").nth(2).unwrap_or_default();
    assert!(spent.contains("94.5 %\nof 95 % within 20 ms"), "{spent}");
    assert!(words.starts_with("4 of 8 rendezvous need somebody’s eyes."), "{words}");
}

#[test]
fn an_overview_of_nothing_says_what_to_do() {
    insta::assert_snapshot!(words(&overview(&[])));
}

#[test]
fn a_rendezvous_that_keeps_its_promise() {
    insta::assert_snapshot!(words(&page(&samples::healthy("wine"))));
}

#[test]
fn a_rendezvous_that_burns_its_budget() {
    insta::assert_snapshot!(words(&page(&samples::burning("fraud"))));
}

#[test]
fn a_rendezvous_that_nobody_asked_says_what_to_do() {
    let nobody = Lags { rendezvous: "churn".to_owned(), at_us: 0, groups: Vec::new() };
    insta::assert_snapshot!(words(&rendezvous(&samples::quiet("churn"), &nobody, None)));
}

#[test]
fn the_markup_of_a_rendezvous_that_nobody_asked() {
    let nobody = Lags { rendezvous: "churn".to_owned(), at_us: 0, groups: Vec::new() };
    let page = rendezvous(&samples::quiet("churn"), &nobody, None);
    insta::assert_snapshot!(page.main.replace("><", ">\n<"));
}

#[test]
fn of_fifty_executors_the_slowest_few_are_drawn_and_all_are_in_the_table() {
    let overview = samples::many();
    let page = page(&overview);
    let curves =
        page.main.split("id=\"executor-curves-wide-title\"").nth(1).and_then(|rest| rest.split("</svg>").next());
    assert_eq!(curves.map(|curves| curves.matches("<path").count()), Some(5));
    let words = words(&page);
    let rows = (0..50).filter(|number| words.lines().any(|line| line == format!("model-{number:02}")));
    assert_eq!(rows.count(), 50);
    assert!(words.contains("with the slowest hundredth of"), "and it is said that these are not all");
}

#[test]
fn a_page_is_the_same_drawn_from_what_its_twin_serves() {
    for told in [samples::healthy("wine"), samples::burning("fraud"), samples::quiet("churn"), samples::many()] {
        let served = serde_json::to_string(&told).expect("numbers and words");
        let read: Overview = serde_json::from_str(&served).expect("what was served");
        assert_eq!(page(&read), page(&told));
        assert!(served.len() < 70_000, "fifty executors and a month are {} bytes", served.len());
    }
}

// === what pages are made of ===

#[test]
fn every_page_is_well_formed_and_asks_only_for_its_style_and_its_script() {
    for shown in samples::all() {
        let (name, tree) = (shown.name, Tree::of(&shown.html));
        let elements: Vec<&str> = tree.elements.iter().map(String::as_str).collect();
        let forbidden = ["style", "img", "iframe", "object", "embed", "base"];
        assert!(!elements.iter().any(|element| forbidden.contains(element)), "{name}");
        assert_eq!(elements.iter().filter(|element| **element == "script").count(), 1, "{name}");
        for (element, attribute, value) in &tree.attributes {
            assert!(attribute != "style" && !attribute.starts_with("on"), "{element} {attribute} in {name}");
            let is_link = ["href", "src", "action"].contains(&&**attribute);
            let is_ours =
                value.starts_with('/') && !value.starts_with("//") || value.starts_with('#') || value == "data:,";
            assert!(!is_link || is_ours, "{value} of {element} in {name}");
            assert!(!value.contains("NaN") && !value.contains("inf"), "every mark has a place: {value} in {name}");
        }
        let all = |wanted: &'static str| {
            tree.attributes.iter().filter(move |(_, name, _)| name == wanted).map(|(.., value)| value)
        };
        let ids: BTreeSet<&String> = all("id").collect();
        assert_eq!(ids.len(), all("id").count(), "ids are unique in {name}");
        for named in all("aria-labelledby").chain(all("aria-describedby")) {
            assert!(ids.contains(named), "{named} is nowhere in {name}");
        }
        let mut inside = all("href").filter_map(|href| href.strip_prefix('#'));
        assert!(inside.all(|link| ids.contains(&link.to_owned())), "a link leads nowhere in {name}");
    }
}

/// Letters and words that mean something to somebody.
fn outside() -> impl Strategy<Value = String> {
    let words = [
        "<script>",
        "</title>",
        "-->",
        "]]>",
        "</details>",
        "\"",
        "'",
        "&lt;",
        "&",
        " ",
        "\n",
        "\u{202e}",
        "../",
        "#",
        "?",
        "ü",
        "{",
        "\u{0}",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 1..12).prop_map(|parts| format!("x{}", parts.concat()))
}

fn poisoned(text: &str) -> Overview {
    let mut overview = samples::burning(text);
    for runner in &mut overview.executors {
        text.clone_into(&mut runner.name);
        runner.models = vec![text.to_owned()];
    }
    overview.decided[0].reasons = std::iter::once((text.to_owned(), 3)).collect();
    overview
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_names_are_they_stay_text(hostile in outside()) {
        let of = |text: &str| {
            let (overview, all) = (poisoned(text), [text.to_owned()]);
            let frame = Frame { rendezvous: &all, here: "/health", access: Access::Operator, live: true };
            let lags = Lags { groups: samples::lags(text).groups, ..samples::lags(text) };
            let pages = [
                file(&rendezvous(&overview, &lags, Some(&samples::time(text))), &frame),
                file(&hedgerow_pages::console::overview(&[overview]), &frame),
            ];
            pages.map(|page| Tree::of(&page).elements)
        };
        // A name of the same length: short ones stand at the ends of lines, long ones in the legend only.
        let harmless = "x".repeat(hostile.chars().count());
        prop_assert!(of(&hostile) == of(&harmless), "{hostile:?} is not only text");
    }
}
