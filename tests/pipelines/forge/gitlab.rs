//! GitLab's API, as far as the component uses it, and the states that GitLab keeps.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Api, Request, number};
use crate::support::state_server::{Dialect, StateRequest, StateServer};

/// The token in the environments for plans: role Reporter, scope `api`.
pub const PLAN_TOKEN: &str = "glpat-plan";
/// The token in the environments for applies: role Maintainer, scope `api`.
pub const APPLY_TOKEN: &str = "glpat-apply";
/// The user that the tokens belong to.
const SELF: usize = 40;
/// The most entries of a page.
const PAGE: usize = 100;

pub struct GitLab {
    pub notes: Vec<Value>,
    pub issues: Vec<Value>,
    pub merge_requests: Vec<Value>,
    /// Each with its merge request and commit.
    pub pipelines: Vec<Value>,
    /// The jobs that ended, each with its pipeline. A job that was retried is in it several times.
    pub jobs: Vec<Value>,
    /// By job and path.
    pub artifacts: BTreeMap<(usize, String), String>,
    /// The parents of commits that GitLab made.
    pub parents: BTreeMap<String, [String; 2]>,
    pub states: StateServer,
    /// Each request, as method and path.
    pub asked: Vec<String>,
}

impl Default for GitLab {
    fn default() -> Self {
        Self {
            notes: Vec::new(),
            issues: Vec::new(),
            merge_requests: Vec::new(),
            pipelines: Vec::new(),
            jobs: Vec::new(),
            artifacts: BTreeMap::new(),
            parents: BTreeMap::new(),
            states: StateServer::start(Dialect::GitLab),
            asked: Vec::new(),
        }
    }
}

impl GitLab {
    /// Opens a merge request and returns its number.
    pub fn open(&mut self, head: &str) -> usize {
        let iid = self.merge_requests.len() + 1;
        self.merge_requests.push(json!({"iid": iid, "state": "opened", "sha": head, "target_branch": "main",
            "merge_commit_sha": null, "squash_commit_sha": null}));
        iid
    }

    /// Changes the head of a merge request.
    pub fn moved(&mut self, iid: usize, head: &str) {
        self.merge_requests[iid - 1]["sha"] = head.into();
    }

    /// Marks a merge request as merged.
    pub fn merged(&mut self, iid: usize, commit: &str) {
        self.merge_requests[iid - 1]["merge_commit_sha"] = commit.into();
        self.merge_requests[iid - 1]["state"] = "merged".into();
    }

    /// Somebody writes a note.
    pub fn note(&mut self, iid: usize, who: usize, body: &str) {
        let id = self.notes.len() + 100;
        self.notes.push(json!({"id": id, "request": iid, "author": {"id": who}, "body": body}));
    }

    /// The notes of keyform to a merge request.
    pub fn own_notes(&self, iid: usize) -> Vec<String> {
        let own = self.notes.iter().filter(|note| note["request"] == iid && note["author"]["id"] == SELF);
        own.map(|note| note["body"].as_str().unwrap().to_owned()).collect()
    }
}

impl Api for GitLab {
    fn exactly(&mut self, request: &Request) -> Option<(u16, String)> {
        let path = request.path.join("/");
        if !path.contains("/terraform/state/") {
            return None;
        }
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let (status, body) = self.states.answer(&StateRequest {
            method: request.method.clone(),
            target: format!("/{path}{query}"),
            authorization: Some(request.token.clone()),
            headers: String::new(),
            body: request.body.clone().into_bytes(),
        });
        Some((status, String::from_utf8(body).unwrap()))
    }

    fn answer(&mut self, request: &Request) -> Answer {
        self.asked.push(format!("{} {}", request.method, request.path.join("/")));
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let ["api", "v4", path @ ..] = path.as_slice() else { return (404, "404 Not Found".into()) };
        if ![PLAN_TOKEN, APPLY_TOKEN].contains(&request.token.as_str()) {
            return (401, "401 Unauthorized".into());
        }
        let ["projects", "7", rest @ ..] = path else {
            return if path == ["user"] { (200, json!({"id": SELF})) } else { (404, "404 Not Found".into()) };
        };
        if request.method == "GET" { self.read(rest, &request.query) } else { self.write(request, rest) }
    }
}

