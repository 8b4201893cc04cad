//! Black-box tests of the HTTP surface: one file a family, each against a server of its own.
//!
//! They know the wire contract and nothing of the program behind it. A file's `COVERS` says which routes it tests;
//! `coverage.rs` makes sure that none is left out.

// The body of an instance is one `json!` of more than sixty members.
#![recursion_limit = "256"]

#[path = "../support/mod.rs"]
mod support;

mod audit;
mod auth;
mod auto_projects;
mod backups_create;
mod backups_delete;
mod backups_list;
mod catalogue;
mod concurrency;
mod configs;
mod control;
mod control_callers;
mod control_faults;
mod control_place;
mod control_requests;
mod control_rows;
mod control_transitions;
mod coverage;
mod disconnects;
mod encryption;
mod export;
mod failures;
mod framework;
mod identity;
mod instance_counts;
mod instance_creation;
mod instance_deletion;
mod instance_password;
mod instance_placement;
mod instance_replicas;
mod instance_search;
mod instance_size;
mod instance_status;
mod instance_update;
mod instances;
mod links;
mod links_host;
mod maintenance;
mod node_switch;
mod nodes;
mod openapi;
mod pinned_ids;
mod plan;
mod policies;
mod policies_faults;
mod policies_model;
mod policies_retention;
mod probes;
mod projects;
mod quotas;
mod races;
mod restores;
mod restores_list;
mod seed;
mod settings;
mod side_jobs;
mod side_settings;
mod signatures;
mod snapshot_files;
mod snapshots;
mod states;
mod strangers;
mod stubs;
mod tags;
mod task_kinds;
mod tasks;
mod templates;
mod tenants;
mod terraform;
mod time;
mod tokens;
mod v2_backups;
mod v2_instances;
