//! The types that YAML gives to values without quotes.

use jiff::civil::Date;

/// A type other than text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Implicit {
    Null,
    Bool,
    Yaml11Bool,
    Number,
}

impl Implicit {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Null => "null in YAML",
            Self::Bool => "a boolean in YAML",
            Self::Yaml11Bool => "a boolean in YAML 1.1",
            Self::Number => "a number in YAML",
        }
    }
}

/// Follows the core schema of YAML 1.2, and for booleans also YAML 1.1, since many programs still do.
pub(crate) fn implicit_type(text: &str) -> Option<Implicit> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Implicit::Null),
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Some(Implicit::Bool),
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => {
            return Some(Implicit::Yaml11Bool);
        }
        _ => {}
    }
    is_number(text).then_some(Implicit::Number)
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return !octal.is_empty() && octal.bytes().all(|b| matches!(b, b'0'..=b'7'));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits =
        (digits(whole) && (fraction.is_empty() || digits(fraction))) || (whole.is_empty() && digits(fraction));
    mantissa_fits && exponent.is_none_or(digits)
}

/// Reads `YYYY-MM-DD` and no other form of a date.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    if shaped { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_yaml_does_not_read_as_strings_are_recognised() {
        for text in ["1", "-1", "+12", "0o17", "0xff", "1.", "1.5", ".5", "1e3", "-1.5E-3", ".inf", "-.INF", ".nan"] {
            assert_eq!(implicit_type(text), Some(Implicit::Number), "{text}");
        }
        for text in ["a", "1a", "0x", "0o8", "e3", ".", "-", "1.2.3", "1e", "2027-06-30", "y", "ssh-rsa", "-.nan"] {
            assert_eq!(implicit_type(text), None, "{text}");
        }
        assert_eq!(implicit_type("No"), Some(Implicit::Yaml11Bool));
        assert_eq!(implicit_type("~"), Some(Implicit::Null));
    }

    #[test]
    fn a_date_has_one_form() {
        assert!(parse_date("2028-02-29").is_some());
        for text in
            ["2027-02-29", "2027-6-3", "20270603", "2027-06-03T00:00:00Z", "-027-06-03", "27-06-2003", "２027-06-3"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
