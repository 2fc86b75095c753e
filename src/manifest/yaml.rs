//! Reads YAML text into a tree in which each value knows its place.
//!
//! A plain subset: a reviewer must see each value where it is used, so anchors, aliases, tags and merge keys are refused. A
//! text with a mistake in its syntax still gives the tree up to it, marked as cut, so that what stands above is checked too.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as ScannerSpan, Tag};

use super::bounded::{Bounded, MAX_AHEAD, Meter};
use super::cursor::Cursor;
use super::diagnostic::Diagnostic;
use super::problems::Problems;
use super::read::MAX_KEYS;
use super::span::{Extent, Position, to_u32};
use super::syntax;
use super::tree::{Field, Mapping, Node, Value};
use crate::terminal::sanitize;

/// How deep values may nest: the format itself needs four.
pub(crate) const MAX_DEPTH: usize = 16;

/// The most values in one file, names of fields being such too: 200,000 keys with six fields each.
pub(crate) const MAX_VALUES: usize = 2_700_000;

/// The most items of one list: the longest that the format has is that of the keys.
const MAX_ITEMS: usize = MAX_KEYS;

/// The most fields of one mapping: the format has seven. They are compared pairwise.
pub(crate) const MAX_FIELDS: usize = 100;

/// Reads a text; returns nothing if no value was found in it.
///
/// What overlaps one of the `shadows` (sorted) has been reported already: it is refused in the tree, without a word.
pub(crate) fn parse<'a>(
    text: &'a str,
    file: &Arc<Path>,
    shadows: &[Extent],
    problems: &mut Problems,
) -> Option<Node<'a>> {
    let meter = Meter::default();
    let mut builder = Builder {
        file,
        shadows,
        problems,
        cursor: Cursor::new(text),
        stack: Vec::new(),
        root: None,
        values: 0,
        last: Position::START.one(),
    };
    builder.run(Parser::new(Bounded::new(text, meter.clone())), &meter);
    builder.root
}

struct Builder<'a, 'p> {
    file: &'p Arc<Path>,
    shadows: &'p [Extent],
    problems: &'p mut Problems,
    cursor: Cursor<'a>,
    stack: Vec<Frame<'a>>,
    root: Option<Node<'a>>,
    values: usize,
    /// The last scalar or beginning of a collection.
    last: Extent,
}

/// A collection that is not closed yet.
struct Frame<'a> {
    extent: Extent,
    kind: Kind<'a>,
}

enum Kind<'a> {
    List(Vec<Node<'a>>),
    Mapping { mapping: Mapping<'a>, name: Option<Node<'a>> },
}

/// Whether to go on reading.
type Step = Result<(), Stop>;
struct Stop;

