//! Reads YAML text into a tree in which each value knows its place.
//!
//! A plain subset: a reviewer must see each value where it is used, so anchors, aliases, tags and merge keys are refused.
//! Text with a syntax error still gives the tree up to it, marked as incomplete, so that what is above is checked too.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::bounded::{Bounded, Meter};
use super::code::Code;
use super::cursor::Cursor;
use super::diagnostic::{Diagnostic, Problems};
use super::limits::{MAX_AHEAD_CHARS, MAX_DEPTH, MAX_FIELDS, MAX_KEYS, MAX_VALUES};
use super::suggest::is_credential;
use super::syntax;
use super::tree::{Field, Mapping, Node, Spanned, Value};
use crate::public_key::private;
use crate::terminal::escape::escape_to;

/// Reads YAML text; returns `None` if it contains no value. Adds the parts of the text that must not be shown to `secrets`.
pub(crate) fn parse<'a>(
    text: &'a str,
    file: &Arc<Path>,
    secrets: &mut Vec<Range<usize>>,
    problems: &mut Problems,
) -> Option<Node<'a>> {
    let meter = Meter::default();
    let mut builder = Builder {
        file,
        secrets,
        problems,
        cursor: Cursor::new(text),
        open: Vec::new(),
        root: None,
        values: 0,
        last: 0..0,
    };
    builder.run(Parser::new(Bounded::new(text, meter.clone())), &meter);
    builder.root
}

struct Builder<'a, 'p> {
    file: &'p Arc<Path>,
    secrets: &'p mut Vec<Range<usize>>,
    problems: &'p mut Problems,
    cursor: Cursor<'a>,
    /// The collections that are not closed yet, the innermost last.
    open: Vec<OpenCollection<'a>>,
    root: Option<Node<'a>>,
    values: usize,
    /// The last scalar or beginning of a collection.
    last: Range<usize>,
}

struct OpenCollection<'a> {
    /// Ends where its last part does.
    range: Range<usize>,
    parts: Parts<'a>,
}

enum Parts<'a> {
    List(Vec<Node<'a>>),
    Mapping { mapping: Mapping<'a>, name: Option<Node<'a>> },
}

