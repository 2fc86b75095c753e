//! The way to the account: proxies, certificates and contexts.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use crate::support::program::{Folder, TOKEN, account};

const ENDPOINT: &str = "https://api.example.invalid";

/// Accepts one connection, refuses it and returns the first line that came.
fn proxy() -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let first_line = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").unwrap();
        String::from_utf8_lossy(&buffer[..count]).lines().next().unwrap_or_default().to_owned()
    });
    (address, first_line)
}

#[test]
fn requests_go_through_the_proxy_that_is_set() {
    for (name, with_scheme) in [("HTTPS_PROXY", true), ("https_proxy", false), ("ALL_PROXY", true)] {
        let (address, first_line) = proxy();
        let url = if with_scheme { format!("http://{address}") } else { address };
        let folder = Folder::of("alice=1");
        let run = folder.keyform("plan --retries 0").at(ENDPOINT).env(name, &url).env("NO_PROXY", "other.invalid");
        let ran = run.run().expect(1);
        assert!(ran.stderr.contains("proxy"), "{ran}");
        assert_eq!(first_line.join().unwrap(), "CONNECT api.example.invalid:443 HTTP/1.1", "{name}");
    }
}

#[test]
fn a_connection_setting_that_cannot_be_used_is_an_error_that_names_it() {
    let folder = Folder::of("alice=1");
    folder.write("empty.pem", "");
    for (name, value) in [
        ("HTTPS_PROXY", "http://user:pa ss@proxy:port"),
        ("https_proxy", "http://"),
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("HTTP_PROXY", "http://proxy:port"),
        ("SSL_CERT_FILE", "missing.pem"),
        ("SSL_CERT_FILE", "empty.pem"),
        ("SSL_CERT_FILE", "/dev/zero"),
        ("SSL_CERT_DIR", "missing"),
    ] {
        let ran = folder.keyform("plan").at(ENDPOINT).env(name, value).run().expect(1);
        assert!(ran.stderr.contains(name) && ran.stderr.contains("cannot be used: "), "{ran}");
        assert!(!ran.stderr.contains("pa ss"), "{ran}");
    }
    let proxied = folder.keyform("plan").at(ENDPOINT).env("HTTPS_PROXY", "http://127.0.0.1:1");
    let ran = proxied.env("NO_PROXY", "https://api.example.invalid").run().expect(1);
    assert!(ran.stderr.contains("NO_PROXY"), "{ran}");
    // Not used for this machine, nor by commands without an account.
    let account = account();
    folder.keyform("plan").on(&account).env("HTTPS_PROXY", "http://").run().expect(0);
    folder.keyform("validate").env("SSL_CERT_FILE", "missing.pem").run().expect(0);
    folder.keyform("plan --offline").env("HTTPS_PROXY", "http://").run().expect(0);
}

#[test]
fn a_connection_setting_that_cannot_be_used_is_an_error_for_a_store_and_for_published_keys_too() {
    let folder = Folder::of("alice=1");
    folder.write("empty.pem", "");
    let s3 = ["AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION=eu-west-1"];
    let places: [(&str, &[&str], &str); 5] = [
        ("state list --state s3://bucket/folder", &s3, "bucket.s3.amazonaws.com"),
        ("state list --state gs://bucket/folder", &["GOOGLE_OAUTH_ACCESS_TOKEN=a"], "storage.googleapis.com"),
        (
            "state list --state az://bucket/folder",
            &["AZURE_STORAGE_ACCOUNT=team", "AZURE_STORAGE_TOKEN=a"],
            "team.blob.core.windows.net",
        ),
        (
            "state list --state https://forge.example.invalid/state",
            &["TF_HTTP_USERNAME=a", "TF_HTTP_PASSWORD=b"],
            "forge.example.invalid",
        ),
        ("add --from https://forge.example.invalid/a.keys", &[], "forge.example.invalid"),
    ];
    for (command, variables, host) in places {
        let run = |name: &str, value: &str| {
            let mut run = folder.keyform(command);
            for (name, value) in variables.iter().map(|variable| variable.split_once('=').unwrap()) {
                run = run.env(name, value);
            }
            let ran = run.env("HTTPS_PROXY", "http://127.0.0.1:1").env(name, value).run().expect(1);
            assert!(ran.stderr.contains(name) && !ran.stderr.contains("hush"), "{command}: {ran}");
            ran.stderr
        };
        for (name, value) in [
            ("HTTPS_PROXY", "http://user:hush@proxy:port"),
            ("https_proxy", "socks5://127.0.0.1:1"),
            ("HTTP_PROXY", "http://proxy:port"),
            ("SSL_CERT_FILE", "missing.pem"),
            ("SSL_CERT_FILE", "empty.pem"),
            ("SSL_CERT_DIR", "missing"),
        ] {
            // The first of several proxies is the one that counts.
            let stderr = if name == "https_proxy" { run("HTTPS_PROXY", value) } else { run(name, value) };
            assert!(stderr.contains("cannot be used: "), "{command} {name}: {stderr}");
        }
        let stderr = run("NO_PROXY", &format!("https://{host}"));
        assert!(stderr.contains("has no effect"), "{command}: {stderr}");
    }
}

