//! An emulator with a client for it.

use keyform::account::{Connection, http_client};
use keyform::emulator::{Behaviour, Emulator, EmulatorConfig, Faults};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

pub(crate) const COLLECTION: &str = "/api/v1/ssh_keys/";

pub(crate) struct Session {
    pub(crate) emulator: Emulator,
    pub(crate) client: Client,
}

/// A complete response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Session {
    pub(crate) fn start(config: EmulatorConfig) -> Self {
        let client = http_client(&Connection::local()).build().unwrap();
        Self { emulator: Emulator::start(config).unwrap(), client }
    }

    pub(crate) fn behaving(behaviour: Behaviour) -> Self {
        Self::start(EmulatorConfig { behaviour, ..EmulatorConfig::default() })
    }

    pub(crate) fn faulty(faults: Faults) -> Self {
        Self::start(EmulatorConfig { faults, ..EmulatorConfig::default() })
    }

    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.emulator.url()))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(self.emulator.token())
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        got(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, body: impl Into<String>) -> Got {
        got(self.request(Method::POST, COLLECTION).body(body.into())).await
    }

    pub(crate) async fn patch(&self, id: &str, body: &str) -> Got {
        got(self.request(Method::PATCH, &format!("{COLLECTION}{id}")).body(body.to_owned())).await
    }

    pub(crate) async fn delete(&self, id: &str) -> Got {
        got(self.request(Method::DELETE, &format!("{COLLECTION}{id}"))).await
    }

    /// Uploads a valid key and returns its id.
    pub(crate) async fn upload(&self, name: &str) -> String {
        let answer = self.post(upload_of(name)).await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Lists the names on a page.
    pub(crate) async fn names(&self, query: &str) -> Vec<String> {
        names(&self.get(&format!("{COLLECTION}{query}")).await.json())
    }
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub(crate) async fn got(request: RequestBuilder) -> Got {
    read(request.send().await.unwrap()).await
}

pub(crate) async fn read(response: Response) -> Got {
    Got { status: response.status().as_u16(), body: response.text().await.unwrap() }
}

pub(crate) fn key_of(name: &str) -> String {
    format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{name} {name}@example.com")
}

pub(crate) fn upload_of(name: &str) -> String {
    serde_json::json!({ "name": name, "publicKey": key_of(name) }).to_string()
}

pub(crate) fn names(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
}
