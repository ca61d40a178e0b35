//! Reads typed values out of the tree, each wrong one with its own sentence.

use std::{num::NonZeroUsize, time::Duration};

use super::tree::{Node, Value};
use crate::{
    diagnostic::{Report, Span, Spanned},
    duration::{micros_of, number_and_unit, units},
    memory::{InvalidMemory, Memory},
};

/// The members of a map while they are taken; what nobody took is unknown.
pub(super) struct Members<'node> {
    what: &'static str,
    at: Span,
    entries: &'node [(Spanned<String>, Node)],
    known: Vec<&'static str>,
}

impl<'node> Members<'node> {
    /// Opens `node` as the map that describes `what`.
    pub(super) fn of(node: &'node Node, what: &'static str, report: &mut Report<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            report.error(node.at, format!("{what} must be a map")).label(format!("this is {}", node.what()));
            return None;
        };
        Some(Self { what, at: node.at, entries, known: Vec::new() })
    }

    /// Takes the member `name`.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'node Node> {
        self.known.push(name);
        self.entries.iter().find(|(key, _)| key.is == name).map(|(_, node)| node)
    }

    /// Takes the member `name`, which must be there.
    pub(super) fn require(&mut self, name: &'static str, report: &mut Report<'_>) -> Option<&'node Node> {
        let node = self.take(name);
        if node.is_none() {
            report.error(self.at, format!("{} needs `{name}`", self.what));
        }
        node
    }

    /// Returns the members that bear one of `names`, which are taken.
    pub(super) fn any_of(&mut self, names: &[&'static str]) -> Vec<&'node (Spanned<String>, Node)> {
        self.known.extend(names);
        self.entries.iter().filter(|(key, _)| names.contains(&key.is.as_str())).collect()
    }

    /// Reports whatever was not taken.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        #[cfg(test)]
        known::tell(self.what, &self.known);
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.known.contains(&key.is.as_str())) {
            let problem = report.error(key.at, format!("{} has no field `{}`", self.what, key.is));
            problem.did_you_mean(&key.is, self.known.iter().copied());
        }
    }
}

/// Returns the items of a list.
pub(super) fn list<'node>(node: &'node Node, what: &str, report: &mut Report<'_>) -> &'node [Node] {
    let Value::List(items) = &node.value else {
        report.error(node.at, format!("{what} must be a list")).label(format!("this is {}", node.what()));
        return &[];
    };
    items
}

/// Returns the members of a map whose names the file chooses.
pub(super) fn entries<'node>(
    node: &'node Node,
    what: &str,
    report: &mut Report<'_>,
) -> &'node [(Spanned<String>, Node)] {
    let Value::Map(entries) = &node.value else {
        report.error(node.at, format!("{what} must be a map")).label(format!("this is {}", node.what()));
        return &[];
    };
    entries
}

