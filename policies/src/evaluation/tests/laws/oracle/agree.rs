//! What `agree` comes to, from the documentation: who says the same, and which group decides.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Agree, NAMES, Said, Vote, Votes, at, plain, untie, votes, weight};

// === impl Agree ===

impl Agree {
    pub(in super::super) fn is_tolerant(&self) -> bool {
        self.on.iter().any(|(_, kind)| kind.contains("within"))
    }

    /// Returns what is agreed if nobody else speaks.
    pub(in super::super) fn agreed(&self, said: &[Said]) -> Option<Value> {
        let mut planned = votes(said, u64::MAX);
        planned.sort_by_key(|vote| vote.name);
        self.decide(&planned)
    }

    /// Returns what an answer says, in a form that is equal where the policy's equality is; `None` abstains.
    pub(super) fn key(&self, answer: &Value) -> Option<Value> {
        let one = |(field, kind): &(&str, &str)| {
            let value = at(answer, field);
            match *kind {
                _ if value.is_null() => None,
                "exact" => Some(json!(value.to_string())),
                "canonical_json" => Some(plain(value)),
                "class" => Some(label(value)),
                bucket if bucket.contains("bucket") => Some(json!((value.as_f64()? / 10.0).floor())),
                // Tolerant: a number says nothing about its group yet.
                _ => value.as_f64().map(|_| json!(null)),
            }
        };
        self.on.iter().map(one).collect::<Option<Vec<Value>>>().map(Value::from)
    }

    fn near(&self, left: &Value, right: &Value) -> Option<f64> {
        let apart = self.on.iter().filter(|(_, kind)| kind.contains("within")).map(|(field, kind)| {
            let (left, right) = (at(left, field).as_f64()?, at(right, field).as_f64()?);
            let tolerated = if kind.contains("rel") { 0.006 * left.abs().max(right.abs()) } else { 0.05 };
            let apart = (left - right).abs();
            (apart <= tolerated + 1e-12).then_some(apart / tolerated)
        });
        let apart: Option<f64> = apart.sum();
        apart.filter(|_| self.key(left) == self.key(right))
    }

    fn groups<'said>(&self, votes: &[Vote<'said>]) -> Vec<(Vec<Vote<'said>>, Vote<'said>)> {
        let mut left: Vec<Vote<'said>> = votes.iter().filter(|vote| self.key(vote.answer).is_some()).copied().collect();
        let mut groups = Vec::new();
        while !left.is_empty() {
            let ball = |middle: &Vote<'said>| -> Vec<Vote<'said>> {
                left.iter().filter(|vote| self.near(middle.answer, vote.answer).is_some()).copied().collect()
            };
            let spread = |middle: &Vote<'said>| -> f64 {
                left.iter().filter_map(|vote| self.near(middle.answer, vote.answer)).sum()
            };
            let price = |vote: &Vote<'_>| vote.answer["price"].as_f64().filter(|_| self.is_tolerant()).unwrap_or(0.0);
            let middle = *left
                .iter()
                .min_by(|one, other| {
                    (self.weigh(&ball(other)).cmp(&self.weigh(&ball(one))).then(spread(one).total_cmp(&spread(other))))
                        .then(price(one).total_cmp(&price(other)))
                        .then(one.name.cmp(other.name))
                })
                .expect("somebody is left");
            let members = ball(&middle);
            left.retain(|vote| !members.iter().any(|member| member.name == vote.name));
            groups.push((members, middle));
        }
        groups
    }

    fn weigh(&self, group: &[Vote<'_>]) -> u64 {
        group.iter().map(|vote| weight(&self.weights, vote.name)).sum()
    }

    pub(super) fn decide(&self, votes: &[Vote<'_>]) -> Option<Value> {
        let groups = self.groups(votes);
        let all: u64 = NAMES[..4].iter().map(|name| weight(&self.weights, name)).sum();
        let is_enough = |group: &[Vote<'_>]| {
            let weight = self.weigh(group);
            let families: BTreeSet<&str> =
                group.iter().map(|vote| if vote.name == "b" { "a" } else { vote.name }).collect();
            let enough = match self.votes {
                Votes::Count(votes) => weight >= votes,
                Votes::Majority => 2 * weight > all,
                Votes::Plurality { min, .. } => weight >= min,
            };
            enough
                && families.len() >= self.families
                && self.must_include.is_none_or(|name| group.iter().any(|vote| vote.name == name))
        };
        let able: Vec<Vec<Vote<'_>>> =
            groups.iter().map(|(members, _)| members.clone()).filter(|group| is_enough(group)).collect();
        let heaviest = able.iter().map(|group| self.weigh(group)).max()?;
        let winner = untie(able.into_iter().filter(|group| self.weigh(group) == heaviest).collect(), &self.on_tie)?;
        let is_winner = |members: &[Vote<'_>]| members[0].name == winner[0].name;
        if let Votes::Plurality { margin, .. } = self.votes {
            let next = groups.iter().filter(|(members, _)| !is_winner(members)).map(|(members, _)| self.weigh(members));
            if next.max().is_some_and(|next| heaviest < next + margin) || heaviest < margin {
                return None;
            }
        }
        let (_, middle) = groups.iter().find(|(members, _)| is_winner(members))?;
        if self.is_tolerant() { Some(plain(middle.answer)) } else { self.key(middle.answer) }
    }
}

fn label(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            text.trim().parse::<f64>().map_or_else(|_| json!(text.trim().to_lowercase()), |number| json!(number))
        }
        other => plain(other),
    }
}
