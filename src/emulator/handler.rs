//! Answers requests that arrived whole.

use std::time::Instant;

use hyper::body::Bytes;
use hyper::header;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::behaviour::{DeleteBody, OverLimit, UploadStatus};
use super::config::EmulatorConfig;
use super::error::EmulatorError;
use super::limit::RateWindow;
use super::objects::{KeyObject, PageObject};
use super::response::{ApiResponse, FieldProblem};
use super::routes::{self, Call, Route};
use super::rows::{Rejection, RowEvent, UploadOutcome};
use super::storage::Storage;

/// The number of rows on a page if the request has no `limit`.
const DEFAULT_LIMIT: u64 = 100;

#[derive(Debug)]
pub(super) struct RequestHandler {
    config: EmulatorConfig,
    storage: Storage,
    window: Option<RateWindow>,
}

type ErrorResponse = ApiResponse;

impl RequestHandler {
    pub(super) fn open(config: EmulatorConfig) -> Result<Self, EmulatorError> {
        let storage = Storage::open(&config)?;
        let window = config.rate_limit.map(RateWindow::new);
        Ok(Self { config, storage, window })
    }

    pub(super) fn storage(&mut self) -> &mut Storage {
        &mut self.storage
    }

    /// Answers a request. Its changes are in the log when this returns.
    pub(super) fn answer(&mut self, request: &Parts, body: &Bytes, now: Timestamp) -> ApiResponse {
        // FastAPI's order: path, slash and method come before the token, the token before the body.
        let call = match Route::of(&request.method, request.uri.path()) {
            Route::To(call) => call,
            Route::Redirect(path) => return redirect(request, &path),
            Route::Method(allow) => {
                return ApiResponse::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
                    .with(header::ALLOW, allow);
            }
            Route::Nowhere => return ApiResponse::detail(StatusCode::NOT_FOUND, "Not Found"),
        };
        let answer = self.admit(&request.headers, call).and_then(|()| match call {
            Call::List => self.list(request.uri.query(), now),
            Call::Upload => self.upload(body, now),
            Call::Promote { id } => self.promote(id, body, now),
            Call::Delete { id } => self.delete(id, now),
            Call::WhoAmI => Ok(self.who_am_i()),
        });
        answer.unwrap_or_else(|refused| refused)
    }

