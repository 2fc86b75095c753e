//! The API's JSON: bodies of requests, and the decoding of responses.
//!
//! Strict where decisions depend on it, tolerant of everything else: unknown fields, a `publicKey` that a listing leaves
//! out, a date in another form.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::error::Category;

use super::failure::BodyFault;
use super::server_text::is_html;
use super::{Page, Row};
use crate::names::{KeyId, UserId};
use crate::public_key::{KeyBlob, KeyContent, PublicKey, private};
use crate::terminal::json;

/// Why a body cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BodyError {
    pub(super) fault: BodyFault,
    /// The place of the fault, if it is known; may quote the body.
    pub(super) detail: String,
    /// The id of a row in the response to an upload.
    pub(super) id: Option<KeyId>,
}

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    data: Vec<WireRow<'a>>,
    #[serde(default)]
    total_count: Value,
    #[serde(default)]
    limit: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRow<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    name: String,
    #[serde(default)]
    public_key: Option<String>,
    is_primary: bool,
    is_user_key: bool,
    #[serde(default)]
    created_at: Value,
}

impl BodyError {
    fn wrong_shape(detail: String) -> Self {
        Self { fault: BodyFault::WrongShape, detail, id: None }
    }
}

impl From<BodyFault> for BodyError {
    fn from(fault: BodyFault) -> Self {
        Self { fault, detail: String::new(), id: None }
    }
}

/// Writes the body of an upload.
pub(super) fn upload(name: &str, key: &PublicKey) -> Vec<u8> {
    serde_json::json!({ "name": name, "publicKey": key.to_line() }).to_string().into_bytes()
}

/// Writes the body of a promotion.
pub(super) fn promotion() -> Vec<u8> {
    serde_json::json!({ "isPrimary": true }).to_string().into_bytes()
}

impl Page {
    /// Reads the body of a response to a listing.
    pub fn read(body: &[u8]) -> Result<Self, BodyFault> {
        page(body).map_err(|error| error.fault)
    }
}

/// Reads one page of a listing.
pub(super) fn page(body: &[u8]) -> Result<Page, BodyError> {
    let page: WirePage = decode(body)?;
    let rows = page.data.into_iter().enumerate().map(|(index, row)| {
        take_row(row).map_err(|why| BodyError::wrong_shape(format!("key {} of the page: {why}", index + 1)))
    });
    Ok(Page {
        rows: rows.collect::<Result<_, _>>()?,
        total: page.total_count.as_u64(),
        limit: page.limit.as_u64(),
        bytes: body.len() as u64,
        date: None,
    })
}

/// Reads the response to an upload, which must show the key that was sent, as a key of the user. If it does not, the error
/// has the id that it contains.
pub(super) fn uploaded(body: &[u8], sent: &KeyBlob) -> Result<Row, BodyError> {
    let row = decode(body).and_then(|row| take_row(row).map_err(BodyError::wrong_shape));
    row.and_then(|row| check_uploaded(row, sent)).map_err(|error| BodyError { id: returned_id(body), ..error })
}

fn check_uploaded(row: Row, sent: &KeyBlob) -> Result<Row, BodyError> {
    if row.public_key.is_none() {
        Err(BodyError::wrong_shape("it has no `publicKey`".to_owned()))
    } else if !row.is_user_key {
        Err(BodyError { detail: "it is a system key".to_owned(), ..BodyError::from(BodyFault::Foreign) })
    } else if row.blob() != Some(sent) {
        Err(BodyError::from(BodyFault::Foreign))
    } else {
        Ok(row)
    }
}

/// Finds the id in a response with otherwise unexpected content, at its top or in `data`.
fn returned_id(body: &[u8]) -> Option<KeyId> {
    let content: Value = serde_json::from_slice(body).ok()?;
    let id = content.get("id").or_else(|| content.get("data")?.get("id"))?;
    KeyId::new(id.as_str()?).ok()
}

/// Reads a response without a content that matters: any JSON, or nothing at all. That it came is enough; an HTML page,
/// though, did not come from the account.
pub(super) fn acknowledged(body: &[u8]) -> Result<(), BodyError> {
    match decode::<IgnoredAny>(body) {
        Err(error) if error.fault != BodyFault::Empty => Err(error),
        _ => Ok(()),
    }
}

fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = String::from_utf8_lossy(body);
        let fault = match error.classify() {
            _ if text.trim().is_empty() => BodyFault::Empty,
            _ if is_html(&text) => BodyFault::Html,
            Category::Data => BodyFault::WrongShape,
            Category::Io | Category::Syntax | Category::Eof => BodyFault::NotJson,
        };
        let detail = if fault == BodyFault::WrongShape { json::problem(&error) } else { String::new() };
        BodyError { fault, detail, id: None }
    })
}

fn take_row(row: WireRow<'_>) -> Result<Row, String> {
    let WireRow { id, user_id, name, public_key, is_primary, is_user_key, created_at } = row;
    Ok(Row {
        id: KeyId::new(id).map_err(|error| format!("invalid `id`: {error}"))?,
        user_id: UserId::new(user_id).map_err(|error| format!("invalid `userId`: {error}"))?,
        name: without_private_key(name),
        content: public_key.as_deref().map(KeyContent::of_text).unwrap_or_default(),
        public_key,
        is_primary,
        is_user_key,
        created_at: created_at.as_str().and_then(timestamp),
    })
}

/// Replaces a name that is a private key, pasted by mistake: names are shown and recorded.
fn without_private_key(name: String) -> String {
    if private::first_line(name.as_bytes()).is_some() { "[private key]".to_owned() } else { name }
}

