//! What is wrong with a store, and what to do about it.

use std::time::{Duration, Instant};

use crate::places::{Site, emulated};
use crate::support::bucket_server::{STORE_TOKEN, ServerMode};
use crate::support::program::{Ran, TOKEN, account};

/// The error of a run that changed nothing, with its location shortened.
fn error_of(site: &Site<'_>, ran: &Ran) -> String {
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(site.account.api().rows().is_empty(), "{ran}");
    assert!(!format!("{ran}").contains(STORE_TOKEN), "{ran}");
    ran.stderr.replace(&site.location, "gs://BUCKET/FOLDER")
}

#[test]
fn every_error_says_what_is_wrong_and_what_to_do() {
    let (place, server) = emulated(ServerMode::default());
    let site = Site::new(&place, 2, account());
    let mut text = String::new();
    let mut add = |what: &str, error: &str| text += &format!("# {what}\n{error}\n");
    let elsewhere = site.location.replace("keys", "other");
    let ran = site.keyform("plan").env("KEYFORM_STATE", &elsewhere).run();
    add("no bucket", &error_of(&site, &ran).replace(&elsewhere, "gs://other/FOLDER"));
    let ran = site.keyform("plan").env("GOOGLE_OAUTH_ACCESS_TOKEN", "an-expired-token").run();
    add("wrong credentials", &error_of(&site, &ran));
    for (method, command) in [("LIST", "plan"), ("PUT", "apply -y")] {
        server.set(|mode| mode.denies = Some(method));
        add(&format!("no permission to {method}"), &error_of(&site, &site.keyform(command).run()));
    }
    server.set(|mode| mode.denies = None);
    let ran = site.keyform("plan").env("STORAGE_EMULATOR_HOST", "http://storage.example.com").run();
    add("plain HTTP", &error_of(&site, &ran));
    let ran = site.keyform("plan").env("KEYFORM_STATE", "gs://keys/team?token=hush").run();
    add("credentials in the location", &error_of(&site, &ran));
    let ran = site.keyform("plan").env("KEYFORM_STATE", "az://keys/team").run();
    add("no storage account", &error_of(&site, &ran));
    insta::assert_snapshot!(text);
}

#[test]
fn a_damaged_state_is_restored_from_its_log_once_it_is_deleted() {
    let (place, server) = emulated(ServerMode::default());
    let site = Site::new(&place, 2, account());
    site.succeeds("apply -y");
    let is_state = |name: &&String| name.contains(".json");
    let name = server.served.lock().unwrap().objects.keys().rfind(is_state).unwrap().clone();
    server.served.lock().unwrap().objects.insert(name.clone(), b"damaged".to_vec());
    let ran = site.keyform("plan").run();
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("delete this object, and the next run restores it from its log"), "{ran}");
    server.served.lock().unwrap().objects.remove(&name);
    site.is_as_it_should_be(2);
    site.succeeds("plan --detailed-exitcode");
}

#[test]
fn without_credentials_no_metadata_service_is_waited_for() {
    let (place, _server) = emulated(ServerMode::default());
    let site = Site::new(&place, 2, account());
    let expected = [
        ("s3://keys/team", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("gs://keys/team", "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_OAUTH_ACCESS_TOKEN"),
        ("az://keys/team", "AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_CLIENT_ID"),
    ];
    for (location, variables) in expected {
        let started = Instant::now();
        let run = site.keyform("plan").env("KEYFORM_STATE", location).env("GOOGLE_OAUTH_ACCESS_TOKEN", "");
        let ran = run.env("AZURE_STORAGE_ACCOUNT_NAME", "account").run();
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains("there are no credentials"), "{ran}");
        assert!(ran.stderr.contains(&format!("set {variables}")), "{ran}");
        assert!(ran.stderr.contains("they can run `keyform validate`"), "{ran}");
        site.keyform("validate").env("KEYFORM_STATE", location).env("GOOGLE_OAUTH_ACCESS_TOKEN", "").run().expect(0);
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    }
}

#[test]
fn the_token_never_reaches_the_store_nor_its_credentials_the_output() {
    let (place, server) = emulated(ServerMode::default());
    let site = Site::new(&place, 2, account());
    let ran = site.succeeds("apply -y -vv");
    assert!(!format!("{ran}").contains(STORE_TOKEN), "{ran}");
    let seen = server.served.lock().unwrap();
    assert!(!seen.received.contains(TOKEN));
    assert!(!seen.objects.is_empty());
    for (name, object) in &seen.objects {
        let object = String::from_utf8_lossy(object);
        assert!(!object.contains(TOKEN) && !object.contains(STORE_TOKEN), "{name}");
    }
}

#[test]
fn nothing_depends_on_the_permission_to_delete() {
    let (place, server) = emulated(ServerMode { denies: Some("DELETE"), ..ServerMode::default() });
    let site = Site::new(&place, 1, account());
    for keys in 1..5 {
        site.write(keys);
        site.succeeds("apply -y");
        site.is_as_it_should_be(keys);
    }
    let seen = server.served.lock().unwrap();
    assert!(seen.requests.iter().any(|request| request.starts_with("DELETE ")), "{:?}", seen.requests);
    let states = seen.objects.keys().filter(|name| name.contains(".json")).count();
    assert_eq!(states, 4);
}
