//! Addresses, methods and credentials, as the environment chooses them. The variables are Terraform's, and those that
//! GitLab sets in a job.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};

use super::failure::HttpFailure;
use crate::account::endpoint::names_this_machine;
use crate::account::settings::{self, Environment, SettingsError};
use crate::account::{Connection, Endpoint};
use crate::state::error::FORKS;

/// The variables for `https://`.
pub const HTTP_VARIABLES: [&str; 10] = [
    USERNAME,
    PASSWORD,
    "TF_HTTP_ADDRESS",
    "TF_HTTP_UPDATE_METHOD",
    "TF_HTTP_LOCK_ADDRESS",
    "TF_HTTP_LOCK_METHOD",
    "TF_HTTP_UNLOCK_ADDRESS",
    "TF_HTTP_UNLOCK_METHOD",
    JOB_TOKEN,
    GITLAB_API,
];

const USERNAME: &str = "TF_HTTP_USERNAME";
const PASSWORD: &str = "TF_HTTP_PASSWORD";
const JOB_TOKEN: &str = "CI_JOB_TOKEN";
/// The API of the GitLab that runs the job. Its token is sent nowhere else.
const GITLAB_API: &str = "CI_API_V4_URL";

/// Shown in place of a password.
const MASK: &str = "[password]";

/// How to use a state on a server.
#[derive(Debug)]
pub(super) struct HttpSettings {
    pub(super) state: Url,
    pub(super) update_method: Method,
    pub(super) lock: Url,
    pub(super) lock_method: Method,
    pub(super) unlock: Url,
    pub(super) unlock_method: Method,
    /// `None` only on this machine.
    pub(super) credentials: Option<HttpCredentials>,
    pub(super) connection: Connection,
    pub(super) forge: Forge,
}

/// The program that keeps the state, as far as its URL shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forge {
    GitLab,
    Gitea,
    Unknown,
}

/// A user and a password, which may be a token.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HttpCredentials {
    user: String,
    password: String,
    /// The variable with the password.
    pub(super) source: &'static str,
}

struct HttpEnvironment<'e>(Environment<'e>);

impl HttpSettings {
    /// Takes settings for the state at `state` from the environment.
    pub(super) fn resolve(state: &Url, environment: Environment<'_>) -> Result<Self, HttpFailure> {
        let variables = HttpEnvironment(environment);
        let forge = Forge::of(state);
        if forge != Forge::Unknown && state.path().ends_with("/lock") {
            return Err(HttpFailure::new(
                "the URL is the address of a lock, not of a state",
                "remove `/lock` from the end of the URL in --state",
            ));
        }
        let (lock, lock_method, unlock_method) = match forge {
            Forge::GitLab | Forge::Gitea => (below(state, "lock"), Method::POST, Method::DELETE),
            Forge::Unknown => (state.clone(), custom("LOCK"), custom("UNLOCK")),
        };
        let lock = variables.address("TF_HTTP_LOCK_ADDRESS", state)?.unwrap_or(lock);
        let unlock = variables.address("TF_HTTP_UNLOCK_ADDRESS", state)?.unwrap_or_else(|| lock.clone());
        let credentials = variables.credentials(state)?;
        let is_loopback = state.host_str().is_some_and(names_this_machine);
        if credentials.is_none() && !is_loopback {
            return Err(without_credentials(state, forge, variables.text(JOB_TOKEN)?.is_some()));
        }
        let endpoint = Endpoint::parse(&state.origin().ascii_serialization())
            .map_err(|error| HttpFailure::new(error.to_string(), error.help()))?;
        let connection = settings::resolve_connection(&endpoint, environment).map_err(|error| unusable(&error))?;
        Ok(Self {
            state: state.clone(),
            update_method: variables.method("TF_HTTP_UPDATE_METHOD")?.unwrap_or(Method::POST),
            lock,
            lock_method: variables.method("TF_HTTP_LOCK_METHOD")?.unwrap_or(lock_method),
            unlock,
            unlock_method: variables.method("TF_HTTP_UNLOCK_METHOD")?.unwrap_or(unlock_method),
            credentials,
            connection,
            forge,
        })
    }
}

impl Forge {
    fn of(state: &Url) -> Self {
        let path = state.path();
        if !path.contains("/terraform/state/") {
            Self::Unknown
        } else if path.contains("/api/v4/projects/") {
            Self::GitLab
        } else if path.contains("/api/packages/") {
            Self::Gitea
        } else {
            Self::Unknown
        }
    }
}

