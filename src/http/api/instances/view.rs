//! Instances as both versions of the API show them. Every member is always there; what is unknown is null.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.8; docs/contract/dcs-v2.md, section 4.1.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::instance::{Instance, InstanceTask, bandwidth};
use crate::domain::network::{EXPANSION_INTERVAL, EXPANSION_TIME, Expansion};
use crate::domain::page::Page;
use crate::domain::time::Timestamp;
use crate::domain::{builtin, catalogue};
use crate::engine::ApiVersion;
use crate::http::api::config::tags::{TagView, tag_views};
use crate::http::api::instances::policy::PolicyView;
use crate::http::api::network::PublicIpView;
use crate::http::time::rfc3339;

/// An instance as both versions of the API show it; v2 shows more. Every member is always there; what is unknown is null.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the wire's members")]
pub(crate) struct InstanceView {
    name: String,
    engine: String,
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
    order_id: Option<String>,
    is_free: Option<bool>,
    vpc_id: String,
    vpc_name: String,
    subnet_id: String,
    subnet_name: String,
    subnet_cidr: String,
    security_group_id: Option<String>,
    security_group_name: Option<String>,
    created_at: String,
    launched_at: Option<String>,
    update_at: String,
    error_code: Option<String>,
    user_id: String,
    user_name: String,
    maintain_begin: String,
    maintain_end: String,
    /// A text: clients expect "true" or "false".
    no_password_access: &'static str,
    access_user: Option<String>,
    enable_publicip: bool,
    publicip_id: Option<String>,
    publicip_address: Option<String>,
    enable_ssl: bool,
    service_upgrade: bool,
    /// Null when one instance is shown, empty in lists, as the pages have it.
    service_task_id: Option<&'static str>,
    enterprise_project_id: String,
    enterprise_project_name: Cow<'static, str>,
    available_zones: Vec<&'static str>,
    az_codes: Vec<String>,
    backend_addrs: Option<&'static str>,
    instance_backup_policy: Option<PolicyView>,
    tags: Vec<TagView>,
    /// What only v2 shows.
    #[serde(flatten)]
    #[schema(ignore)]
    v2: Option<V2Members>,
}

/// Memory that an idle instance uses, in MB. No cache runs behind an emulated instance.
pub(crate) const IDLE_MEMORY_MB: u32 = 1;

impl InstanceView {
    /// Shows one instance as it is at `now`.
    pub(crate) fn of_one(instance: Instance, api: ApiVersion, now: Timestamp) -> Self {
        Self::new(instance, None, api, now)
    }

    /// Shows an instance in a list as it is at `now`.
    pub(crate) fn of_list(instance: Instance, api: ApiVersion, now: Timestamp) -> Self {
        // Known quirk: lists of v1.0 show a text without characters where one instance alone shows null.
        let service_task_id = match api {
            ApiVersion::V1 => Some(""),
            ApiVersion::V2 => None,
        };
        Self::new(instance, service_task_id, api, now)
    }

