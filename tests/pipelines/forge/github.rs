//! GitHub's API, as far as the example workflows use it. The token of a job is the list of its permissions;
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
    pub issues: Vec<Value>,
    pub pull_requests: Vec<Value>,
    /// Each request, as method and path.
    pub asked: Vec<String>,
}

impl GitHub {
    /// Opens a pull request and returns its number.
    pub fn open(&mut self, head: &str) -> usize {
        let number = self.pull_requests.len() + 1;
        self.pull_requests.push(json!({"number": number, "head": {"sha": head}, "merge_commit_sha": null}));
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
}

impl Api for GitHub {
    fn answer(&mut self, request: &Request) -> Answer {
        self.asked.push(format!("{} {}", request.method, request.path.join("/")));
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let may = |permission: &str| request.token.split(',').any(|granted| granted == permission);
        let body: Value = if request.body.is_empty() { Value::Null } else { request.body.parse().unwrap() };
        let ["repos", "acme", "keys", rest @ ..] = path.as_slice() else { return (404, "no such repository".into()) };
        match (request.method.as_str(), rest) {
            ("GET", ["issues", issue, "comments"]) if may("pull-requests: write") => {
                let of = |comment: &&Value| comment["issue"] == number(issue);
                (200, self.comments.iter().filter(of).cloned().collect())
            }
            ("POST", ["issues", issue, "comments"]) if may("pull-requests: write") => {
                self.comment(number(issue), BOT, body["body"].as_str().unwrap());
                (201, Value::Null)
            }
            ("PATCH", ["issues", "comments", id]) if may("pull-requests: write") => {
                let comment = self.comments.iter_mut().find(|comment| comment["id"] == number(id)).unwrap();
                comment["body"] = body["body"].clone();
                (200, Value::Null)
            }
            ("POST", ["statuses", commit]) if may("statuses: write") => {
                let mut status = body;
                if status["description"].as_str().unwrap().len() > 140 {
                    return (422, "description is too long".into());
                }
                status["creator"] = json!({"login": BOT});
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
            ("GET", ["issues"]) if may("issues: write") => {
                assert_eq!(request.query, "labels=keyform-drift&state=open");
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
