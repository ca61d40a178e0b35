//! A definition as a tree of parts with facts, and how two such trees are compared.
//!
//! It deliberately does not know what the parts are: `describe` says under which name a part is found again, what
//! its facts are, and how a change of each is put into words.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Change, ChangeKind};

/// Something that has properties: a definition, an executor, a clause.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Where it stands.
    pub(super) path: String,
    /// Parts of the same key are versions of each other.
    pub(super) key: String,
    /// What sentences about it begin with.
    pub(super) title: String,
    /// What it means that it is there, and was not.
    pub(super) arrives: String,
    /// What it means that it is gone.
    pub(super) leaves: String,
    pub(super) facts: Vec<Fact>,
    pub(super) groups: Vec<Group>,
}

/// One property; every part of one kind has the same ones, in the same order.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    /// In one form only, whatever was written.
    pub(super) value: Value,
    /// For people.
    pub(super) shown: String,
    /// For people who want to know whether it rises or falls.
    pub(super) amount: Option<f64>,
    /// What a change means: `{old}`, `{new}` and `{moves}` (rises or falls) are replaced.
    pub(super) says: &'static str,
}

/// Parts of one kind.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) parts: Vec<Part>,
    /// What another place means, if places mean anything: `{old}` and `{new}` are replaced.
    pub(super) moved: Option<&'static str>,
}

/// More parts of one key than this are paired in their order: likeness is looked for pair by pair.
const LIKENESS_MAX: usize = 64;

/// Returns what changes from `old` to `new`.
pub(super) fn compare(old: &Part, new: &Part) -> Vec<Change> {
    let mut changes = Vec::new();
    compare_into(old, new, &mut changes);
    changes
}

fn compare_into(old: &Part, new: &Part, changes: &mut Vec<Change>) {
    for (before, after) in old.facts.iter().zip(&new.facts).filter(|(before, after)| before.value != after.value) {
        changes.push(Change {
            path: join(&new.path, after.name),
            kind: ChangeKind::Changed,
            old: Some(before.value.clone()),
            new: Some(after.value.clone()),
            sentence: after.sentence(&new.title, before),
        });
    }
    for (before, after) in old.groups.iter().zip(&new.groups) {
        before.compare_into(after, changes);
    }
}

// === impl Part ===

impl Part {
    /// Returns everything about it as JSON.
    pub(super) fn value(&self) -> Value {
        let facts = self.facts.iter().map(|fact| (fact.name.to_owned(), fact.value.clone()));
        let groups = self.groups.iter().filter(|group| !group.parts.is_empty());
        Value::Object(facts.chain(groups.map(|group| (group.name.to_owned(), group.value()))).collect::<Map<_, _>>())
    }

    /// Returns how much of it is the same in `other`.
    fn likeness(&self, other: &Self) -> usize {
        let facts = self.facts.iter().zip(&other.facts).filter(|(left, right)| left.value == right.value).count();
        let groups = self.groups.iter().zip(&other.groups);
        facts + groups.filter(|(left, right)| left.value() == right.value()).count()
    }

    fn change(&self, kind: ChangeKind) -> Change {
        let (path, value) = (self.path.clone(), Some(self.value()));
        match kind {
            ChangeKind::Removed => Change { path, kind, old: value, new: None, sentence: self.leaves.clone() },
            _ => Change { path, kind, old: None, new: value, sentence: self.arrives.clone() },
        }
    }
}

/// Returns the path of `name` below `path`.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

// === impl Fact ===

impl Fact {
    fn sentence(&self, title: &str, old: &Self) -> String {
        let moves = if self.amount > old.amount { "rises" } else { "falls" };
        let says = self.says.replace("{moves}", moves).replace("{old}", &old.shown).replace("{new}", &self.shown);
        phrase(title, &says)
    }
}

/// Puts a title before what is said about it.
fn phrase(title: &str, says: &str) -> String {
    let space = if title.is_empty() || says.starts_with(['\'', ',', ':']) { "" } else { " " };
    format!("{title}{space}{says}")
}

// === impl Group ===

impl Group {
    fn value(&self) -> Value {
        self.parts.iter().map(|part| Value::Array(vec![part.key.clone().into(), part.value()])).collect()
    }

    fn compare_into(&self, new: &Self, changes: &mut Vec<Change>) {
        let pairs = self.pairs(new);
        let left = (0..self.parts.len()).filter(|before| pairs.iter().all(|(old, _)| old != before));
        changes.extend(left.map(|before| self.parts[before].change(ChangeKind::Removed)));
        let stayed = if new.moved.is_some() { stayed(&pairs) } else { pairs.clone() };
        for (after, part) in new.parts.iter().enumerate() {
            let Some(&(before, _)) = pairs.iter().find(|(_, new)| *new == after) else {
                changes.push(part.change(ChangeKind::Added));
                continue;
            };
            if let Some(says) = new.moved.filter(|_| !stayed.contains(&(before, after))) {
                changes.push(moved(part, says, before + 1, after + 1));
            }
            compare_into(&self.parts[before], part, changes);
        }
    }

    /// Returns which old part is which new one, by place, in the new order: of one key, the most alike.
    fn pairs(&self, new: &Self) -> Vec<(usize, usize)> {
        let (olds, news) = (self.by_key(), new.by_key());
        let mut pairs = Vec::new();
        for (key, olds) in olds {
            let Some(news) = news.get(key) else { continue };
            if olds.len().max(news.len()) > LIKENESS_MAX {
                pairs.extend(olds.iter().copied().zip(news.iter().copied()));
                continue;
            }
            let all = olds.iter().flat_map(|old| news.iter().map(|new| (*old, *new)));
            let likeness = |(before, after): (usize, usize)| self.parts[before].likeness(&new.parts[after]);
            let mut all: Vec<_> = all.map(|pair| (likeness(pair), pair)).collect();
            // Of the equally alike the nearest, so that what was not touched is not said to have moved.
            all.sort_by_key(|(likeness, (old, new))| (usize::MAX - likeness, old.abs_diff(*new), *new));
            let first = pairs.len();
            for (_, (before, after)) in all {
                if pairs[first..].iter().all(|(old, new)| *old != before && *new != after) {
                    pairs.push((before, after));
                }
            }
        }
        pairs.sort_by_key(|(_, after)| *after);
        pairs
    }

    fn by_key(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, part) in self.parts.iter().enumerate() {
            places.entry(&part.key).or_default().push(place);
        }
        places
    }
}

/// Returns the most pairs that kept their order among each other; the others moved.
fn stayed(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The longest increasing run of old places: `ends[length]` is the pair at which the best run so long ends.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (old, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].0 < *old);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() { ends.push(index) } else { ends[length] = index }
    }
    let runs = std::iter::successors(ends.last().copied(), |index| before[*index]);
    runs.map(|index| pairs[index]).collect()
}

fn moved(part: &Part, says: &str, before: usize, after: usize) -> Change {
    let says = says.replace("{old}", &before.to_string()).replace("{new}", &after.to_string());
    Change {
        path: part.path.clone(),
        kind: ChangeKind::Moved,
        old: Some(before.into()),
        new: Some(after.into()),
        sentence: phrase(&part.title, &says),
    }
}
