//! How every HTTP client of keyform is built.

use std::sync::Once;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Proxy};

/// The way to a server. Libraries do not look for it in the environment.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// `None` for a direct connection.
    pub proxy: Option<Proxy>,
    pub roots: Roots,
}

/// The certificates to trust.
#[derive(Debug, Clone, Default)]
pub enum Roots {
    /// Those of the system.
    #[default]
    System,
    Only(Vec<Certificate>),
}

impl Connection {
    /// Returns the way to a server without TLS on this machine. Works where there are no certificates of the system.
    pub fn local() -> Self {
        Self { proxy: None, roots: Roots::Only(Vec::new()) }
    }
}

/// Returns a builder with keyform's name, the TLS of `ring`, and no redirects, so that credentials go to no other server.
pub fn http_client(connection: &Connection) -> ClientBuilder {
    static TLS: Once = Once::new();
    // Fails only if the program that uses this library has chosen a provider, which reqwest then takes.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    #[expect(clippy::disallowed_methods, reason = "the one place that builds them")]
    let builder = Client::builder();
    let builder = builder.user_agent(concat!("keyform/", env!("CARGO_PKG_VERSION"))).redirect(Policy::none());
    let builder = match &connection.proxy {
        Some(proxy) => builder.proxy(proxy.clone()),
        None => builder.no_proxy(),
    };
    match &connection.roots {
        Roots::System => builder,
        Roots::Only(certificates) => builder.tls_certs_only(certificates.iter().cloned()),
    }
}
