//! Nodes of instances.

pub(crate) mod list;
pub(crate) mod switch;
