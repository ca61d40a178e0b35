//! Kills what is left when this process ends, however it ends.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// A shell that outlives this process by a moment.
pub(crate) struct Reaper {
    shell: Child,
    orders: Mutex<Option<ChildStdin>>,
}

/// Each line of its input is `+ PID` or `- PID`; the end of the input, which the kernel brings about however this process
/// ends, kills who was added and not taken off.
const SHELL: &str = r#"
living=" "
while read -r sign pid; do
    case $sign in
        +) living="$living$pid " ;;
        -) living="${living%% "$pid" *} ${living#* "$pid" }" ;;
    esac
done
kill -9 $living 2>/dev/null
"#;

// === impl Reaper ===

impl Reaper {
    pub(crate) fn start() -> io::Result<Self> {
        let mut command = Command::new("sh");
        // A signal to this process' group, such as the one of Ctrl-C, must not keep it from cleaning up.
        let mut shell = command.args(["-c", SHELL]).process_group(0).stdin(Stdio::piped()).spawn()?;
        let orders = Mutex::new(shell.stdin.take());
        Ok(Self { shell, orders })
    }

    /// Has `process` killed when this process ends.
    pub(crate) fn add(&self, process: u32) {
        self.order('+', process);
    }

    /// Forgets `process`, which has ended: its number may be another's soon.
    pub(crate) fn forget(&self, process: u32) {
        self.order('-', process);
    }

    fn order(&self, sign: char, process: u32) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = orders.as_mut() {
            // A shell that is gone kills nobody; each station is killed by its owner too.
            let _ = writeln!(orders, "{sign} {process}");
        }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.orders.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn who_was_added_and_not_forgotten_is_killed_when_the_input_ends() {
        let mut sleepers = [1, 2, 3].map(|_| Command::new("sleep").arg("1000").spawn().unwrap());
        let reaper = Reaper::start().unwrap();
        for sleeper in &sleepers {
            reaper.add(sleeper.id());
        }
        reaper.forget(sleepers[1].id());
        // The kernel closes its end in the same way when the process is killed.
        drop(reaper);
        assert_eq!([0, 2].map(|index: usize| sleepers[index].wait().unwrap().signal()), [Some(9), Some(9)]);
        assert_eq!(sleepers[1].try_wait().unwrap(), None);
        sleepers[1].kill().unwrap();
        sleepers[1].wait().unwrap();
    }
}
