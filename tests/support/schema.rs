//! The JSON Schemas in the repository.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The schema of `manifest`, `plan` or `state`.
pub fn text(of: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{of}.schema.json"));
    fs::read_to_string(path).unwrap()
}

/// The errors of a value.
pub fn problems(of: &str, value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(&text(of)).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Panics if a value is invalid.
pub fn assert_valid(of: &str, value: &Value) {
    let problems = problems(of, value);
    assert!(problems.is_empty(), "{problems:#?}\n{value:#}");
}
