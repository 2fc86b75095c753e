//! What a manifest may say, and what is answered if it is wrong.

#![cfg(test)]

mod agree;
mod files;
mod hostile;
mod output;
mod policy;
mod problems;
mod secrets;
mod support;
mod syntax;
