//! What goes wrong around the program, and what others notice of it: nothing.
//!
//! A full disk is in `tests/disk`, the end of the process in `tests/crash`, a panic in `tests/panic.rs`.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod clock;
mod crowd;
mod flood;
mod held;
mod log;
mod malformed;
mod memory;
mod patience;
#[expect(dead_code, reason = "shared with tests that use other parts of it")]
#[path = "../process_support/mod.rs"]
mod process_support;
mod seeds;
mod server;
mod snapshot;
mod tls;
