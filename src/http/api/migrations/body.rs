//! What callers say of migrations.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::id::MigrationId;
use crate::domain::identity::Secret;
use crate::domain::instance::InstanceName;
use crate::domain::migration::{
    ExchangeRequest, ImportFile, MigrationKind, MigrationMethod, MigrationNetwork, ResumeMode,
};
use crate::domain::refusal::Refusal;
use crate::engine::{
    ConfigureMigrationRequest, CreateMigrationRequest, MigrationSourceRequest, NewOnlineMigration,
    RequestedEndpoint,
};
use crate::http::flexible::{self, Flexible};

/// How many characters a description has at most.
const MAX_DESCRIPTION_LENGTH: usize = 1024;
/// How many characters another text has at most: addresses, the name of a file or of a bucket.
const MAX_TEXT_LENGTH: usize = 1024;
/// How many migrations a call names at most, and how many files an import has.
pub(super) const MOST: usize = 100;
/// How many MB a second a migration may be limited to.
const BANDWIDTHS: std::ops::RangeInclusive<u64> = 1..=10_240;

fn invalid(name: &'static str) -> Refusal {
    Refusal::InvalidParameter { name }
}

/// Reads a text that must be there.
fn some_text(given: Option<String>, name: &'static str) -> Result<String, Refusal> {
    let text = flexible::text(given).filter(|text| text.chars().count() <= MAX_TEXT_LENGTH);
    text.ok_or(invalid(name))
}

/// Reads one of some words.
fn word<T: Copy>(
    given: Option<&str>,
    all: &[T],
    as_str: fn(T) -> &'static str,
    name: &'static str,
) -> Result<T, Refusal> {
    let found = all.iter().find(|one| Some(as_str(**one)) == given);
    found.copied().ok_or(invalid(name))
}

fn migration_name(given: Option<String>, name: &'static str) -> Result<String, Refusal> {
    let given = InstanceName::try_from(given.unwrap_or_default()).map_err(|_| invalid(name))?;
    Ok(given.as_str().to_owned())
}

fn description(given: Option<String>) -> Result<Option<String>, Refusal> {
    let is_too_long = given.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION_LENGTH);
    if is_too_long { Err(invalid("description")) } else { Ok(given) }
}

/// An end of a migration.
#[derive(Deserialize, ToSchema)]
#[schema(as = RequestedMigrationEnd)]
pub(super) struct EndBody {
    /// The instance.
    id: Option<String>,
    /// Addresses, `ip:port` each, separated by commas, of what is no instance.
    addrs: Option<String>,
    password: Option<String>,
}

impl EndBody {
    /// Reads an end that must be there.
    fn read(body: Option<Self>, name: &'static str) -> Result<RequestedEndpoint, Refusal> {
        let Self { id, addrs, password } = body.ok_or(invalid(name))?;
        let instance_id = flexible::text(id).map(|id| id.parse().map_err(|_| invalid(name))).transpose()?;
        let addrs = flexible::text(addrs);
        let fits = |addrs: &String| addrs.len() <= MAX_TEXT_LENGTH && addrs.split(',').all(is_address);
        if instance_id.is_none() && !addrs.as_ref().is_some_and(fits) {
            return Err(invalid(name));
        }
        Ok(RequestedEndpoint { instance_id, addrs, password: flexible::text(password).map(Secret::new) })
    }
}

/// Returns whether a text is `host:port`.
fn is_address(text: &str) -> bool {
    let parts = text.trim().rsplit_once(':');
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A migration that begins at once.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewMigration)]
pub(super) struct CreateBody {
    task_name: Option<String>,
    description: Option<String>,
    /// `backupfile_import` or `online_migration`.
    migration_type: Option<String>,
    /// `full_amount_migration` or `incremental_migration`.
    migration_method: Option<String>,
    /// `vpc` or `vpn`.
    network_type: Option<String>,
    source_instance: Option<EndBody>,
    target_instance: Option<EndBody>,
    backup_files: Option<BackupFilesBody>,
}

