//! A response, read within bounds.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use reqwest::{Response, Url};

use super::failure::BodyFault;
use super::retry::RETRY_AFTER_CAP;

/// The largest body of a 2xx, in bytes. A page of 100 of the largest keys has a tenth of it.
pub(super) const MAX_BODY_BYTES: usize = 8 << 20;

/// The most that is read of the body of an error, in bytes.
const MAX_ERROR_BYTES: usize = 64 << 10;

pub(super) struct Received {
    pub(super) status: u16,
    /// The server's time when it responded, in whole seconds.
    pub(super) date: Option<Timestamp>,
    /// How long the server asks to wait: at most [`RETRY_AFTER_CAP`].
    pub(super) retry_after: Option<Duration>,
    /// Scheme and host of a redirect's target; its path and query may hold anything.
    pub(super) redirect_to: Option<String>,
    /// Of an error, the beginning.
    pub(super) body: Result<Vec<u8>, BodyFault>,
}

/// Reads a response. The `wall_clock` measures a `Retry-After` with a date.
pub(super) async fn receive(response: Response, wall_clock: fn() -> SystemTime) -> Received {
    let status = response.status();
    let retry_after = header(response.headers(), &RETRY_AFTER).and_then(|value| retry_after(value, wall_clock()));
    let date = header(response.headers(), &DATE).and_then(server_time);
    let location = header(response.headers(), &LOCATION).filter(|_| status.is_redirection());
    let redirect_to = location.map(|location| place(response.url(), location));
    let is_plain = header(response.headers(), &CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    let body = match (status.is_success(), is_plain) {
        (true, true) => read_all(response).await,
        (true, false) => Err(BodyFault::Compressed),
        (false, true) => Ok(read_some(response).await),
        (false, false) => Ok(Vec::new()),
    };
    Received { status: status.as_u16(), date, retry_after, redirect_to, body }
}

fn place(from: &Url, location: &str) -> String {
    match from.join(location) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => "an invalid URL".to_owned(),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn server_time(date: &str) -> Option<Timestamp> {
    httpdate::parse_http_date(date).ok()?.try_into().ok()
}

/// Reads `Retry-After` in either form, seconds or a date, and bounds it by [`RETRY_AFTER_CAP`].
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(RETRY_AFTER_CAP, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_CAP))
}

/// Reads a body to its end, or until it is too large.
async fn read_all(mut response: Response) -> Result<Vec<u8>, BodyFault> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY_BYTES => {
                return Err(BodyFault::TooLarge);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => return Err(BodyFault::TimedOut),
            Err(_) => return Err(BodyFault::Truncated),
        }
    }
}

/// Reads the beginning of a body, as much as comes: what matters is the status.
async fn read_some(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < MAX_ERROR_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    body.truncate(MAX_ERROR_BYTES);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("61", Some(60)),
            ("99999999999999999999999999", Some(60)),
            ("Sun, 06 Nov 1994 08:49:57 GMT", Some(20)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(60)),
            ("", None),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }
}
