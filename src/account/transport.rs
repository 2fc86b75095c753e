//! Why a request got no response, derived from the error of the HTTP client.

use std::error::Error;
use std::io;

use super::failure::Fault;

/// Classifies an error. An unknown one is taken for the worst case: sent, and its response lost.
pub(crate) fn fault_of(error: &reqwest::Error) -> Fault {
    if error.is_builder() {
        return Fault::Unbuildable;
    }
    if error.is_connect() {
        return connect_fault(error);
    }
    if error.is_timeout() {
        return Fault::Timeout;
    }
    chain(error)
        .find_map(|cause| {
            if let Some(error) = cause.downcast_ref::<hyper::Error>() {
                return match error {
                    _ if error.is_parse() => Some(Fault::Protocol),
                    _ if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
                        Some(Fault::Closed)
                    }
                    _ => None,
                };
            }
            match cause.downcast_ref::<io::Error>()?.kind() {
                io::ErrorKind::UnexpectedEof => Some(Fault::Closed),
                io::ErrorKind::Other => None,
                _ => Some(Fault::Reset),
            }
        })
        .unwrap_or(Fault::Reset)
}

/// Returns the message of the innermost cause.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Classifies the error of a connection that was never established, so that nothing was sent.
fn connect_fault(error: &reqwest::Error) -> Fault {
    // The type of this error is public only in crates that are not worth depending on for it.
    if chain(error).any(|cause| cause.to_string().starts_with("tunnel error")) {
        return Fault::Proxy;
    }
    if error.is_timeout() {
        return Fault::ConnectTimeout;
    }
    if error.is_dns() {
        return Fault::Dns;
    }
    let kinds = chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds
        .filter_map(|kind| match kind {
            io::ErrorKind::ConnectionRefused => Some(Fault::ConnectionRefused),
            // The TLS library reports what it refuses as invalid data, and an end amid the handshake as an end.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Some(Fault::Tls),
            _ => None,
        })
        .last()
        .unwrap_or(Fault::Unreachable)
}

/// Walks the causes from the outside in. The `source` of an `io::Error` skips the error that it wraps, hence `get_ref`.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Connection, http_client};
    use std::sync::Arc;
    use std::time::Duration;

    use reqwest::dns::{Name, Resolve, Resolving};
    use reqwest::{ClientBuilder, Proxy};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    struct NoSuchHost;

    impl Resolve for NoSuchHost {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(async { Err("no such host".into()) })
        }
    }

    struct Undecided;

    impl Resolve for Undecided {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(std::future::pending())
        }
    }

    fn client() -> ClientBuilder {
        http_client(&Connection::local()).connect_timeout(Duration::from_millis(50))
    }

    async fn fault(client: ClientBuilder, url: &str) -> (Fault, String) {
        let error = client.build().unwrap().get(url).send().await.unwrap_err();
        (fault_of(&error), innermost(&error))
    }

    #[tokio::test]
    async fn a_failed_connection_is_reported_by_its_cause() {
        let url = "https://api.example.com";
        let unknown = client().no_proxy().dns_resolver(Arc::new(NoSuchHost));
        assert_eq!(fault(unknown, url).await, (Fault::Dns, "no such host".to_owned()));

        let slow = client().no_proxy().dns_resolver(Arc::new(Undecided));
        assert_eq!(fault(slow, url).await.0, Fault::ConnectTimeout);

        assert_eq!(fault(client().no_proxy(), "https://").await.0, Fault::Unbuildable);
    }

    #[tokio::test]
    async fn a_proxy_that_does_not_connect_is_reported_as_such() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let through = || client().proxy(Proxy::https(&proxy).unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
            stream
        };
        let (message, _stream) = tokio::join!(fault(through(), "https://api.example.com"), serve);
        assert_eq!(message, (Fault::Proxy, "tunnel error: proxy authorization required".to_owned()));

        drop(listener);
        assert_eq!(fault(through(), "https://api.example.com").await.0, Fault::Proxy);
    }
}
