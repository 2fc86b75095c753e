//! Upload, promote, delete, who am I; tokens, scopes, bodies of errors.

use std::time::Duration;

use keyform::emulator::{
    Behaviour, DeleteBody, DeletePrimary, DuplicateKey, EmulatorConfig, ErrorShape, Omission, RateLimit, Scopes,
    TimeSource, UploadStatus,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{COLLECTION, Session, got, key_of, upload_of};

#[tokio::test]
async fn an_upload_answers_the_key_object_of_the_seed() {
    let clock = TimeSource::fixed("2026-01-02T03:04:05Z".parse().unwrap());
    let session = Session::start(EmulatorConfig { clock, user_id: "cm4xuser".into(), ..EmulatorConfig::default() });
    let answer = session.post(upload_of("alice")).await;
    assert_eq!(answer.status, 200);
    let id = session.emulator.api().rows()[0].id.clone();
    let expected = json!({
        "id": id, "userId": "cm4xuser", "name": "alice", "publicKey": key_of("alice"),
        "isPrimary": true, "isUserKey": true,
        "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z",
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn an_upload_can_answer_201_and_omit_or_add_optional_fields() {
    let session = Session::behaving(Behaviour {
        upload_status: UploadStatus::Created,
        omit: [Omission::Timestamps].into(),
        unknown_fields: true,
        ..Behaviour::default()
    });
    let answer = session.post(upload_of("alice")).await;
    assert_eq!(answer.status, 201);
    let Value::Object(fields) = answer.json() else { panic!("{answer:?}") };
    let names: Vec<_> = fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "isPrimary", "isUserKey", "name", "publicKey", "teamId", "userId"]);
}

#[tokio::test]
async fn the_same_key_twice_makes_a_second_row_or_the_same_or_a_422() {
    for (duplicate_key, status, rows) in
        [(DuplicateKey::SecondRow, 200, 2), (DuplicateKey::SameRow, 200, 1), (DuplicateKey::Refuse, 422, 1)]
    {
        let session = Session::behaving(Behaviour { duplicate_key, ..Behaviour::default() });
        let first = session.upload("alice").await;
        let again = session.post(upload_of("alice")).await;
        assert_eq!((again.status, session.emulator.api().rows().len()), (status, rows));
        match duplicate_key {
            DuplicateKey::SecondRow => assert_ne!(again.json()["id"], json!(first)),
            DuplicateKey::SameRow => assert_eq!(again.json()["id"], json!(first)),
            DuplicateKey::Refuse => assert_eq!(
                again.json(),
                json!({ "errors": [{ "param": "publicKey", "details": "SSH key already exists" }] })
            ),
        }
        assert_eq!(session.emulator.api().duplicates().len(), rows - 1);
    }
}

#[tokio::test]
async fn a_promotion_answers_a_message_and_not_the_key() {
    let session = Session::behaving(Behaviour::default());
    session.upload("alice").await;
    let bob = session.upload("bob").await;
    let answer = session.patch(&bob, r#"{"isPrimary": true}"#).await;
    assert_eq!(answer.status, 200);
    let expected = json!({ "message": "SSH key updated successfully", "updated_fields": { "isPrimary": true } });
    assert_eq!(answer.json(), expected);
    let primaries: Vec<_> = session.emulator.api().rows().iter().map(|row| row.is_primary).collect();
    assert_eq!(primaries, [false, true]);
}

#[tokio::test]
async fn a_promotion_must_say_true_and_nothing_else() {
    let session = Session::behaving(Behaviour::default());
    let id = session.upload("alice").await;
    for body in [r#"{"isPrimary": false}"#, r#"{"isPrimary": "yes"}"#, r#"{"name": "bob"}"#, "{}", "", "[]", "{"] {
        let answer = session.patch(&id, body).await;
        assert_eq!(answer.status, 422, "{body}");
        assert!(answer.json()["detail"].is_array(), "{body}: {answer:?}");
    }
    assert_eq!(session.patch("cm4xnobody", r#"{"isPrimary": true}"#).await.status, 404);
}

#[tokio::test]
async fn a_deletion_answers_json_or_nothing() {
    for (delete_body, status, body) in [
        (DeleteBody::Json, 200, r#"{"message":"SSH key deleted successfully"}"#),
        (DeleteBody::Empty, 200, ""),
        (DeleteBody::NoContent, 204, ""),
    ] {
        let session = Session::behaving(Behaviour { delete_body, ..Behaviour::default() });
        let id = session.upload("alice").await;
        let answer = session.delete(&id).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
        assert!(session.emulator.api().rows().is_empty());
        let again = session.delete(&id).await;
        assert_eq!((again.status, again.json()), (404, json!({ "detail": "SSH key not found" })));
    }
}

#[tokio::test]
async fn the_primary_and_system_keys_can_be_kept_from_deletion() {
    let session =
        Session::behaving(Behaviour { delete_primary: DeletePrimary::Refuse, system_keys: 1, ..Behaviour::default() });
    let id = session.upload("alice").await;
    let answer = session.delete(&id).await;
    assert_eq!((answer.status, &answer.json()["errors"][0]["param"]), (422, &json!("key_id")));
    let system = session.emulator.api().rows()[0].clone();
    assert!(!system.is_user_key);
    assert_eq!(session.delete(&system.id).await.status, 403);
    assert_eq!(session.emulator.api().rows().len(), 2);
}

#[tokio::test]
async fn the_body_of_a_422_has_the_shape_that_is_chosen() {
    let malformed = r#"{"name": 1}"#;
    let refused = r#"{"name": "a", "publicKey": "hello"}"#;
    let detail_malformed = json!({ "detail": [
        { "type": "string_type", "loc": ["body", "name"], "msg": "Input should be a valid string" },
        { "type": "missing", "loc": ["body", "publicKey"], "msg": "Field required" },
    ]});
    let errors_malformed = json!({ "errors": [
        { "param": "name", "details": "Input should be a valid string" },
        { "param": "publicKey", "details": "Field required" },
    ]});
    let detail_refused = json!({ "detail": [
        { "type": "value_error", "loc": ["body", "publicKey"], "msg": "Invalid SSH public key" },
    ]});
    let errors_refused = json!({ "errors": [{ "param": "publicKey", "details": "Invalid SSH public key" }] });
    for (error_shape, of_malformed, of_refused) in [
        (ErrorShape::Mixed, &detail_malformed, &errors_refused),
        (ErrorShape::Errors, &errors_malformed, &errors_refused),
        (ErrorShape::Detail, &detail_malformed, &detail_refused),
    ] {
        let session = Session::behaving(Behaviour { error_shape, ..Behaviour::default() });
        for (body, expected) in [(malformed, of_malformed), (refused, of_refused)] {
            let answer = session.post(body).await;
            assert_eq!((answer.status, &answer.json()), (422, expected));
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_a_422_and_one_that_is_too_long_a_413() {
    let session = Session::behaving(Behaviour::default());
    let answer = session.post("{not json").await;
    let expected = json!({ "detail": [{ "type": "json_invalid", "loc": ["body"], "msg": "JSON decode error" }] });
    assert_eq!((answer.status, answer.json()), (422, expected));
    assert_eq!(session.post("x".repeat(2 << 20)).await.status, 413);
    assert!(session.emulator.api().rows().is_empty());
}

#[tokio::test]
async fn an_invalid_token_is_401_and_a_missing_one_is_403() {
    let session = Session::behaving(Behaviour::default());
    let none = got(session.bare(Method::GET, COLLECTION)).await;
    assert_eq!((none.status, none.json()), (403, json!({ "detail": "Not authenticated" })));
    let basic = got(session.bare(Method::GET, COLLECTION).basic_auth("a", Some("b"))).await;
    assert_eq!(basic.status, 403);
    let wrong = got(session.bare(Method::GET, COLLECTION).bearer_auth("wrong")).await;
    assert_eq!((wrong.status, wrong.json()), (401, json!({ "detail": "Invalid API key" })));
}

#[tokio::test]
async fn scopes_are_granted_apart_and_a_missing_one_is_401() {
    let missing = |permission| json!({ "detail": format!("Token permission missing: scope 'ssh_keys', permission '{permission}'") });
    for (read, write) in [(true, true), (true, false), (false, true), (false, false)] {
        let session = Session::start(EmulatorConfig { scopes: Scopes { read, write }, ..EmulatorConfig::default() });
        let id = session.emulator.api().insert(bystander()).unwrap().id;
        let list = session.get(COLLECTION).await;
        let upload = session.post(upload_of("alice")).await;
        let promotion = session.patch(&id, r#"{"isPrimary": true}"#).await;
        let deletion = session.delete(&id).await;
        for (answer, granted, permission) in
            [(list, read, "read"), (upload, write, "write"), (promotion, write, "write"), (deletion, write, "write")]
        {
            if granted {
                assert_eq!(answer.status, 200);
            } else {
                assert_eq!((answer.status, answer.json()), (401, missing(permission)));
            }
        }
        let scope = session.get("/api/v1/user/whoami").await.json()["data"]["scope"]["ssh_keys"].clone();
        assert_eq!(scope, if read || write { json!({ "read": read, "write": write }) } else { Value::Null });
    }
}

#[tokio::test]
async fn the_collection_without_a_trailing_slash_redirects_every_request() {
    let session = Session::behaving(Behaviour::default());
    let url = session.emulator.url();
    for (method, path, to) in [
        (Method::GET, "/api/v1/ssh_keys?offset=1&limit=2", "/api/v1/ssh_keys/?offset=1&limit=2"),
        (Method::POST, "/api/v1/ssh_keys", "/api/v1/ssh_keys/"),
        (Method::DELETE, "/api/v1/ssh_keys/cm4x1/", "/api/v1/ssh_keys/cm4x1"),
    ] {
        let response = session.bare(method, path).send().await.unwrap();
        assert_eq!(response.status(), 307, "{path}");
        assert_eq!(response.headers()["location"], format!("{url}{to}"));
    }
}

#[tokio::test]
async fn there_is_no_get_by_id_and_no_other_path() {
    let session = Session::behaving(Behaviour::default());
    let id = session.upload("alice").await;
    assert_eq!(session.get(&format!("{COLLECTION}{id}")).await.status, 405);
    assert_eq!(session.get("/api/v1/pods/").await.status, 404);
}

#[tokio::test]
async fn a_rate_limit_answers_429_with_and_without_retry_after() {
    for retry_after in [true, false] {
        let window = Duration::from_hours(1);
        let rate_limit = Some(RateLimit { requests: 3, window, retry_after });
        let session = Session::start(EmulatorConfig { rate_limit, ..EmulatorConfig::default() });
        for name in ["a", "b", "c"] {
            session.upload(name).await;
        }
        let response = session.request(Method::POST, COLLECTION).body(upload_of("d")).send().await.unwrap();
        assert_eq!(response.status(), 429);
        let wait = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(wait.is_some(), retry_after);
        assert!(wait.is_none_or(|wait| (1..=3600).contains(&wait)), "{wait:?}");
        assert_eq!(session.emulator.api().rows().len(), 3);
        let stranger = got(session.bare(Method::GET, COLLECTION).bearer_auth("wrong")).await;
        assert_eq!(stranger.status, 401, "the limit is the token's");
    }
}

fn bystander() -> keyform::emulator::NewRow {
    keyform::emulator::NewRow {
        name: "bystander".into(),
        public_key: key_of("bystander"),
        is_primary: false,
        is_user_key: true,
    }
}
