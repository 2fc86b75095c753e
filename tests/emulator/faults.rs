//! What each fault looks like to a client, and what it does to the account.

use std::time::Duration;

use keyform::emulator::{EmulatorConfig, FaultKind, Faults, ScriptEntry, TimeSource};
use reqwest::Method;

use crate::support::{COLLECTION, Session, got, key_of, read, upload_of};

/// What a client sees of an upload.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// A status and the beginning of a body.
    Answer(u16, &'static str),
    /// A response that broke off.
    Broken,
    /// No response.
    Nothing,
}

#[tokio::test]
async fn each_fault_is_seen_as_it_says_and_stores_the_key_only_after() {
    use FaultKind as F;
    let table = [
        (F::TooMany, Seen::Answer(429, r#"{"detail":"#), 0),
        (F::TooManyDate, Seen::Answer(429, r#"{"detail":"#), 0),
        (F::TooManyBare, Seen::Answer(429, r#"{"detail":"#), 0),
        (F::Internal, Seen::Answer(500, "Internal Server Error"), 0),
        (F::InternalAfter, Seen::Answer(500, "Internal Server Error"), 1),
        (F::BadGateway, Seen::Answer(502, "<html>"), 0),
        (F::Unavailable, Seen::Answer(503, r#"{"detail":"#), 0),
        (F::UnavailableBare, Seen::Answer(503, r#"{"detail":"#), 0),
        (F::GatewayTimeout, Seen::Answer(504, "<html>"), 0),
        (F::GatewayTimeoutAfter, Seen::Answer(504, "<html>"), 1),
        (F::CloseBefore, Seen::Nothing, 0),
        (F::CloseAfter, Seen::Nothing, 1),
        (F::Truncated, Seen::Broken, 1),
        (F::BrokenJson, Seen::Answer(200, r#"{"id":"cm4x"#), 1),
        (F::ForeignJson, Seen::Answer(200, r#"{"message":"ok"}"#), 1),
        (F::Html, Seen::Answer(200, "<html>"), 0),
        (F::StallBefore, Seen::Nothing, 0),
        (F::StallAfter, Seen::Nothing, 1),
        (F::CloseLate, Seen::Nothing, 0),
        (F::StallLate, Seen::Nothing, 0),
        (F::UnavailableAfter, Seen::Answer(503, r#"{"detail":"#), 1),
        (F::EmptyList, Seen::Answer(200, r#"{"data":[]"#), 0),
        (F::NoKey, Seen::Answer(200, r#"{"createdAt":"#), 1),
        (F::MaskedKey, Seen::Answer(200, r#"{"createdAt":"#), 1),
        (F::WrappedKey, Seen::Answer(200, r#"{"createdAt":"#), 1),
        (F::Latency, Seen::Answer(200, r#"{"id":"cm4x"#), 1),
    ];
    for (fault, expected, stored) in table {
        let script = vec![ScriptEntry::fault(1, Method::POST, fault)];
        let short = Duration::from_millis(1);
        let session = Session::faulty(Faults {
            script,
            stall: short,
            late: Duration::from_hours(1),
            latency: short,
            jitter: short,
            ..Faults::default()
        });
        let seen = match session.request(Method::POST, COLLECTION).body(upload_of("alice")).send().await {
            Err(_) => Seen::Nothing,
            Ok(response) => match (response.status().as_u16(), response.text().await) {
                (_, Err(_)) => Seen::Broken,
                (status, Ok(body)) => {
                    let Seen::Answer(_, start) = expected else { panic!("{fault:?}: {status} {body}") };
                    assert!(body.starts_with(start), "{fault:?}: {body}");
                    let is_json = serde_json::from_str::<serde_json::Value>(&body).is_ok();
                    assert_eq!(is_json, start.starts_with('{') && fault != F::BrokenJson, "{fault:?}: {body}");
                    Seen::Answer(status, start)
                }
            },
        };
        assert_eq!((seen, session.emulator.api().rows().len()), (expected, stored), "{fault:?}");
        assert_eq!(fault.comes_after() || fault == F::Latency, stored == 1, "{fault:?}");
        let next = session.post(upload_of("bob")).await;
        assert_eq!(next.status, 200, "one request meets {fault:?}, and the next none");
    }
}

#[tokio::test]
async fn a_late_request_is_handled_after_the_client_lost_it() {
    for fault in [FaultKind::CloseLate, FaultKind::StallLate] {
        let script = vec![ScriptEntry::fault(1, Method::POST, fault)];
        let short = Duration::from_millis(1);
        let session = Session::faulty(Faults { script, stall: short, late: short, ..Faults::default() });
        let lost = session.request(Method::POST, COLLECTION).body(upload_of("alice")).send().await;
        assert!(lost.is_err(), "{fault}");
        while session.emulator.api().rows().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_key_in_an_answer_can_be_missing_masked_wrapped_or_compressed() {
    let session = Session::start(EmulatorConfig::default());
    let mut keys = Vec::new();
    for fault in [FaultKind::NoKey, FaultKind::MaskedKey, FaultKind::WrappedKey] {
        session.emulator.api().script(ScriptEntry::fault(1, Method::POST, fault));
        let answer = session.post(upload_of("alice")).await.json();
        assert!(answer["id"].is_string(), "{fault}");
        keys.push(answer["publicKey"].as_str().map(str::to_owned));
    }
    let stored = &session.emulator.api().rows()[0].public_key;
    assert_eq!(keys[0], None);
    assert!(keys[1].as_ref().is_some_and(|key| key.contains("****") && key != stored), "{keys:?}");
    assert_eq!(keys[2].as_ref().map(|key| key.replace('\n', "")).as_ref(), Some(stored));
    session.emulator.api().script(ScriptEntry::fault(1, Method::GET, FaultKind::Gzip));
    let answer = session.request(Method::GET, COLLECTION).send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
}

#[tokio::test]
async fn retry_after_comes_in_seconds_as_a_date_or_not_at_all() {
    let session = Session::start(EmulatorConfig {
        faults: Faults { retry_after: Duration::from_millis(6500), ..Faults::default() },
        clock: TimeSource::fixed("2026-01-02T03:04:05Z".parse().unwrap()),
        ..EmulatorConfig::default()
    });
    let kinds = [
        FaultKind::TooMany,
        FaultKind::Unavailable,
        FaultKind::TooManyDate,
        FaultKind::TooManyBare,
        FaultKind::UnavailableBare,
    ];
    let mut waits = Vec::new();
    for kind in kinds {
        session.emulator.api().script(ScriptEntry::fault(1, Method::GET, kind));
        let response = session.request(Method::GET, COLLECTION).send().await.unwrap();
        waits.push(response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned()));
    }
    let waits: Vec<_> = waits.iter().map(Option::as_deref).collect();
    assert_eq!(waits, [Some("7"), Some("7"), Some("Fri, 02 Jan 2026 03:04:12 GMT"), None, None]);
}

#[tokio::test]
async fn a_truncated_answer_has_its_head_and_half_its_body() {
    let session = Session::faulty(Faults {
        script: vec![ScriptEntry::fault(1, Method::POST, FaultKind::Truncated)],
        ..Faults::default()
    });
    let mut response = session.request(Method::POST, COLLECTION).body(upload_of("alice")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let promised = response.content_length().unwrap();
    let chunk = response.chunk().await.unwrap().unwrap();
    assert_eq!(u64::try_from(chunk.len()).unwrap(), promised / 2);
    assert!(response.chunk().await.is_err());
}

#[tokio::test]
async fn random_faults_match_their_rates_and_are_counted() {
    let mut faults = Faults { seed: 3, ..Faults::default() };
    faults.set("503=0.3".parse().unwrap());
    let session = Session::faulty(faults);
    for _ in 0..100 {
        session.get(COLLECTION).await;
    }
    let stats = session.emulator.api().stats();
    let met = stats.faulted(FaultKind::Unavailable);
    assert!((15..45).contains(&met), "{met}");
    assert_eq!(stats.answered(&Method::GET, 503), met);
    assert_eq!(stats.answered(&Method::GET, 200), 100 - met);
}

#[tokio::test]
async fn requests_are_logged_and_counted() {
    let session = Session::faulty(Faults {
        script: vec![ScriptEntry::pass(1, Method::POST), ScriptEntry::fault(1, Method::POST, FaultKind::CloseAfter)],
        ..Faults::default()
    });
    let id = session.upload("alice").await;
    assert!(session.request(Method::POST, COLLECTION).body(upload_of("bob")).send().await.is_err());
    session.delete(&id).await;
    read(session.bare(Method::GET, "/?secret=x").send().await.unwrap()).await;
    let stats = session.emulator.api().stats();
    let log: Vec<_> = stats.log().map(|s| (s.method.clone(), s.path.clone(), s.status, s.fault)).collect();
    let expected = [
        (Method::POST, COLLECTION.to_owned(), Some(200), None),
        (Method::POST, COLLECTION.to_owned(), None, Some(FaultKind::CloseAfter)),
        (Method::DELETE, format!("{COLLECTION}{id}"), Some(200), None),
        (Method::GET, "/".to_owned(), Some(404), None),
    ];
    assert_eq!(log, expected);
    assert_eq!((stats.received, stats.count(&Method::POST), stats.in_flight), (4, 2, 0));
    assert_eq!(stats.connections, 2, "one was closed, and one kept alive");
}

#[tokio::test]
async fn requests_at_once_are_counted_while_they_wait() {
    let long = Duration::from_mins(1);
    let session = Session::faulty(Faults { stall: long, ..Faults::default() });
    session.emulator.api().script(ScriptEntry::fault(3, Method::POST, FaultKind::StallAfter));
    let mut waiting = tokio::task::JoinSet::new();
    for name in ["a", "b", "c"] {
        let request = session.request(Method::POST, COLLECTION).body(upload_of(name));
        waiting.spawn(request.send());
    }
    let api = session.emulator.api();
    until(|| api.stats().in_flight == 3 && api.rows().len() == 3).await;
    waiting.shutdown().await;
    until(|| api.stats().in_flight == 0).await;
    assert_eq!(api.stats().max_in_flight, 3);
    assert_eq!(got(session.request(Method::GET, COLLECTION)).await.status, 200);
    assert!(api.rows().iter().any(|row| row.public_key == key_of("b")));
}

/// Waits until something holds, for up to a minute.
async fn until(holds: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_mins(1), async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    waited.await.unwrap();
}
