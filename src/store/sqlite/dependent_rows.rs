//! What belongs to a project or an instance and has no form of its own in a seed, as rows of the tables: written down and put
//! back whatever the schema comes to have.
//!
//! A table is carried so when its rows name their owner by `instance_key`, `project_key` or `project_id`. Numbers stay numbers, texts
//! texts; what is binary is written in hexadecimal.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Encode, Row, Sqlite, SqliteConnection, Type};

use crate::store::error::{SQLITE_CONSTRAINT, primary_code};
use crate::store::{DependentRows, StoreError, TableRow, TableRows};

/// The columns of `instances` that an instance's entry has a form for, or that follow from it.
pub(super) const INSTANCE_COLUMNS: [&str; 22] = [
    "instance_key",
    "instance_id",
    "project_key",
    "name",
    "description",
    "engine",
    "engine_version",
    "cache_mode",
    "capacity_mb",
    "spec_code",
    "status",
    "ip",
    "port",
    "no_password_access",
    "zone_codes",
    "vpc_id",
    "subnet_id",
    "security_group_id",
    "user_id",
    "user_name",
    "created_at",
    "deleted_at",
];
/// Tables that have a form of their own, or follow from others.
const OTHER_TABLES: [&str; 5] = ["projects", "instances", "backups", "restores", "events"];
/// Tables whose rows name a project by `project_id` and belong to users, or are the projects.
const TABLES_OF_USERS: [&str; 3] = ["projects", "user_roles", "tokens"];
/// The table of open work: that of records is written with them, so that only an instance's own is carried as it is.
const OPEN_WORK: &str = "open_work";

/// What the schema has besides what is named.
pub(super) struct Carried {
    instance_columns: Vec<Column>,
    tables: Vec<Table>,
    /// Tables that name a project by its id, which need not be one that is there.
    loose: Vec<Table>,
}

struct Table {
    name: String,
    columns: Vec<Column>,
    of_instance: bool,
    of_project: bool,
}

struct Column {
    name: String,
    is_binary: bool,
}

/// Whose rows they are.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) project_key: i64,
    /// None: those of the project that are no instance's.
    pub(super) instance_key: Option<i64>,
}

