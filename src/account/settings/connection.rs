//! The proxy, and the certificates to trust. A setting that cannot be used is an error: without it, the token would take
//! another way than the one that was chosen.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, NoProxy, Proxy, Url};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::SettingsError;
use super::vendor::{Environment, first_of};
use crate::account::endpoint::Endpoint;
use crate::account::http_client::{Connection, Roots};
use crate::files;

const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Never used, since plain HTTP goes only to this machine. Checked, since whoever sets it wants a proxy.
const PLAIN_PROXIES: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];
const CERT_FILE: &str = "SSL_CERT_FILE";
const CERT_DIR: &str = "SSL_CERT_DIR";

/// The largest file with certificates, in bytes. Those of systems have 200 KiB.
const MAX_CERTIFICATES: u64 = 16 << 20;

/// Resolves the way to a server.
pub fn resolve_connection(endpoint: &Endpoint, environment: Environment<'_>) -> Result<Connection, SettingsError> {
    if !endpoint.is_https() {
        return Ok(Connection::local());
    }
    let roots = resolve_roots(environment)?;
    Ok(Connection { proxy: resolve_proxy(endpoint, environment)?, roots })
}

/// Returns the proxy for an endpoint. `None` for a direct connection, as to this machine always.
fn resolve_proxy(endpoint: &Endpoint, environment: Environment<'_>) -> Result<Option<Proxy>, SettingsError> {
    if endpoint.is_loopback() {
        return Ok(None);
    }
    if let Some((url, source)) = first_of(environment, &PLAIN_PROXIES)? {
        parse_proxy(&url).map_err(|why| SettingsError::Proxy { origin: source, why })?;
    }
    let exceptions = first_of(environment, &EXCEPTIONS)?;
    let Some((url, source)) = first_of(environment, &PROXIES)? else { return Ok(None) };
    let proxy = parse_proxy(&url).and_then(|url| match url.scheme() {
        "http" | "https" => Proxy::https(url).map_err(|_| "it is not a valid URL"),
        _ => Err("it must begin with http:// or https://"),
    });
    let proxy = proxy.map_err(|why| SettingsError::Proxy { origin: source, why })?;
    let Some((list, source)) = exceptions else { return Ok(Some(proxy)) };
    if let Some(entry) = list.split(',').map(str::trim).find(|entry| is_misspelt(entry, endpoint)) {
        return Err(SettingsError::NoProxy { origin: source, entry: entry.to_owned() });
    }
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&list))))
}

/// Reads the certificates to trust. The TLS library would pass over files that it cannot read, and take an empty variable
/// for the name of one.
fn resolve_roots(environment: Environment<'_>) -> Result<Roots, SettingsError> {
    let refused =
        |variable, path: &Path, why: String| Err(SettingsError::Certificates { variable, path: path.to_owned(), why });
    let mut found = Vec::new();
    let file = environment(CERT_FILE).map(PathBuf::from);
    if let Some(path) = &file {
        match files::read_followed(path, MAX_CERTIFICATES) {
            Err(error) => return refused(CERT_FILE, path, error.to_string()),
            Ok(text) => found = certificates(&text),
        }
        if found.is_empty() {
            return refused(CERT_FILE, path, "it contains no certificate".to_owned());
        }
    }
    let folders = environment(CERT_DIR).unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&folders).filter(|path| !path.as_os_str().is_empty()).collect();
    for folder in &folders {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return refused(CERT_DIR, folder, error.to_string()),
        };
        // A folder for OpenSSL has each certificate under two names, and may have other files.
        let texts = entries.flatten().filter_map(|entry| files::read_followed(&entry.path(), MAX_CERTIFICATES).ok());
        found.extend(texts.flat_map(|text| certificates(&text)));
    }
    match folders.first() {
        Some(folder) if found.is_empty() => refused(CERT_DIR, folder, "it contains no certificate".to_owned()),
        None if file.is_none() => Ok(system_roots()),
        _ => Ok(Roots::Only(found)),
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn system_roots() -> Roots {
    let text = openssl_probe::probe().cert_file.and_then(|path| files::read_followed(&path, MAX_CERTIFICATES).ok());
    let found = text.map(|text| certificates(&text)).unwrap_or_default();
    if found.is_empty() { Roots::System } else { Roots::Only(found) }
}

/// The library asks the system, and never reads the variables.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn system_roots() -> Roots {
    Roots::System
}

/// Returns the certificates in a text, without those that are not valid: a system may have some.
fn certificates(text: &[u8]) -> Vec<Certificate> {
    let is_valid = |certificate: &CertificateDer<'_>| RootCertStore::empty().add(certificate.clone()).is_ok();
    let found = CertificateDer::pem_slice_iter(text).flatten().filter(is_valid);
    found.filter_map(|certificate| Certificate::from_der(&certificate).ok()).collect()
}

