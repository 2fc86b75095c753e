//! Conditions as the forges write them: `github.event_name == 'push' && !cancelled()`, `$A == "b" && $C`.

use std::sync::LazyLock;

use regex::Regex;
use serde_yaml::Value;

static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^\s*(\|\||&&|==|!=|!|'[^']*'|"[^"]*"|[$\w.-]+(?:\(\))?|[()])"#).unwrap());
static INSERTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{\{(.*?)\}\}").unwrap());

/// Returns the value of a name, and panics on an unknown one.
pub type Lookup<'l> = &'l dyn Fn(&str) -> String;

pub fn holds(text: &str, lookup: Lookup<'_>) -> bool {
    let inner = INSERTION.captures(text).map_or(text, |found| found.get(1).unwrap().as_str());
    truthy(&evaluate(inner, lookup))
}

/// A scalar as text.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap().trim_end().to_owned(),
    }
}

/// Replaces each `${{ … }}`.
pub fn insert(text: &str, lookup: Lookup<'_>) -> String {
    INSERTION.replace_all(text, |found: &regex::Captures<'_>| evaluate(&found[1], lookup)).into_owned()
}

fn evaluate(text: &str, lookup: Lookup<'_>) -> String {
    let mut rest = text;
    let mut tokens = Vec::new();
    while !rest.trim().is_empty() {
        let found = TOKEN.captures(rest).unwrap_or_else(|| panic!("no expression: {text}"));
        tokens.push(found[1].to_owned());
        rest = &rest[found[0].len()..];
    }
    let mut parser = Parser { tokens, at: 0, lookup };
    let value = parser.alternatives();
    assert_eq!(parser.at, parser.tokens.len(), "something follows the expression: {text}");
    value
}

fn truthy(value: &str) -> bool {
    !value.is_empty() && value != "false"
}

struct Parser<'l> {
    tokens: Vec<String>,
    at: usize,
    lookup: Lookup<'l>,
}

impl Parser<'_> {
    fn takes(&mut self, token: &str) -> bool {
        let is = self.tokens.get(self.at).is_some_and(|next| next == token);
        self.at += usize::from(is);
        is
    }

    /// The value of `a || b` is the first true one.
    fn alternatives(&mut self) -> String {
        let mut value = self.conditions();
        while self.takes("||") {
            let other = self.conditions();
            value = if truthy(&value) { value } else { other };
        }
        value
    }

    fn conditions(&mut self) -> String {
        let mut value = self.comparison();
        while self.takes("&&") {
            let other = self.comparison();
            value = if truthy(&value) { other } else { value };
        }
        value
    }

    fn comparison(&mut self) -> String {
        let value = self.single();
        match () {
            () if self.takes("==") => (value == self.single()).to_string(),
            () if self.takes("!=") => (value != self.single()).to_string(),
            () => value,
        }
    }

    fn single(&mut self) -> String {
        if self.takes("!") {
            return (!truthy(&self.single())).to_string();
        }
        if self.takes("(") {
            let value = self.alternatives();
            assert!(self.takes(")"), "a bracket is not closed");
            return value;
        }
        let token = self.tokens[self.at].clone();
        self.at += 1;
        match token.strip_prefix(['\'', '"']) {
            Some(quoted) => quoted[..quoted.len() - 1].to_owned(),
            None => (self.lookup)(&token),
        }
    }
}

#[test]
fn conditions_are_read_as_the_forges_read_them() {
    let lookup = |name: &str| match name {
        "a" | "$A" => "x".to_owned(),
        "nothing" => String::new(),
        "yes()" => "true".to_owned(),
        other => panic!("{other}"),
    };
    for condition in ["a == 'x'", "$A == \"x\" && $A", "!(nothing || a != 'x')", "${{ yes() }}", "nothing == '' && a"] {
        assert!(holds(condition, &lookup), "{condition}");
    }
    for condition in ["a == 'y'", "nothing", "!yes()", "a && nothing"] {
        assert!(!holds(condition, &lookup), "{condition}");
    }
    assert_eq!(insert("<${{ nothing || 'b' }}-${{ a }}>", &lookup), "<b-x>");
}
