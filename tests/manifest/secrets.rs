//! A private key pasted or named by mistake: refused, and not one byte of it printed.

use keyform::manifest::LoadedManifest;
use keyform::report::problems;

use crate::support::{Folder, github, key, leaks, one, plain, private_key};

fn check(loaded: &LoadedManifest) {
    assert!(loaded.desired.is_none());
    for text in [problems::text(&loaded.report), problems::json(&loaded.report).to_string(), github(&loaded.report)] {
        assert!(text.contains("key-private"), "{text}");
        assert!(!leaks(&text), "{text}");
    }
    assert!(!leaks(&format!("{:?}", loaded.report.diagnostics)));
}

#[test]
fn wherever_a_private_key_is_pasted_nothing_of_it_is_shown() {
    let private = private_key();
    let indented = private.replace('\n', "\n      ");
    let escaped = private.replace('\n', "\\n");
    let folded = private.replace('\n', " ");
    let bare: String = private.lines().filter(|line| !line.starts_with('-')).collect();
    let bare_lines = private.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n      ");
    let key = key(0);
    let entry = |value: &str| format!("version: 1\nkeys:\n  - name: a\n    publicKey: {value}\n  - name: 12\n");
    let short = &bare[..60];
    for text in [
        format!(
            "version: 1\nkeys:\n  - {{name: {short}, publicKey: {key}}}\n  - {{name: {short}, publicKey: {key}}}\n"
        ),
        format!(
            "version: 1\npolicy: {{namePattern: ^x, algorithms: [{short}]}}\nkeys:\n  - {{name: {short}, publicKey: {key}}}\n"
        ),
        format!("version: 1\n{short}: a\n{short}: b\nkeys: []\n"),
        format!("version: 1\nkeys:\n  - name: a\n    publicKeyFile: {short}\n"),
        entry(&format!("|\n      {indented}")),
        entry(&format!(">-\n      {indented}")),
        entry(&indented),
        entry(&private),
        entry(&format!("\n{private}")),
        entry(&format!("\"{escaped}\"")),
        entry(&format!("\"{indented}\"")),
        entry(&format!("'{folded}'")),
        entry(&folded),
        entry(&bare),
        entry(&format!("|\n      {bare_lines}")),
        entry(&format!("{key}\n      {indented}")),
        entry(&private.replace("-----END OPENSSH PRIVATE KEY-----\n", "")),
        entry(&private.replace("-----BEGIN OPENSSH PRIVATE KEY-----\n", "")),
        entry(&private.replace("-----", "—")),
        private.clone(),
        format!("{private}version: 1\nkeys: []\n"),
        format!("version: 1\nkeys: []\n{private}"),
        format!("# {}\nversion: 1\nkeys: []\n", private.replace('\n', "\n# ")),
        format!(
            "version: 1\nkeys:\n  - {{name: {folded}, publicKey: {key}}}\n  - {{name: {folded}, publicKey: {key}}}\n"
        ),
        format!("version: 1\nkeys:\n  - {folded}: a\n    name: b\n    publicKey: {key}\n"),
        format!("version: 1\nkeys:\n  - \"{escaped}\": a\n    \"{escaped}\": a\n    publicKey: {key}\n"),
        entry(&format!("&{folded} x")),
        entry(&format!("!{folded} x")),
        entry(&format!("\u{200b}{indented}")),
        entry(&format!("@{indented}")),
        format!("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{bare}\nPrivate-MAC: 00\n"),
    ] {
        check(&one(&text));
    }
}

#[test]
fn a_private_key_in_a_key_file_is_refused_without_a_word_of_it() {
    let text = "version: 1\nkeys:\n  - name: a\n    publicKeyFile: id_ed25519\n";
    let folder = Folder::new(&[("keys.yaml", text), ("id_ed25519", &private_key())]);
    check(&folder.load(&["keys.yaml"]));
}

#[test]
fn lines_from_the_middle_of_a_private_key_are_refused_and_not_shown() {
    let middle = "EAAAGBAKOuyoueRri1Y4bmPYVEMTFnrxSUbcwrbirqn8hzJAYSMhcV+F+rXOXbSb7b2i3d";
    for text in [
        format!("version: 1\nkeys:\n  - name: a\n    publicKey: {middle}\n"),
        format!("version: 1\nkeys:\n  - name: a\n    publicKey: |\n      {middle}\n      {middle}\n"),
        format!("version: 1\nkeys:\n  - name: a\n    owner: \"{middle}\"\n"),
        format!("version: 1\nkeys: []\nother: {middle}\n"),
        format!("version: 1\nkeys: []\n{middle}: [\n"),
        format!("version: 1\nkeys: {{ # {middle}\n"),
    ] {
        let shown = plain(&one(&text).report);
        let is_shown = (0..middle.len() - 12).any(|at| shown.contains(&middle[at..at + 12]));
        assert!(shown.contains("key-private") && !is_shown, "{shown}");
    }
}

#[test]
fn a_private_key_named_as_the_manifest_is_refused_without_a_word_of_it() {
    let folder = Folder::new(&[("id.yaml", &private_key())]);
    check(&folder.load(&["id.yaml"]));
}

#[test]
fn a_token_in_a_manifest_is_not_repeated() {
    for text in [
        "version: 1\nkeys: []\ntoken: pit_4711\n",
        "version: 1\nkeys: []\napiKey: [\n  pit_4711,\n  a ]\n",
        "version: 1\nkeys: []\ntoken: \"a\u{200b}pit_4711\u{200b}\"\n",
        "version: 1\nkeys: []\ntoken: a\ntoken: pit_4711\n",
        "version: 1\nkeys: []\ntoken: {a: b, c: pit_4711} # ü\n",
        "version: 1\nkeys: []\ntoken: [[pit_4711]: ü]\n",
        "version: 1\nkeys: []\napiKey:\n  prime: |\n    a\n    pit_4711\n",
    ] {
        let shown = plain(&one(text).report);
        assert!(shown.contains("field-credentials") && shown.contains("not shown"), "{shown}");
        assert!(!shown.contains("pit_4711"), "{shown}");
    }
}

#[test]
fn the_content_of_an_invalid_key_file_is_never_shown() {
    for (content, code) in
        [("hunter2 secret", "key-type"), ("ssh-ed25519 AAAAC3hunter2", "key-"), ("hunter2\u{200b}", "key-character")]
    {
        let text = "version: 1\nkeys:\n  - name: a\n    publicKeyFile: .env\n";
        let folder = Folder::new(&[("keys.yaml", text), (".env", content)]);
        let shown = plain(&folder.load(&["keys.yaml"]).report);
        assert!(shown.contains(code) && shown.contains(":4:20"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("secret"), "{shown}");
    }
}