/// Returns the text of `node`.
pub(super) fn text(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Spanned<String>> {
    let text = node.text().filter(|text| !text.is_empty() && !node.is_null());
    if text.is_none() {
        report.error(node.at, format!("{what} must be text")).label(format!("this is {}", node.what()));
    }
    text.map(|text| Spanned { is: text.to_owned(), at: node.at })
}

/// Returns the texts of a list.
pub(super) fn texts(node: &Node, all: &str, what: &str, report: &mut Report<'_>) -> Vec<Spanned<String>> {
    let items = list(node, all, report);
    items.iter().filter_map(|item| text(item, what, report)).collect()
}

/// Returns the duration written in `node`.
pub(super) fn duration(node: &Node, report: &mut Report<'_>) -> Option<Spanned<Duration>> {
    let Some(text) = node.text() else {
        report.error(node.at, "a duration is a number and a unit").label(format!("this is {}", node.what()));
        return None;
    };
    duration_in(text, node.at, report)
}

/// Returns the duration written in `text`.
pub(super) fn duration_in(text: &str, at: Span, report: &mut Report<'_>) -> Option<Spanned<Duration>> {
    let (number, unit) = number_and_unit(text);
    let Some(micros) = micros_of(unit.trim()) else {
        match unit.trim() {
            "" if !number.is_empty() => {
                report.error(at, format!("`{text}` has no unit")).hint(format!("write `{text}ms` or `{text}s`"));
            }
            other if number.parse::<f64>().is_ok() => {
                report.error(at, format!("`{other}` is not a unit of time")).did_you_mean(other, units());
            }
            _ => {
                report
                    .error(at, format!("`{text}` is not a duration"))
                    .hint("write a number and a unit: `15ms`, `1.5s`, `30d`");
            }
        }
        return None;
    };
    let micros = number.parse::<f64>().ok().map(|number| number * micros).filter(|micros| *micros < 1e17);
    let Some(micros) = micros else {
        report
            .error(at, format!("`{text}` is too long a time"))
            .hint("write a number and a unit: `15ms`, `1.5s`, `30d`");
        return None;
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and below 1e17")]
    Some(Spanned { is: Duration::from_micros(micros.round() as u64), at })
}

/// Returns the whole number, at least one, written in `node`.
pub(super) fn count(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Spanned<NonZeroUsize>> {
    let count = node.text().and_then(|text| text.parse().ok());
    if count.is_none() {
        report.error(node.at, format!("{what} must be a whole number from 1"));
    }
    count.map(|is| Spanned { is, at: node.at })
}

/// Returns the size written in `node`.
pub(super) fn memory(node: &Node, report: &mut Report<'_>) -> Option<Spanned<Memory>> {
    let Some(text) = node.text() else {
        report.error(node.at, "a size is a number and a unit").label(format!("this is {}", node.what()));
        return None;
    };
    match text.parse::<Memory>() {
        Ok(is) => return Some(Spanned { is, at: node.at }),
        Err(InvalidMemory::NoUnit) => {
            report.error(node.at, format!("`{text}` has no unit")).hint(format!("write `{text}MiB`, for instance"));
        }
        Err(InvalidMemory::Unit(unit)) => {
            report.error(node.at, format!("`{unit}` is not a unit of size")).did_you_mean(&unit, Memory::units());
        }
        Err(InvalidMemory::Nothing) => {
            report.error(node.at, format!("`{text}` is not a size")).hint("write a number and a unit: `64MiB`, `1GiB`");
        }
    }
    None
}

/// Returns the finite number written in `node`.
pub(super) fn number(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Spanned<f64>> {
    let number = node.text().and_then(|text| match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        text => text.parse::<f64>().ok(),
    });
    match number {
        Some(is) if is.is_finite() => Some(Spanned { is, at: node.at }),
        Some(_) => {
            report.error(node.at, format!("{what} must be finite")).label("nothing compares with this");
            None
        }
        None => {
            report.error(node.at, format!("{what} must be a number")).label(format!("this is {}", node.what()));
            None
        }
    }
}

/// Returns the share written in `node`, `99.9%` or `0.999`, if it is a finite number; which shares make sense whoever asks
/// knows.
pub(super) fn part(node: &Node) -> Option<f64> {
    let text = node.text()?;
    let part = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.parse().ok(),
    };
    part.filter(|part| part.is_finite())
}

/// Returns the object written in `node`, as JSON text.
pub(super) fn object(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Spanned<String>> {
    if !matches!(node.value, Value::Map(_)) {
        report.error(node.at, format!("{what} must be an object")).label(format!("this is {}", node.what()));
        return None;
    }
    Some(Spanned { is: node.to_json(report).to_string(), at: node.at })
}

/// Which keys the reader knows, for whoever must know the same ones.
#[cfg(test)]
pub(crate) mod known {
    use std::{
        cell::RefCell,
        collections::{BTreeMap, BTreeSet},
    };

    type Keys = BTreeMap<&'static str, BTreeSet<&'static str>>;

    thread_local! {
        static KNOWN: RefCell<Keys> = const { RefCell::new(Keys::new()) };
    }

    /// Returns what was read meanwhile: the keys of each map that was opened, by what it is called in diagnostics.
    pub(crate) fn during<T>(read: impl FnOnce() -> T) -> (T, Keys) {
        KNOWN.take();
        let done = read();
        (done, KNOWN.take())
    }

    pub(super) fn tell(what: &'static str, keys: &[&'static str]) {
        KNOWN.with_borrow_mut(|known| known.entry(what).or_default().extend(keys));
    }
}
