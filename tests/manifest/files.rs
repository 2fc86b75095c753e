//! Which files are read, and where key files may be.

use std::fs;

use keyform::manifest::load;

use crate::support::{Folder, TODAY, key, list, plain};

fn manifest(name: &str, number: usize) -> String {
    format!("version: 1\nkeys:\n  - name: {name}\n    publicKey: {}\n", key(number))
}

#[test]
fn a_folder_gives_all_its_manifests_sorted_and_hidden_ones_not() {
    let (a, b, c) = (manifest("a", 0), manifest("b", 1), manifest("c", 2));
    let folder = Folder::new(&[
        ("m/z.yaml", &a),
        ("m/sub/y.yml", &b),
        ("m/a.yaml", &c),
        ("m/readme.md", "hello: ["),
        ("m/.github/x.yaml", "hello: ["),
        ("m/.hidden.yaml", "hello: ["),
    ]);
    let loaded = folder.load(&["m", "m/z.yaml", "m/sub", "."]);
    let set = loaded.desired.unwrap();
    let files: Vec<_> =
        set.files.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(files, ["m/a.yaml", "m/sub/y.yml", "m/z.yaml"]);
    assert_eq!(set.keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn a_path_without_a_manifest_is_refused_with_its_code() {
    let folder = Folder::new(&[("empty/.x.yaml", ""), ("latin.yaml", ""), ("big.yaml", "")]);
    folder.write("latin.yaml", b"version: 1\nkeys: [] # \xe4\n");
    fs::File::create(folder.path().join("big.yaml")).unwrap().set_len((32 << 20) + 1).unwrap();
    for (name, expected) in [
        ("nowhere.yaml", "manifest-unreadable"),
        ("empty", "manifest-none"),
        ("latin.yaml", "2:12 manifest-not-utf8"),
        ("big.yaml", "manifest-too-large"),
    ] {
        let loaded = folder.load(&[name]);
        assert!(loaded.desired.is_none());
        assert_eq!(list(&loaded.report), [expected], "{name}");
    }
    assert_eq!(list(&load(&["-".into()], TODAY).report), ["manifest-stdin"]);
    assert_eq!(list(&load(&[], TODAY).report), ["manifest-none"]);
}

#[test]
fn a_key_file_is_read_relative_to_its_manifest() {
    let text =
        "version: 1\nkeys:\n  - {name: a, publicKeyFile: keys/a.pub}\n  - {name: b, publicKeyFile: ./keys/../b.pub}\n";
    let folder = Folder::new(&[("team/keys.yaml", text)]);
    folder.write("team/keys/a.pub", format!("\u{feff}{} a@example.com\r\n", key(0)));
    folder.write("team/b.pub", format!("{}\n", key(1)));
    let set = folder.load(&["team"]).desired.unwrap();
    assert_eq!(set.keys[0].key.to_line(), format!("{} a@example.com", key(0)));
    assert_eq!(set.keys[1].key.to_line(), key(1));
}

#[test]
fn a_key_file_elsewhere_is_refused() {
    let folder =
        Folder::new(&[("outside.pub", &key(0)), ("team/big.pub", &"x".repeat(65 * 1024)), ("team/sub/a.pub", &key(1))]);
    folder.write("team/binary.pub", [0xff, 0xfe]);
    let absolute = folder.path().join("outside.pub").display().to_string();
    for (name, expected) in [
        ("../outside.pub", "3:30 key-file-path"),
        (absolute.as_str(), "3:30 key-file-path"),
        ("sub/../../outside.pub", "3:30 key-file-path"),
        ("nowhere.pub", "3:30 key-file-missing"),
        ("sub", "3:30 key-file-kind"),
        ("sub/a.pub/x", "3:30 key-file-missing"),
        ("big.pub", "3:30 key-file-too-large"),
        ("binary.pub", "3:30 key-file-not-text"),
    ] {
        folder.write("team/keys.yaml", format!("version: 1\nkeys:\n  - {{name: a, publicKeyFile: '{name}'}}\n"));
        assert_eq!(list(&folder.load(&["team/keys.yaml"]).report), [expected], "{name}");
    }
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_link_may_stay_inside_and_may_not_lead_out() {
        let text = "version: 1\nkeys:\n  - {name: a, publicKeyFile: in.pub}\n  - {name: b, publicKeyFile: out.pub}\n";
        let folder = Folder::new(&[("outside.pub", &key(0)), ("team/real.pub", &key(1)), ("team/keys.yaml", text)]);
        symlink("real.pub", folder.path().join("team/in.pub")).unwrap();
        symlink("../outside.pub", folder.path().join("team/out.pub")).unwrap();
        assert_eq!(list(&folder.load(&["team"]).report), ["4:30 key-file-outside"]);
    }

    #[test]
    fn a_manifest_that_is_a_link_to_elsewhere_is_refused() {
        let folder = Folder::new(&[("secret.txt", "hunter2"), ("team/a.yaml", &manifest("a", 0))]);
        symlink("../secret.txt", folder.path().join("team/b.yaml")).unwrap();
        symlink("..", folder.path().join("team/up")).unwrap();
        for name in ["team", "team/b.yaml"] {
            let loaded = folder.load(&[name]);
            let shown = plain(&loaded.report);
            assert!(shown.contains("manifest-outside") && !shown.contains("hunter2"), "{shown}");
            assert!(loaded.desired.is_none());
        }
    }

    #[test]
    fn a_loop_of_links_ends_and_a_file_reached_twice_is_read_once() {
        let folder = Folder::new(&[("team/a.yaml", &manifest("a", 0))]);
        symlink(".", folder.path().join("team/again")).unwrap();
        symlink("a.yaml", folder.path().join("team/b.yaml")).unwrap();
        assert_eq!(folder.load(&["team"]).desired.unwrap().keys.len(), 1);
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let text = "version: 1\nkeys:\n  - {name: a, publicKeyFile: pipe}\n";
        let folder = Folder::new(&[("keys.yaml", text)]);
        for name in ["pipe", "pipe.yaml"] {
            assert!(Command::new("mkfifo").arg(folder.path().join(name)).status().unwrap().success());
        }
        assert_eq!(list(&folder.load(&["keys.yaml"]).report), ["3:30 key-file-kind"]);
        assert_eq!(list(&folder.load(&["pipe.yaml"]).report), ["manifest-kind"]);
    }
}
