//! Says what a response, or its absence, means: a pure function of the response and the settings.

use super::failure::HttpFailure;
use super::lock_info::HeldLockInfo;
use super::reply::{RawReply, Reply, StateOperation};
use super::settings::{Forge, HttpSettings};
use crate::account::{Fault, fault_of, innermost};
use crate::files::MAX_OWN_BYTES;
use crate::state::error::FORKS;
use crate::terminal::escape::escape_to;

/// How much of a server's explanation is shown, in characters.
const MAX_CHARS: usize = 200;

/// An operation, and where it is sent.
pub(super) struct Explain<'a> {
    operation: StateOperation,
    settings: &'a HttpSettings,
}

impl<'a> Explain<'a> {
    pub(super) fn new(operation: StateOperation, settings: &'a HttpSettings) -> Self {
        Self { operation, settings }
    }

    pub(super) fn judge(&self, reply: RawReply) -> Reply {
        let RawReply { status, retry_after, body } = reply;
        if is_html(&body) && !(500..600).contains(&status) {
            return Reply::Refused(self.page(status));
        }
        match (status, self.operation) {
            (204, StateOperation::Read) => Reply::Absent,
            (200..=299, _) => Reply::Done(body),
            (404, StateOperation::Read) if !is_missing_project(&body) => Reply::Absent,
            (409 | 423, StateOperation::Lock | StateOperation::Save | StateOperation::Unlock) => {
                Reply::Conflict(HeldLockInfo::read(&body))
            }
            // The lock is gone, and the state with it.
            (404, StateOperation::Unlock) if !is_missing_project(&body) => Reply::Conflict(HeldLockInfo::default()),
            (422, StateOperation::Save) => Reply::SerialTaken(self.declined(status, &body)),
            (408 | 425 | 429 | 500..=599, _) => Reply::Uncertain(self.unavailable(status, &body), retry_after),
            _ => Reply::Refused(self.declined(status, &body)),
        }
    }

    pub(super) fn no_response(&self, error: &reqwest::Error) -> HttpFailure {
        let server = self.server();
        let detail = innermost(error);
        let message = match fault_of(error) {
            Fault::Dns => format!("cannot resolve the host of {server} ({detail})"),
            Fault::ConnectionRefused => format!("{server} refused the connection"),
            Fault::ConnectTimeout => format!("cannot connect to {server} in time"),
            Fault::Tls => format!("the TLS handshake with {server} failed ({detail})"),
            Fault::Proxy => format!("the proxy did not connect to {server} ({detail})"),
            Fault::Timeout => format!("{server} did not respond in time"),
            Fault::Closed | Fault::Reset => format!("{server} closed the connection without a response"),
            Fault::Protocol => format!("{server} did not answer with HTTP"),
            Fault::Unreachable | Fault::Unbuildable => format!("cannot connect to {server} ({detail})"),
        };
        HttpFailure::new(message, "check the URL in --state and the network, then run the command again")
    }

    pub(super) fn too_large(&self) -> HttpFailure {
        let message = format!("the response of {} is larger than {MAX_OWN_BYTES} bytes", self.server());
        HttpFailure::new(message, "choose the right state with --state; keyform never writes one of this size")
    }

    fn server(&self) -> String {
        self.settings.state.origin().ascii_serialization()
    }

    fn page(&self, status: u16) -> HttpFailure {
        HttpFailure::new(
            format!("the response of {} is an HTML page (status {status}), not a state", self.server()),
            format!("check the URL in --state; {}", self.example()),
        )
    }

    fn unavailable(&self, status: u16, body: &[u8]) -> HttpFailure {
        HttpFailure::new(
            format!("{} is not available (status {status}){}", self.server(), self.said(body)),
            "run the command again later",
        )
    }

