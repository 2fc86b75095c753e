//! The log, which `-v` writes to stderr.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::LogFormat;

/// Starts the log: requests with `-v`, everything with `-vv`.
pub(super) fn start(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Only keyform's own events: libraries log headers, which contain the token.
    let filter = tracing_subscriber::filter::Targets::new().with_target("keyform", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let layer = match format {
        LogFormat::Text => layer.with_target(false).boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    // Fails only if a log was started before, as in tests.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}
