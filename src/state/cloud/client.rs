//! The HTTP client of a store, which notes the store's time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use jiff::Timestamp;
use object_store::ClientConfigKey;
use object_store::ClientOptions as StoreOptions;
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService};

use crate::account::{Connection, http_client};

/// The longest time for one request and its response. A lock lasts longer.
const TIMEOUT: Duration = Duration::from_secs(15);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time of the last response, by the clock of the store.
pub(super) type LastDate = Arc<Mutex<Option<Timestamp>>>;

#[derive(Debug)]
pub(super) struct StoreConnector {
    pub(super) date: LastDate,
    /// The way to the store.
    pub(super) connection: Connection,
}

#[derive(Debug)]
struct DatedService {
    http: reqwest::Client,
    date: LastDate,
}

impl HttpConnector for StoreConnector {
    fn connect(&self, options: &StoreOptions) -> object_store::Result<HttpClient> {
        // Set for a store on this machine, and by the library for metadata services, which are next to it.
        let allows_plain = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        let local = Connection::local();
        let http = http_client(if allows_plain { &local } else { &self.connection })
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .https_only(!allows_plain)
            .build()
            .map_err(|source| object_store::Error::Generic { store: "HTTP", source: Box::new(source) })?;
        Ok(HttpClient::new(DatedService { http, date: Arc::clone(&self.date) }))
    }
}

#[async_trait]
impl HttpService for DatedService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.http.call(request).await?;
        let date = response.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        let date: Option<SystemTime> = date.and_then(|date| httpdate::parse_http_date(date).ok());
        if let (Some(date), Ok(mut last)) = (date, self.date.lock()) {
            *last = Timestamp::try_from(date).ok();
        }
        Ok(response)
    }
}
