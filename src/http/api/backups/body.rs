//! Bodies of backups, both ways. Every member of a record is always there; what is unknown is null.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.1 to 2.4; docs/contract/dcs-v2.md, section 2.1.

use actix_web::HttpResponse;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::domain::backup::Backup;
use crate::domain::backup_file::BackupFormat;
use crate::domain::id::{BackupId, UUID_LENGTH};
use crate::domain::link::LinkLifetime;
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;
use crate::engine::{ApiVersion, CreateBackupRequest, DownloadLink};
use crate::http::api::links::LinksView;
use crate::http::extract::{mandatory_object, optional_object, whole_number};
use crate::http::time::rfc3339;

/// A backup to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct CreateBackupBody {
    #[schema(max_length = 128)]
    remark: Option<String>,
    /// `rdb` or `aof`.
    backup_format: Option<String>,
}

/// Reads what a caller says of a backup to be made. v1.0 knows no format: there it is one more unknown member.
///
/// # Errors
/// `InvalidBody`, `RemarkTooLong`, `InvalidParameter` (`backup_format`).
pub(crate) fn create_backup(body: &[u8], api: ApiVersion) -> Result<CreateBackupRequest, Refusal> {
    let body: CreateBackupBody = match api {
        ApiVersion::V1 => {
            CreateBackupBody { remark: optional_object::<RemarkBody>(body)?.remark, backup_format: None }
        }
        ApiVersion::V2 => optional_object(body)?,
    };
    let format = body.backup_format.filter(|text| !text.is_empty()).map(|text| text.parse::<BackupFormat>());
    let remark = remark(body.remark)?;
    let format = format.transpose().map_err(|_| Refusal::InvalidParameter { name: "backup_format" })?;
    Ok(CreateBackupRequest { remark, format, ..CreateBackupRequest::default() })
}

/// A backup to be made by v1.0, which knows no format.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RemarkBody {
    #[schema(max_length = 128)]
    remark: Option<String>,
}

/// Links to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateLinksBody {
    /// For how many seconds they are good; a number or a text of one.
    #[serde(default, deserialize_with = "number_or_text")]
    #[schema(required, minimum = 300, maximum = 86400)]
    expiration: Option<u64>,
}

/// Reads how long a link is to be good: a number of seconds, or a text of one.
///
/// # Errors
/// `EmptyBody`, `InvalidBody`, `InvalidParameter` (`expiration`).
pub(crate) fn create_links(body: &[u8]) -> Result<LinkLifetime, Refusal> {
    let body: CreateLinksBody = mandatory_object(body)?;
    let life = body.expiration.and_then(|seconds| LinkLifetime::from_seconds(seconds).ok());
    life.ok_or(Refusal::InvalidParameter { name: "expiration" })
}

/// Answers with the id of a new backup.
pub(crate) fn backup_created(id: BackupId) -> HttpResponse {
    let mut buffer = [0; UUID_LENGTH];
    created("backup_id", id.encode(&mut buffer))
}

/// Answers with the link that was made.
pub(crate) fn link_created(link: &DownloadLink, base_url: &str) -> HttpResponse {
    HttpResponse::Ok().json(LinksView::new(link, base_url))
}

/// The id of the backup that was made.
#[derive(ToSchema)]
pub(crate) struct BackupCreated {
    #[schema(format = "uuid")]
    #[expect(dead_code, reason = "only described: the answer is written without being built")]
    backup_id: String,
}

pub(crate) fn created(member: &str, id: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(format!("{{\"{member}\":\"{id}\"}}"))
}

/// Reads a remark.
///
/// # Errors
/// `RemarkTooLong`.
pub(crate) fn remark(text: Option<String>) -> Result<Option<Remark>, Refusal> {
    text.map(Remark::try_from).transpose().map_err(|_| Refusal::RemarkTooLong)
}

/// Takes a whole number, or a text of one; anything else of those kinds is a number no rule accepts.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum NumberOrText {
        Number(f64),
        Text(String),
    }
    let given = Option::<NumberOrText>::deserialize(deserializer)?;
    Ok(given.and_then(|given| match given {
        NumberOrText::Number(number) => whole_number(&number.to_string()),
        NumberOrText::Text(text) => whole_number(text.trim()),
    }))
}

/// A backup.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackupView {
    status: &'static str,
    remark: Option<String>,
    /// The window of a scheduled run. Manual backups have none.
    period: Option<String>,
    progress: String,
    size: u64,
    instance_id: String,
    backup_id: String,
    created_at: String,
    updated_at: Option<String>,
    execution_at: Option<String>,
    backup_type: &'static str,
    backup_name: String,
    error_code: Option<&'static str>,
    /// A text: a JSON boolean makes a client crash.
    is_support_restore: &'static str,
    /// Only v2 knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_format: Option<&'static str>,
}

impl BackupView {
    /// Shows a backup as it is at `now`.
    pub(crate) fn new(backup: &Backup, now: Timestamp, api: ApiVersion) -> Self {
        let status = &backup.status;
        Self {
            status: status.as_str(),
            remark: text_of(backup.remark.as_ref()),
            period: backup.terms.as_ref().map(|terms| terms.window.as_str().to_owned()),
            progress: status.progress(now).to_string(),
            size: status.size_bytes(),
            instance_id: backup.instance_id.to_string(),
            backup_id: backup.id.to_string(),
            created_at: rfc3339(backup.created_at),
            updated_at: status.finished_at().map(rfc3339),
            execution_at: status.started_at().map(rfc3339),
            backup_type: backup.kind.as_str(),
            backup_name: backup.name(),
            error_code: status.failure().map(|failure| failure.code.as_str()),
            is_support_restore: if backup.is_restorable() { "TRUE" } else { "FALSE" },
            backup_format: (api == ApiVersion::V2).then(|| backup.format.as_str()),
        }
    }
}

/// A page of backups.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackupsView {
    pub(crate) backup_record_response: Vec<BackupView>,
    pub(crate) total_num: u64,
}

pub(crate) fn text_of(remark: Option<&Remark>) -> Option<String> {
    remark.map(|remark| remark.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_link_is_a_number_or_a_text_of_one() {
        for body in [r#"{"expiration": 300}"#, r#"{"expiration": "300"}"#, r#"{"expiration": 300.0}"#] {
            assert_eq!(create_links(body.as_bytes()), Ok(LinkLifetime::from_seconds(300).unwrap()), "{body}");
        }
        for body in [
            r#"{"expiration": 299}"#,
            r#"{"expiration": "x"}"#,
            r#"{"expiration": 300.5}"#,
            r#"{"expiration": -300}"#,
            "{}",
            r#"{"expiration": null}"#,
        ] {
            assert_eq!(
                create_links(body.as_bytes()),
                Err(Refusal::InvalidParameter { name: "expiration" }),
                "{body}"
            );
        }
        assert_eq!(create_links(br#"{"expiration": [300]}"#), Err(Refusal::InvalidBody));
        assert_eq!(create_links(b""), Err(Refusal::EmptyBody));
    }

    #[test]
    fn only_v2_knows_the_format_of_a_backup() {
        let body = br#"{"backup_format": "zip"}"#;
        assert_eq!(create_backup(body, ApiVersion::V1), Ok(CreateBackupRequest::default()));
        let refused = Err(Refusal::InvalidParameter { name: "backup_format" });
        assert_eq!(create_backup(body, ApiVersion::V2), refused);
        let aof = create_backup(br#"{"backup_format": "aof"}"#, ApiVersion::V2).unwrap();
        assert_eq!(aof.format, Some(BackupFormat::Aof));
    }
}
