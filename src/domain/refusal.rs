//! Every way the service can say no, once. How a refusal looks on the wire is `http::error`'s business alone.

use crate::domain::enterprise_project::EnterpriseProjectRefusal;
use crate::domain::networks::refusal::NetworkRefusal;

/// A part of a backup policy that can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyPart {
    /// `save_days`.
    SaveDays,
    /// `backup_type`.
    BackupType,
    /// `period_type`.
    PeriodType,
    /// `backup_at`.
    BackupAt,
    /// `begin_at`, and the zone that belongs to it.
    BeginAt,
}

/// The service understood who asks and what is asked, and refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The project id in the path is not 32 hexadecimal digits.
    #[error("malformed project id")]
    InvalidProjectId,
    /// The instance id in the path is not a UUID.
    #[error("malformed instance id")]
    InvalidInstanceId,
    /// A body is mandatory and none came.
    #[error("empty request body")]
    EmptyBody,
    /// The body is not a JSON object, or a member has an unusable type.
    #[error("request body is not a usable JSON object")]
    InvalidBody,
    /// A parameter of the query has a value it cannot have.
    #[error("invalid query parameter {name}")]
    InvalidQuery {
        /// The parameter's name, as it was sent.
        name: &'static str,
    },
    /// A member of the body or a part of the path has a value it cannot have.
    #[error("invalid parameter {name}")]
    InvalidParameter {
        /// The parameter's name, as the contract spells it.
        name: &'static str,
    },
    /// The id that the caller chose belongs to something already.
    #[error("something else has the id")]
    IdTaken,
    /// The network of a project does not do it.
    #[error(transparent)]
    Network(NetworkRefusal),
    /// The enterprise projects of an account do not do it.
    #[error(transparent)]
    EnterpriseProject(EnterpriseProjectRefusal),
    /// A remark has more characters than it may.
    #[error("remark too long")]
    RemarkTooLong,
    /// The instance is not there, is deleted, or belongs to another project: the three look the same.
    #[error("instance not found")]
    InstanceNotFound,
    /// The name of an instance is not as names are.
    #[error("malformed instance name")]
    InvalidInstanceName,
    /// The description of an instance has more characters than it may.
    #[error("description too long")]
    DescriptionTooLong,
    /// There is no such cache engine.
    #[error("unknown cache engine")]
    InvalidEngine,
    /// The cache engine, or the product, is not offered in the version.
    #[error("unknown version of the cache engine")]
    InvalidEngineVersion,
    /// The product is not sold in the size.
    #[error("unknown size")]
    InvalidCapacity,
    /// There is no such product.
    #[error("unknown product")]
    UnknownProduct,
    /// There is no such product of Redis 4.0 and later.
    #[error("unknown code of a product")]
    UnknownSpecCode,
    /// The product is of another cache engine.
    #[error("the product is of another cache engine")]
    ProductOfOtherEngine,
    /// The product is of other versions of the cache engine.
    #[error("the product is of other versions of the cache engine")]
    ProductOfOtherVersion,
    /// An instance must be in a private cloud.
    #[error("no private cloud is named")]
    InvalidVpc,
    /// An instance must be in a subnet.
    #[error("no subnet is named")]
    InvalidSubnet,
    /// An instance of the first generation must be in a security group.
    #[error("no security group is named")]
    InvalidSecurityGroup,
    /// The subnet is one of another VPC.
    #[error("the subnet is of another VPC")]
    SubnetOfOtherVpc,
    /// The subnet gives out no addresses.
    #[error("the subnet has no DHCP")]
    SubnetWithoutDhcp,
    /// The project has no such security group, and only those that it has can be named.
    #[error("security group unknown")]
    SecurityGroupNotFound,
    /// There is no such availability zone, or none is named.
    #[error("unknown availability zone")]
    UnknownZone,
    /// A single node is in one availability zone.
    #[error("more than one availability zone for a single node")]
    OneZoneOnly,
    /// Whether clients need no password is not said as it can be.
    #[error("invalid choice of access without password")]
    InvalidPasswordAccess,
    /// Only Memcached has a user, and only beside a password.
    #[error("invalid user of an instance")]
    InvalidAccessUser,
    /// A password is needed and none is given, or given and not needed.
    #[error("missing password")]
    MissingPassword,
    /// The password is too simple, or the old one.
    #[error("weak password")]
    WeakPassword,
    /// A password is given for an instance that is to need none.
    #[error("a password where none is needed")]
    PasswordUnwanted,
    /// Clients of the instance need no password, so there is none to change.
    #[error("the instance has no password")]
    PasswordFree,
    /// The window of maintenance is not one of those that are offered.
    #[error("invalid window of maintenance")]
    InvalidMaintenance,
    /// A part of a backup policy is wrong.
    #[error("invalid {0:?} of a backup policy")]
    InvalidBackupPolicy(PolicyPart),
    /// Another instance of the project has the name.
    #[error("another instance of the project has the name")]
    InstanceNameTaken,
    /// The list of instances to do something to is missing or empty.
    #[error("no instances are named")]
    NoInstances,
    /// The migration is not there, or belongs to another project.
    #[error("migration not found")]
    MigrationNotFound,
    /// The list of migrations to do something to is missing, empty or too long.
    #[error("no migrations are named")]
    NoMigrations,
    /// Only online migrations can be restarted.
    #[error("the migration is no online one")]
    NotOnlineMigration,
    /// The addresses of the instances of the migration cannot be exchanged, or not now.
    #[error("the addresses cannot be exchanged")]
    AddressExchangeUnsupported,
    /// The password of the target is another one.
    #[error("wrong password of an instance")]
    WrongInstancePassword,
    /// The list of instances to do something to is too long.
    #[error("too many instances are named")]
    TooManyInstances,
    /// There is no such action on an instance.
    #[error("unknown action")]
    InvalidAction,
    /// Instances of that kind never permit the action.
    #[error("the action is not possible on instances of that kind")]
    ActionUnsupported,
    /// The instance is paid for in advance, and ends with its subscription.
    #[error("the instance is prepaid")]
    InstancePrepaid,
    /// The project would have more instances than it may.
    #[error("the project's quota of instances is used up")]
    InstanceQuotaExceeded,
    /// The instances of the project would have more memory than they may.
    #[error("the project's quota of memory is used up")]
    MemoryQuotaExceeded,
    /// The instance has no such backup.
    #[error("backup not found")]
    BackupNotFound,
    /// The backup has no file: it is not finished, failed, or its file is gone.
    #[error("the backup has no file")]
    BackupNotUsable,
    /// A window of time starts after its end.
    #[error("the window of time starts after its end")]
    WindowReversed,
    /// The request carries no credentials.
    #[error("no credentials")]
    NoCredentials,
    /// The credentials are unknown or wrong.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The request is signed by an algorithm that is not emulated.
    #[error("signed by {name}")]
    UnsupportedAlgorithm {
        /// The algorithm.
        name: &'static str,
    },
    /// The credentials were good once.
    #[error("credentials expired")]
    CredentialsExpired,
    /// The credentials are good, but not for the project.
    #[error("credentials of another project")]
    OtherProject,
    /// The caller has no role in the project.
    #[error("no role in the project")]
    NoRole,
    /// The caller may only read.
    #[error("read-only role")]
    ReadOnly,
    /// The caller is denied the action.
    #[error("{action} is denied")]
    ActionDenied {
        /// The action, as policies name it.
        action: &'static str,
    },
    /// Backups and restores are switched off.
    #[error("backup and restore are switched off")]
    BackupUnsupported,
    /// The instance's cache mode does not permit backups.
    #[error("only master/standby instances can be backed up")]
    CacheModeUnsupported,
    /// A backup of the instance is waiting or running.
    #[error("a backup of the instance is open")]
    InstanceBackingUp,
    /// A restore of the instance is waiting or running.
    #[error("a restore of the instance is open")]
    InstanceRestoring,
    /// The instance is being created.
    #[error("the instance is being created")]
    InstanceCreating,
    /// The instance is restarting.
    #[error("the instance is restarting")]
    InstanceRestarting,
    /// The instance is being extended.
    #[error("the instance is being extended")]
    InstanceExtending,
    /// The instance is in another state that does not permit the operation.
    #[error("the instance's state does not permit the operation")]
    InstanceStateUnsupported,
    /// A configuration parameter is not one of the instance's, or cannot have the value.
    #[error("invalid value of the configuration parameter {name}")]
    InvalidConfiguration {
        /// Its name, as it was sent.
        name: String,
    },
    /// More memory is to be set aside than there is.
    #[error("more memory is to be set aside than there is")]
    ReservedMemoryTooLarge,
    /// An instance would have more tags than it may.
    #[error("too many tags")]
    TooManyTags,
    /// The first time of a scan is no time to come.
    #[error("invalid first time of a scan")]
    InvalidScanStart,
    /// The interval of a scan is no number of seconds.
    #[error("invalid interval of a scan")]
    InvalidScanInterval,
    /// A scan would be given up before it can have run.
    #[error("invalid timeout of a scan")]
    InvalidScanTimeout,
    /// A scan would look at too few or too many keys.
    #[error("invalid number of keys of a scan")]
    InvalidScanKeys,
    /// The engine's version cannot encrypt connections.
    #[error("the engine's version cannot encrypt connections")]
    EncryptionUnsupported,
    /// The switch of encryption has no usable value.
    #[error("invalid switch of encryption")]
    InvalidEncryption,
    /// The instance cannot become what is asked for.
    #[error("the instance cannot become that")]
    ResizeUnsupported,
    /// The instance would not be larger than it is.
    #[error("the instance would not be larger")]
    NotLarger,
    /// The instance cannot keep its data in the other way.
    #[error("the type of the instance cannot be changed so")]
    TypeChangeUnsupported,
    /// A zone of new replicas is none.
    #[error("invalid zones of new replicas")]
    InvalidReplicaZones,
    /// More zones are named than there will be new replicas.
    #[error("more zones than new replicas")]
    TooManyReplicaZones,
    /// The replicas to be removed are not named as they must be.
    #[error("invalid list of nodes")]
    InvalidNodeList,
    /// The node to be removed is no replica.
    #[error("the node is no replica")]
    NotAReplica,
    /// The master cannot be removed.
    #[error("the node is the master")]
    MasterNode,
    /// The only replica cannot be removed.
    #[error("the instance has one replica only")]
    OnlyReplica,
    /// The instance has no such node.
    #[error("unknown node")]
    UnknownNode,
    /// Master and standby of such an instance do not change places so.
    #[error("master and standby do not change places so")]
    SwapUnsupported,
    /// The node is a master, to which this is not done.
    #[error("the node is a master")]
    NodeUnsupported,
    /// The weight of a replica is no number from 0 to 100.
    #[error("invalid weight of a replica")]
    InvalidWeight,
    /// No replica of the shard may become master.
    #[error("all replicas have a weight of 0")]
    AllWeightsZero,
    /// The domain name for reading leads to no other replica.
    #[error("the domain name leads to no other replica")]
    LastAddress,
    /// The domain name for reading would lead to no replica that stays.
    #[error("the domain name leads to no replica that stays")]
    LastAddressOfReplicas,
    /// The id of a task has not the form of one.
    #[error("malformed task id")]
    InvalidTaskId,
    /// The instance has no such task.
    #[error("task not found")]
    TaskNotFound,
    /// A backup of the instance is analysed.
    #[error("the instance is analysed")]
    InstanceAnalysing,
    /// The instance gets a newer minor version.
    #[error("the instance is upgraded")]
    InstanceUpgrading,
    /// The instance has the latest minor versions already.
    #[error("there is nothing to upgrade")]
    NothingToUpgrade,
    /// The log that is asked for is none that an instance has.
    #[error("unknown kind of log")]
    InvalidLogType,
    /// There is no such report of a diagnosis.
    #[error("no such report of a diagnosis")]
    DiagnosisNotFound,
    /// There is no such search for big keys.
    #[error("no such search for big keys")]
    BigKeyScanNotFound,
    /// Big keys are looked for already.
    #[error("big keys are looked for already")]
    BigKeyScanRunning,
    /// The engine has no big keys to look for.
    #[error("the engine has no big keys to look for")]
    BigKeyScanUnsupported,
    /// There is no such search for hot keys.
    #[error("no such search for hot keys")]
    HotKeyScanNotFound,
    /// The engine's version has no hot keys to look for.
    #[error("the engine's version has no hot keys to look for")]
    HotKeyScanUnsupported,
    /// The engine's version does not look for expired keys.
    #[error("the engine's version does not look for expired keys")]
    ExpiredKeyScanUnsupported,
    /// There is no such analysis of a backup.
    #[error("no such analysis of a backup")]
    OfflineAnalysisNotFound,
    /// The engine's version has no backups that can be analysed.
    #[error("the engine's version has no backups that can be analysed")]
    OfflineAnalysisUnsupported,
    /// The task runs, and stays in the list until it has ended.
    #[error("the task is still running")]
    TaskRunning,
    /// The engine's version cannot see the addresses of clients.
    #[error("the engine's version cannot see the addresses of clients")]
    ClientIpsUnsupported,
    /// A shard would have more replicas than it may.
    #[error("too many replicas")]
    TooManyReplicas,
    /// An account cannot be as it is asked for, is not there, or cannot be changed at all.
    #[error("invalid account")]
    InvalidAccount,
    /// The engine's version has no accounts that could be listed.
    #[error("the engine's version has no accounts")]
    AccountsUnsupported,
    /// The instance would have more accounts than it may.
    #[error("too many accounts")]
    TooManyAccounts,
    /// The engine's version has no sessions to look at, or the node is stopped.
    #[error("the node has no sessions to look at")]
    SessionsUnsupported,
    /// The password of the instance, or of its account, is another one.
    #[error("wrong password of the instance")]
    WrongPassword,
    /// Instances of the version are in no security group.
    #[error("the engine's version is in no security group")]
    SecurityGroupUnsupported,
    /// There is no such order, or only of a project that the caller does not reach.
    #[error("order not found")]
    OrderNotFound,
    /// The order does not wait until it is paid.
    #[error("the order does not wait to be paid")]
    OrderNotPayable,
    /// No instance that is paid for in advance has the id.
    #[error("no such instance is paid for in advance")]
    ResourceNotFound,
    /// There is no such agency, or no such account.
    #[error("agency not found")]
    AgencyNotFound,
    /// There is no such template of parameters.
    #[error("template not found")]
    TemplateNotFound,
}

impl Refusal {
    /// Returns whether it is the state of the instance that forbids it: later it may be possible.
    pub fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::InstanceBackingUp
                | Self::InstanceRestoring
                | Self::InstanceCreating
                | Self::InstanceRestarting
                | Self::InstanceExtending
                | Self::InstanceAnalysing
                | Self::InstanceUpgrading
                | Self::InstanceStateUnsupported
        )
    }
}
