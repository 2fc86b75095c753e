//! One throwaway private key of each format.

#![allow(unreachable_pub, reason = "a module of several tests")]

macro_rules! keys {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../public_keys/private/", $name)))),*] };
}

/// Each with its name: the format and the algorithm.
pub const KEYS: [(&str, &str); 16] = keys![
    "openssh-ecdsa",
    "openssh-ed25519",
    "openssh-ed25519-encrypted",
    "openssh-rsa",
    "pem-dsa",
    "pem-ecdsa",
    "pem-rsa",
    "pem-rsa-encrypted",
    "pkcs8-ecdsa",
    "pkcs8-ed25519",
    "pkcs8-rsa",
    "pkcs8-rsa-encrypted",
    "putty-v2-ed25519",
    "putty-v3-ed25519",
    "putty-v3-rsa-encrypted",
    "sshcom-rsa",
];

/// The parts of a key that are secret, or could be: its base64, without the public half of a PuTTY file.
pub fn body(key: &str) -> impl Iterator<Item = &str> {
    let private = key.split_once("Private-Lines:").map_or(key, |(_, private)| private);
    private.lines().filter(|line| line.len() >= 8 && !line.contains([' ', ':']))
}

/// Whether the base64 of a key begins with a known structure: encrypted PEM, PuTTY's and ssh.com's do not.
pub fn is_known_bare(name: &str) -> bool {
    ["openssh", "pem", "pkcs8"].iter().any(|start| name.starts_with(start)) && name != "pem-rsa-encrypted"
}
