//! What receivers are sent: one JSON for programs, and the one that Slack shows.

use humantime::format_rfc3339_seconds;
use serde_json::{Value, json};
use wire::Timestamp;

use crate::{Notice, Severity, Word};

/// Slack shows so many characters of a heading, and refuses more.
const HEADING_MAX: usize = 150;
/// And so many of a text.
const TEXT_MAX: usize = 2_900;

/// Returns what a program is sent. `console` is where the pages are, if anybody said so: `https://hedgerow.example`.
#[must_use]
pub fn generic(notice: &Notice, console: Option<&str>) -> Value {
    let condition = &notice.condition;
    json!({
        "format": 1,
        "status": if notice.word == Word::Resolved { "resolved" } else { "firing" },
        "reminder": notice.word == Word::Reminds,
        "dedup_key": condition.key(),
        "kind": condition.kind,
        "severity": condition.severity,
        "rendezvous": condition.rendezvous,
        "subject": condition.subject,
        "summary": condition.summary,
        "since": instant(condition.since_us),
        "at": instant(notice.at.as_micros()),
        "url": link(notice, console),
    })
}

/// Returns what Slack is sent: blocks, and a text for where blocks are not shown.
#[must_use]
pub fn slack(notice: &Notice, console: Option<&str>) -> Value {
    let condition = &notice.condition;
    let state = match (notice.word, condition.severity) {
        (Word::Resolved, _) => "Resolved",
        (Word::Reminds, _) => "Still so",
        (Word::Fires, Severity::Page) => "Now",
        (Word::Fires, Severity::Ticket) => "Soon",
        (Word::Fires, Severity::Info) => "News",
    };
    let of = condition.rendezvous.as_deref().unwrap_or("hedgerow");
    let heading = shortened(&format!("{state}: {of}, {} {}", condition.kind.words(), condition.subject), HEADING_MAX);
    let summary = escaped(&shortened(&condition.summary, TEXT_MAX));
    let since = format!("{} · since {}", condition.severity.as_str(), instant(condition.since_us));
    let mut blocks = vec![
        json!({ "type": "header", "text": { "type": "plain_text", "text": heading } }),
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": summary } }),
        json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": since }] }),
    ];
    if let Some(url) = link(notice, console) {
        let text = json!({ "type": "plain_text", "text": "Open the page" });
        blocks.push(json!({ "type": "actions", "elements": [{ "type": "button", "text": text, "url": url }] }));
    }
    json!({ "text": format!("{state}: {of}: {summary}"), "blocks": blocks })
}

fn link(notice: &Notice, console: Option<&str>) -> Option<String> {
    console.map(|console| format!("{}{}", console.trim_end_matches('/'), notice.condition.path))
}

fn instant(micros: i64) -> String {
    format_rfc3339_seconds(Timestamp::from_micros(micros).into()).to_string()
}

/// Slack reads these three as mark-up, and no others.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Condition, Kind};

    fn notice(word: Word) -> Notice {
        let condition = Condition {
            kind: Kind::BreakerOpen,
            rendezvous: Some("wine".to_owned()),
            subject: "forest".to_owned(),
            severity: Severity::Ticket,
            since_us: 1_790_000_000_000_000,
            summary: "forest <b> is not waited for & failed".to_owned(),
            path: "/rendezvous/wine".to_owned(),
        };
        Notice { word, condition, at: Timestamp::from_micros(1_790_000_030_000_000) }
    }

    fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(value).unwrap()
    }

    #[test]
    fn a_program_is_sent_one_flat_object() {
        insta::assert_snapshot!(pretty(&generic(&notice(Word::Fires), Some("https://hedgerow.example/"))));
        insta::assert_snapshot!(pretty(&generic(&notice(Word::Resolved), None)));
    }

    #[test]
    fn slack_is_sent_blocks_and_a_text() {
        insta::assert_snapshot!(pretty(&slack(&notice(Word::Fires), Some("https://hedgerow.example"))));
        insta::assert_snapshot!(pretty(&slack(&notice(Word::Resolved), None)));
    }

    #[test]
    fn the_key_is_the_same_whatever_is_said_of_it() {
        let key = |word| generic(&notice(word), None)["dedup_key"].clone();
        assert_eq!(key(Word::Fires), "hedgerow/breaker_open/wine/forest");
        assert!([Word::Reminds, Word::Resolved].into_iter().all(|word| key(word) == key(Word::Fires)));
    }

    #[test]
    fn however_long_a_summary_is_slack_takes_it() {
        let mut long = notice(Word::Fires);
        long.condition.summary = "ü".repeat(10_000);
        long.condition.subject = "ü".repeat(10_000);
        let sent = slack(&long, None);
        let length = |pointer: &str| sent.pointer(pointer).unwrap().as_str().unwrap().chars().count();
        assert_eq!(length("/blocks/0/text/text"), HEADING_MAX);
        assert_eq!(length("/blocks/1/text/text"), TEXT_MAX);
    }
}