impl<'a> Builder<'a, '_> {
    fn run(&mut self, mut parser: Parser<'a, Bounded<'a>>, meter: &Meter) {
        while let Some(event) = parser.next_event() {
            if meter.is_passed() {
                let message =
                    format!("a value, or a collection in {{…}} or […], is longer than {MAX_AHEAD_CHARS} characters");
                let help = "use block style, with each field on its own line and each key after a `-`";
                self.error(Code::ManifestValueTooLong, &self.last.clone(), message, help);
                return self.cut();
            }
            meter.reset();
            let flow = match event {
                Ok((event, span)) => self.event(event, span),
                Err(error) => {
                    self.syntax_error(&error);
                    ControlFlow::Break(())
                }
            };
            if flow.is_break() {
                return self.cut();
            }
        }
    }

    fn event(&mut self, event: Event<'a>, span: Span) -> ControlFlow<()> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) if self.root.is_none() => {}
            Event::DocumentStart(_) => {
                let range = self.cursor.range_of(span);
                let message = "a second YAML document starts here";
                let help = "a reviewer could miss it: remove the `---`, or move the second document to its own file";
                self.error(Code::YamlDocuments, &range, message, help);
                return ControlFlow::Break(());
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(Some(span)),
            Event::Scalar(text, style, anchor, tag) => {
                let mut range = self.cursor.range_of_scalar(span, style);
                self.count_value(&range)?;
                let start = range.start;
                if range.is_empty() {
                    range = self.pending_name().unwrap_or(range);
                }
                self.last = range.clone();
                let refused = self.refuse_properties(start, anchor, tag.as_deref());
                let value = if refused { Value::Refused } else { self.scalar(text, style, start, &range) };
                self.push(Node { value, range });
            }
            Event::Alias(_) => {
                let range = self.cursor.range_of(span);
                self.count_value(&range)?;
                self.last = range.clone();
                let help = "write the value here, so that a reviewer sees it where it is used";
                self.error(Code::YamlAlias, &range, "aliases are not allowed", help);
                self.push(Node { value: Value::Refused, range });
            }
            Event::SequenceStart(anchor, tag) => {
                return self.open(Parts::List(Vec::new()), span, anchor, tag.as_deref());
            }
            Event::MappingStart(anchor, tag) => {
                let mapping = Mapping { fields: Vec::new(), whole: true };
                return self.open(Parts::Mapping { mapping, name: None }, span, anchor, tag.as_deref());
            }
        }
        ControlFlow::Continue(())
    }

    /// Refuses one value too many, of the file or of the innermost collection.
    fn count_value(&mut self, range: &Range<usize>) -> ControlFlow<()> {
        self.values += 1;
        if self.values > MAX_VALUES {
            let message = format!("the file has more than {MAX_VALUES} values");
            self.error(Code::ManifestTooManyValues, range, message, "split it into several files");
            return ControlFlow::Break(());
        }
        match self.open.last().map(|collection| &collection.parts) {
            // The longest list of the format is that of the keys.
            Some(Parts::List(items)) if items.len() >= MAX_KEYS => {
                let message = format!("the list has more than {MAX_KEYS} items");
                self.error(Code::ManifestTooManyKeys, range, message, "use several accounts");
                ControlFlow::Break(())
            }
            Some(Parts::Mapping { mapping, .. }) if mapping.fields.len() >= MAX_FIELDS => {
                let message = format!("a mapping has more than {MAX_FIELDS} fields");
                self.error(
                    Code::ManifestTooManyFields,
                    range,
                    message,
                    "remove unknown fields; `keyform schema manifest` lists the known ones",
                );
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn scalar(&mut self, text: Cow<'a, str>, style: ScalarStyle, start: usize, range: &Range<usize>) -> Value<'a> {
        let (quote, make): (_, fn(_) -> _) = match style {
            ScalarStyle::Plain => (0, Value::Plain),
            _ => (1, Value::Quoted),
        };
        let text = self.cursor.borrow(text, start + quote);
        // What escapes and folding hid when the source was redacted.
        if matches!(text, Cow::Owned(_)) && !private::find(&text).is_empty() {
            self.secrets.push(range.clone());
            self.problems.add(Diagnostic::private_key(self.file, range));
            return Value::Refused;
        }
        make(text)
    }

    /// Refuses anchors and tags; returns whether there was one.
    fn refuse_properties(&mut self, start: usize, anchor: usize, tag: Option<&Tag>) -> bool {
        if anchor > 0 {
            let help = "remove it, and write the value where it is used, so that a reviewer sees it there";
            self.error(Code::YamlAnchor, &self.cursor.property(start, '&'), "anchors are not allowed", help);
        }
        if tag.is_some() {
            let help = "a tag changes how a value is read: remove it, and put the value in quotes if it is text";
            self.error(Code::YamlTag, &self.cursor.property(start, '!'), "tags are not allowed", help);
        }
        anchor > 0 || tag.is_some()
    }

    fn open(&mut self, parts: Parts<'a>, span: Span, anchor: usize, tag: Option<&Tag>) -> ControlFlow<()> {
        let start = self.cursor.byte_of(span.start);
        let first = self.cursor.char_at(start);
        self.count_value(&first)?;
        self.last = first.clone();
        self.refuse_properties(start, anchor, tag);
        if self.open.len() >= MAX_DEPTH {
            let message = format!("values are nested more than {MAX_DEPTH} levels deep");
            self.error(Code::ManifestTooDeep, &first, message, "remove levels; a manifest needs four");
            return ControlFlow::Break(());
        }
        self.open.push(OpenCollection { range: first, parts });
        ControlFlow::Continue(())
    }

    /// Ends the innermost collection, at its end in the text if that was read.
    fn close(&mut self, end: Option<Span>) {
        let Some(OpenCollection { mut range, parts }) = self.open.pop() else {
            return;
        };
        // A block ends with its last value: the scanner only sees the end of it after the comments below. A flow collection
        // ends with its bracket. What the scanner takes for that may be the comma before it.
        // A list without indentation begins, for the scanner, with its first item.
        let bracket = if matches!(parts, Parts::List(_)) { '[' } else { '{' };
        if let Some(span) = end.filter(|_| self.cursor.is_at(range.start, bracket)) {
            let bracket = self.cursor.byte_of(span.start) + 1;
            range.end = self.cursor.after_bracket(range.end).unwrap_or(bracket).max(range.end);
        }
        let value = match parts {
            Parts::List(mut items) => {
                items.shrink_to_fit();
                Value::List(items)
            }
            Parts::Mapping { mut mapping, name } => {
                mapping.whole &= name.is_none();
                self.refuse_duplicates(&mut mapping);
                mapping.fields.shrink_to_fit();
                Value::Mapping(mapping)
            }
        };
        self.push(Node { value, range });
    }

    /// Ends all collections before their end in the text was read.
    fn cut(&mut self) {
        while let Some(collection) = self.open.last_mut() {
            if let Parts::Mapping { mapping, .. } = &mut collection.parts {
                mapping.whole = false;
            }
            self.close(None);
        }
    }

    /// Adds a value to the innermost collection. In a mapping, names and values take turns.
    fn push(&mut self, node: Node<'a>) {
        let Some(OpenCollection { range, parts }) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        range.end = range.end.max(node.range.end);
        let Parts::Mapping { mapping, name } = parts else {
            if let Parts::List(items) = parts {
                items.push(node);
            }
            return;
        };
        match name.take() {
            None => *name = Some(node),
            Some(Node { value: Value::Refused, .. }) => mapping.whole = false,
            Some(Node { value: Value::Plain(text), range }) if text == "<<" => {
                mapping.whole = false;
                let help = "write the fields here, so that a reviewer sees them where they are used";
                self.error(Code::YamlMerge, &range, "merge keys are not allowed", help);
            }
            Some(Node { value: Value::Plain(value) | Value::Quoted(value), range }) => {
                mapping.fields.push(Field { name: Spanned { value, range }, value: node });
            }
            Some(name) => {
                mapping.whole = false;
                let message = "the name of a field must be text";
                self.error(Code::YamlName, &name.head(), message, "put text that contains brackets in quotes");
            }
        }
    }

    /// Reports every name that a mapping has twice, and keeps the first.
    fn refuse_duplicates(&mut self, mapping: &mut Mapping<'a>) {
        let first = |(index, field): (usize, &Field<'_>)| {
            let before = mapping.fields.get(..index)?;
            Some(before.iter().find(|before| before.name.value == field.name.value)?.name.range.clone())
        };
        if !mapping.fields.iter().enumerate().any(|field| first(field).is_some()) {
            return;
        }
        let firsts: Vec<Option<Range<usize>>> = mapping.fields.iter().enumerate().map(first).collect();
        let mut firsts = firsts.into_iter();
        mapping.fields.retain(|Field { name, value }| {
            let Some(first) = firsts.next().flatten() else {
                return true;
            };
            if is_credential(&name.value) {
                self.secrets.push(name.range.end..value.range.end.max(name.range.end));
            }
            let message = format!("duplicate field `{}`", escape_to(&name.value, 40));
            let problem = Diagnostic::error(Code::FieldDuplicate, self.file, &name.range, message)
                .related(self.file, &first, "first here")
                .help("remove one of them");
            self.problems.add(problem);
            false
        });
    }

    /// Returns the place of the name whose value comes next.
    fn pending_name(&self) -> Option<Range<usize>> {
        match &self.open.last()?.parts {
            Parts::Mapping { name, .. } => name.as_ref().map(|name| name.range.clone()),
            Parts::List(_) => None,
        }
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let start = self.cursor.byte_of(*error.marker());
        let tab = if error.info().contains("tab") { self.cursor.indented_with_tab(start) } else { None };
        let range = tab.unwrap_or_else(|| self.cursor.char_at(start));
        // What was read last may have swallowed what the mistake made part of it.
        if let Some(OpenCollection { parts: Parts::Mapping { mapping, name: None }, .. }) = self.open.last_mut()
            && mapping.fields.last().is_some_and(|last| last.value.range == self.last)
        {
            mapping.fields.pop();
        }
        self.problems.add(syntax::explain(error.info(), self.file, &range));
    }

    fn error(&mut self, code: Code, range: &Range<usize>, message: impl Into<String>, help: &str) {
        self.problems.add(Diagnostic::error(code, self.file, range, message).help(help));
    }
}
