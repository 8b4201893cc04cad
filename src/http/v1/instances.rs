//! Instances on v1.0: get and list.
//!
//! Source: wire contract v1.0, sections 2.8 and 2.9.

use actix_web::HttpResponse;
use serde::Serialize;

use crate::domain::builtin;
use crate::domain::id::InstanceId;
use crate::domain::instance::{Engine as CacheEngine, Instance, SideTask};
use crate::domain::page::{Page, PageLimit};
use crate::engine::{Engine, InstancesQuery};
use crate::http::endpoint::{InstanceCall, ProjectCall};
use crate::http::error::ApiError;
use crate::http::error_code;
use crate::http::extract::{Query, clamped_limit, start};
use crate::http::time::rfc3339;
use crate::store::{InstanceFilter, InstancePageStart};

/// An instance as v1.0 shows it. Every member is always there; what is unknown is null.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the wire's members")]
struct InstanceView {
    name: String,
    engine: &'static str,
    engine_version: String,
    /// Whole gigabytes, never a fraction: clients decode it into an integer.
    capacity: u32,
    capacity_minor: Option<&'static str>,
    ip: String,
    #[serde(rename = "domainName")]
    domain_name_camel: String,
    domain_name: String,
    readonly_domain_name: Option<String>,
    port: u16,
    status: &'static str,
    libos: bool,
    description: Option<String>,
    task: Option<&'static str>,
    task_status: Option<&'static str>,
    max_memory: u32,
    used_memory: u32,
    instance_id: String,
    resource_spec_code: String,
    spec_code: String,
    product_id: String,
    cache_mode: &'static str,
    product_type: &'static str,
    cpu_type: &'static str,
    storage_type: &'static str,
    internal_version: Option<&'static str>,
    charging_mode: u8,
    order_id: Option<&'static str>,
    is_free: Option<bool>,
    vpc_id: String,
    vpc_name: &'static str,
    subnet_id: String,
    subnet_name: &'static str,
    subnet_cidr: &'static str,
    security_group_id: Option<String>,
    security_group_name: Option<&'static str>,
    created_at: String,
    launched_at: String,
    update_at: String,
    error_code: Option<&'static str>,
    user_id: String,
    user_name: String,
    maintain_begin: &'static str,
    maintain_end: &'static str,
    /// A text: clients expect "true" or "false".
    no_password_access: &'static str,
    access_user: Option<&'static str>,
    enable_publicip: bool,
    publicip_id: Option<&'static str>,
    publicip_address: Option<&'static str>,
    enable_ssl: bool,
    service_upgrade: bool,
    /// Null when one instance is shown, empty in lists, as the pages have it.
    service_task_id: Option<&'static str>,
    enterprise_project_id: &'static str,
    enterprise_project_name: &'static str,
    available_zones: Vec<&'static str>,
    az_codes: Vec<String>,
    backend_addrs: Option<&'static str>,
    instance_backup_policy: Option<&'static str>,
    tags: Vec<&'static str>,
}

/// Memory that an idle instance uses, in MB. No cache runs behind an emulated instance.
const IDLE_MEMORY_MB: u32 = 1;

