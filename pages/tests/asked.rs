//! The console's pages about one thing: what they say in every state, and that whatever comes from outside stays text.

#[path = "../examples/gallery/asked.rs"]
mod asked;
#[path = "../examples/gallery/samples.rs"]
#[expect(dead_code, reason = "the tests of reports use the rest")]
mod samples;
#[path = "support/tree.rs"]
mod tree;

use std::{collections::BTreeSet, sync::LazyLock};

use asked::{HOSTILE, Shown};
use hedgerow_pages::console::{self, Access, ActFields, AskFields, Page, RollBackFields, SearchFields, SignInFields};
use policies::PolicyShown;
use tree::Tree;

static ALL: LazyLock<Vec<Shown>> = LazyLock::new(asked::all);

fn page(name: &str) -> &'static Page {
    &ALL.iter().find(|shown| shown.name == name).unwrap_or_else(|| panic!("no page is called {name}")).page
}

fn words(name: &str) -> String {
    Tree::of(&page(name).main).words()
}

/// The values of an attribute.
fn all<'tree>(tree: &'tree Tree, wanted: &'tree str) -> impl Iterator<Item = &'tree str> {
    tree.attributes.iter().filter(move |(_, name, _)| name == wanted).map(|(.., value)| &**value)
}

#[test]
fn the_words_of_a_request() {
    insta::assert_snapshot!("a_disputed_request", words("request-disputed"));
    insta::assert_snapshot!("a_request_without_a_result", words("request-undecided"));
    insta::assert_snapshot!("a_request_of_which_only_the_result_is_left", words("request-result-only"));
}

#[test]
fn the_words_of_all_models() {
    insta::assert_snapshot!("models_published_part_of_a_policy_idle_and_elsewhere", words("models"));
    assert!(words("models-none").contains("hedgerow models publish"), "it says what to do");
}

#[test]
fn the_picture_of_a_request() {
    let main = &page("request-breaker").main;
    let from = main.find("<svg class=\"chart wide\"").expect("a picture");
    let to = from + main[from..].find("</svg>").expect("its end");
    insta::assert_snapshot!(main[from..to].replace("><", ">\n<"));
}

#[test]
fn a_page_says_what_the_screen_says() {
    for (name, explanation) in asked::explanations() {
        let text = words(&format!("request-{name}")).replace('\n', " ");
        let sentences = [explanation.replayed()]
            .into_iter()
            .chain(explanation.verdict.as_ref().map(policies::VerdictTold::why))
            .chain(explanation.with_more.as_ref().map(policies::WithMore::least))
            .filter(|told| !told.contains(['`', '\'', '&', '"']) && name != "hostile");
        for told in sentences {
            let told: String = told.chars().skip(1).collect();
            assert!(text.contains(&told), "{name} does not say “{told}”: {text}");
        }
    }
}

#[test]
fn a_request_that_is_not_found_says_what_to_do() {
    insta::assert_snapshot!(words("search-not-found"));
    assert!(page("search-not-found").main.contains("value=\"order-17\""), "what was typed is kept");
}

#[test]
fn a_search_says_how_far_back_or_leaves_it_empty() {
    let read = |hours: &str| {
        let fields = serde_json::from_value::<SearchFields>(serde_json::json!({ "id": "order-17", "hours": hours }));
        fields.map(|fields| fields.hours).ok()
    };
    assert_eq!([read("48"), read(""), read("yesterday")], [Some(Some(48)), Some(None), None]);
}

#[test]
fn the_words_of_a_policy() {
    insta::assert_snapshot!("a_policy_as_an_operator_sees_it", words("policy-operator"));
    insta::assert_snapshot!("two_versions_compared", words("policy-compared"));
    insta::assert_snapshot!("a_rendezvous_without_a_policy", words("policy-none"));
}

