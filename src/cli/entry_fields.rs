//! The fields of an entry as flags.

use clap::Args;
use jiff::ToSpan as _;
use jiff::civil::Date;

use super::error::CliError;
use crate::manifest::DesiredKey;
use crate::names::AccountName;

#[derive(Debug, Clone, Args)]
pub(super) struct FieldArgs {
    /// Person responsible for the key [default with --from: SOURCE]
    #[arg(long, value_name = "TEXT")]
    pub(super) owner: Option<String>,
    /// Last valid day, a number of days such as 90d, or never
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expiry>,
    /// Make this the primary key, in place of the present one
    #[arg(long)]
    pub(super) primary: bool,
    /// Refuse plans that replace the key
    #[arg(long)]
    protect: bool,
    /// Name on the account, if it is not the name
    #[arg(long, value_name = "TEXT")]
    account_name: Option<String>,
}

/// The value of `--expires`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Never,
    /// Days from today.
    Days(u16),
    On(Date),
}

impl std::str::FromStr for Expiry {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        let date = || if text.len() == 10 { text.parse().ok() } else { None };
        days.map(Self::Days).or_else(|| date().map(Self::On)).ok_or("must be a date such as 2027-06-30, 90d or never")
    }
}

impl Expiry {
    fn day(self, today: Date) -> Option<Date> {
        match self {
            Self::Never => None,
            Self::Days(days) => Some(today.saturating_add(i64::from(days).days())),
            Self::On(day) => Some(day),
        }
    }
}

impl FieldArgs {
    /// Sets the fields that have a flag. An empty text removes the field.
    pub(super) fn set(&self, mut entry: DesiredKey, today: Date) -> Result<DesiredKey, CliError> {
        if let Some(owner) = &self.owner {
            entry.owner = Some(owner.clone()).filter(|owner| !owner.is_empty());
        }
        if let Some(expires) = self.expires {
            entry.expires = expires.day(today);
        }
        match self.account_name.as_deref() {
            None => {}
            Some("") => entry.account_name = None,
            Some(name) => {
                let name = AccountName::new(name);
                entry.account_name =
                    Some(name.map_err(|error| CliError::new(format!("invalid --account-name: {error}")))?);
            }
        }
        entry.primary |= self.primary;
        entry.protect |= self.protect;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn an_expiry_is_a_date_a_number_of_days_or_never() {
        let day = |text: &str| text.parse::<Expiry>().map(|expiry| expiry.day(date(2026, 11, 23)));
        assert_eq!(day("2027-06-30"), Ok(Some(date(2027, 6, 30))));
        assert_eq!(day("90d"), Ok(Some(date(2027, 2, 21))));
        assert_eq!(day("never"), Ok(None));
        for bad in ["", "d", "-1d", "90", "1w", "2027-6-3", "2027-02-30", "20270630", "99999999d"] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }
}
