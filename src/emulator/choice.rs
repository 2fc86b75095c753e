//! Options with a fixed set of named values.

use std::fmt::Display;
use std::str::FromStr;

use thiserror::Error;

/// One of a fixed set of named values. It parses from its name, and displays as it.
pub trait Choice: Copy + Display + FromStr<Err = UnknownChoice> + Send + Sync + 'static {
    const ALL: &'static [Self];

    /// The name that people type, in kebab case.
    fn name(self) -> &'static str;

    /// A line of help.
    fn help(self) -> &'static str;
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown value '{0}'")]
pub struct UnknownChoice(String);

/// Finds a value by its name.
pub(super) fn by_name<T: Choice>(name: &str) -> Result<T, UnknownChoice> {
    T::ALL.iter().copied().find(|choice| choice.name() == name).ok_or_else(|| UnknownChoice(name.to_owned()))
}

/// Declares an enum that is a [`Choice`]. The doc comment of each variant is its help, so it has one line.
macro_rules! choices {
    (
        $(#[$attribute:meta])*
        pub enum $enum:ident {
            $(#[doc = $help:literal] $(#[$default:ident])? $variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$attribute])*
        pub enum $enum {
            $(#[doc = $help] $(#[$default])? $variant,)+
        }

        impl $crate::emulator::Choice for $enum {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            fn help(self) -> &'static str {
                match self {
                    $(Self::$variant => $help.trim_ascii(),)+
                }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::emulator::Choice::name(*self))
            }
        }

        impl std::str::FromStr for $enum {
            type Err = $crate::emulator::choice::UnknownChoice;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                $crate::emulator::choice::by_name(name)
            }
        }
    };
}

pub(super) use choices;
