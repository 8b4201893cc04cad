//! The store on SQLite: one file, one writing task, a pool of read-only connections.
//!
//! SQLite has one writer, so the program has one: `writer` owns the writing connection and commits what waits in one
//! transaction (group commit). WAL with `synchronous = FULL`: a commit has been synced to disk when it returns, and
//! readers never wait for the writer. `file` decides whether a file may be opened at all.

mod access_lock;
mod accounts;
mod background_work;
mod backups;
mod change;
mod check;
mod contents;
mod control;
mod copying;
mod database;
mod diagnoses;
mod documents;
mod enterprise_projects;
mod events;
mod exports;
mod file;
mod file_lock;
mod file_watch;
mod identity;
mod instance_cache;
mod instance_config;
mod instances;
mod key_analyses;
mod links;
mod logins;
mod migrations;
mod minor_versions;
mod networks;
mod nodes;
mod open;
mod open_work;
mod options;
mod orders;
mod paths;
mod placed_orders;
mod quotas;
mod reader;
mod reset;
mod restores;
mod retention;
mod run_logs;
mod scheduling;
mod script;
mod seeding;
mod sessions;
mod settings;
mod snapshots;
mod sql;
mod stored_nodes;
mod tasks;
mod templates;
mod transitions;
mod web_cli;
mod writer;

pub use check::{CheckReport, check};
pub use database::SqliteStore;
pub use options::Location;
pub use reader::{LentConnection, ReadPool};
