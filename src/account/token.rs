//! The bearer token: the only secret of the program.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::header::HeaderValue;
use thiserror::Error;

/// The longest token, in bytes. Servers accept no header that is much longer.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// Replaces the token in text that someone else wrote.
const MASK: &str = "[token]";

/// The fewest symbols of base64 that tell a token. Fewer could be there by chance.
const MIN_BASE64: usize = 10;

/// A bearer token: visible ASCII, 1 to [`MAX_TOKEN_BYTES`] bytes.
///
/// Leaves this type only as a header value that is marked sensitive. It can be neither printed nor serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: Box<str>,
    /// Its other forms, as in [`encoded`].
    encoded: Box<[String]>,
}

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
        match text.chars().find_map(fault) {
            Some(error) => Err(error),
            None => Ok(Self { text: text.into(), encoded: encoded(text).collect() }),
        }
    }

    /// Replaces the token in a text that someone else wrote: a server may repeat what it got.
    ///
    /// Also in other encodings: that of a URL, and base64, as in a header of basic authentication.
    pub fn mask(&self, text: &str) -> String {
        let masked = text.replace(&*self.text, MASK);
        self.encoded.iter().fold(masked, |text, form| if text.contains(form) { text.replace(form, MASK) } else { text })
    }

    /// Whether a text contains the token, in any encoding that [`Self::mask`] knows.
    pub(super) fn is_in(&self, text: &str) -> bool {
        text.contains(&*self.text) || self.encoded.iter().any(|form| text.contains(form))
    }

    /// Returns the value of the `Authorization` header, marked sensitive.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.text)).ok()?;
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

/// Returns the encoded forms that differ from the token: those of a URL, and the part of the base64 that does not depend on the
/// text before and after the token.
fn encoded(token: &str) -> impl Iterator<Item = String> {
    let percent = |upper: bool| {
        let encode = |byte: u8| match byte {
            b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        token.bytes().map(encode).collect::<String>()
    };
    let base64 = |before: usize| {
        let bytes = [&vec![0; before], token.as_bytes()].concat();
        // Six bits a symbol: those that `before` reaches are left out, and a last one that is not full.
        let (first, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        let forms = [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)];
        forms.map(|form| form.get(first..end).unwrap_or_default().to_owned())
    };
    let base64 = (0..3).flat_map(base64).filter(|form| form.len() >= MIN_BASE64);
    [percent(true), percent(false)].into_iter().filter(move |form| *form != token).chain(base64)
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

    #[test]
    fn a_token_is_masked_in_other_encodings_too() {
        let token = Token::parse("pit_7Hq/2+Zk~9?wX>").unwrap();
        for before in ["", "u", "u:", "Bearer ", "user:", "someone@example.com:"] {
            for after in ["", "!", "\r\n"] {
                for encoded in [
                    STANDARD_NO_PAD.encode(format!("{before}{token}{after}", token = token.text)),
                    URL_SAFE_NO_PAD.encode(format!("{before}{token}{after}", token = token.text)),
                ] {
                    let masked = token.mask(&format!("got `{encoded}`"));
                    assert!(masked.contains(MASK) && token.is_in(&encoded), "{before} {after} {masked}");
                    let left = masked.replace("got `", "").replace(MASK, "");
                    // What is left is of the text around, and at most one byte of the token at each end.
                    assert!(left.len() <= encoded.len() - (token.text.len() - 2) * 4 / 3 + 1, "{encoded} {masked}");
                }
            }
        }
        assert_eq!(token.mask("?t=pit_7Hq%2F2%2BZk~9%3FwX%3E&a"), "?t=[token]&a");
        assert_eq!(token.mask("?t=pit_7Hq%2f2%2bZk~9%3fwX%3e&a"), "?t=[token]&a");
        assert!(!token.is_in("pit_7Hq%2F3") && !token.is_in("cGl0Xzd"));
        assert_eq!(Token::parse("t").unwrap().mask("dA"), "dA");
    }
}
