//! Whether traces are wanted, where they go and whose: what the command line and OpenTelemetry's own variables say.

use anyhow::bail;
use clap::Args;
use reqwest::Url;
use traces::{Sampling, Share};

/// What is said of traces.
#[derive(Args, Clone, Debug, Default)]
pub struct OtlpArgs {
    /// Where traces go.
    // Said here and not by `env`, because another variable comes between the two (`wanted_in`).
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Traces",
        help = "Send traces to this OpenTelemetry collector, by OTLP over HTTP: http://localhost:4318 \
                [env: OTEL_EXPORTER_OTLP_ENDPOINT]"
    )]
    pub otlp: Option<String>,

    /// The share of requests that are traced although they miss nothing and their callers sample nothing
    #[arg(
        long,
        value_name = "SHARE",
        default_value = "1%",
        env = "HEDGEROW_TRACE_SHARE",
        hide_env_values = true,
        help_heading = "Traces"
    )]
    pub trace_share: Share,
}

/// What follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where to, `/v1/traces` included.
    pub endpoint: String,
    /// Whose.
    pub sampling: Sampling,
    /// Which of the names that are changing are wanted.
    pub opted_in: String,
}

/// Where traces go is said by one of these, if not by an argument.
const OF_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const OF_ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PATH: &str = "/v1/traces";

// === impl OtlpArgs ===

impl OtlpArgs {
    /// Returns what is wanted by the arguments and by this process' environment; `None` if it is no traces.
    pub fn wanted(&self) -> anyhow::Result<Option<Wanted>> {
        self.wanted_in(|name| std::env::var(name).ok())
    }

    fn wanted_in(&self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Wanted>> {
        let variable =
            |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let is = |name: &str, wanted: &str| variable(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        let off = is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none");
        let said = match &self.otlp {
            Some(argument) if argument.trim().is_empty() => None,
            Some(argument) => Some(("--otlp", whole(argument))),
            // Whoever asks for traces by an argument gets them; a variable may stand there for other programs.
            None if off => None,
            None => {
                let of_all = || Some((OF_ALL, whole(&variable(OF_ALL)?)));
                variable(OF_TRACES).map(|url| (OF_TRACES, url)).or_else(of_all)
            }
        };
        let Some((name, endpoint)) = said else { return Ok(None) };
        match Url::parse(&endpoint) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            _ => bail!("{name} `{endpoint}` is no address of a collector: write it as `http://localhost:4318`"),
        }
        for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            match variable(name).as_deref() {
                None => continue,
                Some("http/protobuf") => {}
                Some(other) => bail!(
                    "{name} asks for `{other}`, and hedgerow speaks `http/protobuf` alone: set \
                     OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf and name the collector's HTTP port, mostly 4318"
                ),
            }
            break;
        }
        let opted_in = variable("OTEL_SEMCONV_STABILITY_OPT_IN").unwrap_or_default();
        Ok(Some(Wanted { endpoint, sampling: Sampling { share: self.trace_share }, opted_in }))
    }
}

/// Returns the address that traces go to at a collector.
fn whole(base: &str) -> String {
    let base = base.trim().trim_end_matches('/');
    if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns where traces go, or why not, if this stands in the environment.
    fn goes(argument: Option<&str>, environment: &[(&str, &str)]) -> String {
        let said = OtlpArgs { otlp: argument.map(str::to_owned), ..OtlpArgs::default() };
        let value =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        match said.wanted_in(value) {
            Ok(wanted) => wanted.map_or_else(|| "nowhere".to_owned(), |wanted| wanted.endpoint),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn without_a_word_there_are_no_traces() {
        assert_eq!(goes(None, &[]), "nowhere");
        assert_eq!(goes(None, &[(OF_ALL, " ")]), "nowhere");
    }

    #[test]
    fn an_argument_comes_before_a_variable_and_what_is_said_of_traces_before_what_is_said_of_all() {
        let both = [(OF_ALL, "http://all:4318/"), (OF_TRACES, "http://one:9/own/path")];
        assert_eq!(goes(Some("http://said:4318"), &both), "http://said:4318/v1/traces");
        assert_eq!(goes(None, &both), "http://one:9/own/path");
        assert_eq!(goes(None, &both[..1]), "http://all:4318/v1/traces");
        assert_eq!(goes(Some("https://said/v1/traces"), &[]), "https://said/v1/traces");
    }

    #[test]
    fn who_switches_traces_off_gets_none_unless_an_argument_asks_for_them() {
        for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(goes(None, &[off, (OF_ALL, "http://all:4318")]), "nowhere");
            assert_eq!(goes(Some("http://said:4318"), &[off]), "http://said:4318/v1/traces");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_what_to_do_instead() {
        assert_eq!(
            goes(Some("localhost:4318"), &[]),
            "--otlp `localhost:4318/v1/traces` is no address of a collector: write it as `http://localhost:4318`"
        );
        let grpc = [(OF_ALL, "http://all:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert!(goes(None, &grpc).contains("speaks `http/protobuf` alone"));
        let own = [grpc[0], grpc[1], ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")];
        assert_eq!(goes(None, &own), "http://all:4317/v1/traces");
    }
}
