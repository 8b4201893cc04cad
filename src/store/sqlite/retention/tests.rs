//! The end of days in SQL is that of the domain.

use sqlx::Connection;

use super::*;
use crate::domain::schedule::BackupTerms;
use crate::store::migrate;

const COMPLETED_AT: i64 = 1_583_129_704_512;
const LATER: i64 = COMPLETED_AT + 30 * 86_400_000;
const INSTANCE: &str = "
    INSERT INTO instances (instance_key, instance_id, project_key, name, engine, engine_version, cache_mode, capacity_mb, spec_code,
                           status, ip, port, no_password_access, zone_codes, vpc_id, subnet_id, user_id, user_name, created_at,
                           deleted_at)
    VALUES (?1, unhex(printf('%032x', ?1)), 1, 'name', 'Redis', '5.0', 'ha', 2048, 'spec', 'RUNNING', '192.168.0.1', 6379, 0,
            'zone', 'vpc', 'subnet', 'user', 'name', 0, iif(?2, 0, NULL))";
const BACKUP: &str = "
    INSERT INTO backups (instance_key, record_number, backup_id, status, backup_type, backup_format, name_offset_minutes,
                         created_at, execution_at, updated_at, size_bytes, period, save_days)
    VALUES (?1, ?2, unhex(printf('%016x%016x', ?1, ?2)), 2, 1, 0, 0, ?3, ?3, ?3, 1, '02:00-03:00', ?4)";
const RESTORE: &str = "
    INSERT INTO restores (instance_key, record_number, restore_id, backup_number, status, name_offset_minutes, created_at,
                          execution_at)
    VALUES (?1, 1, unhex(printf('%032x', ?1)), 1, 6, 0, 0, 0)";

/// Every standing with every number of days, each with the key of the instance that has them.
fn cases() -> impl Iterator<Item = (i64, RetentionStatus, u8)> {
    let standing = |bits: u8| RetentionStatus {
        instance_is_there: bits & 1 != 0,
        has_newer: bits & 2 != 0,
        is_being_restored: bits & 4 != 0,
    };
    let every = (0..8).flat_map(move |bits| (1..=7).map(move |days| (standing(bits), days)));
    every.zip(1..).map(|((standing, days), key)| (key, standing, days))
}

/// Makes the instance of each case, with a backup that was completed at the same time in all of them.
async fn database() -> SqliteConnection {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    migrate::migrate(&mut connection, 1).await.unwrap();
    let begin = "INSERT INTO projects (project_key, project_id, name, created_at) VALUES (1, zeroblob(16), 'name', 0);
                 INSERT INTO actors (actor_key, name) VALUES (1, 'system')";
    sqlx::raw_sql(begin).execute(&mut connection).await.unwrap();
    for (key, standing, days) in cases() {
        let instance = sqlx::query(INSTANCE).bind(key).bind(!standing.instance_is_there);
        instance.execute(&mut connection).await.unwrap();
        let backup =
            |number: i64, at: i64, days: u8| sqlx::query(BACKUP).bind(key).bind(number).bind(at).bind(days);
        backup(1, COMPLETED_AT, days).execute(&mut connection).await.unwrap();
        if standing.has_newer {
            backup(2, LATER, 7).execute(&mut connection).await.unwrap();
        }
        if standing.is_being_restored {
            sqlx::query(RESTORE).bind(key).execute(&mut connection).await.unwrap();
        }
    }
    connection
}

#[tokio::test]
async fn days_end_in_the_tables_when_and_as_they_do_in_the_domain() {
    let mut connection = database().await;
    for days in 1..=7 {
        let terms = BackupTerms { window: "02:00-03:00".parse().unwrap(), save_days: days };
        let end = terms.days_end(Timestamp::from_millis(COMPLETED_AT).unwrap()).unwrap();
        let next: i64 = sqlx::query_scalar(NEXT_END_OF_DAYS).fetch_one(&mut connection).await.unwrap();
        assert_eq!(next, end.as_millis());
        assert_eq!(end_days(&mut connection, end, 1).await.unwrap().done, 8);
    }
    for (key, standing, days) in cases() {
        let kept: (i64, Option<i64>) =
            sqlx::query_as("SELECT status, held FROM backups WHERE instance_key = ? AND record_number = 1")
                .bind(key)
                .fetch_one(&mut connection)
                .await
                .unwrap();
        assert_eq!(kept, if standing.stays() { (2, Some(1)) } else { (4, None) }, "{standing:?} {days}");
    }
}

#[tokio::test]
async fn what_is_looked_for_is_found_by_its_index() {
    let mut connection = database().await;
    for (statement, index) in [
        (NEXT_END_OF_DAYS, "SEARCH b USING INDEX backups_by_end_of_days"),
        (ENDED, "SEARCH b USING INDEX backups_by_end_of_days (<expr><?)"),
        (HELD, "SEARCH b USING INDEX usable_automatic_backups (instance_key=?)"),
        (&changing("held = 1"), "SEARCH backups USING PRIMARY KEY (instance_key=? AND record_number=?)"),
    ] {
        let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let details = rows.iter().map(|row| sqlx::Row::get::<&str, _>(row, "detail"));
        let plan = details.collect::<Vec<_>>().join("\n");
        assert!(plan.contains(index), "no {index} in\n{plan}");
    }
}
