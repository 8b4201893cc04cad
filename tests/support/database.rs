//! What a person sees who opens the database with another program while the server runs.

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::server::TestServer;

/// What else can belong to an instance or a project, a row each: statements for a server that is stopped.
const DEPENDENT_ROWS: &[&str] = &[
    "UPDATE instances SET engine_as_sent = 'redis', product_id = 'p', charging_mode = 1, order_id = 'o',
            maintain_begin = '22:00:00', maintain_end = '02:00:00', enterprise_project_id = 'e', enable_publicip = 1,
            publicip_id = 'i', enable_ssl = 1, access_user = 'u', password_hash = 'h', wrong_passwords = 5,
            locked_until = 9007199254740993, rename_commands = '{\"keys\": \"k\"}', launched_at = created_at,
            updated_at = created_at + 1, error_code = 'c', restorable_after = 1, description = 'said'
     WHERE name = 'dcs-single'",
    "INSERT INTO instance_tags SELECT instance_key, 0, 'key', '' FROM instances WHERE name = 'dcs-single'",
    "INSERT INTO instance_tags SELECT instance_key, 1, 'a', 'b' FROM instances WHERE name = 'dcs-single'",
    "INSERT INTO backup_policies SELECT instance_key, randomblob(16), 'auto', 7, '01:00-02:00', 'weekly', '[1, 2]', '+0800',
            created_at, created_at, 9007199254740993, 1 FROM instances WHERE name = 'dcs-single'",
    "INSERT INTO planned_sizes SELECT instance_key, 'spec', NULL, 4096, 'ha', '10.0.0.1', '[]' FROM instances
     WHERE name = 'dcs-single'",
    "INSERT INTO background_tasks SELECT NULL, project_key, instance_key, randomblob(16), 'task', '{}', 'u', 'n', created_at,
            NULL, 0, NULL, NULL FROM instances WHERE name = 'dcs-single'",
    "INSERT INTO jobs SELECT randomblob(16), project_key, instance_key, 'type', created_at, NULL, NULL FROM instances
     WHERE name = 'dcs-single'",
    "INSERT INTO jobs SELECT randomblob(16), project_key, NULL, 'gone', created_at, created_at, 'why' FROM instances
     WHERE name = 'dcs-single'",
    "INSERT INTO network_resources
     SELECT project_key, '9a6c4f5e-0000-4000-8000-000000000001', 1,
            json_object('kind', 'vpc', 'id', '9a6c4f5e-0000-4000-8000-000000000001', 'name', 'gone', 'cidr', '10.0.0.0/8')
     FROM instances WHERE name = 'dcs-single'",
    "UPDATE projects SET instance_quota = 77, memory_quota_gb = 777",
    "INSERT INTO stopped_nodes SELECT instance_key, randomblob(16) FROM instances WHERE name = 'dcs-single'",
];

impl TestServer {
    /// Gives the instance `dcs-single` and its project a row in each table that holds what belongs to them.
    pub(crate) async fn furnish(&mut self) {
        self.stop().await;
        for statement in DEPENDENT_ROWS {
            self.alter(statement, &[]).await;
        }
        self.restart().await;
    }

    /// Opens the database for reading, as another program would.
    pub(crate) async fn database(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.database_path()).read_only(true);
        SqliteConnection::connect_with(&options).await.expect("the database can be read")
    }

    /// Opens the database for reading and writing, as another program could that does not respect the lock beside it.
    pub(crate) async fn database_for_writing(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.database_path());
        SqliteConnection::connect_with(&options).await.expect("the database can be opened")
    }

    /// Changes the database while the server is stopped.
    pub(crate) async fn alter(&self, statement: &'static str, values: &[&str]) {
        assert!(!self.is_running(), "the server would go on with what it knew");
        let mut database = self.database_for_writing().await;
        let query =
            values.iter().fold(sqlx::query(statement), |query, value| query.bind((*value).to_owned()));
        let done = query.execute(&mut database).await.expect("the statement is right");
        assert!(done.rows_affected() > 0, "{statement} changed nothing");
        database.close().await.expect("the database can be closed");
    }

    /// Returns the rows of a statement whose one column is a JSON text.
    pub(crate) async fn rows(&self, statement: &'static str) -> Vec<Value> {
        let texts: Vec<String> = sqlx::query_scalar(statement)
            .fetch_all(&mut self.database().await)
            .await
            .expect("the statement is right");
        texts.iter().map(|text| serde_json::from_str(text).expect("the column is JSON")).collect()
    }

    /// Returns how many rows a table of the schema has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let statement = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM \"{table}\""));
        sqlx::query_scalar(statement)
            .fetch_one(&mut self.database().await)
            .await
            .expect("there is such a table")
    }

    /// Returns everything that `backup_audit` says about backups, in order.
    pub(crate) async fn audit(&self) -> Vec<Value> {
        self.rows(
            "SELECT json_object('at', at, 'who', who, 'what', what, 'from_status', from_status, 'to_status', to_status,
                                'remark', remark, 'error_code', error_code, 'instance_name', instance_name,
                                'instance_id', instance_id, 'record_id', record_id, 'project_id', project_id,
                                'request_id', request_id)
             FROM backup_audit WHERE what = 'backup'",
        )
        .await
    }
}
