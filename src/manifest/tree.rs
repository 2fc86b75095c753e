//! What a YAML text says, each value with its place.

use std::borrow::Cow;

use super::span::Extent;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: Value<'a>,
    pub(crate) extent: Extent,
}

/// A value. A borrowed text stands in the source as it is: behind its quote, if it is quoted.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    /// A text without quotes, which may read as a number, a truth or nothing.
    Plain(Cow<'a, str>),
    /// A text in quotes or in a block.
    Quoted(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Mapping(Mapping<'a>),
    /// A value whose problem has been reported already: not to be looked at.
    Refused,
}

/// The fields of a mapping, each name once, in the order of the text.
#[derive(Debug)]
pub(crate) struct Mapping<'a> {
    pub(crate) fields: Vec<Field<'a>>,
    /// Whether all fields are there. If not, a missing one is no problem to report.
    pub(crate) whole: bool,
}

/// One field of a mapping.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) extent: Extent,
    pub(crate) value: Node<'a>,
}
