//! Edits of manifests in every layout: the result says exactly the edit, and everything else stays byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use keyform::manifest::edit::{Edit, Edited, Editor};
use keyform::manifest::{Desired, DesiredKey, Place, RevokedKey};
use keyform::names::{AccountName, KeyName};
use keyform::public_key::PublicKey;
use proptest::prelude::*;

use crate::made::{Listed, MadeFile, Maker, bare};
use crate::support::{Folder, TODAY, key};

fn nowhere() -> Place {
    Place { file: PathBuf::new().into(), range: 0..0 }
}

fn new_key(name: &str, number: usize) -> DesiredKey {
    DesiredKey {
        name: KeyName::new(name).unwrap(),
        key: PublicKey::parse(&format!("{} a comment, [new]", key(number))).unwrap(),
        account_name: Some(AccountName::new("Bob's: key # 1").unwrap()),
        primary: true,
        owner: Some("bob, {b}".to_owned()),
        expires: Some("2099-12-31".parse().unwrap()),
        protect: false,
        exempt: Vec::new(),
        place: nowhere(),
    }
}

/// What a key says, as another reader of YAML reads it.
type Said = (String, String, Option<String>);

fn said_by(texts: &[String]) -> Vec<Said> {
    let mut said = Vec::new();
    for text in texts {
        let value: serde_json::Value =
            serde_yaml::from_str(text.trim_start_matches("\u{feff}")).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for key in value["keys"].as_array().into_iter().flatten() {
            let word = |field: &str| key[field].as_str().map(|text| text.trim().to_owned());
            said.push((word("name").unwrap(), word("publicKey").unwrap(), word("owner")));
        }
    }
    said.sort();
    said
}

fn says(key: &DesiredKey) -> Said {
    (key.name.to_string(), key.key.to_line(), key.owner.clone())
}

fn said_of(desired: &Desired) -> Vec<Said> {
    let mut said: Vec<_> = desired.keys.iter().map(says).collect();
    said.sort();
    said
}

/// Whether `after` is `before` with text inserted at one place.
fn is_inserted(before: &str, after: &str) -> bool {
    let same = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    after.as_bytes().ends_with(&before.as_bytes()[same..])
}

/// Whether `after` is `before` with text inserted at several places.
fn is_grown(before: &str, after: &str) -> bool {
    let mut rest = after.chars();
    before.chars().all(|c| rest.any(|other| other == c))
}

/// Files on disk, and what they say.
struct Case {
    seed: u64,
    folder: Folder,
    names: Vec<String>,
    made: Vec<MadeFile>,
    all: Vec<Listed>,
    /// The file of each entry.
    file_of: Vec<usize>,
    /// The byte order mark of all files, or nothing.
    mark: &'static str,
    editor: Editor,
    /// What the files say, sorted.
    said: Vec<Said>,
}

impl Case {
    fn new(seed: u64, rng: &mut Rng) -> Self {
        let mut maker = Maker::new(rng);
        let (mut made, mut all, mut file_of) = (Vec::new(), Vec::new(), Vec::new());
        for file in 0..=maker.rng.usize(..3) {
            let count = maker.rng.usize(..5);
            made.push(maker.file(count, &mut all));
            file_of.resize(all.len(), file);
        }
        let names: Vec<_> = (0..made.len()).map(|index| format!("{index}.yaml")).collect();
        let folder = Folder::new(&[]);
        let mark = if rng.bool() { "\u{feff}" } else { "" };
        for (name, file) in names.iter().zip(&made) {
            folder.write(name, format!("{mark}{}", file.text()));
        }
        let paths: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
        let editor = Editor::open(&paths, TODAY).unwrap_or_else(|report| {
            let texts: Vec<_> = made.iter().map(MadeFile::text).collect();
            panic!("seed {seed}: {}\n{}", folder.text(&report), texts.join("\n=====\n"))
        });
        let said = said_of(editor.desired());
        Self { seed, folder, names, made, all, file_of, mark, editor, said }
    }

    fn path(&self, file: usize) -> Arc<Path> {
        self.folder.path().join(&self.names[file]).into()
    }

    fn old(&self, file: usize) -> String {
        format!("{}{}", self.mark, self.made[file].text())
    }

