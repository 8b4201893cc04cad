//! How the service of enterprise projects refuses: `{"error": {"error_code", "error_msg"}}`.
//!
//! Source: docs/contract/networks.md, sections 6 and 10.

use crate::domain::enterprise_project::EnterpriseProjectRefusal;
use crate::domain::refusal::Refusal;
use crate::engine::ApiVersion;
use crate::http::error::ApiError;

/// Returns the status and the code of an error.
pub(super) fn words(error: &ApiError) -> (u16, &'static str) {
    match error {
        ApiError::Refused(Refusal::EnterpriseProject(refusal)) => words_of_refusal(*refusal),
        ApiError::Refused(Refusal::InvalidQuery { name } | Refusal::InvalidParameter { name }) => match *name
        {
            "limit" => (400, "EPS.0017"),
            "offset" => (400, "EPS.0018"),
            "action" => (400, "EPS.0013"),
            _ => (400, "EPS.0002"),
        },
        ApiError::Unauthenticated(_) => (401, "EPS.0003"),
        _ => match error.code(ApiVersion::V2).status {
            400 => (400, "EPS.0002"),
            403 => (403, "EPS.0004"),
            404 => (404, "EPS.0005"),
            status => (status, "EPS.0001"),
        },
    }
}

fn words_of_refusal(refusal: EnterpriseProjectRefusal) -> (u16, &'static str) {
    match refusal {
        EnterpriseProjectRefusal::Missing => (404, "EPS.0005"),
        EnterpriseProjectRefusal::InvalidName => (400, "EPS.0007"),
        EnterpriseProjectRefusal::InvalidDescription => (400, "EPS.0008"),
        EnterpriseProjectRefusal::TooMany => (400, "EPS.0009"),
        EnterpriseProjectRefusal::NameTaken => (409, "EPS.0010"),
        EnterpriseProjectRefusal::DefaultStays => (400, "EPS.0012"),
        EnterpriseProjectRefusal::Disabled => (400, "EPS.0014"),
        EnterpriseProjectRefusal::DefaultIsThere => (400, "EPS.0015"),
        EnterpriseProjectRefusal::ResourceMissing => (400, "EPS.0031"),
        EnterpriseProjectRefusal::TargetDisabled => (400, "EPS.0034"),
        // Clients come back until nothing is in it any more.
        EnterpriseProjectRefusal::InUse => (400, "EPS.0086"),
        EnterpriseProjectRefusal::IdTaken | EnterpriseProjectRefusal::Enabled => (400, "EPS.0002"),
    }
}
