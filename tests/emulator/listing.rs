//! Listings: the envelope, pages, orders, bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use keyform::emulator::{Behaviour, EmulatorConfig, Lag, LaggingChange, ListOrder, Omission, OverLimit, TimeSource};
use serde_json::{Value, json};

use crate::support::{COLLECTION, Session, names};

async fn with_keys(behaviour: Behaviour, count: usize) -> Session {
    let session = Session::behaving(behaviour);
    for n in 0..count {
        session.upload(&format!("k{n}")).await;
    }
    session
}

/// Lists everything in pages of three.
async fn walk(session: &Session) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = session.names(&format!("?offset={}&limit=3", all.len())).await;
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test]
async fn a_page_has_an_envelope_in_snake_case_and_keys_in_camel_case() {
    let session = with_keys(Behaviour { system_keys: 1, ..Behaviour::default() }, 2).await;
    let Value::Object(mut page) = session.get(COLLECTION).await.json() else { panic!("no object") };
    let data = page.remove("data").unwrap();
    assert_eq!(Value::Object(page), json!({ "total_count": 3, "offset": 0, "limit": 100, "status": null }));
    let fields: Vec<_> = data[0].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["createdAt", "id", "isPrimary", "isUserKey", "name", "publicKey", "updatedAt", "userId"];
    assert_eq!(fields, expected);
    let user_keys: Vec<_> = (0..3).map(|n| data[n]["isUserKey"].as_bool().unwrap()).collect();
    assert_eq!(user_keys, [false, true, true]);
}

#[tokio::test]
async fn a_page_can_leave_out_all_but_its_data_and_each_key_its_text() {
    let omit = [Omission::TotalCount, Omission::PageFields, Omission::ListedPublicKey].into();
    let session = with_keys(Behaviour { omit, ..Behaviour::default() }, 1).await;
    let Value::Object(page) = session.get(COLLECTION).await.json() else { panic!("no object") };
    assert_eq!(page.keys().collect::<Vec<_>>(), ["data"]);
    assert_eq!(page["data"][0].get("publicKey"), None);
}

#[tokio::test]
async fn offset_and_limit_cut_a_page() {
    let session = with_keys(Behaviour::default(), 7).await;
    let page = session.get(&format!("{COLLECTION}?offset=5&limit=3")).await.json();
    assert_eq!(names(&page), ["k5", "k6"]);
    assert_eq!((&page["offset"], &page["limit"], &page["total_count"]), (&json!(5), &json!(3), &json!(7)));
    assert_eq!(session.names("?offset=7").await, [""; 0]);
    assert_eq!(session.names("?offset=18446744073709551615&limit=18446744073709551615").await, [""; 0]);
    for query in ["?offset=x", "?limit=-1", "?limit=1.5", "?offset="] {
        assert_eq!(session.get(&format!("{COLLECTION}{query}")).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn a_listing_without_a_limit_has_100_rows_a_page() {
    let session = with_keys(Behaviour::default(), 101).await;
    assert_eq!(session.names("").await.len(), 100);
    assert_eq!(session.names("?offset=100").await, ["k100"]);
}

#[tokio::test]
async fn too_large_a_limit_is_clamped_or_refused() {
    let clamping = with_keys(Behaviour { max_limit: Some(2), ..Behaviour::default() }, 3).await;
    let page = clamping.get(COLLECTION).await.json();
    assert_eq!((names(&page).len(), &page["limit"]), (2, &json!(2)));
    let over_limit = OverLimit::Refuse;
    let refusing = with_keys(Behaviour { max_limit: Some(2), over_limit, ..Behaviour::default() }, 3).await;
    assert_eq!(refusing.get(&format!("{COLLECTION}?limit=3")).await.status, 422);
    assert_eq!(refusing.names("?limit=2").await.len(), 2);
}

#[tokio::test]
async fn the_order_is_the_one_that_is_chosen() {
    let oldest: Vec<_> = (0..10).map(|n| format!("k{n}")).collect();
    let newest: Vec<_> = oldest.iter().rev().cloned().collect();
    let listed = |list_order| async move {
        let session = with_keys(Behaviour { list_order, ..Behaviour::default() }, 10).await;
        [walk(&session).await, walk(&session).await]
    };
    assert_eq!(listed(ListOrder::OldestFirst).await, [oldest.clone(), oldest.clone()]);
    assert_eq!(listed(ListOrder::NewestFirst).await, [newest.clone(), newest]);
    let [mut first, mut second] = listed(ListOrder::Shuffled).await;
    assert_ne!(first, second, "each listing has its own order");
    first.sort();
    second.sort();
    assert_eq!([&first, &second], [&oldest, &oldest], "and each holds every row once");
    let [mut unstable, _] = listed(ListOrder::Unstable).await;
    unstable.sort();
    assert_ne!(unstable, oldest, "its pages overlap");
}

#[tokio::test]
async fn a_listing_that_lags_shows_each_change_only_after_that_time() {
    let second = Arc::new(AtomicI64::new(1_000));
    let now = Arc::clone(&second);
    let session = Session::start(EmulatorConfig {
        lag: Lag { most: Duration::from_mins(1), ..Lag::default() },
        clock: TimeSource::from_fn(move || Timestamp::from_second(now.load(Ordering::Relaxed)).unwrap()),
        ..EmulatorConfig::default()
    });
    let id = session.upload("alice").await;
    assert_eq!(session.names("").await, [""; 0]);
    second.fetch_add(60, Ordering::Relaxed);
    assert_eq!(session.names("").await, ["alice"]);
    assert_eq!(session.delete(&id).await.status, 200);
    assert_eq!(session.names("").await, ["alice"], "the deletion is not visible yet");
    second.fetch_add(60, Ordering::Relaxed);
    assert_eq!(session.names("").await, [""; 0]);
}

#[tokio::test]
async fn some_changes_can_lag_while_others_do_not() {
    let lag = Lag { most: Duration::from_hours(1), of: [LaggingChange::Primary].into(), ..Lag::default() };
    let session = Session::start(EmulatorConfig { lag, ..EmulatorConfig::default() });
    session.upload("alice").await;
    let bob = session.upload("bob").await;
    assert_eq!(session.patch(&bob, r#"{"isPrimary":true}"#).await.status, 200);
    let page = session.get(COLLECTION).await.json();
    assert_eq!(names(&page), ["alice", "bob"]);
    assert_eq!((&page["data"][0]["isPrimary"], &page["data"][1]["isPrimary"]), (&json!(true), &json!(false)));
}
