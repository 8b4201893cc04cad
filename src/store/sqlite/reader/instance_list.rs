//! Lists of instances.
//!
//! What is found by an index that knows the filter is read from there in the order of the list. A part of a name or of an address and a
//! tag have no order: if they find few instances, those are looked at; if many, the list is read until its page is full.

#[cfg(test)]
mod plans;
mod statements;

use sqlx::{Connection, SqliteConnection};

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::Instance;
use crate::domain::page::{Page, PageLimit};
use crate::store::error::StoreError;
use crate::store::row;
use crate::store::sqlite::reader::instance_list::statements::{Clue, Listing, Range, Source};
use crate::store::sqlite::reader::{Reader, unsigned};
use crate::store::{InstanceFilter, InstancePageStart};

/// So many instances are sooner looked at one by one than found in the list.
const FEW: usize = 100;
/// How many instances a page has to skip before its block is looked for; fewer are sooner skipped.
const A_BLOCK: u64 = 300;

impl Reader {
    pub(in crate::store::sqlite) async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        let failed = StoreError::during("list instances");
        // One look for the page and its total.
        let mut connection = self.pool.acquire().await.map_err(&failed)?;
        let mut transaction = connection.begin().await.map_err(&failed)?;
        let source = source(&mut transaction, project_id, &filter).await.map_err(&failed)?;
        let listing = Listing { project_id, filter: &filter, source };
        let place = place(&mut transaction, &listing, start).await.map_err(&failed)?;
        let items = page(&mut transaction, &listing, place, limit.as_u64()).await?;
        let total = if let Some(total) = last_of_all(start, items.len(), limit) {
            total
        } else {
            let mut total = listing.total();
            unsigned(total.build_query_scalar().fetch_one(&mut *transaction).await.map_err(failed)?)
        };
        Ok(Page { items, total })
    }

    pub(in crate::store::sqlite) async fn all_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
    ) -> Result<Vec<Instance>, StoreError> {
        let failed = StoreError::during("read all instances");
        let mut connection = self.pool.acquire().await.map_err(&failed)?;
        let mut transaction = connection.begin().await.map_err(&failed)?;
        let source = source(&mut transaction, project_id, &filter).await.map_err(&failed)?;
        let listing = Listing { project_id, filter: &filter, source };
        page(&mut transaction, &listing, Place::behind(0), u64::MAX).await
    }
}

/// Where a page starts: in the first of some ranges, which follow each other, behind so many instances.
struct Place {
    ranges: Vec<Range>,
    skip: u64,
}

impl Place {
    fn behind(skip: u64) -> Self {
        Self { ranges: vec![Range::Everything], skip }
    }
}

/// Returns by what the instances of a list are found.
async fn source(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    filter: &InstanceFilter,
) -> Result<Source, sqlx::Error> {
    let source = Source::of(filter);
    if matches!(source, Source::Id | Source::Name) {
        return Ok(source);
    }
    for clue in Clue::of(filter) {
        let mut keys = clue.keys(project_id, FEW + 1);
        let keys: Vec<i64> = keys.build_query_scalar().fetch_all(&mut *connection).await?;
        if keys.len() <= FEW {
            return Ok(Source::Few(keys));
        }
    }
    Ok(source)
}

/// Returns where a page starts; nowhere if it is to follow an instance that is not in the list.
async fn place(
    connection: &mut SqliteConnection,
    listing: &Listing<'_>,
    start: InstancePageStart,
) -> Result<Place, sqlx::Error> {
    match start {
        InstancePageStart::Skip(skip) if skip >= A_BLOCK && listing.is_in_blocks() => {
            let block: Option<(i64, Vec<u8>, i64)> =
                listing.block_behind(skip).build_query_as().fetch_optional(connection).await?;
            let Some((list_order, from, before)) = block else { return Ok(Place::behind(skip)) };
            Ok(Place { ranges: Range::from_place(list_order, from), skip: skip - unsigned(before) })
        }
        InstancePageStart::Skip(skip) => Ok(Place::behind(skip)),
        InstancePageStart::After(marker) => {
            let created_at = created_at(connection, listing.project_id, marker).await?;
            let ranges = created_at.map_or_else(Vec::new, |created_at| Range::behind(created_at, marker));
            Ok(Place { ranges, skip: 0 })
        }
    }
}

async fn created_at(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    instance_id: InstanceId,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT i.created_at FROM instances i JOIN projects p USING (project_key)
         WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
    )
    .bind(&instance_id.as_bytes()[..])
    .bind(&project_id.as_bytes()[..])
    .fetch_optional(connection)
    .await
}

/// Reads a page.
async fn page(
    connection: &mut SqliteConnection,
    listing: &Listing<'_>,
    place: Place,
    limit: u64,
) -> Result<Vec<Instance>, StoreError> {
    let failed = StoreError::during("read a page of instances");
    let Place { ranges, mut skip } = place;
    let mut items = Vec::new();
    for range in &ranges {
        let missing = limit.saturating_sub(u64::try_from(items.len()).unwrap_or(limit));
        if missing == 0 {
            break;
        }
        let mut query = listing.page(range, skip, missing);
        let rows = query.build().fetch_all(&mut *connection).await.map_err(&failed)?;
        if rows.is_empty() && skip > 0 {
            // All of the range are skipped, and the rest in the next one.
            let mut passed = listing.count(range);
            let passed = passed.build_query_scalar().fetch_one(&mut *connection).await.map_err(&failed)?;
            skip = skip.saturating_sub(unsigned(passed));
        } else {
            skip = 0;
        }
        for row in &rows {
            items.push(row::instance(row)?);
        }
    }
    Ok(items)
}

/// Returns how many instances there are if a page tells: one that is not full ends the list.
fn last_of_all(start: InstancePageStart, found: usize, limit: PageLimit) -> Option<u64> {
    let found = u64::try_from(found).ok().filter(|found| *found < limit.as_u64())?;
    match start {
        InstancePageStart::Skip(0) => Some(found),
        InstancePageStart::Skip(skipped) if found > 0 => Some(skipped + found),
        // It may begin behind the end.
        InstancePageStart::Skip(_) | InstancePageStart::After(_) => None,
    }
}