#[test]
fn requests_to_a_store_go_through_the_proxy_that_is_set() {
    let s3 = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "eu-west-1")];
    for (state, host) in [
        ("https://forge.example.invalid/state", "forge.example.invalid:443"),
        ("s3://bucket/folder", "s3.eu-west-1.amazonaws.com:443"),
    ] {
        let (address, first_line) = proxy();
        let folder = Folder::of("alice=1");
        let mut run = folder.keyform("state list --state").argument(state);
        for (name, value) in s3 {
            run = run.env(name, value);
        }
        let run = run.env("TF_HTTP_USERNAME", "a").env("TF_HTTP_PASSWORD", "b");
        run.env("HTTPS_PROXY", &format!("http://{address}")).run().expect(1);
        assert_eq!(first_line.join().unwrap(), format!("CONNECT {host} HTTP/1.1"), "{state}");
    }
}

#[test]
fn a_refused_token_is_named_by_its_source() {
    let (account, mut folder) = (account(), Folder::of("alice=1"));
    folder.write_secret("token", "pit_another");
    folder.write_secret(".prime/environments/staging.json", r#"{"api_key": "pit_staging"}"#);
    folder.write_secret(".prime/config.json", r#"{"api_key": "pit_config"}"#);
    let url = account.url();
    for (arguments, variable, source) in [
        ("", ("PRIME_API_KEY", "pit_wrong"), "PRIME_API_KEY"),
        ("--token-file token", ("A", ""), "token (--token-file)"),
        ("", ("KEYFORM_TOKEN_FILE", "token"), "token (KEYFORM_TOKEN_FILE)"),
        ("--token-file -", ("A", ""), "standard input (--token-file)"),
        ("--context staging", ("PRIME_API_KEY", TOKEN), "(context staging from --context)"),
        ("", ("KEYFORM_CONTEXT", "staging"), "(context staging from KEYFORM_CONTEXT)"),
        ("", ("PRIME_CONTEXT", "staging"), "(context staging from PRIME_CONTEXT)"),
        ("", ("A", ""), ".prime/config.json"),
    ] {
        let run = folder.keyform(&format!("plan {arguments} --endpoint {url}")).env(variable.0, variable.1);
        let ran = run.stdin("pit_stdin").run().expect(1);
        assert!(
            ran.stderr.contains("the account does not accept the token from ") && ran.stderr.contains(source),
            "{ran}"
        );
    }
}

#[test]
fn a_token_in_place_of_a_file_name_is_not_shown() {
    let folder = Folder::of("alice=1");
    // The harness checks that the token is not shown.
    let ran = folder.keyform("plan --token-file").argument(TOKEN).run().expect(1);
    assert!(ran.stderr.contains("the file that --token-file names"), "{ran}");
    let ran = folder.keyform("plan").env("KEYFORM_TOKEN_FILE", TOKEN).run().expect(1);
    assert!(ran.stderr.contains("the file that KEYFORM_TOKEN_FILE names"), "{ran}");
    folder.keyform("plan --token").argument(TOKEN).run().expect(1);
    folder.keyform("state list --token-file").argument(TOKEN).run().expect(1);
}
