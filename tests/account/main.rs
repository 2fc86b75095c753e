//! The account's client against servers on loopback that misbehave in every way that can be arranged there.

#![cfg(test)]

mod faults;
mod requests;
mod server;
mod tls;

use std::time::Duration;

use keyform::account::{Client, ClientOptions, Endpoint, Failure, Token};
use keyform::names::KeyId;
use keyform::public_key::PublicKey;

const TOKEN: &str = "pit_s3cret-t0ken";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPTPWkSTgaWNhCI9zltAWFaqYwxe2eF5N89y1dXtXl2/ a@example.com";
const OTHER_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMr9j5uDqs6k7GuL9SvjsdN6l7+3cIPzKSSLmrRGS918 b@example.com";

fn options() -> ClientOptions {
    ClientOptions::default()
}

/// So little patience that a server that hangs does not hold up the tests.
fn impatient() -> ClientOptions {
    ClientOptions { timeout: Duration::from_millis(200), ..options() }
}

fn connect(endpoint: &Endpoint, options: ClientOptions) -> Client {
    Client::new(endpoint.clone(), Token::parse(TOKEN).unwrap(), options).unwrap()
}

fn name() -> &'static str {
    "alice-laptop"
}

fn key() -> PublicKey {
    PublicKey::parse(KEY).unwrap()
}

fn id() -> KeyId {
    KeyId::new("k1").unwrap()
}

/// What the account shows of a key.
fn key_object(line: &str, is_user_key: bool) -> String {
    format!(
        r#"{{"id":"k1","userId":"u1","name":"alice-laptop","publicKey":"{line}","isPrimary":false,"isUserKey":{is_user_key},"createdAt":"2026-01-02T03:04:05.678901","new":1}}"#
    )
}

/// A failure as people get it, the server's port left out.
fn message(failure: &Failure, endpoint: &Endpoint) -> String {
    let Failure { effect, kind, status: _, retry_after, message, help, id: _ } = failure;
    let wait = retry_after.map(|wait| format!(", wait {} s", wait.as_secs())).unwrap_or_default();
    let help = help.as_deref().unwrap_or("-");
    let text = format!("  {effect:?}, {kind:?}{wait}\n  {message}\n  help: {help}\n");
    assert!(!text.contains("s3cret"), "{text}");
    let host = endpoint.as_str().split_once("://").map_or("", |(_, host)| host);
    text.replace(host, "HOST")
}
