//! Orders, by which instances are paid for in advance, and the calls of billing that clients make for them. These are about no
//! project: a caller sees the orders and instances of the projects that it reaches.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 13.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::catalogue;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::order::{Order, Resource};
use crate::domain::page::{PageLimit, PageRequest};
use crate::domain::refusal::Refusal;
use crate::domain::service::BILLING;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, InstanceRef, ResizeTerms, ResourceFilter};
use crate::http::api::instances::resize::{OrderView, ResizeBody};
use crate::http::api::versions::{PAGE_QUERY, page_of, page_request};
use crate::http::context::{
    CallerContext, InstanceContext, RequestContext, endpoint, endpoint_of_all, endpoint_of_caller,
};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Flexible, text};
use crate::http::route::{DELETE, GET, POST, RouteEntry, Tag, of_service, open, reading, writing};

/// The service, as billing names it.
const SERVICE: &str = "hws.service.type.dcs";
/// What of the service instances are.
const RESOURCE: &str = "hws.resource.type.dcs3";
/// How many instances one call unsubscribes from at most.
const MAX_UNSUBSCRIBED: usize = 10;

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Orders", about: "What is paid for in advance." };
    const RENEWAL: &str = "/v2/orders/subscriptions/resources/autorenew/{resource_id}";
    let resize = TAG.routes([writing("create_resize_order", "dcs:instance:modify")
        .summary("Orders another size of an instance that is paid for in advance")
        .v2(POST, "/orders/instances/{instance_id}/resize", endpoint(order_size))
        .takes::<ResizeBody>()
        .answers::<OrderView>()]);
    let billing = TAG.routes([
        reading("show_customer_order", "dcs:instance:get")
            .summary("Shows an order")
            .at(GET, "/v2/orders/customer-orders/details/{order_id}", endpoint_of_caller(show_order))
            .answers::<OrderDetailsView>(),
        writing("pay_customer_order", "dcs:instance:modify")
            .summary("Pays an order")
            .at(POST, "/v2/orders/customer-orders/pay", endpoint_of_caller(pay_order))
            .takes::<PayBody>()
            .answers_nothing(),
        // The path is misspelled so on the wire.
        reading("list_subscribed_resources", "dcs:instance:list")
            .summary("Lists instances that are paid for in advance")
            .at(POST, "/v2/orders/suscriptions/resources/query", endpoint_of_caller(list_resources))
            .takes::<ResourcesBody>()
            .answers::<ResourcesView>(),
        writing("unsubscribe_resources", "dcs:instance:delete")
            .summary("Ends the subscription of instances, and deletes them")
            .at(POST, "/v2/orders/subscriptions/resources/unsubscribe", endpoint_of_caller(unsubscribe))
            .takes::<UnsubscribeBody>()
            .answers::<OrdersView>(),
        writing("enable_auto_renewal", "dcs:instance:modify")
            .summary("Has a subscription renewed by itself")
            .at(POST, RENEWAL, endpoint_of_caller(|engine, call| switch_renewal(engine, call, true)))
            .answers_nothing(),
        writing("disable_auto_renewal", "dcs:instance:modify")
            .summary("Has a subscription end with its time")
            .at(DELETE, RENEWAL, endpoint_of_caller(|engine, call| switch_renewal(engine, call, false)))
            .answers_nothing(),
        open("list_service_types")
            .summary("Lists the services that are billed")
            .at(GET, "/v2/products/service-types", endpoint_of_all(list_service_types))
            .query(PAGE_QUERY)
            .answers::<ServiceTypesView>(),
    ]);
    [resize, of_service(BILLING, billing)].concat()
}

/// `POST …/orders/instances/{instance_id}/resize`.
async fn order_size(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: ResizeBody = mandatory_object(&context.body)?;
    let terms = ResizeTerms { needs_order: true, ..body.terms(context.api)? };
    let order = body.order(context.api)?;
    let ordered = engine.resize_instance(context.api, instance, order, terms, context.origin).await;
    let order_id = ordered.or_fail(&codes::INSTANCE_SAVE_FAILED)?.unwrap_or_default();
    Ok(HttpResponse::Ok().json(OrderView { order_id }))
}

/// Returns an order that the caller reaches.
async fn find_order(
    engine: &Engine,
    call: &CallerContext,
    order_id: &str,
) -> Result<(ProjectId, Order), ApiError> {
    let found = engine.order(order_id).await.or_fail(&codes::INTERNAL)?;
    match found {
        Some((project_id, order)) if call.reaches(project_id).await? => Ok((project_id, order)),
        _ => Err(Refusal::OrderNotFound.into()),
    }
}

