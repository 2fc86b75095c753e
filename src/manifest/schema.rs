//! The JSON Schema of a manifest, for editors. The reader checks all of it, and more.
//!
//! `patternErrorMessage` and `errorMessage` are keywords of the language servers for YAML and JSON, which editors show
//! instead of a regular expression. Fields that exclude each other have an `if`, because a failed `oneOf` or `not` has no
//! message that helps.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::limits::{MAX_GLOBS, MAX_KEYS, MAX_LIFETIME_DAYS, MAX_OWNER_CHARS, MAX_PATTERN_CHARS, MAX_REASON_CHARS};
use super::policy::{PolicyCheck, PolicyLevel, UnmanagedPolicy};
use crate::names::{MAX_ACCOUNT_NAME_CHARS, MAX_ID_BYTES, NAME_PATTERN};
use crate::public_key::{MAX_RSA_BITS, MAX_TEXT_BYTES, MIN_RSA_BITS, PublicKey};

/// The file with the schema, next to the manifest. `init` writes it.
pub const SCHEMA_FILE: &str = "keyform.schema.json";

/// Returns the first line of a manifest that keyform writes, which names the schema to editors.
pub fn schema_line() -> String {
    format!("# yaml-language-server: $schema={SCHEMA_FILE}\n")
}

/// Returns the JSON Schema (2020-12) of a manifest file.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_null));
    settings.into_generator().into_root_schema_for::<ManifestSchema>().to_value()
}

/// Forbids null for optional fields, as the reader does.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            only.into_iter().for_each(|(name, value)| drop(schema.insert(name, value)));
        }
    }
}

/// The SSH keys that should be on an account.
#[derive(JsonSchema)]
#[schemars(title = "keyform manifest", rename = "Manifest", deny_unknown_fields)]
#[schemars(extend("$id" = "https://keyform.invalid/schema/manifest.schema.json"))]
#[schemars(extend("anyOf" = [
    { "required": ["keys"] }, { "required": ["account"] }, { "required": ["policy"] }, { "required": ["revoked"] },
]))]
#[expect(dead_code, reason = "only its schema is used")]
struct ManifestSchema {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    version: u32,
    /// The account that the manifest is for. At most one file has it.
    account: Option<AccountSchema>,
    /// Checks that every key in all files must pass. At most one file has them.
    policy: Option<PolicySchema>,
    /// The keys that should be on the account. At least one file has them.
    #[schemars(length(max = MAX_KEYS))]
    keys: Option<Vec<KeySchema>>,
    /// The keys that must not be on the account, whoever added them.
    revoked: Option<Vec<RevokedSchema>>,
}

/// The account that the manifest is for.
#[derive(JsonSchema)]
#[schemars(rename = "Account", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct AccountSchema {
    /// The id of its user. keyform refuses to act on any other account.
    #[schemars(length(min = 1, max = MAX_ID_BYTES), regex(pattern = "^[!-~]+$"))]
    #[schemars(extend("patternErrorMessage" = "must be an id, without white space"))]
    #[schemars(rename = "userId")]
    user_id: String,
}

/// Checks that every key must pass.
#[derive(JsonSchema)]
#[schemars(rename = "Policy", rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct PolicySchema {
    /// Refuse plans with keys that do not pass, or only warn.
    level: Option<PolicyLevel>,
    /// The allowed key types.
    #[schemars(length(min = 1))]
    algorithms: Option<Vec<AlgorithmSchema>>,
    /// The minimum length of an RSA key, in bits.
    #[schemars(range(min = MIN_RSA_BITS, max = MAX_RSA_BITS))]
    min_rsa_bits: Option<u32>,
    /// Require an `owner` for every key.
    require_owner: Option<bool>,
    /// Every key must expire within this many days.
    #[schemars(range(min = 1, max = MAX_LIFETIME_DAYS))]
    max_lifetime_days: Option<u32>,
    /// A regular expression that every name must match. Use ^ and $ to match the whole name.
    #[schemars(length(min = 1, max = MAX_PATTERN_CHARS))]
    name_pattern: Option<String>,
    /// Report keys on the account that are neither in the manifest nor in the state, or refuse plans because of them.
    unmanaged: Option<UnmanagedPolicy>,
    /// Names on the account of unmanaged keys that are expected. * matches any text.
    #[schemars(length(max = MAX_GLOBS), inner(length(min = 1, max = MAX_ACCOUNT_NAME_CHARS)))]
    unmanaged_except: Option<Vec<String>>,
}

