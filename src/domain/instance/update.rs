//! What a caller wants changed of an instance, as far as it takes no time.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.10; docs/contract/dcs-v2.md, section 2.3.

use std::collections::BTreeMap;

use crate::domain::instance::create_request::{description, maintenance, port, rename_commands};
use crate::domain::instance::policy::{BackupPolicy, PolicyRequest};
use crate::domain::instance::{CacheMode, EngineVersion, Instance, InstanceAction, InstanceName};
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskKind;
use crate::domain::time::UtcOffset;

/// What a caller says. What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateInstanceRequest {
    /// The name.
    pub name: Option<String>,
    /// The description; one without characters removes it.
    pub description: Option<String>,
    /// When the window of maintenance begins and ends: both, or neither.
    pub maintenance: (Option<String>, Option<String>),
    /// The security group.
    pub security_group_id: Option<String>,
    /// When it is to be backed up by itself; takes the place of what was said before.
    pub policy: PolicyRequest,
    /// The port.
    pub port: Option<u64>,
    /// New names of commands; take the place of those that there are.
    pub rename_commands: Option<BTreeMap<String, String>>,
}

/// What is to change, checked as far as that does not depend on the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceUpdate {
    name: Option<InstanceName>,
    /// One without characters: there is to be none.
    description: Option<String>,
    maintenance: Option<MaintenanceWindow>,
    security_group_id: Option<String>,
    backup_policy: Option<BackupPolicy>,
    port: Option<u64>,
    rename_commands: Option<BTreeMap<String, String>>,
}

impl UpdateInstanceRequest {
    /// Checks what is said; `default_offset` is the zone of plans that name none.
    ///
    /// # Errors
    /// `InvalidInstanceName`, `DescriptionTooLong`, `InvalidMaintenance`, `InvalidBackupPolicy`; in this order.
    pub fn check(self, default_offset: UtcOffset) -> Result<InstanceUpdate, Refusal> {
        let name = self.name.map(InstanceName::try_from).transpose();
        Ok(InstanceUpdate {
            name: name.map_err(|_| Refusal::InvalidInstanceName)?,
            description: self.description.map(description).transpose()?,
            maintenance: maintenance(&self.maintenance)?,
            security_group_id: self.security_group_id,
            backup_policy: BackupPolicy::new(self.policy, default_offset)?,
            port: self.port,
            rename_commands: self.rename_commands,
        })
    }
}

impl InstanceUpdate {
    /// Returns when the instance is to be backed up by itself, if that is to change: clients send the policy there is along with
    /// everything else, and a run of it that waits for its next try goes on waiting.
    pub fn new_policy(&self, before: &Instance) -> Option<&BackupPolicy> {
        let kept = before.backup_policy.as_ref().map(|kept| &kept.policy);
        self.backup_policy.as_ref().filter(|wanted| Some(*wanted) != kept)
    }

    /// Returns whether it names a port, which may be the one that the instance has.
    pub fn names_a_port(&self) -> bool {
        self.port.is_some()
    }

    /// Returns what the audit says of it: what differs between `before` and `after`; none if nothing does.
    pub fn note(&self, before: &Instance, after: &Instance) -> Option<String> {
        let changed = [
            ("name", before.name != after.name),
            ("description", before.description != after.description),
            ("maintenance", before.maintenance != after.maintenance),
            ("security group", before.network != after.network),
            ("port", before.port != after.port),
            ("renamed commands", before.rename_commands != after.rename_commands),
            ("backup policy", self.new_policy(before).is_some()),
        ];
        let names: Vec<&str> =
            changed.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect();
        (!names.is_empty()).then(|| format!("changed {}", names.join(", ")))
    }

    /// Returns what the instance is like afterwards, but for its policy of backups, which is kept by itself.
    ///
    /// What waiting would not mend is refused first.
    ///
    /// # Errors
    /// `CacheModeUnsupported` for a policy of a single node, `InvalidParameter` (`port`, `rename_commands`) for what the first
    /// generation cannot have, `SecurityGroupUnsupported` for another security group of what only the first generation has, or the
    /// refusal of the instance's state; in this order.
    pub fn applied_to(&self, instance: &Instance) -> Result<Instance, Refusal> {
        if self.backup_policy.is_some() && instance.cache_mode == CacheMode::Single {
            return Err(Refusal::CacheModeUnsupported);
        }
        let is_first_generation = instance.engine_version.is_first_generation();
        let mut updated = instance.clone();
        // A client sends the port with everything, changed or not.
        if self.port.is_some_and(|port| port != u64::from(instance.port)) {
            updated.port = port(self.port, instance.engine, is_first_generation)?;
        }
        if let Some(names) = &self.rename_commands {
            updated.rename_commands = rename_commands(names.clone(), is_first_generation)?;
        }
        let group = self.security_group_id.as_ref();
        let is_other = group.is_some_and(|group| Some(group) != instance.network.security_group_id.as_ref());
        if is_other && !is_first_generation {
            return Err(Refusal::SecurityGroupUnsupported);
        }
        instance.permit(InstanceAction::Update)?;
        if let Some(name) = &self.name {
            updated.name = name.clone();
        }
        if let Some(description) = &self.description {
            updated.description = Some(description.clone()).filter(|text| !text.is_empty());
        }
        if let Some(window) = self.maintenance {
            updated.maintenance = window;
        }
        if let Some(group) = &self.security_group_id {
            updated.network.security_group_id = Some(group.clone());
        }
        Ok(updated)
    }
}

