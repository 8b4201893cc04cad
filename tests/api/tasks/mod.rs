//! Background tasks and jobs.

pub(crate) mod kinds;
pub(crate) mod list;
