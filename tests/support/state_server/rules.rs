//! The rules of each server.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::state::{StoredState, serial};
use super::{DEVELOPER, Dialect, Inject, JOB_TOKEN, MAINTAINER, StateRequest};

/// The fields that GitLab requires of a lock.
const LOCK_FIELDS: [&str; 7] = ["ID", "Operation", "Info", "Who", "Version", "Created", "Path"];

pub(super) struct Rules {
    dialect: Dialect,
    pub(super) states: BTreeMap<String, StoredState>,
    pub(super) requests: Vec<StateRequest>,
    pub(super) inject: Inject,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: Vec<u8>,
}

/// What a user may do in the project.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Guest,
    Developer,
    Maintainer,
}

impl Rules {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, states: BTreeMap::new(), requests: Vec::new(), inject: Box::new(|_, _| None) }
    }

    fn prefix(&self) -> &'static str {
        match self.dialect {
            Dialect::GitLab => "/api/v4/projects/7/terraform/state/",
            Dialect::Gitea => "/api/packages/acme/terraform/state/",
            Dialect::Terraform | Dialect::Lockless => "/states/",
        }
    }

    pub(super) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    /// Carries a request out.
    pub(super) fn answer(&mut self, request: &StateRequest) -> Answer {
        let (user, role) = match user(request.authorization.as_deref()) {
            Ok(Some((user, role))) => (user, role),
            Ok(None) if self.dialect == Dialect::Lockless => ("anonymous".to_owned(), Role::Maintainer),
            _ => return message(401, "401 Unauthorized"),
        };
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let Some(name) = path.strip_prefix(self.prefix()) else { return message(404, "404 Project Not Found") };
        if role < Role::Developer {
            // GitLab does not say that a private project exists.
            return message(404, "404 Project Not Found");
        }
        if self.dialect == Dialect::Lockless {
            return self.answer_without_locks(request, name);
        }
        let (name, is_lock) = match (self.dialect, name.strip_suffix("/lock")) {
            (Dialect::GitLab | Dialect::Gitea, Some(name)) => (name, true),
            _ => (name, false),
        };
        let is_written = request.method != "GET";
        if is_written && role < Role::Maintainer {
            return message(403, "403 Forbidden");
        }
        let query_id = query.split('&').find_map(|pair| pair.strip_prefix("ID="));
        let id = query_id.map(str::to_owned).or_else(|| field(&request.body, "ID"));
        match (request.method.as_str(), is_lock, self.dialect) {
            ("GET", false, _) => self.read(name),
            ("POST", false, _) => self.write(name, query_id, &request.body),
            ("POST", true, _) | ("LOCK", false, Dialect::Terraform) => self.lock(name, &user, &request.body),
            ("DELETE", true, _) | ("UNLOCK", false, Dialect::Terraform) => self.unlock(name, id.as_deref()),
            _ => message(405, "405 Method Not Allowed"),
        }
    }

    fn answer_without_locks(&mut self, request: &StateRequest, name: &str) -> Answer {
        match request.method.as_str() {
            "GET" => self.read(name),
            "POST" => {
                self.states.entry(name.to_owned()).or_default().versions.push(request.body.clone());
                message(200, "ok")
            }
            _ => message(200, "ok"),
        }
    }

    fn read(&self, name: &str) -> Answer {
        match self.states.get(name) {
            None => message(404, "404 Not found"),
            Some(state) => match state.latest() {
                None => Answer { status: 204, kind: "text/plain", body: Vec::new() },
                Some(text) => Answer { status: 200, kind: "application/octet-stream", body: text.to_vec() },
            },
        }
    }

    fn write(&mut self, name: &str, id: Option<&str>, body: &[u8]) -> Answer {
        let refuses_serials = self.dialect == Dialect::GitLab;
        let state = self.states.entry(name.to_owned()).or_default();
        if !state.accepts(id) {
            return message(409, "409 Conflict");
        }
        let Some(serial) = serial(body) else { return message(400, "serial is missing, serial is invalid") };
        if refuses_serials && state.serials().contains(&serial) {
            return message(422, "Validation failed: Version has already been taken");
        }
        state.versions.push(body.to_vec());
        Answer { status: 200, kind: "application/json", body: Vec::new() }
    }

    fn lock(&mut self, name: &str, user: &str, body: &[u8]) -> Answer {
        let Ok(request) = serde_json::from_slice::<Value>(body) else { return message(400, "ID is missing") };
        let required = if self.dialect == Dialect::GitLab { &LOCK_FIELDS[..] } else { &LOCK_FIELDS[..1] };
        if let Some(missing) = required.iter().find(|field| request[**field].as_str().is_none()) {
            return message(400, &format!("{missing} is missing"));
        }
        let state = self.states.entry(name.to_owned()).or_default();
        let is_free = state.lock.is_none();
        if is_free {
            state.lock = Some(request.clone());
            user.clone_into(&mut state.locked_by);
        }
        let lock = state.lock.clone().unwrap_or_default();
        let conflict = if self.dialect == Dialect::Terraform { 423 } else { 409 };
        let status = if is_free { 200 } else { conflict };
        match self.dialect {
            // The rest is that of the request.
            Dialect::GitLab => {
                let mut holder = request;
                holder["ID"] = lock["ID"].clone();
                holder["Who"] = json!(state.locked_by);
                holder["Created"] = lock["Created"].clone();
                Answer { status, kind: "application/json", body: holder.to_string().into_bytes() }
            }
            Dialect::Gitea if is_free => message(status, "State locked successfully"),
            Dialect::Gitea => message(status, "State is already locked"),
            Dialect::Terraform | Dialect::Lockless => {
                Answer { status, kind: "application/json", body: lock.to_string().into_bytes() }
            }
        }
    }

    fn unlock(&mut self, name: &str, id: Option<&str>) -> Answer {
        let Some(state) = self.states.get_mut(name) else { return message(404, "404 Not found") };
        // GitLab breaks a lock if no id is named.
        let breaks = id.is_none() && self.dialect == Dialect::GitLab;
        if !breaks && (id.is_none() || state.lock_id() != id) {
            return message(409, "409 Conflict");
        }
        state.lock = None;
        message(200, "ok")
    }
}

/// The user with these credentials, if there are any.
fn user(authorization: Option<&str>) -> Result<Option<(String, Role)>, ()> {
    let Some(authorization) = authorization else { return Ok(None) };
    let basic = authorization.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok()).ok_or(())?;
    let text = String::from_utf8(basic).map_err(drop)?;
    let role = match text.split_once(':').ok_or(())? {
        ("gitlab-ci-token", JOB_TOKEN) | ("maria", MAINTAINER) => Role::Maintainer,
        ("gitlab-ci-token" | "dave", DEVELOPER) => Role::Developer,
        ("gina", _) => Role::Guest,
        _ => return Err(()),
    };
    Ok(Some((text.split(':').next().unwrap_or_default().to_owned(), role)))
}

fn field(body: &[u8], name: &str) -> Option<String> {
    serde_json::from_slice::<Value>(body).ok()?.get(name)?.as_str().map(str::to_owned)
}

fn message(status: u16, message: &str) -> Answer {
    Answer { status, kind: "application/json", body: json!({ "message": message }).to_string().into_bytes() }
}
