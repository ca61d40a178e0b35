//! What a page is made of, for tests: read by a parser that is not ours, and refused where it is not well-formed.

use quick_xml::{Reader, events::Event};

/// Elements that have no end.
const VOID: [&str; 5] = ["meta", "link", "br", "hr", "input"];

/// A page, taken apart.
#[derive(Default)]
pub(crate) struct Tree {
    /// Every element, in order.
    pub(crate) elements: Vec<String>,
    /// Every attribute: of which element, its name, its value.
    pub(crate) attributes: Vec<(String, String, String)>,
    /// Every text outside of styles, charts and what is for the machine.
    text: Vec<String>,
}

// === impl Tree ===

impl Tree {
    pub(crate) fn of(page: &str) -> Self {
        let mut reader = Reader::from_str(page);
        reader.config_mut().check_end_names = false;
        let (mut tree, mut open) = (Self::default(), Vec::<String>::new());
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("{error} in {open:?}")) {
                Event::Start(start) => {
                    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
                    for attribute in start.html_attributes() {
                        let attribute = attribute.unwrap_or_else(|error| panic!("{error} of {name}"));
                        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
                        let value = String::from_utf8_lossy(&attribute.value).into_owned();
                        assert!(!value.contains('<'), "{key} of {name} holds {value}");
                        tree.attributes.push((name.clone(), key, value));
                    }
                    tree.elements.push(name.clone());
                    if !VOID.contains(&name.as_str()) {
                        open.push(name);
                    }
                }
                Event::End(end) => {
                    let name = String::from_utf8_lossy(end.name().as_ref()).into_owned();
                    assert_eq!(open.pop().as_ref(), Some(&name), "what was opened last is closed first");
                }
                Event::Text(text) if !open.iter().any(|name| ["style", "svg", "head"].contains(&name.as_str())) => {
                    tree.text.push(String::from_utf8_lossy(&text).into_owned());
                }
                Event::Empty(empty) => panic!("HTML has no {empty:?}"),
                Event::Eof => break,
                _ => {}
            }
        }
        assert!(open.is_empty(), "{open:?} are never closed");
        tree
    }

    /// Returns what somebody reads, a line for each text.
    pub(crate) fn words(&self) -> String {
        self.text.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }
}
