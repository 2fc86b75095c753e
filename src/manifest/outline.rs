//! Where the parts of a manifest file are, for commands that edit it and keep everything else byte for byte.

use std::ops::Range;

use super::diagnostic::Problems;
use super::source::Source;
use super::tree::{Field, Mapping, Node, Value};
use super::yaml;

/// The parts of one file. All places are bytes of [`Source::text`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The fields of the file itself, such as `version` and `keys`.
    pub fields: Vec<FieldOutline>,
    /// The entries of `keys`, in the order of the text.
    pub entries: Vec<EntryOutline>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct EntryOutline {
    /// From the first field to the end of the last value, without the `-` before it.
    pub range: Range<usize>,
    pub fields: Vec<FieldOutline>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct FieldOutline {
    pub name: String,
    pub name_range: Range<usize>,
    /// With quotes and brackets, without the `|` or `>` of a block; the place of the name if there is no value.
    pub value_range: Range<usize>,
}

impl EntryOutline {
    pub fn field(&self, name: &str) -> Option<&FieldOutline> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Parses a file once more, so that loading need not keep all places. Items of `keys` that are not mappings are left out.
pub fn outline(source: &Source) -> Outline {
    let root = yaml::parse(source.text(), &source.shared_path(), &mut Vec::new(), &mut Problems::default());
    let Some(Node { value: Value::Mapping(root), .. }) = root else {
        return Outline::default();
    };
    let keys = root.fields.iter().find(|field| field.name.value == "keys");
    let entries = match keys.map(|keys| &keys.value.value) {
        Some(Value::List(items)) => items.iter().filter_map(entry).collect(),
        _ => Vec::new(),
    };
    Outline { fields: fields(&root), entries }
}

fn entry(node: &Node<'_>) -> Option<EntryOutline> {
    match &node.value {
        Value::Mapping(mapping) => Some(EntryOutline { range: node.range.clone(), fields: fields(mapping) }),
        _ => None,
    }
}

fn fields(mapping: &Mapping<'_>) -> Vec<FieldOutline> {
    let outline = |Field { name, value }: &Field<'_>| FieldOutline {
        name: name.value.clone().into_owned(),
        name_range: name.range.clone(),
        value_range: value.range.clone(),
    };
    mapping.fields.iter().map(outline).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_entry_and_value_is_found_in_every_yaml_style() {
        let text = "version: 1 # ü
keys: # all
  - name: ä
    publicKey: >-
      ssh-ed25519 AAAA
      a comment

    # about the owner
    owner: 'it''s b'   # who
  # between
  -
    name: \"c\\\"\" # \"
    expires:
  - {name: d, publicKey: ssh-ed25519 AAAA } # last
# end
";
        let outline = outline(&Source::new(Path::new("keys.yaml"), text.to_owned()));
        let values = |fields: &[FieldOutline]| -> Vec<(String, String)> {
            let pair = |field: &FieldOutline| {
                (text[field.name_range.clone()].to_owned(), text[field.value_range.clone()].to_owned())
            };
            fields.iter().map(pair).collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let [first, second, third] = outline.entries.as_slice() else { panic!("{outline:?}") };
        let entry = &text[first.range.clone()];
        assert!(entry.starts_with("name: ä\n") && entry.ends_with("owner: 'it''s b'"), "{entry}");
        let folded = "ssh-ed25519 AAAA\n      a comment";
        assert_eq!(values(&first.fields), [pair("name", "ä"), pair("publicKey", folded), pair("owner", "'it''s b'")]);
        assert_eq!(&text[second.range.clone()], "name: \"c\\\"\" # \"\n    expires");
        assert_eq!(values(&second.fields), [pair("name", "\"c\\\"\""), pair("expires", "expires")]);
        assert_eq!(&text[third.range.clone()], "{name: d, publicKey: ssh-ed25519 AAAA }");
        assert_eq!(values(&third.fields), [pair("name", "d"), pair("publicKey", "ssh-ed25519 AAAA")]);
        let keys = &text[outline.fields[1].value_range.clone()];
        assert!(keys.starts_with("- name: ä") && keys.ends_with("AAAA }"), "{keys}");
    }
}
