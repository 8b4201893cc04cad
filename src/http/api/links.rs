//! Download links: how they are written, and the files behind them. Links look like those of an object store.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.4; docs/contract/dcs-v2-operations.md, sections 7 and 10; docs/decisions/README.md no. 8.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::refusal::Refusal;
use crate::engine::{DownloadLink, LinkRequest, LinkTarget, LinkedFile};
use crate::http::context::route;
use crate::http::error::{ApiError, Response, codes};
use crate::http::extract::Query;
use crate::http::route::{GET, HEAD, QueryParameter, RouteEntry, Tag, number, open, path_part, text};
use crate::http::state::state;

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag {
        name: "Files",
        about: "The files of backups, run logs and exports, as an object store delivers them.",
    };
    const SIGNED: &[QueryParameter] = &[
        text("AWSAccessKeyId", "Whose signature it is."),
        number("Expires", "When the link ends, in seconds since 1970."),
        text("Signature", "The signature."),
    ];
    let file = |name, summary, path, media_type, read: Read| {
        open(name)
            .summary(summary)
            .at(GET, path, route(move |request, body| download(request, body, media_type, read)))
            .at(HEAD, path, route(move |request, body| download(request, body, media_type, read)))
            .query(SIGNED)
            .answers_any(200, media_type)
    };
    TAG.routes([
        file(
            "download_backup",
            "Downloads the file of a backup by its link",
            "/obs/{bucket}/{instance_id}/{backup_id}/{file_name}",
            "application/octet-stream",
            |part| Some(LinkedFile::Backup(id(part("instance_id"))?, id(part("backup_id"))?)),
        ),
        file(
            "download_redislog",
            "Downloads the file of a run log by its link",
            "/obs/{bucket}/{instance_id}/redislog/{id}/{file_name}",
            "text/plain; charset=utf-8",
            |part| Some(LinkedFile::RunLog(id(part("instance_id"))?, id(part("id"))?)),
        ),
        file(
            "download_instance_export",
            "Downloads the table of an export by its link",
            "/obs/{bucket}/exports/{job_id}/{file_name}",
            "text/csv",
            |part| Some(LinkedFile::Export(id(part("job_id"))?)),
        ),
    ])
}

/// Reads which file a link leads to, from the parts of its path.
type Read = fn(&dyn Fn(&str) -> Option<String>) -> Option<LinkedFile>;

fn id<T: FromStr>(part: Option<String>) -> Option<T> {
    part?.parse().ok()
}

/// What stands in front of a project's id in the name of its bucket.
const BUCKET: &str = "bucket";
/// The access key that links name. Like the object store's, it says whose signature it is; it opens nothing.
const LINK_ACCESS_KEY: &str = "DCSEMULATORLINKS";

/// The response to a request for links.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinksView {
    bucket_name: String,
    file_path: String,
    links: [LinkView; 1],
}

#[derive(Serialize, ToSchema)]
struct LinkView {
    file_name: String,
    link: String,
}

impl LinksView {
    /// Writes a link below the address at which the client reaches the server.
    pub(crate) fn new(link: &DownloadLink, base_url: &str) -> Self {
        let target = &link.target;
        let written = LinkView { file_name: target.file_name.clone(), link: url(link, base_url) };
        Self { bucket_name: bucket_of(target), file_path: target.path(), links: [written] }
    }
}

fn bucket_of(target: &LinkTarget) -> String {
    format!("{BUCKET}{}", target.project_id)
}

/// Writes a link below the address at which the client reaches the server.
pub(super) fn url(link: &DownloadLink, base_url: &str) -> String {
    let (bucket, path) = (bucket_of(&link.target), link.target.path());
    let (expires, signature) = (link.expires_at.as_seconds(), hex::encode(link.signature));
    format!(
        "{base_url}/obs/{bucket}/{path}?AWSAccessKeyId={LINK_ACCESS_KEY}&Expires={expires}&Signature={signature}"
    )
}

/// `GET /obs/…`: the file that a link leads to.
async fn download(request: HttpRequest, _body: Bytes, media_type: &'static str, read: Read) -> Response {
    let link = read_link(&request, read).ok_or(ApiError::LinkRefused)?;
    let disposition = format!("attachment; filename=\"{}\"", link.target.file_name);
    let file = state(&request)?.engine.follow_link(link).await;
    let file = file.map_err(|error| match ApiError::failing_with(&codes::BACKUP_QUERY_FAILED)(error) {
        ApiError::Refused(Refusal::CredentialsExpired) => ApiError::LinkExpired,
        ApiError::Refused(Refusal::InvalidCredentials) => ApiError::LinkRefused,
        ApiError::Refused(_) => ApiError::LinkedFileGone,
        error => error,
    })?;
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header(("Content-Disposition", disposition))
        .body(file))
}

/// Reads a link; `None` if it cannot be one of ours.
fn read_link(request: &HttpRequest, read: Read) -> Option<LinkRequest> {
    let part = |name: &str| path_part(request, name).map(str::to_owned);
    let query = Query::parse(request.query_string());
    if query.get("AWSAccessKeyId")? != LINK_ACCESS_KEY {
        return None;
    }
    let project_id = part("bucket")?.strip_prefix(BUCKET)?.parse().ok()?;
    Some(LinkRequest {
        target: LinkTarget { project_id, file: read(&part)?, file_name: part("file_name")? },
        expires_at_seconds: query.get("Expires")?.parse().ok()?,
        signature: hex::decode(query.get("Signature")?).ok()?,
    })
}
