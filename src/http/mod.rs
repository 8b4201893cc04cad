//! The wire: actix-web, and only here. Handlers unpack a request into values of the domain, call the engine, and wrap
//! what it returns; refusals become status, code and text in `error` alone.
//!
//! Begin with [`routes`], which concatenates the lists of all resources, and `context`, which takes a request to its handler.

mod api;
mod auth;
mod body;
mod connection;
mod context;
mod control;
mod error;
mod extract;
mod flexible;
#[cfg(feature = "tls")]
mod http2;
mod identity;
mod middleware;
mod networks;
mod openapi;
mod probes;
mod route;
pub mod routes;
pub mod server;
mod state;
mod time;
pub mod tls;

pub use auth::origin_check::{AllowedHosts, HostPattern, InvalidHostPattern};
pub use route::Operation;
pub use server::serve;
pub use state::{Compat, HttpSettings};
