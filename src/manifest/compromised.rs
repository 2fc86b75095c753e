//! Finds keys whose private key is not secret.

use super::code::Code;
use super::contents::Contents;
use super::diagnostic::{Diagnostic, Problems, Severity};
use crate::public_key::{CompromiseCheck, CompromiseChecks, PrimeTests};

pub(crate) fn check(files: &[Contents], problems: &mut Problems, mut progress: impl FnMut(usize)) {
    let keys: Vec<_> = files
        .iter()
        .flat_map(|file| file.entries().iter().filter_map(|entry| Some((&file.file, entry.key.as_ref()?))))
        .collect();
    let mut untested = Vec::new();
    let checks = CompromiseChecks::new(keys.iter().map(|(_, key)| &key.value), PrimeTests::SECONDS);
    let slow = checks.slow();
    for (index, check) in checks {
        let Some((file, key)) = keys.get(index) else { continue };
        if key.value.kind().is_rsa() {
            progress(slow);
        }
        match check {
            CompromiseCheck::Passed => {}
            CompromiseCheck::Compromised(compromise) => problems.add(
                Diagnostic::error(Code::KeyCompromised, file, &key.range, compromise.to_string())
                    .help(compromise.help()),
            ),
            CompromiseCheck::PrimeUntested => untested.push(index),
        }
    }
    if let Some((file, key)) = untested.iter().min().and_then(|&first| keys.get(first)) {
        let keys = match untested.len() {
            1 => "this key was".to_owned(),
            count => format!("this key and {} more were", count - 1),
        };
        let message =
            format!("{keys} not tested for a prime modulus: the RSA keys are too many or too long to test them all");
        problems.add(
            Diagnostic::at(Severity::Warning, Code::KeyUntested, file, &key.range, message)
                .help("use Ed25519 keys; plan and apply test the keys that they add"),
        );
    }
}
