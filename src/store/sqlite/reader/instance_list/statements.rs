//! The statements that read lists of instances: one place for both versions and all filters. Values are bound, never written into
//! the text.

use sqlx::{QueryBuilder, Sqlite};

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::InstanceStatus;
use crate::store::InstanceFilter;
use crate::store::row::INSTANCE_COLUMNS;

/// How long the terms of names and addresses are at most, in characters.
const TERM_CHARACTERS: usize = 8;

/// By what the instances of a list are found. Without statistics SQLite cannot know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// By the id.
    Id,
    /// By the whole name.
    Name,
    /// By their keys: they are few.
    Few(Vec<i64>),
    /// Among those of one size, in the order of the list.
    Capacity,
    /// Among those in one state, in the order of the list.
    Status,
    /// In the list.
    List,
}

impl Source {
    /// Returns the best one that a filter has in any case.
    pub(super) fn of(filter: &InstanceFilter) -> Self {
        match filter {
            InstanceFilter { id: Some(_), .. } => Self::Id,
            InstanceFilter { name_is: Some(_), .. } => Self::Name,
            InstanceFilter { capacity: Some(_), .. } => Self::Capacity,
            InstanceFilter { status: Some(_), .. } => Self::Status,
            _ => Self::List,
        }
    }

    fn index(&self) -> &'static str {
        match self {
            Self::Id => "",
            Self::Name => "INDEXED BY instances_by_name",
            // But by its key.
            Self::Few(_) => "NOT INDEXED",
            Self::Capacity => "INDEXED BY instances_by_capacity",
            Self::Status => "INDEXED BY instances_by_status",
            Self::List => IN_LIST_ORDER,
        }
    }
}

/// The index that covers every filter.
const IN_LIST_ORDER: &str = "INDEXED BY instances_in_list_order";

/// What a filter asks for that may lead to few instances, in no order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clue<'f> {
    /// A part of the name (field 0) or of the addresses (field 1).
    Part { field: i64, text: &'f str },
    /// A tag, with any value or with this one.
    Tag { key: &'f str, value: Option<&'f str> },
}

impl<'f> Clue<'f> {
    /// Returns those of a filter.
    pub(super) fn of(filter: &'f InstanceFilter) -> impl Iterator<Item = Self> {
        let parts = [(0, &filter.name_contains), (1, &filter.ip), (1, &filter.ip_contains)];
        let parts = parts.into_iter().filter_map(|(field, text)| {
            let text = text.as_deref().filter(|text| !text.is_empty())?;
            Some(Self::Part { field, text })
        });
        let tags = filter.tags.iter().map(|(key, value)| Self::Tag { key, value: value.as_deref() });
        parts.chain(tags)
    }

    /// Makes the query of the keys of instances that it may mean, so many at most: all that it means are among them.
    pub(super) fn keys(self, project_id: ProjectId, limit: usize) -> QueryBuilder<Sqlite> {
        let mut query;
        match self {
            Self::Part { field, text } => {
                let from = last_characters(text, TERM_CHARACTERS);
                query = QueryBuilder::new(
                    "SELECT DISTINCT t.instance_key FROM projects p JOIN instance_terms t USING (project_key) WHERE t.field = ",
                );
                query.push_bind(field).push(" AND t.term >= ").push_bind(from.to_owned());
                query.push(" AND t.term < ").push_bind(format!("{from}{}", char::MAX));
            }
            Self::Tag { key, value } => {
                query = QueryBuilder::new(
                    "SELECT t.instance_key FROM instance_tags t CROSS JOIN instances i USING (instance_key) \
                     JOIN projects p USING (project_key) WHERE i.deleted_at IS NULL",
                );
                push_tag(&mut query, key, value);
            }
        }
        query.push(" AND p.project_id = ").push_bind(project_id.as_bytes().to_vec());
        query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        query
    }
}

/// Returns the end of a text.
fn last_characters(text: &str, count: usize) -> &str {
    let begins = text.char_indices().rev().nth(count - 1);
    begins.map_or(text, |(begins, _)| &text[begins..])
}

/// A part of the order of the list, each one range of an index.
#[derive(Clone, Debug)]
pub(super) enum Range {
    /// All of it.
    Everything,
    /// Those of one instant, from a place among their ids on.
    AtInstant { list_order: i64, from: Vec<u8> },
    /// Those that are older.
    Before { list_order: i64 },
}

impl Range {
    /// Returns what comes from a place on, in order. The first place of all is named by no id.
    pub(super) fn from_place(list_order: i64, from: Vec<u8>) -> Vec<Self> {
        if from.is_empty() {
            return vec![Self::Everything];
        }
        vec![Self::AtInstant { list_order, from }, Self::Before { list_order }]
    }

    /// Returns what comes behind an instance, in order.
    pub(super) fn behind(created_at: i64, instance_id: InstanceId) -> Vec<Self> {
        // No id lies between it and the same with one byte more.
        let mut from = instance_id.as_bytes().to_vec();
        from.push(0);
        Self::from_place(-created_at, from)
    }
}

/// A list of instances, and by what they are found.
pub(super) struct Listing<'f> {
    pub(super) project_id: ProjectId,
    pub(super) filter: &'f InstanceFilter,
    pub(super) source: Source,
}

