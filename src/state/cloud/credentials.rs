//! Stores and their credentials, as the environment chooses them.

use std::cell::Cell;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientOptions as StoreOptions, CredentialProvider, RetryConfig, StaticCredentialProvider};
use reqwest::Url;

use super::client::{LastDate, StoreConnector};
use super::failure::credential_variables;
use super::folder::{CloudFolder, FetchCredentials};
use super::secrets::StoreSecrets;
use crate::account::Endpoint;
use crate::account::endpoint::names_this_machine;
use crate::account::settings::{self, Environment};
use crate::state::bucket::{BucketError, BucketErrorKind};
use crate::state::error::FORKS;
use crate::state::location::{ObjectPrefix, ObjectService};

/// The variables for `s3://`. The first of an alternative is used.
pub const S3_VARIABLES: [&str; 17] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
];

/// The variables for `gs://`.
pub const GOOGLE_VARIABLES: [&str; 3] =
    ["GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST"];

/// The variables for `az://`.
pub const AZURE_VARIABLES: [&str; 14] = [
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "AZURE_USE_AZURE_CLI",
    "IDENTITY_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
];

/// Those whose value is a secret.
const SECRET: [&str; 8] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_SECRET",
];

/// The variables that are set.
struct StoreVariables<'e> {
    environment: Environment<'e>,
    secrets: StoreSecrets,
}

/// Opens a folder in a bucket. Sends no request.
pub fn open(prefix: &ObjectPrefix, environment: Environment<'_>) -> Result<CloudFolder, BucketError> {
    let mut variables = StoreVariables { environment, secrets: StoreSecrets::default() };
    let date = LastDate::default();
    let built = match prefix.service {
        ObjectService::S3 => open_s3(prefix, &mut variables, &date),
        ObjectService::Google => open_google(prefix, &mut variables, &date),
        ObjectService::Azure => open_azure(prefix, &mut variables, &date),
    };
    let (store, credentials) = built?;
    let secrets = variables.secrets;
    let has_credentials = Cell::new(false);
    Ok(CloudFolder { store, prefix: prefix.clone(), secrets, date, credentials, has_credentials })
}

type Opened = (Box<dyn object_store::ObjectStore>, FetchCredentials);

fn open_s3(prefix: &ObjectPrefix, variables: &mut StoreVariables<'_>, date: &LastDate) -> Result<Opened, BucketError> {
    let endpoint = variables.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])?;
    let host = format!("{}.s3.amazonaws.com", prefix.bucket);
    let (connector, options) = variables.connection(endpoint.as_ref(), &host, date)?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&prefix.bucket)
        .with_http_connector(connector)
        .with_client_options(options)
        .with_retry(no_retries());
    if let Some((_, endpoint)) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    for (names, key) in [
        (&["AWS_ACCESS_KEY_ID"][..], AmazonS3ConfigKey::AccessKeyId),
        (&["AWS_SECRET_ACCESS_KEY"], AmazonS3ConfigKey::SecretAccessKey),
        (&["AWS_SESSION_TOKEN"], AmazonS3ConfigKey::Token),
        (&["AWS_REGION", "AWS_DEFAULT_REGION"], AmazonS3ConfigKey::Region),
        (&["AWS_ROLE_ARN"], AmazonS3ConfigKey::RoleArn),
        (&["AWS_ROLE_SESSION_NAME"], AmazonS3ConfigKey::RoleSessionName),
        (&["AWS_WEB_IDENTITY_TOKEN_FILE"], AmazonS3ConfigKey::WebIdentityTokenFile),
        (&["AWS_ENDPOINT_URL_STS"], AmazonS3ConfigKey::StsEndpoint),
        (&["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
        (&["AWS_CONTAINER_CREDENTIALS_FULL_URI"], AmazonS3ConfigKey::ContainerCredentialsFullUri),
        (&["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
        (&["AWS_EC2_METADATA_SERVICE_ENDPOINT"], AmazonS3ConfigKey::MetadataEndpoint),
    ] {
        if let Some((_, value)) = variables.first(names)? {
            builder = builder.with_config(key, value);
        }
    }
    for (name, key) in
        [("AWS_SERVER_SIDE_ENCRYPTION", "aws_server_side_encryption"), ("AWS_SSE_KMS_KEY_ID", "aws_sse_kms_key_id")]
    {
        if let (Some((_, value)), Ok(key)) = (variables.first(&[name])?, key.parse()) {
            builder = builder.with_config(key, value);
        }
    }
    let store = builder.build().map_err(|error| unusable(prefix, &error, variables))?;
    let credentials = fetch(store.credentials());
    Ok((Box::new(store), credentials))
}

fn open_google(
    prefix: &ObjectPrefix,
    variables: &mut StoreVariables<'_>,
    date: &LastDate,
) -> Result<Opened, BucketError> {
    let endpoint = variables.first(&["STORAGE_EMULATOR_HOST"])?;
    let (connector, options) = variables.connection(endpoint.as_ref(), "storage.googleapis.com", date)?;
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&prefix.bucket)
        .with_http_connector(connector)
        .with_client_options(options)
        .with_retry(no_retries());
    if let Some((_, endpoint)) = endpoint {
        builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint);
    }
    if let Some((_, bearer)) = variables.first(&["GOOGLE_OAUTH_ACCESS_TOKEN"])? {
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(GcpCredential { bearer })));
    } else if let Some((_, path)) = variables.first(&["GOOGLE_APPLICATION_CREDENTIALS"])? {
        builder = builder.with_application_credentials(path);
    }
    let store = builder.build().map_err(|error| unusable(prefix, &error, variables))?;
    let credentials = fetch(store.credentials());
    Ok((Box::new(store), credentials))
}