    /// Explains a status that will not change if the request is repeated.
    fn declined(&self, status: u16, body: &[u8]) -> HttpFailure {
        let (server, said) = (self.server(), self.said(body));
        let source = self.settings.credentials.as_ref().map(|credentials| credentials.source);
        let from = source.map(|source| format!(" from {source}")).unwrap_or_default();
        let doing = self.doing();
        match status {
            300..=399 => HttpFailure::new(
                format!("{server} redirects (status {status}), which is not followed, to protect the credentials"),
                "use the URL of the API itself in --state",
            ),
            401 if source.is_none() => HttpFailure::new(
                format!("{server} requires credentials (status 401)"),
                format!("set TF_HTTP_USERNAME and TF_HTTP_PASSWORD. {FORKS}"),
            ),
            401 => HttpFailure::new(
                format!("{server} does not accept the credentials{from} (status 401){said}"),
                "check the user name, and whether the token has expired or lacks the scope `api`",
            ),
            403 => HttpFailure::new(
                format!("the credentials{from} have no permission to {doing} (status 403){said}"),
                self.permissions(),
            ),
            404 => HttpFailure::new(
                format!(
                    "{server} has no such project or state, or does not show it with the credentials{from} \
                 (status 404){said}"
                ),
                format!("check the URL in --state; {}", self.permissions()),
            ),
            405 | 501 if matches!(self.operation, StateOperation::Lock | StateOperation::Unlock) => HttpFailure::new(
                format!("{server} has no locks at this address (status {status})"),
                "set TF_HTTP_LOCK_ADDRESS, TF_HTTP_LOCK_METHOD and TF_HTTP_UNLOCK_METHOD as the server documents them; \
                 keyform does not write a state without a lock",
            ),
            422 => HttpFailure::new(
                format!("{server} has had a state with this serial before (status 422){said}"),
                "read the state again with `keyform state pull`, and use a serial that is greater than all before",
            ),
            _ => HttpFailure::new(
                format!("{server} refused to {doing} (status {status}){said}"),
                format!("check the URL in --state; {}", self.example()),
            ),
        }
    }

    fn doing(&self) -> &'static str {
        match self.operation {
            StateOperation::Read => "read the state",
            StateOperation::Lock => "lock the state",
            StateOperation::Save => "write the state",
            StateOperation::Unlock => "unlock the state",
        }
    }

    /// Says which permission the operation needs.
    fn permissions(&self) -> String {
        let is_read = self.operation == StateOperation::Read;
        match self.settings.forge {
            Forge::GitLab => {
                let role = if is_read { "Developer" } else { "Maintainer" };
                let job = match &self.settings.credentials {
                    Some(credentials) if credentials.is_job_token() => {
                        "; a job has the role of the user who started the pipeline, and in a fork no access to this project"
                    }
                    _ => "",
                };
                format!("to {}, the user needs the role {role} in the project{job}", self.doing())
            }
            Forge::Gitea => {
                let scope = if is_read { "read" } else { "write" };
                format!("to {}, use a token with the scope {scope}:package", self.doing())
            }
            Forge::Unknown => format!("use credentials that may {}", self.doing()),
        }
    }

    fn example(&self) -> &'static str {
        match self.settings.forge {
            Forge::Gitea => "Gitea's are https://HOST/api/packages/OWNER/terraform/state/NAME",
            Forge::GitLab | Forge::Unknown => "GitLab's are https://HOST/api/v4/projects/ID/terraform/state/NAME",
        }
    }

    /// Quotes what the server says, after a colon.
    fn said(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let field = |name: &str| json.as_ref()?.get(name)?.as_str().map(str::to_owned);
        let said = field("message").or_else(|| field("error")).unwrap_or_else(|| text.into_owned());
        let said = match &self.settings.credentials {
            Some(credentials) => credentials.mask(&said),
            None => said,
        };
        let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() || is_html(line.as_bytes()) {
            String::new()
        } else {
            format!(": {}", escape_to(&line, MAX_CHARS))
        }
    }
}

/// Whether a body is a page as a proxy or a login portal sends it.
fn is_html(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Whether GitLab's 404 is about the project, and not about the state in it.
fn is_missing_project(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("Project Not Found")
}
