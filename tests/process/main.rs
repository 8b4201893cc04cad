//! The program as a process: how it starts, stops and refuses, and what it tells its caller.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[expect(dead_code, reason = "shared with tests that use other parts of it")]
#[path = "../process_support/mod.rs"]
mod process_support;

mod audit;
mod control;
mod control_place;
mod damage;
mod files;
mod first_start;
mod hosts;
mod logs;
mod networks;
mod refusal;
mod reproducible;
mod run;
mod settings;
mod snapshots;
mod start;
mod stop;
mod time;
mod tools;
mod upgrade;
