//! The message of a failed request: what happened, and what to do about it.

use std::time::Duration;

use reqwest::StatusCode;

use super::endpoint::Endpoint;
use super::failure::{BodyFault, Effect, Failure, FailureKind, Fault, Permission};
use super::received::MAX_BODY_BYTES;
use super::server_text::ServerText;
use super::verdict::Operation;
use crate::names::KeyId;

/// Everything that is known of a failed request, apart from its verdict. All text is fit to be shown.
#[derive(Debug)]
pub(super) struct FailedRequest<'a> {
    pub(super) endpoint: &'a Endpoint,
    /// Where the token comes from.
    pub(super) token_source: Option<&'a str>,
    pub(super) operation: Operation,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    /// The status, if a response came.
    pub(super) status: Option<u16>,
    /// How long the server asked to wait.
    pub(super) retry_after: Option<Duration>,
    pub(super) server_text: ServerText,
    /// What the transport or the decoder reported; may be empty.
    pub(super) detail: String,
    /// The id in a response that does not show the key that was sent.
    pub(super) id: Option<KeyId>,
    /// Scheme and host of a redirect. Its path and query may hold anything.
    pub(super) redirect_to: Option<String>,
}

impl FailedRequest<'_> {
    /// Says in words what happened and what to do about it.
    pub(super) fn into_failure(self, effect: Effect, kind: FailureKind) -> Failure {
        let message = self.message(kind);
        let help = self.help(kind);
        let Self { status, retry_after, id, .. } = self;
        Failure { effect, kind, status, retry_after, id, message, help }
    }

    fn message(&self, kind: FailureKind) -> String {
        let from = self.token_source.map(|source| format!(" from {source}")).unwrap_or_default();
        let declined = match kind {
            FailureKind::Transport(fault) => return self.transport(fault),
            FailureKind::Body(fault) => return self.body(fault),
            FailureKind::Redirect => return self.redirect(),
            FailureKind::BadToken => &format!("the account does not accept the token{from}"),
            FailureKind::MissingPermission(Permission::Read) => {
                &format!("the token{from} has no permission to list SSH keys")
            }
            FailureKind::MissingPermission(Permission::Write) => {
                &format!("the token{from} has no permission to change SSH keys")
            }
            FailureKind::Forbidden => &format!("the account denies access with the token{from}"),
            FailureKind::NotFound => match self.operation {
                Operation::Promote | Operation::Delete => "the account has no such key",
                Operation::List | Operation::Upload => "there are no SSH keys at this endpoint",
            },
            FailureKind::Conflict => "the key conflicts with another one on the account",
            FailureKind::Invalid => "the account does not accept the request",
            FailureKind::RateLimited => "too many requests for the account",
            FailureKind::Unavailable => "the account is not available",
            FailureKind::ServerError => "the account reported an internal error",
            FailureKind::UnexpectedStatus => "the account returned an unexpected status",
            FailureKind::Rejected => "the account rejected the request",
        };
        format!("{declined}{}{}", self.status(), said(&self.server_text))
    }

    fn transport(&self, fault: Fault) -> String {
        let Self { endpoint, detail, .. } = self;
        let what = match fault {
            Fault::Unbuildable => format!("cannot create a request to {endpoint}"),
            Fault::Dns => format!("cannot resolve the host of {endpoint}"),
            Fault::ConnectionRefused => return format!("{endpoint} refused the connection"),
            Fault::ConnectTimeout => {
                return format!("cannot connect to {endpoint} within {}", seconds(self.connect_timeout));
            }
            Fault::Tls => format!("the TLS handshake with {endpoint} failed"),
            Fault::Proxy => format!("the proxy did not connect to {endpoint}"),
            Fault::Unreachable => format!("cannot connect to {endpoint}"),
            Fault::Timeout => {
                return format!("{endpoint} did not respond within {}", seconds(self.timeout));
            }
            Fault::Reset => format!("the connection to {endpoint} was reset before a response arrived"),
            Fault::Closed => return format!("{endpoint} closed the connection without a response"),
            Fault::Protocol => format!("{endpoint} did not answer with HTTP"),
        };
        if detail.is_empty() { what } else { format!("{what} ({detail})") }
    }

    fn redirect(&self) -> String {
        let to = self.redirect_to.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
        format!("{} redirects{to}{}; redirects are not followed, to protect the token", self.endpoint, self.status())
    }

    fn body(&self, fault: BodyFault) -> String {
        let what = match fault {
            BodyFault::Empty => "the response is empty".to_owned(),
            BodyFault::Html => "the response is not from the account".to_owned(),
            BodyFault::NotJson => "the response is not JSON".to_owned(),
            BodyFault::WrongShape => match self.operation {
                Operation::List => "the response is not a list of keys".to_owned(),
                Operation::Upload | Operation::Promote | Operation::Delete => "the response contains no key".to_owned(),
            },
            BodyFault::Foreign => "the response shows a different key than the one that was sent".to_owned(),
            BodyFault::Truncated => "the response is incomplete".to_owned(),
            BodyFault::TimedOut => format!("the response did not arrive within {}", seconds(self.timeout)),
            BodyFault::TooLarge => {
                format!("the response is larger than the limit of {} MiB", MAX_BODY_BYTES >> 20)
            }
            BodyFault::Token => "the response contains the token, as the id, name or user of a key".to_owned(),
            BodyFault::Compressed => "the response is compressed, although the request does not allow it".to_owned(),
        };
        let status = self.status();
        match fault {
            BodyFault::Html | BodyFault::NotJson => format!("{what}{status}{}", said(&self.server_text)),
            _ if self.detail.is_empty() => format!("{what}{status}"),
            _ => format!("{what}{status}: {}", self.detail),
        }
    }

    fn help(&self, kind: FailureKind) -> Option<String> {
        let endpoint = self.endpoint;
        let from_a_page = matches!(self.server_text, ServerText::Page(_));
        let may_pass = matches!(kind, FailureKind::RateLimited | FailureKind::Unavailable | FailureKind::ServerError);
        let help = match kind {
            FailureKind::Transport(fault) => return self.transport_help(fault),
            FailureKind::Redirect => {
                format!("replace the endpoint `{endpoint}` with the URL that it redirects to")
            }
            FailureKind::MissingPermission(Permission::Read) => {
                "use a token with read permission for SSH keys, or do not list the account: `plan --offline`, then `apply \
                 --offline`"
                    .to_owned()
            }
            FailureKind::MissingPermission(Permission::Write) => {
                "use a token with write permission for SSH keys".to_owned()
            }
            _ if from_a_page && !may_pass => {
                "a proxy or login page responded instead of the account: check the endpoint, HTTPS_PROXY, and whether this \
                 network requires a login"
                    .to_owned()
            }
            FailureKind::BadToken => {
                format!(
                    "check the token: it may be incomplete, expired, revoked, or for a different endpoint than {endpoint}"
                )
            }
            FailureKind::Forbidden => {
                "check that the token can manage SSH keys, and that no proxy removes the Authorization header".to_owned()
            }
            FailureKind::NotFound => match self.operation {
                Operation::List | Operation::Upload => {
                    format!("check the endpoint: the API should be at {endpoint}/api/v1")
                }
                Operation::Promote | Operation::Delete => "create a new plan: the key no longer exists".to_owned(),
            },
            FailureKind::Conflict => "run `keyform plan` to see the keys on the account".to_owned(),
            FailureKind::Invalid => "fix the problem that the account names, then create a new plan".to_owned(),
            FailureKind::RateLimited => {
                "lower --concurrency, or wait a minute and run the command again".to_owned()
            }
            FailureKind::Unavailable | FailureKind::ServerError => "run the command again later".to_owned(),
            FailureKind::Body(BodyFault::Truncated | BodyFault::TimedOut) => {
                "check the network and run the command again".to_owned()
            }
            FailureKind::Body(BodyFault::Token) => {
                "revoke the token, and check who can read the account and what answers at the endpoint".to_owned()
            }
            FailureKind::Rejected | FailureKind::UnexpectedStatus | FailureKind::Body(_) => {
                format!("check that {endpoint} is the URL of the API")
            }
        };
        Some(help)
    }

    fn transport_help(&self, fault: Fault) -> Option<String> {
        let Self { endpoint, detail, .. } = self;
        let help = match fault {
            Fault::Unbuildable => return None,
            Fault::Dns => {
                "check the spelling of the endpoint, and set HTTPS_PROXY if this machine needs a proxy"
                    .to_owned()
            }
            Fault::ConnectionRefused => format!("check the host and port of {endpoint}, and that the server is running"),
            Fault::ConnectTimeout | Fault::Unreachable => {
                "check the network, and set HTTPS_PROXY if this machine needs a proxy".to_owned()
            }
            Fault::Tls if ["UnknownIssuer", "BadSignature"].iter().any(|why| detail.contains(why)) => {
                "if a proxy of your company signs certificates, set SSL_CERT_FILE to the file with its CA; otherwise do not \
                 trust this network"
                    .to_owned()
            }
            Fault::Tls if detail.contains("InvalidContentType") => {
                format!("the server does not use TLS: check the scheme and port of {endpoint}")
            }
            Fault::Tls => "check the host name, the clock of this machine, and SSL_CERT_FILE if it is set".to_owned(),
            Fault::Proxy => "check HTTPS_PROXY with its user and password, or add the host to NO_PROXY".to_owned(),
            Fault::Timeout | Fault::Reset | Fault::Closed => {
                "check the network and run the command again".to_owned()
            }
            Fault::Protocol => format!("check the scheme and port of {endpoint}"),
        };
        Some(help)
    }

    fn status(&self) -> String {
        let Some(code) = self.status else {
            return String::new();
        };
        match StatusCode::from_u16(code).ok().and_then(|status| status.canonical_reason()) {
            Some(reason) => format!(" ({code} {reason})"),
            None => format!(" ({code})"),
        }
    }
}

