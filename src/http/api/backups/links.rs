//! Download links: how they are written, and the file behind them. Links look like those of an object store.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.4; docs/decisions/README.md no. 8.

use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::refusal::Refusal;
use crate::engine::{DownloadLink, InstanceRef, LinkRequest, LinkTarget};
use crate::http::context::route;
use crate::http::error::{ApiError, Response, codes};
use crate::http::extract::Query;
use crate::http::route::{GET, HEAD, RouteEntry, Tag, number, open, text};
use crate::http::state::state;

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Files", about: "The files of backups, as an object store delivers them." };
    TAG.routes([open("download_backup")
        .summary("Downloads the file of a backup by its link")
        .at(GET, "/obs/{bucket}/{instance_id}/{backup_id}/{file_name}", route(download))
        .at(HEAD, "/obs/{bucket}/{instance_id}/{backup_id}/{file_name}", route(download))
        .query(&[
            text("AWSAccessKeyId", "Whose signature it is."),
            number("Expires", "When the link ends, in seconds since 1970."),
            text("Signature", "The signature."),
        ])
        .answers_any(200, "application/octet-stream")])
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
        let LinkTarget { instance, backup_id, file_name } = &link.target;
        let bucket_name = format!("{BUCKET}{}", instance.project_id);
        let file_path = format!("{}/{backup_id}/{file_name}", instance.instance_id);
        let (expires, signature) = (link.expires_at.as_seconds(), hex::encode(link.signature));
        let link = format!(
            "{base_url}/obs/{bucket_name}/{file_path}?AWSAccessKeyId={LINK_ACCESS_KEY}&Expires={expires}&Signature={signature}"
        );
        Self { bucket_name, file_path, links: [LinkView { file_name: file_name.clone(), link }] }
    }
}

/// `GET /obs/{bucket}/{instance_id}/{backup_id}/{file_name}`: the file that a link leads to.
async fn download(request: HttpRequest, _body: Bytes) -> Response {
    let link = read(&request).ok_or(ApiError::LinkRefused)?;
    let disposition = format!("attachment; filename=\"{}\"", link.target.file_name);
    let file = state(&request)?.engine.follow_link(link).await;
    let file = file.map_err(|error| match ApiError::failing_with(&codes::BACKUP_QUERY_FAILED)(error) {
        ApiError::Refused(Refusal::CredentialsExpired) => ApiError::LinkExpired,
        ApiError::Refused(Refusal::InvalidCredentials) => ApiError::LinkRefused,
        ApiError::Refused(_) => ApiError::LinkedFileGone,
        error => error,
    })?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Content-Disposition", disposition))
        .body(file))
}

/// Reads a link; `None` if it cannot be one of ours.
fn read(request: &HttpRequest) -> Option<LinkRequest> {
    let part = |name| request.match_info().get(name);
    let query = Query::parse(request.query_string());
    let instance = InstanceRef {
        project_id: part("bucket")?.strip_prefix(BUCKET)?.parse().ok()?,
        instance_id: part("instance_id")?.parse().ok()?,
    };
    if query.get("AWSAccessKeyId")? != LINK_ACCESS_KEY {
        return None;
    }
    let backup_id = part("backup_id")?.parse().ok()?;
    let file_name = part("file_name")?.to_owned();
    Some(LinkRequest {
        target: LinkTarget { instance, backup_id, file_name },
        expires_at_seconds: query.get("Expires")?.parse().ok()?,
        signature: hex::decode(query.get("Signature")?).ok()?,
    })
}