/// Reads RFC 3339, also without an offset, which is then UTC.
fn timestamp(text: &str) -> Option<Timestamp> {
    let local = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(local)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROW: &str = r#"{"id":"k1","userId":"u1","name":"a","isPrimary":false,"isUserKey":true"#;

    fn row(rest: &str) -> Result<Row, BodyError> {
        page(format!(r#"{{"data":[{ROW}{rest}}}]}}"#).as_bytes()).map(|mut page| page.rows.remove(0))
    }

    #[test]
    fn a_page_needs_its_data_alone() {
        assert_eq!(page(br#"{"data":[]}"#), Ok(Page { bytes: 11, ..Page::default() }));
        let full = br#"{"total_count":7,"offset":0,"limit":50,"data":[],"status":null,"new":{}}"#;
        assert_eq!(
            page(full),
            Ok(Page { rows: vec![], total: Some(7), limit: Some(50), bytes: full.len() as u64, date: None })
        );
        assert_eq!(
            page(br#"{"data":[],"total_count":null,"limit":"many"}"#),
            Ok(Page { bytes: 45, ..Page::default() })
        );
        assert_eq!(page(b"[]").unwrap_err().fault, BodyFault::WrongShape);
        assert_eq!(page(br#"{"rows":[]}"#).unwrap_err().fault, BodyFault::WrongShape);
    }

    #[test]
    fn a_name_that_is_a_private_key_is_not_shown() {
        let key = include_str!("../../tests/public_keys/private/openssh-ed25519");
        let named = |name: &str| {
            let text = json!({ "data": [{ "id": "k1", "userId": "u1", "name": name, "isPrimary": false, "isUserKey": true }] });
            page(text.to_string().as_bytes()).unwrap().rows.remove(0).name
        };
        assert_eq!(named(key), "[private key]");
        assert_eq!(named(&key.replace('\n', "")), "[private key]");
        assert_eq!(named("my BEGIN PRIVATE KEY laptop"), "my BEGIN PRIVATE KEY laptop");
    }

    #[test]
    fn a_row_may_lack_its_key_and_have_unknown_fields() {
        let bare = row("").unwrap();
        assert_eq!((bare.public_key, bare.content, bare.created_at), (None, KeyContent::Unreadable, None));
        assert!(row(r#","publicKey":null,"shiny":[1,{}]"#).is_ok());
        let odd = row(r#","publicKey":"what is this""#).unwrap();
        assert_eq!((odd.public_key.as_deref(), odd.content), (Some("what is this"), KeyContent::Unreadable));
    }

    #[test]
    fn a_row_without_a_required_field_is_refused() {
        for field in ["id", "userId", "name", "isPrimary", "isUserKey"] {
            let body = format!(r#"{{"data":[{ROW}}}]}}"#).replace(&format!("\"{field}\""), "\"other\"");
            let BodyError { fault, detail: why, id: _ } = page(body.as_bytes()).unwrap_err();
            assert_eq!(fault, BodyFault::WrongShape);
            assert!(why.contains(field), "{why}");
        }
        let evil = format!(r#"{{"data":[{ROW}}}]}}"#).replace("k1", "../k1");
        assert_eq!(page(evil.as_bytes()).unwrap_err().fault, BodyFault::WrongShape);
    }

    #[test]
    fn an_empty_body_acknowledges_and_a_page_does_not() {
        for body in ["", " \r\n", "null", "{}", r#"{"message":"ok"}"#] {
            assert_eq!(acknowledged(body.as_bytes()), Ok(()), "{body:?}");
        }
        assert_eq!(acknowledged(b"<html>").unwrap_err().fault, BodyFault::Html);
        assert_eq!(acknowledged(b"ok").unwrap_err().fault, BodyFault::NotJson);
    }

    #[test]
    fn dates_are_read_in_every_known_form() {
        let noon: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        for (text, expect) in [
            ("\"2026-01-02T12:00:00Z\"", Some(noon)),
            ("\"2026-01-02T13:00:00+01:00\"", Some(noon)),
            ("\"2026-01-02T12:00:00.000000\"", Some(noon)),
            ("\"yesterday\"", None),
            ("1767355200", None),
            ("null", None),
        ] {
            assert_eq!(row(&format!(r#","createdAt":{text}"#)).unwrap().created_at, expect, "{text}");
        }
    }

    #[test]
    fn each_kind_of_body_that_is_not_json_has_its_own_error() {
        let fault = |body: &[u8]| page(body).unwrap_err().fault;
        assert_eq!(fault(b""), BodyFault::Empty);
        assert_eq!(fault(b" \r\n"), BodyFault::Empty);
        assert_eq!(fault(b"<html>"), BodyFault::Html);
        assert_eq!(fault(b"\n<!doctype html>"), BodyFault::Html);
        assert_eq!(fault(b"ok"), BodyFault::NotJson);
        assert_eq!(fault(br#"{"data":["#), BodyFault::NotJson);
        assert_eq!(fault(&[0xff, 0xfe]), BodyFault::NotJson);
        assert_eq!(fault("[".repeat(100_000).as_bytes()), BodyFault::WrongShape);
    }

    proptest::proptest! {
        #[test]
        fn no_body_can_make_a_decoder_panic(body: Vec<u8>, text: String, html in "<[a-z<>/ &é]{0,40}") {
            let token = crate::account::Token::parse("t").unwrap();
            let sent = KeyBlob::of_line("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f");
            let wrapped = format!(r#"{{"data":[{{"id":{0},"name":{0}}}],"detail":{0},"errors":[{0}]}}"#, json!(text));
            for body in [&body[..], text.as_bytes(), html.as_bytes(), wrapped.as_bytes()] {
                let _ = page(body);
                let _ = acknowledged(body);
                let _ = sent.as_ref().map(|sent| uploaded(body, sent));
                let _ = crate::account::server_text::ServerText::read(body, &token);
            }
        }
    }
}