fn open_azure(
    prefix: &ObjectPrefix,
    variables: &mut StoreVariables<'_>,
    date: &LastDate,
) -> Result<Opened, BucketError> {
    let endpoint = variables.first(&["AZURE_STORAGE_ENDPOINT"])?;
    let Some((_, account)) = variables.first(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"])? else {
        return Err(refused(
            "the storage account is not set".to_owned(),
            format!("set AZURE_STORAGE_ACCOUNT_NAME to the name of the storage account. {FORKS}"),
        ));
    };
    let host = format!("{account}.blob.core.windows.net");
    let (connector, options) = variables.connection(endpoint.as_ref(), &host, date)?;
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(account)
        .with_container_name(&prefix.bucket)
        .with_http_connector(connector)
        .with_client_options(options)
        .with_retry(no_retries());
    if let Some((_, endpoint)) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    for (names, key) in [
        (&["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"][..], AzureConfigKey::AccessKey),
        (&["AZURE_STORAGE_SAS_TOKEN"], AzureConfigKey::SasKey),
        (&["AZURE_STORAGE_TOKEN"], AzureConfigKey::Token),
        (&["AZURE_CLIENT_ID"], AzureConfigKey::ClientId),
        (&["AZURE_CLIENT_SECRET"], AzureConfigKey::ClientSecret),
        (&["AZURE_TENANT_ID"], AzureConfigKey::AuthorityId),
        (&["AZURE_FEDERATED_TOKEN_FILE"], AzureConfigKey::FederatedTokenFile),
        (&["AZURE_AUTHORITY_HOST"], AzureConfigKey::AuthorityHost),
        (&["AZURE_USE_AZURE_CLI"], AzureConfigKey::UseAzureCli),
        (&["IDENTITY_ENDPOINT"], AzureConfigKey::MsiEndpoint),
    ] {
        if let Some((_, value)) = variables.first(names)? {
            builder = builder.with_config(key, value);
        }
    }
    let store = builder.build().map_err(|error| unusable(prefix, &error, variables))?;
    let credentials = fetch(store.credentials());
    Ok((Box::new(store), credentials))
}

impl StoreVariables<'_> {
    /// Returns name and value of the first variable that is set.
    fn first(&mut self, names: &[&'static str]) -> Result<Option<(&'static str, String)>, BucketError> {
        for &name in names {
            let Some(value) = (self.environment)(name) else { continue };
            let Ok(value) = value.into_string() else {
                return Err(refused(format!("{name} is not valid UTF-8"), format!("correct {name}")));
            };
            if SECRET.contains(&name) {
                self.secrets.add(&value);
            }
            return Ok(Some((name, value)));
        }
        Ok(None)
    }

    /// Returns how to connect to a store: at the address in a variable, or at its usual host.
    fn connection(
        &self,
        endpoint: Option<&(&'static str, String)>,
        usual: &str,
        date: &LastDate,
    ) -> Result<(StoreConnector, StoreOptions), BucketError> {
        let address = match endpoint {
            Some((name, address)) => check_address(name, address)?,
            None => Endpoint::parse(&format!("https://{usual}"))
                .map_err(|error| refused(error.to_string(), error.help()))?,
        };
        let connection = settings::resolve_connection(&address, self.environment).map_err(|error| {
            refused(error.to_string(), error.help().unwrap_or_else(|| "correct the variable".to_owned()))
        })?;
        let options = StoreOptions::new().with_allow_http(!address.is_https());
        Ok((StoreConnector { date: Arc::clone(date), connection }, options))
    }
}

/// Checks the address of a store that a variable names. Plain HTTP is for this machine only.
fn check_address(name: &str, address: &str) -> Result<Endpoint, BucketError> {
    let invalid = |why: &str, help: &str| Err(refused(format!("{name} {why}"), help.to_owned()));
    let url = Url::parse(address).ok();
    let Some((url, host)) = url.as_ref().and_then(|url| Some((url, url.host_str()?))) else {
        return invalid("is not a valid URL", "use a URL such as https://s3.example.com");
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return invalid("contains credentials or a query", "pass the credentials in their own variables");
    }
    match url.scheme() {
        "https" => {}
        "http" if names_this_machine(host) => {}
        "http" => {
            return invalid(
                "uses plain HTTP, which would expose the state and its credentials",
                "use https; plain HTTP is allowed for this machine only (127.0.0.1, ::1, localhost)",
            );
        }
        _ => return invalid("is not a valid URL", "use a URL such as https://s3.example.com"),
    }
    Endpoint::parse(&url.origin().ascii_serialization()).map_err(|error| refused(error.to_string(), error.help()))
}

fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn fetch<T>(provider: &Arc<dyn CredentialProvider<Credential = T>>) -> FetchCredentials
where
    T: Send + Sync + std::fmt::Debug + 'static,
{
    let provider = Arc::clone(provider);
    Box::new(move || {
        let provider = Arc::clone(&provider);
        Box::pin(async move { provider.get_credential().await.map(drop) })
    })
}

/// Explains that the settings in the environment cannot be used.
fn unusable(prefix: &ObjectPrefix, error: &object_store::Error, variables: &StoreVariables<'_>) -> BucketError {
    let text = variables.secrets.mask(&error.to_string());
    let help = if text.contains("external_account") {
        "create an access token, as google-github-actions/auth does with `token_format: access_token`, and set \
         GOOGLE_OAUTH_ACCESS_TOKEN to it"
            .to_owned()
    } else {
        format!("correct {}", credential_variables(prefix.service))
    };
    refused(format!("the credentials cannot be used: {text}"), help)
}

fn refused(message: String, help: String) -> BucketError {
    BucketError { kind: BucketErrorKind::Refused, message, help }
}
