//! Decodes the bytes of a file as UTF-8, or names the encoding that they are in.

use std::fmt;
use std::ops::Range;

use crate::terminal::escape::escape;
use crate::terminal::shell;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Bytes that show whether every second one is zero.
const SAMPLE_BYTES: usize = 1024;

/// Letters beyond ASCII that words of western languages have side by side, at most. Others have whole words of them.
const MAX_LETTERS_IN_A_ROW: usize = 3;

/// The bytes from 0x80 on of Windows-1252; the others up to 0x9f are unused, and those above are as in Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf16Le,
    Utf16Be,
    Utf32Le,
    Utf32Be,
    Latin1,
    Windows1252,
}

/// A file that is not UTF-8.
#[derive(Debug)]
pub(crate) struct ForeignText {
    /// None if the bytes are not text, or in several encodings.
    pub(crate) encoding: Option<Encoding>,
    /// The text, if the encoding is known, or else what is before the first invalid byte. Without byte order mark.
    pub(crate) text: String,
    /// The first character that UTF-8 encodes with other bytes, in the text; none if all are.
    pub(crate) first: Option<Range<usize>>,
}

/// Decodes UTF-8, with or without byte order mark.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String, ForeignText> {
    if let Some(encoding) = wide(&bytes) {
        return Err(ForeignText { encoding: Some(encoding), text: encoding.decode(&bytes), first: None });
    }
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(without_mark(text)),
        Err(error) => error,
    };
    let bytes = error.as_bytes();
    let encoding = single_byte(bytes);
    let before = bytes.get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let text = match encoding {
        Some(encoding) => encoding.decode(bytes),
        None => without_mark(String::from_utf8_lossy(before).into_owned()),
    };
    let start = if encoding.is_some() { before.len() } else { text.len() };
    let length = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Err(ForeignText { encoding, first: Some(start..start + length), text })
}

