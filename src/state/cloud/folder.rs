//! A folder in a bucket.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use super::client::LastDate;
use super::failure::{StoreOperation, credential_variables, describe, explain};
use super::secrets::StoreSecrets;
use crate::files::MAX_OWN_BYTES;
use crate::state::bucket::{Bucket, BucketError, BucketErrorKind, Creation, ObjectInfo, ObjectList};
use crate::state::error::FORKS;
use crate::state::location::ObjectPrefix;

/// The longest time to get credentials, such as those of a machine from its metadata service.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(3);

/// Gets credentials, and keeps them for the requests that follow.
pub(super) type FetchCredentials = Box<dyn Fn() -> BoxFuture<'static, Result<(), Error>>>;

/// A folder in a bucket of S3, Google or Azure.
pub struct CloudFolder {
    pub(super) store: Box<dyn ObjectStore>,
    pub(super) prefix: ObjectPrefix,
    pub(super) secrets: StoreSecrets,
    pub(super) date: LastDate,
    pub(super) credentials: FetchCredentials,
    /// Whether there are credentials.
    pub(super) has_credentials: Cell<bool>,
}

impl CloudFolder {
    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix.path))
    }

    fn failed(&self, error: &Error, operation: StoreOperation) -> BucketError {
        explain(error, operation, &self.prefix, &self.secrets)
    }

    /// Gets credentials before the first request, so that their absence is not taken for an error of the store.
    async fn authenticate(&self) -> Result<(), BucketError> {
        if self.has_credentials.get() {
            return Ok(());
        }
        let why = match tokio::time::timeout(CREDENTIALS_TIMEOUT, (self.credentials)()).await {
            Ok(Ok(())) => {
                self.has_credentials.set(true);
                return Ok(());
            }
            Ok(Err(error)) => describe(&error, &self.secrets),
            Err(_) => "no response".to_owned(),
        };
        Err(BucketError {
            kind: BucketErrorKind::Refused,
            message: format!("there are no credentials, and this machine provides none ({why})"),
            help: format!("set {}; docs/state.md lists the others. {FORKS}", credential_variables(self.prefix.service)),
        })
    }

    fn info(&self, object: &ObjectMeta) -> Option<ObjectInfo> {
        let name = object.location.as_ref().strip_prefix(&self.prefix.path)?.strip_prefix('/')?;
        let modified = Timestamp::from_millisecond(object.last_modified.timestamp_millis()).ok()?;
        Some(ObjectInfo { name: name.to_owned(), modified })
    }
}

impl std::fmt::Debug for CloudFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudFolder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Bucket for CloudFolder {
    async fn list(&self) -> Result<ObjectList, BucketError> {
        self.authenticate().await?;
        let folder = Path::from(self.prefix.path.as_str());
        let listed: Result<Vec<_>, _> = self.store.list(Some(&folder)).try_collect().await;
        let objects = listed.map_err(|error| self.failed(&error, StoreOperation::List))?;
        let date = self.date.lock().ok().and_then(|date| *date);
        Ok(ObjectList { objects: objects.iter().filter_map(|object| self.info(object)).collect(), date })
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.authenticate().await?;
        let found = match self.store.get(&self.path(name)).await {
            Ok(found) if found.meta.size > MAX_OWN_BYTES => {
                return Err(BucketError {
                    kind: BucketErrorKind::Refused,
                    message: format!("it is larger than {MAX_OWN_BYTES} bytes"),
                    help: "choose the right folder with --state; keyform never writes an object of this size"
                        .to_owned(),
                });
            }
            Ok(found) => found.bytes().await,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => Err(error),
        };
        let bytes = found.map_err(|error| self.failed(&error, StoreOperation::Read))?;
        Ok(Some(bytes.to_vec()))
    }

    async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<Creation, BucketError> {
        self.authenticate().await?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&self.path(name), PutPayload::from(bytes), options).await {
            Ok(_) => Ok(Creation::Created),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Creation::Exists),
            Err(error) => Err(self.failed(&error, StoreOperation::Create)),
        }
    }

    async fn delete(&self, names: Vec<String>) -> Result<(), BucketError> {
        let paths: Vec<_> = names.iter().map(|name| Ok(self.path(name))).collect();
        let mut deleted = self.store.delete_stream(stream::iter(paths).boxed());
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(&error, StoreOperation::Delete)),
            }
        }
        Ok(())
    }
}
