//! The configuration of a pipeline on GitLab: a file with inputs, and the components and files that it includes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize as _;
use serde_yaml::{Deserializer, Mapping, Value};

static BLOCK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\[\[ inputs\.([\w-]+) \]\]").unwrap());
static COMPONENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\$CI_SERVER_FQDN/[\w-]+/keyform/keyform@\d+\.\d+\.\d+$").unwrap());

/// The values of inputs by their names.
pub type Inputs = BTreeMap<String, Value>;

/// A file with its header, which declares inputs.
struct Template {
    declared: Mapping,
    body: Value,
}

/// The text of the component.
pub fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/keyform.yml")).unwrap()
}

/// The component with inputs, or why GitLab refuses them.
pub fn with_inputs(inputs: &Inputs) -> Result<Mapping, String> {
    Template::read(&text()).body(inputs)
}

/// The names of the inputs that the component declares, and their patterns.
pub fn declared() -> BTreeMap<String, Option<String>> {
    let declared = Template::read(&text()).declared;
    let pattern = |input: &Value| input["regex"].as_str().map(str::to_owned);
    declared.iter().map(|(name, input)| (name.as_str().unwrap().to_owned(), pattern(input))).collect()
}

/// The names and defaults of all inputs.
pub fn defaults() -> Inputs {
    let declared = Template::read(&text()).declared;
    declared.iter().map(|(name, input)| (name.as_str().unwrap().to_owned(), input["default"].clone())).collect()
}

/// The names of the inputs in a text.
pub fn inputs_in(text: &str) -> Vec<String> {
    BLOCK.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// The configuration that a commit has, whose files `file` reads.
pub fn configuration(file: &dyn Fn(&str) -> String, inputs: &Inputs) -> Result<Mapping, String> {
    let own = Template::read(&file(".gitlab-ci.yml")).body(inputs)?;
    let mut all = Mapping::new();
    for include in own.get("include").and_then(Value::as_sequence).into_iter().flatten() {
        let given: Inputs = serde_yaml::from_value(include["inputs"].clone()).unwrap_or_default();
        let included = if let Some(path) = include["local"].as_str() {
            Template::read(&file(path)).body(&given)?
        } else {
            let component = include["component"].as_str().unwrap();
            assert!(COMPONENT.is_match(component), "{component}");
            with_inputs(&given)?
        };
        all.extend(included);
    }
    all.extend(own);
    Ok(all)
}

impl Template {
    fn read(text: &str) -> Self {
        let mut documents: Vec<_> =
            Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap()).collect();
        let body = documents.pop().unwrap();
        let declared = documents.pop().map(|header| header["spec"]["inputs"].as_mapping().unwrap().clone());
        Self { declared: declared.unwrap_or_default(), body }
    }

    fn body(&self, given: &Inputs) -> Result<Mapping, String> {
        if let Some(unknown) = given.keys().find(|name| !self.declared.contains_key(name.as_str())) {
            return Err(format!("unknown input: {unknown}"));
        }
        let mut inputs = Inputs::new();
        for (name, declared) in &self.declared {
            let name = name.as_str().unwrap();
            let value = given.get(name).unwrap_or(&declared["default"]);
            check(declared, value).map_err(|why| format!("{name}: {why}"))?;
            inputs.insert(name.to_owned(), value.clone());
        }
        Ok(interpolated(&self.body, &inputs).as_mapping().unwrap().clone())
    }
}

fn check(declared: &Value, value: &Value) -> Result<(), String> {
    let is_right = match declared["type"].as_str().unwrap_or("string") {
        "string" => value.is_string(),
        "boolean" => value.is_bool(),
        "array" => value.is_sequence(),
        other => panic!("unknown type: {other}"),
    };
    if !is_right {
        return Err(format!("{value:?} has another type"));
    }
    match declared["regex"].as_str() {
        Some(pattern) if !Regex::new(pattern).unwrap().is_match(value.as_str().unwrap()) => {
            Err(format!("{value:?} does not match {pattern}"))
        }
        _ => Ok(()),
    }
}

/// A value of which a block is the whole keeps its type.
fn interpolated(value: &Value, inputs: &Inputs) -> Value {
    match value {
        Value::String(text) => match BLOCK.captures(text) {
            Some(found) if found[0].len() == text.len() => inputs[&found[1]].clone(),
            _ => BLOCK.replace_all(text, |found: &regex::Captures<'_>| scalar(&inputs[&found[1]])).into_owned().into(),
        },
        Value::Sequence(values) => values.iter().map(|value| interpolated(value, inputs)).collect(),
        Value::Mapping(fields) => {
            let fields = fields.iter().map(|(name, value)| (interpolated(name, inputs), interpolated(value, inputs)));
            Value::Mapping(fields.collect())
        }
        other => other.clone(),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(is) => is.to_string(),
        other => panic!("not in a text: {other:?}"),
    }
}