impl Listing<'_> {
    /// Makes the query of a page, or of a part of one.
    pub(super) fn page(&self, range: &Range, skip: u64, limit: u64) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(INSTANCE_COLUMNS);
        self.push_source(&mut query, self.source.index());
        self.push_filter(&mut query);
        push_range(&mut query, range);
        query.push(" ORDER BY ");
        query.push(match range {
            Range::AtInstant { .. } => "i.instance_id",
            Range::Everything | Range::Before { .. } => "-i.created_at, i.instance_id",
        });
        query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        query.push(" OFFSET ").push_bind(i64::try_from(skip).unwrap_or(i64::MAX));
        query
    }

    /// Makes the query of how many instances the filter lets through. Of engines, states and sizes that is counted as they change.
    pub(super) fn total(&self) -> QueryBuilder<Sqlite> {
        let filter = self.filter;
        let is_counted = *filter
            == InstanceFilter {
                engine: filter.engine,
                status: filter.status,
                capacity: filter.capacity,
                include_create_failed: filter.include_create_failed,
                ..InstanceFilter::default()
            };
        if !is_counted {
            return self.count(&Range::Everything);
        }
        let mut query = QueryBuilder::new(
            "SELECT coalesce(sum(i.instances), 0) FROM projects p JOIN instance_counts i USING (project_key) \
             WHERE p.project_id = ",
        );
        query.push_bind(self.project_id.as_bytes().to_vec());
        self.push_kind(&mut query);
        query
    }

    /// Makes the query of how many instances of a range the filter lets through.
    pub(super) fn count(&self, range: &Range) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new("SELECT count(*)");
        let index = match &self.source {
            Source::Id | Source::Name | Source::Few(_) => self.source.index(),
            // What else they must be like is not in the other indexes.
            Source::Capacity | Source::Status | Source::List => IN_LIST_ORDER,
        };
        self.push_source(&mut query, index);
        self.push_filter(&mut query);
        push_range(&mut query, range);
        query
    }

    /// Returns whether the list is the one that is cut into blocks.
    pub(super) fn is_in_blocks(&self) -> bool {
        *self.filter == InstanceFilter::default()
    }

    /// Makes the query of the block in which a page begins: its place, and how many instances are before it.
    pub(super) fn block_behind(&self, skip: u64) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new(
            "SELECT list_order, instance_id, before FROM ( \
                 SELECT list_order, instance_id, \
                        sum(instances) OVER (ORDER BY list_order, instance_id ROWS UNBOUNDED PRECEDING) - instances AS before \
                 FROM projects JOIN instance_blocks USING (project_key) WHERE project_id = ",
        );
        query.push_bind(self.project_id.as_bytes().to_vec());
        query.push(") WHERE before <= ").push_bind(i64::try_from(skip).unwrap_or(i64::MAX));
        query.push(" ORDER BY before DESC LIMIT 1");
        query
    }

    fn push_source(&self, query: &mut QueryBuilder<Sqlite>, index: &'static str) {
        query.push(" FROM projects p JOIN instances i ").push(index).push(" USING (project_key)");
        query.push(" WHERE i.deleted_at IS NULL AND p.project_id = ");
        query.push_bind(self.project_id.as_bytes().to_vec());
        if let Source::Few(keys) = &self.source {
            query.push(" AND i.instance_key IN (SELECT value FROM json_each(");
            query.push_bind(serde_json::to_string(keys).unwrap_or_default()).push("))");
        }
    }

    /// Appends what an instance must be like.
    fn push_filter(&self, query: &mut QueryBuilder<Sqlite>) {
        let filter = self.filter;
        if let Some(id) = filter.id {
            query.push(" AND i.instance_id = ").push_bind(id.as_bytes().to_vec());
        }
        if let Some(part) = &filter.name_contains {
            query.push(" AND instr(i.name, ").push_bind(part.clone()).push(") > 0");
        }
        if let Some(name) = &filter.name_is {
            query.push(" AND i.name = ").push_bind(name.clone());
        }
        if let Some(ip) = &filter.ip {
            query.push(" AND instr(',' || i.ip || ',', ',' || ").push_bind(ip.clone()).push(" || ',') > 0");
        }
        if let Some(part) = &filter.ip_contains {
            query.push(" AND instr(i.ip, ").push_bind(part.clone()).push(") > 0");
        }
        for (key, value) in &filter.tags {
            query.push(" AND EXISTS (SELECT 1 FROM instance_tags t WHERE t.instance_key = i.instance_key");
            push_tag(query, key, value.as_deref());
            query.push(")");
        }
        self.push_kind(query);
    }

    /// Appends which engine, size and state it must have.
    fn push_kind(&self, query: &mut QueryBuilder<Sqlite>) {
        let filter = self.filter;
        if let Some(engine) = filter.engine {
            query.push(" AND i.engine = ").push_bind(engine.as_str());
        }
        if let Some(capacity) = filter.capacity {
            query.push(" AND i.capacity_mb = ").push_bind(i64::from(capacity.as_megabytes()));
        }
        match filter.status {
            Some(status) => {
                query.push(" AND i.status = ").push_bind(status.as_str());
            }
            None if filter.include_create_failed => {}
            None => {
                query.push(" AND i.status <> ").push_bind(InstanceStatus::CreateFailed.as_str());
            }
        }
    }
}

fn push_tag(query: &mut QueryBuilder<Sqlite>, key: &str, value: Option<&str>) {
    query.push(" AND t.key = ").push_bind(key.to_owned());
    if let Some(value) = value {
        query.push(" AND t.value = ").push_bind(value.to_owned());
    }
}

fn push_range(query: &mut QueryBuilder<Sqlite>, range: &Range) {
    match range {
        Range::Everything => {}
        Range::AtInstant { list_order, from } => {
            query.push(" AND -i.created_at = ").push_bind(*list_order);
            query.push(" AND i.instance_id >= ").push_bind(from.clone());
        }
        Range::Before { list_order } => {
            query.push(" AND -i.created_at > ").push_bind(*list_order);
        }
    }
}
