//! The identity service.

pub(crate) mod agencies;
pub(crate) mod logins;
pub(crate) mod projects;
pub(crate) mod services;
pub(crate) mod temporary_keys;
pub(crate) mod tokens;