impl<'a> Builder<'a, '_> {
    fn run(&mut self, mut parser: Parser<'a, Bounded<'a>>, meter: &Meter) {
        while let Some(event) = parser.next_event() {
            if meter.is_passed() {
                let message = format!("a value or a collection in {{…}} or […] has more than {MAX_AHEAD} characters");
                let help = "write the keys in block style: each field on its own line, each key behind a `-`";
                self.problems
                    .add(Diagnostic::error("manifest-value-too-long", self.file, self.last, message).help(help));
                return self.cut();
            }
            meter.reset();
            let step = match event {
                Ok((event, span)) => self.event(event, span),
                Err(error) => {
                    self.syntax_error(&error);
                    Err(Stop)
                }
            };
            if step.is_err() {
                return self.cut();
            }
        }
    }

    fn event(&mut self, event: Event<'a>, span: ScannerSpan) -> Step {
        let mut extent = extent_of(span);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {
                return Ok(());
            }
            Event::DocumentStart(_) if self.root.is_none() => return Ok(()),
            Event::DocumentStart(_) => {
                let message = "a second document begins here, a manifest is one";
                let help = "remove the `---`, or move what follows to a file of its own: `-f` takes several";
                self.error("yaml-documents", extent, message, help);
                return Err(Stop);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close();
                return Ok(());
            }
            _ => {}
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            let message = format!("the file has more than {MAX_VALUES} values");
            self.error("manifest-too-many-values", extent, message, "split it into several files");
            return Err(Stop);
        }
        match self.stack.last().map(|frame| &frame.kind) {
            Some(Kind::List(items)) if items.len() >= MAX_ITEMS => {
                let message = format!("the list has more than {MAX_ITEMS} items, the most keys of one manifest");
                self.error("manifest-too-many-keys", extent, message, "split the account");
                return Err(Stop);
            }
            Some(Kind::Mapping { mapping, .. }) if mapping.fields.len() >= MAX_FIELDS => {
                let message = format!("a mapping has more than {MAX_FIELDS} fields");
                self.error("manifest-too-many-fields", extent, message, "a manifest knows seven: see `keyform schema`");
                return Err(Stop);
            }
            _ => {}
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if extent.start == extent.end {
                    extent = self.pending_name().unwrap_or(extent);
                }
                self.last = extent;
                let start = self.cursor.byte_of(span.start);
                let refused = self.properties(start, extent, anchor, tag.as_deref()) || self.is_shadowed(extent);
                let value = if refused { Value::Refused } else { self.scalar(text, style, start) };
                self.push(Node { value, extent });
            }
            Event::Alias(_) => {
                self.last = extent;
                let help = "write the value here, where a reviewer sees it";
                self.error("yaml-alias", extent, "a manifest takes no aliases", help);
                self.push(Node { value: Value::Refused, extent });
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Kind::List(Vec::new()), span, anchor, tag.as_deref())?;
            }
            Event::MappingStart(anchor, tag) => {
                let mapping = Mapping { fields: Vec::new(), whole: true };
                self.open(Kind::Mapping { mapping, name: None }, span, anchor, tag.as_deref())?;
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(&self, text: Cow<'a, str>, style: ScalarStyle, start: usize) -> Value<'a> {
        match style {
            ScalarStyle::Plain => Value::Plain(self.cursor.borrow(text, start)),
            _ => Value::Quoted(self.cursor.borrow(text, start + 1)),
        }
    }

    /// Refuses anchors and tags; returns whether there was one.
    fn properties(&mut self, start: usize, extent: Extent, anchor: usize, tag: Option<&Tag>) -> bool {
        if anchor > 0 {
            let at = self.cursor.property(start, '&', extent);
            self.error(
                "yaml-anchor",
                at,
                "a manifest takes no anchors",
                "remove it, and write the value where it is used",
            );
        }
        if tag.is_some() {
            let at = self.cursor.property(start, '!', extent);
            self.error("yaml-tag", at, "a manifest takes no tags", "remove it, and quote the value if it is a text");
        }
        anchor > 0 || tag.is_some()
    }

    fn open(&mut self, kind: Kind<'a>, span: ScannerSpan, anchor: usize, tag: Option<&Tag>) -> Step {
        let extent = extent_of(span).start.one();
        self.last = extent;
        let start = self.cursor.byte_of(span.start);
        self.properties(start, extent, anchor, tag);
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("values nest deeper than {MAX_DEPTH} levels here");
            self.error("manifest-too-deep", extent, message, "a manifest needs four: keys, key, field, value");
            return Err(Stop);
        }
        self.stack.push(Frame { extent, kind });
        Ok(())
    }

    /// Ends the innermost collection.
    fn close(&mut self) {
        let Some(Frame { mut extent, kind }) = self.stack.pop() else {
            return;
        };
        let value = match kind {
            Kind::List(mut items) => {
                items.shrink_to_fit();
                Value::List(items)
            }
            Kind::Mapping { mut mapping, name } => {
                mapping.whole &= name.is_none();
                if let Some(first) = mapping.fields.first() {
                    extent = first.extent;
                }
                self.refuse_duplicates(&mut mapping);
                mapping.fields.shrink_to_fit();
                Value::Mapping(mapping)
            }
        };
        self.push(Node { value, extent });
    }

    /// Ends all collections, before their end in the text was read.
    fn cut(&mut self) {
        while let Some(frame) = self.stack.last_mut() {
            if let Kind::Mapping { mapping, .. } = &mut frame.kind {
                mapping.whole = false;
            }
            self.close();
        }
    }

    /// Adds a value to the innermost collection, as a name or a value in turn if that is a mapping.
    fn push(&mut self, node: Node<'a>) {
        let Some(frame) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        match &mut frame.kind {
            Kind::List(items) => items.push(node),
            Kind::Mapping { mapping, name } => match name.take() {
                None => *name = Some(node),
                Some(Node { value: Value::Refused, .. }) => mapping.whole = false,
                Some(Node { value: Value::Plain(text), extent }) if text == "<<" => {
                    let help = "write the fields here, where a reviewer sees them";
                    self.error("yaml-merge", extent, "a manifest takes no merge keys", help);
                    self.lose_field();
                }
                Some(Node { value: Value::Plain(text) | Value::Quoted(text), extent }) => {
                    mapping.fields.push(Field { name: text, extent, value: node });
                }
                Some(Node { extent, .. }) => {
                    let message = "the name of a field must be a text";
                    self.error("yaml-name", extent, message, "a text in {…} or […] must be quoted");
                    self.lose_field();
                }
            },
        }
    }

    fn lose_field(&mut self) {
        if let Some(Frame { kind: Kind::Mapping { mapping, .. }, .. }) = self.stack.last_mut() {
            mapping.whole = false;
        }
    }

    /// Reports every name that a mapping has twice, and keeps the first.
    fn refuse_duplicates(&mut self, mapping: &mut Mapping<'a>) {
        let first = |(index, field): (usize, &Field<'_>)| {
            let before = mapping.fields.get(..index)?;
            Some(before.iter().find(|before| before.name == field.name)?.extent)
        };
        if !mapping.fields.iter().enumerate().any(|field| first(field).is_some()) {
            return;
        }
        let firsts: Vec<Option<Extent>> = mapping.fields.iter().enumerate().map(first).collect();
        let mut firsts = firsts.into_iter();
        mapping.fields.retain(|field| {
            let Some(first) = firsts.next().flatten() else {
                return true;
            };
            let message = format!("`{}` is there twice", sanitize::escape_to(&field.name, 40));
            let problem = Diagnostic::error("field-duplicate", self.file, field.extent, message)
                .related(self.file, first, "first here")
                .help("keep one of the two");
            self.problems.add(problem);
            false
        });
    }

    /// Returns the place of the name whose value is awaited.
    fn pending_name(&self) -> Option<Extent> {
        match &self.stack.last()?.kind {
            Kind::Mapping { name, .. } => name.as_ref().map(|name| name.extent),
            Kind::List(_) => None,
        }
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let mut extent = position_of(*error.marker()).one();
        if error.info().contains("tab") {
            extent.start.column = self.cursor.tab_before(*error.marker()).unwrap_or(extent.start.column);
            extent.end = extent.start.along(1);
        }
        // What was read last may have swallowed what the mistake made part of it.
        if let Some(Frame { kind: Kind::Mapping { mapping, name }, .. }) = self.stack.last_mut() {
            let swallowed = name.is_none() && mapping.fields.last().is_some_and(|last| last.value.extent == self.last);
            if swallowed {
                mapping.fields.pop();
            }
        }
        if !self.is_shadowed(extent) {
            self.problems.add(syntax::explain(error.info(), self.file, extent));
        }
    }

    fn is_shadowed(&self, extent: Extent) -> bool {
        let next = self.shadows.partition_point(|shadow| shadow.end <= extent.start);
        self.shadows.get(next).is_some_and(|shadow| shadow.overlaps(&extent))
    }

    fn error(&mut self, code: &'static str, extent: Extent, message: impl Into<String>, help: &str) {
        if !self.is_shadowed(extent) {
            self.problems.add(Diagnostic::error(code, self.file, extent, message).help(help));
        }
    }
}

fn position_of(marker: Marker) -> Position {
    // The scanner counts lines from 1 and columns from 0.
    Position { line: to_u32(marker.line()).max(1), column: to_u32(marker.col()).saturating_add(1) }
}

fn extent_of(span: ScannerSpan) -> Extent {
    Extent { start: position_of(span.start), end: position_of(span.end) }
}
