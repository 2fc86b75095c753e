//! Keeps the YAML scanner from holding a whole file in memory.
//!
//! The scanner emits block style as it reads. Inside `[…]` and `{…}` it cannot know until the end whether the whole is the
//! name of a field, and keeps a token for every sign: a hundred bytes for each byte of a hostile file. So its input ends, as
//! if the file did, when it takes more than [`MAX_AHEAD_CHARS`] characters between two events.

use std::cell::Cell;
use std::rc::Rc;

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{Input, StrInput};

use super::limits::MAX_AHEAD_CHARS;

/// An [`Input`] that ends early when the scanner reads too far ahead.
pub(crate) struct Bounded<'a> {
    inner: StrInput<'a>,
    meter: Meter,
}

/// Counts the characters read since the last event. Clones share the count.
#[derive(Clone, Default)]
pub(crate) struct Meter(Rc<Cell<usize>>);

impl Meter {
    /// Starts over after an event. Does nothing once the bound was passed.
    pub(crate) fn reset(&self) {
        if !self.is_passed() {
            self.0.set(0);
        }
    }

    /// Returns whether the input was ended early.
    pub(crate) fn is_passed(&self) -> bool {
        self.0.get() > MAX_AHEAD_CHARS
    }

    #[inline]
    fn add(&self, count: usize) {
        self.0.set(self.0.get() + count);
    }
}

impl<'a> Bounded<'a> {
    pub(crate) fn new(text: &'a str, meter: Meter) -> Self {
        Self { inner: StrInput::new(text), meter }
    }

    #[inline]
    fn count(&mut self, count: usize) {
        self.meter.add(count);
        if self.meter.is_passed() {
            self.inner = StrInput::new("");
        }
    }
}

impl Input for Bounded<'_> {
    #[inline]
    fn lookahead(&mut self, count: usize) {
        self.inner.lookahead(count);
    }

    #[inline]
    fn buflen(&self) -> usize {
        self.inner.buflen()
    }

    #[inline]
    fn bufmaxlen(&self) -> usize {
        self.inner.bufmaxlen()
    }

    #[inline]
    fn raw_read_ch(&mut self) -> char {
        let c = self.inner.raw_read_ch();
        self.count(1);
        c
    }

    #[inline]
    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        let c = self.inner.raw_read_non_breakz_ch();
        self.count(1);
        c
    }

    #[inline]
    fn skip(&mut self) {
        self.inner.skip();
        self.count(1);
    }

    #[inline]
    fn skip_n(&mut self, count: usize) {
        self.inner.skip_n(count);
        self.count(count);
    }

    #[inline]
    fn peek(&self) -> char {
        self.inner.peek()
    }

    #[inline]
    fn peek_nth(&self, n: usize) -> char {
        self.inner.peek_nth(n)
    }

    #[inline]
    fn peek_opt(&self) -> Option<char> {
        self.inner.peek_opt()
    }

    // The provided ones read the next character once for each thing that it may be, for every character of a scalar.
    #[inline]
    fn next_is_blank_or_breakz(&self) -> bool {
        self.inner.next_is_blank_or_breakz()
    }

    #[inline]
    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        self.inner.next_can_be_plain_scalar(in_flow)
    }

    #[inline]
    fn next_is_document_indicator(&self) -> bool {
        self.inner.next_is_document_indicator()
    }

    #[inline]
    fn next_is_document_start(&self) -> bool {
        self.inner.next_is_document_start()
    }

    #[inline]
    fn next_is_document_end(&self) -> bool {
        self.inner.next_is_document_end()
    }

    #[inline]
    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        let (count, result) = self.inner.skip_ws_to_eol(skip_tabs);
        self.count(count);
        // YAML separates with tabs, too. The scanner asks for a space between `:` and a letter.
        let result = result.map(|skipped| SkipTabs::Result(skipped.found_tabs(), true));
        (count, result)
    }

    // The scanner skips comments with this one: they cost no memory, and are not counted.
    #[inline]
    fn skip_while_non_breakz(&mut self) -> usize {
        self.inner.skip_while_non_breakz()
    }

    #[inline]
    fn skip_while_blank(&mut self) -> usize {
        let count = self.inner.skip_while_blank();
        self.count(count);
        count
    }

    #[inline]
    fn fetch_while_is_alpha(&mut self, out: &mut String) -> usize {
        let count = self.inner.fetch_while_is_alpha(out);
        self.count(count);
        count
    }

    // The provided one does not end at the end of the input.
    #[inline]
    fn fetch_while_is_yaml_non_space(&mut self, out: &mut String) -> usize {
        let count = self.inner.fetch_while_is_yaml_non_space(out);
        self.count(count);
        count
    }
}
