//! What of an instance is on or off.
//!
//! Source: docs/contract/dcs-v2.md, sections 2.11 and 2.20.

use crate::domain::instance::{EngineVersion, Instance, InstanceAction};
use crate::domain::refusal::Refusal;
use crate::domain::task_kind::TaskKind;

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

    /// Returns whether connections to an instance of this version can be encrypted.
    pub fn can_encrypt(&self) -> bool {
        matches!(self.as_str(), "6.0" | "7.0")
    }
}