fn said(text: &ServerText) -> String {
    match text {
        ServerText::Nothing => String::new(),
        ServerText::Message(said) => format!(": {said}"),
        ServerText::Page(page) if page.is_empty() => ": an HTML page, probably from a proxy".to_owned(),
        ServerText::Page(page) => format!(": an HTML page, probably from a proxy: \"{page}\""),
    }
}

fn seconds(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_fault_says_what_happened_and_what_to_do() {
        let endpoint = Endpoint::default();
        let mut message = String::new();
        for (fault, detail) in [
            (Fault::Unbuildable, ""),
            (Fault::Dns, "failed to lookup address information: Name or service not known"),
            (Fault::ConnectionRefused, "Connection refused (os error 111)"),
            (Fault::ConnectTimeout, "operation timed out"),
            (Fault::Tls, "invalid peer certificate: UnknownIssuer"),
            (Fault::Tls, "received corrupt message of type InvalidContentType"),
            (Fault::Tls, "invalid peer certificate: certificate expired"),
            (Fault::Proxy, "tunnel error: proxy authorization required"),
            (Fault::Unreachable, "Network is unreachable (os error 101)"),
            (Fault::Timeout, "operation timed out"),
            (Fault::Reset, "Connection reset by peer (os error 104)"),
            (Fault::Closed, "connection closed before message completed"),
            (Fault::Protocol, "invalid HTTP version parsed"),
        ] {
            let request = FailedRequest {
                endpoint: &endpoint,
                token_source: None,
                operation: Operation::List,
                timeout: Duration::from_secs(30),
                connect_timeout: Duration::from_secs(10),
                status: None,
                retry_after: None,
                server_text: ServerText::Nothing,
                id: None,
                detail: detail.to_owned(),
                redirect_to: None,
            };
            let failure = request.into_failure(Effect::Unknown, FailureKind::Transport(fault));
            let help = failure.help.as_deref().unwrap_or("-");
            let _ = writeln!(message, "{fault:?}\n  {}\n  help: {help}", failure.message);
        }
        insta::assert_snapshot!(message);
    }
}