    fn new(
        instance: Instance,
        service_task_id: Option<&'static str>,
        api: ApiVersion,
        now: Timestamp,
    ) -> Self {
        let v2 = (api == ApiVersion::V2).then(|| V2Members::new(&instance, now));
        let (product, access) = (instance.product(), instance.public_access());
        let domain_name = instance.domain_name();
        let has_security_group = instance.network.security_group_id.is_some();
        let names = instance.network.names.clone();
        let created_at = rfc3339(instance.created_at);
        Self {
            readonly_domain_name: instance.readonly_domain_name(),
            engine: instance.engine_as_sent.clone().unwrap_or_else(|| instance.engine.as_str().to_owned()),
            product_id: instance
                .product_id
                .clone()
                .unwrap_or_else(|| catalogue::hourly_id(&instance.spec_code)),
            engine_version: instance.engine_version.as_str().to_owned(),
            capacity: instance.capacity.whole_gb(),
            capacity_minor: instance.capacity.minor(),
            domain_name_camel: domain_name.clone(),
            domain_name,
            port: instance.port,
            status: instance.status.as_str(),
            libos: false,
            task: instance.task.map(InstanceTask::as_str),
            task_status: None,
            max_memory: instance.max_memory_mb(),
            used_memory: IDLE_MEMORY_MB,
            instance_id: instance.id.to_string(),
            resource_spec_code: instance.spec_code.clone(),
            cache_mode: instance.cache_mode.as_str(),
            product_type: product.family.edition.as_str(),
            cpu_type: product.family.cpu.as_str(),
            storage_type: product.family.storage.as_str(),
            internal_version: None,
            charging_mode: instance.billing.charging_mode(),
            order_id: instance.billing.order_id().map(str::to_owned),
            is_free: None,
            vpc_name: names.vpc.unwrap_or_else(|| "vpc-default".to_owned()),
            subnet_name: names.subnet.unwrap_or_else(|| "subnet-default".to_owned()),
            subnet_cidr: names.cidr.unwrap_or_else(|| "192.168.0.0/24".to_owned()),
            security_group_name: has_security_group
                .then(|| names.group.unwrap_or_else(|| "sg-default".to_owned())),
            launched_at: instance.launched_at.map(rfc3339),
            update_at: rfc3339(instance.updated_at),
            created_at,
            error_code: instance.error_code,
            maintain_begin: instance.maintenance.begin(),
            maintain_end: instance.maintenance.end(),
            no_password_access: if instance.access.no_password { "true" } else { "false" },
            access_user: instance.access.user,
            enable_publicip: instance.access.public_ip,
            publicip_id: access.as_ref().map(|access| access.eip_id.clone()),
            publicip_address: access.map(|access| access.address.to_string()),
            enable_ssl: instance.access.ssl,
            service_upgrade: false,
            service_task_id,
            enterprise_project_id: instance.enterprise_project_id,
            enterprise_project_name: (instance.enterprise_project_name)
                .map_or(Cow::Borrowed("default"), Cow::Owned),
            available_zones: instance.zone_codes.iter().filter_map(|code| builtin::zone_id(code)).collect(),
            backend_addrs: None,
            instance_backup_policy: instance
                .backup_policy
                .as_ref()
                .map(|kept| PolicyView::new(kept, instance.project_id)),
            tags: tag_views(&instance.tags),
            v2,
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

/// A page of instances.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstancesView {
    instances: Vec<InstanceView>,
    instance_num: u64,
}

impl InstancesView {
    /// Shows a page as it is at `now`.
    pub(crate) fn new(page: Page<Instance>, api: ApiVersion, now: Timestamp) -> Self {
        let show = |instance| InstanceView::of_list(instance, api, now);
        Self { instance_num: page.total, instances: page.items.into_iter().map(show).collect() }
    }

    /// Shows a list without instances.
    pub(crate) fn empty() -> Self {
        Self { instances: Vec::new(), instance_num: 0 }
    }
}

/// An instance as v2 shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = InstanceViewOfV2)]
pub(crate) struct WholeInstanceView {
    #[serde(flatten)]
    shared: InstanceView,
    #[serde(flatten)]
    v2: V2Members,
}

/// A page of instances on v2.
#[derive(ToSchema)]
#[schema(as = InstancesViewOfV2)]
#[expect(dead_code, reason = "only described")]
pub(crate) struct WholeInstancesView {
    instances: Vec<WholeInstanceView>,
    instance_num: u64,
}

/// What only v2 shows of an instance.
#[derive(Serialize, ToSchema)]
struct V2Members {
    sub_status: &'static str,
    updated_at: String,
    replica_count: u32,
    sharding_count: u32,
    db_number: u32,
    publicip_info: Option<PublicIpView>,
    features: Features,
    transparent_client_ip_enable: bool,
    domain_name_info: DomainNameInfo,
    bandwidth_info: BandwidthInfo,
    support_slow_log_flag: &'static str,
    cloud_service_type_code: &'static str,
    cloud_resource_type_code: &'static str,
    inquery_spec_code: String,
}

#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the wire's members")]
struct Features {
    support_acl: bool,
    support_transparent_client_ip: bool,
    support_ssl: bool,
    support_audit_log: bool,
}

#[derive(Serialize, ToSchema)]
struct DomainNameInfo {
    support_public_resolve: bool,
    is_latest_rules: bool,
    zone_name: &'static str,
    history_domain_names: Vec<&'static str>,
}

/// Bandwidth in Mbit/s, times in Unix milliseconds.
#[derive(Serialize, ToSchema)]
struct BandwidthInfo {
    bandwidth: u32,
    assured_bandwidth: u32,
    max_bandwidth_for_node: u32,
    /// When it was doubled the last time; null: it never was.
    begin_time: Option<i64>,
    end_time: Option<i64>,
    current_time: i64,
    next_expand_time: Option<i64>,
    expand_count: u32,
    expand_effect_time: Option<u128>,
    expand_interval_time: Option<u128>,
    max_expand_count: u32,
    task_running: bool,
}

impl BandwidthInfo {
    fn new(instance: &Instance, now: Timestamp) -> Self {
        let expansion = instance.bandwidth.as_ref().and_then(|changes| changes.expansion);
        let millis = |at: fn(&Expansion) -> Timestamp| expansion.as_ref().map(|one| at(one).as_millis());
        let lasting = |duration: Duration| expansion.map(|_| duration.as_millis());
        Self {
            bandwidth: instance.shard_bandwidths().iter().map(|shard| shard.bandwidth).sum(),
            assured_bandwidth: instance.topology().bandwidth_mbit,
            max_bandwidth_for_node: bandwidth::MAX_OF_SHARD,
            begin_time: millis(|one| one.begin_at),
            end_time: millis(Expansion::end_at),
            current_time: now.as_millis(),
            next_expand_time: millis(Expansion::next_at),
            expand_count: expansion.map_or(0, |one| one.count),
            expand_effect_time: lasting(EXPANSION_TIME),
            expand_interval_time: lasting(EXPANSION_INTERVAL),
            max_expand_count: bandwidth::MAX_EXPANSIONS,
            task_running: expansion.is_some_and(|one| one.is_running),
        }
    }
}

impl V2Members {
    fn new(instance: &Instance, now: Timestamp) -> Self {
        let topology = instance.topology();
        let is_modern = !instance.engine_version.is_first_generation();
        Self {
            sub_status: "normal",
            updated_at: rfc3339(instance.updated_at),
            replica_count: topology.replica_count,
            sharding_count: topology.sharding_count,
            db_number: topology.db_number,
            publicip_info: instance.public_access().map(PublicIpView::from),
            features: Features {
                support_acl: is_modern,
                support_transparent_client_ip: is_modern,
                support_ssl: instance.engine_version.can_encrypt(),
                support_audit_log: false,
            },
            transparent_client_ip_enable: instance.sees_client_ips,
            domain_name_info: DomainNameInfo {
                support_public_resolve: false,
                is_latest_rules: true,
                zone_name: "dcs.example.com",
                history_domain_names: Vec::new(),
            },
            bandwidth_info: BandwidthInfo::new(instance, now),
            support_slow_log_flag: "1",
            cloud_service_type_code: "hws.service.type.dcs",
            cloud_resource_type_code: "hws.resource.type.dcs3",
            inquery_spec_code: instance.spec_code.clone(),
        }
    }
}