/// Something that is to be on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceSwitch {
    /// Whether connections are encrypted.
    Encryption(bool),
    /// Whether the instance sees the addresses of its clients.
    ClientIps(bool),
}

impl InstanceSwitch {
    /// Returns what the instance is like afterwards. What is on or off already stays so; that is no mistake.
    ///
    /// What waiting would not mend is refused first.
    ///
    /// # Errors
    /// `EncryptionUnsupported`, `ClientIpsUnsupported`; as [`Instance::permit`].
    pub fn applied_to(self, instance: &Instance) -> Result<Instance, Refusal> {
        let mut switched = instance.clone();
        match self {
            Self::Encryption(on) => {
                instance.engine_version.permit_encryption()?;
                switched.access.ssl = on;
            }
            Self::ClientIps(on) => {
                if instance.engine_version.is_first_generation() {
                    return Err(Refusal::ClientIpsUnsupported);
                }
                switched.sees_client_ips = on;
            }
        }
        instance.permit(InstanceAction::Configure)?;
        Ok(switched)
    }

    /// Returns what the audit says of it.
    pub fn note(self) -> &'static str {
        match self {
            Self::Encryption(true) => "encryption enabled",
            Self::Encryption(false) => "encryption disabled",
            Self::ClientIps(true) => "addresses of clients shown",
            Self::ClientIps(false) => "addresses of clients hidden",
        }
    }

    /// Returns its kind of background work.
    pub fn task(self) -> TaskKind {
        match self {
            Self::Encryption(_) => TaskKind::SwitchEncryption,
            Self::ClientIps(_) => TaskKind::SwitchClientIps,
        }
    }
}

impl EngineVersion {
    /// Decides whether connections to an instance of this version can be encrypted.
    ///
    /// # Errors
    /// `EncryptionUnsupported` before 6.0.
    pub fn permit_encryption(&self) -> Result<(), Refusal> {
        if self.can_encrypt() { Ok(()) } else { Err(Refusal::EncryptionUnsupported) }
    }

    /// Decides whether there is a certificate for clients of this version, whether connections can be encrypted or not.
    ///
    /// # Errors
    /// `EncryptionUnsupported`.
    pub fn permit_certificate(&self) -> Result<(), Refusal> {
        let has_one = self.can_encrypt() || self.as_str() == "5.0";
        if has_one { Ok(()) } else { Err(Refusal::EncryptionUnsupported) }
    }

    /// Returns whether connections to an instance of this version can be encrypted.
    pub fn can_encrypt(&self) -> bool {
        matches!(self.as_str(), "6.0" | "7.0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(order: UpdateInstanceRequest) -> Result<InstanceUpdate, Refusal> {
        order.check(UtcOffset::UTC)
    }

    #[test]
    fn nothing_said_changes_nothing_and_each_member_has_its_refusal() {
        assert_eq!(check(UpdateInstanceRequest::default()), Ok(InstanceUpdate::default()));
        let text = |text: &str| Some(text.to_owned());
        for (order, refusal) in [
            (
                UpdateInstanceRequest { name: text(""), ..UpdateInstanceRequest::default() },
                Refusal::InvalidInstanceName,
            ),
            (
                UpdateInstanceRequest {
                    description: Some("x".repeat(1025)),
                    ..UpdateInstanceRequest::default()
                },
                Refusal::DescriptionTooLong,
            ),
            (
                UpdateInstanceRequest {
                    maintenance: (text("02:00"), None),
                    ..UpdateInstanceRequest::default()
                },
                Refusal::InvalidMaintenance,
            ),
        ] {
            assert_eq!(check(order), Err(refusal));
        }
    }

    #[test]
    fn a_description_without_characters_removes_it() {
        let order =
            UpdateInstanceRequest { description: Some(String::new()), ..UpdateInstanceRequest::default() };
        assert_eq!(check(order).unwrap().description, Some(String::new()));
    }
}