impl Encoding {
    /// Returns the name that `iconv -f` takes.
    fn name(self) -> &'static str {
        match self {
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Utf32Le => "UTF-32LE",
            Self::Utf32Be => "UTF-32BE",
            Self::Latin1 => "ISO-8859-1",
            Self::Windows1252 => "WINDOWS-1252",
        }
    }

    /// Says how to convert the file at `path` to UTF-8.
    pub(crate) fn conversion(self, path: &str) -> String {
        let path = shell::quoted(path);
        let command = format!("iconv -f {} -t UTF-8 {}", self.name(), escape(&path));
        format!("save it as UTF-8 in your editor, or convert it with `{command}`")
    }

    fn decode(self, bytes: &[u8]) -> String {
        let pairs = |join: fn([u8; 2]) -> u16| {
            let units = bytes.as_chunks().0.iter().map(move |pair| join(*pair));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        };
        let fours = |join: fn([u8; 4]) -> u32| {
            let units = bytes.as_chunks().0.iter().map(move |four| join(*four));
            units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        };
        without_mark(match self {
            Self::Utf16Le => pairs(u16::from_le_bytes),
            Self::Utf16Be => pairs(u16::from_be_bytes),
            Self::Utf32Le => fours(u32::from_le_bytes),
            Self::Utf32Be => fours(u32::from_be_bytes),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Windows1252 => bytes.iter().copied().map(of_windows_1252).collect(),
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Utf32Le | Self::Utf32Be => "UTF-32",
            Self::Latin1 => "Latin-1 (ISO 8859-1)",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// Recognises UTF-16 and UTF-32 by their mark, or by the zeros between the letters of ASCII.
fn wide(bytes: &[u8]) -> Option<Encoding> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] => return Some(Encoding::Utf32Le),
        [0, 0, 0xfe, 0xff, ..] => return Some(Encoding::Utf32Be),
        [0xff, 0xfe, ..] => return Some(Encoding::Utf16Le),
        [0xfe, 0xff, ..] => return Some(Encoding::Utf16Be),
        _ => {}
    }
    let sample = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
    let fours: &[[u8; 4]] = sample.as_chunks().0;
    let count = |is: fn(&[u8; 4]) -> bool| fours.iter().filter(|four| is(four)).count();
    let little = count(|four| matches!(four, [1..=0x7f, 0, 0, 0]));
    let big = count(|four| matches!(four, [0, 0, 0, 1..=0x7f]));
    if little.max(big) > fours.len() / 2 {
        return Some(if little > big { Encoding::Utf32Le } else { Encoding::Utf32Be });
    }
    let pairs: &[[u8; 2]] = sample.as_chunks().0;
    let count = |is: fn(&[u8; 2]) -> bool| pairs.iter().filter(|pair| is(pair)).count();
    let little = count(|[low, high]| low.is_ascii() && *low > 0 && *high == 0);
    let big = count(|[high, low]| low.is_ascii() && *low > 0 && *high == 0);
    match (little, big) {
        (2.., 0) if little > pairs.len() / 2 => Some(Encoding::Utf16Le),
        (0, 2..) if big > pairs.len() / 2 => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// Recognises Latin-1 and Windows-1252: text without anything that is UTF-8 beyond ASCII, in which letters beyond ASCII are
/// exceptions. Otherwise it is in an encoding of another language, and would be converted into nonsense.
fn single_byte(bytes: &[u8]) -> Option<Encoding> {
    let is_text = |byte: u8| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\n' | b'\r');
    if !bytes.iter().copied().all(is_text) || !bytes.utf8_chunks().all(|chunk| chunk.valid().is_ascii()) {
        return None;
    }
    if bytes.split(u8::is_ascii).any(|letters| letters.len() > MAX_LETTERS_IN_A_ROW) {
        return None;
    }
    let mut encoding = Encoding::Latin1;
    for &byte in bytes.iter().filter(|byte| matches!(byte, 0x80..=0x9f)) {
        if of_windows_1252(byte) == '\0' {
            return None;
        }
        encoding = Encoding::Windows1252;
    }
    Some(encoding)
}

fn of_windows_1252(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|index| WINDOWS_1252.get(usize::from(index)));
    special.copied().unwrap_or(char::from(byte))
}

fn without_mark(mut text: String) -> String {
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], encoding: Option<Encoding>, text: &str, first: Option<Range<usize>>) {
        let foreign = decode(bytes.to_vec()).unwrap_err();
        assert_eq!((foreign.encoding, &*foreign.text, foreign.first), (encoding, text, first), "{bytes:?}");
    }

    #[test]
    fn utf_8_is_decoded_with_and_without_mark() {
        for text in ["", "a", "aé🔑\n", "\0", "a\0b"] {
            assert_eq!(decode(text.into()).unwrap(), text);
            assert_eq!(decode(format!("\u{feff}{text}").into()).unwrap(), text);
        }
    }

    #[test]
    fn each_encoding_is_recognised() {
        let text = "a: é🔑\n# b\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let chars: Vec<u32> = text.chars().map(u32::from).collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        check(&little, Some(Encoding::Utf16Le), text, None);
        check(&big, Some(Encoding::Utf16Be), text, None);
        check(&[&[0xff, 0xfe], &little[..]].concat(), Some(Encoding::Utf16Le), text, None);
        check(&[&[0xfe, 0xff], &big[..]].concat(), Some(Encoding::Utf16Be), text, None);
        let little: Vec<u8> = [0xfeff].iter().chain(&chars).flat_map(|c: &u32| c.to_le_bytes()).collect();
        let big: Vec<u8> = [0xfeff].iter().chain(&chars).flat_map(|c: &u32| c.to_be_bytes()).collect();
        check(&little, Some(Encoding::Utf32Le), text, None);
        check(&big, Some(Encoding::Utf32Be), text, None);
        check(little.split_at(4).1, Some(Encoding::Utf32Le), text, None);
        check(big.split_at(4).1, Some(Encoding::Utf32Be), text, None);
        check(b"a: caf\xe9\n", Some(Encoding::Latin1), "a: café\n", Some(6..8));
        check(b"a: \x80 \xe9\n", Some(Encoding::Windows1252), "a: € é\n", Some(3..6));
    }

    #[test]
    fn what_is_not_text_has_no_encoding() {
        check(b"a\xe9\x01", None, "a", Some(1..1));
        check(b"a\x81", None, "a", Some(1..1));
        // Japanese in Shift-JIS, Chinese in GB 18030, Russian in Windows-1251.
        check(b"# \x82\xb1\x82\xf1\n", None, "# ", Some(2..2));
        check(b"# \xc4\xe3\xba\xc3\n", None, "# ", Some(2..2));
        check(b"# \xca\xeb\xfe\xf7\n", None, "# ", Some(2..2));
        check("é\u{20ac}".as_bytes().split_last().unwrap().1, None, "é", Some(2..2));
        check(b"\xef\xbb\xbfa\xe9", None, "a", Some(1..1));
    }
}
