//! The catalogue as the two versions of the API show it.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 1.7 and 2.25 to 2.28; docs/contract/dcs-v2.md, sections 2.12 to 2.15.

use serde::Serialize;
use serde_json::{Number, Value, json};
use utoipa::ToSchema;

use crate::domain::builtin::Zone;
use crate::domain::catalogue::{self, Product, Size};
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::quota::{Quota, Usage};

const SERVICE_TYPE: &str = "hws.service.type.dcs";

/// Returns a number as JSON has it: whole ones without a decimal point, which some clients insist on.
fn number(value: f64) -> Number {
    let whole = value.to_string().parse::<u64>().ok().map(Number::from);
    whole.or_else(|| Number::from_f64(value)).unwrap_or_else(|| Number::from(0))
}

/// Everything that is sold, as v1.0 shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProductsView {
    pub(crate) products: Vec<ProductView>,
}

/// A product as v1.0 shows it. A product of many sizes shows the details of the smallest.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProductView {
    product_id: String,
    spec_code: &'static str,
    cache_mode: &'static str,
    product_type: &'static str,
    cpu_type: &'static str,
    storage_type: &'static str,
    details: Details,
    engine: String,
    engine_versions: String,
    /// JSON in a text.
    spec_details: String,
    /// JSON in a text.
    spec_details2: String,
    charging_type: &'static str,
    price: f64,
    currency: &'static str,
    prod_type: &'static str,
    cloud_service_type_code: &'static str,
    cloud_resource_type_code: &'static str,
    flavors: Vec<SizeView>,
    billing_factor: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Details {
    #[schema(value_type = f64)]
    capacity: Number,
    #[schema(value_type = f64)]
    max_memory: Number,
    max_connections: u32,
    max_clients: u32,
    max_bandwidth: u32,
    max_in_bandwidth: u32,
    tenant_ip_count: u32,
    sharding_num: u32,
    proxy_num: u32,
    db_number: u32,
}

impl Details {
    fn new(product: &Product, size: &Size) -> Self {
        let (max_clients, max_connections) = product.connections(size);
        let (max_in_bandwidth, max_bandwidth) = product.bandwidth(size);
        Self {
            capacity: number(size.capacity.as_gigabytes()),
            max_memory: number(size.usable_gb),
            max_connections,
            max_clients,
            max_bandwidth,
            max_in_bandwidth,
            tenant_ip_count: product.addresses(size),
            sharding_num: size.shards.count,
            proxy_num: size.shards.proxies,
            db_number: product.databases(),
        }
    }
}

/// A size and where it can be had.
#[derive(Serialize, ToSchema)]
struct SizeView {
    /// A text, in its shortest decimal form: clients compare it as such.
    capacity: String,
    unit: &'static str,
    available_zones: Vec<&'static str>,
    /// Only v2 shows the codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    az_codes: Option<Vec<String>>,
}

impl SizeView {
    fn new(size: &Size, zones: &[Zone]) -> Self {
        Self {
            capacity: capacity_text(size),
            unit: "GB",
            available_zones: zones.iter().map(|zone| zone.id).collect(),
            az_codes: None,
        }
    }

    fn with_codes(self, zones: &[Zone]) -> Self {
        Self { az_codes: Some(zones.iter().map(|zone| zone.code.clone()).collect()), ..self }
    }
}

fn capacity_text(size: &Size) -> String {
    size.capacity.as_gigabytes().to_string()
}

impl ProductView {
    /// Shows a product.
    pub(crate) fn new(product: &'static Product, zones: &[Zone]) -> Self {
        let family = product.family;
        let all: Vec<String> = product.sizes.iter().map(capacity_text).collect();
        let usable: Vec<Value> = product
            .sizes
            .iter()
            .map(|size| json!({ "capacity": number(size.capacity.as_gigabytes()), "max_memory": number(size.usable_gb) }))
            .collect();
        Self {
            product_id: catalogue::hourly_id(&product.spec_code),
            spec_code: &product.spec_code,
            cache_mode: family.mode.as_str(),
            product_type: family.edition.as_str(),
            cpu_type: family.cpu.as_str(),
            storage_type: family.storage.as_str(),
            details: Details::new(product, &product.sizes[0]),
            engine: family.engine.as_str().to_ascii_lowercase(),
            engine_versions: family.releases(),
            spec_details: json!([{ "mem": all.join(",") }]).to_string(),
            spec_details2: json!(usable).to_string(),
            charging_type: "Hourly",
            price: 0.0,
            currency: "",
            prod_type: "instance",
            cloud_service_type_code: SERVICE_TYPE,
            cloud_resource_type_code: "hws.resource.type.dcs",
            flavors: product.sizes.iter().map(|size| SizeView::new(size, zones)).collect(),
            billing_factor: "Duration",
        }
    }
}

/// What is sold, as v2 shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct FlavorsView {
    pub(crate) flavors: Vec<FlavorView>,
}