impl InstanceView {
    fn new(instance: Instance, service_task_id: Option<&'static str>) -> Self {
        let domain_name = instance.domain_name();
        let has_security_group = instance.network.security_group_id.is_some();
        let created_at = rfc3339(instance.created_at);
        Self {
            engine: instance.engine.as_str(),
            engine_version: instance.engine_version.as_str().to_owned(),
            capacity: instance.capacity.whole_gb(),
            capacity_minor: instance.capacity.minor(),
            domain_name_camel: domain_name.clone(),
            domain_name,
            readonly_domain_name: instance.readonly_domain_name(),
            port: instance.port,
            status: instance.status.as_str(),
            libos: false,
            task: instance.task.map(SideTask::as_str),
            task_status: None,
            max_memory: instance.max_memory_mb(),
            used_memory: IDLE_MEMORY_MB,
            instance_id: instance.id.to_string(),
            resource_spec_code: instance.spec_code.clone(),
            product_id: format!("{}-h", instance.spec_code),
            cache_mode: instance.cache_mode.as_str(),
            product_type: "generic",
            cpu_type: "x86_64",
            storage_type: "DRAM",
            internal_version: None,
            charging_mode: 0,
            order_id: None,
            is_free: None,
            vpc_name: "vpc-default",
            subnet_name: "subnet-default",
            subnet_cidr: "192.168.0.0/16",
            security_group_name: has_security_group.then_some("sg-default"),
            launched_at: created_at.clone(),
            update_at: created_at.clone(),
            created_at,
            error_code: None,
            maintain_begin: "02:00:00",
            maintain_end: "06:00:00",
            no_password_access: if instance.no_password_access { "true" } else { "false" },
            access_user: (instance.engine == CacheEngine::Memcached).then_some("memcached"),
            enable_publicip: false,
            publicip_id: None,
            publicip_address: None,
            enable_ssl: false,
            service_upgrade: false,
            service_task_id,
            enterprise_project_id: "0",
            enterprise_project_name: "default",
            available_zones: instance.zone_codes.iter().filter_map(|code| builtin::zone_id(code)).collect(),
            backend_addrs: None,
            instance_backup_policy: None,
            tags: Vec::new(),
            name: instance.name.as_str().to_owned(),
            ip: instance.ip,
            description: instance.description,
            spec_code: instance.spec_code,
            vpc_id: instance.network.vpc_id,
            subnet_id: instance.network.subnet_id,
            security_group_id: instance.network.security_group_id,
            user_id: instance.creator.user_id,
            user_name: instance.creator.user_name,
            az_codes: instance.zone_codes,
        }
    }
}

/// `GET …/instances/{instance_id}`: shows an instance.
pub(in crate::http) async fn get_instance(
    engine: Engine,
    call: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let instance = engine
        .get_instance(call.instance)
        .await
        .map_err(ApiError::failing_with(&error_code::INSTANCE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(InstanceView::new(instance, None)))
}

#[derive(Serialize)]
struct ListInstancesResponse {
    instances: Vec<InstanceView>,
    instance_num: u64,
}

/// `GET …/instances`: lists the instances of a project, newest first.
pub(in crate::http) async fn list_instances(
    engine: Engine,
    call: ProjectCall,
) -> Result<HttpResponse, ApiError> {
    let query = &call.call.query;
    let skip = start(query)?;
    let limit = clamped_limit(query, PageLimit::ALL)?;
    let page = match filter(query) {
        Some(filter) => engine
            .list_instances(call.project_id, InstancesQuery { filter, start: page_start(query, skip), limit })
            .await
            .map_err(ApiError::failing_with(&error_code::INSTANCE_QUERY_FAILED))?,
        // A filter that nothing can match is not an error.
        None => Page::empty(),
    };
    Ok(HttpResponse::Ok().json(ListInstancesResponse {
        instances: page.items.into_iter().map(|instance| InstanceView::new(instance, Some(""))).collect(),
        instance_num: page.total,
    }))
}

/// Returns where the page starts: after the marker, if there is one. Nothing follows a marker that is no id.
fn page_start(query: &Query, skip: u64) -> InstancePageStart {
    match query.get("marker").map(str::parse::<InstanceId>) {
        Some(Ok(marker)) => InstancePageStart::After(marker),
        Some(Err(_)) => InstancePageStart::Skip(u64::MAX),
        None => InstancePageStart::Skip(skip),
    }
}

/// Reads the filters; `None` if nothing can match them.
fn filter(query: &Query) -> Option<InstanceFilter> {
    // Instances have no tags yet, so that no instance has all of those asked for.
    if query.get("tags").is_some() {
        return None;
    }
    let name = query.get("name").map(str::to_owned);
    let exact = query.is_true(&["isExactMatchName", "exactMatchName"]);
    let (name_is, name_contains) = if exact { (name, None) } else { (None, name) };
    Some(InstanceFilter {
        id: query.get("id").map(str::parse).transpose().ok()?,
        name_contains,
        name_is,
        status: query.get("status").map(str::parse).transpose().ok()?,
        ip: query.get("ip").map(str::to_owned),
        include_create_failed: query.is_true(&["includeFailure", "include_failure"]),
    })
}