    fn admit(&mut self, headers: &HeaderMap, call: Call<'_>) -> Result<(), ErrorResponse> {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| value.split_once(' '));
        match bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
            None => return Err(ApiResponse::detail(StatusCode::FORBIDDEN, "Not authenticated")),
            Some((_, token)) if token.trim() == self.config.token.as_str() => {}
            Some(_) => return Err(ApiResponse::detail(StatusCode::UNAUTHORIZED, "Invalid API key")),
        }
        if let Some(Err(wait)) = self.window.as_mut().map(|window| window.admit(Instant::now())) {
            return Err(ApiResponse::too_many(wait));
        }
        let (granted, permission) = match call {
            Call::List => (self.config.scopes.read, "read"),
            Call::Upload | Call::Promote { .. } | Call::Delete { .. } => (self.config.scopes.write, "write"),
            Call::WhoAmI => (true, ""),
        };
        if granted {
            return Ok(());
        }
        let missing = format!("Token permission missing: scope 'ssh_keys', permission '{permission}'");
        Err(ApiResponse::detail(StatusCode::UNAUTHORIZED, &missing))
    }

    fn list(&mut self, query: Option<&str>, now: Timestamp) -> Result<ApiResponse, ErrorResponse> {
        let behaviour = &self.config.behaviour;
        let number = |name: &str, default| {
            routes::number(query, name).map(|number| number.unwrap_or(default)).map_err(|_| {
                let problem = problem("query", name, "int_parsing", "Input should be a valid integer, 0 or greater");
                ApiResponse::malformed(behaviour.error_shape, &[problem])
            })
        };
        let offset = number("offset", 0)?;
        let asked = number("limit", DEFAULT_LIMIT)?;
        let most = behaviour.max_limit.unwrap_or(u64::MAX);
        if asked > most && behaviour.over_limit == OverLimit::Refuse {
            let message = format!("Input should be less than or equal to {most}");
            return Err(ApiResponse::malformed(
                behaviour.error_shape,
                &[problem("query", "limit", "less_than_equal", &message)],
            ));
        }
        let limit = asked.min(most);
        let [from, count] = [offset, limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let order = self.storage.page_order(behaviour.list_order, from);
        let rows = self.storage.listed(from, now);
        let page = rows.page(from, count, order);
        let page = PageObject::new(&page, (rows.len(), offset, limit), &self.config.user_id, behaviour);
        Ok(ApiResponse::json(StatusCode::OK, &page))
    }

    fn upload(&mut self, body: &Bytes, now: Timestamp) -> Result<ApiResponse, ErrorResponse> {
        let fields = self.object(body)?;
        let (name, public_key) = match (text(&fields, "name"), text(&fields, "publicKey")) {
            (Ok(name), Ok(public_key)) => (name, public_key),
            (name, public_key) => {
                let problems: Vec<_> = [name.err(), public_key.err()].into_iter().flatten().collect();
                return Err(ApiResponse::malformed(self.config.behaviour.error_shape, &problems));
            }
        };
        let behaviour = &self.config.behaviour;
        let upload = self.storage.rows().upload(name, public_key, behaviour, now);
        let row = match upload.map_err(|refusal| self.refuse(refusal))? {
            UploadOutcome::Same(row) => row.clone(),
            UploadOutcome::New(row) => self.storage.add(row, now).map_err(|error| unkept(&error))?,
        };
        let status = match self.config.behaviour.upload_status {
            UploadStatus::Ok => StatusCode::OK,
            UploadStatus::Created => StatusCode::CREATED,
        };
        Ok(ApiResponse::json(status, &KeyObject::new(&row, &self.config.user_id, &self.config.behaviour)))
    }

    fn promote(&mut self, id: &str, body: &Bytes, now: Timestamp) -> Result<ApiResponse, ErrorResponse> {
        let fields = self.object(body)?;
        let malformed = |problem| ApiResponse::malformed(self.config.behaviour.error_shape, &[problem]);
        if let Some(other) = fields.keys().find(|name| *name != "isPrimary") {
            return Err(malformed(problem("body", other, "extra_forbidden", "Extra inputs are not permitted")));
        }
        match fields.get("isPrimary") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => {
                return Err(malformed(problem("body", "isPrimary", "value_error", "must be true when provided")));
            }
            Some(_) => {
                let message = "Input should be a valid boolean";
                return Err(malformed(problem("body", "isPrimary", "bool_type", message)));
            }
            None => return Err(malformed(problem("body", "isPrimary", "missing", "Field required"))),
        }
        let event = self.storage.rows().promotion(id, now).map_err(|refusal| self.refuse(refusal))?;
        self.commit(event, now)?;
        let updated = json!({ "message": "SSH key updated successfully", "updated_fields": { "isPrimary": true } });
        Ok(ApiResponse::json(StatusCode::OK, &updated))
    }

    fn delete(&mut self, id: &str, now: Timestamp) -> Result<ApiResponse, ErrorResponse> {
        let event = self.storage.rows().deletion(id, &self.config.behaviour, now);
        let event = event.map_err(|refusal| self.refuse(refusal))?;
        self.commit(event, now)?;
        Ok(match self.config.behaviour.delete_body {
            DeleteBody::Json => {
                ApiResponse::json(StatusCode::OK, &json!({ "message": "SSH key deleted successfully" }))
            }
            DeleteBody::Empty => ApiResponse::empty(StatusCode::OK),
            DeleteBody::NoContent => ApiResponse::empty(StatusCode::NO_CONTENT),
        })
    }

    fn who_am_i(&self) -> ApiResponse {
        let scopes = self.config.scopes;
        let granted = (scopes.read || scopes.write).then(|| json!({ "read": scopes.read, "write": scopes.write }));
        let scope = json!({ "ssh_keys": granted, "pods": null });
        ApiResponse::json(StatusCode::OK, &json!({ "data": { "id": &self.config.user_id, "scope": scope } }))
    }

    fn commit(&mut self, event: RowEvent, now: Timestamp) -> Result<(), ErrorResponse> {
        self.storage.commit(event, now).map_err(|error| unkept(&error))
    }

    fn object(&self, body: &Bytes) -> Result<Map<String, Value>, ErrorResponse> {
        let malformed = |kind, message: &str| {
            let problem = FieldProblem { place: "body", param: None, kind, message: message.to_owned() };
            ApiResponse::malformed(self.config.behaviour.error_shape, &[problem])
        };
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(malformed("model_attributes_type", "Input should be a valid dictionary or object")),
            Err(_) if body.is_empty() => Err(malformed("missing", "Field required")),
            Err(_) => Err(malformed("json_invalid", "JSON decode error")),
        }
    }

    fn refuse(&self, refusal: Rejection) -> ApiResponse {
        let shape = self.config.behaviour.error_shape;
        let refused =
            |place, param, message| ApiResponse::refused(shape, problem(place, param, "value_error", message));
        match refusal {
            Rejection::NotAKey => refused("body", "publicKey", "Invalid SSH public key"),
            Rejection::DuplicateKey => refused("body", "publicKey", "SSH key already exists"),
            Rejection::DuplicateName => refused("body", "name", "SSH key name already exists"),
            Rejection::PrimaryStays => refused("path", "key_id", "The primary SSH key cannot be deleted"),
            Rejection::UnknownId => ApiResponse::detail(StatusCode::NOT_FOUND, "SSH key not found"),
            Rejection::SystemKeyStays => {
                ApiResponse::detail(StatusCode::FORBIDDEN, "System SSH keys cannot be deleted")
            }
        }
    }
}

fn unkept(error: &EmulatorError) -> ApiResponse {
    tracing::error!(error = error as &dyn std::error::Error, "the emulator cannot keep its keys");
    ApiResponse::internal()
}

fn problem(place: &'static str, param: &str, kind: &'static str, message: &str) -> FieldProblem {
    FieldProblem { place, param: Some(param.to_owned()), kind, message: message.to_owned() }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, FieldProblem> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(problem("body", name, "string_type", "Input should be a valid string")),
        None => Err(problem("body", name, "missing", "Field required")),
    }
}

/// Redirects as Starlette does: 307, absolute, with the query, without a token.
fn redirect(request: &Parts, path: &str) -> ApiResponse {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri.authority().map(hyper::http::uri::Authority::as_str).or(host);
    let origin = host.map(|host| format!("http://{host}")).unwrap_or_default();
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    ApiResponse::empty(StatusCode::TEMPORARY_REDIRECT).with(header::LOCATION, format!("{origin}{path}{query}"))
}
