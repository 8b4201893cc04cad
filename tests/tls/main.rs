//! HTTPS of the real program: who trusts what it prints is served by whatever name, and who does otherwise is told so.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod clear_ends;
mod files;
mod http2;
#[expect(dead_code, reason = "shared with tests that use other parts of it")]
#[path = "../process_support/mod.rs"]
mod process_support;
mod trust;
