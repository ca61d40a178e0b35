//! Who is told of alerts: what the command line, files and the environment say.

use std::{fs, time::Duration};

use alarms::Rules;
use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::Url;

use super::receiver::{Receiver, Shape};

/// Who is told, and when.
#[derive(Args, Clone, Debug, Default)]
pub struct AlertArgs {
    /// Where alerts go.
    // Said here and not by `env`: what stands in the environment may hold a secret, and what is an argument may not.
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Alerts",
        help = "Tell this address of alerts, as JSON; an address that holds a secret stands in a file: @FILE \
                [env: HEDGEROW_ALERT_WEBHOOK]"
    )]
    pub alert_webhook: Option<String>,

    /// Slack's webhook.
    #[arg(
        long,
        value_name = "@FILE",
        help_heading = "Alerts",
        help = "Tell this Slack webhook of alerts; its address is a secret, so it stands in a file \
                [env: HEDGEROW_ALERT_SLACK]"
    )]
    pub alert_slack: Option<String>,

    /// A file with the token that `--alert-webhook` wants (`Authorization: Bearer`) [env: `HEDGEROW_ALERT_TOKEN` is the token]
    #[arg(long, value_name = "FILE", help_heading = "Alerts")]
    pub alert_token_file: Option<String>,

    /// Where people find the pages that alerts link to: `https://hedgerow.example`
    #[arg(long, value_name = "URL", env = "HEDGEROW_CONSOLE_URL", hide_env_values = true, help_heading = "Alerts")]
    pub console_url: Option<String>,

    /// So long something holds before anybody is told; twice as long it is gone before it is resolved
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::cli::duration::parse, help_heading = "Alerts")]
    pub alert_after: Duration,

    /// So often is reminded of what holds on
    #[arg(long, value_name = "TIME", default_value = "4h", value_parser = crate::cli::duration::parse, help_heading = "Alerts")]
    pub alert_remind: Duration,
}

/// What follows from it.
#[derive(Clone, Default)]
pub struct WantedAlerts {
    /// Who is told; nobody, if it is empty.
    pub receivers: Vec<Receiver>,
    /// Where the pages are.
    pub console: Option<String>,
    /// When they are told.
    pub rules: Rules,
}

/// Reminders come no more often.
const REMIND_MIN: Duration = Duration::from_mins(1);

// === impl AlertArgs ===

impl AlertArgs {
    /// Returns what is wanted by the arguments and by this process' environment.
    pub fn wanted(&self) -> anyhow::Result<WantedAlerts> {
        self.wanted_in(|name| std::env::var(name).ok())
    }

    fn wanted_in(&self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<WantedAlerts> {
        let variable =
            |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let token = match &self.alert_token_file {
            Some(file) => Some(read("--alert-token-file", file)?),
            None => variable("HEDGEROW_ALERT_TOKEN"),
        };
        let webhook = said("--alert-webhook", self.alert_webhook.as_deref(), variable("HEDGEROW_ALERT_WEBHOOK"))?;
        let slack = said("--alert-slack", self.alert_slack.as_deref(), variable("HEDGEROW_ALERT_SLACK"))?;
        let receiver = |(name, shape, url, token): (&str, _, Option<Url>, _)| {
            Some(Receiver { name: name.to_owned(), shape, url: url?, token })
        };
        let all = [("webhook", Shape::Generic, webhook, token), ("slack", Shape::Slack, slack, None)];
        let receivers = all.into_iter().filter_map(receiver).collect();
        let console = self.console_url.clone().filter(|url| !url.trim().is_empty());
        if let Some(url) = &console {
            address("--console-url", url)?;
        }
        let rules = Rules {
            holds: self.alert_after,
            clears: self.alert_after.saturating_mul(2),
            reminds: Some(self.alert_remind.max(REMIND_MIN)),
            ..Rules::default()
        };
        Ok(WantedAlerts { receivers, console, rules })
    }
}

/// Returns the address that is said by an argument, or else by a variable.
fn said(name: &str, argument: Option<&str>, variable: Option<String>) -> anyhow::Result<Option<Url>> {
    let Some(argument) = argument.map(str::trim) else {
        return variable.map(|value| address(&variable_of(name), &value)).transpose();
    };
    if argument.is_empty() {
        return Ok(None);
    }
    if let Some(file) = argument.strip_prefix('@') {
        return address(name, &read(name, file)?).map(Some);
    }
    let url = address(name, argument)?;
    let is_secret = url.password().is_some() || !url.username().is_empty() || url.host_str() == Some("hooks.slack.com");
    if is_secret {
        bail!(
            "the address given by {name} holds a secret, and everybody on this machine can read arguments: put it into \
             {} or a file, and say {name} @FILE",
            variable_of(name)
        );
    }
    Ok(Some(url))
}

fn variable_of(name: &str) -> String {
    format!("HEDGEROW_{}", name.trim_start_matches('-').replace('-', "_").to_uppercase())
}

/// Reads an address. It may be a secret, so what is wrong with it is said without it.
fn address(name: &str, text: &str) -> anyhow::Result<Url> {
    match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => bail!("{name} is no address: write it as `https://alerts.example/hedgerow`"),
    }
}

