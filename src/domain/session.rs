//! Sessions of the clients of a node: the links between replicas and their master, and those that a test declares.
//!
//! A link has one end at a replica and one at its master; it is known by the replica. When it is cut it comes back at once, as a
//! session with another id.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 4.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::contents::{Contents, Session};
use crate::domain::instance::{Instance, InstanceStatus, Node, NodeRole};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// In place of the id of a node: every node of the instance.
pub const EVERY_NODE: Uuid = Uuid::nil();
/// The id of the first link of a node.
const FIRST_ID: u64 = 3;
/// The file descriptor of the first link of a node.
const FIRST_FD: usize = 8;
/// The port from which the first replica has connected.
const FIRST_PORT: usize = 49_152;
/// What is left of the input buffer of a link, in bytes.
const FREE_INPUT_BUFFER: u64 = 20_474;

/// What is kept of the sessions of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSessions {
    /// The node; [`EVERY_NODE`] of what holds for all of them.
    pub node_id: Uuid,
    /// When its sessions were read last on demand.
    pub scanned_at: Option<Timestamp>,
    /// How often its link to its master began anew.
    pub renewals: u64,
    /// When it did so last.
    pub renewed_at: Option<Timestamp>,
}

/// Decides whether sessions of an instance can be looked at.
///
/// # Errors
/// `SessionsUnsupported` for an instance of the first generation.
pub fn permit_sessions(instance: &Instance) -> Result<(), Refusal> {
    let is_old = instance.engine_version.is_first_generation();
    if is_old { Err(Refusal::SessionsUnsupported) } else { Ok(()) }
}

/// Returns the node of an instance whose sessions can be looked at.
///
/// # Errors
/// As [`permit_sessions`], `UnknownNode`, `SessionsUnsupported` for a node that is stopped; in this order.
pub fn node_with_sessions(instance: &Instance, id: &str) -> Result<Node, Refusal> {
    permit_sessions(instance)?;
    let node = instance.find_node(id)?;
    if node.is_stopped { Err(Refusal::SessionsUnsupported) } else { Ok(node) }
}

/// Returns the sessions of a node: its links, then those that were declared of it. There are none while the instance is not in service.
pub fn sessions_of(
    instance: &Instance,
    node: &Node,
    (kept, contents): (&[NodeSessions], &Contents),
    now: Timestamp,
) -> Vec<Session> {
    if instance.status != InstanceStatus::Running {
        return Vec::new();
    }
    let declared = contents.sessions.iter().filter(|session| is_of(session, node, instance));
    let links = links(instance, node, kept, now).into_iter().map(|(_, link)| link);
    links.chain(declared.cloned()).collect()
}

/// Returns the links of a node, each with the replica at one end of it. There is none to or from a node that is stopped.
pub fn links(
    instance: &Instance,
    node: &Node,
    kept: &[NodeSessions],
    now: Timestamp,
) -> Vec<(Uuid, Session)> {
    let groups = instance.node_groups();
    let Some(group) = groups.iter().find(|group| group.nodes.iter().any(|one| one.id == node.id)) else {
        return Vec::new();
    };
    let of_role = |role| group.nodes.iter().filter(move |one| one.role == role);
    // A link is no older than the roles of its ends.
    let master_since = of_role(NodeRole::Master).filter_map(|master| master.role_since).max();
    let began = |replica: &Node| {
        let of_link = kept.iter().filter(|one| one.node_id == replica.id || one.node_id == EVERY_NODE);
        let renewals: u64 = of_link.clone().map(|one| one.renewals).sum();
        let renewed_at = of_link.filter_map(|one| one.renewed_at);
        let began_at = renewed_at.chain(replica.role_since).chain(master_since).max();
        (renewals, began_at.unwrap_or(instance.created_at))
    };
    let link = |replica: &Node, index: usize, count: usize, addr: String, flags: &str, cmd: &str| {
        let (renewals, began_at) = began(replica);
        let turn = renewals.saturating_mul(u64::try_from(count).unwrap_or(u64::MAX));
        let id = FIRST_ID + u64::try_from(index).unwrap_or(0);
        let session = Session {
            node: None,
            id: id.saturating_add(turn).to_string(),
            peer: addr.clone(),
            addr,
            fd: (FIRST_FD + index).to_string(),
            name: "replication".to_owned(),
            cmd: cmd.to_owned(),
            age: now.saturating_since(began_at).as_secs(),
            idle: 0,
            db: "0".to_owned(),
            flags: flags.to_owned(),
            sub: 0,
            psub: 0,
            multi: -1,
            qbuf: 0,
            qbuf_free: FREE_INPUT_BUFFER,
            obl: 0,
            oll: 0,
            omem: 0,
            events: "r".to_owned(),
            network: "vpc".to_owned(),
            user: "default".to_owned(),
        };
        (replica.id, session)
    };
    match node.role {
        NodeRole::Master => {
            let count = of_role(NodeRole::Replica).count();
            let replicas = of_role(NodeRole::Replica).enumerate().filter(|(_, replica)| !replica.is_stopped);
            let addr = |replica: &Node, index| format!("{}:{}", replica.ip, FIRST_PORT + index);
            replicas
                .map(|(index, replica)| link(replica, index, count, addr(replica, index), "S", "replconf"))
                .collect()
        }
        NodeRole::Replica => {
            let masters = of_role(NodeRole::Master).filter(|master| !master.is_stopped);
            let addr = |master: &Node| format!("{}:{}", master.ip, instance.port);
            masters.map(|master| link(node, 0, 1, addr(master), "M", "ping")).collect()
        }
        NodeRole::Proxy => Vec::new(),
    }
}

