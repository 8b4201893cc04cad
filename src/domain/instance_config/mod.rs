//! The configuration of an instance: parameters, tags, a list of addresses that may connect, scans that run by
//! themselves, a policy of bandwidth.
//!
//! Source: docs/contract/dcs-v2.md, sections 2.8 to 2.11 and 2.20; docs/contract/dcs-v1.0.md, sections 2.18, 2.19 and 2.22 to 2.24.

mod config;
mod parameter_table;
mod parameters;
mod scans;
mod tags;
mod whitelist;

pub use config::{ChangedParameter, ConfigChange, Dated, InstanceConfig};
pub use parameters::{Parameter, ParameterChange, ParameterRange, Parameters};
pub use scans::{BandwidthPolicy, DailyScan, ExpiredKeyScan, ScaleIn, ScanTime, scan_start};
pub use tags::{Tag, TagAction, TagKey, TagValue, Tags};
pub use whitelist::{Whitelist, WhitelistGroup};