/// A product as v2 shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct FlavorView {
    spec_code: &'static str,
    cache_mode: &'static str,
    engine: String,
    engine_version: String,
    product_type: &'static str,
    cpu_type: &'static str,
    storage_type: &'static str,
    capacity: Vec<String>,
    billing_mode: [&'static str; 3],
    tenant_ip_count: u32,
    pricing_type: &'static str,
    is_dec: bool,
    replica_count: u32,
    cloud_service_type_code: &'static str,
    cloud_resource_type_code: &'static str,
    inquery_spec_code: &'static str,
    billing_factor: Option<&'static str>,
    attrs: Vec<Attribute>,
    flavors_available_zones: Vec<SizeView>,
}

/// A figure of a product in a size, as a text.
#[derive(Serialize, ToSchema)]
struct Attribute {
    capacity: String,
    name: &'static str,
    value: String,
}

impl FlavorView {
    /// Shows a product.
    pub(crate) fn new(product: &'static Product, zones: &[Zone]) -> Self {
        let family = product.family;
        let size_view = |size| SizeView::new(size, zones).with_codes(zones);
        Self {
            spec_code: &product.spec_code,
            cache_mode: family.mode.as_str(),
            engine: family.engine.as_str().to_ascii_lowercase(),
            engine_version: family.releases(),
            product_type: family.edition.as_str(),
            cpu_type: family.cpu.as_str(),
            storage_type: family.storage.as_str(),
            capacity: product.sizes.iter().map(capacity_text).collect(),
            billing_mode: ["Hourly", "Monthly", "Yearly"],
            tenant_ip_count: product.addresses(&product.sizes[0]),
            pricing_type: if family.is_tiered() { "tier" } else { "normal" },
            is_dec: false,
            replica_count: product.copies,
            cloud_service_type_code: SERVICE_TYPE,
            cloud_resource_type_code: "hws.resource.type.dcs3",
            inquery_spec_code: &product.spec_code,
            billing_factor: None,
            attrs: product.sizes.iter().flat_map(|size| attributes(product, size)).collect(),
            flavors_available_zones: product.sizes.iter().map(size_view).collect(),
        }
    }
}

/// Returns the figures of a product in a size.
fn attributes(product: &Product, size: &Size) -> [Attribute; 8] {
    let Details {
        max_memory,
        max_connections,
        max_clients,
        max_bandwidth,
        max_in_bandwidth,
        sharding_num,
        proxy_num,
        db_number,
        ..
    } = Details::new(product, size);
    [
        ("sharding_num", sharding_num.to_string()),
        ("proxy_num", proxy_num.to_string()),
        ("db_number", db_number.to_string()),
        ("max_memory", max_memory.to_string()),
        ("max_connections", max_connections.to_string()),
        ("max_clients", max_clients.to_string()),
        ("max_bandwidth", max_bandwidth.to_string()),
        ("max_in_bandwidth", max_in_bandwidth.to_string()),
    ]
    .map(|(name, value)| Attribute { capacity: capacity_text(size), name, value })
}

/// The zones of a region.
#[derive(Serialize, ToSchema)]
pub(crate) struct ZonesView {
    region_id: String,
    /// The name that Go clients read.
    #[serde(rename = "regionId")]
    region_id_camel: String,
    available_zones: Vec<ZoneView>,
}

#[derive(Serialize, ToSchema)]
struct ZoneView {
    id: &'static str,
    code: String,
    name: String,
    port: String,
    /// A text: clients compare it with "true".
    resource_availability: &'static str,
    resource_availability_dcs2: &'static str,
}

impl ZonesView {
    /// Shows zones.
    pub(crate) fn new(region: &str, zones: impl IntoIterator<Item = Zone>) -> Self {
        let view = |zone: Zone| ZoneView {
            id: zone.id,
            name: zone.code.clone(),
            code: zone.code,
            port: zone.port,
            resource_availability: "true",
            resource_availability_dcs2: "true",
        };
        Self {
            region_id: region.to_owned(),
            region_id_camel: region.to_owned(),
            available_zones: zones.into_iter().map(view).collect(),
        }
    }
}

/// The windows of maintenance.
#[derive(Serialize, ToSchema)]
pub(crate) struct WindowsView {
    pub(crate) maintain_windows: Vec<WindowView>,
}

/// A window of maintenance, its hours in two digits.
#[derive(Serialize, ToSchema)]
pub(crate) struct WindowView {
    seq: u8,
    begin: String,
    end: String,
    default: bool,
}

impl WindowView {
    /// Shows a window.
    pub(crate) fn new(window: MaintenanceWindow) -> Self {
        Self {
            seq: window.number,
            begin: format!("{:02}", window.begin_hour),
            end: format!("{:02}", window.end_hour()),
            default: window == MaintenanceWindow::DEFAULT,
        }
    }
}

/// Shows how much a project may have, and how much it has.
pub(crate) fn quotas_view(quota: Quota, usage: Usage) -> Value {
    let resource = |kind, unit: Option<&str>, limit: u64, used: u64| json!({ "type": kind, "unit": unit, "min": limit.min(1), "max": limit, "quota": limit, "used": used });
    json!({
        "resources": [
            resource("instance", None, quota.shown_instances(usage), usage.instances),
            resource("ram", Some("GB"), quota.shown_memory_gb(usage), usage.memory_gb()),
        ]
    })
}
