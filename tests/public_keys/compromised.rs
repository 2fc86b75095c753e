//! Which well-formed keys are compromised, and what other programs say of them.

use keyform::manifest::Code;
use keyform::public_key::{CompromiseCheck, CompromiseChecks, PrimeTests, PublicKey};

/// A line of `keys.tsv`, which `generate.py` writes.
struct Row {
    name: &'static str,
    key: &'static str,
    keyform: &'static str,
    badkeys: &'static str,
    ssh_keygen: &'static str,
    why: &'static str,
}

impl Row {
    fn all() -> Vec<Self> {
        let read = |line: &'static str| {
            let [name, key, keyform, badkeys, ssh_keygen, why] =
                line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            Self { name, key, keyform, badkeys, ssh_keygen, why }
        };
        include_str!("compromised/keys.tsv").lines().skip(1).map(read).collect()
    }

    /// Whether badkeys calls the key compromised. Its warnings are of lengths and exponents.
    fn is_bad(&self) -> bool {
        let fine = ["-", "notfound"];
        self.badkeys.split(", ").any(|found| !fine.contains(&found) && !found.starts_with("rsawarnings"))
    }
}

#[test]
fn each_key_has_the_verdict_of_the_table() {
    let rows = Row::all();
    let parsed: Vec<_> = rows.iter().map(|row| PublicKey::parse(row.key)).collect();
    let mut verdicts: Vec<String> = parsed
        .iter()
        .map(|parsed| parsed.as_ref().err().map_or("accepted", |error| Code::from(&error.kind).name()).to_owned())
        .collect();
    let (indices, keys): (Vec<_>, Vec<_>) =
        parsed.iter().enumerate().filter_map(|(index, parsed)| Some((index, parsed.as_ref().ok()?))).unzip();
    for (index, check) in CompromiseChecks::new(keys, PrimeTests::of(u64::MAX, 1)) {
        match check {
            CompromiseCheck::Passed => {}
            CompromiseCheck::Compromised(compromise) => {
                let message = compromise.to_string();
                let (before, why) = message.split_once(": ").unwrap();
                assert_eq!(before, "this key is compromised");
                why.clone_into(&mut verdicts[indices[index]]);
            }
            CompromiseCheck::PrimeUntested => panic!("{} is not tested", rows[indices[index]].name),
        }
    }
    for (row, verdict) in rows.iter().zip(verdicts) {
        assert_eq!(verdict, row.keyform, "{}", row.name);
    }
}

#[test]
fn each_difference_from_badkeys_is_explained() {
    for row in Row::all() {
        let differs = row.is_bad() != (row.keyform != "accepted");
        assert_eq!(differs, !row.why.is_empty(), "{}: {} and {}", row.name, row.keyform, row.badkeys);
    }
}

#[test]
fn ssh_keygen_accepts_all_but_the_key_that_is_too_short_for_it_and_counts_the_same_bits() {
    for row in Row::all() {
        match PublicKey::parse(row.key) {
            Ok(key) => assert_eq!(row.ssh_keygen, format!("{} {}", key.bits(), key.kind().name()), "{}", row.name),
            Err(_) => assert_eq!(row.ssh_keygen == "refused", row.name.contains("exagrid"), "{}", row.name),
        }
    }
}

#[test]
fn each_reason_is_in_the_table() {
    let reasons = ["published", "exponent", "divisible", "square", "close", "ROCA", "not random", "prime number"];
    for reason in reasons {
        assert!(Row::all().iter().any(|row| row.keyform.contains(reason)), "{reason}");
    }
}

#[test]
fn one_key_is_checked_as_many_are() {
    let rows = Row::all();
    let key = |name: &str| PublicKey::parse(rows.iter().find(|row| row.name == name).unwrap().key).unwrap();
    assert_eq!(key("rsa, 2048 bits").compromise(), None);
    assert!(key("prime of 2048 bits").compromise().is_some());
    assert!(key("hashicorp/vagrant:keys/vagrant.pub.ed25519").compromise().is_some());
}
