//! The bearer token: the only secret of the program.

use std::fmt;

use reqwest::header::HeaderValue;
use thiserror::Error;

/// The longest token, in bytes. Servers accept no header that is much longer.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// Replaces the token in text that someone else wrote.
const MASK: &str = "[token]";

/// A bearer token: visible ASCII, 1 to [`MAX_TOKEN_BYTES`] bytes.
///
/// Leaves this type only as a header value that is marked sensitive. It can be neither printed nor serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

/// Why a text is not a token. Shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// A space, a tab or a second line.
    #[error("it contains white space")]
    WhiteSpace,
    #[error("it contains a control character")]
    Control,
    #[error("it contains a character that is not ASCII")]
    NonAscii,
}

impl Token {
    /// Parses a token. Drops one line end after it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let fault = |c: char| match c {
            _ if c.is_whitespace() => Some(TokenError::WhiteSpace),
            _ if c.is_control() => Some(TokenError::Control),
            _ if !c.is_ascii() => Some(TokenError::NonAscii),
            _ => None,
        };
        text.chars().find_map(fault).map_or_else(|| Ok(Self(text.into())), Err)
    }

    /// Replaces the token in a text that someone else wrote: a server may repeat what it got.
    pub fn mask(&self, text: &str) -> String {
        text.replace(&*self.0, MASK)
    }

    /// Whether a text contains the token.
    pub(super) fn is_in(&self, text: &str) -> bool {
        text.contains(&*self.0)
    }

    /// Returns the value of the `Authorization` header, marked sensitive.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl TokenError {
    pub fn help(self) -> &'static str {
        match self {
            Self::WhiteSpace => "pass only the token, without `Bearer`, on one line",
            Self::Empty | Self::TooLong | Self::Control | Self::NonAscii => {
                "copy the token again from the settings of the account"
            }
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_visible_ascii_on_one_line() {
        for good in ["t", "pit_0123abc", "t\n", "t\r\n", "~!@#$%^&*()_+=/.-"] {
            assert!(Token::parse(good).is_ok(), "{good:?}");
        }
        assert_eq!(Token::parse("t\n"), Token::parse("t"));
        for (bad, error) in [
            ("", TokenError::Empty),
            ("\n", TokenError::Empty),
            ("Bearer t", TokenError::WhiteSpace),
            ("t\n\n", TokenError::WhiteSpace),
            (" t", TokenError::WhiteSpace),
            ("t\u{1b}", TokenError::Control),
            ("té", TokenError::NonAscii),
            (&"t".repeat(4097), TokenError::TooLong),
        ] {
            assert_eq!(Token::parse(bad), Err(error), "{bad:?}");
        }
    }

    #[test]
    fn a_token_cannot_be_printed() {
        let token = Token::parse("hunter2").unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(format!("{:?}", token.header().unwrap()), "Sensitive");
        assert_eq!(token.mask("bad token hunter2!"), "bad token [token]!");
    }
}
