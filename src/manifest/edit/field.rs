//! Sets and removes fields of a mapping, as splices.

use super::error::{Obstacle, ObstacleKind};
use super::layout::Layout;
use super::scalar::{Quotes, ScalarPlace, scalar};
use super::splice::Splice;
use crate::manifest::tree::{Field, Mapping, Node};

/// An entry whose fields are edited.
pub(crate) struct FieldEdit<'t, 'n> {
    layout: Layout<'t>,
    node: &'n Node<'t>,
    mapping: &'n Mapping<'t>,
}

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldValue<'v> {
    /// A text, which gets quotes where it needs them.
    Text(&'v str),
    /// A date or `true`, which is not a text in YAML.
    Bare(&'v str),
}

impl<'t, 'n> FieldEdit<'t, 'n> {
    pub(crate) fn new(layout: Layout<'t>, node: &'n Node<'t>, mapping: &'n Mapping<'t>) -> Self {
        Self { layout, node, mapping }
    }

    /// Replaces the value of a field, with the quotes that it had, or adds the field as the last one.
    pub(crate) fn set(&self, name: &str, value: FieldValue<'_>) -> Result<Splice, Obstacle> {
        match self.find(name) {
            Some((_, field)) => self.replace_value(field, value),
            None => self.add(name, value),
        }
    }

    /// Sets a field, in place of the field `old` if there is one.
    pub(crate) fn set_instead_of(&self, old: &str, new: &str, value: FieldValue<'_>) -> Result<Splice, Obstacle> {
        let Some((_, field)) = self.find(old) else { return self.set(new, value) };
        let Splice { range, text } = self.replace_value(field, value)?;
        let kept = self.layout.part(field.name.range.end..range.start);
        Ok(Splice { range: field.name.range.start..range.end, text: format!("{new}{kept}{text}") })
    }

    /// Removes a field with its lines. Returns `None` if there is no such field.
    pub(crate) fn remove(&self, name: &str) -> Result<Option<Splice>, Obstacle> {
        let Some((index, field)) = self.find(name) else { return Ok(None) };
        let start = field.name.range.start;
        let obstacle = Obstacle { at: start, kind: ObstacleKind::SharedLine };
        let before = index.checked_sub(1).and_then(|before| self.mapping.fields.get(before));
        let next = self.mapping.fields.get(index + 1);
        let range = match (before, next) {
            (None, None) => return Err(obstacle),
            (None, Some(next)) => start..next.name.range.start,
            (Some(before), _) if self.layout.is_flow(self.node) => before.value.range.end..field.value.range.end,
            (Some(_), _) => {
                if !self.layout.begins_line(start) || !self.layout.ends_line(field.value.range.end) {
                    return Err(obstacle);
                }
                self.layout.line_start(start)..self.layout.next_line(field.value.range.end)
            }
        };
        Ok(Some(Splice::delete(range)))
    }

    fn find(&self, name: &str) -> Option<(usize, &'n Field<'t>)> {
        self.mapping.fields.iter().enumerate().find(|(_, field)| field.name.value == name)
    }

    fn replace_value(&self, field: &Field<'t>, value: FieldValue<'_>) -> Result<Splice, Obstacle> {
        let colon = self.layout.after_colon(field);
        let colon = colon.ok_or(Obstacle { at: field.name.range.start, kind: ObstacleKind::Colon })?;
        let range = field.value.range.clone();
        let quotes = match self.layout.part(range.start..range.start + 1) {
            "'" => Quotes::Single,
            "\"" => Quotes::Double,
            _ => Quotes::WhereNeeded,
        };
        let head = self.layout.part(colon..range.start);
        if head.trim().is_empty() {
            return Ok(Splice { range, text: self.write(value, quotes) });
        }
        // The `|` or `>` of a block, or a comment.
        if head.contains('#') {
            return Err(Obstacle { at: colon, kind: ObstacleKind::Comment });
        }
        Ok(Splice { range: colon..range.end, text: format!(" {}", self.write(value, Quotes::WhereNeeded)) })
    }

    fn add(&self, name: &str, value: FieldValue<'_>) -> Result<Splice, Obstacle> {
        let last =
            self.mapping.fields.last().ok_or(Obstacle { at: self.node.range.start, kind: ObstacleKind::Item })?;
        let text = format!("{name}: {}", self.write(value, Quotes::WhereNeeded));
        if self.layout.is_flow(self.node) {
            return Ok(Splice::insert(last.value.range.end, format!(", {text}")));
        }
        if !self.layout.ends_line(last.value.range.end) {
            return Err(Obstacle { at: last.value.range.end, kind: ObstacleKind::SharedLine });
        }
        let at = self.layout.next_line(last.value.range.end);
        let indentation = self.layout.column(self.node.range.start);
        Ok(Splice::insert(at, self.layout.fit_lines(at, &format!("{:indentation$}{text}\n", ""))))
    }

    fn write(&self, value: FieldValue<'_>, quotes: Quotes) -> String {
        let place = if self.layout.is_flow(self.node) { ScalarPlace::Flow } else { ScalarPlace::Block };
        match value {
            FieldValue::Bare(text) if quotes == Quotes::WhereNeeded => text.to_owned(),
            FieldValue::Text(text) | FieldValue::Bare(text) => scalar(text, place, quotes),
        }
    }
}
