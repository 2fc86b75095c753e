//! How every HTTP client of keyform is built.

use std::sync::Once;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// Returns a builder with keyform's name, the TLS of `ring`, and no redirects, so that credentials go to no other server.
pub fn http_client() -> ClientBuilder {
    static TLS: Once = Once::new();
    // Fails only if the program that uses this library has chosen a provider, which reqwest then takes.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    #[expect(clippy::disallowed_methods, reason = "the one place that builds them")]
    Client::builder().user_agent(concat!("keyform/", env!("CARGO_PKG_VERSION"))).redirect(Policy::none())
}
