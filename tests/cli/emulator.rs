//! The emulator as a command.

use insta::assert_snapshot;

use crate::support::program::{Folder, TOKEN};

#[test]
fn the_emulator_prints_its_url_serves_and_stops_on_a_signal() {
    for signal in ["INT", "TERM", "HUP"] {
        let folder = Folder::of("alice=1* bob=2");
        let serving = folder.keyform("emulator --keys account.jsonl").start();
        let url = serving.first_line();
        let apply = folder.keyform("apply -y").env("PRIME_API_KEY", keyform::emulator::SANDBOX_TOKEN);
        apply.env("PRIME_API_BASE_URL", &url).run().expect(0);
        assert_eq!(folder.recorded().len(), 2);
        serving.until_stderr("Try it");
        serving.signal(signal);
        assert_snapshot!("emulator", serving.end());
        assert!(folder.read("account.jsonl").lines().count() > 2, "the keys are kept");
    }
}

#[test]
fn the_emulator_reads_its_token_from_the_environment() {
    let folder = Folder::of("alice=1");
    let serving = folder.keyform("emulator --no-write").env("KEYFORM_EMULATOR_TOKEN", TOKEN).start();
    let url = serving.first_line();
    folder.keyform("plan").at(&url).run().expect(0);
    assert_snapshot!("emulator_without_write", folder.keyform("apply -y").at(&url).run());
    serving.until_stderr("Try it");
    serving.signal("TERM");
    serving.end().expect(0);
}

#[test]
fn a_corrupt_key_file_is_an_error() {
    let folder = Folder::new();
    folder.write("account.jsonl", "no event\nnor this\n");
    assert_snapshot!("emulator_corrupt", folder.keyform("emulator --keys account.jsonl").run().expect(1));
}

#[test]
fn a_port_that_is_in_use_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = Folder::new().keyform(&format!("emulator --port {port}")).run().expect(1);
    assert!(ended.stderr.contains("choose another port") && !ended.stderr.contains("panicked"), "{}", ended.stderr);
}
