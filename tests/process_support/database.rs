//! Looks into a database from outside, and breaks it on purpose.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// Opens a database that is there, with none of the program's own settings.
pub(crate) async fn open(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.expect("it opens")
}

/// Executes statements, after which everything is in the main file.
pub(crate) fn execute(path: &Path, sql: &str) {
    block_on(async {
        let mut connection = open(path).await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("it can be executed");
        connection.close().await.expect("it closes");
    });
}

/// Returns the first column of a query's rows, which are texts.
pub(crate) fn texts(path: &Path, query: &str) -> Vec<String> {
    block_on(async {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("it opens");
        let rows = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await;
        connection.close().await.expect("it closes");
        rows.expect("it can be read")
    })
}

/// The content of a file, shown by its length only.
#[derive(PartialEq, Eq)]
pub(crate) struct Content(pub(crate) Vec<u8>);

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

/// Returns the files of a folder with their content, without those that carry no data: the lock and SQLite's index of the
/// log, which it builds anew.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Content> {
    std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| {
            let name = path.to_string_lossy();
            path.is_file() && !name.ends_with(".lock") && !name.ends_with("-shm")
        })
        .map(|path| {
            let content = std::fs::read(&path).expect("it can be read");
            (path, Content(content))
        })
        .collect()
}

/// Returns the path of a file that lies beside a database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Copies the database that a version of the schema has left to a place.
pub(crate) fn copy_fixture(version: usize, place: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::copy(fixtures.join(format!("schema-v{version}.sqlite")), place).unwrap();
}
