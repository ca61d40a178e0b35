//! `hedgerow up FILE…` and `hedgerow run STATION… FILE`: serve until told to stop.

use std::{path::PathBuf, process::ExitCode};

use anyhow::anyhow;
use clap::Args;
use executors::Kinds;
use wire::ExecutorId;

use super::{
    Failure,
    serving::{Job, Serve},
};
use crate::app::Role;

/// Runs every station.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow up policies/wine.yaml\n  \
    curl -d @input.json localhost:8080/v2/models/wine/infer\n  hedgerow up *.yaml --brokers kafka:9092 --listen 0.0.0.0:8080\n  \
    hedgerow up wine.yaml --watch                          every save is live at once\n  \
    hedgerow up wine.yaml --console 0.0.0.0:9090           the console for others too, with a token")]
pub(super) struct Up {
    /// The rendezvous' files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Apply each file on every save, until somebody else applies: `hedgerow apply --watch` in the same process
    #[arg(long)]
    watch: bool,

    /// Copy valid results, each once, into the topic NAME.sealed, for consumers that read only what is committed
    #[arg(long)]
    sealed: bool,

    #[command(flatten)]
    serve: Serve,
}

/// Runs some stations of one rendezvous.
#[derive(Args, Debug)]
#[command(
    override_usage = "hedgerow run [OPTIONS] <STATION>... <FILE>\n       hedgerow run [OPTIONS] console [FILE]..."
)]
#[command(after_help = "Examples:\n  hedgerow run starter wine.yaml --brokers kafka:9092\n  \
    hedgerow run executors wine.yaml --only forest,boost --brokers kafka:9092\n  \
    hedgerow run collector decoy wine.yaml --brokers kafka:9092\n  \
    hedgerow run console --brokers kafka:9092              every rendezvous there is, whichever processes run it\n\n\
    More processes of a station share its partitions. `console` is none: it shows what all of them do, and needs no file.")]
pub(super) struct Run {
    /// Stations (starter, executors, collector, decoy, comparison, sealer, replier) or `console`, then the rendezvous' file
    #[arg(required = true, num_args = 1.., value_name = "STATION")]
    stations_and_files: Vec<String>,

    /// The executors to run in this process, of those defined (all, when not given)
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<String>,

    #[command(flatten)]
    serve: Serve,
}

// === impl Up ===

impl Up {
    pub(super) fn run(&self, kinds: &Kinds) -> Result<ExitCode, Failure> {
        let mut roles = vec![Role::Collector, Role::Executors, Role::Decoy, Role::Comparison, Role::Starter];
        roles.extend(self.sealed.then_some(Role::Sealer));
        roles.extend(self.serve.replies().map(|_| Role::Replier));
        self.serve.run(&Job { files: &self.files, roles: &roles, only: &[], watch: self.watch, kinds })
    }
}

// === impl Run ===

impl Run {
    pub(super) fn run(&self, kinds: &Kinds) -> Result<ExitCode, Failure> {
        let (roles, files) = stations_and_files(&self.stations_and_files).map_err(Failure::Refused)?;
        if self.serve.brokers().is_none() {
            return Err(Failure::Refused(anyhow!(
                "a station alone needs a log that it shares with the others: name it with --brokers, or run all \
                 stations in one process with `hedgerow up`"
            )));
        }
        if roles.contains(&Role::Replier) && self.serve.replies().is_none() {
            return Err(Failure::Refused(anyhow!(
                "a replier sends results to topics that callers name, and none may be named: say which with \
                 --reply-topics, here and where the starter runs"
            )));
        }
        let only = self.only.iter().map(|name| ExecutorId::new(name)).collect::<Result<Vec<_>, _>>();
        let only = only.map_err(|error| Failure::Refused(error.into()))?;
        self.serve.run(&Job { files: &files, roles: &roles, only: &only, watch: false, kinds })
    }
}

/// The console is no station of a rendezvous: it is served by every process, and `console` alone names one without any.
const CONSOLE: &str = "console";

fn stations_and_files(words: &[String]) -> anyhow::Result<(Vec<Role>, Vec<PathBuf>)> {
    let is_station = |word: &&String| *word == CONSOLE || role(word).is_ok();
    let (stations, files) = words.split_at(words.iter().take_while(is_station).count());
    let roles: Vec<Role> =
        stations.iter().filter(|word| *word != CONSOLE).map(|word| role(word)).collect::<Result<_, _>>()?;
    match files {
        [] if roles.is_empty() => {}
        [] => {
            return Err(anyhow!(
                "name the file of the rendezvous behind its stations: `hedgerow run {} wine.yaml`",
                words.join(" ")
            ));
        }
        [first, ..] if stations.is_empty() => return Err(unknown(first)),
        [first, _, ..] if !roles.is_empty() => return Err(unknown(first)),
        _ => {}
    }
    Ok((roles, files.iter().map(PathBuf::from).collect()))
}

fn role(name: &str) -> anyhow::Result<Role> {
    <Role as clap::ValueEnum>::from_str(name, true).map_err(|_| unknown(name))
}

fn unknown(name: &str) -> anyhow::Error {
    anyhow!(
        "`{name}` is no station: there are starter, executors, collector, decoy, comparison, sealer and replier; and \
         `console`, which shows them all"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<(usize, usize), String> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let read = stations_and_files(&words).map_err(|error| error.to_string())?;
        Ok((read.0.len(), read.1.len()))
    }

    #[test]
    fn stations_come_first_and_then_the_file_and_the_console_needs_none() {
        assert_eq!(read("collector wine.yaml"), Ok((1, 1)));
        assert_eq!(read("starter executors wine.yaml"), Ok((2, 1)));
        assert_eq!(read("console"), Ok((0, 0)));
        assert_eq!(read("console wine.yaml fraud.yaml"), Ok((0, 2)));
        assert_eq!(read("console collector wine.yaml"), Ok((1, 1)));
        for (words, told) in [
            ("colector wine.yaml", "`colector` is no station"),
            ("starter colector wine.yaml", "`colector` is no station"),
            ("wine.yaml", "`wine.yaml` is no station"),
            ("starter", "name the file"),
            ("console starter", "name the file"),
        ] {
            let refused = read(words).unwrap_err();
            assert!(refused.contains(told), "{words}: {refused}");
        }
    }
}
