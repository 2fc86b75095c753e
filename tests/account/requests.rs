//! What goes over the wire, and what good answers become.

use keyform::account::{
    BodyFault, Dated, Effect, FailureKind, ReadAccount as _, RetryPolicy, Throttle, TokioClock, WriteAccount as _,
    list_all,
};

use crate::server::{Act, Server, answer};
use crate::{KEY, TOKEN, connect, id, key, key_object, name, options};

#[tokio::test]
async fn each_request_is_as_the_api_wants_it() {
    let server = Server::start(|request| match request.split(' ').next() {
        Some("GET") => Act::Say(answer("200 OK", "", r#"{"data":[]}"#)),
        Some("POST") => Act::Say(answer("201 Created", "", &key_object(KEY, true))),
        Some("PATCH") => Act::Say(answer("200 OK", "", r#"{"message":"ok","updated_fields":{}}"#)),
        _ => Act::Say("HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
    })
    .await;
    let client = connect(&server.endpoint, options());
    client.page(200, 100).await.unwrap();
    client.upload(name(), &key()).await.unwrap();
    client.promote(&id()).await.unwrap();
    client.delete(&id()).await.unwrap();
    assert_eq!(server.connections(), 1, "the connection is kept");
    let host = server.endpoint.as_str().trim_start_matches("http://");
    let sent = server.requests().join("\n---\n").replace('\r', "").replace(host, "HOST");
    insta::assert_snapshot!(sent.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[tokio::test]
async fn a_prefix_of_the_endpoint_is_kept() {
    let server = Server::start(|_| Act::Say(answer("200 OK", "", r#"{"data":[]}"#))).await;
    let endpoint = format!("{}/gateway/api/v1/", server.endpoint);
    let endpoint = keyform::account::Endpoint::parse(&endpoint).unwrap();
    connect(&endpoint, options()).page(0, 100).await.unwrap();
    assert!(server.requests()[0].starts_with("GET /gateway/api/v1/ssh_keys/?offset=0&limit=100 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_uploaded_key_becomes_a_row() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let server = Server::start(move |_| Act::Say(answer("202 Accepted", date, &key_object(KEY, true)))).await;
    let Dated { value: row, date } = connect(&server.endpoint, options()).upload(name(), &key()).await.unwrap();
    assert_eq!(date, Some("1994-11-06T08:49:37Z".parse().unwrap()));
    assert_eq!((&row.id, row.blob()), (&id(), Some(key().blob())));
    assert_eq!(row.created_at, Some("2026-01-02T03:04:05.678901Z".parse().unwrap()));
}

#[tokio::test]
async fn the_id_in_a_response_about_another_key_is_kept() {
    for (body, expected) in [
        (key_object("ssh-ed25519 AAAA****", true), true),
        (key_object(KEY, false), true),
        (r#"{"id":"k1"}"#.to_owned(), true),
        (r#"{"data":{"id":"k1","name":"alice-laptop"},"status":"ok"}"#.to_owned(), true),
        (r#"{"id":7}"#.to_owned(), false),
        (r#"{"id":"../k1"}"#.to_owned(), false),
        (String::new(), false),
    ] {
        let reply = answer("200 OK", "", &body);
        let server = Server::start(move |_| Act::Say(reply.clone())).await;
        let failure = connect(&server.endpoint, options()).upload(name(), &key()).await.unwrap_err();
        assert_eq!(failure.effect, Effect::Unknown, "{body}");
        assert_eq!(failure.id, expected.then(id), "{body}");
    }
}

#[tokio::test]
async fn deleting_a_missing_key_succeeds() {
    for reply in [
        answer("404 Not Found", "", r#"{"detail":"SSH key not found"}"#),
        answer("404 Not Found", "", ""),
        answer("200 OK", "", ""),
        answer("200 OK", "", "null"),
        answer("202 Accepted", "", r#"{"message":"gone"}"#),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
    ] {
        let said = reply.clone();
        let server = Server::start(move |_| Act::Say(reply.clone())).await;
        assert_eq!(connect(&server.endpoint, options()).delete(&id()).await, Ok(().into()), "{said}");
    }
    for reply in [
        answer("404 Not Found", "", "<html>nginx</html>"),
        answer("200 OK", "", "<html>please log in</html>"),
        answer("500 Internal Server Error", "", ""),
    ] {
        let said = reply.clone();
        let server = Server::start(move |_| Act::Say(reply.clone())).await;
        assert!(connect(&server.endpoint, options()).delete(&id()).await.is_err(), "{said}");
    }
}

#[tokio::test]
async fn an_account_of_many_pages_is_listed_whole() {
    let server = Server::start(|request| {
        let offset = request.split_once("offset=").unwrap().1.split_once('&').unwrap().0.parse::<usize>().unwrap();
        let rows: Vec<String> = (offset..(offset + 100).min(1_234))
            .map(|number| key_object(KEY, number % 100 != 7).replace("\"k1\"", &format!("\"k{number}\"")))
            .collect();
        let body = format!(r#"{{"total_count":1234,"offset":{offset},"limit":100,"data":[{}]}}"#, rows.join(","));
        Act::Say(answer("200 OK", "", &body))
    })
    .await;
    let client = connect(&server.endpoint, options());
    let throttle = Throttle::new(TokioClock::default(), 1);
    let listing = list_all(&client, &throttle, RetryPolicy::default()).await.unwrap();
    assert_eq!(listing.rows().len(), 1_221);
    assert_eq!(server.requests().len(), 13);
    assert!(server.connections() <= 10, "{} connections", server.connections());
}

#[tokio::test]
async fn a_row_that_contains_the_token_is_refused_and_nothing_of_it_is_kept() {
    let whole = key_object(KEY, true);
    for (from, to) in [("k1", TOKEN), ("u1", &format!("user-{TOKEN}")), ("alice-laptop", &format!("x {TOKEN} y"))] {
        let row = whole.replace(from, to);
        let server = Server::start(move |request| {
            let is_listing = request.starts_with("GET");
            Act::Say(answer("200 OK", "", &if is_listing { format!(r#"{{"data":[{row}]}}"#) } else { row.clone() }))
        })
        .await;
        let client = connect(&server.endpoint, options());
        let listed = client.page(0, 100).await.unwrap_err();
        let uploaded = client.upload(name(), &key()).await.unwrap_err();
        for failure in [&listed, &uploaded] {
            assert_eq!(failure.kind, FailureKind::Body(BodyFault::Token), "{from}: {failure:?}");
            assert!(!format!("{failure:?}").contains(TOKEN), "{failure:?}");
        }
        // The row is on the account, so its id is needed, unless it is the token.
        assert_eq!(uploaded.id, (from != "k1").then(id), "{from}");
    }
}
