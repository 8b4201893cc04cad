//! Several statements with their values, run in one call.
//!
//! Each call is a round trip to the thread that sqlx keeps for a connection, and under load the round trips cost more than
//! the statements. Rows are values of the statement, not a JSON array that SQLite would have to take apart again: that
//! took twice as long a row.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// A row to be inserted.
pub(super) trait InsertRow: Sized {
    /// The table, and in parentheses the columns that are filled.
    const INTO: &'static str;
    /// What stands before and after the rows of values, whose columns are `column1` and so on. Rows of nulls must come to nothing.
    const SELECT: [&'static str; 2] = ["SELECT * FROM (VALUES ", ") WHERE column1 IS NOT NULL"];
    /// One placeholder a column: `(?,?)`.
    const PLACEHOLDERS: &'static str;

    /// Gives the values, one a placeholder and in their order; the first one is never null.
    fn bind(self, script: &mut Script);
}

/// Statements and their values.
#[derive(Default)]
pub(super) struct Script {
    sql: String,
    arguments: SqliteArguments,
    failure: Option<sqlx::Error>,
}

impl Script {
    /// Appends a statement without values.
    pub(super) fn statement(&mut self, sql: &str) {
        self.sql.push_str(sql);
        self.sql.push(';');
    }

    /// Appends a statement that inserts `rows`, in order; nothing if there are none.
    ///
    /// The statement has room for the next power of two of rows, and rows of nulls that it skips fill it up: so there are
    /// few texts, and sqlx keeps each of them prepared.
    pub(super) fn insert<R: InsertRow>(&mut self, rows: Vec<R>) {
        if rows.is_empty() {
            return;
        }
        let room = rows.len().next_power_of_two();
        let spare = room - rows.len();
        self.sql.push_str("INSERT INTO ");
        self.sql.push_str(R::INTO);
        self.sql.push(' ');
        self.sql.push_str(R::SELECT[0]);
        for _ in 1..room {
            self.sql.push_str(R::PLACEHOLDERS);
            self.sql.push(',');
        }
        self.sql.push_str(R::PLACEHOLDERS);
        self.statement(R::SELECT[1]);
        let columns = R::PLACEHOLDERS.matches('?').count();
        self.arguments.reserve(room * columns, 0);
        for row in rows {
            row.bind(self);
        }
        for _ in 0..spare * columns {
            self.bind(None::<i64>);
        }
    }

    /// Appends a value.
    pub(super) fn bind<'v>(&mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) {
        if let Err(error) = self.arguments.add(value) {
            self.failure = Some(sqlx::Error::Encode(error));
        }
    }

    /// Runs the statements one after the other, until one fails.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        // Nothing in the text comes from outside: it is made of constants.
        sqlx::query_with(AssertSqlSafe(self.sql), self.arguments).execute(connection).await.map(|_| ())
    }
}
