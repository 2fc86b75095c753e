//! The calls themselves: from a request that arrived whole to its answer.

use std::time::Instant;

use hyper::body::Bytes;
use hyper::header;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::EmulatorError;
use super::answer::{Answer, Problem};
use super::behaviour::{DeleteBody, OverLimit, UploadStatus};
use super::config::Config;
use super::limit::Window;
use super::objects::{KeyObject, PageObject};
use super::routes::{self, Call, Route};
use super::rows::{Event, Refusal, Upload};
use super::storage::Storage;

/// How many rows a page has unless asked otherwise.
const DEFAULT_LIMIT: u64 = 100;

/// Answers requests, one at a time.
#[derive(Debug)]
pub(super) struct Calls {
    config: Config,
    storage: Storage,
    window: Option<Window>,
}

/// An answer in place of the one that was asked for.
type Refused = Answer;

impl Calls {
    pub(super) fn open(config: Config) -> Result<Self, EmulatorError> {
        let storage = Storage::open(&config)?;
        let window = config.rate_limit.map(Window::new);
        Ok(Self { config, storage, window })
    }

    pub(super) fn storage(&mut self) -> &mut Storage {
        &mut self.storage
    }

    /// Answers a request. What it changes is written down before this returns.
    pub(super) fn answer(&mut self, request: &Parts, body: &Bytes, now: Timestamp) -> Answer {
        // FastAPI's order: path, slash and method come before the token, the token before the body.
        let call = match Route::of(&request.method, request.uri.path()) {
            Route::To(call) => call,
            Route::Redirect(path) => return redirect(request, &path),
            Route::Method(allow) => {
                return Answer::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").with(header::ALLOW, allow);
            }
            Route::Nowhere => return Answer::detail(StatusCode::NOT_FOUND, "Not Found"),
        };
        let answer = self.admit(&request.headers, call).and_then(|()| match call {
            Call::List => self.list(request.uri.query()),
            Call::Upload => self.upload(body, now),
            Call::Promote { id } => self.promote(id, body, now),
            Call::Delete { id } => self.delete(id, now),
            Call::WhoAmI => Ok(self.who_am_i()),
        });
        answer.unwrap_or_else(|refused| refused)
    }

    fn admit(&mut self, headers: &HeaderMap, call: Call<'_>) -> Result<(), Refused> {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| value.split_once(' '));
        match bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
            None => return Err(Answer::detail(StatusCode::FORBIDDEN, "Not authenticated")),
            Some((_, token)) if token.trim() == self.config.token.as_str() => {}
            Some(_) => return Err(Answer::detail(StatusCode::UNAUTHORIZED, "Invalid API key")),
        }
        if let Some(Err(wait)) = self.window.as_mut().map(|window| window.admit(Instant::now())) {
            return Err(Answer::too_many(wait));
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
        Err(Answer::detail(StatusCode::UNAUTHORIZED, &missing))
    }

