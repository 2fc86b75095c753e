//! What goes wrong: each failure says what, where and what to do, leaves the state as it is, and never shows the token.

use std::any::Any;

use insta::assert_snapshot;
use keyform::emulator::{
    AcceptedToken, Behaviour, DuplicateName, Emulator, EmulatorConfig, FaultKind, Faults, NewRow, Scopes,
};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::json;

use crate::support::keys;
use crate::support::program::{Folder, Ran, STATE, TOKEN, account, account_with, manifest};
use crate::support::server::{DeadPort, Server};

/// A failure that is about to happen.
struct Scene {
    folder: Folder,
    /// The environment, beside what every run has.
    environment: Vec<(&'static str, String)>,
    arguments: &'static str,
    /// What has to live until the runs are over.
    alive: Vec<Box<dyn Any>>,
}

type MakeScene = fn() -> Scene;

/// Each failure by its name.
const SCENES: [(&str, MakeScene); 29] = [
    ("wrong_token", wrong_token),
    ("no_token", || Scene::new().token(None)),
    ("empty_token_file", || {
        let scene = Scene::new().arguments("--token-file token");
        scene.folder.write("token", "\n");
        scene
    }),
    ("token_of_two_lines", || Scene::new().token(Some(&format!("{TOKEN}\n{TOKEN}")))),
    ("broken_configuration", broken_configuration),
    ("no_such_context", || Scene::new().token(None).arguments("--context staging")),
    ("no_read_scope", || {
        Scene::on(account_with(EmulatorConfig {
            scopes: Scopes { read: false, write: true },
            ..EmulatorConfig::default()
        }))
    }),
    ("nobody_listens", || {
        let port = DeadPort::take();
        Scene::new().at(&port.http()).keep(port)
    }),
    ("tls_nobody_vouches_for", || {
        let server = Server::self_signed();
        let scene = Scene::new().at(&server.https()).keep(server);
        scene.trusting_another()
    }),
    ("tls_with_a_server_without_tls", || {
        let server = Server::answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        let scene = Scene::new().at(&server.https()).keep(server);
        scene.trusting_another()
    }),
    ("an_html_page", || {
        let page = "<html><head><title>Welcome to Café Wi-Fi</title></head></html>";
        Scene::answered(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len()))
    }),
    ("the_token_echoed", || {
        let body = json!({ "detail": format!("bad header: Bearer {TOKEN}") }).to_string();
        Scene::answered(&format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }),
    ("no_http", || Scene::answered("SSH-2.0-OpenSSH_9.9\r\n")),
    ("a_server_that_fails", || {
        let mut faults = Faults::default();
        faults.set("503-bare=1".parse().unwrap());
        Scene::on(account_with(EmulatorConfig { faults, ..EmulatorConfig::default() }))
    }),
    ("plain_http", || Scene::new().at("http://api.example.com")),
    ("a_password_in_the_endpoint", || Scene::new().at(&format!("https://user:{TOKEN}@api.example.com"))),
    ("an_invalid_endpoint", || Scene::new().at("api.example.com")),
    ("a_state_of_another_endpoint", || Scene::recorded(|state| state["endpoint"] = json!("https://api.example.com"))),
    ("a_state_of_another_user", || Scene::recorded(|state| state["userId"] = json!("cm4xsomebodyelse"))),
    ("an_empty_state", || Scene::stated("")),
    ("a_truncated_state", || {
        let scene = Scene::recorded(|_| ());
        let text = scene.folder.read(STATE);
        scene.folder.write(STATE, &text[..text.len() / 2]);
        scene
    }),
    ("a_json_file_that_is_not_a_state", || Scene::stated("{\"terraform_version\": \"1.9.0\"}\n")),
    ("a_state_that_is_not_json", || Scene::stated("<<<<<<< HEAD\n")),
    ("a_newer_state", || {
        Scene::recorded(|state| {
            state["version"] = json!(2);
            state["teams"] = json!([]);
        })
    }),
    ("a_state_with_an_id_twice", || {
        Scene::recorded(|state| {
            let first = state["keys"][0].clone();
            state["keys"].as_array_mut().unwrap().push(first);
        })
    }),
    ("a_state_changed_by_hand", || {
        Scene::recorded(|state| {
            state["keys"][0]["fingerprint"] = state["keys"][1]["fingerprint"].clone();
        })
    }),
    ("a_folder_in_place_of_the_state", || {
        let scene = Scene::new();
        std::fs::create_dir(scene.folder.path(STATE)).unwrap();
        scene
    }),
    ("a_foreign_journal", || {
        let scene = Scene::recorded(|_| ());
        scene.folder.write("keyform.state.json.journal", "{\"not\": \"ours\"}\n");
        scene
    }),
    ("a_stray_journal", || {
        let scene = Scene::recorded(|_| ());
        let endpoint = scene.folder.json(STATE)["endpoint"].clone();
        let lineage = "00000000-0000-4000-8000-000000000000";
        let header = json!({ "journal": 1, "lineage": lineage, "serial": 7, "endpoint": endpoint });
        scene.folder.write("keyform.state.json.journal", format!("{header}\n"));
        scene
    }),
];

fn wrong_token() -> Scene {
    Scene::on(
        Emulator::start(EmulatorConfig { token: AcceptedToken::new("another"), ..EmulatorConfig::default() }).unwrap(),
    )
}

fn broken_configuration() -> Scene {
    let mut scene = Scene::new().token(None);
    scene.folder.write_secret(".prime/config.json", &format!("{{\"api_key\": \"{TOKEN}\", }}"));
    scene
}

impl Scene {
    /// Two keys to upload to an account that has none.
    fn new() -> Self {
        Self::on(account())
    }

