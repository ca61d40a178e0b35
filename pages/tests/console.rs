//! The console's pages: what they say, their mark-up, and that nothing from outside becomes mark-up.

#[path = "support/tree.rs"]
mod tree;

use hedgerow_pages::console::{Access, Frame, SCRIPT, file, overview, script_path, style, style_path};
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