/// What an import takes its data from.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewBackupFiles)]
struct BackupFilesBody {
    /// `self_build_obs`, unless `backup_record` is said.
    file_source: Option<String>,
    bucket_name: Option<String>,
    files: Option<Vec<FileBody>>,
    backup_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewBackupFile)]
struct FileBody {
    file_name: Option<String>,
    /// In any words.
    size: Option<Flexible>,
    /// In any words.
    update_at: Option<Flexible>,
}

impl CreateBody {
    pub(super) fn read(self) -> Result<CreateMigrationRequest, Refusal> {
        let name = migration_name(self.task_name, "task_name")?;
        let description = description(self.description)?;
        let kind = word(
            self.migration_type.as_deref(),
            &MigrationKind::ALL,
            MigrationKind::as_str,
            "migration_type",
        )?;
        let method = word(
            self.migration_method.as_deref(),
            &MigrationMethod::ALL,
            MigrationMethod::as_str,
            "migration_method",
        )?;
        if (kind, method) == (MigrationKind::Import, MigrationMethod::Incremental) {
            return Err(invalid("migration_method"));
        }
        let network_type = flexible::text(self.network_type).unwrap_or_else(|| "vpc".to_owned());
        if !matches!(network_type.as_str(), "vpc" | "vpn") {
            return Err(invalid("network_type"));
        }
        let source = match kind {
            MigrationKind::Import => self.backup_files.ok_or(invalid("backup_files"))?.read()?,
            MigrationKind::Online => {
                MigrationSourceRequest::Server(EndBody::read(self.source_instance, "source_instance")?)
            }
        };
        let target = EndBody::read(self.target_instance, "target_instance")?;
        if target.instance_id.is_none() {
            return Err(invalid("target_instance"));
        }
        Ok(CreateMigrationRequest { name, description, method, network_type, source, target })
    }
}

impl BackupFilesBody {
    fn read(self) -> Result<MigrationSourceRequest, Refusal> {
        match self.file_source.as_deref() {
            Some("backup_record") => {
                let id = self.backup_id.and_then(|id| id.parse().ok()).ok_or(invalid("backup_id"))?;
                Ok(MigrationSourceRequest::Backup(id))
            }
            None | Some("" | "self_build_obs") => {
                let bucket_name = Some(some_text(self.bucket_name, "bucket_name")?);
                let files = self.files.unwrap_or_default();
                if files.is_empty() || files.len() > MOST {
                    return Err(invalid("files"));
                }
                let files = files.into_iter().map(FileBody::read).collect::<Result<_, _>>()?;
                Ok(MigrationSourceRequest::Files { bucket_name, files })
            }
            Some(_) => Err(invalid("file_source")),
        }
    }
}

impl FileBody {
    fn read(self) -> Result<ImportFile, Refusal> {
        let any = |given: Option<Flexible>| -> Result<Option<String>, Refusal> {
            given.map(|given| some_text(Some(given.text()), "files")).transpose()
        };
        let file_name = some_text(self.file_name, "files")?;
        Ok(ImportFile { file_name, size: any(self.size)?, update_at: any(self.update_at)? })
    }
}

/// An online migration whose setup comes later.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewOnlineMigration)]
pub(super) struct OnlineBody {
    name: Option<String>,
    description: Option<String>,
    vpc_id: Option<String>,
    subnet_id: Option<String>,
    security_group_id: Option<String>,
}

impl OnlineBody {
    pub(super) fn read(self) -> Result<NewOnlineMigration, Refusal> {
        Ok(NewOnlineMigration {
            name: migration_name(self.name, "name")?,
            description: description(self.description)?,
            network: MigrationNetwork {
                vpc_id: some_text(self.vpc_id, "vpc_id")?,
                subnet_id: some_text(self.subnet_id, "subnet_id")?,
                security_group_id: Some(some_text(self.security_group_id, "security_group_id")?),
            },
        })
    }
}

