//! Adds items to a list, and removes items from it, as splices.

use super::error::{Obstacle, ObstacleKind};
use super::layout::{Layout, LineKind};
use super::render::{FieldTexts, block_item, flow_item};
use super::scalar::ScalarPlace;
use super::splice::{self, Splice};
use crate::manifest::tree::{Field, Node, Value};

/// A list of the manifest that is edited: `keys` or `revoked`.
pub(crate) struct ListEdit<'t, 'f> {
    layout: Layout<'t>,
    field: &'f Field<'t>,
    items: &'f [Node<'t>],
    /// Where the list begins: its bracket, or its first `-`.
    start: usize,
    is_flow: bool,
    /// Whether the file itself is a mapping in braces.
    in_flow: bool,
}

impl<'t, 'f> ListEdit<'t, 'f> {
    /// Returns `None` if the field is not a list.
    pub(crate) fn new(layout: Layout<'t>, root: &Node<'t>, field: &'f Field<'t>) -> Option<Self> {
        let Value::List(items) = &field.value.value else { return None };
        let start = layout.skip_trivia(layout.after_colon(field)?);
        let is_flow = layout.part(start..start + 1) == "[";
        Some(Self { layout, field, items, start, is_flow, in_flow: layout.is_flow(root) })
    }

    /// Removes items, with their lines and the comments that belong to them: those inside, those right above at the same
    /// indentation, and those right below that are indented more.
    pub(crate) fn remove(&self, removed: &[usize]) -> Result<Vec<Splice>, Obstacle> {
        if removed.is_empty() {
            return Ok(Vec::new());
        }
        let removes_all = removed.len() == self.items.len();
        let in_lines = removed.iter().map(|&index| self.flow_lines(index)).collect::<Option<Vec<_>>>();
        let mut splices = match in_lines.filter(|_| self.is_flow) {
            Some(lines) => lines,
            None if self.is_flow => {
                removed.iter().map(|&index| self.remove_flow(index, removed)).collect::<Result<_, _>>()?
            }
            None => removed.iter().map(|&index| self.remove_block(index)).collect::<Result<_, _>>()?,
        };
        if removes_all && self.is_flow {
            let bracket = self.field.value.range.end.saturating_sub(1);
            let rest = splice::apply(self.layout.part(0..bracket), splices.clone());
            if !rest.get(self.start + 1..).is_some_and(|rest| rest.contains('#')) {
                return Ok(vec![Splice::delete(self.start + 1..bracket)]);
            }
            // At the beginning of a line, the parser does not accept the end of an empty list.
            if self.layout.column(bracket) == 0 {
                splices.push(Splice::insert(bracket, " ".to_owned()));
            }
        } else if removes_all {
            let colon = self.layout.after_colon(self.field).ok_or_else(|| self.obstacle(ObstacleKind::Colon))?;
            splices.push(Splice::insert(colon, " []".to_owned()));
        }
        Ok(splices)
    }

    /// Adds items at the end, as the list is written. `fields` gives their fields for a place.
    pub(crate) fn append(&self, fields: impl Fn(ScalarPlace) -> Vec<FieldTexts>) -> Result<Vec<Splice>, Obstacle> {
        match self.items.last() {
            Some(last) if self.is_flow => Ok(self.append_flow(last, &fields(ScalarPlace::Flow))),
            Some(last) => self.append_block(last, &fields(ScalarPlace::Block)),
            None => Ok(self.fill(fields)),
        }
    }

    /// Adds the first items.
    fn fill(&self, fields: impl Fn(ScalarPlace) -> Vec<FieldTexts>) -> Vec<Splice> {
        if let Some(emptied) = self.to_block() {
            return self.fill_block(emptied, &fields(ScalarPlace::Block));
        }
        let items: Vec<_> = fields(ScalarPlace::Flow).iter().map(flow_item).collect();
        vec![Splice::insert(self.start + 1, items.join(", "))]
    }

    fn append_block(&self, last: &Node<'t>, items: &[FieldTexts]) -> Result<Vec<Splice>, Obstacle> {
        let dash = self.dash(self.items.len() - 1)?;
        let indentation = self.layout.column(dash);
        let between = self.layout.part(dash + 1..last.range.start);
        let gap = if between.bytes().all(|b| b == b' ') { between.len() } else { 1 };
        let at = self.layout.end_with_comments(last.range.end, indentation);
        // Entries with an empty line between them get another one.
        let is_spaced = self.items.len() > 1 && {
            let top = self.top_of(self.items.len() - 1, dash);
            self.layout.lines_above(top, 0, |kind| kind == LineKind::Blank) < top
        };
        let blank = if is_spaced { "\n" } else { "" };
        let lines: String =
            items.iter().map(|fields| format!("{blank}{}", block_item(fields, indentation, gap))).collect();
        Ok(vec![Splice::insert(at, self.layout.fit_lines(at, &lines))])
    }

