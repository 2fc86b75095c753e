//! GitHub's API, as far as the action uses it. The token of a job is the list of its permissions;
//! other requests are refused.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Api, Request, number};

/// The user of a job's requests.
const BOT: &str = "github-actions[bot]";

#[derive(Default)]
pub struct GitHub {
    /// By commit, the newest first.
    pub statuses: BTreeMap<String, Vec<Value>>,
    /// Of pull requests.
    pub comments: Vec<Value>,
    /// Of pull requests.
    pub reviews: Vec<Value>,
    pub issues: Vec<Value>,
    pub pull_requests: Vec<Value>,
    /// By run and name.
    pub artifacts: BTreeMap<(usize, String), Value>,
    /// Number of runs of workflows so far.
    pub runs: usize,
    /// Each request, as method and path.
    pub asked: Vec<String>,
    seconds: usize,
}

impl GitHub {
    /// Opens a pull request and returns its number.
    pub fn open(&mut self, head: &str) -> usize {
        let number = self.pull_requests.len() + 1;
        let (head, base) = (json!({"sha": head}), json!({"ref": "main"}));
        self.pull_requests.push(json!({"number": number, "head": head, "base": base, "merge_commit_sha": null}));
        number
    }

    /// Changes the head of a pull request, or marks it as merged.
    pub fn pull_request(&mut self, number: usize, field: &str, commit: &str) {
        *self.pull_requests[number - 1].pointer_mut(field).unwrap() = commit.into();
    }

    /// Somebody comments on a pull request.
    pub fn comment(&mut self, number: usize, who: &str, body: &str) {
        let id = self.comments.len() + 100;
        self.comments.push(json!({"id": id, "issue": number, "user": {"login": who}, "body": body}));
    }

    /// Somebody approves the present head of a pull request.
    pub fn approve(&mut self, number: usize, who: &str) {
        let commit = self.pull_requests[number - 1]["head"]["sha"].clone();
        let at = self.now();
        self.reviews.push(json!({"request": number, "user": {"login": who}, "state": "APPROVED", "commit_id": commit,
            "submitted_at": at}));
    }

    /// A time, later than all before.
    fn now(&mut self) -> String {
        self.seconds += 1;
        format!("2026-11-23T12:{:02}:{:02}Z", self.seconds / 60, self.seconds % 60)
    }

    /// Gives a job a token that says in which environment it runs.
    fn identify(request: &Request) -> Option<Answer> {
        if request.path != ["identity"] {
            return None;
        }
        assert!(request.token.contains("id-token: write") && request.query.contains("audience=sts.amazonaws.com"));
        let is_apply = request.token.contains("environment: keyform");
        Some((200, json!({"value": if is_apply { "identity of apply" } else { "identity of plan" }})))
    }
}

impl Api for GitHub {
    fn answer(&mut self, request: &Request) -> Answer {
        self.asked.push(format!("{} {}", request.method, request.path.join("/")));
        if let Some(answer) = Self::identify(request) {
            return answer;
        }
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let has = |permission: &str| request.token.split(',').any(|granted| granted == permission);
        let may = |permission: &str| has(permission) || has(&permission.replace("read", "write"));
        let body: Value = if request.body.is_empty() { Value::Null } else { request.body.parse().unwrap() };
        let ["repos", "acme", "keys", rest @ ..] = path.as_slice() else { return (404, "no such repository".into()) };
        match (request.method.as_str(), rest) {
            ("GET", ["issues", issue, "comments"]) if may("pull-requests: read") => {
                (200, of(&self.comments, "issue", &number(issue).into()))
            }
            ("POST", ["issues", issue, "comments"]) if may("pull-requests: write") => {
                self.comment(number(issue), BOT, body["body"].as_str().unwrap());
                (201, Value::Null)
            }
            ("PATCH", ["issues", "comments", id]) if may("pull-requests: write") => {
                let comment = self.comments.iter_mut().find(|comment| comment["id"] == number(id)).unwrap();
                assert_eq!(comment["user"]["login"], BOT);
                comment["body"] = body["body"].clone();
                (200, Value::Null)
            }
            ("POST", ["statuses", commit]) if may("statuses: write") => {
                let mut status = body;
                if status["description"].as_str().unwrap().len() > 140 {
                    return (422, "description is too long".into());
                }
                status["creator"] = json!({"login": BOT});
                status["created_at"] = self.now().into();
                self.statuses.entry((*commit).to_owned()).or_default().insert(0, status);
                (201, Value::Null)
            }
            ("GET", ["commits", commit, "statuses"]) if may("statuses: read") => {
                (200, self.statuses.get(*commit).cloned().unwrap_or_default().into())
            }
            ("GET", ["commits", commit, "pulls"]) if may("pull-requests: read") => {
                let of = |pull: &&Value| pull["merge_commit_sha"] == *commit || pull["head"]["sha"] == *commit;
                (200, self.pull_requests.iter().filter(of).cloned().collect())
            }
            ("GET", ["pulls", pull]) if may("pull-requests: read") => {
                (200, self.pull_requests[number(pull) - 1].clone())
            }
            ("GET", ["pulls", pull, "reviews"]) if may("pull-requests: read") => {
                (200, of(&self.reviews, "request", &number(pull).into()))
            }
            ("GET", ["actions", "runs", run, "artifacts", name]) if may("actions: read") => {
                match self.artifacts.get(&(number(run), (*name).to_owned())) {
                    Some(artifact) => (200, artifact.clone()),
                    None => (404, "Not Found".into()),
                }
            }
            ("GET", ["issues"]) if may("issues: write") => {
                assert_eq!(request.query, "labels=keyform-drift&state=open&per_page=100");
                let of = |issue: &&Value| issue["state"] == "open" && issue["labels"] == json!(["keyform-drift"]);
                (200, self.issues.iter().filter(of).cloned().collect())
            }
            ("POST", ["issues"]) if may("issues: write") => {
                let mut issue = body;
                issue["number"] = (self.issues.len() + 1).into();
                issue["state"] = "open".into();
                issue["user"] = json!({"login": BOT});
                self.issues.push(issue);
                (201, Value::Null)
            }
            ("PATCH", ["issues", issue]) if may("issues: write") => {
                let issue = &mut self.issues[number(issue) - 1];
                for (name, value) in body.as_object().unwrap() {
                    issue[name] = value.clone();
                }
                (200, Value::Null)
            }
            _ => (403, format!("not allowed with: {}", request.token).into()),
        }
    }
}

fn of(all: &[Value], field: &str, value: &Value) -> Value {
    all.iter().filter(|one| one[field] == *value).cloned().collect()
}
