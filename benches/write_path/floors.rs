//! What the server is compared with: bare servers, run from this very executable, that parse path and body and answer as it does.
//!
//! - `no-op`: does nothing else; no middleware, no engine, no store.
//! - `one transaction a request`: writes one row of a table with the same pragmas, and commits each request alone.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use actix_web::web::{Bytes, Data, Path as PathParts};
use actix_web::{App, HttpResponse, HttpServer, web};
use dcs_emulator::clock::{Clock, SystemClock};
use dcs_emulator::config::LogFormat;
use dcs_emulator::domain::id::{InstanceId, ProjectId, UUID_LENGTH};
use dcs_emulator::ids::{IdSource, SystemIds};
use dcs_emulator::{http, telemetry};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::sync::Mutex;

use crate::Outcome;

const CREATE_PATH: &str = "/v1.0/{project_id}/instances/{instance_id}/backups";

/// Which floor a child process is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    NoOp,
    OneTransaction,
}

impl Floor {
    const ALL: [Self; 2] = [Self::NoOp, Self::OneTransaction];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoOp => "no-op",
            Self::OneTransaction => "one-transaction",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|floor| floor.as_str() == text)
    }
}

/// Where a floor writes; a no-op nowhere.
type Table = Option<Arc<Mutex<SqliteConnection>>>;

/// Serves as a floor until it is killed; says where on standard output, as the real server does.
pub(crate) fn serve(floor: Floor, database: Option<&Path>) -> Outcome<()> {
    // As `main` does it, so that the runtime is the same too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    telemetry::start(LogFormat::Text, "warn");
    runtime.block_on(async {
        let listener = http::server::bind(([127, 0, 0, 1], 0).into())?;
        let address = listener.local_addr()?;
        let table: Table = match (floor, database) {
            (Floor::OneTransaction, Some(database)) => Some(Arc::new(Mutex::new(open(database).await?))),
            _ => None,
        };
        let server = HttpServer::new(move || {
            App::new().app_data(Data::new(table.clone())).route(CREATE_PATH, web::post().to(create))
        });
        let server = server.workers(std::thread::available_parallelism()?.get());
        let server = server.disable_signals().listen(listener)?.run();
        writeln!(std::io::stdout(), "{} ready on http://{address}", floor.as_str())?;
        Ok(server.await?)
    })
}

#[derive(serde::Deserialize)]
struct Body {
    remark: Option<String>,
}

async fn create(table: Data<Table>, path: PathParts<(String, String)>, body: Bytes) -> HttpResponse {
    let (project_id, instance_id) = path.into_inner();
    let known = project_id.parse::<ProjectId>().is_ok() && instance_id.parse::<InstanceId>().is_ok();
    let (true, Ok(body)) = (known, serde_json::from_slice::<Body>(&body)) else {
        return HttpResponse::BadRequest().finish();
    };
    let (ids, now): (&dyn IdSource, _) = (&SystemIds, SystemClock.now());
    let mut buffer = [0; UUID_LENGTH];
    let id = ids.backup_id(now);
    if let Some(table) = &**table {
        let row = sqlx::query("INSERT INTO created (id, instance, remark, at) VALUES (?, ?, ?, ?)")
            .bind(id.as_bytes().to_vec())
            .bind(instance_id)
            .bind(body.remark)
            .bind(now.as_millis());
        if row.execute(&mut *table.lock().await).await.is_err() {
            return HttpResponse::InternalServerError().finish();
        }
    }
    let body = format!("{{\"backup_id\":\"{}\"}}", id.encode(&mut buffer));
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// Opens a database with the pragmas of the real store.
async fn open(database: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    connection
        .execute("CREATE TABLE created (id BLOB PRIMARY KEY, instance TEXT, remark TEXT, at INTEGER)")
        .await?;
    Ok(connection)
}