/// Parses a proxy, by default of `http`. The error shows nothing of it: it can contain a password.
fn parse_proxy(text: &str) -> Result<Url, &'static str> {
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&full).map_err(|_| "it is not a valid URL")?;
    // The client parses it again, and would connect directly if that failed.
    let again = url.as_str().parse::<hyper::Uri>().map_err(|_| "it is not a valid URL")?;
    if url.host_str().is_none_or(str::is_empty) || again.host().is_none() {
        return Err("it has no host");
    }
    Ok(url)
}

/// Whether an entry of `NO_PROXY` names the endpoint in a form that has no effect: with `*.`, a scheme, a path or a port.
fn is_misspelt(entry: &str, endpoint: &Endpoint) -> bool {
    let Ok(url) = Url::parse(endpoint.as_str()) else { return false };
    let Some(host) = url.host_str() else { return false };
    let is_address = entry.split('/').next().is_some_and(|address| address.parse::<IpAddr>().is_ok());
    let name = entry.split_once("://").map_or(entry, |(_, rest)| rest);
    let name = name.strip_prefix('*').unwrap_or(name);
    let name = name.split(['/', ':']).next().unwrap_or(name);
    let domain = name.trim_start_matches('.').to_ascii_lowercase();
    let is_meant = !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")));
    is_meant && name != entry && !is_address
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use super::*;

    fn proxy(variables: &[(&str, &str)]) -> Result<bool, String> {
        let variables: BTreeMap<_, _> = variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
        let found = resolve_proxy(&Endpoint::default(), &|name| variables.get(name).cloned());
        found.map(|proxy| proxy.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_that_names_its_variable_and_shows_no_password() {
        assert_eq!(proxy(&[]), Ok(false));
        for good in ["http://proxy:3128", "proxy:3128", "http://user:pass@proxy", "https://proxy.example.com/"] {
            assert_eq!(proxy(&[("HTTPS_PROXY", good)]), Ok(true), "{good}");
        }
        for name in PROXIES.into_iter().chain(PLAIN_PROXIES) {
            for bad in [
                "http://",
                "http://u:hunter2@:1",
                "http://a b",
                "http://proxy:hunter2",
                "http://u:hunter2@proxy:99999",
                ":3128",
                "http://[::1",
            ] {
                let error = proxy(&[(name, bad)]).unwrap_err();
                assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
            }
        }
        let error = proxy(&[("ALL_PROXY", "socks5://proxy:1080")]).unwrap_err();
        assert_eq!(error, "the proxy in ALL_PROXY cannot be used: it must begin with http:// or https://");
        // Not used, and valid for other programs.
        assert_eq!(proxy(&[("HTTPS_PROXY", "http://proxy"), ("ALL_PROXY", "socks5://proxy:1080")]), Ok(true));
        assert_eq!(proxy(&[("HTTP_PROXY", "socks5://proxy:1080")]), Ok(false));
    }

    #[test]
    fn an_exception_that_has_no_effect_on_the_endpoint_is_an_error() {
        let with = |list| proxy(&[("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", list)]);
        for good in [
            "*",
            "localhost, .internal:8080",
            "10.0.0.0/8",
            "api.primeintellect.ai",
            ".primeintellect.ai",
            "http://other",
        ] {
            assert_eq!(with(good), Ok(true), "{good}");
        }
        for bad in [
            "https://api.primeintellect.ai",
            "x,*.primeintellect.ai",
            "API.primeintellect.ai:443",
            "primeintellect.ai/",
        ] {
            assert!(with(bad).unwrap_err().contains("NO_PROXY"), "{bad}");
        }
        // Without a proxy it is not used.
        assert_eq!(proxy(&[("NO_PROXY", "https://api.primeintellect.ai")]), Ok(false));
    }

    #[test]
    fn certificates_that_cannot_be_read_are_an_error_that_names_the_variable_and_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (none, bad) = (folder.path().join("none"), folder.path().join("bad"));
        fs::write(&bad, "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n").unwrap();
        let good = folder.path().join("certs/good.pem");
        fs::create_dir(folder.path().join("certs")).unwrap();
        let certificate = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().cert.pem();
        fs::write(&good, format!("{}# one of them\n{certificate}", fs::read_to_string(&bad).unwrap())).unwrap();
        let check = |name: &str, path: &Path| {
            let environment = |asked: &str| (asked == name).then(|| path.as_os_str().to_owned());
            resolve_connection(&Endpoint::default(), &environment).map(|connection| connection.roots)
        };
        for (name, path) in [(CERT_FILE, &*good), (CERT_DIR, good.parent().unwrap())] {
            assert!(matches!(check(name, path).unwrap(), Roots::Only(found) if found.len() == 1), "{name}");
        }
        for (name, path) in [(CERT_FILE, &none), (CERT_FILE, &bad), (CERT_DIR, &none), (CERT_DIR, &bad)] {
            let error = check(name, path).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(path.to_str().unwrap()), "{error}");
        }
        fs::remove_file(&good).unwrap();
        assert!(check(CERT_DIR, good.parent().unwrap()).is_err());
        // Plain HTTP to this machine needs none.
        resolve_connection(&Endpoint::parse("http://127.0.0.1").unwrap(), &|_| Some("/none".into())).unwrap();
    }
}