    fn list(&mut self, query: Option<&str>) -> Result<Answer, Refused> {
        let behaviour = &self.config.behaviour;
        let number = |name: &str, default| {
            routes::number(query, name).map(|number| number.unwrap_or(default)).map_err(|_| {
                let problem = problem("query", name, "int_parsing", "Input should be a valid integer, 0 or greater");
                Answer::malformed(behaviour.error_shape, &[problem])
            })
        };
        let offset = number("offset", 0)?;
        let asked = number("limit", DEFAULT_LIMIT)?;
        let most = behaviour.max_limit.unwrap_or(u64::MAX);
        if asked > most && behaviour.over_limit == OverLimit::Refuse {
            let message = format!("Input should be less than or equal to {most}");
            return Err(Answer::malformed(
                behaviour.error_shape,
                &[problem("query", "limit", "less_than_equal", &message)],
            ));
        }
        let limit = asked.min(most);
        let [from, count] = [offset, limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let arrangement = self.storage.arrangement(behaviour.list_order, from);
        let rows = self.storage.rows();
        let page = rows.page(from, count, arrangement);
        let page = PageObject::new(&page, (rows.len(), offset, limit), &self.config.user_id, behaviour);
        Ok(Answer::json(StatusCode::OK, &page))
    }

    fn upload(&mut self, body: &Bytes, now: Timestamp) -> Result<Answer, Refused> {
        let fields = self.object(body)?;
        let (name, public_key) = match (text(&fields, "name"), text(&fields, "publicKey")) {
            (Ok(name), Ok(public_key)) => (name, public_key),
            (name, public_key) => {
                let problems: Vec<_> = [name.err(), public_key.err()].into_iter().flatten().collect();
                return Err(Answer::malformed(self.config.behaviour.error_shape, &problems));
            }
        };
        let behaviour = &self.config.behaviour;
        let upload = self.storage.rows().upload(name, public_key, behaviour, now);
        let row = match upload.map_err(|refusal| self.refuse(refusal))? {
            Upload::Same(row) => row.clone(),
            Upload::New(row) => self.storage.add(row).map_err(|error| unkept(&error))?,
        };
        let status = match self.config.behaviour.upload_status {
            UploadStatus::Ok => StatusCode::OK,
            UploadStatus::Created => StatusCode::CREATED,
        };
        Ok(Answer::json(status, &KeyObject::new(&row, &self.config.user_id, &self.config.behaviour)))
    }

    fn promote(&mut self, id: &str, body: &Bytes, now: Timestamp) -> Result<Answer, Refused> {
        let fields = self.object(body)?;
        let malformed = |problem| Answer::malformed(self.config.behaviour.error_shape, &[problem]);
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
        self.commit(event)?;
        let updated = json!({ "message": "SSH key updated successfully", "updated_fields": { "isPrimary": true } });
        Ok(Answer::json(StatusCode::OK, &updated))
    }

    fn delete(&mut self, id: &str, now: Timestamp) -> Result<Answer, Refused> {
        let event = self.storage.rows().deletion(id, &self.config.behaviour, now);
        let event = event.map_err(|refusal| self.refuse(refusal))?;
        self.commit(event)?;
        Ok(match self.config.behaviour.delete_body {
            DeleteBody::Json => Answer::json(StatusCode::OK, &json!({ "message": "SSH key deleted successfully" })),
            DeleteBody::Empty => Answer::empty(StatusCode::OK),
            DeleteBody::NoContent => Answer::empty(StatusCode::NO_CONTENT),
        })
    }

    fn who_am_i(&self) -> Answer {
        let scopes = self.config.scopes;
        let granted = (scopes.read || scopes.write).then(|| json!({ "read": scopes.read, "write": scopes.write }));
        let scope = json!({ "ssh_keys": granted, "pods": null });
        Answer::json(StatusCode::OK, &json!({ "data": { "id": &self.config.user_id, "scope": scope } }))
    }

    fn commit(&mut self, event: Event) -> Result<(), Refused> {
        self.storage.commit(event).map_err(|error| unkept(&error))
    }

    fn object(&self, body: &Bytes) -> Result<Map<String, Value>, Refused> {
        let malformed = |kind, message: &str| {
            let problem = Problem { place: "body", param: None, kind, message: message.to_owned() };
            Answer::malformed(self.config.behaviour.error_shape, &[problem])
        };
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(malformed("model_attributes_type", "Input should be a valid dictionary or object")),
            Err(_) if body.is_empty() => Err(malformed("missing", "Field required")),
            Err(_) => Err(malformed("json_invalid", "JSON decode error")),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        let shape = self.config.behaviour.error_shape;
        let refused = |place, param, message| Answer::refused(shape, problem(place, param, "value_error", message));
        match refusal {
            Refusal::NotAKey => refused("body", "publicKey", "Invalid SSH public key"),
            Refusal::DuplicateKey => refused("body", "publicKey", "SSH key already exists"),
            Refusal::DuplicateName => refused("body", "name", "SSH key name already exists"),
            Refusal::PrimaryStays => refused("path", "key_id", "The primary SSH key cannot be deleted"),
            Refusal::UnknownId => Answer::detail(StatusCode::NOT_FOUND, "SSH key not found"),
            Refusal::SystemKeyStays => Answer::detail(StatusCode::FORBIDDEN, "System SSH keys cannot be deleted"),
        }
    }
}

fn unkept(error: &EmulatorError) -> Answer {
    tracing::error!(error = error as &dyn std::error::Error, "the emulator cannot keep its keys");
    Answer::internal()
}

fn problem(place: &'static str, param: &str, kind: &'static str, message: &str) -> Problem {
    Problem { place, param: Some(param.to_owned()), kind, message: message.to_owned() }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, Problem> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(problem("body", name, "string_type", "Input should be a valid string")),
        None => Err(problem("body", name, "missing", "Field required")),
    }
}

/// Redirects as Starlette does: 307, absolute, with the query, before anyone asks for a token.
fn redirect(request: &Parts, path: &str) -> Answer {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri.authority().map(hyper::http::uri::Authority::as_str).or(host);
    let origin = host.map(|host| format!("http://{host}")).unwrap_or_default();
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Answer::empty(StatusCode::TEMPORARY_REDIRECT).with(header::LOCATION, format!("{origin}{path}{query}"))
}
