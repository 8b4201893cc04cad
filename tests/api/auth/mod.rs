//! Who is let in, and to what.

pub(crate) mod auto_projects;
pub(crate) mod gateway;
pub(crate) mod modes;
pub(crate) mod signatures;
pub(crate) mod strangers;
pub(crate) mod tenants;
