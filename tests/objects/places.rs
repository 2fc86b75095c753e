//! Stores, and runs of the program with a state in one of them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use keyform::emulator::Emulator;

use crate::support::bucket_server::{BUCKET, BucketServer, STORE_TOKEN, ServerMode};
use crate::support::keys;
use crate::support::program::{Folder, Ran, Run};
use crate::support::tools;

/// How long a lock lasts in tests that do not wait for its end. No machine is too slow to renew it.
const LONG_LEASE: Duration = Duration::from_mins(1);

/// The shortest lease of tests that wait for its end.
const MIN_LEASE: Duration = Duration::from_secs(3);

/// How many times as long as one run of the program a short lease is.
const RUNS_IN_LEASE: u32 = 40;

/// The account key of Azure's emulators, which everybody knows.
const AZURE_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A bucket, and the variables for it.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    scheme: &'static str,
    variables: Vec<(&'static str, String)>,
}

/// A manifest, an account and a state.
pub(crate) struct Site<'p> {
    pub(crate) place: &'p Place,
    pub(crate) folder: Folder,
    pub(crate) account: Emulator,
    /// A folder of its own.
    pub(crate) location: String,
    lease: Cell<Duration>,
}

/// Returns an emulated store, and its server.
pub(crate) fn emulated(mode: ServerMode) -> (Place, BucketServer) {
    let server = BucketServer::start(mode);
    let variables =
        vec![("STORAGE_EMULATOR_HOST", server.url()), ("GOOGLE_OAUTH_ACCESS_TOKEN", STORE_TOKEN.to_owned())];
    (Place { name: "emulated", scheme: "gs", variables }, server)
}

/// Returns the stores of servers that run, and the emulated one.
pub(crate) fn all() -> Vec<Place> {
    let real = [ceph(), s3("moto", "KEYFORM_TEST_MOTO"), azurite()];
    [emulated(ServerMode::default()).0].into_iter().chain(real.into_iter().flatten()).collect()
}

/// Returns the store in which the laws are tested: that of a real server if it runs.
pub(crate) fn of_record() -> Place {
    ceph().unwrap_or_else(|| emulated(ServerMode { loses_every: Some(7), ..ServerMode::default() }).0)
}

fn ceph() -> Option<Place> {
    s3("ceph", "KEYFORM_TEST_CEPH")
}

/// Returns the store of a server with the API of S3, unless its variable is not set.
pub(crate) fn s3(name: &'static str, variable: &str) -> Option<Place> {
    let url = tools::server(name, variable)?;
    // s3rver accepts no other credentials.
    let (key, secret) = if name == "s3rver" { ("S3RVER", "S3RVER") } else { ("test", "testsecret") };
    let variables = vec![
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", key.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ];
    Some(Place { name, scheme: "s3", variables })
}

fn azurite() -> Option<Place> {
    let url = tools::server("azurite", "KEYFORM_TEST_AZURITE")?;
    let variables = vec![
        ("AZURE_STORAGE_ENDPOINT", url),
        ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1".to_owned()),
        ("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY.to_owned()),
    ];
    Some(Place { name: "azurite", scheme: "az", variables })
}

impl<'p> Site<'p> {
    /// A manifest with the keys `key-0`, `key-1` and so on.
    pub(crate) fn new(place: &'p Place, keys: u64, account: Emulator) -> Self {
        let location = format!("{}://{BUCKET}/{}/keyform", place.scheme, uuid::Uuid::new_v4());
        let site = Self { place, folder: Folder::new(), account, location, lease: Cell::new(LONG_LEASE) };
        site.write(keys);
        site
    }

    /// Lets locks last as short as this machine, with all that it does at the moment, can renew them.
    pub(crate) fn with_short_lease(self) -> Self {
        let start = Instant::now();
        self.keyform("--version").run().expect(0);
        self.lease.set(MIN_LEASE.max(start.elapsed() * RUNS_IN_LEASE));
        self
    }

    /// Applies until an apply succeeds. One that could not renew its lock in time, because the machine was busy with other
    /// things, may be repeated: that is what it says. Nothing else may go wrong.
    pub(crate) fn converges(&self, arguments: &str) -> Ran {
        loop {
            let ran = self.keyform(arguments).run();
            if ran.code == Some(0) {
                return ran;
            }
            self.may_repeat(&ran);
        }
    }

    /// Asserts that a run failed because it could not renew its lock in time. Gives the next one more time.
    pub(crate) fn may_repeat(&self, ran: &Ran) {
        assert_eq!(ran.code, Some(1), "{}: {ran}", self.place.name);
        assert!(ran.stderr.contains("it was not renewed in time"), "{}: {ran}", self.place.name);
        let lease = self.lease.get() * 2;
        assert!(lease <= LONG_LEASE, "{}, with a lease of {lease:?}: {ran}", self.place.name);
        self.lease.set(lease);
    }

    pub(crate) fn write(&self, keys: u64) {
        let entry = |number| format!("  - name: key-{number}\n    publicKey: {}\n", keys::line(number));
        let entries: String = (0..keys).map(entry).collect();
        self.folder.write("keyform.yaml", format!("version: 1\nkeys:\n{entries}"));
    }

    pub(crate) fn keyform(&self, arguments: &str) -> Run<'_> {
        let run = self.folder.keyform(arguments).on(&self.account).env("KEYFORM_STATE", &self.location);
        let lease = self.lease.get().as_millis().to_string();
        let run = run.env("KEYFORM_TEST_LEASE_MS", &lease).env("KEYFORM_TEST_CAP_MS", "1000");
        self.place.variables.iter().fold(run, |run, (name, value)| run.env(name, value))
    }

    /// Runs, and asserts success.
    pub(crate) fn succeeds(&self, arguments: &str) -> Ran {
        let ran = self.keyform(arguments).run();
        assert_eq!(ran.code, Some(0), "{}: {ran}", self.place.name);
        ran
    }

    /// Asserts that each key is on the account once, and that its id is recorded.
    pub(crate) fn is_as_it_should_be(&self, keys: u64) {
        let mut rows: Vec<_> = self.account.api().rows().into_iter().filter(|row| row.is_user_key).collect();
        rows.sort_by(|a, b| a.public_key.cmp(&b.public_key));
        let mut wanted: Vec<_> = (0..keys).map(keys::line).collect();
        wanted.sort();
        let there: Vec<_> = rows.iter().map(|row| row.public_key.clone()).collect();
        assert_eq!(there, wanted, "{}", self.place.name);
        let listed = self.succeeds("state list --format json").stdout;
        let recorded: BTreeMap<String, serde_json::Value> = serde_json::from_str(&listed).unwrap();
        let mut recorded: Vec<_> = recorded.values().map(ToString::to_string).collect();
        recorded.sort();
        let mut ids: Vec<_> = rows.iter().map(|row| format!("\"{}\"", row.id)).collect();
        ids.sort();
        assert_eq!(recorded, ids, "{}: {listed}", self.place.name);
    }
}
