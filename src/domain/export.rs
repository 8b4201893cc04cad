//! Exports of the list of a project's instances, as a table.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 10.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::domain::id::JobId;
use crate::domain::instance::{Instance, InstanceStatus};
use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, UtcOffset};

/// How many exports of a project are kept at most: the oldest one goes.
pub const MAX_EXPORTS: usize = 100;
/// The most instances that can be named one by one.
const MAX_NAMED: usize = 1000;
/// The longest name of a region, in bytes.
const MAX_REGION_LENGTH: usize = 64;

/// An export, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceExport {
    /// The id of its job.
    pub id: JobId,
    /// The name of its file.
    pub file_name: String,
    /// Which instances it lists.
    pub filter: ExportFilter,
    /// The table; none until it is made.
    pub table: Option<String>,
}

/// Which instances an export lists: those that are like all that is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of the body")]
pub struct ExportFilter {
    /// Their ids; none: any.
    pub included_instances: Vec<String>,
    pub name: Option<String>,
    pub capacity: Option<String>,
    pub instance_id: Option<String>,
    pub ip: Option<String>,
    pub available_zone: Option<String>,
    pub status: Option<String>,
    pub product_type: Option<String>,
    pub cache_mode: Option<String>,
    pub engine: Option<String>,
    pub engine_version: Option<String>,
    pub cpu_type: Option<String>,
    pub enterprise_project_id: Option<String>,
    pub charging_mode: Option<String>,
    pub tags: Option<String>,
}

/// Returns the name of the file of an export.
///
/// # Errors
/// `InvalidParameter` with `region` unless that is a name of letters, digits, dashes and underscores.
pub fn export_name(region: &str, now: Timestamp) -> Result<String, Refusal> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if region.is_empty() || region.len() > MAX_REGION_LENGTH || !region.bytes().all(is_plain) {
        return Err(Refusal::InvalidParameter { name: "region" });
    }
    Ok(format!("DCS_{region}_{}.xls", &now.compact_local(UtcOffset::UTC)[..8]))
}

impl ExportFilter {
    /// Decides whether it can be kept.
    ///
    /// # Errors
    /// `InvalidParameter` with `included_instances` for too many ids.
    pub fn check(self) -> Result<Self, Refusal> {
        if self.included_instances.len() > MAX_NAMED {
            return Err(Refusal::InvalidParameter { name: "included_instances" });
        }
        Ok(self)
    }

    /// Returns whether it lets an instance through. One whose creation failed must be asked for, as in lists.
    pub fn matches(&self, instance: &Instance) -> bool {
        let id = instance.id.to_string();
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        let holds = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| found.contains(wanted))
        };
        let family = instance.product().family;
        let capacity = instance.capacity.as_gigabytes().to_string();
        let is_shown = instance.status != InstanceStatus::CreateFailed || self.status.is_some();
        let zone = self.available_zone.as_ref();
        let included = &self.included_instances;
        is_shown
            && (included.is_empty() || included.iter().any(|named| named.eq_ignore_ascii_case(&id)))
            && holds(&self.name, instance.name.as_str())
            && is(&self.capacity, &capacity)
            && is(&self.instance_id, &id)
            && holds(&self.ip, &instance.ip)
            && zone.is_none_or(|zone| instance.zone_codes.contains(zone))
            && is(&self.status, instance.status.as_str())
            && is(&self.product_type, family.edition.as_str())
            && is(&self.cache_mode, instance.cache_mode.as_str())
            && is(&self.engine, instance.engine.as_str())
            && is(&self.engine_version, instance.engine_version.as_str())
            && is(&self.cpu_type, family.cpu.as_str())
            && is(&self.enterprise_project_id, &instance.enterprise_project_id)
            && is(&self.charging_mode, &instance.billing.charging_mode().to_string())
            && self.has_tags(instance)
    }

    /// Returns whether an instance has the tags, which are written as `key=value`, with commas between.
    fn has_tags(&self, instance: &Instance) -> bool {
        let wanted = self.tags.as_deref().unwrap_or_default().split(',').filter(|tag| !tag.is_empty());
        wanted.into_iter().all(|wanted| {
            let (key, value) = wanted.split_once('=').unwrap_or((wanted, ""));
            instance.tags.iter().any(|tag| tag.key.as_str() == key && tag.value.as_str() == value)
        })
    }
}

/// The head of a table: the names of its columns.
pub const TABLE_HEAD: &str = "name,instance_id,status,engine,engine_version,cache_mode,capacity,spec_code,ip,port,\
                              available_zones,charging_mode,enterprise_project_id,created_at\n";

/// Writes an instance behind the rows of a table.
pub fn write_row(table: &mut String, instance: &Instance) {
    let columns = [
        instance.name.as_str(),
        &instance.id.to_string(),
        instance.status.as_str(),
        instance.engine.as_str(),
        instance.engine_version.as_str(),
        instance.cache_mode.as_str(),
        &instance.capacity.as_gigabytes().to_string(),
        &instance.spec_code,
        &instance.ip,
        &instance.port.to_string(),
        &instance.zone_codes.join(","),
        &instance.billing.charging_mode().to_string(),
        &instance.enterprise_project_id,
        &instance.created_at.to_string(),
    ];
    for (place, column) in columns.into_iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        // Writing to a text never fails.
        let _ = if column.contains([',', '"', '\n', '\r']) {
            write!(table, "{comma}\"{}\"", column.replace('"', "\"\""))
        } else {
            write!(table, "{comma}{column}")
        };
    }
    table.push('\n');
}
