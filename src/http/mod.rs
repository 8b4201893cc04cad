//! The wire: actix-web, and only here. Handlers unpack a request into values of the domain, call the engine, and wrap
//! what it returns; refusals become status, code and text in `error` alone.
//!
//! Begin with [`routes`], the table of everything that can be called, and `endpoint`, the way of a request through it.

mod api;
mod auth;
mod body;
mod connection;
mod context;
mod control;
mod error;
mod extract;
mod flexible;
mod identity;
mod metrics;
mod middleware;
mod openapi;
mod operation;
mod probes;
pub mod routes;
pub mod server;
mod time;

pub use auth::origin_check::{AllowedHosts, HostPattern, InvalidHostPattern};
pub use control::seeded_faults::{at_start as faults_at_start, form as fault_form};
pub use operation::{Emulation, Operation};
pub use server::{Compat, HttpSettings, serve};