    fn on(account: Emulator) -> Self {
        let scene =
            Self { folder: Folder::of("alice=1 bob=2"), environment: Vec::new(), arguments: "", alive: Vec::new() };
        scene.token(Some(TOKEN)).at(&account.url()).keep(account)
    }

    /// The account is a server that says the same thing to everybody.
    fn answered(answer: &str) -> Self {
        let server = Server::answering(answer);
        Self::new().at(&server.http()).keep(server)
    }

    /// A state lies there that nobody wrote.
    fn stated(state: &str) -> Self {
        let scene = Self::new();
        scene.folder.write(STATE, state);
        scene
    }

    /// Both keys are uploaded and recorded, a third is to come, and the state was changed since.
    fn recorded(change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let account = account();
        let scene = Self::on(account);
        scene.run("apply -y", "").expect(0);
        scene.folder.write("keyform.yaml", manifest("alice=1 bob=2 carol=3"));
        let mut state = scene.folder.json(STATE);
        change(&mut state);
        scene.folder.write(STATE, format!("{state:#}\n"));
        scene
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
        self
    }

    fn at(self, endpoint: &str) -> Self {
        self.set("PRIME_API_BASE_URL", endpoint)
    }

    fn token(self, token: Option<&str>) -> Self {
        self.set("PRIME_API_KEY", token.unwrap_or_default())
    }

    fn arguments(mut self, arguments: &'static str) -> Self {
        self.arguments = arguments;
        self
    }

    fn keep(mut self, alive: impl Any) -> Self {
        self.alive.push(Box::new(alive));
        self
    }

    /// Trusts one authority, which has vouched for nobody here: what the machine trusts plays no part.
    fn trusting_another(self) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "another authority");
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        self.folder.write("authority.pem", certificate.pem());
        let path = self.folder.path("authority.pem");
        self.set("SSL_CERT_FILE", path.to_str().unwrap())
    }

    fn run(&self, command: &str, more: &str) -> Ran {
        let words = [command, self.arguments, more].into_iter().filter(|word| !word.is_empty());
        let run = self.folder.keyform(&words.collect::<Vec<_>>().join(" ")).env("KEYFORM_RETRIES", "0");
        self.environment.iter().fold(run, |run, (name, value)| run.env(name, value)).run()
    }

    fn files(&self) -> std::collections::BTreeMap<String, Vec<u8>> {
        self.folder.files()
    }
}

#[test]
fn every_failure_says_what_happened_where_and_what_to_do_and_leaves_the_state() {
    for (name, scene) in SCENES {
        let scene = scene();
        let before = scene.files();
        let plan = scene.run("plan", "");
        let apply = scene.run("apply -y", "");
        assert_eq!((plan.code, apply.code), (Some(1), Some(1)), "{name}: {plan}{apply}");
        assert_eq!((&plan.stdout, &apply.stdout), (&String::new(), &String::new()), "{name}");
        assert_eq!(plan.stderr, apply.stderr, "{name}: both fail alike");
        assert!(plan.stderr.contains("error: ") && plan.stderr.contains("help: "), "{name}: {plan}");
        assert_eq!(scene.files(), before, "{name}: no file has changed");
        assert_snapshot!(format!("failure_{name}"), plan);
    }
}

/// That it is not in what a run prints and writes is looked at after every run of these tests.
#[test]
fn no_failure_shows_the_token_however_much_is_logged() {
    for (_, scene) in SCENES {
        let scene = scene();
        for more in ["-vv", "-vv --log-format json", "-vv --color always"] {
            for command in ["plan", "apply -y"] {
                scene.run(command, more).expect(1);
            }
        }
    }
}

