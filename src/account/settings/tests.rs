use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use super::*;

/// A home directory with files of the vendor's command line, and an environment.
struct World {
    home: tempfile::TempDir,
    variables: BTreeMap<&'static str, OsString>,
    stdin: &'static [u8],
}

impl World {
    fn new(variables: &[(&'static str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".prime/environments")).unwrap();
        let mut variables: BTreeMap<_, _> =
            variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
        variables.insert("HOME", home.path().into());
        Self { home, variables, stdin: b"" }
    }

    fn with(self, file: &str, content: &str) -> Self {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn path(&self, file: &str) -> PathBuf {
        self.home.path().join(file)
    }

    fn resolve(&self, flags: &Flags) -> Result<Settings, SettingsError> {
        resolve(flags, &|name| self.variables.get(name).cloned(), &mut &*self.stdin)
    }

    /// Tells the endpoint, the token and where both come from, the home directory as `~`.
    fn message(&self, flags: &Flags) -> String {
        let message = match self.resolve(flags) {
            Ok(Settings { endpoint, token }) => {
                let text = token.value.header().unwrap();
                format!("{}; {} from {}", from(&endpoint), text.to_str().unwrap(), token.source)
            }
            Err(SettingsError::NoToken(_)) => {
                let endpoint = resolve_endpoint(flags, &|name| self.variables.get(name).cloned()).unwrap();
                format!("{}; no token", from(&endpoint))
            }
            Err(error) => format!("error: {error}"),
        };
        message.replace(self.home.path().to_str().unwrap(), "~")
    }
}

fn from(endpoint: &Sourced<Endpoint>) -> String {
    format!("{} from {}", endpoint.value, endpoint.source)
}

const FILE: &str = r#"{"api_key":"from-file","base_url":"https://file.example.com/api/v1","team_id":null}"#;
const STAGING: &str = r#"{"api_key":"from-context","base_url":"https://context.example.com"}"#;

fn flags(endpoint: Option<&str>, context: Option<&str>) -> Flags {
    Flags {
        endpoint: endpoint.map(|url| by_flag(url.to_owned(), "--endpoint")),
        token_file: None,
        context: context.map(|name| by_flag(name.to_owned(), "--context")),
    }
}

fn by_flag<T>(value: T, flag: &'static str) -> Sourced<T> {
    Sourced { value, source: SettingSource::Flag(flag) }
}

fn token_file(path: impl Into<PathBuf>) -> Sourced<PathBuf> {
    by_flag(path.into(), "--token-file")
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let none = Flags::default();
    let empty = World::new(&[]);
    assert_eq!(empty.message(&none), "https://api.primeintellect.ai from the default; no token");

    let file = World::new(&[]).with(".prime/config.json", FILE);
    let message = "https://file.example.com from ~/.prime/config.json; Bearer from-file from ~/.prime/config.json";
    assert_eq!(file.message(&none), message);

    let both = World::new(&[("PRIME_API_KEY", "from-env"), ("PRIME_BASE_URL", "https://env.example.com/")])
        .with(".prime/config.json", FILE);
    assert_eq!(both.message(&none), "https://env.example.com from PRIME_BASE_URL; Bearer from-env from PRIME_API_KEY");

    let urls = [("PRIME_BASE_URL", "https://b.example.com"), ("PRIME_API_BASE_URL", "https://a.example.com")];
    assert_eq!(World::new(&urls).message(&none), "https://a.example.com from PRIME_API_BASE_URL; no token");

    let mut all = flags(Some("https://flag.example.com"), None);
    all.token_file = Some(token_file("-"));
    let both = World { stdin: b"from-stdin\n", ..both };
    assert_eq!(
        both.message(&all),
        "https://flag.example.com from --endpoint; Bearer from-stdin from standard input (--token-file)"
    );
}

#[test]
fn a_variable_that_is_empty_is_not_set() {
    let world = World::new(&[("PRIME_API_KEY", ""), ("PRIME_API_BASE_URL", ""), ("PRIME_CONTEXT", "")])
        .with(".prime/config.json", FILE);
    assert!(world.message(&Flags::default()).contains("from-file"));
}

#[test]
fn with_a_context_only_its_own_file_is_read() {
    let world = |variables: &[(&'static str, &str)]| {
        World::new(variables)
            .with(".prime/config.json", FILE)
            .with(".prime/environments/staging.json", STAGING)
            .with(".prime/environments/bare.json", "{}")
    };
    let file = "~/.prime/environments/staging.json";
    let staging = |by: &str| {
        let from = format!("{file} (context staging from {by})");
        format!("https://context.example.com from {from}; Bearer from-context from {from}")
    };
    assert_eq!(world(&[]).message(&flags(None, Some("staging"))), staging("--context"));
    assert_eq!(world(&[("PRIME_CONTEXT", "staging")]).message(&Flags::default()), staging("PRIME_CONTEXT"));
    assert_eq!(world(&[("PRIME_CONTEXT", "other")]).message(&flags(None, Some("staging"))), staging("--context"));

    // The token of one file never meets the endpoint of another.
    let nothing = "https://api.primeintellect.ai from the default; no token";
    assert_eq!(world(&[]).message(&flags(None, Some("bare"))), nothing);

    // The environment wins over a file, as it does for the vendor. A flag wins over the environment.
    let environment =
        [("PRIME_API_KEY", "from-env"), ("PRIME_BASE_URL", "https://env.example.com"), ("PRIME_CONTEXT", "staging")];
    let by_env = "https://env.example.com from PRIME_BASE_URL; Bearer from-env from PRIME_API_KEY";
    assert_eq!(world(&environment).message(&Flags::default()), by_env);
    assert_eq!(world(&environment).message(&flags(None, Some("staging"))), staging("--context"));
    // So it does over the variables of flags.
    let mut mixed = flags(None, Some("staging"));
    mixed.endpoint = Some(Sourced {
        value: "https://x.example.com".to_owned(),
        source: SettingSource::Variable("KEYFORM_ENDPOINT"),
    });
    mixed.token_file = Some(Sourced { value: "/none".into(), source: SettingSource::Variable("KEYFORM_TOKEN_FILE") });
    assert_eq!(world(&environment).message(&mixed), staging("--context"));
    mixed.context = None;
    let message = world(&environment).message(&mixed);
    assert!(
        message.starts_with("error: cannot read the token from the file that KEYFORM_TOKEN_FILE names: "),
        "{message}"
    );
    // What the context of the flag does not have comes from the environment, but an endpoint never does.
    let message = "https://api.primeintellect.ai from the default; Bearer from-env from PRIME_API_KEY";
    assert_eq!(world(&environment).message(&flags(None, Some("bare"))), message);
}

#[test]
fn the_context_production_is_built_in() {
    let message = "https://api.primeintellect.ai from the default; no token";
    for name in ["production", "PRODUCTION"] {
        assert_eq!(World::new(&[]).message(&flags(None, Some(name))), message);
        assert_eq!(World::new(&[("PRIME_CONTEXT", name)]).message(&Flags::default()), message);
        // A file of this name is not read, as by the vendor.
        let world = World::new(&[("PRIME_BASE_URL", "https://env.example.com")])
            .with(".prime/config.json", FILE)
            .with(&format!(".prime/environments/{name}.json"), STAGING);
        let message = format!(
            "https://api.primeintellect.ai from the default; Bearer from-file from ~/.prime/config.json (context {name} from \
             --context)"
        );
        assert_eq!(world.message(&flags(None, Some(name))), message);
    }
}

#[test]
fn a_token_in_place_of_a_file_name_is_not_shown() {
    for name in ["sk_live_hunter2", "pit_hunter2/with/slashes", &"hunter2".repeat(99)] {
        let error =
            World::new(&[]).resolve(&Flags { token_file: Some(token_file(name)), ..Flags::default() }).unwrap_err();
        let shown = format!("{error} {:?}", error.help());
        assert!(!shown.contains("hunter2") && shown.contains("--token-file"), "{shown}");
    }
    let world = World::new(&[]);
    let path = world.path(".prime");
    let error = world.resolve(&Flags { token_file: Some(token_file(path.clone())), ..Flags::default() }).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "a path that exists is shown: {error}");
}

#[test]
fn errors_about_settings_show_no_content() {
    let secret = r#"{"api_key": 5, "hunter2": }"#;
    let mut by_file = Flags { token_file: Some(token_file("/nonexistent/token")), ..Flags::default() };
    let mut message = vec![
        World::new(&[]).message(&flags(None, Some("absent"))),
        World::new(&[]).message(&flags(None, Some("../../etc/passwd"))),
        World::new(&[("PRIME_CONTEXT", "a/b")]).message(&Flags::default()),
        World::new(&[]).with(".prime/config.json", secret).message(&Flags::default()),
        World::new(&[]).with(".prime/config.json", r#"{"api_key":"hunter2 hunter2"}"#).message(&Flags::default()),
        World::new(&[]).with(".prime/config.json", r#"{"base_url":["hunter2"]}"#).message(&Flags::default()),
        World::new(&[("PRIME_API_BASE_URL", "http://example.com")]).message(&Flags::default()),
        World::new(&[("PRIME_API_KEY", "Bearer hunter2")]).message(&Flags::default()),
        World::new(&[]).message(&by_file),
    ];
    let world = World::new(&[]).with("big", &"x".repeat(2 << 20)).with("long", &"x".repeat(5000)).with("none", "\n");
    for file in ["big", "long", "none"] {
        by_file.token_file = Some(token_file(world.path(file)));
        message.push(world.message(&by_file));
    }
    let message = message.join("\n");
    assert!(!message.contains("hunter2"));
    insta::assert_snapshot!(message);
}

#[test]
fn a_broken_file_is_ignored_if_it_is_not_needed() {
    let world = World::new(&[("PRIME_API_KEY", "t")]).with(".prime/config.json", "{");
    assert!(world.resolve(&flags(Some("https://example.com"), None)).is_ok());
    assert!(world.resolve(&Flags::default()).is_err());
}

#[test]
fn a_missing_token_error_names_each_place_that_was_searched() {
    let world = World::new(&[]);
    let error = world.resolve(&Flags::default()).unwrap_err();
    let message = error.to_string().replace(world.home.path().to_str().unwrap(), "~");
    assert_eq!(message, "no token found in --token-file, PRIME_API_KEY or `api_key` in ~/.prime/config.json");
    assert!(error.help().unwrap().contains("--offline"));
}

#[cfg(unix)]
#[test]
fn a_token_file_that_others_may_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new(&[]).with("token", "t\n");
    let flags = Flags { token_file: Some(token_file(world.path("token"))), ..Flags::default() };
    for (mode, is_warned_of) in [(0o600, false), (0o640, true), (0o604, true), (0o444, false), (0o440, false)] {
        fs::set_permissions(world.path("token"), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(world.resolve(&flags).unwrap().warning(&|_| None).is_some(), is_warned_of, "{mode:o}");
    }
}

#[cfg(unix)]
#[test]
fn a_token_file_that_gitlab_writes_is_not_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new(&[]).with("project.tmp/TOKEN", "t\n").with("project/TOKEN", "t\n");
    let checkout = world.path("project");
    for (file, variable, is_warned_of) in [
        ("project.tmp/TOKEN", Some(checkout.as_path()), false),
        ("project.tmp/TOKEN", Some(checkout.parent().unwrap()), true),
        ("project.tmp/TOKEN", None, true),
        ("project/TOKEN", Some(checkout.as_path()), true),
    ] {
        fs::set_permissions(world.path(file), fs::Permissions::from_mode(0o666)).unwrap();
        let settings =
            world.resolve(&Flags { token_file: Some(token_file(world.path(file))), ..Flags::default() }).unwrap();
        let environment = |name: &str| variable.filter(|_| name == "CI_PROJECT_DIR").map(Into::into);
        assert_eq!(settings.warning(&environment).is_some(), is_warned_of, "{file} {variable:?}");
    }
}

#[test]
fn the_endpoint_is_resolved_without_a_token_or_standard_input() {
    let world = World::new(&[]).with(".prime/config.json", FILE);
    let flags = Flags { token_file: Some(token_file("/nonexistent")), ..Flags::default() };
    let found = resolve_endpoint(&flags, &|name| world.variables.get(name).cloned()).unwrap();
    assert_eq!(found.value.as_str(), "https://file.example.com");
}
