//! An emulator of the Distributed Cache Service (DCS), to be embedded or run as a server: instances, backups, migrations, orders and
//! identity over the wire contract of the service, kept in one SQLite file.
//!
//! # In a test, or in another program
//!
//! Begin with [`Emulator::builder`]. It starts an emulator in this process: in memory, on a free port, several at once if
//! need be; it stops when it is dropped.
//!
//! ```
//! use std::time::Duration;
//!
//! use dcs_emulator::Emulator;
//! use dcs_emulator::domain::origin::Origin;
//! use dcs_emulator::engine::{ApiVersion, CreateBackupRequest, InstanceRef, RecordsQuery};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Emulator::builder().ephemeral().demo().start().await?;
//!
//! // Over HTTP, as any client of the service does:
//! let url = format!("{}/v2/885cacf2d49d4bb6931ae668e9c07553/instances", emulator.url());
//! assert!(reqwest::get(url).await?.status().is_success());
//!
//! // Directly, without HTTP:
//! let instance = InstanceRef {
//!     project_id: "885cacf2d49d4bb6931ae668e9c07553".parse()?,
//!     instance_id: "5560df16-cebf-4473-95c4-d1b573c16e79".parse()?,
//! };
//! let engine = emulator.engine();
//! engine.create_backup(ApiVersion::V2, instance, CreateBackupRequest::default(), Origin::ANONYMOUS).await?;
//! let (backups, _) = engine.list_backups(instance, RecordsQuery::default()).await?;
//! assert_eq!(backups.total, 1);
//!
//! // The clock is moved: everything that comes due within a day is done.
//! emulator.control().advance(Duration::from_hours(24)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`EmulatorBuilder`] says what can be told to it, [`engine::Engine`] what can be called, [`engine::control::Control`] what
//! a test can set. `examples/embed.rs` and `examples/rust_test.rs` show more. For tests in other languages there is
//! `dcs-emulator run -- COMMAND`, and the control API below `/_emulator`.
//!
//! # Modules
//!
//! In reading order; each uses only those before it, and `ARCHITECTURE.md` says who may use whom:
//!
//! - [`domain`]: values and rules. Pure.
//! - [`clock`], [`ids`]: the injected sources of time and of random bits.
//! - [`store`]: what is kept, and the promise made about it; SQL lives here.
//! - [`engine`]: what the service does, one function a use case.
//! - [`http`]: the wire; actix-web lives here.
//! - [`config`], [`telemetry`]: how the program is told what to do, and how it tells what it does.
//! - [`emulator`]: all of it put together; the program and the tests start the same one.

pub mod domain;

pub mod clock;
pub mod ids;

pub mod store;

pub mod engine;

pub mod http;

pub mod config;

pub mod telemetry;

pub mod emulator;

pub use emulator::{Emulator, EmulatorBuilder, StartError};