    /// Applies an edit, writes the files, and returns their new texts.
    fn write(&self, edit: Edit) -> Vec<String> {
        let edits = [edit];
        let Edited { changes, .. } = self.editor.edit(&edits).unwrap_or_else(|error| {
            let texts: Vec<_> = self.made.iter().map(MadeFile::text).collect();
            panic!("seed {}: {error:?}\n{edits:#?}\n{}", self.seed, texts.join("\n=====\n"))
        });
        for change in &changes {
            change.write().unwrap();
        }
        self.names.iter().map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap()).collect()
    }

    /// Asserts what each file must be like, given its index and its old and new text.
    fn assert_each(&self, after: &[String], holds: impl Fn(usize, &str, &str) -> bool) {
        for (index, after) in after.iter().enumerate() {
            let before = self.old(index);
            assert!(holds(index, &before, after), "seed {}\n{before}\n=====\n{after}", self.seed);
        }
    }

    fn assert_said(&self, after: &[String], mut expected: Vec<Said>) {
        expected.sort();
        assert_eq!(said_by(after), expected, "seed {}\n{}", self.seed, after.join("\n=====\n"));
    }

    fn add(&self, target: usize) {
        let new = new_key("new", 100);
        let said = [self.said.clone(), vec![says(&new)]].concat();
        let after = self.write(Edit::Add { file: self.path(target), keys: vec![new] });
        self.assert_each(&after, |index, before, after| match index == target {
            true if self.made[target].is_block => is_inserted(before, after),
            // The list may have become a block.
            true => is_grown(&before.replace(" []", "").replace(" [ ]", ""), after),
            false => after == before,
        });
        self.assert_said(&after, said);
    }

    fn remove(&self, removed: &[usize]) {
        let names: Vec<_> = removed.iter().map(|index| self.all[*index].name.clone()).collect();
        let after = self.write(Edit::Remove(names.iter().map(|name| KeyName::new(name).unwrap()).collect()));
        self.assert_each(&after, |index, before, after| {
            let is_touched = removed.iter().any(|removed| self.file_of[*removed] == index);
            let is_spaced = !after.contains("\n\n\n\n") || before.contains("\n\n\n");
            let kept = bare(after.trim_start_matches('\u{feff}')) == self.made[index].without(removed);
            if is_touched { kept && is_spaced } else { after == before }
        });
        self.assert_said(&after, self.said.iter().filter(|(name, ..)| !names.contains(name)).cloned().collect());
    }

    fn update(&self, chosen: usize, rng: &mut Rng) {
        let name = KeyName::new(&self.all[chosen].name).unwrap();
        let mut new = self.editor.desired().keys.iter().find(|key| key.name == name).unwrap().clone();
        let changes = new_key("renamed", 101);
        new.owner = changes.owner.filter(|_| rng.bool());
        new.expires = changes.expires.filter(|_| rng.bool());
        new.primary = rng.bool();
        if rng.bool() {
            new.name = changes.name;
        }
        if rng.bool() {
            new.key = changes.key;
        }
        let others = self.said.iter().filter(|(other, ..)| other != name.as_str()).cloned();
        let said = others.chain([says(&new)]).collect();
        let after = self.write(Edit::Update { name, key: Box::new(new) });
        self.assert_each(&after, |index, before, after| {
            let MadeFile { parts, line_break, .. } = &self.made[index];
            let Some(at) = parts.iter().position(|(owner, _)| *owner == Some(chosen)) else { return after == before };
            let text = |parts: &[(Option<usize>, String)]| {
                parts.iter().map(|(_, text)| text.as_str()).collect::<String>().replace('\n', line_break)
            };
            let after = after.strip_prefix(self.mark).unwrap();
            after.starts_with(&text(&parts[..at])) && after.ends_with(&text(&parts[at + 1..]))
        });
        self.assert_said(&after, said);
    }

    fn revoke(&self, target: usize) {
        let fingerprint = PublicKey::parse(&key(300)).unwrap().blob().fingerprint();
        let reason = Some("stolen: \"yes\" # 2".to_owned());
        let revoked = RevokedKey { fingerprint, blob: None, reason, place: nowhere() };
        let after = self.write(Edit::Revoke { file: self.path(target), keys: vec![revoked] });
        self.assert_each(
            &after,
            |index, before, after| {
                if index == target { is_inserted(before, after) } else { after == before }
            },
        );
        self.assert_said(&after, self.said.clone());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_edit_changes_what_it_says_and_no_other_byte(seed in any::<u64>()) {
        let mut rng = Rng::with_seed(seed);
        let case = Case::new(seed, &mut rng);
        let target = rng.usize(..case.made.len());
        match rng.u8(..4) {
            0 => case.add(target),
            1 => case.remove(&(0..case.all.len()).filter(|_| rng.bool()).collect::<Vec<_>>()),
            2 if !case.all.is_empty() => case.update(rng.usize(..case.all.len()), &mut rng),
            _ => case.revoke(target),
        }
    }
}
