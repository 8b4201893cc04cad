//! The catalog and quotas.

pub(crate) mod products;
pub(crate) mod quotas;