impl HttpEnvironment<'_> {
    fn text(&self, name: &'static str) -> Result<Option<String>, HttpFailure> {
        match (self.0)(name).map(std::ffi::OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(HttpFailure::new(format!("{name} is not valid UTF-8"), format!("correct {name}"))),
        }
    }

    fn credentials(&self, state: &Url) -> Result<Option<HttpCredentials>, HttpFailure> {
        match (self.text(USERNAME)?, self.text(PASSWORD)?) {
            (Some(user), Some(password)) if user.contains(':') || has_control(&user) || has_control(&password) => {
                let message = format!("{USERNAME} or {PASSWORD} contains a character that cannot be sent");
                Err(HttpFailure::new(message, "remove colons from the user name, and line feeds from both"))
            }
            (Some(user), Some(password)) => Ok(Some(HttpCredentials { user, password, source: PASSWORD })),
            (Some(_), None) => Err(incomplete(USERNAME, PASSWORD)),
            (None, Some(_)) => Err(incomplete(PASSWORD, USERNAME)),
            (None, None) => self.job_token(state),
        }
    }

    /// The token of a GitLab job, for the GitLab that runs the job.
    fn job_token(&self, state: &Url) -> Result<Option<HttpCredentials>, HttpFailure> {
        let (Some(password), Some(api)) = (self.text(JOB_TOKEN)?, self.text(GITLAB_API)?) else { return Ok(None) };
        let is_own = Url::parse(&api).is_ok_and(|api| {
            let prefix = format!("{}/", api.path().trim_end_matches('/'));
            api.origin() == state.origin() && state.path().starts_with(&prefix)
        });
        let user = "gitlab-ci-token".to_owned();
        Ok((is_own && !has_control(&password)).then_some(HttpCredentials { user, password, source: JOB_TOKEN }))
    }

    /// Returns the address in a variable, which must be one for this state: the credentials are sent to it.
    fn address(&self, name: &'static str, state: &Url) -> Result<Option<Url>, HttpFailure> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let help = format!("correct {name}, or unset it to use the address that follows from --state");
        let Ok(url) = Url::parse(&text) else {
            return Err(HttpFailure::new(format!("{name} is not a valid URL"), help));
        };
        if url.origin() != state.origin() || !url.username().is_empty() || url.password().is_some() {
            let message = format!("{name} is not an address of the same server as the state");
            return Err(HttpFailure::new(message, help));
        }
        let terraform = self.text("TF_HTTP_ADDRESS")?;
        if terraform.is_some_and(|address| Url::parse(&address).ok().as_ref() != Some(state)) {
            let message = format!("{name} belongs to the state in TF_HTTP_ADDRESS, which is a different one");
            return Err(HttpFailure::new(message, help));
        }
        Ok(Some(url))
    }

    fn method(&self, name: &'static str) -> Result<Option<Method>, HttpFailure> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let is_method = text.bytes().all(|byte| byte.is_ascii_uppercase());
        match Method::from_bytes(text.as_bytes()) {
            Ok(method) if is_method => Ok(Some(method)),
            _ => Err(HttpFailure::new(
                format!("{name} is not a method of HTTP"),
                format!("set {name} to a method such as POST"),
            )),
        }
    }
}

impl HttpCredentials {
    /// Returns the value of the `Authorization` header, marked sensitive.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Basic {}", self.encoded())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Replaces the password in a text that someone else wrote.
    pub(super) fn mask(&self, text: &str) -> String {
        text.replace(&self.encoded(), MASK).replace(&self.password, MASK)
    }

    /// Whether they are those of a GitLab job.
    pub(super) fn is_job_token(&self) -> bool {
        self.source == JOB_TOKEN
    }

    fn encoded(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.user, self.password))
    }
}

impl fmt::Debug for HttpCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCredentials").field("source", &self.source).finish_non_exhaustive()
    }
}

fn below(state: &Url, segment: &str) -> Url {
    let mut url = state.clone();
    url.set_path(&format!("{}/{segment}", state.path().trim_end_matches('/')));
    url
}

/// A method that HTTP does not define, but Terraform.
fn custom(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap_or(Method::POST)
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn incomplete(set: &str, missing: &str) -> HttpFailure {
    HttpFailure::new(format!("{set} is set, but {missing} is not"), format!("set {missing}"))
}

fn unusable(error: &SettingsError) -> HttpFailure {
    HttpFailure::new(error.to_string(), error.help().unwrap_or_else(|| "correct the variable".to_owned()))
}

/// Explains that there are no credentials. `has_token` says whether there is a job token, which is for another server.
fn without_credentials(state: &Url, forge: Forge, has_token: bool) -> HttpFailure {
    let message = format!("there are no credentials for {}", state.origin().ascii_serialization());
    let set = format!("set {USERNAME} and {PASSWORD}");
    let help = match forge {
        Forge::GitLab if has_token => {
            format!("{set} to a user and an access token; {JOB_TOKEN} is used only for states on the same GitLab")
        }
        Forge::GitLab => format!("{set} to a user and an access token; a job of this GitLab needs neither"),
        Forge::Gitea | Forge::Unknown => set,
    };
    HttpFailure::new(message, format!("{help}. {FORKS}"))
}