/// A key that should be on the account. Has either `publicKey` or `publicKeyFile`.
#[derive(JsonSchema)]
#[schemars(rename = "Key", rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend(
    "anyOf" = [
        { "required": ["publicKey"], "errorMessage": ONE_KEY },
        { "required": ["publicKeyFile"], "errorMessage": ONE_KEY },
    ],
    "allOf" = [
        {
            "if": { "required": ["publicKey"] },
            "then": { "properties": { "publicKeyFile": { "const": false, "errorMessage": ONE_KEY } } },
        },
        {
            "if": { "required": ["expires"] },
            "then": { "properties": { "protect": { "const": false, "errorMessage": "a protected key cannot expire" } } },
        },
    ],
))]
#[expect(dead_code, reason = "only its schema is used")]
struct KeySchema {
    /// The name of the key, unique in all files: up to 100 letters, digits and . _ @ + - characters.
    #[schemars(regex(pattern = NAME_PATTERN), extend("patternErrorMessage" = NAME_MESSAGE))]
    name: String,
    /// The public key in OpenSSH's format: type, base64, comment.
    #[schemars(length(min = 1, max = MAX_TEXT_BYTES), regex(pattern = key_pattern("")))]
    #[schemars(extend("patternErrorMessage" = KEY_MESSAGE))]
    public_key: Option<String>,
    /// A file with the public key, relative to the manifest and inside its folder.
    #[schemars(length(min = 1), regex(pattern = "^[^/]"))]
    #[schemars(extend("patternErrorMessage" = "must be a path relative to the manifest"))]
    public_key_file: Option<String>,
    /// The name of the key on the account, if it is not `name`.
    #[schemars(length(min = 1, max = MAX_ACCOUNT_NAME_CHARS))]
    account_name: Option<String>,
    /// The person responsible for the key.
    #[schemars(length(min = 1, max = MAX_OWNER_CHARS))]
    owner: Option<String>,
    /// The last valid day (UTC), YYYY-MM-DD. The first apply after it deletes the key.
    #[schemars(regex(pattern = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"))]
    #[schemars(extend("patternErrorMessage" = "must be a date such as 2027-06-30"))]
    expires: Option<String>,
    /// Refuse plans that replace the key, and `--destroy`. Cannot be combined with `expires`.
    #[schemars(default)]
    protect: bool,
    /// Checks of the policy that this key need not pass.
    exempt: Option<Vec<PolicyCheck>>,
    /// Make this the primary key, which new pods get. At most one key in all files.
    #[schemars(default)]
    primary: bool,
}

/// A key that must not be on the account. Has either `fingerprint` or `publicKey`.
#[derive(JsonSchema)]
#[schemars(rename = "RevokedKey", rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend(
    "anyOf" = [
        { "required": ["fingerprint"], "errorMessage": ONE_REVOKED_KEY },
        { "required": ["publicKey"], "errorMessage": ONE_REVOKED_KEY },
    ],
    "if" = { "required": ["fingerprint"] },
    "then" = { "properties": { "publicKey": { "const": false, "errorMessage": ONE_REVOKED_KEY } } },
))]
#[expect(dead_code, reason = "only its schema is used")]
struct RevokedSchema {
    /// The SHA256 fingerprint, as `ssh-keygen -l` prints it.
    #[schemars(regex(pattern = "^SHA256:[A-Za-z0-9+/]{43}$"))]
    #[schemars(extend("patternErrorMessage" = "must be `SHA256:` and 43 characters, as `ssh-keygen -l` prints it"))]
    fingerprint: Option<String>,
    /// The public key in OpenSSH's format. It may be a weak one.
    #[schemars(length(min = 1, max = MAX_TEXT_BYTES), regex(pattern = key_pattern("ssh-dss|")))]
    #[schemars(extend("patternErrorMessage" = KEY_MESSAGE))]
    public_key: Option<String>,
    /// Why the key is revoked.
    #[schemars(length(min = 1, max = MAX_REASON_CHARS))]
    reason: Option<String>,
}

const ONE_KEY: &str = "a key has either `publicKey` or `publicKeyFile`";

const ONE_REVOKED_KEY: &str = "a revoked key has either `fingerprint` or `publicKey`";

const NAME_MESSAGE: &str =
    "must be 1 to 100 letters, digits and . _ @ + - characters, and start with a letter or digit";

const KEY_MESSAGE: &str = "must be the line of a .pub file: a type such as ssh-ed25519, base64, and a comment";

/// Matches a line that begins with an accepted type, or one of `others`. Lines before it may be blank or comments.
fn key_pattern(others: &str) -> String {
    let types = PublicKey::TYPES.join("|").replace('.', r"\.");
    format!(r"(^|[\n\r])[ \t]*(webauthn-)?({others}{types})[ \t]+AAAA")
}

/// A type of public key.
struct AlgorithmSchema;

impl JsonSchema for AlgorithmSchema {
    fn schema_name() -> Cow<'static, str> {
        "Algorithm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "An algorithm of public keys.", "type": "string", "enum": PublicKey::TYPES })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::manifest::{entry, policy, read, revoked};

    #[test]
    fn schema_and_reader_know_the_same_fields() {
        let schema = schema();
        for (pointer, fields) in [
            ("/properties", &read::FIELDS[..]),
            ("/$defs/Account/properties", &read::ACCOUNT_FIELDS),
            ("/$defs/Policy/properties", &policy::FIELDS),
            ("/$defs/Key/properties", &entry::FIELDS),
            ("/$defs/RevokedKey/properties", &revoked::FIELDS),
        ] {
            let in_schema = schema.pointer(pointer).unwrap().as_object().unwrap();
            let in_schema: BTreeSet<&str> = in_schema.keys().map(String::as_str).collect();
            assert_eq!(in_schema, fields.iter().copied().collect(), "{pointer}");
        }
    }
}
