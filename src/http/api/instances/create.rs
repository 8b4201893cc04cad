//! Instances: create, on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.7; docs/contract/dcs-v2.md, sections 1.7 and 2.3.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::id::InstanceId;
use crate::domain::identity::Secret;
use crate::domain::instance::policy::{PlanRequest, PolicyRequest};
use crate::domain::instance::{BillingRequest, CreateInstancesRequest, ExpectedProduct, InstanceName};
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, CreatedInstances, Engine};
use crate::http::context::ProjectContext;
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Flexible, Texts, only_v2, text};

/// `POST …/instances`: makes instances.
pub(super) async fn create_instances(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let body: OrderBody = mandatory_object(&context.body)?;
    let mut order = body.order(context.api)?;
    order.id = context.client_chosen_id()?;
    let created = engine
        .create_instances(context.api, project_id, order, context.origin)
        .await
        .or_fail(&codes::INSTANCE_CREATE_FAILED)?;
    Ok(HttpResponse::Ok().json(CreatedView::new(&created, context.api)))
}

/// Instances to be made. Which members must be there depends on the version and the product.
#[derive(Deserialize, ToSchema)]
pub(super) struct OrderBody {
    #[schema(min_length = 4, max_length = 64)]
    name: Option<String>,
    #[schema(max_length = 1024)]
    description: Option<String>,
    engine: Option<String>,
    engine_version: Option<Flexible>,
    capacity: Option<Flexible>,
    product_id: Option<String>,
    spec_code: Option<String>,
    no_password_access: Option<Flexible>,
    password: Option<String>,
    access_user: Option<String>,
    vpc_id: Option<String>,
    subnet_id: Option<String>,
    security_group_id: Option<String>,
    /// `az_codes` on v2.
    #[serde(alias = "az_codes")]
    available_zones: Option<Vec<String>>,
    instance_backup_policy: Option<PolicyBody>,
    maintain_begin: Option<String>,
    maintain_end: Option<String>,
    enable_ssl: Option<Flexible>,
    enable_publicip: Option<Flexible>,
    publicip_id: Option<String>,
    enterprise_project_id: Option<Flexible>,
    instance_num: Option<Flexible>,
    private_ip: Option<String>,
    private_ips: Option<Vec<String>>,
    port: Option<Flexible>,
    rename_commands: Option<BTreeMap<String, String>>,
    tags: Option<Vec<TagBody>>,
    bss_param: Option<BillingBody>,
    /// What the product is to be like; only v2 looks at it.
    #[schema(value_type = Option<ExpectedBody>)]
    spec_param: Option<Value>,
}

/// What the product is to be like.
#[derive(Default, Deserialize, ToSchema)]
struct ExpectedBody {
    sharding_count: Option<Flexible>,
    replica_count: Option<Flexible>,
    cache_mode: Option<String>,
}

#[derive(Deserialize, ToSchema)]
struct TagBody {
    #[serde(default)]
    key: String,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    value: Texts,
}

#[derive(Default, Deserialize, ToSchema)]
struct BillingBody {
    charging_mode: Option<String>,
    period_type: Option<String>,
    period_num: Option<Flexible>,
    is_auto_pay: Option<Flexible>,
    is_auto_renew: Option<Flexible>,
}

/// A backup policy: an object, or a text that holds one, as one client sends it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PolicyBody {
    Object(PolicyObject),
    Text(String),
}

#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct PolicyObject {
    backup_type: Option<String>,
    save_days: Option<Flexible>,
    periodical_backup_plan: Option<PlanBody>,
}

#[derive(Default, Deserialize, ToSchema)]
struct PlanBody {
    begin_at: Option<String>,
    period_type: Option<String>,
    backup_at: Option<Vec<Flexible>>,
    timezone_offset: Option<String>,
}

impl PolicyBody {
    /// Reads the policy.
    ///
    /// # Errors
    /// `InvalidBody` for a text that holds no policy.
    pub(crate) fn sent(self) -> Result<PolicyRequest, Refusal> {
        let object = match self {
            Self::Object(object) => object,
            Self::Text(text) if text.trim().is_empty() => PolicyObject::default(),
            Self::Text(text) => serde_json::from_str(&text).map_err(|_| Refusal::InvalidBody)?,
        };
        let plan = object.periodical_backup_plan.map(|plan| PlanRequest {
            begin_at: text(plan.begin_at),
            period_type: text(plan.period_type),
            backup_at: plan.backup_at.unwrap_or_default().iter().map(Flexible::to_u64).collect(),
            timezone_offset: text(plan.timezone_offset),
        });
        Ok(PolicyRequest {
            backup_type: text(object.backup_type),
            save_days: object.save_days.as_ref().and_then(Flexible::given).map(Flexible::to_u64),
            plan: plan.filter(|plan| *plan != PlanRequest::default()),
        })
    }
}

