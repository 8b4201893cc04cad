//! Access to an instance from the public network: an address, and a load balancer before it.
//!
//! Ids that the network of the project has not are kept as given, and their address follows from the id.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 8.

use std::net::Ipv4Addr;

use uuid::Uuid;

use crate::domain::instance::nodes::{Of, mixed};
use crate::domain::instance::{Access, CacheMode, Engine, Instance};
use crate::domain::network::PublicAccessRequest;
use crate::domain::refusal::Refusal;

/// How an instance is reached from the public network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicAccess {
    /// The load balancer, if one was named.
    pub elb_id: Option<String>,
    /// The id of the public address.
    pub eip_id: String,
    /// The address.
    pub address: Ipv4Addr,
    /// What the load balancer listens on.
    pub listeners: Vec<Listener>,
}

/// A port of a load balancer that leads to an instance, or to a node of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its id.
    pub id: Uuid,
    /// The port.
    pub port: u16,
    /// Its name.
    pub name: String,
}

/// The longest id of a load balancer or an address.
const MAX_ID_LENGTH: usize = 1024;
/// The addresses that are given out, 198.18.0.0/15: nobody has them.
const FIRST_ADDRESS: u32 = 0xc612_0000;
/// How many of them there are.
const ADDRESSES: u64 = 1 << 17;

/// Returns the public address that follows from its id.
pub fn public_address(id: &str) -> Ipv4Addr {
    let bits = id.bytes().fold(0, |bits, byte| mixed(bits ^ u64::from(byte)));
    let place = u32::try_from(bits % (ADDRESSES - 2) + 1).unwrap_or(1);
    Ipv4Addr::from_bits(FIRST_ADDRESS + place)
}

impl Instance {
    /// Returns what the instance is like once it is opened to the public. One that is open already is opened anew.
    ///
    /// # Errors
    /// `InvalidParameter` (`instance_id`) for Memcached, (`publicip_id`) without an address for Redis 3.0, (`elb_id`) without a load
    /// balancer for later versions.
    pub fn opened(&self, order: &PublicAccessRequest) -> Result<Self, Refusal> {
        let is_old = self.engine_version.is_first_generation();
        let wrong = |name| Err(Refusal::InvalidParameter { name });
        let fits = |id: &Option<String>| id.as_ref().is_none_or(|id| id.len() <= MAX_ID_LENGTH);
        if self.engine != Engine::Redis {
            return wrong("instance_id");
        }
        if !fits(&order.public_ip_id) || is_old && order.public_ip_id.is_none() {
            return wrong("publicip_id");
        }
        if !fits(&order.elb_id) || !is_old && order.elb_id.is_none() {
            return wrong("elb_id");
        }
        let access = Access {
            public_ip: true,
            public_ip_id: order.public_ip_id.clone(),
            elb_id: order.elb_id.clone(),
            ssl: if is_old { order.ssl } else { self.access.ssl },
            ..self.access.clone()
        };
        let mut network = self.network.clone();
        network.names.public_address = order.address;
        Ok(Self { access, network, ..self.clone() })
    }

    /// Returns what the instance is like once it is closed to the public.
    ///
    /// # Errors
    /// `InvalidParameter` (`instance_id`) unless it is open.
    pub fn closed(&self) -> Result<Self, Refusal> {
        if !self.access.public_ip {
            return Err(Refusal::InvalidParameter { name: "instance_id" });
        }
        let access = Access {
            public_ip: false,
            public_ip_id: None,
            elb_id: None,
            ssl: self.access.ssl && !self.engine_version.is_first_generation(),
            ..self.access.clone()
        };
        Ok(Self { access, ..self.clone() })
    }

    /// Returns how the instance is reached from the public network; none if it is not.
    pub fn public_access(&self) -> Option<PublicAccess> {
        if !self.access.public_ip {
            return None;
        }
        let given = self.access.public_ip_id.clone();
        let eip_id = given.unwrap_or_else(|| self.part_id(Of::PublicAddress, 0).to_string());
        let address = self.network.names.public_address.unwrap_or_else(|| public_address(&eip_id));
        // Only the nodes of a cluster are reached one by one.
        let count = if self.cache_mode == CacheMode::Cluster { self.nodes().len() } else { 1 };
        let listener = |number: u16| {
            let port = self.port.saturating_add(number);
            Listener {
                id: self.part_id(Of::Listener, u32::from(number)),
                port,
                name: format!("dcs-{}-{port}", &self.id.to_string()[..8]),
            }
        };
        Some(PublicAccess {
            elb_id: self.access.elb_id.clone(),
            eip_id,
            address,
            listeners: (0..u16::try_from(count).unwrap_or(u16::MAX)).map(listener).collect(),
        })
    }

    /// Returns the id under which the nodes of the instance show its load balancer.
    pub fn load_balancer_id(&self) -> Uuid {
        self.part_id(Of::LoadBalancer, 0)
    }
}
