//! Values and rules of the service. Pure: no async, no IO, no clock. Records that are stored and shown as JSON derive serde's traits.
//!
//! Begin with [`instance`], its permissions and transitions, and [`backup`], the simplest record with a state machine. Each
//! way the service can say no is a [`refusal::Refusal`]; how that looks on the wire is not known here.

pub mod account;
mod analysis_kind;
pub mod background_work;
pub mod backup;
pub mod backup_file;
pub mod builtin;
pub mod catalogue;
pub mod certificate;
pub mod clock;
pub mod config_template;
pub mod contents;
pub mod diagnosis;
pub mod enterprise_project;
pub mod export;
pub mod fault;
pub mod id;
pub mod identity;
pub mod instance;
pub mod instance_config;
pub mod key_analysis;
pub mod link;
pub mod maintenance;
pub mod migration;
pub mod network;
pub mod networks;
pub mod order;
pub mod origin;
pub mod page;
pub mod quota;
pub mod refusal;
pub mod remark;
pub mod restore;
pub mod run_log;
pub mod schedule;
pub mod service;
pub mod session;
pub mod slow_log;
pub mod snapshot;
pub mod task;
pub mod time;
pub mod web_cli;
pub mod work;
