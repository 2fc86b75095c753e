//! Changes of a text as replaced parts, so that everything else stays as it is.

use std::ops::Range;

/// Replaces a part of a text; inserts if the part is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Splice {
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
}

impl Splice {
    pub(crate) fn delete(range: Range<usize>) -> Self {
        Self { range, text: String::new() }
    }

    pub(crate) fn insert(at: usize, text: String) -> Self {
        Self { range: at..at, text }
    }
}

/// Applies splices. Where several begin at one place, they are applied in their order. Deleted parts may overlap.
pub(crate) fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.range.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for Splice { range, text: new } in splices {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(&new);
        done = done.max(range.end);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_given_parts_change() {
        let text = "0123456789";
        let splices = vec![
            Splice::insert(10, "c".to_owned()),
            Splice::delete(4..6),
            Splice::delete(2..5),
            Splice::insert(0, "a".to_owned()),
            Splice::insert(0, "b".to_owned()),
            Splice { range: 8..9, text: "x".to_owned() },
        ];
        assert_eq!(apply(text, splices), "ab0167x9c");
        assert_eq!(apply(text, Vec::new()), text);
    }
}
