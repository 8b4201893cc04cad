use serde::de::IntoDeserializer;
use serde::de::value::Error;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

/// Makes sure that a word is what is stored of a value.
fn assert_stored<'w, T: Deserialize<'w> + PartialEq + std::fmt::Debug>(value: &T, word: &'w str) {
    let read = T::deserialize(IntoDeserializer::<Error>::into_deserializer(word));
    assert_eq!(&read.unwrap(), value);
}

fn new(kind: MigrationKind) -> Migration {
    Migration::new(MigrationId::from_bytes([7; 16]), "name".to_owned(), kind, at(1))
}

fn setup(method: MigrationMethod) -> MigrationSetup {
    MigrationSetup {
        method,
        resume_mode: Some(ResumeMode::Auto),
        source: MigrationEndpoint::of_addresses("192.168.1.2:6379".to_owned()),
        target: MigrationEndpoint::of_addresses("192.168.1.3:6380".to_owned()),
        bandwidth_limit_mb: None,
    }
}

const STATUSES: [MigrationStatus; 10] = {
    use MigrationStatus as S;
    [
        S::Running,
        S::Migrating,
        S::FullMigrating,
        S::Following,
        S::Terminating,
        S::Terminated,
        S::Success,
        S::Failed,
        S::MigrationFailed,
        S::Released,
    ]
};

#[test]
fn what_leads_where_is_as_the_contract_has_it() {
    use MigrationEvent as E;
    for status in STATUSES {
        let word = status.as_str();
        let after = |event| status.after(event).map(MigrationStatus::as_str);
        let is_migrating = ["MIGRATING", "FULLMIGRATING", "INCRMIGEATING"].contains(&word);
        let begins = ["RUNNING", "SUCCESS", "TERMINATED", "FAILED", "MIGRATION_FAILED"].contains(&word);
        assert_eq!(after(E::Begin), begins.then_some("FULLMIGRATING"), "{word}");
        assert_eq!(after(E::Stop), is_migrating.then_some("TERMINATING"), "{word}");
        assert_eq!(after(E::InstanceGone), is_migrating.then_some("FAILED"), "{word}");
        assert_eq!(after(E::Stopped), (word == "TERMINATING").then_some("TERMINATED"), "{word}");
        assert_eq!(after(E::Follow), (word == "FULLMIGRATING").then_some("INCRMIGEATING"), "{word}");
        let (completed, failed) = match word {
            "MIGRATING" => (Some("SUCCESS"), Some("FAILED")),
            "FULLMIGRATING" => (Some("SUCCESS"), Some("MIGRATION_FAILED")),
            _ => (None, None),
        };
        assert_eq!((after(E::Complete), after(E::Fail)), (completed, failed), "{word}");
        assert_eq!(status.is_migrating(), is_migrating, "{word}");
    }
}

#[test]
fn words_are_stored_as_they_are_shown() {
    for status in STATUSES {
        assert_stored(&status, status.as_str());
    }
    for level in LogLevel::ALL {
        assert_stored(&level, level.as_str());
    }
    for kind in MigrationKind::ALL {
        assert_stored(&kind, kind.as_str());
    }
    for method in MigrationMethod::ALL {
        assert_stored(&method, method.as_str());
    }
    for mode in ResumeMode::ALL {
        assert_stored(&mode, mode.as_str());
    }
    for status in [
        ExchangeStatus::Exchanging,
        ExchangeStatus::ExchangeSuccess,
        ExchangeStatus::ExchangeFailed,
        ExchangeStatus::Rollbacking,
        ExchangeStatus::RollbackSuccess,
        ExchangeStatus::RollbackFailed,
    ] {
        assert_stored(&status, status.as_str());
    }
}

#[test]
fn an_online_migration_follows_or_ends_as_its_setup_has_it() {
    for (method, end) in [(MigrationMethod::Full, "SUCCESS"), (MigrationMethod::Incremental, "INCRMIGEATING")]
    {
        let mut migration = new(MigrationKind::Online);
        migration.configure(setup(method), at(2)).unwrap();
        assert_eq!((migration.status.as_str(), migration.is_full_phase_done), ("FULLMIGRATING", false));
        migration.finish(None, at(3)).unwrap();
        assert_eq!((migration.status.as_str(), migration.is_full_phase_done), (end, true));
        assert_eq!((migration.updated_at, migration.released_at), (at(3), None));
    }
    let mut migration = new(MigrationKind::Online);
    assert_eq!(migration.restart(at(2)), Err(Refusal::TaskRunning));
    let same = MigrationSetup { target: setup(MigrationMethod::Full).source, ..setup(MigrationMethod::Full) };
    assert_eq!(migration.configure(same, at(2)), Err(Refusal::InvalidParameter { name: "target_instance" }));
    assert_eq!(migration, new(MigrationKind::Online));
}

#[test]
fn a_failure_is_kept_until_the_next_try() {
    let mut migration = new(MigrationKind::Online);
    migration.configure(setup(MigrationMethod::Full), at(2)).unwrap();
    migration.finish(Some(FailureCode::TimedOut), at(3)).unwrap();
    assert_eq!(migration.status.as_str(), "MIGRATION_FAILED");
    assert_eq!(migration.error_message.as_deref(), Some("The migration failed: dcs.08.0002."));
    assert_eq!(migration.logs.last().unwrap().level, LogLevel::Error);
    migration.restart(at(4)).unwrap();
    assert_eq!((migration.status.as_str(), &migration.error_message), ("FULLMIGRATING", &None));
}

#[test]
fn an_import_ends_and_is_never_restarted() {
    let mut migration = new(MigrationKind::Import);
    assert_eq!(migration.status.as_str(), "MIGRATING");
    assert_eq!(migration.permit_deletion(), Err(Refusal::TaskRunning));
    migration.finish(None, at(3)).unwrap();
    assert_eq!((migration.status.as_str(), migration.released_at), ("SUCCESS", Some(at(3))));
    assert_eq!(migration.permit_deletion(), Ok(()));
    assert_eq!(migration.restart(at(4)), Err(Refusal::NotOnlineMigration));
    assert_eq!(migration.configure(setup(MigrationMethod::Full), at(4)), Err(Refusal::TaskRunning));
    assert_eq!(migration.set_resume_mode(ResumeMode::Auto, at(4)), Err(Refusal::TaskRunning));
    assert_eq!(migration.logs.last().unwrap().code, "migration.0012");
}

#[test]
fn the_log_keeps_the_newest_rows() {
    let mut migration = new(MigrationKind::Online);
    for number in 0..2_000 {
        migration.info("x", "number ", &number.to_string(), at(number));
    }
    assert_eq!(migration.logs.len(), MAX_LOG_ROWS);
    assert_eq!(migration.logs[0].keyword, ["1000"]);
}
