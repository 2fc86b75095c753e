//! Signals that end a process: the first asks a command to stop, the second stops it.
//!
//! A thread of its own hears them, so that they also count while the main thread reads a token or a manifest, or writes to
//! a pipe that nobody reads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long a command that was asked to stop may take if it has nothing in flight. Then it is blocked.
const PATIENCE: Duration = Duration::from_secs(3);

/// The exit code of an interrupted process.
const INTERRUPTED: i32 = 130;

/// What the process is told by signals, and what it does.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals {
    /// Cancelled by the first signal.
    pub(super) stop: CancellationToken,
    /// Cancelled by the second signal.
    now: CancellationToken,
    /// Whether the command stops by itself. Any other one is ended by the first signal.
    is_awaited: Arc<AtomicBool>,
    /// Whether requests are in flight, or their results are not saved yet.
    is_in_flight: Arc<AtomicBool>,
}

/// While it exists, only a second signal ends the process.
#[derive(Debug)]
pub(super) struct InFlight(Arc<AtomicBool>);

impl Signals {
    /// Handles the signals from now on. Before that, they end the process as usual.
    pub(super) fn listen() -> io::Result<Self> {
        let signals = Self::default();
        let (ready, is_ready) = mpsc::sync_channel(1);
        let own = signals.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let ended = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    let heard = Heard::listen()?;
                    // The main thread waits for it.
                    let _ = ready.send(Ok(()));
                    own.obey(heard).await;
                    Ok(())
                })
            });
            match ended {
                Ok(()) => exit(),
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
        is_ready.recv().unwrap_or_else(|_| Err(io::Error::other("the thread for signals has ended")))?;
        Ok(signals)
    }

    /// Returns when the process must end.
    async fn obey(&self, mut heard: Heard) {
        heard.next().await;
        self.stop.cancel();
        if !self.is_awaited.load(Ordering::SeqCst) {
            return;
        }
        tokio::select! {
            () = heard.next() => {}
            () = self.is_blocked() => return,
        }
        self.now.cancel();
        tokio::time::sleep(PATIENCE).await;
    }

    /// Returns when the command had time to stop and has nothing in flight.
    async fn is_blocked(&self) {
        loop {
            tokio::time::sleep(PATIENCE).await;
            if !self.is_in_flight.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    /// Says that the command heeds [`Signals::stop`].
    pub(super) fn are_awaited(&self) {
        self.is_awaited.store(true, Ordering::SeqCst);
    }

    /// Says that requests are about to be sent.
    pub(super) fn in_flight(&self) -> InFlight {
        self.is_in_flight.store(true, Ordering::SeqCst);
        InFlight(Arc::clone(&self.is_in_flight))
    }

    /// Runs `work` to its end. The first signal calls `first`. The second drops `work`, and the result is `None`.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>, first: impl Fn()) -> Option<T> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => return Some(done),
            () = self.stop.cancelled() => first(),
        }
        tokio::select! {
            done = &mut work => Some(done),
            () = self.now.cancelled() => None,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// Ends the process. Results are durable in the journal; the files of locks are left to the next process.
#[expect(clippy::exit, clippy::disallowed_methods, reason = "the main thread may be blocked for ever")]
fn exit() {
    std::process::exit(INTERRUPTED)
}

/// SIGINT, SIGTERM and SIGHUP.
struct Heard {
    interrupt: Signal,
    terminate: Signal,
    /// `None` if the process was started with SIGHUP ignored, as by `nohup`: it is to outlive its terminal.
    hangup: Option<Signal>,
}

impl Heard {
    /// Handles the signals from now on. Before that, they end the process as usual.
    fn listen() -> io::Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn next(&mut self) {
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