#[test]
fn only_an_operator_finds_what_changes_something() {
    for shown in ALL.iter() {
        let tree = Tree::of(&shown.page.main);
        let changes = all(&tree, "method").filter(|method| *method == "post").count();
        let may = shown.access == Access::Operator;
        let asks = shown.name.starts_with("playground") || shown.name.starts_with("sign-in");
        assert!(may || asks || changes == 0, "{} lets a reader change something", shown.name);
    }
    let changes = |name: &str| page(name).main.matches("method=\"post\"").count();
    assert_eq!((changes("policy-operator"), changes("policy-live")), (3, 0), "versions 1, 2 and 3 were live");
    assert_eq!(changes("canaries-operator"), 4 * asked::REPORTS.len(), "promote, first, hold or release, reject");
}

#[test]
fn forms_send_the_fields_that_the_server_reads() {
    let fields = |name: &str| -> BTreeSet<String> {
        let tree = Tree::of(&page(name).main);
        let is_field = |element: &str| ["input", "select", "textarea"].contains(&element);
        let named = tree.attributes.iter().filter(|(element, name, _)| is_field(element) && name == "name");
        named.map(|(.., value)| value.clone()).collect()
    };
    let of =
        |value: serde_json::Value| -> BTreeSet<String> { value.as_object().expect("fields").keys().cloned().collect() };
    let json = |value: Result<serde_json::Value, serde_json::Error>| of(value.expect("plain data"));
    let rolled = RollBackFields { version: 1, expected: 2, message: String::new(), author: String::new() };
    let mut rolled = json(serde_json::to_value(rolled));
    rolled.insert("against".to_owned());
    assert_eq!(fields("policy-operator"), rolled);
    let (message, author, force) = Default::default();
    let act = ActFields { act: wire::Deed::Hold, expected: 2, message, author, force };
    assert_eq!(fields("canaries-operator"), json(serde_json::to_value(act)));
    assert_eq!(fields("playground-new"), json(serde_json::to_value(AskFields::default())));
    assert_eq!(fields("search"), json(serde_json::to_value(SearchFields::default())));
    assert_eq!(fields("sign-in"), json(serde_json::to_value(SignInFields::default())));
    for act in ["promote", "promote_first", "hold", "release", "reject"] {
        assert!(serde_json::from_value::<wire::Deed>(act.into()).is_ok(), "{act} is a deed");
        assert!(page("canaries-operator").main.contains(&format!("value=\"{act}\"")), "{act} is offered");
    }
}

#[test]
fn a_refused_input_stands_where_it_was_typed() {
    insta::assert_snapshot!(words("playground-refused"));
    let main = &page("playground-refused").main;
    let tree = Tree::of(main);
    assert_eq!(all(&tree, "aria-invalid").count(), 1);
    assert_eq!(all(&tree, "aria-describedby").collect::<Vec<_>>(), ["input-wrong"]);
    for kept in ["value=\"20\"", "value=\"order-17\"", "tenant=bistro", "&quot;strong&quot;"] {
        assert!(main.contains(kept), "{kept} is kept");
    }
    insta::assert_snapshot!("a_process_without_a_starter", words("playground-no-starter"));
}

#[test]
fn the_example_input_has_every_feature() {
    for (_, view) in asked::playgrounds() {
        let example: serde_json::Value = serde_json::from_str(&view.example()).expect("JSON");
        let text = view.example();
        let place = |name: &String| text.find(&format!("\"{name}\": ")).expect("it is there");
        let places: Vec<usize> = view.features.iter().map(place).collect();
        assert!(places.is_sorted(), "in the order of the schema: {text}");
        assert_eq!(example.as_object().map(serde_json::Map::len), Some(view.features.len()));
        assert!(example.as_object().is_some_and(|members| members.values().all(serde_json::Value::is_number)));
    }
}

#[test]
fn health_says_it_in_one_line_when_all_is_well() {
    let first = |name: &str| words(name).lines().nth(1).unwrap_or_default().to_owned();
    let told = ["well", "burning", "ill", "worst", "nothing"].map(|name| first(&format!("health-{name}")));
    insta::assert_snapshot!(told.join("\n"));
    insta::assert_snapshot!("the_words_of_an_ill_process", words("health-ill"));
}

