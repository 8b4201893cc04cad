//! Names and addresses that are free.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use crate::domain::id::ProjectId;
use crate::domain::networks::Subnet;
use crate::domain::refusal::Refusal;
use crate::store::StoreError;
use crate::store::sqlite::networks;
use crate::store::sqlite::sql::sql;

/// How many addresses `192.168.x.2` to `192.168.x.254` of one subnet are given out.
const ADDRESSES_A_SUBNET: i64 = 253;
/// How many subnets there are before addresses repeat.
const SUBNETS: i64 = 256;
/// How many addresses there are before they repeat.
pub(in crate::store::sqlite) const ADDRESSES: i64 = ADDRESSES_A_SUBNET * SUBNETS;

/// Makes sure that no instance of the project has one of the names.
pub(super) async fn require_free(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    names: Vec<&str>,
) -> Result<(), StoreError> {
    let look = sql(
        "look for the names of instances",
        "SELECT 1 FROM projects p JOIN instances i USING (project_key)
         WHERE p.project_id = ? AND i.deleted_at IS NULL AND i.name IN (SELECT value FROM json_each(?)) LIMIT 1",
    );
    let taken: Option<i64> = look.bind(project_id).bind_json(&names).optional_value(connection).await?;
    if taken.is_some() { Err(Refusal::InstanceNameTaken.into()) } else { Ok(()) }
}

/// Returns so many addresses of a subnet that no instance in it has or will have, and no load balancer. From the subnet that every project begins with, which has few,
/// instances go on as in one that is not known: nothing is returned.
///
/// # Errors
/// `Refused` with `InvalidSubnet` if another one has not so many.
pub(super) async fn free_in_subnet(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    subnet: &Subnet,
    count: usize,
) -> Result<Option<Vec<String>>, StoreError> {
    let read = sql(
        "read the addresses of a subnet",
        "SELECT i.ip || ',' || coalesce(s.ip, '') FROM projects p JOIN instances i USING (project_key)
         LEFT JOIN planned_sizes s USING (instance_key) LEFT JOIN planned_places l USING (instance_key)
         WHERE p.project_id = ?1 AND i.deleted_at IS NULL AND (lower(i.subnet_id) = ?2 OR lower(l.subnet_id) = ?2)",
    );
    let read = read.bind(project_id).bind(subnet.id.to_string());
    let mut found: Vec<String> = read.values(&mut *connection).await?;
    found.extend(networks::addresses_of_load_balancers(connection, project_id, subnet).await?);
    let taken: HashSet<&str> = found.iter().flat_map(|addresses| addresses.split(',')).collect();
    let free = subnet.addresses().map(|address| address.to_string());
    let free: Vec<String> = free.filter(|address| !taken.contains(address.as_str())).take(count).collect();
    match free.len() == count {
        true => Ok(Some(free)),
        false if subnet.is_of_every_project() => Ok(None),
        false => Err(Refusal::InvalidSubnet.into()),
    }
}

/// Returns so many addresses that no instance of a project has or will have.
pub(super) async fn free_addresses(
    connection: &mut SqliteConnection,
    project_key: i64,
    count: usize,
) -> Result<Vec<String>, StoreError> {
    let first = given_out(connection, project_key).await?;
    let mut next = first;
    let mut free = Vec::with_capacity(count);
    while free.len() < count {
        let missing = i64::try_from(count - free.len()).unwrap_or(i64::MAX);
        let candidates: Vec<String> = (next..next + missing).map(address).collect();
        next += missing;
        // When all have been looked at there is none that is free, and some are given out again.
        let taken = if next - first > ADDRESSES {
            HashSet::new()
        } else {
            taken(connection, project_key, &candidates).await?
        };
        free.extend(candidates.into_iter().filter(|candidate| !taken.contains(candidate)));
    }
    Ok(free)
}

/// Makes sure that no other instance of a project that is or will be in a subnet has, or will have, one of some addresses; `ip` are
/// these, separated by commas. Addresses of instances that are gone are free.
///
/// # Errors
/// `Refused` with `InvalidParameter` (`private_ip`).
pub(super) async fn require_unused_address(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    subnet_id: &str,
    ip: &str,
) -> Result<(), StoreError> {
    let wanted: Vec<&str> = ip.split(',').collect();
    let look = sql(
        "look for an address in a subnet",
        "SELECT 1 FROM projects p JOIN instances i USING (project_key)
         LEFT JOIN planned_sizes s USING (instance_key) LEFT JOIN planned_places l USING (instance_key)
         WHERE p.project_id = ?1 AND i.deleted_at IS NULL AND (lower(i.subnet_id) = lower(?2) OR lower(l.subnet_id) = lower(?2))
           AND EXISTS (SELECT 1 FROM json_each(?3) c
                       WHERE instr(',' || i.ip || ',' || coalesce(s.ip, '') || ',', ',' || c.value || ',') > 0)
         LIMIT 1",
    );
    let look = look.bind(project_id).bind(subnet_id).bind_json(&wanted);
    let taken: Option<i64> = look.optional_value(connection).await?;
    if taken.is_some() { Err(Refusal::InvalidParameter { name: "private_ip" }.into()) } else { Ok(()) }
}

/// Returns the addresses that the instances of a project have, or will have when they have their new sizes.
pub(in crate::store::sqlite) async fn addresses_of(
    connection: &mut SqliteConnection,
    project_key: i64,
) -> Result<HashSet<String>, StoreError> {
    let read = sql(
        "read the addresses of a project",
        "SELECT i.ip || ',' || coalesce(s.ip, '') FROM instances i LEFT JOIN planned_sizes s USING (instance_key)
         WHERE i.project_key = ? AND i.deleted_at IS NULL",
    );
    let found: Vec<String> = read.bind(project_key).values(connection).await?;
    Ok(found.iter().flat_map(|addresses| addresses.split(',')).map(str::to_owned).collect())
}

/// Returns how many addresses the instances of a project have, those that are gone included.
async fn given_out(connection: &mut SqliteConnection, project_key: i64) -> Result<i64, StoreError> {
    let count = sql(
        "count the addresses of a project",
        "SELECT coalesce(sum(length(ip) - length(replace(ip, ',', '')) + 1), 0) FROM instances WHERE project_key = ?",
    );
    count.bind(project_key).value(connection).await
}

/// Returns those of some addresses that an instance of the project has, or will have when it has its new size.
async fn taken(
    connection: &mut SqliteConnection,
    project_key: i64,
    candidates: &[String],
) -> Result<HashSet<String>, StoreError> {
    let look = sql(
        "look for addresses of a project",
        "SELECT c.value FROM json_each(?1) c
         WHERE EXISTS (SELECT 1 FROM instances i LEFT JOIN planned_sizes s USING (instance_key)
                       WHERE i.project_key = ?2
                         AND instr(',' || i.ip || ',' || coalesce(s.ip, '') || ',', ',' || c.value || ',') > 0)",
    );
    let taken: Vec<String> = look.bind_json(&candidates).bind(project_key).values(connection).await?;
    Ok(taken.into_iter().collect())
}

/// Returns the address of the instance that follows `before` others in its project.
pub(in crate::store::sqlite) fn address(before: i64) -> String {
    let (subnet, host) = (before / ADDRESSES_A_SUBNET % SUBNETS, before % ADDRESSES_A_SUBNET + 2);
    format!("192.168.{subnet}.{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_project_follow_each_other() {
        assert_eq!(address(0), "192.168.0.2");
        assert_eq!(address(252), "192.168.0.254");
        assert_eq!(address(253), "192.168.1.2");
    }
}
