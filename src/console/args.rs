//! What the command line, the environment and files say about the console: where it listens, and who is let in.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use reqwest::Url;

use super::access::{Token, Tokens};

/// Where the console is, and who is let in.
#[derive(Args, Clone, Debug, Default)]
pub struct ConsoleArgs {
    /// Where the console listens, if not on the front door: `/`, `/api`, `/metrics`, `/health`
    #[arg(long, value_name = "ADDR", env = "HEDGEROW_CONSOLE", hide_env_values = true, help_heading = "Console")]
    console: Option<SocketAddr>,

    /// A file with the token that readers need (or `$HEDGEROW_CONSOLE_TOKEN`); a must unless ADDR is this machine's own
    #[arg(long, value_name = "FILE", help_heading = "Console")]
    console_token_file: Option<PathBuf>,

    /// A file with the token that changes need (or `$HEDGEROW_OPERATOR_TOKEN`); without one the console changes nothing
    #[arg(long, value_name = "FILE", help_heading = "Console")]
    operator_token_file: Option<PathBuf>,

    #[arg(
        long,
        value_name = "URL",
        env = "HEDGEROW_TRACE_URL",
        hide_env_values = true,
        help_heading = "Console",
        help = "Where traces are looked at, for a request's page to link to: http://jaeger:16686/trace/{trace_id}"
    )]
    trace_url: Option<TraceUrl>,
}

/// Where one trace is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceUrl(String);

/// Where the console is, and who is let in.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Where.
    pub place: Place,
    /// Who.
    pub tokens: Tokens,
    /// Where the pages link to traces.
    pub traces: Option<TraceUrl>,
}

/// Where the console is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the front door, which is reached from this machine alone.
    Front,
    /// On a listener of its own.
    Apart(SocketAddr),
    /// Nowhere: the front door is open to others, and nobody said where else.
    Nowhere,
}

/// Where the tokens are found: in the environment, or in a file that an option names.
pub(crate) const READER: (&str, &str) = ("HEDGEROW_CONSOLE_TOKEN", "--console-token-file");
pub(crate) const OPERATOR: (&str, &str) = ("HEDGEROW_OPERATOR_TOKEN", "--operator-token-file");
/// Where a trace's id stands in the address of a trace.
const TRACE_ID: &str = "{trace_id}";

// === impl ConsoleArgs ===

impl ConsoleArgs {
    /// Returns where the console is beside the front door at `front`, or instead of it where the console is all there is;
    /// an error if everybody could read it.
    pub fn opening(&self, front: SocketAddr, is_alone: bool) -> anyhow::Result<Opening> {
        let reader = token(READER, self.console_token_file.as_ref())?;
        let operator = token(OPERATOR, self.operator_token_file.as_ref())?;
        let tokens = Tokens::new(reader, operator).context("the console's tokens")?;
        let place = match self.console.or(is_alone.then_some(front)) {
            Some(apart) => Place::Apart(apart),
            None if is_own(front) => Place::Front,
            None => Place::Nowhere,
        };
        if let Place::Apart(at) = place
            && !is_own(at)
            && !tokens.reader_is_set()
        {
            let ((variable, option), port) = (READER, at.port());
            bail!(
                "the console at {at} could be read by whoever reaches it: set a token in the environment variable \
                 {variable} (`openssl rand -hex 24` makes one) or in a file named by {option}, or let it listen on this \
                 machine alone, at 127.0.0.1:{port}"
            );
        }
        Ok(Opening { place, tokens, traces: self.trace_url.clone() })
    }
}

// === impl TraceUrl ===

impl TraceUrl {
    /// Returns where the trace of this id is.
    #[must_use]
    pub fn of(&self, trace_id: &str) -> String {
        self.0.replace(TRACE_ID, trace_id)
    }
}

impl FromStr for TraceUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_url = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if is_url && text.contains(TRACE_ID) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "write it as `http://jaeger:16686/trace/{TRACE_ID}`: an address with the place of the trace's id in it"
        ))
    }
}

fn is_own(at: SocketAddr) -> bool {
    at.ip().to_canonical().is_loopback()
}

/// Reads a token; whoever names a file means that, whatever the environment says.
fn token((variable, option): (&str, &str), file: Option<&PathBuf>) -> anyhow::Result<Option<Token>> {
    let (said, place) = match file {
        Some(file) => {
            let place = format!("{option} {}", file.display());
            let said = std::fs::read_to_string(file).with_context(|| format!("{place}: cannot be read"))?;
            (said, place)
        }
        None => match std::env::var(variable) {
            Ok(said) if said.trim().is_empty() => return Ok(None),
            Ok(said) => (said, variable.to_owned()),
            Err(std::env::VarError::NotPresent) => return Ok(None),
            Err(error) => return Err(anyhow!("{variable}: {error}")),
        },
    };
    Token::new(said.trim()).map(Some).with_context(|| format!("{place} holds no token that can be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_traces_has_a_place_for_the_trace_s_id_and_a_scheme_that_is_safe_to_follow() {
        let jaeger: TraceUrl = "http://jaeger:16686/trace/{trace_id}?x={trace_id}".parse().unwrap();
        assert_eq!(jaeger.of("4bf9"), "http://jaeger:16686/trace/4bf9?x=4bf9");
        for wrong in ["http://jaeger:16686/", "jaeger/{trace_id}", "javascript:alert({trace_id})", "{trace_id}"] {
            assert!(wrong.parse::<TraceUrl>().unwrap_err().contains("http://jaeger:16686/trace/{trace_id}"), "{wrong}");
        }
    }
}
