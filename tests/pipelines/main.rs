//! The examples of pipelines, run: their YAML is read as the forge reads it, and the shell in it is run by a real bash,
//! with the real git, in fresh clones of a temporary repository, against an emulated account.

#![cfg(test)]
#![allow(unreachable_pub, reason = "what the modules of a test say to each other is not said to anybody else")]

#[path = "../support/mod.rs"]
mod support;

mod component;
mod expression;
mod forge;
mod github;
mod gitlab;
mod gitlab_attacks;
mod job;
mod pipeline;
mod project;
mod rehearsal;
mod releases;
mod repository;
mod rules;
mod steps;
mod workflows;
