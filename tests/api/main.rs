//! Black-box tests of the HTTP surface, each against a server of its own. The folders mirror `src/http`: what tests
//! `http/api/instances/resize.rs` is `instances/resize.rs`.
//!
//! They know the wire contract and nothing of the program behind it. A file's `COVERS` says which routes it tests;
//! `coverage.rs` makes sure that none is left out.

// The body of an instance is one `json!` of more than sixty members.
#![recursion_limit = "256"]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod audit;
mod auth;
mod backups;
mod catalog;
mod clouds;
mod concurrency;
mod config;
mod control;
mod coverage;
mod coverage_page;
mod diagnoses;
mod exports;
mod failures;
mod framework;
mod hosts;
mod identity;
mod instances;
mod key_analyses;
mod logs;
mod migrations;
mod minor_versions;
mod monitored;
mod network;
mod networks;
mod nodes;
mod openapi;
mod orders;
mod probes;
mod races;
mod restores;
mod roles;
mod scheduled_scans;
mod sessions;
mod settings;
mod tasks;
mod terraform;
mod web_cli;
