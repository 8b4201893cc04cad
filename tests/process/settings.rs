//! Settings: shown with their origin, read back, and taken from flag, variable, file or default, in that order.

use std::path::Path;
use std::process::Command;

use dcs_emulator::config::SETTINGS;
use tempfile::TempDir;

use crate::process_support::{program, run};

/// Returns the configuration that a command prints.
fn printed(mut command: Command) -> String {
    command.arg("--print-config");
    let finished = run(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.stdout
}

/// Returns the value and the origin of a setting, from the file that was printed.
fn shown(printed: &str, key: &str) -> (String, String) {
    let found = printed.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
    let line = found.unwrap_or_else(|| panic!("{key} is not shown:\n{printed}"));
    let (value, origin) = line.rsplit_once(" # ").expect("every value has its origin");
    (value.to_owned(), origin.to_owned())
}

fn with_config(path: &Path, arguments: &[&str]) -> Command {
    let mut command = program(arguments);
    command.arg("--config").arg(path);
    command
}

#[test]
fn every_setting_is_in_the_help_with_its_flag_and_its_variable() {
    for arguments in [&["--help"][..], &["serve", "--help"]] {
        let help = run(program(arguments));
        assert_eq!(help.code, Some(0), "{help:?}");
        // A long line is broken between any two words.
        let words = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for setting in SETTINGS.iter() {
            let flag = format!("--{} ", setting.flag());
            // A setting that is true or false needs no value.
            let short_flag = format!("--{}[", setting.flag());
            assert!(help.stdout.contains(&flag) || help.stdout.contains(&short_flag), "{flag}");
            let variable = format!("[env: {}]", setting.variable());
            assert!(words.contains(&variable), "{variable}");
        }
        assert!(help.stdout.contains("Exit codes"), "{help:?}");
    }
}

#[test]
fn every_setting_is_printed_with_its_default_or_as_unset() {
    let printed = printed(program(&["serve"]));
    for setting in SETTINGS.iter() {
        if setting.default.is_empty() {
            assert!(printed.contains(&format!("# {} is not set\n", setting.key)), "{printed}");
        } else {
            let quoted = format!("{:?}", setting.default);
            assert_eq!(shown(&printed, &setting.key), (quoted, "default".to_owned()));
        }
    }
}

#[test]
fn a_profile_is_what_settings_are_that_nothing_sets() {
    let mut command = program(&["serve", "--cloud-profile", "huaweicloud"]);
    command.env("DCS_EMULATOR_CLOUD_PRODUCTS", "memcached");
    let printed = printed(command);
    for (key, value, origin) in [
        ("region", "\"cn-north-4\"", "default"),
        ("auth_gateway", "\"true\"", "default"),
        ("cloud.products", "\"memcached\"", "DCS_EMULATOR_CLOUD_PRODUCTS"),
    ] {
        assert_eq!(shown(&printed, key), (value.to_owned(), origin.to_owned()));
    }
    let refused = run(program(&["serve", "--cloud-products", "arm"]));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("redis-3.0, memcached, arm64 and enterprise"), "{refused:?}");
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file_and_that_before_the_default() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "region = \"from-file\"\n\n[backup]\nduration = \"1s\"\n").unwrap();
    let file_name = file.to_string_lossy().into_owned();
    for (key, flag, variable, values) in [
        ("region", "--region", "DCS_EMULATOR_REGION", ["eu-de", "from-file", "from-variable", "from-flag"]),
        ("backup.duration", "--backup-duration", "DCS_EMULATOR_BACKUP_DURATION", ["0s", "1s", "2s", "3s"]),
    ] {
        let [default, in_file, in_variable, in_flag] = values;
        let expect = |command: Command, value: &str, origin: &str| {
            assert_eq!(shown(&printed(command), key), (format!("{value:?}"), origin.to_owned()));
        };
        expect(program(&["serve"]), default, "default");
        expect(with_config(&file, &["serve"]), in_file, &file_name);
        let mut command = with_config(&file, &["serve"]);
        command.env(variable, in_variable);
        expect(command, in_variable, variable);
        let mut command = with_config(&file, &["serve", flag, in_flag]);
        command.env(variable, in_variable);
        expect(command, in_flag, flag);
    }
}

#[test]
fn what_is_printed_can_be_read_back_and_says_the_same() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("printed.toml");
    let mut command =
        program(&["--seed", "a.yaml", "--seed", "it's \"b\".yaml", "--demo", "--backup-duration", "2m 30s"]);
    command.env("DCS_EMULATOR_HTTP_BODY_LIMIT", "64KiB").env("DCS_EMULATOR_READY_FILE", "/tmp/ready.json");
    let first = printed(command);
    std::fs::write(&file, &first).unwrap();
    let second = printed(with_config(&file, &[]));
    for setting in SETTINGS.iter() {
        if first.contains(&format!("# {} is not set", setting.key)) {
            assert!(second.contains(&format!("# {} is not set", setting.key)), "{second}");
        } else {
            assert_eq!(shown(&second, &setting.key).0, shown(&first, &setting.key).0, "{}", setting.key);
        }
    }
    let again: toml::Table = second.parse().expect("it is TOML");
    assert_eq!(again["seed"], toml::Value::from(vec!["a.yaml", "it's \"b\".yaml"]));
}

#[test]
fn the_file_can_be_named_by_a_variable_and_seeds_too() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "region = \"from-file\"\n").unwrap();
    let mut command = program(&["serve"]);
    command.env("DCS_EMULATOR_CONFIG", &file).env("DCS_EMULATOR_SEED", "a.yaml,b.json");
    let printed = printed(command);
    assert_eq!(shown(&printed, "region").0, "\"from-file\"");
    assert_eq!(shown(&printed, "seed").0, r#"["a.yaml", "b.json"]"#);
}

#[test]
fn printing_the_configuration_starts_nothing() {
    let folder = TempDir::new().unwrap();
    let mut command = program(&["serve", "--demo"]);
    command.current_dir(folder.path());
    printed(command);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_list_is_given_by_repeated_flags_or_between_commas_or_as_an_array() {
    const KEY: &str = "control.allowed_hosts";
    let both = "[\"ci.example.test\", \"*.lab.test\"]";
    let flags =
        ["serve", "--control-allowed-hosts", "ci.example.test", "--control-allowed-hosts", "*.lab.test"];
    assert_eq!(
        shown(&printed(program(&flags)), KEY),
        (both.to_owned(), "--control-allowed-hosts".to_owned())
    );
    let mut by_variable = program(&["serve"]);
    by_variable.env("DCS_EMULATOR_CONTROL_ALLOWED_HOSTS", "ci.example.test,*.lab.test");
    let text = printed(by_variable);
    assert_eq!(shown(&text, KEY), (both.to_owned(), "DCS_EMULATOR_CONTROL_ALLOWED_HOSTS".to_owned()));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, text).unwrap();
    assert_eq!(shown(&printed(with_config(&file, &["serve"])), KEY).0, both);
    for text in ["ci.example.test:8637", "a.test,http://b.test", "*"] {
        let refused = run(program(&["serve", "--control-allowed-hosts", text]));
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("must be a host name without a port"), "{refused:?}");
    }
}