impl GitLab {
    fn read(&self, path: &[&str], query: &str) -> Answer {
        let query: BTreeMap<_, _> = query.split('&').filter_map(|field| field.split_once('=')).collect();
        let found = match path {
            ["merge_requests", iid, "notes"] => of(&self.notes, "request", &number(iid).into()),
            ["merge_requests", iid, "pipelines"] => of(&self.pipelines, "request", &number(iid).into()),
            ["merge_requests", iid] => return (200, self.merge_requests[number(iid) - 1].clone()),
            ["repository", "commits", commit, "merge_requests"] => {
                let of = |request: &&Value| {
                    ["merge_commit_sha", "squash_commit_sha", "sha"].iter().any(|field| request[field] == *commit)
                };
                return (200, self.merge_requests.iter().filter(of).cloned().collect());
            }
            ["repository", "commits", commit] => {
                let parents = self.parents.get(*commit);
                return (200, json!({"id": commit, "parent_ids": parents.map(|parents| parents.to_vec())}));
            }
            ["pipelines", id, "jobs"] => {
                let jobs = of(&self.jobs, "pipeline", &number(id).into());
                let is_last = |job: &Value| {
                    let later =
                        |other: &&Value| other["name"] == job["name"] && other["id"].as_u64() > job["id"].as_u64();
                    !jobs.iter().any(|other| later(&other))
                };
                let counts = |job: &&Value| {
                    query.get("scope[]").is_none_or(|scope| job["status"] == *scope)
                        && (query.get("include_retried") == Some(&"true") || is_last(job))
                };
                jobs.iter().filter(counts).cloned().collect()
            }
            ["jobs", id, "artifacts", path] => {
                return match self.artifacts.get(&(number(id), (*path).to_owned())) {
                    Some(content) => (200, content.parse().unwrap()),
                    None => (404, "404 Not Found".into()),
                };
            }
            ["issues"] => {
                assert_eq!((query["state"], query["scope"]), ("opened", "created_by_me"));
                let issues = of(&self.issues, "state", &"opened".into());
                issues.into_iter().filter(|issue| issue["labels"] == query["labels"]).collect()
            }
            _ => return (404, "404 Not Found".into()),
        };
        let page: usize = query["page"].parse().unwrap();
        assert_eq!(query["per_page"], PAGE.to_string());
        (200, found.into_iter().skip((page - 1) * PAGE).take(PAGE).collect())
    }

    fn write(&mut self, request: &Request, path: &[&str]) -> Answer {
        let body = form(&request.body);
        match (request.method.as_str(), path) {
            ("POST", ["merge_requests", iid, "notes"]) => {
                self.note(number(iid), SELF, &body["body"]);
                (201, Value::Null)
            }
            ("PUT", ["merge_requests", _, "notes", id]) => {
                let note = self.notes.iter_mut().find(|note| note["id"] == number(id)).unwrap();
                if note["author"]["id"] != SELF {
                    return (403, "somebody else wrote it".into());
                }
                note["body"] = body["body"].clone().into();
                (200, Value::Null)
            }
            ("POST", ["issues"]) => {
                let iid = self.issues.len() + 1;
                let (title, description, labels) = (&body["title"], &body["description"], &body["labels"]);
                self.issues.push(
                    json!({"iid": iid, "state": "opened", "title": title, "description": description, "labels": labels}),
                );
                (201, Value::Null)
            }
            ("PUT", ["issues", iid]) => {
                let issue = &mut self.issues[number(iid) - 1];
                match (body.get("state_event").map(String::as_str), body.get("description")) {
                    (Some("close"), None) => issue["state"] = "closed".into(),
                    (None, Some(text)) => issue["description"] = text.clone().into(),
                    other => panic!("{other:?}"),
                }
                (200, Value::Null)
            }
            _ => (404, "404 Not Found".into()),
        }
    }
}

fn of(all: &[Value], field: &str, value: &Value) -> Vec<Value> {
    all.iter().filter(|one| one[field] == *value).cloned().collect()
}

/// Reads `a=b&c=d%20e`.
fn form(body: &str) -> BTreeMap<String, String> {
    let fields = body.split('&').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (name.to_owned(), decode(value))).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