/// Returns the replicas whose link has an end at one of these nodes.
pub fn replicas_linked_to(instance: &Instance, nodes: &BTreeSet<Uuid>) -> Vec<Uuid> {
    let replicas = instance.node_groups().into_iter().flat_map(|group| {
        let of_master =
            group.nodes.iter().any(|node| node.role == NodeRole::Master && nodes.contains(&node.id));
        let replicas = group.nodes.into_iter().filter(|node| node.role == NodeRole::Replica);
        replicas.map(|node| node.id).filter(move |id| of_master || nodes.contains(id)).collect::<Vec<_>>()
    });
    replicas.collect()
}

/// Returns whether a session was declared of a node; without a word it is of the first one.
pub fn is_of(session: &Session, node: &Node, instance: &Instance) -> bool {
    match &session.node {
        Some(id) => node.id.simple().to_string().eq_ignore_ascii_case(id),
        None => instance.nodes().first().is_some_and(|first| first.id == node.id),
    }
}

impl Session {
    /// The names of the fields by which sessions can be sorted.
    pub const FIELDS: [&str; 21] = [
        "id",
        "addr",
        "fd",
        "name",
        "cmd",
        "age",
        "idle",
        "db",
        "flags",
        "sub",
        "psub",
        "multi",
        "qbuf",
        "qbuf_free",
        "obl",
        "oll",
        "omem",
        "events",
        "network",
        "peer",
        "user",
    ];

    /// Returns whether an address names it: that of the client or that by which the client is known, with the port or without.
    pub fn is_at(&self, address: &str) -> bool {
        [&self.addr, &self.peer]
            .into_iter()
            .any(|own| own == address || own.rsplit_once(':').is_some_and(|(host, _)| host == address))
    }

    /// Compares a field with that of another session: numbers as numbers, also those that are texts.
    pub fn compare_by(&self, other: &Self, field: &str) -> Ordering {
        let (own, its) = (self.field(field), other.field(field));
        match (own.parse::<i128>(), its.parse::<i128>()) {
            (Ok(own), Ok(its)) => own.cmp(&its),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => own.cmp(&its),
        }
    }

    fn field(&self, name: &str) -> String {
        match name {
            "id" => self.id.clone(),
            "addr" => self.addr.clone(),
            "fd" => self.fd.clone(),
            "name" => self.name.clone(),
            "cmd" => self.cmd.clone(),
            "age" => self.age.to_string(),
            "idle" => self.idle.to_string(),
            "db" => self.db.clone(),
            "flags" => self.flags.clone(),
            "sub" => self.sub.to_string(),
            "psub" => self.psub.to_string(),
            "multi" => self.multi.to_string(),
            "qbuf" => self.qbuf.to_string(),
            "qbuf_free" => self.qbuf_free.to_string(),
            "obl" => self.obl.to_string(),
            "oll" => self.oll.to_string(),
            "omem" => self.omem.to_string(),
            "events" => self.events.clone(),
            "network" => self.network.clone(),
            "peer" => self.peer.clone(),
            "user" => self.user.clone(),
            _ => String::new(),
        }
    }
}
