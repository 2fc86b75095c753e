//! What a YAML text says, each value with its place in bytes.

use std::borrow::Cow;
use std::ops::Range;

/// A value read from a manifest, and where.
#[derive(Debug, Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) range: Range<usize>,
}

/// A value of YAML, and the whole part of the text that it takes.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: Value<'a>,
    pub(crate) range: Range<usize>,
}

/// A borrowed text is in the source as it is: behind its quote, if it is quoted.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    /// A text without quotes, which may read as a number, a boolean or null.
    Plain(Cow<'a, str>),
    /// A text in quotes or in a block.
    Quoted(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Mapping(Mapping<'a>),
    /// A value that has been reported already and is not looked at.
    Refused,
}

/// The fields of a mapping in the order of the text. Each name is there once.
#[derive(Debug)]
pub(crate) struct Mapping<'a> {
    pub(crate) fields: Vec<Field<'a>>,
    /// Whether all fields were read. If not, a missing one is not reported.
    pub(crate) whole: bool,
}

#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: Spanned<Cow<'a, str>>,
    pub(crate) value: Node<'a>,
}

impl Node<'_> {
    /// Returns the part to underline for the value as a whole: of a collection its beginning.
    pub(crate) fn head(&self) -> Range<usize> {
        let first_byte = self.range.start..self.range.start + 1;
        match &self.value {
            Value::Plain(_) | Value::Quoted(_) | Value::Refused => self.range.clone(),
            Value::List(_) => first_byte,
            Value::Mapping(mapping) => mapping.fields.first().map_or(first_byte, |field| field.name.range.clone()),
        }
    }
}
