//! Ctrl-C and SIGTERM: the first asks to stop, the second stops.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals that ask a process to end.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes them over from the system, which would kill the process.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Runs something to its end, unless it is asked to stop twice: nothing comes back then. The first time cancels `stop`
/// and calls `first`.
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