/// From where to where an online migration leads, and how.
#[derive(Deserialize, ToSchema)]
#[schema(as = MigrationSetup)]
pub(super) struct SetupBody {
    /// `full_amount_migration` or `incremental_migration`.
    migration_method: Option<String>,
    /// `auto` or `manual`.
    resume_mode: Option<String>,
    source_instance: Option<EndBody>,
    target_instance: Option<EndBody>,
    /// From 1 to 10240.
    bandwidth_limit_mb: Option<Flexible>,
}

impl SetupBody {
    pub(super) fn read(self) -> Result<ConfigureMigrationRequest, Refusal> {
        let bandwidth = self.bandwidth_limit_mb.as_ref().and_then(Flexible::given);
        if bandwidth.is_some_and(|given| !BANDWIDTHS.contains(&given.to_u64())) {
            return Err(invalid("bandwidth_limit_mb"));
        }
        Ok(ConfigureMigrationRequest {
            method: word(
                self.migration_method.as_deref(),
                &MigrationMethod::ALL,
                MigrationMethod::as_str,
                "migration_method",
            )?,
            resume_mode: resume_mode(self.resume_mode.as_deref())?,
            source: EndBody::read(self.source_instance, "source_instance")?,
            target: EndBody::read(self.target_instance, "target_instance")?,
            bandwidth_limit_mb: bandwidth.map(Flexible::text),
        })
    }
}

fn resume_mode(given: Option<&str>) -> Result<ResumeMode, Refusal> {
    word(given, &ResumeMode::ALL, ResumeMode::as_str, "resume_mode")
}

/// What changes of a migration.
#[derive(Deserialize, ToSchema)]
#[schema(as = MigrationUpdate)]
pub(super) struct UpdateBody {
    /// `auto` or `manual`.
    resume_mode: Option<String>,
}

impl UpdateBody {
    pub(super) fn read(self) -> Result<ResumeMode, Refusal> {
        resume_mode(self.resume_mode.as_deref())
    }
}

/// Migrations that something is to be done to.
#[derive(Deserialize, ToSchema)]
#[schema(as = NamedMigrations)]
pub(super) struct NamedBody {
    migration_tasks: Option<Vec<String>>,
}

impl NamedBody {
    pub(super) fn read(self) -> Result<Vec<String>, Refusal> {
        named(self.migration_tasks)
    }
}

fn named(ids: Option<Vec<String>>) -> Result<Vec<String>, Refusal> {
    let ids = ids.unwrap_or_default();
    let fits = (1..=MOST).contains(&ids.len()) && ids.iter().all(|id| id.len() <= MAX_TEXT_LENGTH);
    if fits { Ok(ids) } else { Err(Refusal::NoMigrations) }
}

/// Migrations to be removed.
#[derive(Deserialize, ToSchema)]
#[schema(as = RemovedMigrations)]
pub(super) struct DeleteBody {
    task_id_list: Option<Vec<String>>,
}

impl DeleteBody {
    /// Returns what was named, and the ids among it: what is none is the id of no migration.
    pub(super) fn read(self) -> Result<(Vec<String>, Vec<MigrationId>), Refusal> {
        let texts = named(self.task_id_list)?;
        let ids = texts.iter().filter_map(|id| id.parse().ok()).collect();
        Ok((texts, ids))
    }
}

/// What two instances are to exchange.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = AddressExchange)]
pub(super) struct ExchangeBody {
    /// Addresses of either instance; all of them if there are none.
    exchanged_ip: Option<Vec<String>>,
    is_exchange_domain: Option<Flexible>,
}

impl ExchangeBody {
    pub(super) fn read(self) -> Result<ExchangeRequest, Refusal> {
        let addresses = self.exchanged_ip.unwrap_or_default();
        if addresses.len() > MOST {
            return Err(invalid("exchanged_ip"));
        }
        let domain_names = match self.is_exchange_domain.as_ref().and_then(Flexible::given) {
            Some(flag) => flag.boolean().ok_or(invalid("is_exchange_domain"))?,
            None => false,
        };
        Ok(ExchangeRequest { addresses, domain_names })
    }
}
