//! The port, the thread, the streams, and the file of keys.

use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};

use keyform::account::{Connection, http_client};
use keyform::emulator::{AcceptedToken, Api, Emulator, EmulatorConfig, EmulatorError, NewRow, SANDBOX_TOKEN};
use reqwest::Method;
use tempfile::TempDir;

use crate::support::{COLLECTION, Session, got, key_of, upload_of};

#[tokio::test]
async fn keys_survive_a_restart_with_their_ids() {
    let folder = TempDir::new().unwrap();
    let config = EmulatorConfig { keys: Some(folder.path().join("sandbox/keys.jsonl")), ..EmulatorConfig::default() };
    let before = Session::start(config.clone());
    let alice = before.upload("alice").await;
    let bob = before.upload("bob").await;
    let carol = before.upload("carol").await;
    before.patch(&bob, r#"{"isPrimary": true}"#).await;
    before.delete(&carol).await;
    let rows = before.emulator.api().rows();
    before.emulator.stop().unwrap();

    let after = Session::start(config);
    assert_eq!(after.emulator.api().rows(), rows);
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, [alice, bob]);
    let dave = after.upload("dave").await;
    assert!(dave != carol && !ids.contains(&dave), "an id is never given out twice");
}

#[test]
fn a_file_of_keys_belongs_to_one_emulator_at_a_time() {
    let folder = TempDir::new().unwrap();
    let config = EmulatorConfig { keys: Some(folder.path().join("keys.jsonl")), ..EmulatorConfig::default() };
    let first = Emulator::start(config.clone()).unwrap();
    let second = Emulator::start(config.clone()).unwrap_err();
    assert!(matches!(second, EmulatorError::InUse { .. }), "{second}");
    drop(first);
    assert!(Emulator::start(config).is_ok());
}

#[test]
fn it_starts_and_stops_without_a_runtime_and_only_on_loopback() {
    let emulator = Emulator::start(EmulatorConfig::default()).unwrap();
    let address = emulator.address();
    assert_eq!(address.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(emulator.url(), format!("http://{address}"));
    assert_eq!(emulator.token(), SANDBOX_TOKEN);
    drop(TcpStream::connect(address).unwrap());
    emulator.stop().unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Emulator::start(EmulatorConfig { port, ..EmulatorConfig::default() }).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on 127.0.0.1:{port}"));
}

#[tokio::test]
async fn it_runs_until_the_stop_signal() {
    let emulator = Emulator::start(EmulatorConfig::default()).unwrap();
    let (address, url) = (emulator.address(), emulator.url());
    let message = async {
        let answer = http_client(&Connection::local()).build().unwrap().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 404);
    };
    emulator.run_until(message).await.unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn the_token_is_the_one_that_is_configured_and_debug_hides_it() {
    let config = EmulatorConfig { token: AcceptedToken::new("open-sesame"), ..EmulatorConfig::default() };
    assert!(!format!("{config:?}").contains("sesame"));
    let session = Session::start(config);
    assert!(!format!("{:?}", session.emulator).contains("sesame"));
    assert_eq!(session.get(COLLECTION).await.status, 200);
    let default = got(session.bare(Method::GET, COLLECTION).bearer_auth(SANDBOX_TOKEN)).await;
    assert_eq!(default.status, 401);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let session = Session::start(EmulatorConfig::default());
    for name in ["a", "b", "c", "d"] {
        session.upload(name).await;
    }
    assert_eq!(session.emulator.api().stats().connections, 1);
}

#[tokio::test]
async fn it_supports_http_2_with_prior_knowledge() {
    let emulator = Emulator::start(EmulatorConfig::default()).unwrap();
    let client = http_client(&Connection::local()).http2_prior_knowledge().build().unwrap();
    let upload = client.post(format!("{}{COLLECTION}", emulator.url())).bearer_auth(emulator.token());
    let response = upload.body(upload_of("alice")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
}

#[tokio::test]
async fn a_stream_that_someone_else_accepted_is_served() {
    let api = Api::open(EmulatorConfig::default()).unwrap();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}{COLLECTION}", listener.local_addr().unwrap());
    let shared = api.clone();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        shared.serve_stream(stream).await;
    });
    let client = http_client(&Connection::local()).build().unwrap();
    let answer = client.post(url).bearer_auth(SANDBOX_TOKEN).body(upload_of("alice")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    drop((answer, client));
    server.await.unwrap();
    assert_eq!(api.rows().len(), 1);
}

#[tokio::test]
async fn rows_can_be_added_promoted_and_removed_without_the_api() {
    let session = Session::start(EmulatorConfig::default());
    let api = session.emulator.api();
    let row = |name: &str, is_primary, is_user_key| NewRow {
        name: name.to_owned(),
        public_key: key_of("same"),
        is_primary,
        is_user_key,
    };
    let first = api.insert(row("first", true, true)).unwrap();
    let second = api.insert(row("second", true, true)).unwrap();
    let system = api.insert(row("system", false, false)).unwrap();
    assert_eq!(session.names("").await, ["first", "second", "system"]);
    assert_eq!(api.duplicates(), ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5same"], "the system's is not counted");
    let primaries = || api.rows().into_iter().filter(|row| row.is_primary).map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(primaries(), [second.id.as_str()]);
    assert!(api.promote(&first.id).unwrap());
    assert_eq!(primaries(), [first.id.as_str()]);
    assert!(api.remove(&second.id).unwrap() && api.remove(&system.id).unwrap());
    assert!(!api.remove(&second.id).unwrap() && !api.promote(&second.id).unwrap());
    assert_eq!(session.names("").await, ["first"]);
    assert!(api.duplicates().is_empty());
}
