//! Each way to fail, and what people read about it.

use std::fmt::Write as _;
use std::time::Duration;

use keyform::account::{BodyFault, Effect, Endpoint, Failure, FailureKind, Fault, ReadAccount as _, WriteAccount as _};

use crate::server::{Act, Server, answer};
use crate::{KEY, OTHER_KEY, TOKEN, connect, id, impatient, key, key_object, message, name, options};

/// A title, and what the server does.
type Case = (&'static str, fn() -> Act);

/// Answers every request with the same, and shows how a listing and an upload react.
async fn both(title: &str, act: fn() -> Act) -> String {
    let server = Server::start(move |_| act()).await;
    let client = connect(&server.endpoint, impatient());
    let mut text = format!("{title}\n");
    let listed = client.page(0, 100).await.map(|_| ());
    let uploaded = client.upload(name(), &key()).await.map(|_| ());
    let tell = |result: Result<(), Failure>| match result {
        Ok(()) => "  done\n".to_owned(),
        Err(failure) => message(&failure, &server.endpoint),
    };
    let (listed, uploaded) = (tell(listed), tell(uploaded));
    if listed == uploaded {
        text += &listed;
    } else {
        let _ = write!(text, " list\n{listed} upload\n{uploaded}");
    }
    text
}

fn error(status: &str, body: &str) -> Act {
    Act::Say(answer(status, "Content-Type: application/json\r\n", body))
}

#[tokio::test]
async fn every_status_says_what_happened_and_what_to_do() {
    let cases: &[Case] = &[
        ("400", || error("400 Bad Request", r#"{"detail":"There is something wrong"}"#)),
        ("401", || error("401 Unauthorized", r#"{"detail":"Invalid token"}"#)),
        ("401, no words", || error("401 Unauthorized", "")),
        ("401, scope read", || {
            let detail = "Token permission missing: scope 'ssh_keys', permission 'read'";
            error("401 Unauthorized", &format!(r#"{{"detail":"{detail}"}}"#))
        }),
        ("401, scope write", || {
            let detail = "Token permission missing: scope 'ssh_keys', permission 'write'";
            error("401 Unauthorized", &format!(r#"{{"detail":"{detail}"}}"#))
        }),
        ("403, no token arrived", || error("403 Forbidden", r#"{"detail":"Not authenticated"}"#)),
        ("403, a firewall's page", || {
            Act::Say(answer("403 Forbidden", "", "<html><title>Access denied</title></html>"))
        }),
        ("404", || error("404 Not Found", r#"{"detail":"Not Found"}"#)),
        ("409", || error("409 Conflict", r#"{"detail":"exists"}"#)),
        ("418", || error("418 I'm a teapot", "short and stout")),
        ("422, the account's shape", || {
            error("422 Unprocessable Entity", r#"{"errors":[{"param":"publicKey","details":"not a key"}]}"#)
        }),
        ("422, FastAPI's shape", || {
            let body = r#"{"detail":[{"loc":["body","name"],"msg":"Field required","type":"missing"}]}"#;
            error("422 Unprocessable Entity", body)
        }),
        ("429", || Act::Say(answer("429 Too Many Requests", "Retry-After: 7\r\n", ""))),
        ("500", || error("500 Internal Server Error", "Internal Server Error")),
        ("502, a proxy's page", || {
            Act::Say(answer("502 Bad Gateway", "", "<html><body><h1>502</h1> nginx</body></html>"))
        }),
        ("503", || error("503 Service Unavailable", "")),
        ("503, come back later", || Act::Say(answer("503 Service Unavailable", "Retry-After: 86400\r\n", ""))),
        ("999", || error("999 Odd", "")),
        ("a control sequence", || error("400 Bad Request", "{\"detail\":\"\\u001b[2J\\u202e\"}")),
    ];
    let mut text = String::new();
    for (title, act) in cases {
        text += &both(title, *act).await;
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn every_broken_2xx_says_what_happened_and_what_to_do() {
    let cases: &[Case] = &[
        ("empty", || error("200 OK", "")),
        ("HTML", || Act::Say(answer("200 OK", "", "<!doctype html><title>Guest Wi-Fi</title>"))),
        ("plain text", || Act::Say(answer("200 OK", "", "It works!"))),
        ("another shape", || error("200 OK", r#"{"ok":true}"#)),
        ("another key", || error("200 OK", &key_object(OTHER_KEY, true))),
        ("a system key", || error("201 Created", &key_object(KEY, false))),
        ("a key that is left out", || error("200 OK", &key_object(KEY, true).replace("publicKey", "key"))),
        ("cut off", || Act::SayAndClose("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"data\":[".to_owned())),
        ("cut off, chunked", || {
            Act::SayAndClose("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"data\":[\r\n".to_owned())
        }),
        ("stuck", || Act::SayAndHang("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_owned())),
    ];
    let mut text = String::new();
    for (title, act) in cases {
        text += &both(title, *act).await;
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn every_lost_answer_says_what_happened_and_what_to_do() {
    let cases: &[Case] = &[
        ("closed", || Act::SayAndClose(String::new())),
        ("closed amid the head", || Act::SayAndClose("HTTP/1.1 200 OK\r\nContent-".to_owned())),
        ("silence", || Act::SayAndHang(String::new())),
        ("no HTTP", || Act::SayAndClose("SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned())),
    ];
    let mut text = String::new();
    for (title, act) in cases {
        text += &both(title, *act).await;
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn a_reset_connection_leaves_the_effect_unknown() {
    let server = Server::start(|_| Act::Reset).await;
    let failure = connect(&server.endpoint, options()).upload(name(), &key()).await.unwrap_err();
    assert_eq!((failure.effect, failure.kind), (Effect::Unknown, FailureKind::Transport(Fault::Reset)));
}

#[tokio::test]
async fn a_refused_connection_sends_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let failure = connect(&endpoint, options()).upload(name(), &key()).await.unwrap_err();
    insta::assert_snapshot!(message(&failure, &endpoint));
}

#[tokio::test]
async fn a_body_of_a_gibibyte_is_neither_stored_nor_read_to_its_end() {
    for length in ["Content-Length: 1073741824", "Transfer-Encoding: chunked"] {
        let size = if length.starts_with('C') { "" } else { "40000000\r\n" };
        let head = format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n{size}");
        let server = Server::start(move |_| Act::Flood(head.clone(), 1 << 30)).await;
        let failure = connect(&server.endpoint, options()).page(0, 100).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Body(BodyFault::TooLarge));
        assert_eq!(failure.message, "the response is larger than the limit of 8 MiB (200 OK)");
        assert!(server.flooded() < 64 << 20, "{} bytes were taken", server.flooded());
    }
}

#[tokio::test]
async fn a_huge_error_is_an_error_of_its_status() {
    let head = "HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: 1073741824\r\n\r\n";
    let server = Server::start(move |_| Act::Flood(head.to_owned(), 1 << 30)).await;
    let failure = connect(&server.endpoint, options()).upload(name(), &key()).await.unwrap_err();
    assert_eq!((failure.effect, failure.kind), (Effect::Refused, FailureKind::Invalid));
    assert!(server.flooded() < 64 << 20);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_is_named() {
    let target = Server::start(|_| Act::Say(answer("200 OK", "", "{}"))).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("Location: {}/login?t={TOKEN}\r\n", target.endpoint);
        let reply = answer(status, &location, "");
        let server = Server::start(move |_| Act::Say(reply.clone())).await;
        let client = connect(&server.endpoint, options());
        for failure in [
            client.page(0, 100).await.map(|_| ()).unwrap_err(),
            client.upload(name(), &key()).await.map(|_| ()).unwrap_err(),
            client.delete(&id()).await.unwrap_err(),
        ] {
            assert_eq!((failure.effect, failure.kind), (Effect::Refused, FailureKind::Redirect));
            let text = message(&failure, &server.endpoint);
            assert!(text.contains(target.endpoint.as_str()) && !text.contains("login"), "{text}");
        }
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn an_upload_is_never_sent_twice_on_its_own() {
    // The connection is kept after the first request, and closed as soon as the upload is on it.
    let server = Server::start(|request| {
        if request.starts_with("GET") {
            Act::Say(answer("200 OK", "", r#"{"data":[]}"#))
        } else {
            Act::SayAndClose(String::new())
        }
    })
    .await;
    let client = connect(&server.endpoint, options());
    client.page(0, 100).await.unwrap();
    let failure = client.upload(name(), &key()).await.unwrap_err();
    assert_eq!(failure.effect, Effect::Unknown);
    assert_eq!(server.requests().iter().filter(|request| request.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn a_token_that_a_server_repeats_is_masked() {
    let server = Server::start(|request| Act::Say(answer("400 Bad Request", "", request))).await;
    let client = connect(&server.endpoint, options());
    let failure = client.page(0, 100).await.unwrap_err();
    assert!(failure.message.contains("[token]"), "{}", failure.message);
    assert!(!format!("{failure:?} {client:?}").contains("s3cret"));

    let quoting = Server::start(|_| Act::Say(answer("200 OK", "", &format!(r#"{{"data":"{TOKEN}"}}"#)))).await;
    let failure = connect(&quoting.endpoint, options()).page(0, 100).await.unwrap_err();
    assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
}

#[tokio::test]
async fn a_date_in_retry_after_is_measured_by_the_clock_that_is_passed_in() {
    let reply = answer("503 Service Unavailable", "Retry-After: Thu, 01 Jan 1970 00:00:20 GMT\r\n", "");
    let server = Server::start(move |_| Act::Say(reply.clone())).await;
    let clock = || std::time::UNIX_EPOCH + Duration::from_secs(5);
    let options = keyform::account::ClientOptions { wall_clock: clock, ..options() };
    let failure = connect(&server.endpoint, options).upload(name(), &key()).await.unwrap_err();
    assert_eq!((failure.effect, failure.retry_after), (Effect::Unknown, Some(Duration::from_secs(15))));
}
