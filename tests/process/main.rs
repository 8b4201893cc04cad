//! The program as a process: how it starts, stops and refuses, and what it tells its caller.

#[path = "../process_support/mod.rs"]
mod process_support;

mod damage;
mod refusal;
mod settings;
mod start;
mod stop;
mod tools;
