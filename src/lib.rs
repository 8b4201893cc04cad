//! x
pub mod ambient;
pub mod domain;
pub mod engine;
pub mod store;
