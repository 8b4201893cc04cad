//! Whether the connections to an instance are encrypted, and the certificate that their clients need.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::certificate;
use crate::domain::instance::{Instance, InstanceSwitch};
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::context::InstanceContext;
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::time::rfc3339;

/// Where the archive is fetched, without credentials: a certificate is no secret.
pub(crate) const ARCHIVE_PATH: &str = "/obs/dcs-cert/dcs-certificate.zip";

/// `GET …/ssl`: shows whether connections are encrypted. Of a version that cannot it answers that they are not.
pub(super) async fn show_encryption(
    engine: Engine,
    InstanceContext { instance, .. }: InstanceContext,
) -> Response {
    let (instance, _) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(EncryptionView::new(&instance)))
}

/// `PUT …/ssl`: has connections encrypted, or no longer. It has taken effect when this is answered.
pub(super) async fn switch_encryption(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let switch = InstanceSwitch::Encryption(read_switch(&context.body)?);
    let job = engine.switch_instance(instance, switch, context.origin).await;
    let job = job.or_fail(&codes::INSTANCE_SAVE_FAILED)?.to_string();
    let instance = instance.instance_id.to_string();
    Ok(HttpResponse::Ok().json(SwitchedView {
        job_id: job.clone(),
        job_id_camel: job,
        instance_id: instance.clone(),
        instance_id_camel: instance,
        result: "success",
    }))
}

/// `POST …/ssl-certs/download`: tells where the certificate can be fetched.
pub(super) async fn link_certificate(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let found = engine.certified_instance(instance).await;
    found.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(CertificateView {
        file_name: certificate::ARCHIVE_NAME,
        link: format!("{}{ARCHIVE_PATH}", context.base_url()?),
        bucket_name: certificate::BUCKET,
    }))
}

/// `GET /obs/dcs-cert/dcs-certificate.zip`: the certificate, in an archive.
pub(super) async fn download(_request: HttpRequest, _body: Bytes) -> Response {
    Ok(HttpResponse::Ok().content_type("application/octet-stream").body(certificate::archive()))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct SwitchBody {
    #[serde(default)]
    #[schema(required, value_type = bool)]
    enabled: Option<serde_json::Value>,
}

/// Reads whether connections are to be encrypted.
///
/// # Errors
/// `EmptyBody`, `InvalidBody`; `InvalidEncryption` for anything but true or false.
fn read_switch(body: &[u8]) -> Result<bool, Refusal> {
    let body: SwitchBody = mandatory_object(body)?;
    body.enabled.and_then(|enabled| enabled.as_bool()).ok_or(Refusal::InvalidEncryption)
}

#[derive(Serialize, ToSchema)]
pub(super) struct EncryptionView {
    enabled: bool,
    ip: String,
    /// A text, as the page has it.
    port: String,
    domain_name: String,
    ssl_expired_at: Option<String>,
    ssl_validated: bool,
}

impl EncryptionView {
    fn new(instance: &Instance) -> Self {
        let enabled = instance.access.ssl;
        Self {
            enabled,
            ip: instance.ip.clone(),
            port: instance.port.to_string(),
            domain_name: format!("{}:{}", instance.domain_name(), instance.port),
            ssl_expired_at: enabled.then(|| rfc3339(certificate::expires_at())),
            ssl_validated: enabled,
        }
    }
}

/// The answer to a switch. Clients differ in how they spell it.
#[derive(Serialize, ToSchema)]
pub(super) struct SwitchedView {
    job_id: String,
    #[serde(rename = "jobId")]
    job_id_camel: String,
    instance_id: String,
    #[serde(rename = "instanceId")]
    instance_id_camel: String,
    result: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(super) struct CertificateView {
    file_name: &'static str,
    link: String,
    bucket_name: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_true_and_false_switch() {
        assert_eq!(read_switch(br#"{"enabled": true}"#), Ok(true));
        assert_eq!(read_switch(br#"{"enabled": false, "more": 1}"#), Ok(false));
        for body in [r"{}", r#"{"enabled": null}"#, r#"{"enabled": "true"}"#, r#"{"enabled": 1}"#] {
            assert_eq!(read_switch(body.as_bytes()), Err(Refusal::InvalidEncryption), "{body}");
        }
        assert_eq!(read_switch(b""), Err(Refusal::EmptyBody));
    }

    #[test]
    fn the_archive_lies_where_its_link_leads() {
        assert_eq!(ARCHIVE_PATH, format!("/obs/{}/{}", certificate::BUCKET, certificate::ARCHIVE_NAME));
    }
}
