//! Files in another encoding than UTF-8: which one is said, and how to convert it.

use crate::support::{Folder, key, leaks, list, plain, private_key};

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn check(shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn the_encoding_of_a_manifest_is_named_with_the_way_to_convert_it() {
    let folder = Folder::new(&[]);
    let text = format!("version: 1\nkeys:\n  - name: a\n    publicKey: {}\n    owner: Zoë\n", key(0));
    folder.write("keys.yaml", utf_16(&text));
    let shown = plain(&folder.load(&["keys.yaml"]).report);
    check(&shown, &["the file is encoded in UTF-16, not in UTF-8", "iconv -f UTF-16LE -t UTF-8 /"]);
    folder.write("keys.yaml", utf_16(&format!("\u{feff}{text}")));
    assert_eq!(list(&folder.load(&["keys.yaml"]).report), ["manifest-not-utf8"]);

    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    folder.write("keys.yaml", latin);
    let report = folder.load(&["keys.yaml"]).report;
    assert_eq!(list(&report), ["5:14 manifest-not-utf8"]);
    let shown = plain(&report);
    check(&shown, &["encoded in Latin-1 (ISO 8859-1)", "iconv -f ISO-8859-1 -t UTF-8 /", "owner: Zoë"]);
}

#[test]
fn the_encoding_of_a_key_file_is_named_with_the_way_to_convert_it() {
    let folder = Folder::new(&[("keys.yaml", "version: 1\nkeys:\n  - name: a\n    publicKeyFile: my keys/a.pub\n")]);
    folder.write("my keys/a.pub", utf_16(&key(0)));
    let shown = plain(&folder.load(&["keys.yaml"]).report);
    check(&shown, &["encoded in UTF-16, not in UTF-8", "iconv -f UTF-16LE -t UTF-8 'my keys/a.pub'", ":4:20"]);
    folder.write("my keys/a.pub", [b"ssh-ed25519 AAAA caf\x80", &[0xe9][..]].concat());
    let shown = plain(&folder.load(&["keys.yaml"]).report);
    check(&shown, &["key-file-not-text", "iconv -f WINDOWS-1252 -t UTF-8"]);
    assert!(!shown.contains("caf"), "{shown}");
}

#[test]
fn a_private_key_is_found_in_every_encoding() {
    let folder =
        Folder::new(&[("keys.yaml", "version: 1\nkeys:\n  - name: a\n    publicKeyFile: id\n"), ("other.yaml", "")]);
    let private = format!("version: 1\nkeys:\n  - name: a\n    note: |\n{}", private_key());
    for bytes in [utf_16(&private), [private.as_bytes(), b"# caf\xe9\n"].concat()] {
        folder.write("other.yaml", &bytes);
        folder.write("id", &bytes);
        for name in ["other.yaml", "keys.yaml"] {
            let loaded = folder.load(&[name]);
            let shown = format!("{}{loaded:?}", plain(&loaded.report));
            assert!(shown.contains("key-private") && !leaks(&shown), "{shown}");
        }
    }
}
