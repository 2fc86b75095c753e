//! What a manifest may say, and what is answered if it is wrong.

#![cfg(test)]

mod agree;
mod edit;
mod encodings;
mod files;
mod hostile;
mod made;
mod output;
mod pasted;
mod policy;
#[path = "../support/private_keys.rs"]
mod private_keys;
mod problems;
mod revoked;
mod secrets;
mod support;
mod syntax;
