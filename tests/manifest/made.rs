//! Made-up manifests in every layout.

use fastrand::Rng;
use keyform::public_key::PublicKey;

use crate::support::key;

/// An entry of a made-up manifest.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) name: String,
    number: usize,
    owner: Option<String>,
}

/// A made-up file: its parts in order, and for each the entry that it belongs to.
#[derive(Debug)]
pub(crate) struct MadeFile {
    pub(crate) parts: Vec<(Option<usize>, String)>,
    /// Whether entries are separated by line breaks and nothing else.
    pub(crate) is_block: bool,
    pub(crate) line_break: &'static str,
}

impl MadeFile {
    pub(crate) fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect::<String>().replace('\n', self.line_break)
    }

    /// The text without some entries, and without the white space and commas around them.
    pub(crate) fn without(&self, removed: &[usize]) -> String {
        let kept = self.parts.iter().filter(|(owner, _)| owner.is_none_or(|owner| !removed.contains(&owner)));
        bare(&kept.map(|(_, text)| text.as_str()).collect::<String>())
    }
}

/// Leaves out what may change around a removed entry: line breaks and blanks; commas; the brackets of an empty list.
pub(crate) fn bare(text: &str) -> String {
    text.replace(['\n', '\r', ' ', ','], "").replace("[]", "")
}

pub(crate) struct Maker<'r> {
    pub(crate) rng: &'r mut Rng,
    next: usize,
    files: usize,
}

impl<'r> Maker<'r> {
    pub(crate) fn new(rng: &'r mut Rng) -> Self {
        Self { rng, next: 0, files: 0 }
    }

