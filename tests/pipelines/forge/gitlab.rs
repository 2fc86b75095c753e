//! GitLab's API, as far as the example pipeline uses it. One token may do everything, the other may read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Api, Request, number};

/// The token of the plan, with the scope `api`.
pub const PLAN_TOKEN: &str = "glpat-plan";
/// The token of the apply, with the scopes `read_api` and `write_repository`.
pub const APPLY_TOKEN: &str = "glpat-apply";
/// The user that the tokens belong to.
const SELF: usize = 40;

#[derive(Default)]
pub struct GitLab {
    pub notes: Vec<Value>,
    pub issues: Vec<Value>,
    pub merge_requests: Vec<Value>,
    /// The jobs that ended, each with its pipeline.
    pub jobs: Vec<Value>,
    /// By job and path.
    pub artifacts: BTreeMap<(usize, String), String>,
    /// Each request, as method and path.
    pub asked: Vec<String>,
}

impl GitLab {
    /// Opens a merge request and returns its number.
    pub fn open(&mut self, head: &str) -> usize {
        let iid = self.merge_requests.len() + 1;
        self.merge_requests.push(json!({"iid": iid, "state": "opened", "sha": head, "head_pipeline": null,
            "merge_commit_sha": null, "squash_commit_sha": null}));
        iid
    }

    /// Changes the head of a merge request, for which no pipeline ran yet.
    pub fn moved(&mut self, iid: usize, head: &str) {
        let request = &mut self.merge_requests[iid - 1];
        if request["sha"] != head {
            request["sha"] = head.into();
            request["head_pipeline"] = Value::Null;
        }
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
}

impl Api for GitLab {
    fn answer(&mut self, request: &Request) -> Answer {
        self.asked.push(format!("{} {}", request.method, request.path.join("/")));
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let allowed = match request.token.as_str() {
            PLAN_TOKEN => true,
            APPLY_TOKEN => request.method == "GET",
            _ => return (401, "401 Unauthorized".into()),
        };
        if !allowed {
            return (403, "403 Forbidden".into());
        }
        if path == ["user"] {
            return (200, json!({"id": SELF}));
        }
        let body = form(&request.body);
        let ["projects", "7", rest @ ..] = path.as_slice() else { return (404, "no such project".into()) };
        match (request.method.as_str(), rest) {
            ("GET", ["merge_requests", iid, "notes"]) => {
                assert_eq!(request.query, "sort=asc&per_page=100");
                (200, of(&self.notes, "request", &number(iid).into()))
            }
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
            ("GET", ["merge_requests", iid]) => (200, self.merge_requests[number(iid) - 1].clone()),
            ("GET", ["repository", "commits", commit, "merge_requests"]) => {
                let of = |request: &&Value| request["merge_commit_sha"] == *commit || request["sha"] == *commit;
                (200, self.merge_requests.iter().filter(of).cloned().collect())
            }
            ("GET", ["pipelines", id, "jobs"]) => {
                assert_eq!(request.query, "scope[]=success");
                let jobs = of(&self.jobs, "pipeline", &number(id).into());
                let jobs = jobs.as_array().unwrap().iter().filter(|job| job["status"] == "success");
                (200, jobs.cloned().collect())
            }
            ("GET", ["jobs", id, "artifacts", path]) => match self.artifacts.get(&(number(id), (*path).to_owned())) {
                Some(content) => (200, content.parse().unwrap()),
                None => (404, "404 Not Found".into()),
            },
            ("GET", ["issues"]) => {
                assert_eq!(request.query, "labels=keyform-drift&state=opened&scope=created_by_me");
                (200, of(&self.issues, "state", &"opened".into()))
            }
            ("POST", ["issues"]) => {
                let iid = self.issues.len() + 1;
                assert_eq!(body["labels"], "keyform-drift");
                let (title, description) = (&body["title"], &body["description"]);
                self.issues.push(json!({"iid": iid, "state": "opened", "title": title, "description": description}));
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

fn of(all: &[Value], field: &str, value: &Value) -> Value {
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
