//! `run -- COMMAND`: what the command finds, how it ends, and what the caller is told.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process_support::{Process, eventually, program, run};

/// The program itself, for commands that ask the server something.
const PROGRAM: &str = env!("CARGO_BIN_EXE_dcs-emulator");

fn run_shell(flags: &[&str], script: &str) -> Command {
    program(&[&["run"], flags, &["--", "sh", "-c", script, PROGRAM]].concat())
}

#[test]
fn the_command_finds_a_server_that_is_ready() {
    let folder = TempDir::new().unwrap();
    let mut command = run_shell(&[], r#""$0" healthcheck --url "$DCS_EMULATOR_URL""#);
    command.current_dir(folder.path());
    let finished = run(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.starts_with("http://127.0.0.1:"), "only the command writes: {finished:?}");
    assert!(finished.stdout.ends_with(" is ready\n"), "{finished:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it left files");
}

#[test]
fn clients_find_where_to_log_in_and_with_what() {
    let seed = "projects: [{id: 885cacf2d49d4bb6931ae668e9c07553}]\n\
                domain: {id: 0123456789abcdef0123456789abcdef, name: a-domain}\n\
                users: [{name: someone, password: a-password, access_keys: [{access: AK, secret: a-secret}]}]\n";
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("seed.yaml");
    std::fs::write(&file, seed).unwrap();
    let flags = ["--seed", &file.to_string_lossy(), "--control-token", "hush", "--region", "eu-nl"];
    let mut command = run_shell(&flags, "env");
    // What would lead a client to a real cloud does not reach it.
    for name in ["OS_CLOUD", "OS_PASSWORD", "HUAWEICLOUD_SDK_REGIONS_FILE", "HW_CLOUD", "HW_SECURITY_TOKEN"] {
        command.env(name, "real");
    }
    let finished = run(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let found = |name: &str| {
        let line = finished.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_else(|| panic!("{name} is not set: {finished:?}"))
    };
    let url = found("DCS_EMULATOR_URL");
    let domain = "0123456789abcdef0123456789abcdef";
    for (name, value) in [
        ("DCS_EMULATOR_PROJECT_ID", "885cacf2d49d4bb6931ae668e9c07553"),
        ("DCS_EMULATOR_CONTROL_TOKEN", "hush"),
        ("OS_AUTH_URL", &format!("{url}/v3")),
        ("OS_IDENTITY_API_VERSION", "3"),
        ("OS_REGION_NAME", "eu-nl"),
        ("OS_USERNAME", "someone"),
        ("OS_PASSWORD", "a-password"),
        ("OS_USER_DOMAIN_NAME", "a-domain"),
        ("OS_PROJECT_ID", "885cacf2d49d4bb6931ae668e9c07553"),
        ("HUAWEICLOUD_SDK_AK", "AK"),
        ("HUAWEICLOUD_SDK_SK", "a-secret"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", "885cacf2d49d4bb6931ae668e9c07553"),
        ("HUAWEICLOUD_SDK_DOMAIN_ID", domain),
        ("HUAWEICLOUD_SDK_REGION_IAM_EU_NL", url),
        ("HUAWEICLOUD_SDK_REGION_BSS_EU_NL", url),
        ("HW_AUTH_URL", &format!("{url}/v3")),
        ("HW_REGION_NAME", "eu-nl"),
        ("HW_ACCESS_KEY", "AK"),
        ("HW_SECRET_KEY", "a-secret"),
        ("HW_PROJECT_ID", "885cacf2d49d4bb6931ae668e9c07553"),
        ("HW_DOMAIN_ID", domain),
        ("SKIP_CHECK_WEBSITE_TYPE", "true"),
        ("SKIP_CHECK_UPGRADE", "true"),
        (
            "TF_VAR_dcs_emulator_endpoints",
            &format!(
                r#"{{"bss":"{url}","dcs":"{url}","dns":"{url}","ecs":"{url}","elb":"{url}","eps":"{url}","iam":"{url}","sts":"{url}","vpc":"{url}"}}"#
            ),
        ),
        ("HUAWEICLOUD_SDK_IAM_ENDPOINT", url),
        ("HUAWEICLOUD_SDK_REGION_DCS_EU_NL", url),
    ] {
        assert_eq!(found(name), value, "{name}");
    }
    assert!(!finished.stdout.contains("=real"), "{finished:?}");
    // Clients that read a key go by it before the password, for which there is one.
    assert!(!finished.stdout.contains("OS_ACCESS_KEY="), "{finished:?}");
}

#[test]
fn clients_of_a_user_without_a_password_log_in_with_its_key() {
    let seed = "users: [{name: someone, access_keys: [{access: AK, secret: a-secret}]}]\n";
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("seed.yaml");
    std::fs::write(&file, seed).unwrap();
    let finished = run(run_shell(&["--seed", &file.to_string_lossy()], "env"));
    let has = |beginning: &str| finished.stdout.lines().any(|line| line.starts_with(beginning));
    assert!(has("OS_ACCESS_KEY=AK") && has("OS_SECRET_KEY=a-secret"), "{finished:?}");
    assert!(!has("OS_PASSWORD=") && !has("OS_USERNAME="), "{finished:?}");
}

#[test]
fn terraform_is_told_what_the_block_of_its_provider_needs() {
    let folder = TempDir::new().unwrap();
    for name in ["terraform", "tofu"] {
        let path = folder.path().join(name);
        // A shell of that name.
        std::os::unix::fs::symlink("/bin/sh", &path).unwrap();
        let script = "echo \"$TF_VAR_dcs_emulator_endpoints\"";
        let finished = run(program(&["run", "--", &path.to_string_lossy(), "-c", script]));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let endpoints: BTreeMap<String, String> = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(
            endpoints.keys().collect::<Vec<_>>(),
            ["bss", "dcs", "dns", "ecs", "elb", "eps", "iam", "sts", "vpc"]
        );
        for (service, url) in endpoints {
            assert!(finished.stderr.contains(&format!("{service} = \"{url}\"")), "{finished:?}");
        }
    }
    // Other commands are told nothing.
    assert_eq!(run(program(&["run", "--", "true"])).stderr, "");
    let help = run(program(&["run", "--help"]));
    assert!(help.stdout.contains("endpoints = var.dcs_emulator_endpoints"), "{help:?}");
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    for (script, code) in [("exit 0", 0), ("exit 42", 42), ("kill -KILL $$", 137)] {
        let finished = run(run_shell(&[], script));
        assert_eq!(finished.code, Some(code), "{script}: {finished:?}");
        assert_eq!(finished.stderr, "", "{script}");
    }
}

#[test]
fn a_command_that_cannot_be_run_is_told_as_a_shell_tells_it() {
    let folder = TempDir::new().unwrap();
    let no_program = folder.path().join("text");
    std::fs::write(&no_program, "text").unwrap();
    std::fs::set_permissions(&no_program, std::fs::Permissions::from_mode(0o600)).unwrap();
    for (name, code) in [("no-such-command", 127), (&*no_program.to_string_lossy(), 126)] {
        let finished = run(program(&["run", "--", name]));
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.stderr.contains(&format!("cannot run {name}: ")), "{finished:?}");
    }
}

#[test]
fn a_server_that_does_not_start_runs_no_command() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing/a.db");
    for (flags, code) in [(["--seed", "no-such-file"], 2), (["--database", &missing.to_string_lossy()], 7)] {
        let finished = run(run_shell(&flags, "echo it ran"));
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert_eq!(finished.stdout, "", "{finished:?}");
    }
}

#[test]
fn signals_reach_the_command() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut command = run_shell(&[], "echo up; exec cat");
        // In a group of its own: at a terminal, an INT that came from the keyboard has reached the command already.
        let mut process = Process::spawn(command.stdin(Stdio::piped()).process_group(0));
        eventually("the command runs", || process.said().contains("up\n").then_some(()));
        assert!(process.is_running());
        process.signal(signal);
        let finished = process.finish();
        assert_eq!(finished.code, Some(code), "{signal}: {finished:?}");
    }
}

#[test]
fn a_command_may_end_as_it_likes_when_it_is_asked_to() {
    // A shell hears the signal while it waits for what it has left behind.
    let script = "exec 3<&0; trap 'echo asked; exit 3' TERM; cat <&3 >/dev/null 2>&1 & echo up; wait; exit 4";
    let process = Process::spawn(run_shell(&[], script).stdin(Stdio::piped()));
    eventually("the command runs", || process.said().contains("up\n").then_some(()));
    process.signal("TERM");
    let finished = process.finish();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(3), "up\nasked\n"), "{finished:?}");
}
