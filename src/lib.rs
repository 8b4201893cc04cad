//! dcs-emulator: an embedded, persistent backup-record engine that speaks the wire contract of the Distributed Cache
//! Service (DCS).
//!
//! The rooms, in reading order; each uses only those before it, and `ARCHITECTURE.md` says who may use whom:
//!
//! - [`domain`]: values and rules. Pure.
//! - [`ambient`]: the time, random bits, how long something took.
//! - [`store`]: what is kept, and the promise made about it; SQL lives here.
//! - [`engine`]: what the service does, one function a use case.
//! - [`http`]: the wire; actix-web lives here.
//! - [`config`], [`cli`], [`telemetry`]: how the program is told what to do, and how it tells what it does.
//! - [`emulator`]: all of it put together; the program and the tests start the same one.

pub mod domain;

pub mod ambient;

pub mod store;

pub mod engine;

pub mod http;

pub mod config;

pub mod cli;

pub mod telemetry;

pub mod emulator;