/// `GET /v2/orders/customer-orders/details/{order_id}`.
async fn show_order(engine: Engine, call: CallerContext) -> Response {
    let (_, order) = find_order(&engine, &call, call.context.path_part("order_id")).await?;
    let domain = engine.domain().await.or_fail(&codes::INTERNAL)?;
    Ok(HttpResponse::Ok().json(OrderDetailsView {
        order_info: OrderInfoView {
            order_id: order.id,
            customer_id: domain.id.to_string(),
            status: order.status.number(),
            order_type: order.kind.number(),
            service_type_code: SERVICE,
            create_time: seconds(order.created_at),
            payment_time: order.paid_at.map(seconds),
            currency: "EUR",
        },
        total_count: 1,
        order_line_items: Vec::new(),
    }))
}

/// `POST /v2/orders/customer-orders/pay`.
async fn pay_order(engine: Engine, call: CallerContext) -> Response {
    let body: PayBody = mandatory_object(&call.context.body)?;
    let order_id = text(body.order_id).ok_or(Refusal::InvalidParameter { name: "order_id" })?;
    let (project_id, order) = find_order(&engine, &call, &order_id).await?;
    let paid = engine.pay_order(project_id, order.id, call.context.origin).await;
    paid.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v2/orders/suscriptions/resources/query`. What is not paid yet is no resource.
async fn list_resources(engine: Engine, call: CallerContext) -> Response {
    let body: ResourcesBody = mandatory_object(&call.context.body)?;
    let page = body.page()?;
    let ids = body.resource_ids.as_ref().filter(|ids| !ids.is_empty());
    // What is no id is the id of nothing.
    let ids = ids.map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect::<Vec<InstanceId>>());
    let filter = ResourceFilter { order_id: text(body.order_id.clone()), ids };
    let (mut resources, now) = engine.resources(filter).await.or_fail(&codes::INTERNAL)?;
    let mut reached: HashMap<ProjectId, bool> = HashMap::new();
    for resource in &resources {
        let project_id = resource.instance.project_id;
        if let Entry::Vacant(place) = reached.entry(project_id) {
            place.insert(call.reaches(project_id).await.unwrap_or(false));
        }
    }
    resources.retain(|one| {
        one.subscription.time.is_some() && reached[&one.instance.project_id] && body.matches(one, now)
    });
    let shown = page_of(&resources, page).iter();
    Ok(HttpResponse::Ok().json(ResourcesView {
        data: shown.map(|resource| ResourceView::of(resource, engine.region(), now)).collect(),
        total_count: resources.len(),
    }))
}

/// `POST /v2/orders/subscriptions/resources/unsubscribe`.
async fn unsubscribe(engine: Engine, call: CallerContext) -> Response {
    let body: UnsubscribeBody = mandatory_object(&call.context.body)?;
    let ids = body.resource_ids.filter(|ids| (1..=MAX_UNSUBSCRIBED).contains(&ids.len()));
    let ids = ids.ok_or(Refusal::InvalidParameter { name: "resource_ids" })?;
    let deletes = match body.unsubscribe_type.as_ref().map(Flexible::to_u64) {
        Some(1) => true,
        Some(2) => false,
        _ => return Err(Refusal::InvalidParameter { name: "unsubscribe_type" }.into()),
    };
    let mut instances = Vec::with_capacity(ids.len());
    for id in ids {
        let instance = find_resource(&engine, &call, &id).await?;
        if !instances.contains(&instance) {
            instances.push(instance);
        }
    }
    let ended = engine.unsubscribe(instances, deletes, call.context.origin).await;
    let order_ids = ended.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(OrdersView { order_ids }))
}

/// `POST` and `DELETE /v2/orders/subscriptions/resources/autorenew/{resource_id}`.
async fn switch_renewal(engine: Engine, call: CallerContext, renews: bool) -> Response {
    let instance = find_resource(&engine, &call, call.context.path_part("resource_id")).await?;
    let switched = engine.switch_renewal(instance, renews, call.context.origin).await;
    switched.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Returns the instance of an id in a project that the caller reaches. Whether it is paid for in advance is not looked at.
async fn find_resource(engine: &Engine, call: &CallerContext, id: &str) -> Result<InstanceRef, ApiError> {
    let instance_id: InstanceId = id.parse().map_err(|_| Refusal::ResourceNotFound)?;
    match engine.project_of(instance_id).await.or_fail(&codes::INTERNAL)? {
        Some(project_id) if call.reaches(project_id).await? => Ok(InstanceRef { project_id, instance_id }),
        _ => Err(Refusal::ResourceNotFound.into()),
    }
}

/// `GET /v2/products/service-types`.
async fn list_service_types(_engine: Engine, context: RequestContext) -> Response {
    let all = [json!({"service_type_code": SERVICE, "service_type_name": "DCS", "abbreviation": "DCS"})];
    let infos = page_of(&all, page_request(&context.query)?).to_vec();
    Ok(HttpResponse::Ok().json(ServiceTypesView { total_count: all.len(), infos }))
}

/// Writes a time as billing does: without milliseconds.
fn seconds(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[derive(Serialize, ToSchema)]
#[schema(as = CustomerOrder)]
struct OrderDetailsView {
    order_info: OrderInfoView,
    total_count: u32,
    #[schema(value_type = Vec<Object>)]
    order_line_items: Vec<serde_json::Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CustomerOrderInfo)]
struct OrderInfoView {
    order_id: String,
    customer_id: String,
    /// 3: processing, 4: cancelled, 5: done, 6: unpaid.
    status: u8,
    /// 1: new instances, 3: another size, 4: an end.
    order_type: u8,
    service_type_code: &'static str,
    create_time: String,
    payment_time: Option<String>,
    currency: &'static str,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = OrderPayment)]
struct PayBody {
    order_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ResourcesQuery)]
struct ResourcesBody {
    order_id: Option<String>,
    resource_ids: Option<Vec<String>>,
    /// Numbers: 2 in use, 4 frozen, 5 expired.
    #[schema(value_type = Option<Vec<u8>>)]
    status_list: Option<Vec<Flexible>>,
    expire_time_begin: Option<String>,
    expire_time_end: Option<String>,
    #[schema(value_type = Option<u64>)]
    limit: Option<Flexible>,
    #[schema(value_type = Option<u64>)]
    offset: Option<Flexible>,
}

impl ResourcesBody {
    fn page(&self) -> Result<PageRequest, Refusal> {
        let number =
            |given: &Option<Flexible>| given.as_ref().and_then(Flexible::given).map(Flexible::to_u64);
        let limit = number(&self.limit).map_or(Ok(PageLimit::TEN), |limit| match limit {
            1..=1000 => PageLimit::clamped(limit).map_err(|_| Refusal::InvalidParameter { name: "limit" }),
            _ => Err(Refusal::InvalidParameter { name: "limit" }),
        });
        let skip = number(&self.offset).unwrap_or(0);
        if skip == u64::MAX {
            return Err(Refusal::InvalidParameter { name: "offset" });
        }
        Ok(PageRequest { skip, limit: limit? })
    }

    /// Returns whether a resource has one of the states, and a time that ends as is asked for.
    fn matches(&self, resource: &Resource, now: Timestamp) -> bool {
        let states = self.status_list.as_ref().filter(|states| !states.is_empty());
        let is = u64::from(resource.status(now).number());
        let until = resource.subscription.at(now).time.map(|(_, until)| seconds(until)).unwrap_or_default();
        let given = |bound: &Option<String>| bound.clone().filter(|bound| !bound.is_empty());
        states.is_none_or(|states| states.iter().any(|one| one.to_u64() == is))
            && given(&self.expire_time_begin).is_none_or(|from| until >= from)
            && given(&self.expire_time_end).is_none_or(|to| until <= to)
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = SubscribedResources)]
struct ResourcesView {
    data: Vec<ResourceView>,
    /// Of all pages.
    total_count: usize,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SubscribedResource)]
struct ResourceView {
    id: String,
    resource_id: String,
    resource_name: String,
    region_code: String,
    service_type_code: &'static str,
    service_type_name: &'static str,
    resource_type_code: &'static str,
    resource_type_name: &'static str,
    resource_spec_code: String,
    project_id: String,
    product_id: String,
    parent_resource_id: Option<String>,
    is_main_resource: u8,
    /// 2: in use, 4: frozen, 5: expired.
    status: u8,
    effective_time: Option<String>,
    expire_time: Option<String>,
    /// 0: it ends with its time, 3: it is renewed by itself.
    expire_policy: u8,
}

impl ResourceView {
    fn of(resource: &Resource, region: &str, now: Timestamp) -> Self {
        let subscription = resource.subscription.at(now);
        let (from, until) = subscription.time.unzip();
        let instance = &resource.instance;
        Self {
            id: instance.id.to_string().replace('-', ""),
            resource_id: instance.id.to_string(),
            resource_name: instance.name.to_string(),
            region_code: region.to_owned(),
            service_type_code: SERVICE,
            service_type_name: "DCS",
            resource_type_code: RESOURCE,
            resource_type_name: "DCS",
            resource_spec_code: instance.spec_code.clone(),
            project_id: instance.project_id.to_string(),
            product_id: catalogue::hourly_id(&instance.spec_code),
            parent_resource_id: None,
            is_main_resource: 1,
            status: resource.status(now).number(),
            effective_time: from.map(seconds),
            expire_time: until.map(seconds),
            expire_policy: if subscription.renews { 3 } else { 0 },
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = Unsubscription)]
struct UnsubscribeBody {
    /// One to ten.
    resource_ids: Option<Vec<String>>,
    /// 1: the instances are deleted; 2: only times end that have not begun.
    #[schema(value_type = Option<u8>)]
    unsubscribe_type: Option<Flexible>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderIds)]
struct OrdersView {
    order_ids: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ServiceTypes)]
struct ServiceTypesView {
    #[schema(value_type = Vec<Object>)]
    infos: Vec<serde_json::Value>,
    total_count: usize,
}
