//! What a failed operation of a store means.

use std::error::Error;

use object_store::client::HttpError;

use super::secrets::StoreSecrets;
use crate::state::bucket::{BucketError, BucketErrorKind};
use crate::state::location::{ObjectPrefix, ObjectService};
use crate::terminal::escape::escape_to;

/// How much of a server's explanation is shown, in characters.
const MAX_CHARS: usize = 200;

/// An operation on objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreOperation {
    List,
    Read,
    Create,
    Delete,
}

impl StoreOperation {
    fn permission(self, service: ObjectService) -> &'static str {
        match (service, self) {
            (ObjectService::S3, Self::List) => "s3:ListBucket",
            (ObjectService::S3, Self::Read) => "s3:GetObject",
            (ObjectService::S3, Self::Create) => "s3:PutObject",
            (ObjectService::S3, Self::Delete) => "s3:DeleteObject",
            (ObjectService::Google, Self::List) => "storage.objects.list",
            (ObjectService::Google, Self::Read) => "storage.objects.get",
            (ObjectService::Google, Self::Create) => "storage.objects.create",
            (ObjectService::Google, Self::Delete) => "storage.objects.delete",
            (ObjectService::Azure, Self::List | Self::Read) => "Storage Blob Data Reader",
            (ObjectService::Azure, Self::Create | Self::Delete) => "Storage Blob Data Contributor",
        }
    }
}

/// A response that is not a success: status, code and explanation.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    status: Option<u16>,
    code: String,
    text: String,
}

/// Explains why an operation failed.
pub(super) fn explain(
    error: &object_store::Error,
    operation: StoreOperation,
    prefix: &ObjectPrefix,
    secrets: &StoreSecrets,
) -> BucketError {
    let answer = answer(error);
    let bucket = &prefix.bucket;
    let permission = operation.permission(prefix.service);
    let shown = secrets.mask(&shown(error, &answer));
    let refused = |message: String, help: String| BucketError { kind: BucketErrorKind::Refused, message, help };
    match (answer.status, answer.code.as_str()) {
        (_, "NoSuchBucket" | "ContainerNotFound") | (Some(404), _) => refused(
            format!("the bucket {bucket} does not exist ({shown})"),
            "create the bucket, or correct its name, the region or the endpoint".to_owned(),
        ),
        (_, "RequestTimeTooSkewed") => refused(
            format!("the clock of this machine differs too much from that of the store: {shown}"),
            "correct the clock of this machine".to_owned(),
        ),
        (_, "ExpiredToken" | "TokenRefreshRequired") => refused(
            format!("the credentials have expired: {shown}"),
            format!("get new ones, and set {}", credential_variables(prefix.service)),
        ),
        (_, code) if is_about_credentials(code) => refused(
            format!("the store refused the credentials: {shown}"),
            format!("check {}", credential_variables(prefix.service)),
        ),
        (_, "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException")
        | (Some(301 | 307 | 308), _) => refused(
            format!("the bucket {bucket} is in another region: {shown}"),
            "set AWS_REGION to the region of the bucket".to_owned(),
        ),
        (Some(401), _) => refused(
            format!("the store refused the credentials: {shown}"),
            format!("check {}", credential_variables(prefix.service)),
        ),
        (Some(403), _) => refused(
            format!("the permission {permission} is missing: {shown}"),
            format!("grant {permission} on {prefix}"),
        ),
        (Some(status), _) if (400..500).contains(&status) && !matches!(status, 408 | 409 | 429) => {
            refused(format!("the store refused the request: {shown}"), "check the endpoint and the bucket".to_owned())
        }
        _ => BucketError {
            kind: BucketErrorKind::Unavailable,
            message: format!("the store is not available: {shown}"),
            help: "run the command again when the store is available; check the endpoint and the network".to_owned(),
        },
    }
}

/// Describes an error in one line.
pub(super) fn describe(error: &object_store::Error, secrets: &StoreSecrets) -> String {
    secrets.mask(&shown(error, &answer(error)))
}

/// The variables that contain the credentials of a store.
pub(super) fn credential_variables(service: ObjectService) -> &'static str {
    match service {
        ObjectService::S3 => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ObjectService::Google => "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_OAUTH_ACCESS_TOKEN",
        ObjectService::Azure => "AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_CLIENT_ID",
    }
}

