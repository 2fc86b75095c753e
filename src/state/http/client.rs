//! Requests to a server with a state, and what their responses mean.
//!
//! Each request is sent once, and redirects are not followed, so that the credentials go to the chosen server alone.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use reqwest::{Method, Response, Url};

use super::explain::Explain;
use super::failure::HttpFailure;
use super::lock_info::LockInfo;
use super::reply::{RawReply, Reply, StateOperation};
use super::settings::{HttpCredentials, HttpSettings};
use crate::account::{http_client, innermost};
use crate::files::MAX_OWN_BYTES;

/// The longest time for a request and its response.
const TIMEOUT: Duration = Duration::from_secs(30);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest pause that a server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// The most that is read of a response other than a state, in bytes.
const MAX_REPLY_BYTES: u64 = 64 << 10;

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

#[derive(Debug)]
pub(super) struct StateClient {
    http: reqwest::Client,
    settings: HttpSettings,
}

impl StateClient {
    /// Builds a client without connecting.
    pub(super) fn new(settings: HttpSettings) -> Result<Self, HttpFailure> {
        let is_https = settings.state.scheme() == "https";
        let http = http_client(&settings.connection)
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(is_https)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build();
        let http = http.map_err(|error| {
            HttpFailure::new(
                format!("cannot set up a secure connection: {}", innermost(&error)),
                "install the system's CA certificates, or name a file with them in SSL_CERT_FILE",
            )
        })?;
        Ok(Self { http, settings })
    }

    pub(super) async fn read(&self) -> Reply {
        self.send(StateOperation::Read, &Method::GET, self.settings.state.clone(), None).await
    }

    pub(super) async fn lock(&self, lock: &LockInfo) -> Reply {
        let HttpSettings { lock: url, lock_method, .. } = &self.settings;
        self.send(StateOperation::Lock, lock_method, url.clone(), Some(lock.to_json())).await
    }

    pub(super) async fn save(&self, id: &str, text: &[u8]) -> Reply {
        let HttpSettings { state, update_method, .. } = &self.settings;
        let mut url = state.clone();
        url.query_pairs_mut().append_pair("ID", id);
        self.send(StateOperation::Save, update_method, url, Some(text.to_vec())).await
    }

    /// Ends a lock with an id, or on GitLab any lock.
    pub(super) async fn unlock(&self, id: Option<&str>) -> Reply {
        let HttpSettings { unlock, unlock_method, .. } = &self.settings;
        let body = id.map_or_else(|| serde_json::json!({}), |id| serde_json::json!({ "ID": id }));
        self.send(StateOperation::Unlock, unlock_method, unlock.clone(), Some(body.to_string().into_bytes())).await
    }

    async fn send(&self, operation: StateOperation, method: &Method, url: Url, body: Option<Vec<u8>>) -> Reply {
        tracing::debug!(%method, url = %url.path(), "state request");
        let explain = Explain::new(operation, &self.settings);
        let mut request = self.http.request(method.clone(), url).header(ACCEPT, "application/json, */*;q=0.5");
        if let Some(header) = self.settings.credentials.as_ref().and_then(HttpCredentials::header) {
            request = request.header(AUTHORIZATION, header);
        }
        if let Some(body) = body {
            let digest = STANDARD.encode(Md5::digest(&body));
            request = request.header(CONTENT_TYPE, "application/json").header(CONTENT_MD5, digest).body(body);
        }
        let reply = match request.send().await {
            Ok(response) => receive(response, operation).await,
            Err(error) => Err(error),
        };
        match reply {
            Ok(Some(reply)) => {
                tracing::debug!(status = reply.status, "state response");
                explain.judge(reply)
            }
            Ok(None) => Reply::Refused(explain.too_large()),
            Err(error) => Reply::Uncertain(explain.no_response(&error), None),
        }
    }
}

/// Reads a response. `None` if it is too large.
async fn receive(mut response: Response, operation: StateOperation) -> reqwest::Result<Option<RawReply>> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_state = operation == StateOperation::Read && status.is_success();
    let limit = if is_state { MAX_OWN_BYTES } else { MAX_REPLY_BYTES };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > limit {
            if is_state {
                return Ok(None);
            }
            break;
        }
    }
    let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    Ok(Some(RawReply { status: status.as_u16(), retry_after, body }))
}
