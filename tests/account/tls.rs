//! Encrypted connections: which certificates to trust, and the error if one is not trusted.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use keyform::account::{ClientOptions, Connection, Effect, Endpoint, FailureKind, Fault, ReadAccount as _, Roots};
use rcgen::{CertificateParams, CertifiedKey, DnType, KeyPair, generate_simple_self_signed};
use reqwest::Certificate;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::{connect, message, options};

struct TlsServer {
    endpoint: Endpoint,
    certificate: CertifiedKey<KeyPair>,
    versions: Arc<Mutex<Vec<Version>>>,
}

/// Serves empty listings, with a certificate of its own for `host`.
async fn start(host: &str, alpn: &[&str]) -> TlsServer {
    let certificate = generate_simple_self_signed([host.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key.into())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
    let versions = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&versions);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(|request: Request<Incoming>| {
                    seen.lock().unwrap().push(request.version());
                    async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{\"data\":[]}")))) }
                });
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    TlsServer { endpoint, certificate, versions }
}

fn trusting(certificate: &CertifiedKey<KeyPair>) -> ClientOptions {
    let roots = Roots::Only(vec![Certificate::from_der(certificate.cert.der()).unwrap()]);
    ClientOptions { connection: Connection { proxy: None, roots }, ..options() }
}

#[tokio::test]
async fn both_versions_of_http_work_over_tls() {
    for (alpn, version) in [(&["h2", "http/1.1"][..], Version::HTTP_2), (&["http/1.1"], Version::HTTP_11)] {
        let server = start("127.0.0.1", alpn).await;
        let client = connect(&server.endpoint, trusting(&server.certificate));
        let pages = join_all((0..20).map(|_| client.page(0, 100))).await;
        assert!(pages.iter().all(Result::is_ok), "{pages:?}");
        assert_eq!(*server.versions.lock().unwrap(), vec![version; 20]);
    }
}

#[tokio::test]
async fn the_environment_names_authorities_and_its_proxies_never_see_this_machine() {
    let server = start("127.0.0.1", &["h2"]).await;
    let mut authorities = tempfile::NamedTempFile::new().unwrap();
    authorities.write_all(server.certificate.cert.pem().as_bytes()).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_keyform"));
    child
        .args(["import", "--endpoint", server.endpoint.as_str()])
        .env_clear()
        .env("PRIME_API_KEY", "token")
        .env("SSL_CERT_FILE", authorities.path())
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1");
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    let versions = server.versions.lock().unwrap();
    assert!(!versions.is_empty() && versions.iter().all(|version| *version == Version::HTTP_2), "{versions:?}");
}

#[tokio::test]
async fn an_empty_variable_for_the_authorities_is_unset() {
    let server = start("127.0.0.1", &[]).await;
    let mut messages = Vec::new();
    for variables in [&[][..], &[("SSL_CERT_FILE", "")], &[("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", "")]] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_keyform"));
        child
            .args(["import", "--retries", "0", "--endpoint", server.endpoint.as_str()])
            .env_clear()
            .env("PRIME_API_KEY", "token")
            .envs(variables.iter().copied());
        let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
        messages.push(String::from_utf8(output.stderr).unwrap());
    }
    assert!(messages.iter().all(|message| *message == messages[0] && !message.is_empty()), "{messages:#?}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let server = start("127.0.0.1", &[]).await;
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "another authority");
    let signing_key = KeyPair::generate().unwrap();
    let other = CertifiedKey { cert: params.self_signed(&signing_key).unwrap(), signing_key };
    let client = connect(&server.endpoint, trusting(&other));
    let failure = client.page(0, 100).await.unwrap_err();
    assert!(server.versions.lock().unwrap().is_empty(), "the token was sent");
    insta::assert_snapshot!(message(&failure, &server.endpoint));
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let server = start("api.example.com", &[]).await;
    let failure = connect(&server.endpoint, trusting(&server.certificate)).page(0, 100).await.unwrap_err();
    assert_eq!((failure.effect, failure.kind), (Effect::NotSent, FailureKind::Transport(Fault::Tls)));
    assert!(failure.message.contains("not valid for"), "{}", failure.message);
}

#[tokio::test]
async fn a_server_without_tls_is_reported_as_such() {
    let certificate = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = plain.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let endpoint = Endpoint::parse(&format!("https://{address}")).unwrap();
    let failure = connect(&endpoint, trusting(&certificate)).page(0, 100).await.unwrap_err();
    let text = message(&failure, &endpoint);
    insta::assert_snapshot!(text);
}
