//! Instances.

pub(crate) mod counts;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod list_v2;
pub(crate) mod maintenance;
pub(crate) mod password;
pub(crate) mod permissions;
pub(crate) mod placement;
pub(crate) mod replicas;
pub(crate) mod resize;
pub(crate) mod resize_check;
pub(crate) mod search;
pub(crate) mod states;
pub(crate) mod status;
pub(crate) mod update;