#[test]
fn the_token_may_come_from_a_file_from_stdin_or_from_the_vendors_configuration() {
    let (account, mut folder) = (account(), Folder::of("alice=1"));
    let url = account.url();
    folder.write_secret("token", &format!("{TOKEN}\n"));
    let plan = |folder: &Folder, arguments: &str, stdin: &str| {
        folder.keyform(&format!("plan {arguments} --endpoint {url}")).stdin(stdin).run().expect(0)
    };
    assert!(plan(&folder, "--token-file token", "").stderr.contains("chmod 600"));
    assert_eq!(plan(&folder, "--token-file -", TOKEN).stderr, "");
    folder.write_secret(".prime/environments/staging.json", &format!("{{\"api_key\": \"{TOKEN}\"}}"));
    assert_eq!(plan(&folder, "--context staging", "").stderr, "");
}

#[test]
fn a_token_that_may_not_write_changes_nothing_on_the_account() {
    let scopes = Scopes { read: true, write: false };
    let (account, folder) =
        (account_with(EmulatorConfig { scopes, ..EmulatorConfig::default() }), Folder::of("alice=1 bob=2* carol=3"));
    assert_snapshot!("no_write_scope", folder.keyform("apply -y").on(&account).run().expect(1));
    assert!(account.api().rows().is_empty());
    // Whether the refused upload was carried out is for a listing to say.
    let state = folder.json(STATE);
    assert_eq!((&state["keys"], &state["pending"][0]["name"]), (&serde_json::json!([]), &"alice".into()));
}

#[test]
fn a_redirect_is_not_followed() {
    let (elsewhere, folder) = (account(), Folder::of("alice=1"));
    let head = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/api/v1/ssh_keys/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url()
    );
    let server = Server::answering(&head);
    assert_snapshot!("redirect", folder.keyform("apply -y").at(&server.http()).run().expect(1));
    assert_eq!(elsewhere.api().stats().connections, 0);
}

#[test]
fn an_endless_response_is_cut_off_at_its_limit() {
    let folder = Folder::of("alice=1");
    let server = Server::endless();
    let ran = folder.keyform("plan").at(&server.http()).env("KEYFORM_RETRIES", "0").run().expect(1);
    assert_snapshot!("endless_answer", ran);
    let address = server.http();
    let written = server.ended();
    assert!(written < 64 << 20, "{written} bytes of {address} were read");
}

#[test]
fn a_host_without_an_address_is_an_error_with_a_way_out() {
    let folder = Folder::of("alice=1");
    let run = folder.keyform("plan").at("https://nonexistent.invalid").env("KEYFORM_RETRIES", "0");
    // How long the system's resolver may take where no name server answers.
    let ran = run.env("RES_OPTIONS", "timeout:1 attempts:1").run().expect(1);
    assert!(ran.stderr.contains("nonexistent.invalid") && ran.stderr.contains("help: "), "{ran}");
    let resolver_responded = ran.stderr.contains("cannot resolve the host");
    assert!(resolver_responded || ran.stderr.contains("cannot connect to"), "{ran}");
}

#[test]
fn a_refused_key_is_reported_with_the_message_of_the_account_and_the_others_are_recorded() {
    let behaviour = Behaviour { duplicate_name: DuplicateName::Refuse, ..Behaviour::default() };
    let (account, folder) =
        (account_with(EmulatorConfig { behaviour, ..EmulatorConfig::default() }), Folder::of("alice=1 bob=2* carol=3"));
    let taken = NewRow { name: "bob".into(), public_key: keys::line(9), is_primary: true, is_user_key: true };
    account.api().insert(taken).unwrap();
    assert_snapshot!("partial_failure", folder.keyform("apply -y").on(&account).run().expect(1));
    assert_eq!(folder.recorded().into_keys().collect::<Vec<_>>(), ["alice", "carol"]);

    folder.write("keyform.yaml", manifest("alice=1 bob=2 carol=3 dave=4"));
    let json = folder.keyform("apply -y --format json").on(&account).run().expect(1).json();
    assert_eq!(
        (&json["success"], &json["results"][0]["name"], &json["results"][0]["status"]),
        (&json!(false), &json!("bob"), &json!(422))
    );
    assert_eq!(folder.recorded().into_keys().collect::<Vec<_>>(), ["alice", "carol", "dave"]);
}

#[test]
fn with_fail_fast_nothing_is_started_after_a_failure() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2 carol=3"));
    account.api().script(keyform::emulator::ScriptEntry::fault(
        u64::MAX,
        keyform::emulator::Method::POST,
        FaultKind::TooManyBare,
    ));
    let run = folder.keyform("apply -y --fail-fast --retries 0").on(&account).run().expect(1);
    assert_snapshot!("fail_fast", run);
    assert_eq!(account.api().rows(), []);
}
