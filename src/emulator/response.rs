//! Responses, apart from their delivery.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::behaviour::ErrorShape;
use super::body::ResponseBody;
use super::faults::FaultKind;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Debug)]
pub(super) struct ApiResponse {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    content_type: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug)]
pub(super) struct FieldProblem {
    /// `body`, `path` or `query`.
    pub(super) place: &'static str,
    /// Its name there; `None` is the whole place.
    pub(super) param: Option<String>,
    /// FastAPI's name for the kind of error.
    pub(super) kind: &'static str,
    pub(super) message: String,
}

impl ApiResponse {
    pub(super) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, body: body.into(), content_type, headers: Vec::new() }
    }

    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(status, JSON, body),
            Err(_) => Self::internal(),
        }
    }

    /// FastAPI's `{"detail": …}`.
    pub(super) fn detail(status: StatusCode, detail: &str) -> Self {
        Self::json(status, &json!({ "detail": detail }))
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self::new(status, "", Bytes::new())
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "Internal Server Error")
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }

    /// A 422 for a malformed request.
    pub(super) fn malformed(shape: ErrorShape, problems: &[FieldProblem]) -> Self {
        match shape {
            ErrorShape::Mixed | ErrorShape::Detail => Self::detail_list(problems),
            ErrorShape::Errors => Self::errors(problems),
        }
    }

    /// A 422 for a refused value.
    pub(super) fn refused(shape: ErrorShape, problem: FieldProblem) -> Self {
        match shape {
            ErrorShape::Detail => Self::detail_list(&[problem]),
            ErrorShape::Mixed | ErrorShape::Errors => Self::errors(&[problem]),
        }
    }

    /// A 429.
    pub(super) fn too_many(retry_after: Option<Duration>) -> Self {
        let answer = Self::detail(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        match retry_after {
            Some(wait) => answer.with(header::RETRY_AFTER, whole_seconds(wait).to_string()),
            None => answer,
        }
    }

    /// The response of a fault that does not depend on the request; `None` for other faults.
    pub(super) fn of_fault(fault: FaultKind, retry_after: Duration, now: Timestamp) -> Option<Self> {
        let unavailable = || Self::detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        Some(match fault {
            FaultKind::TooMany => Self::too_many(Some(retry_after)),
            FaultKind::TooManyDate => {
                let seconds = i64::try_from(whole_seconds(retry_after)).unwrap_or(i64::MAX);
                let date = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
                Self::too_many(None).with(header::RETRY_AFTER, httpdate::fmt_http_date(date.into()))
            }
            FaultKind::TooManyBare => Self::too_many(None),
            FaultKind::Internal | FaultKind::InternalAfter => Self::internal(),
            FaultKind::BadGateway => Self::page(StatusCode::BAD_GATEWAY, "502 Bad Gateway"),
            FaultKind::EmptyList => Self::json(StatusCode::OK, &json!({ "total_count": 0, "data": [] })),
            FaultKind::Unavailable | FaultKind::UnavailableAfter => {
                unavailable().with(header::RETRY_AFTER, whole_seconds(retry_after).to_string())
            }
            FaultKind::UnavailableBare => unavailable(),
            FaultKind::GatewayTimeout | FaultKind::GatewayTimeoutAfter => {
                Self::page(StatusCode::GATEWAY_TIMEOUT, "504 Gateway Time-out")
            }
            FaultKind::Html => Self::page(StatusCode::OK, "Welcome. Please sign in"),
            FaultKind::ForeignJson => Self::json(StatusCode::OK, &json!({ "message": "ok" })),
            FaultKind::Latency
            | FaultKind::CloseBefore
            | FaultKind::CloseAfter
            | FaultKind::Truncated
            | FaultKind::BrokenJson
            | FaultKind::StallBefore
            | FaultKind::StallAfter
            | FaultKind::CloseLate
            | FaultKind::StallLate
            | FaultKind::NoKey
            | FaultKind::MaskedKey
            | FaultKind::WrappedKey
            | FaultKind::Gzip => return None,
        })
    }

    /// Replaces the `publicKey` of a key object, or removes it. Other bodies stay as they are.
    pub(super) fn with_public_key(mut self, edit: impl FnOnce(&str) -> Option<String>) -> Self {
        if let Ok(Value::Object(mut key)) = serde_json::from_slice(&self.body)
            && let Some(Value::String(text)) = key.remove("publicKey")
        {
            key.extend(edit(&text).map(|text| ("publicKey".to_owned(), Value::String(text))));
            self.body = Value::Object(key).to_string().into();
        }
        self
    }

    /// Claims that the body is compressed, and replaces it by the beginning of such a body.
    pub(super) fn compressed(mut self) -> Self {
        self.body = Bytes::from_static(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03");
        self.with(header::CONTENT_ENCODING, "gzip")
    }

    /// Keeps the first half of the body, with the length of that half.
    pub(super) fn halved(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    pub(super) fn into_response(self, truncated: bool) -> Response<ResponseBody> {
        let body = if truncated { ResponseBody::half(&self.body) } else { ResponseBody::whole(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        if !self.content_type.is_empty() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        response.headers_mut().extend(self.headers);
        response
    }

    fn page(status: StatusCode, title: &str) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::new(status, HTML, page)
    }

    fn detail_list(problems: &[FieldProblem]) -> Self {
        let list: Vec<_> = problems
            .iter()
            .map(|FieldProblem { place, param, kind, message }| {
                let loc: Vec<&str> = [Some(*place), param.as_deref()].into_iter().flatten().collect();
                json!({ "type": kind, "loc": loc, "msg": message })
            })
            .collect();
        Self::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "detail": list }))
    }

    fn errors(problems: &[FieldProblem]) -> Self {
        let list: Vec<_> = problems
            .iter()
            .map(
                |FieldProblem {
                     place,
                     param,
                     kind: _,
                     message,
                 }| { json!({ "param": param.as_deref().unwrap_or(place), "details": message }) },
            )
            .collect();
        Self::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "errors": list }))
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