fn is_about_credentials(code: &str) -> bool {
    matches!(
        code,
        "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "AuthenticationFailed"
            | "InvalidAuthenticationInfo"
    )
}

/// Reads the response from the text of an error: the library does not export its type.
fn answer(error: &object_store::Error) -> Answer {
    let text = error.to_string();
    let Some((_, after)) = text.split_once("status code: ") else { return Answer::default() };
    let status = after.get(..3).and_then(|status| status.parse().ok());
    let code = between(after, "<Code>", "</Code>").or_else(|| between(after, "\"reason\": \"", "\""));
    let text = between(after, "<Message>", "</Message>").or_else(|| between(after, "\"message\": \"", "\""));
    Answer { status, code: code.unwrap_or_default().to_owned(), text: text.unwrap_or_default().to_owned() }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

/// Describes an error in one line. Shows no URL: it can contain a signature.
fn shown(error: &object_store::Error, answer: &Answer) -> String {
    if let Some(status) = answer.status {
        let text = [answer.code.as_str(), answer.text.as_str()].join(" ");
        return escape_to(format!("HTTP {status} {}", text.trim()).trim_end(), MAX_CHARS).into_owned();
    }
    let mut cause: &(dyn Error + 'static) = error;
    let mut is_http = false;
    while let Some(source) = cause.source() {
        is_http |= cause.is::<HttpError>();
        cause = source;
    }
    // Errors above a transport error show the URL.
    let text = if is_http || !error.to_string().contains("://") { cause.to_string() } else { "no response".to_owned() };
    escape_to(&text, MAX_CHARS).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> ObjectPrefix {
        ObjectPrefix { service: ObjectService::S3, bucket: "bucket".to_owned(), path: "team".to_owned() }
    }

    fn error(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn every_answer_says_what_is_wrong_and_what_to_do() {
        let secrets = StoreSecrets::default();
        let answers = [
            (StoreOperation::List, "status code: 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>"),
            (
                StoreOperation::List,
                "status code: 403 Forbidden: <Code>AccessDenied</Code><Message>Access Denied</Message>",
            ),
            (StoreOperation::Read, "status code: 403 Forbidden: <Code>AccessDenied</Code>"),
            (StoreOperation::Create, "status code: 403 Forbidden: "),
            (StoreOperation::Delete, "status code: 403 Forbidden: "),
            (StoreOperation::List, "status code: 403 Forbidden: <Code>InvalidAccessKeyId</Code>"),
            (StoreOperation::List, "status code: 400 Bad Request: <Code>ExpiredToken</Code>"),
            (StoreOperation::List, "status code: 403 Forbidden: <Code>RequestTimeTooSkewed</Code>"),
            (StoreOperation::List, "status code: 401 Unauthorized: "),
            (StoreOperation::Read, "status code: 429 Too Many Requests: "),
            (StoreOperation::List, "status code: 301 Moved Permanently: <Code>PermanentRedirect</Code>"),
            (StoreOperation::Create, "status code: 400 Bad Request: <Code>InvalidRequest</Code>"),
            (StoreOperation::Create, "status code: 503 Slow Down: <Code>SlowDown</Code>"),
            (StoreOperation::Create, "status code: 409 Conflict: <Code>ConditionalRequestConflict</Code>"),
            (StoreOperation::List, "Error performing GET https://b.example/?sig=secret in 1s - connection refused"),
        ];
        let lines = answers.map(|(operation, text)| {
            let BucketError { kind, message, help } = explain(&error(text), operation, &prefix(), &secrets);
            format!("{kind:?}: {message}\n  help: {help}")
        });
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn credentials_are_masked() {
        let mut secrets = StoreSecrets::default();
        secrets.add("hush-hush-hush");
        let error = error("status code: 400 Bad: <Code>X</Code><Message>your key hush-hush-hush is bad</Message>");
        let explained = explain(&error, StoreOperation::List, &prefix(), &secrets);
        assert!(explained.message.contains("your key *** is bad"), "{explained:?}");
        assert!(!format!("{secrets:?}").contains("hush"));
    }
}