impl Carried {
    /// Reads what there is from the schema.
    pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let failed = StoreError::during("read the schema");
        let rows = sqlx::query(
            "SELECT t.name AS table_name, c.name AS column_name, c.type = 'BLOB' AS is_binary
             FROM sqlite_schema t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) k
                                                WHERE k.name IN ('instance_key', 'project_key', 'project_id'))
             ORDER BY t.name, c.cid",
        )
        .fetch_all(connection)
        .await
        .map_err(&failed)?;
        let (mut instance_columns, mut tables) = (Vec::new(), Vec::<Table>::new());
        for row in rows {
            let table: String = row.try_get("table_name").map_err(&failed)?;
            let name: String = row.try_get("column_name").map_err(&failed)?;
            let column = Column { is_binary: row.try_get("is_binary").map_err(&failed)?, name };
            if table == "instances" && !INSTANCE_COLUMNS.contains(&column.name.as_str()) {
                instance_columns.push(column);
                continue;
            }
            if OTHER_TABLES.contains(&table.as_str()) || TABLES_OF_USERS.contains(&table.as_str()) {
                continue;
            }
            if tables.last().is_none_or(|last| last.name != table) {
                let columns = Vec::new();
                tables.push(Table { name: table, columns, of_instance: false, of_project: false });
            }
            if let Some(table) = tables.last_mut() {
                match column.name.as_str() {
                    "instance_key" => table.of_instance = true,
                    "project_key" => table.of_project = true,
                    _ => table.columns.push(column),
                }
            }
        }
        let is_owned = |table: &Table| table.of_instance || table.of_project;
        let (tables, loose) = tables.into_iter().partition(is_owned);
        Ok(Self { instance_columns, tables, loose })
    }

    /// Returns the rows that name a project by its id: all, or those of one.
    pub(super) async fn loose(
        &self,
        connection: &mut SqliteConnection,
        project: Option<&[u8]>,
    ) -> Result<TableRows, StoreError> {
        let mut found = BTreeMap::new();
        for table in &self.loose {
            let objects = json_object(&table.columns);
            let name = &table.name;
            let statement =
                format!("SELECT {objects} FROM {name} WHERE ?1 IS NULL OR project_id = ?1 ORDER BY 1");
            let rows = rows(connection, statement, project).await?;
            if !rows.is_empty() {
                found.insert(name.clone(), rows);
            }
        }
        Ok(found)
    }

    /// Puts rows back that name a project by its id: those that are not there, or all in place of what is.
    pub(super) async fn put_loose(
        &self,
        connection: &mut SqliteConnection,
        rows: &TableRows,
        overwrite: bool,
    ) -> Result<(), StoreError> {
        for (name, rows) in rows {
            let table = self.loose.iter().find(|table| table.name == *name);
            let table = table.ok_or_else(|| unstorable(format!("there is no table {name} for it")))?;
            for row in rows {
                let (columns, values): (Vec<_>, Vec<_>) =
                    expressions(name, &table.columns, row)?.into_iter().unzip();
                let (columns, values) = (columns.join(", "), values.join(", "));
                let statement = if overwrite {
                    format!("INSERT OR REPLACE INTO {name} ({columns}) SELECT {values}")
                } else {
                    format!(
                        "INSERT INTO {name} ({columns}) SELECT {values} WHERE true ON CONFLICT DO NOTHING"
                    )
                };
                let statement = sqlx::query(AssertSqlSafe(statement)).bind(as_text(row));
                statement.execute(&mut *connection).await.map_err(|error| refused(name, error))?;
            }
        }
        Ok(())
    }

    /// Returns what belongs to an instance, or to a project and to no instance.
    pub(super) async fn of(
        &self,
        connection: &mut SqliteConnection,
        owner: Owner,
    ) -> Result<DependentRows, StoreError> {
        let mut dependent_rows = DependentRows::default();
        if let Some(key) = owner.instance_key {
            let objects = json_object(&self.instance_columns);
            let statement = format!("SELECT {objects} FROM instances WHERE instance_key = ?");
            dependent_rows.columns = rows(connection, statement, key).await?.pop().unwrap_or_default();
        }
        for table in &self.tables {
            let (condition, key) = match owner.instance_key {
                Some(key) if table.of_instance => ("instance_key = ?", key),
                None if table.of_project && table.of_instance => {
                    ("project_key = ? AND instance_key IS NULL", owner.project_key)
                }
                None if table.of_project => ("project_key = ?", owner.project_key),
                _ => continue,
            };
            let own_work = if table.name == OPEN_WORK { "AND record_kind = 0" } else { "" };
            let objects = json_object(&table.columns);
            let statement =
                format!("SELECT {objects} FROM {} WHERE {condition} {own_work} ORDER BY 1", table.name);
            let rows = rows(connection, statement, key).await?;
            if !rows.is_empty() {
                dependent_rows.rows.insert(table.name.clone(), rows);
            }
        }
        Ok(dependent_rows)
    }

    /// Returns the columns of an instance that are to be filled beside those that are named, each with the expression of its
    /// value, `?1` being [`as_text`] of the values.
    pub(super) fn columns_of(&self, given: &TableRow) -> Result<Vec<(String, String)>, StoreError> {
        expressions("instances", &self.instance_columns, given)
    }

    /// Puts the rows of a project back that are no instance's: into tables in which it has none, or in place of what it has.
    pub(super) async fn put_of_project(
        &self,
        connection: &mut SqliteConnection,
        project_key: i64,
        rows: &TableRows,
        overwrite: bool,
    ) -> Result<(), StoreError> {
        let failed = StoreError::during("look what belongs to a project");
        let mut missing = BTreeMap::new();
        for (name, rows) in rows {
            let table = self.tables.iter().find(|table| table.name == *name && table.of_project);
            let table = table.ok_or_else(|| unstorable(format!("there is no table {name} for it")))?;
            let own = if table.of_instance { "AND instance_key IS NULL" } else { "" };
            if overwrite {
                let statement = format!("DELETE FROM {name} WHERE project_key = ? {own}");
                let statement = sqlx::query(AssertSqlSafe(statement)).bind(project_key);
                statement.execute(&mut *connection).await.map_err(&failed)?;
            }
            let statement = format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE project_key = ? {own})");
            let is_there: bool = sqlx::query_scalar(AssertSqlSafe(statement))
                .bind(project_key)
                .fetch_one(&mut *connection)
                .await
                .map_err(&failed)?;
            if !is_there {
                missing.insert(name.clone(), rows.clone());
            }
        }
        self.put(connection, Owner { project_key, instance_key: None }, &missing).await
    }

    /// Puts rows back.
    pub(super) async fn put(
        &self,
        connection: &mut SqliteConnection,
        owner: Owner,
        dependent_rows: &TableRows,
    ) -> Result<(), StoreError> {
        for (name, rows) in dependent_rows {
            let table = self.tables.iter().find(|table| table.name == *name);
            let table = table.ok_or_else(|| unstorable(format!("there is no table {name} for it")))?;
            for row in rows {
                let values = expressions(name, &table.columns, row)?;
                let mut columns: Vec<&str> = values.iter().map(|(column, _)| column.as_str()).collect();
                let mut values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
                if table.of_instance {
                    columns.push("instance_key");
                    values.push("?2");
                }
                if table.of_project {
                    columns.push("project_key");
                    values.push("?3");
                }
                let statement =
                    format!("INSERT INTO {name} ({}) SELECT {}", columns.join(", "), values.join(", "));
                sqlx::query(AssertSqlSafe(statement))
                    .bind(as_text(row))
                    .bind(owner.instance_key)
                    .bind(owner.project_key)
                    .execute(&mut *connection)
                    .await
                    .map_err(|error| refused(name, error))?;
            }
        }
        Ok(())
    }
}

