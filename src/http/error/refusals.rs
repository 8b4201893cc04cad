//! From a refusal to its code.

use crate::domain::refusal::{PolicyPart, Refusal};
use crate::engine::ApiVersion;
use crate::http::error::codes::{self as code, ErrorCode};

/// The one mapping from refusals to codes.
pub(super) fn refusal_code(refusal: &Refusal, api: ApiVersion) -> &'static ErrorCode {
    match refusal {
        Refusal::InvalidProjectId => &code::INVALID_PROJECT_ID,
        Refusal::InvalidInstanceId => &code::INVALID_INSTANCE_ID,
        Refusal::EmptyBody => &code::EMPTY_BODY,
        Refusal::InvalidBody => &code::INVALID_BODY,
        Refusal::InvalidQuery { .. } => match api {
            ApiVersion::V1 => &code::INVALID_QUERY,
            ApiVersion::V2 => &code::INVALID_GENERIC,
        },
        Refusal::InvalidParameter { .. } | Refusal::IdTaken => &code::INVALID_PARAMETER,
        Refusal::RemarkTooLong => &code::REMARK_TOO_LONG,
        Refusal::WindowReversed => &code::WINDOW_REVERSED,
        Refusal::NoCredentials => &code::NO_CREDENTIALS,
        Refusal::InvalidCredentials => &code::INVALID_CREDENTIALS,
        Refusal::CredentialsExpired => &code::CREDENTIALS_EXPIRED,
        Refusal::OtherProject => &code::OTHER_PROJECT,
        Refusal::NoRole => &code::NO_ROLE,
        Refusal::ReadOnly => &code::READ_ONLY,
        Refusal::ActionDenied { .. } => &code::ACTION_DENIED,
        Refusal::InvalidInstanceName => &code::INVALID_INSTANCE_NAME,
        Refusal::DescriptionTooLong => &code::DESCRIPTION_TOO_LONG,
        Refusal::InvalidEngine => &code::INVALID_ENGINE,
        Refusal::InvalidEngineVersion => &code::INVALID_ENGINE_VERSION,
        Refusal::InvalidCapacity => &code::INVALID_CAPACITY,
        Refusal::UnknownProduct => match api {
            ApiVersion::V1 => &code::INVALID_PRODUCT,
            ApiVersion::V2 => &code::INVALID_SPEC_CODE,
        },
        Refusal::ProductOfOtherEngine => match api {
            ApiVersion::V1 => &code::PRODUCT_OF_OTHER_ENGINE,
            ApiVersion::V2 => &code::INVALID_PRODUCT,
        },
        Refusal::InvalidVpc => &code::INVALID_VPC,
        Refusal::InvalidSubnet => &code::INVALID_SUBNET,
        Refusal::InvalidSecurityGroup => &code::INVALID_SECURITY_GROUP,
        Refusal::UnknownZone => &code::UNKNOWN_ZONE,
        Refusal::OneZoneOnly => &code::ONE_ZONE_ONLY,
        Refusal::InvalidPasswordAccess => &code::INVALID_PASSWORD_ACCESS,
        Refusal::InvalidAccessUser => &code::INVALID_ACCESS_USER,
        Refusal::MissingPassword => &code::MISSING_PASSWORD,
        Refusal::WeakPassword => &code::WEAK_PASSWORD,
        Refusal::PasswordUnwanted => &code::PASSWORD_UNWANTED,
        Refusal::PasswordFree => &code::PASSWORD_FREE,
        Refusal::InvalidMaintenance => &code::INVALID_MAINTENANCE,
        Refusal::InvalidBackupPolicy(part) => policy_code(*part),
        Refusal::InstanceNameTaken => &code::INSTANCE_NAME_TAKEN,
        Refusal::InstanceQuotaExceeded => &code::INSTANCE_QUOTA_EXCEEDED,
        Refusal::MemoryQuotaExceeded => &code::MEMORY_QUOTA_EXCEEDED,
        Refusal::InstanceNotFound => &code::INSTANCE_NOT_FOUND,
        Refusal::NoInstances => &code::NO_INSTANCES,
        Refusal::TooManyInstances => &code::TOO_MANY_INSTANCES,
        Refusal::InvalidAction => &code::INVALID_ACTION,
        Refusal::InstancePrepaid => &code::PREPAID,
        Refusal::BackupNotFound => match api {
            // Known quirk: the tables have no "backup not found" for v1.0; 404 is what its clients take as "gone".
            ApiVersion::V1 => &code::UNKNOWN_ROUTE,
            ApiVersion::V2 => &code::BACKUP_NOT_FOUND,
        },
        Refusal::BackupNotUsable => &code::BACKUP_NOT_USABLE,
        Refusal::BackupUnsupported => &code::BACKUP_UNSUPPORTED,
        Refusal::CacheModeUnsupported => &code::CACHE_MODE_UNSUPPORTED,
        Refusal::InstanceBackingUp => &code::BACKING_UP,
        Refusal::InstanceRestoring => &code::RESTORING,
        Refusal::InstanceCreating => &code::CREATING,
        Refusal::InstanceRestarting => &code::RESTARTING,
        Refusal::InstanceExtending => &code::EXTENDING,
        Refusal::InstanceStateUnsupported | Refusal::ActionUnsupported => &code::STATE_UNSUPPORTED,
        Refusal::InvalidConfiguration { .. } => &code::INVALID_CONFIGURATION,
        Refusal::ReservedMemoryTooLarge => &code::RESERVED_MEMORY_TOO_LARGE,
        Refusal::TooManyTags => &code::TOO_MANY_TAGS,
        Refusal::InvalidScanStart => &code::INVALID_SCAN_START,
        Refusal::InvalidScanInterval => &code::INVALID_SCAN_INTERVAL,
        Refusal::InvalidScanTimeout => &code::INVALID_SCAN_TIMEOUT,
        Refusal::InvalidScanKeys => &code::INVALID_SCAN_KEYS,
        Refusal::EncryptionUnsupported => &code::ENCRYPTION_UNSUPPORTED,
        Refusal::InvalidEncryption => &code::INVALID_ENCRYPTION,
        Refusal::ResizeUnsupported => &code::RESIZE_UNSUPPORTED,
        Refusal::NotLarger => &code::NOT_LARGER,
        Refusal::TypeChangeUnsupported => &code::TYPE_CHANGE_UNSUPPORTED,
        Refusal::InvalidReplicaZones => &code::INVALID_REPLICA_ZONES,
        Refusal::TooManyReplicaZones | Refusal::TooManyReplicas => &code::TOO_MANY_REPLICAS,
        Refusal::InvalidNodeList => &code::INVALID_NODE_LIST,
        Refusal::NotAReplica => &code::NOT_A_REPLICA,
        Refusal::MasterNode => &code::MASTER_NODE,
        Refusal::OnlyReplica => &code::ONLY_REPLICA,
        Refusal::UnknownNode => &code::UNKNOWN_NODE,
        Refusal::InvalidTaskId => &code::INVALID_TASK_ID,
        Refusal::TaskNotFound => match api {
            ApiVersion::V1 => &code::UNKNOWN_ROUTE,
            ApiVersion::V2 => &code::INVALID_TASK_ID,
        },
        Refusal::TaskRunning => match api {
            ApiVersion::V1 => &code::TASK_RUNNING,
            ApiVersion::V2 => &code::TASK_STATE_UNSUPPORTED,
        },
        Refusal::ClientIpsUnsupported => &code::CLIENT_IPS_UNSUPPORTED,
        Refusal::TemplateNotFound => &code::TEMPLATE_NOT_FOUND,
    }
}

fn policy_code(part: PolicyPart) -> &'static ErrorCode {
    match part {
        PolicyPart::SaveDays => &code::POLICY_SAVE_DAYS,
        PolicyPart::BackupType => &code::POLICY_BACKUP_TYPE,
        PolicyPart::PeriodType => &code::POLICY_PERIOD_TYPE,
        PolicyPart::BackupAt => &code::POLICY_BACKUP_AT,
        PolicyPart::BeginAt => &code::POLICY_BEGIN_AT,
    }
}