    fn one_of<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.rng.usize(..choices.len())]
    }

    fn entry(&mut self) -> Listed {
        self.next += 1;
        let owner = self.one_of(&["", "ann@example.com", "it's: Bö # 1", "team [a], {b}"]);
        let owner = Some(owner.to_owned()).filter(|owner| !owner.is_empty());
        Listed { name: format!("key-{}", self.next), number: self.next, owner }
    }

    fn scalar(&mut self, text: &str) -> String {
        let is_plain = text.starts_with(|c: char| c.is_alphabetic()) && !text.contains([':', '#', '[', '{', ',']);
        match self.rng.u8(..3) {
            0 if is_plain => text.to_owned(),
            1 => format!("'{}'", text.replace('\'', "''")),
            _ => serde_json::to_string(text).unwrap(),
        }
    }

    fn fields(&mut self, entry: &Listed) -> Vec<(String, String)> {
        let key = format!("{} a comment", key(entry.number));
        let mut fields =
            vec![("name".to_owned(), self.scalar(&entry.name)), ("publicKey".to_owned(), self.scalar(&key))];
        fields.extend(entry.owner.as_deref().map(|owner| ("owner".to_owned(), self.scalar(owner))));
        self.rng.shuffle(&mut fields);
        fields
    }

    /// Writes an item of a block list, with the lines that belong to it.
    fn block_item(&mut self, entry: &Listed, indentation: &str) -> String {
        let above = self.one_of(&["", "", "# above\n", "# two\n# above: - name: x\n"]);
        let mut out: String = above.lines().map(|line| format!("{indentation}{line}\n")).collect();
        if self.rng.u8(..5) == 0 {
            let comment = self.one_of(&["", " # {braces}"]);
            out += &format!("{indentation}- {}{comment}\n", self.flow_item(entry));
        } else {
            let gap = self.one_of(&[" ", " ", "   "]);
            let mut dash = format!("-{gap}");
            if self.rng.u8(..5) == 0 {
                out += &format!("{indentation}- # - on its own\n");
                dash = format!(" {gap}");
            }
            for (name, value) in self.fields(entry) {
                let is_plain = !value.starts_with(['"', '\'']);
                let value = match self.rng.u8(..6) {
                    0 if is_plain => format!(">-\n{indentation}     {value}"),
                    1 => format!("{value}  # -1: {name}"),
                    2 => format!("\n{indentation}      {value}"),
                    _ => value,
                };
                out += &format!("{indentation}{dash}{name}: {value}\n");
                dash = format!(" {gap}");
                if self.rng.u8(..6) == 0 {
                    out += &format!("{indentation}  # inside\n");
                }
            }
        }
        if self.rng.u8(..5) == 0 {
            out += &format!("{indentation}    # protect: true\n");
        }
        out
    }

    fn flow_item(&mut self, entry: &Listed) -> String {
        let fields: Vec<_> = self.fields(entry).iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let (before, after) = (self.one_of(&["", " "]), self.one_of(&["", " ", ", "]));
        let separator = self.one_of(&[", ", " , ", ",\n          "]);
        format!("{{{before}{}{after}}}", fields.join(separator))
    }

    pub(crate) fn file(&mut self, count: usize, all: &mut Vec<Listed>) -> MadeFile {
        const BREAKS: [&str; 6] = ["\n", "\n", "\n", "\r\n", "\r\n", "\r"];
        let line_break = BREAKS[self.rng.usize(..BREAKS.len())];
        let mut parts = vec![(None, self.one_of(&["", "# head: é\n", "---\n", "# a\n\n"]).to_owned())];
        parts.push((None, self.one_of(&["version: 1\n", "version: 1 # one\n\n", "\"version\": 1\n"]).to_owned()));
        let has_revoked = self.rng.bool();
        let revoked = format!("revoked:\n- fingerprint: {} # gone\n", fingerprint(200 + self.files));
        self.files += 1;
        if has_revoked && self.rng.bool() {
            parts.push((None, revoked.clone()));
        }
        let is_block = self.rng.u8(..4) > 0;
        let keys = self.one_of(&["keys:", "keys :", "\"keys\":"]).to_owned();
        if count == 0 {
            parts.push((None, format!("{keys} {}\n", self.one_of(&["[]", "[ ]", "[] # none", "[ # none\n ]"]))));
        } else if is_block {
            parts.push((None, format!("{keys}{}\n", self.one_of(&["", " # all", "\n"]))));
            let indentation = self.one_of(&["", "  ", "    "]);
            let (separator, comments) = (self.one_of(&["", "\n", "\n\n"]), self.rng.u8(..4) == 0);
            for index in 0..count {
                if index > 0 {
                    parts.push((None, separator.to_owned()));
                    if comments {
                        parts.push((None, format!("{indentation}# group\n\n")));
                    }
                }
                let entry = self.entry();
                let text = self.block_item(&entry, indentation);
                parts.push((Some(all.len()), text));
                all.push(entry);
            }
        } else {
            parts.push((None, format!("{keys} [")));
            let separator = self.one_of(&[", ", ",\n  ", "\n  , "]).to_owned();
            let (after, above) = (self.one_of(&["", "", "  # after\n  "]), self.one_of(&["", "", "# above\n  "]));
            let is_commented = separator == ",\n  " && !(after.is_empty() && above.is_empty());
            let first = if is_commented { "\n  " } else { self.one_of(&["", "\n  ", " # all\n  "]) };
            for index in 0..count {
                let separator = if is_commented && !after.is_empty() { "," } else { separator.as_str() };
                parts.push((None, if index == 0 { first.to_owned() } else { separator.to_owned() }));
                if index > 0 && is_commented && !after.is_empty() {
                    parts.push((Some(all.len() - 1), after.to_owned()));
                }
                let entry = self.entry();
                let text = self.flow_item(&entry);
                let above = if is_commented { above } else { "" };
                parts.push((Some(all.len()), format!("{above}{text}")));
                all.push(entry);
            }
            let end = if is_commented { &["\n", ",\n "][..] } else { &["", " ", ",", "\n", ",\n "] };
            parts.push((None, format!("{}]\n", self.one_of(end))));
        }
        parts.push((None, self.one_of(&["", "\n", "# between\n"]).to_owned()));
        if has_revoked && !parts.iter().any(|(_, text)| *text == revoked) {
            parts.push((None, revoked));
        }
        parts.push((None, self.one_of(&["", "", "# end\n", "\n\n# end"]).to_owned()));
        if self.rng.u8(..4) == 0
            && let Some((_, last)) = parts.iter_mut().rev().find(|(_, text)| !text.is_empty())
        {
            last.truncate(last.trim_end_matches('\n').len());
        }
        MadeFile { parts, is_block: is_block && count > 0, line_break }
    }
}

fn fingerprint(number: usize) -> String {
    PublicKey::parse(&key(number)).unwrap().blob().fingerprint().to_string()
}
