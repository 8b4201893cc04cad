//! The wire: actix-web, and only here. Handlers unpack a request into values of the domain, call the engine, and wrap
//! what it returns; refusals become status, code and text in `error` alone.
//!
//! Begin with [`routes`], the table of everything that can be called, and `endpoint`, the way of a request through it.

mod auth;
mod backups;
mod body;
mod catalogue;
mod catalogue_view;
mod connection;
mod control;
mod endpoint;
mod error;
mod error_code;
mod extract;
mod flexible;
mod identity;
mod instance_batch;
mod instance_counts;
mod instance_creation;
mod instance_deletion;
mod instance_password;
mod instance_placement;
mod instance_size;
mod instance_status;
mod instance_update;
mod instance_view;
mod instances;
mod links;
mod metrics;
mod middleware;
mod node_switch;
mod nodes;
mod openapi;
mod operation;
mod origin_check;
mod policy_view;
mod probes;
mod record_body;
mod record_view;
mod restores;
pub mod routes;
pub mod server;
mod side;
mod signature;
mod stubs;
mod tasks;
mod time;
mod v1;
mod v2;

pub use control::seeded_faults::{at_start as faults_at_start, form as fault_form};
pub use operation::{Emulation, Operation};
pub use origin_check::{AllowedHosts, HostPattern, InvalidHostPattern};
pub use server::{Compat, HttpSettings, serve};
