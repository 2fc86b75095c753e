//! The regular expression of `namePattern`. A pull request may contain any pattern, and an account 200,000 names.

use std::error::Error;

use regex_automata::dfa::dense::{self, DFA};
use regex_automata::dfa::{Automaton, StartKind};
use regex_automata::nfa::thompson::{self, Compiler};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

use super::limits::{MAX_PATTERN_BYTES, MAX_PATTERN_DEPTH};

/// A compiled pattern. Reads each byte of a name once, for every pattern: the automaton is built in advance, and a pattern
/// that needs a large one is refused.
#[derive(Debug)]
pub(crate) struct NamePattern {
    pattern: String,
    automaton: DFA<Vec<u32>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NamePatternError {
    /// Why the pattern is not a regular expression, on one line.
    Syntax(String),
    TooComplex,
}

impl NamePattern {
    /// Compiles a pattern for ASCII texts, as names are.
    pub(crate) fn new(pattern: &str) -> Result<Self, NamePatternError> {
        let ascii = syntax::Config::new().unicode(false).utf8(false).nest_limit(MAX_PATTERN_DEPTH);
        let bounded = thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_PATTERN_BYTES));
        let nfa = Compiler::new().syntax(ascii).configure(bounded).build(pattern).map_err(|error| {
            if error.size_limit().is_some() { NamePatternError::TooComplex } else { syntax_error(&error) }
        })?;
        let config = dense::Config::new()
            // What matches is not asked for, only whether anything does.
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(MAX_PATTERN_BYTES))
            .determinize_size_limit(Some(MAX_PATTERN_BYTES));
        let automaton = dense::Builder::new().configure(config).build_from_nfa(&nfa).map_err(|error| {
            if error.is_size_limit_exceeded() { NamePatternError::TooComplex } else { syntax_error(&error) }
        })?;
        Ok(Self { pattern: pattern.to_owned(), automaton })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Returns whether the pattern matches any part of a name.
    pub(crate) fn is_match(&self, name: &str) -> bool {
        let input = Input::new(name.as_bytes()).earliest(true);
        self.automaton.try_search_fwd(&input).is_ok_and(|found| found.is_some())
    }
}

fn syntax_error(error: &dyn Error) -> NamePatternError {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    // The last line of the error has the reason; those above draw the pattern.
    let text = cause.to_string();
    let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    NamePatternError::Syntax(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::RegexBuilder;

    use super::*;

    #[test]
    fn patterns_that_teams_use_are_accepted() {
        for (pattern, good, bad) in [
            ("^[a-z0-9-]+$", "alice-laptop", "Alice"),
            ("^team-", "team-a", "a-team-"),
            (r"^[\w.+-]{1,63}@example\.com$", "bob@example.com", "bob@example.org"),
            ("(?i)^(alice|bob|carol)-(laptop|yubikey)(-[0-9]{1,3})?$", "Bob-YubiKey-12", "dave-laptop"),
            (r"\bprod\b", "x-prod-1", "product"),
            ("^(?:[a-z][a-z0-9]{0,20}-){1,4}[0-9]{2,4}$", "web-eu-0042", "web-eu-1"),
        ] {
            let compiled = NamePattern::new(pattern).unwrap();
            assert!(compiled.is_match(good) && !compiled.is_match(bad), "{pattern}");
        }
    }

    /// Each took seconds to minutes for 200,000 names of 100 characters with a matcher that is built while it runs.
    #[test]
    fn a_pattern_that_could_be_slow_is_refused() {
        for pattern in [
            ".*a.{20}x",
            "(a|b)*a(a|b){40}c",
            "^(?:.{0,30}a.{0,30}b){3}$",
            "(?:[ab]{1,50}){1,50}x",
            "(?:(?:[ -~]?[!-~]?){15}[a-z]?){15}$",
            "((((a{0,99}){0,99}){0,99}){0,99})",
            "[^x]{500}|[a-z]{900}$",
        ] {
            assert_eq!(NamePattern::new(pattern).unwrap_err(), NamePatternError::TooComplex, "{pattern}");
        }
    }

    #[test]
    fn a_mistake_in_a_pattern_is_explained() {
        for (pattern, reason) in [
            ("[a-z", "unclosed character class"),
            ("a{2,1}", "invalid repetition count range, the start must be <= the end"),
            (r"\p{Lu}", "Unicode not allowed here"),
            (r"(a)\1", "backreferences are not supported"),
            (r"(?u)\b", "cannot build DFAs for regexes with Unicode word boundaries"),
        ] {
            let NamePatternError::Syntax(found) = NamePattern::new(pattern).unwrap_err() else { panic!("{pattern}") };
            assert!(found.contains(reason), "{pattern}: {found}");
        }
    }

    proptest! {
        #[test]
        fn the_result_is_that_of_the_regex_crate(
            pattern in r"\^?([ab.?*|()-]|\[a-c\]|\\w|\{1,3\}){0,10}\$?", name in "[a-d-]{0,12}"
        ) {
            if let (Ok(expected), Ok(found)) =
                (RegexBuilder::new(&pattern).unicode(false).build(), NamePattern::new(&pattern))
            {
                prop_assert_eq!(found.is_match(&name), expected.is_match(name.as_bytes()), "{}", pattern);
            }
        }
    }
}
