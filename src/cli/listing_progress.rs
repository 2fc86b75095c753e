//! The progress of listing an account, on stderr: shown after a second, then as a spinner on a terminal, otherwise as a line
//! every ten seconds.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::progress::{LINE_EVERY, ProgressTarget, retrying};
use crate::account::{Failure, Page, ReadAccount};
use crate::apply::Waiting;
use crate::terminal::escape::escape_to;

/// What takes less time is not shown.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// Time between two frames of the spinner.
const FRAME: Duration = Duration::from_millis(100);

/// Maximum length of a message, in characters.
const MAX_MESSAGE: usize = 120;

#[derive(Debug)]
pub(super) struct ListingProgress {
    target: ProgressTarget,
    spinner: ProgressBar,
    pages: Cell<usize>,
    /// Why there is no progress, and since when.
    held_by: RefCell<Option<(Instant, Failure)>>,
    /// Why the account is listed again.
    waiting: Cell<Option<Waiting>>,
}

/// An account whose pages are counted.
#[derive(Debug)]
pub(super) struct WatchedAccount<'a, R> {
    pub(super) account: &'a R,
    pub(super) progress: &'a ListingProgress,
}

impl ListingProgress {
    pub(super) fn new(target: ProgressTarget) -> Self {
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            spinner.set_style(style);
        }
        Self { target, spinner, pages: Cell::new(0), held_by: RefCell::default(), waiting: Cell::new(None) }
    }

    /// Shows the progress of `work` until it has ended.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let every = if self.target == ProgressTarget::Bar { FRAME } else { LINE_EVERY };
        let result = ticking(work, every, || self.show()).await;
        self.spinner.finish_and_clear();
        result
    }

    /// Says what the next listing waits for: at once, because it takes long.
    pub(super) fn wait(&self, waiting: Waiting) {
        self.waiting.set(Some(waiting));
        if self.target == ProgressTarget::Lines {
            print(&waiting.to_string());
        }
    }

    fn show(&self) {
        match self.target {
            ProgressTarget::Bar => {
                if self.spinner.is_hidden() {
                    self.spinner.set_draw_target(ProgressDrawTarget::stderr());
                }
                self.spinner.set_message(self.message());
                self.spinner.tick();
            }
            ProgressTarget::Lines => print(&self.message()),
            ProgressTarget::Silent => {}
        }
    }

    fn message(&self) -> String {
        let pages = match self.pages.get() {
            1 => "1 page".to_owned(),
            pages => format!("{pages} pages"),
        };
        let doing = match self.waiting.get() {
            None => format!("Listing the account: {pages} so far"),
            Some(waiting) => format!("{waiting} ({pages} so far)"),
        };
        match &*self.held_by.borrow() {
            None => doing,
            Some((since, failure)) => {
                // Counts down.
                let left = failure.retry_after.map(|pause| pause.saturating_sub(since.elapsed()));
                let failure = Failure { retry_after: left.map(whole_seconds), ..failure.clone() };
                format!("{doing}. {}", escape_to(&retrying(None, &failure), MAX_MESSAGE))
            }
        }
    }

    fn received(&self, page: &Result<Page, Failure>) {
        let held_by = match page {
            Ok(_) => {
                self.pages.set(self.pages.get() + 1);
                None
            }
            Err(failure) => Some((Instant::now(), failure.clone())),
        };
        self.held_by.replace(held_by);
    }
}

impl<R: ReadAccount> ReadAccount for WatchedAccount<'_, R> {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        let page = self.account.page(offset, limit).await;
        self.progress.received(&page);
        page
    }
}

/// Calls `tick` after [`SHOWN_AFTER`], and then again and again until `work` has ended.
async fn ticking<T>(work: impl Future<Output = T>, every: Duration, tick: impl Fn()) -> T {
    let mut work = pin!(work);
    let mut pause = SHOWN_AFTER;
    loop {
        match select(work, pin!(tokio::time::sleep(pause))).await {
            Either::Left((result, _)) => return result,
            Either::Right(((), unfinished)) => work = unfinished,
        }
        tick();
        pause = every;
    }
}

/// Rounds up, so that a countdown ends with 1.
fn whole_seconds(left: Duration) -> Duration {
    Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0))
}

fn print(line: &str) {
    // The work goes on even if progress cannot be written.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Effect, FailureKind};
    use crate::apply::WaitReason;

    fn failure(kind: FailureKind, seconds: Option<u64>) -> Failure {
        Failure {
            effect: Effect::NotSent,
            kind,
            status: None,
            retry_after: seconds.map(Duration::from_secs),
            message: "the server is unavailable\n".to_owned(),
            help: None,
            id: None,
        }
    }

    fn page() -> Page {
        Page { rows: Vec::new(), bytes: 0, total: None, limit: None, date: None }
    }

    #[tokio::test(start_paused = true)]
    async fn progress_is_shown_after_a_second_and_then_at_intervals() {
        for (millis, expected) in [(900, 0), (1_100, 1), (10_900, 1), (11_100, 2), (21_100, 3)] {
            let ticks = Cell::new(0);
            let work = tokio::time::sleep(Duration::from_millis(millis));
            ticking(work, LINE_EVERY, || ticks.set(ticks.get() + 1)).await;
            assert_eq!(ticks.get(), expected, "{millis} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_of_a_rate_limit_is_counted_down() {
        let progress = ListingProgress::new(ProgressTarget::Silent);
        progress.received(&Err(failure(FailureKind::RateLimited, Some(8))));
        for (after, expected) in [(0, "in 8 s"), (1_000, "in 7 s"), (1_500, "in 6 s"), (5_400, "in 1 s")] {
            tokio::time::advance(Duration::from_millis(after)).await;
            assert_eq!(
                progress.message(),
                format!("Listing the account: 0 pages so far. Rate limited, retrying {expected}")
            );
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(progress.message(), "Listing the account: 0 pages so far. Rate limited, retrying");
    }

    #[tokio::test(start_paused = true)]
    async fn progress_names_pages_rate_limits_and_late_listings() {
        let progress = ListingProgress::new(ProgressTarget::Silent);
        assert_eq!(progress.message(), "Listing the account: 0 pages so far");
        progress.received(&Ok(page()));
        assert_eq!(progress.message(), "Listing the account: 1 page so far");
        progress.received(&Err(failure(FailureKind::RateLimited, Some(8))));
        assert_eq!(progress.message(), "Listing the account: 1 page so far. Rate limited, retrying in 8 s");
        progress.received(&Ok(page()));
        assert_eq!(progress.message(), "Listing the account: 2 pages so far");
        progress.received(&Err(failure(FailureKind::Unavailable, None)));
        assert_eq!(progress.message(), "Listing the account: 2 pages so far. Retrying: the server is unavailable\\n");
        progress.received(&Ok(page()));
        progress.wait(Waiting { reason: WaitReason::Unlisted { keys: 2 }, at_most: Duration::from_mins(1) });
        assert_eq!(
            progress.message(),
            "Listing the account again for up to 60 s: it does not show 2 keys that must be there (3 pages so far)"
        );
    }
}
