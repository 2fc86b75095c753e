//! Signals that end a process: the first asks a command to stop, the second stops it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGINT, SIGTERM and SIGHUP.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` if the process was started with SIGHUP ignored, as by `nohup`: it is to outlive its terminal.
    hangup: Option<Signal>,
}

impl Signals {
    /// Handles the signals from now on. Before that, they kill the process.
    pub(super) fn listen() -> io::Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    pub(super) async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether this process ignores SIGHUP. Only Linux says so in a file.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is signal 1, the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Runs `work` to its end. The first signal cancels `stop` and calls `first`. The second drops `work`, and the result is
/// `None`.
pub(super) async fn stoppable<T>(
    work: impl Future<Output = T>,
    stop: &CancellationToken,
    first: impl Fn(),
) -> io::Result<Option<T>> {
    let mut signals = Signals::listen()?;
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(Some(done)),
            () = signals.next() => {
                if stop.is_cancelled() {
                    return Ok(None);
                }
                stop.cancel();
                first();
            }
        }
    }
}
