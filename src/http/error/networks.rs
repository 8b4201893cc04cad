//! How the services around instances refuse: each version of the network service in a shape of its own, and that of enterprise projects.
//!
//! Source: docs/contract/networks.md, sections 2.1 and 3.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::domain::id::ProjectId;
use crate::domain::networks::{NetworkKind, NetworkRefusal};
use crate::domain::refusal::Refusal;
use crate::engine::ApiVersion;
use crate::http::error::{ApiError, RETRY_AFTER_SECONDS, enterprise_projects};

/// Whose errors a path of these services has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum NetworkDialect {
    /// `{"code", "message"}`.
    V1,
    /// `{"NeutronError": {"message", "type", "detail"}}`.
    Neutron,
    /// `{"error_code", "error_msg", "request_id"}`.
    V3,
    /// The same, with the codes of load balancers.
    LoadBalancers,
    /// `{"error": {"error_code", "error_msg"}}`.
    EnterpriseProjects,
}

impl NetworkDialect {
    /// Returns whose errors a path has, if it is one of these services'.
    pub(in crate::http) fn of(request: &HttpRequest) -> Option<Self> {
        let mut parts = request.path().split('/').skip(1);
        let (version, second, third) = (parts.next()?, parts.next().unwrap_or_default(), parts.next());
        let is_project = second.parse::<ProjectId>().is_ok();
        match (version, third) {
            ("v1" | "v2.1", _) => Some(Self::V1),
            ("v2.0", _) if is_project => Some(Self::V1),
            ("v2.0", _) => Some(Self::Neutron),
            ("v3", Some("vpc" | "eip" | "os-availability-zone")) => Some(Self::V3),
            ("v3", Some("elb")) => Some(Self::LoadBalancers),
            ("v1.0", _) if second == "enterprise-projects" => Some(Self::EnterpriseProjects),
            _ => None,
        }
    }
}

