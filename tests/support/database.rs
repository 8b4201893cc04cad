//! What a person sees who opens the database with another program while the server runs.

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::server::TestServer;

impl TestServer {
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