#[test]
fn canaries_are_listed_as_reports_are() {
    let listed = words("canaries-all");
    let index = hedgerow_pages::canary::index(&asked::REPORTS, |_| None);
    let index = Tree::of(&index).words();
    let verdicts = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.contains("requests compared") || line.contains("canaries"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(verdicts(&index)[0], verdicts(&listed)[0], "one list, not two");
    insta::assert_snapshot!("without_canaries", words("canaries-none"));
}

#[test]
fn every_page_is_well_formed_and_runs_nothing() {
    for shown in ALL.iter() {
        let tree = Tree::of(&shown.html());
        for (element, name, value) in &tree.attributes {
            let runs = name == "style" || name.starts_with("on") || value.starts_with("javascript:");
            assert!(!runs, "<{element} {name}={value}> in {} may run", shown.name);
            if ["href", "action", "src"].contains(&name.as_str()) {
                let is_ours =
                    value.starts_with('#') || value == "data:," || value.starts_with('/') && !value.starts_with("//");
                assert!(is_ours, "<{element} {name}={value}> in {} leads elsewhere", shown.name);
            }
        }
        let strange = ["img", "iframe", "object", "use", "style"];
        assert!(!tree.elements.iter().any(|name| strange.contains(&name.as_str())), "{}", shown.name);
        let ids: Vec<&str> = all(&tree, "id").collect();
        let unique: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "an id twice in {}: {ids:?}", shown.name);
        let refers = ["for", "aria-labelledby", "aria-describedby"];
        for named in refers.iter().flat_map(|wanted| all(&tree, wanted)) {
            assert!(unique.contains(&named), "{named} is nowhere in {}", shown.name);
        }
        let strays = tree.attributes.iter().find(|(.., value)| value.contains("NaN") || value.contains("inf "));
        assert_eq!(strays, None, "every mark in {} has a place", shown.name);
    }
}

#[test]
fn every_field_has_a_label() {
    for shown in ALL.iter() {
        let tree = Tree::of(&shown.page.main);
        let labelled: BTreeSet<&str> = all(&tree, "for").collect();
        let fields = tree
            .attributes
            .iter()
            .filter(|(element, name, _)| ["input", "select", "textarea"].contains(&&**element) && name == "id");
        for (.., id) in fields {
            assert!(labelled.contains(id.as_str()), "{id} in {} has no label", shown.name);
        }
    }
}

#[test]
fn hostile_names_stay_text() {
    let harmless = |text: &str| text.replace(HOSTILE, "x");
    for (hostile, other) in [
        (console::policy(&policy(HOSTILE), Access::Operator), console::policy(&policy("x"), Access::Operator)),
        (
            console::request_search("wine", Some(&asked::not_found(HOSTILE))),
            console::request_search("wine", Some(&asked::not_found("x"))),
        ),
    ] {
        let [one, two] = [&hostile, &other].map(|page| Tree::of(&page.main));
        assert_eq!(one.elements, two.elements, "{}", harmless(&hostile.title));
    }
    for shown in ALL.iter().filter(|shown| shown.name.ends_with("hostile")) {
        let tree = Tree::of(&shown.html());
        assert_eq!(
            tree.elements.iter().filter(|name| *name == "script").count(),
            1,
            "the console's own, in {}",
            shown.name
        );
        assert!(!shown.page.main.contains('\u{202e}'), "{} turns text around", shown.name);
    }
}

fn policy(author: &str) -> PolicyShown {
    PolicyShown::of(&asked::history(author, author), Some(1), Some(2)).expect("both are there")
}

#[test]
fn the_same_values_give_the_same_page() {
    for (one, two) in ALL.iter().zip(asked::all()) {
        assert_eq!(one.page, two.page);
    }
}