    /// Adds items behind the last one in brackets: on its line, or on lines of their own if it has one.
    fn append_flow(&self, last: &Node<'t>, items: &[FieldTexts]) -> Vec<Splice> {
        let comma = self.layout.after_sign(last.range.end, ',');
        let begins_line = self.layout.begins_line(last.range.start);
        let indentation = " ".repeat(self.layout.column(last.range.start));
        let separator =
            if begins_line { format!(",{}{indentation}", self.layout.line_break()) } else { ", ".to_owned() };
        let joined = items.iter().map(flow_item).collect::<Vec<_>>().join(&separator);
        let end = comma.unwrap_or(last.range.end);
        let trailing = if comma.is_some() { "," } else { "" };
        // A comment after the last item stays on its line.
        let line_end = self.layout.line_end(end);
        if begins_line && self.layout.ends_line(end) && line_end < self.field.value.range.end {
            let lines = format!("{}{indentation}{joined}{trailing}", self.layout.line_break());
            let comma = comma.is_none().then(|| Splice::insert(end, ",".to_owned()));
            return comma.into_iter().chain([Splice::insert(line_end, lines)]).collect();
        }
        let separator = if comma.is_some() { separator.trim_start_matches(',') } else { &separator };
        vec![Splice::insert(end, format!("{separator}{joined}{trailing}"))]
    }

    /// Returns the splice that turns `keys: []` into `keys:`, if the list can become a block.
    fn to_block(&self) -> Option<Splice> {
        let colon = self.layout.after_colon(self.field).filter(|_| !self.in_flow)?;
        let text = self.layout.part(colon..self.field.value.range.end);
        let is_line = !text.contains(['\n', '\r', '#']) && self.layout.ends_line(self.field.value.range.end);
        (is_line && self.layout.begins_line(self.field.name.range.start))
            .then(|| Splice::delete(colon..self.field.value.range.end))
    }

    fn fill_block(&self, emptied: Splice, items: &[FieldTexts]) -> Vec<Splice> {
        let indentation = self.layout.column(self.field.name.range.start) + 2;
        let at = self.layout.next_line(emptied.range.end);
        let lines: String = items.iter().map(|fields| block_item(fields, indentation, 1)).collect();
        vec![emptied, Splice::insert(at, self.layout.fit_lines(at, &lines))]
    }

    fn remove_block(&self, index: usize) -> Result<Splice, Obstacle> {
        let dash = self.dash(index)?;
        let item = self.items.get(index).ok_or_else(|| self.obstacle(ObstacleKind::Item))?;
        if !self.layout.ends_line(item.range.end) {
            return Err(Obstacle { at: item.range.end, kind: ObstacleKind::SharedLine });
        }
        let is_blank = |kind| kind == LineKind::Blank;
        let top = self.top_of(index, dash);
        let mut end = self.layout.end_with_comments(item.range.end, self.layout.column(dash));
        let start = if index > 0 { self.layout.lines_above(top, self.floor(index), is_blank) } else { top };
        let is_last = index + 1 == self.items.len();
        while index == 0 && !is_last && end < self.layout.text.len() && is_blank(self.layout.line_kind(end)) {
            end = self.layout.next_line(end);
        }
        Ok(Splice::delete(start..end))
    }

    /// Removes an item in brackets that has its lines and its comma for itself, with the comments right above and behind it.
    fn flow_lines(&self, index: usize) -> Option<Splice> {
        let item = self.items.get(index)?;
        let end = self.layout.after_sign(item.range.end, ',').unwrap_or(item.range.end);
        let has_own_lines = self.layout.begins_line(item.range.start) && self.layout.ends_line(end);
        has_own_lines.then(|| Splice::delete(self.top_of(index, item.range.start)..self.layout.next_line(end)))
    }

    /// Removes an item in brackets with the comma before it, or after it if no item before it stays.
    fn remove_flow(&self, index: usize, removed: &[usize]) -> Result<Splice, Obstacle> {
        let item = self.items.get(index).ok_or_else(|| self.obstacle(ObstacleKind::Item))?;
        let stays_before = (0..index).any(|before| !removed.contains(&before));
        let before = index.checked_sub(1).and_then(|before| self.items.get(before)).filter(|_| stays_before);
        let range = match (before, self.items.get(index + 1)) {
            (Some(before), _) => before.range.end..item.range.end,
            (None, Some(next)) => item.range.start..next.range.start,
            (None, None) => {
                let end = self.layout.after_sign(item.range.end, ',').unwrap_or(item.range.end);
                item.range.start..end
            }
        };
        Ok(Splice::delete(range))
    }

    /// Returns the place of the `-` of an item, which must be the first sign of its line.
    fn dash(&self, index: usize) -> Result<usize, Obstacle> {
        let before = match index.checked_sub(1).and_then(|before| self.items.get(before)) {
            Some(before) => before.range.end,
            None => self.start,
        };
        let dash = self.layout.skip_trivia(before);
        if !self.layout.part(dash..dash + 1).starts_with('-') || !self.layout.begins_line(dash) {
            return Err(Obstacle { at: dash, kind: ObstacleKind::SharedLine });
        }
        Ok(dash)
    }

    /// Returns the beginning of an item's first line, that of the comments above it included.
    fn top_of(&self, index: usize, dash: usize) -> usize {
        let indentation = self.layout.column(dash);
        let start = self.layout.line_start(dash);
        self.layout.lines_above(start, self.floor(index), |kind| kind == LineKind::Comment(indentation))
    }

    /// Returns the beginning of the lines that may belong to an item: below what is before it.
    fn floor(&self, index: usize) -> usize {
        match index.checked_sub(1).and_then(|before| self.items.get(before)) {
            Some(before) => self.layout.next_line(before.range.end),
            None => self.layout.next_line(self.field.name.range.end),
        }
    }

    fn obstacle(&self, kind: ObstacleKind) -> Obstacle {
        Obstacle { at: self.field.name.range.start, kind }
    }
}