/// Returns values as they are bound.
pub(super) fn as_text(row: &TableRow) -> String {
    serde_json::to_string(row).unwrap_or_default()
}

/// Returns what the schema does not take as what is wrong with the seed; the driver's other errors stay what they are.
pub(super) fn refused(table: &str, error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(problem) if primary_code(&error) == Some(SQLITE_CONSTRAINT) => {
            unstorable(format!("{table} does not take a row of it: {}", problem.message()))
        }
        _ => StoreError::during("insert what a seed wants")(error),
    }
}

fn unstorable(what: String) -> StoreError {
    StoreError::Unstorable { what }
}

/// Returns an expression of an object of columns; names are those of the schema.
fn json_object(columns: &[Column]) -> String {
    let member = |column: &Column| {
        let name = &column.name;
        if column.is_binary {
            format!("'{name}', iif({name} IS NULL, NULL, lower(hex({name})))")
        } else {
            format!("'{name}', {name}")
        }
    };
    let members: Vec<String> = columns.iter().map(member).collect();
    format!("json_object({})", members.join(", "))
}

async fn rows<'k>(
    connection: &mut SqliteConnection,
    statement: String,
    key: impl Encode<'k, Sqlite> + Type<Sqlite> + Send + 'k,
) -> Result<Vec<TableRow>, StoreError> {
    let texts: Vec<String> = sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(key)
        .fetch_all(connection)
        .await
        .map_err(StoreError::during("read what belongs to an instance"))?;
    let read = |text: &String| {
        let mut row: TableRow = serde_json::from_str(text)
            .map_err(|_| StoreError::Inconsistent { what: "a row cannot be written as JSON" })?;
        row.retain(|_, value| !value.is_null());
        Ok(row)
    };
    texts.iter().map(read).collect()
}

/// Returns the columns of a row with the expressions of their values, which read them from the JSON text `?1`.
fn expressions(table: &str, columns: &[Column], row: &TableRow) -> Result<Vec<(String, String)>, StoreError> {
    let expression = |(name, value): (&String, &Value)| {
        let column = columns.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| unstorable(format!("{table} has no column {name} for it")))?;
        if value.is_array() || value.is_object() {
            return Err(unstorable(format!("{table}.{name} is neither a text nor a number")));
        }
        // The name is one of the schema's own.
        let value = format!("json_extract(?1, '$.{name}')");
        let value = if column.is_binary { format!("unhex({value})") } else { value };
        Ok((name.clone(), value))
    };
    row.iter().map(expression).collect()
}
