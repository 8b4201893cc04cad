//! The identity service.

pub(crate) mod logins;
pub(crate) mod projects;
pub(crate) mod tokens;
