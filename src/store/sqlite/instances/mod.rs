//! Commands that change instances, each with its event in the audit.
//!
//! A command changes the tables only; what is cached of the instance is forgotten, and read again by whoever needs it next.

mod commands;
mod creation;
mod due;
pub(super) mod free;
mod network;
mod password;
mod placement;
mod planned;
mod record;
mod resize;
mod transition;
mod update;
mod waiting;

pub(super) use commands::change;
pub(super) use creation::ensure_project;
pub(super) use due::begin_due;
pub(super) use network::{apply_access, apply_bandwidth, end_expansion};
pub(super) use password::{has_colon as password_has_colon, read as kept_password};
pub(super) use record::{note, set_status, shown};
pub(super) use resize::finish_check;
pub(super) use transition::finish_transition;
pub(super) use update::delete;
