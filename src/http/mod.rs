//! The wire: actix-web, and only here. Handlers unpack a request into values of the domain, call the engine, and wrap
//! what it returns; refusals become status, code and text in `error` alone.
//!
//! Begin with [`routes`], the table of everything that can be called, and `endpoint`, the way of a request through it.

mod answer;
mod endpoint;
mod error;
mod error_code;
mod extract;
mod metrics;
mod operation;
mod probes;
pub mod routes;
pub mod server;
mod time;
mod v1;

pub use operation::Operation;
pub use server::{HttpSettings, serve};