fn read(name: &str, file: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("{name}: {file} cannot be read"))?;
    Ok(text.trim().to_owned())
}

// === impl WantedAlerts ===

impl WantedAlerts {
    /// Returns what to do for whoever wanted receivers and has none.
    pub(crate) fn nobody() -> anyhow::Error {
        anyhow::anyhow!("nobody is told of alerts: name a receiver with --alert-webhook URL or HEDGEROW_ALERT_SLACK")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(args: &AlertArgs, environment: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
        let value =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let wanted = args.wanted_in(value)?;
        let shown = |receiver: &Receiver| format!("{} {} {:?}", receiver.name, receiver.url, receiver.token);
        Ok(wanted.receivers.iter().map(shown).collect())
    }

    #[test]
    fn without_a_word_nobody_is_told() {
        assert_eq!(wanted(&AlertArgs::default(), &[("HEDGEROW_ALERT_SLACK", " ")]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn an_argument_comes_before_a_variable_and_a_file_may_stand_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let environment = [
            ("HEDGEROW_ALERT_WEBHOOK", "http://from.environment/"),
            ("HEDGEROW_ALERT_SLACK", "https://hooks.slack.com/services/secret"),
            ("HEDGEROW_ALERT_TOKEN", "from-environment"),
        ];
        let from_environment = [
            "webhook http://from.environment/ Some(\"from-environment\")",
            "slack https://hooks.slack.com/services/secret None",
        ];
        assert_eq!(wanted(&AlertArgs::default(), &environment).unwrap(), from_environment);
        let args = AlertArgs {
            alert_webhook: Some("http://said/".to_owned()),
            alert_slack: Some(format!("@{}", file("slack", "https://hooks.slack.com/services/of-file\n"))),
            alert_token_file: Some(file("token", " of-file\n")),
            ..AlertArgs::default()
        };
        let of_arguments =
            ["webhook http://said/ Some(\"of-file\")", "slack https://hooks.slack.com/services/of-file None"];
        assert_eq!(wanted(&args, &environment).unwrap(), of_arguments);
    }

    #[test]
    fn a_secret_among_the_arguments_is_refused_without_being_said() {
        for secret in ["https://user:secret@alerts.example/", "https://secret@alerts.example/"] {
            let args = AlertArgs { alert_webhook: Some(secret.to_owned()), ..AlertArgs::default() };
            let refused = wanted(&args, &[]).unwrap_err().to_string();
            assert!(refused.contains("HEDGEROW_ALERT_WEBHOOK") && !refused.contains("user:"), "{refused}");
        }
        let slack = "https://hooks.slack.com/services/T/B/xyz".to_owned();
        let args = AlertArgs { alert_slack: Some(slack), ..AlertArgs::default() };
        let refused = wanted(&args, &[]).unwrap_err().to_string();
        assert!(refused.contains("HEDGEROW_ALERT_SLACK") && !refused.contains("xyz"), "{refused}");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_said() {
        for wrong in ["alerts.example", "ftp://alerts.example", "secret"] {
            let refused = wanted(&AlertArgs::default(), &[("HEDGEROW_ALERT_SLACK", wrong)]).unwrap_err().to_string();
            assert_eq!(refused, "HEDGEROW_ALERT_SLACK is no address: write it as `https://alerts.example/hedgerow`");
        }
    }
}
