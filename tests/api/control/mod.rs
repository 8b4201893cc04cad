//! The control API.

pub(crate) mod callers;
pub(crate) mod chosen_ids;
pub(crate) mod clock_ids_reset;
pub(crate) mod contents;
pub(crate) mod disconnects;
pub(crate) mod export;
pub(crate) mod faults;
pub(crate) mod instance_state;
pub(crate) mod place;
pub(crate) mod requests;
pub(crate) mod rows;
pub(crate) mod seed;
pub(crate) mod snapshot_files;
pub(crate) mod snapshots;
pub(crate) mod transitions;