impl OrderBody {
    /// Returns the order. A product is named by its code or its id; v2 knows the code only.
    ///
    /// # Errors
    /// `InvalidBody`, `InvalidPasswordAccess`.
    fn order(self, api: ApiVersion) -> Result<CreateInstancesRequest, Refusal> {
        let product_id = text(self.product_id).filter(|_| api == ApiVersion::V1);
        let spec_code = text(self.spec_code);
        let no_password = match self.no_password_access.as_ref().and_then(Flexible::given) {
            Some(given) => Some(given.boolean().ok_or(Refusal::InvalidPasswordAccess)?),
            None => None,
        };
        let is_memcached =
            self.engine.as_ref().is_some_and(|engine| engine.eq_ignore_ascii_case("memcached"));
        // Known quirk: clients of v2 send a user for every engine.
        let access_user = text(self.access_user).filter(|_| is_memcached || api == ApiVersion::V1);
        let billing = self.bss_param.unwrap_or_default();
        let expected: ExpectedBody = only_v2(api, self.spec_param)?.unwrap_or_default();
        let flag = |given: &Option<Flexible>| given.as_ref().and_then(Flexible::boolean).unwrap_or(false);
        let addresses = self.private_ips.unwrap_or_default();
        let private_ip = text(self.private_ip).or_else(|| text(Some(addresses.join(","))));
        let private_ip = private_ip.map(|list| list.split(',').map(str::trim).collect::<Vec<_>>().join(","));
        let number =
            |given: &Option<Flexible>| given.as_ref().and_then(Flexible::given).map(Flexible::to_u64);
        Ok(CreateInstancesRequest {
            id: None,
            name: text(self.name),
            count: number(&self.instance_num),
            description: text(self.description),
            engine: text(self.engine),
            engine_version: self.engine_version.as_ref().and_then(Flexible::given).map(Flexible::text),
            capacity_gb: self.capacity.as_ref().and_then(Flexible::number),
            product: product_id.clone().or(spec_code),
            product_id,
            no_password,
            password: text(self.password).map(Secret::new),
            access_user,
            vpc_id: text(self.vpc_id),
            subnet_id: text(self.subnet_id),
            security_group_id: text(self.security_group_id),
            zones: self.available_zones.unwrap_or_default(),
            policy: self.instance_backup_policy.map(PolicyBody::sent).transpose()?.unwrap_or_default(),
            maintenance: (text(self.maintain_begin), text(self.maintain_end)),
            ssl: flag(&self.enable_ssl),
            public_ip: flag(&self.enable_publicip),
            public_ip_id: text(self.publicip_id),
            enterprise_project_id: self
                .enterprise_project_id
                .as_ref()
                .and_then(Flexible::given)
                .map(Flexible::text),
            private_ip,
            port: number(&self.port),
            rename_commands: self.rename_commands.unwrap_or_default(),
            tags: self.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value.0)).collect(),
            billing: BillingRequest {
                charging_mode: text(billing.charging_mode),
                period_type: text(billing.period_type),
                period_num: number(&billing.period_num),
                is_auto_pay: billing.is_auto_pay.as_ref().and_then(Flexible::boolean),
                is_auto_renew: billing.is_auto_renew.as_ref().and_then(Flexible::boolean),
            },
            expected: ExpectedProduct {
                shards: number(&expected.sharding_count),
                copies: number(&expected.replica_count),
                mode: text(expected.cache_mode),
            },
        })
    }
}

/// What has been made.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedView {
    /// All ids, separated by commas; only v1.0 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    instances: Vec<CreatedInstanceView>,
    /// Left out where there is none: a client waits for every order that it sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct CreatedInstanceView {
    instance_id: String,
    instance_name: String,
}

impl CreatedView {
    fn new(created: &CreatedInstances, api: ApiVersion) -> Self {
        let ids: Vec<String> = created.instances.iter().map(|(id, _)| id.to_string()).collect();
        let show = |(id, name): &(_, _)| CreatedInstanceView {
            instance_id: InstanceId::to_string(id),
            instance_name: InstanceName::to_string(name),
        };
        Self {
            instance_id: (api == ApiVersion::V1).then(|| ids.join(",")),
            instances: created.instances.iter().map(show).collect(),
            order_id: created.order_id.clone(),
        }
    }
}
