//! A public key on the command line: the key itself, a file, or standard input.

use std::io;
use std::path::PathBuf;

use super::error::{CliError, Hints};
use crate::account::settings::Environment;
use crate::files;
use crate::public_key::{MAX_TEXT_BYTES, PublicKey, PublicKeyError};

impl Hints for PublicKeyError {
    fn hints(&self) -> Vec<String> {
        vec![self.kind.help()]
    }
}

/// Reads the key that an argument is or names. No message repeats any text that is not a path.
pub(super) fn read(
    argument: &str,
    stdin: &mut impl io::Read,
    environment: Environment<'_>,
) -> Result<PublicKey, CliError> {
    if argument == "-" {
        let bytes = files::read_stream(stdin, MAX_TEXT_BYTES as u64)
            .map_err(|error| CliError::new(format!("cannot read the key from stdin: {error}")))?;
        return parse(&bytes, "stdin");
    }
    if is_key(argument) {
        return PublicKey::parse(argument).map_err(|error| CliError::of(&error).under("the given key"));
    }
    let path = expanded(argument, environment);
    let shown = path.display().to_string();
    match files::read_followed(&path, MAX_TEXT_BYTES as u64) {
        Ok(bytes) => parse(&bytes, &shown),
        Err(error) => Err(CliError::new(format!("cannot read {shown}: {error}"))
            .hint("pass a public key, the path of a .pub file, or - for stdin")),
    }
}

fn parse(bytes: &[u8], source: &str) -> Result<PublicKey, CliError> {
    let text = str::from_utf8(bytes).map_err(|_| CliError::new(format!("{source} is not UTF-8 text")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    PublicKey::parse(text).map_err(|error| CliError::of(&error).under(source))
}

/// Whether a text is meant as a key: it has several words, one of which is the base64 of a key or the name of a type.
fn is_key(text: &str) -> bool {
    let mut words = text.split_whitespace();
    words.clone().nth(1).is_some() && words.any(|word| word.starts_with("AAAA") || PublicKey::TYPES.contains(&word))
}

/// Replaces `~/` by the home folder, for arguments such as `--key=~/.ssh/id.pub` that the shell leaves as they are.
fn expanded(argument: &str, environment: Environment<'_>) -> PathBuf {
    match (argument.strip_prefix("~/"), environment("HOME")) {
        (Some(below), Some(home)) => PathBuf::from(home).join(below),
        _ => PathBuf::from(argument),
    }
}
