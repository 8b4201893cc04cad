//! What both versions of the API take when records are made, and what they answer.

use actix_web::HttpResponse;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::domain::backup_file::BackupFormat;
use crate::domain::id::{BackupId, RestoreId, UUID_LENGTH};
use crate::domain::link::LinkLife;
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::engine::{ApiVersion, CreateBackupRequest, CreateRestoreRequest, DownloadLink};
use crate::http::api::backups::links::LinksView;
use crate::http::extract::{mandatory_object, optional_object, whole_number};

/// A backup to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(in crate::http) struct CreateBackupBody {
    #[schema(max_length = 128)]
    remark: Option<String>,
    /// `rdb` or `aof`.
    backup_format: Option<String>,
}

/// Reads what a caller says of a backup to be made. v1.0 knows no format: there it is one more unknown member.
///
/// # Errors
/// `InvalidBody`, `RemarkTooLong`, `InvalidParameter` (`backup_format`).
pub(in crate::http) fn create_backup(body: &[u8], api: ApiVersion) -> Result<CreateBackupRequest, Refusal> {
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
pub(in crate::http) struct RemarkBody {
    #[schema(max_length = 128)]
    remark: Option<String>,
}

/// A restore to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct CreateRestoreBody {
    #[schema(required, format = "uuid")]
    backup_id: Option<String>,
    #[schema(max_length = 128)]
    remark: Option<String>,
}

/// Reads what a caller says of a restore to be made.
///
/// # Errors
/// `EmptyBody`, `InvalidBody`, `InvalidParameter` (`backup_id`), `RemarkTooLong`; in this order.
pub(in crate::http) fn create_restore(body: &[u8]) -> Result<CreateRestoreRequest, Refusal> {
    let body: CreateRestoreBody = mandatory_object(body)?;
    let backup_id: Option<BackupId> = body.backup_id.and_then(|text| text.parse().ok());
    let backup_id = backup_id.ok_or(Refusal::InvalidParameter { name: "backup_id" })?;
    Ok(CreateRestoreRequest { backup_id, remark: remark(body.remark)?, id: None, failure: None })
}

/// Links to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct CreateLinksBody {
    /// For how many seconds they are good; a number or a text of one.
    #[serde(default, deserialize_with = "number_or_text")]
    #[schema(required, minimum = 300, maximum = 86400)]
    expiration: Option<u64>,
}

/// Reads how long a link is to be good: a number of seconds, or a text of one.
///
/// # Errors
/// `EmptyBody`, `InvalidBody`, `InvalidParameter` (`expiration`).
pub(in crate::http) fn create_links(body: &[u8]) -> Result<LinkLife, Refusal> {
    let body: CreateLinksBody = mandatory_object(body)?;
    let life = body.expiration.and_then(|seconds| LinkLife::from_seconds(seconds).ok());
    life.ok_or(Refusal::InvalidParameter { name: "expiration" })
}

/// Answers with the id of a new backup.
pub(in crate::http) fn backup_created(id: BackupId) -> HttpResponse {
    let mut buffer = [0; UUID_LENGTH];
    created("backup_id", id.encode(&mut buffer))
}

/// Answers with the id of a new restore.
pub(in crate::http) fn restore_created(id: RestoreId) -> HttpResponse {
    let mut buffer = [0; UUID_LENGTH];
    created("restore_id", id.encode(&mut buffer))
}

/// Answers with the link that was made.
pub(in crate::http) fn link_created(link: &DownloadLink, base_url: &str) -> HttpResponse {
    HttpResponse::Ok().json(LinksView::new(link, base_url))
}

/// The id of the backup that was made.
#[derive(ToSchema)]
pub(in crate::http) struct BackupCreated {
    #[schema(format = "uuid")]
    #[expect(dead_code, reason = "only described: the answer is written without being built")]
    backup_id: String,
}

/// The id of the restore that was made.
#[derive(ToSchema)]
pub(in crate::http) struct RestoreCreated {
    #[schema(format = "uuid")]
    #[expect(dead_code, reason = "only described")]
    restore_id: String,
}

fn created(member: &str, id: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(format!("{{\"{member}\":\"{id}\"}}"))
}

fn remark(text: Option<String>) -> Result<Option<Remark>, Refusal> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_link_is_a_number_or_a_text_of_one() {
        for body in [r#"{"expiration": 300}"#, r#"{"expiration": "300"}"#, r#"{"expiration": 300.0}"#] {
            assert_eq!(create_links(body.as_bytes()), Ok(LinkLife::from_seconds(300).unwrap()), "{body}");
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