/// What is said of a refusal: its status, the codes of the first and the third version, and the type of the network service below.
type Words = (u16, &'static str, &'static str, &'static str);

fn words(refusal: &NetworkRefusal) -> Words {
    use NetworkKind::{Bandwidth, LoadBalancer, PublicIp, SecurityGroup, SecurityRule, Subnet, Vpc};
    match refusal {
        NetworkRefusal::Missing(Vpc) => (404, "VPC.0003", "VPC.9904", "RouterNotFound"),
        NetworkRefusal::Missing(Subnet) => (404, "VPC.0202", "VPC.9904", "NetworkNotFound"),
        NetworkRefusal::Missing(SecurityGroup) => (404, "VPC.0603", "VPC.9904", "SecurityGroupNotFound"),
        NetworkRefusal::Missing(SecurityRule) => (404, "VPC.0603", "VPC.9904", "SecurityGroupRuleNotFound"),
        NetworkRefusal::Missing(PublicIp) => (404, "VPC.0504", "VPC.0504", "FloatingIPNotFound"),
        NetworkRefusal::Missing(Bandwidth) => (404, "VPC.0306", "VPC.0306", "HTTPNotFound"),
        NetworkRefusal::Missing(LoadBalancer) => (404, "ELB.8904", "ELB.8904", "HTTPNotFound"),
        NetworkRefusal::Invalid { kind: PublicIp, .. } => (400, "VPC.0501", "VPC.0501", "InvalidInput"),
        NetworkRefusal::Invalid { kind: Bandwidth, .. } => (400, "VPC.0301", "VPC.0301", "InvalidInput"),
        NetworkRefusal::Invalid { kind: LoadBalancer, .. } => (400, "ELB.8902", "ELB.8902", "InvalidInput"),
        NetworkRefusal::Invalid { kind: Vpc, name: "extend_cidrs" } => {
            (400, "VPC.0101", "VPC.9911", "InvalidInput")
        }
        NetworkRefusal::Invalid { kind: Vpc, .. } => (400, "VPC.0101", "VPC.9901", "InvalidInput"),
        NetworkRefusal::Invalid { kind: Subnet, name: "cidr" } => {
            (400, "VPC.0212", "VPC.9901", "InvalidInput")
        }
        NetworkRefusal::Invalid { kind: Subnet, .. } => (400, "VPC.0201", "VPC.9901", "InvalidInput"),
        NetworkRefusal::Invalid { kind: SecurityGroup, .. } => (400, "VPC.0601", "VPC.9901", "InvalidInput"),
        NetworkRefusal::Invalid { kind: SecurityRule, .. } => (400, "VPC.0601", "VPC.9902", "InvalidInput"),
        NetworkRefusal::NameTaken | NetworkRefusal::IdTaken => (400, "VPC.0115", "VPC.9901", "InvalidInput"),
        NetworkRefusal::OutsideVpc => (400, "VPC.0203", "VPC.9901", "InvalidInput"),
        NetworkRefusal::Overlapping => (400, "VPC.0204", "VPC.9901", "InvalidInput"),
        NetworkRefusal::RangeInUse => (400, "VPC.0117", "VPC.0602", "InvalidInput"),
        NetworkRefusal::RangeTaken => (409, "VPC.0101", "VPC.9914", "InvalidInput"),
        NetworkRefusal::RangeMissing => (404, "VPC.0101", "VPC.9915", "InvalidInput"),
        NetworkRefusal::OtherVpc => (400, "VPC.0207", "VPC.9901", "InvalidInput"),
        NetworkRefusal::InUse { kind: Vpc, .. } => (409, "VPC.0104", "VPC.9902", "RouterInUse"),
        NetworkRefusal::InUse { kind: Subnet, .. } => (409, "VPC.0209", "VPC.9902", "NetworkInUse"),
        NetworkRefusal::InUse { kind: LoadBalancer, .. } => (409, "ELB.8907", "ELB.8907", "Conflict"),
        NetworkRefusal::HasLoadBalancers => (409, "VPC.0118", "VPC.9902", "RouterInUse"),
        NetworkRefusal::Bound(LoadBalancer) => (500, "VPC.0516", "VPC.0516", "Conflict"),
        NetworkRefusal::Bound(_) => (409, "VPC.0517", "VPC.0517", "Conflict"),
        NetworkRefusal::NotBound => (409, "EIP.7902", "EIP.7902", "Conflict"),
        NetworkRefusal::InUse { .. } => (409, "VPC.0602", "VPC.9902", "SecurityGroupInUse"),
        NetworkRefusal::RuleExists(_) => (409, "VPC.0602", "VPC.9902", "SecurityGroupRuleExists"),
        NetworkRefusal::DefaultGroup => (409, "VPC.0602", "VPC.9902", "SecurityGroupCannotRemoveDefault"),
        NetworkRefusal::TooMany(SecurityGroup | SecurityRule) => (409, "VPC.0604", "VPC.9905", "OverQuota"),
        NetworkRefusal::TooMany(PublicIp | Bandwidth) => (409, "VPC.0521", "VPC.0521", "OverQuota"),
        NetworkRefusal::TooMany(LoadBalancer) => (409, "ELB.8905", "ELB.8905", "OverQuota"),
        NetworkRefusal::TooMany(Vpc | Subnet) => (409, "VPC.0114", "VPC.9905", "OverQuota"),
    }
}

/// Returns what is said of a refusal to people.
fn text(refusal: &NetworkRefusal) -> String {
    match refusal {
        NetworkRefusal::InUse { kind: NetworkKind::Subnet, .. } => {
            "subnet is still used ,such as computer,LB.".to_owned()
        }
        NetworkRefusal::InUse { kind: NetworkKind::SecurityGroup, id } => {
            format!("Security Group {id} in use.")
        }
        NetworkRefusal::RuleExists(id) => format!("Security group rule already exists. Rule id is {id}."),
        NetworkRefusal::DefaultGroup => "Insufficient rights for removing default security group.".to_owned(),
        NetworkRefusal::Missing(kind) => format!("The {} could not be found.", kind.name().replace('_', " ")),
        other => other.to_string(),
    }
}

/// Returns whether the first version answers a refusal in the words of the network service below.
fn is_from_below(error: &ApiError) -> bool {
    let ApiError::Refused(Refusal::Network(refusal)) = error else { return false };
    matches!(
        refusal,
        NetworkRefusal::InUse { kind: NetworkKind::SecurityGroup, .. }
            | NetworkRefusal::RuleExists(_)
            | NetworkRefusal::DefaultGroup
    )
}

impl NetworkDialect {
    /// Returns whether these services have words for an error. What a test asked for is answered as it asked, and who may ask from where is
    /// said in the words of the control API.
    pub(in crate::http) fn has_words_for(error: &ApiError) -> bool {
        !matches!(error, ApiError::Injected(_) | ApiError::Cut | ApiError::Control(_))
    }

    /// Returns the code that an error is answered with.
    pub(in crate::http) fn code(self, error: &ApiError) -> String {
        if !Self::has_words_for(error) {
            return error.public_code(ApiVersion::V2);
        }
        self.words(error).1.to_owned()
    }

    /// Returns the status and the code that an error is answered with.
    fn words(self, error: &ApiError) -> (u16, &'static str) {
        let (status, v1, v3, kind) = words_of(error);
        match self {
            Self::Neutron => (status, kind),
            Self::V1 if is_from_below(error) => (status, kind),
            Self::V1 => (status, v1),
            Self::LoadBalancers if !is_of_networks(error) => (status, code_of_load_balancers(status)),
            Self::V3 | Self::LoadBalancers => (status, v3),
            Self::EnterpriseProjects => enterprise_projects::words(error),
        }
    }

    /// Returns the answer to an error.
    pub(in crate::http) fn render(self, error: &ApiError, request_id: &str) -> HttpResponse {
        let (status, code) = self.words(error);
        let text = match error {
            ApiError::Refused(Refusal::Network(refusal)) => text(refusal),
            ApiError::Refused(Refusal::EnterpriseProject(refusal)) => refusal.to_string(),
            _ => error.fill(error.code(ApiVersion::V2).text).into_owned(),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        if let ApiError::MethodNotAllowed { allowed } = error {
            response.insert_header((header::ALLOW, allowed.as_str()));
        }
        if matches!(error, ApiError::Unavailable) {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        response.json(match self {
            Self::V1 if !is_from_below(error) => json!({"code": code, "message": text}),
            Self::V1 | Self::Neutron => {
                json!({"NeutronError": {"message": text, "type": code, "detail": ""}})
            }
            Self::V3 | Self::LoadBalancers => {
                json!({"error_code": code, "error_msg": text, "request_id": request_id})
            }
            Self::EnterpriseProjects => json!({"error": {"error_code": code, "error_msg": text}}),
        })
    }
}

fn is_of_networks(error: &ApiError) -> bool {
    matches!(error, ApiError::Refused(Refusal::Network(_)))
}

/// Returns the code that load balancers have for what every service refuses.
fn code_of_load_balancers(status: u16) -> &'static str {
    match status {
        400 => "ELB.8902",
        401 => "ELB.1103",
        403 => "ELB.1102",
        404 => "ELB.8904",
        _ => "ELB.8907",
    }
}

/// Returns what is said of an error.
fn words_of(error: &ApiError) -> Words {
    match error {
        ApiError::Refused(Refusal::Network(refusal)) => words(refusal),
        _ => words_of_others(error, error.code(ApiVersion::V2).status),
    }
}

/// Returns what is said of what every service refuses.
fn words_of_others(error: &ApiError, status: u16) -> Words {
    match error {
        ApiError::Unauthenticated(_) => (401, "VPC.0008", "VPC.0008", "NotAuthenticated"),
        ApiError::Refused(Refusal::OtherProject | Refusal::InvalidProjectId) => {
            (400, "VPC.0007", "VPC.0007", "InvalidInput")
        }
        _ if status == 403 => (403, "VPC.2701", "VPC.2701", "PolicyNotAuthorized"),
        _ if status == 400 => (400, "VPC.0101", "VPC.9901", "InvalidInput"),
        _ if status == 404 => (404, "VPC.0105", "VPC.9904", "HTTPNotFound"),
        _ => (status, "VPC.0105", "VPC.0105", "HTTPInternalServerError"),
    }
}
