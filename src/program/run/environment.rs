//! What the command of `run` finds in its environment: where the server is, and with what to log in.

use dcs_emulator::config::Config;
use dcs_emulator::emulator::Emulator;
use tokio::process::Command;

/// Variables that begin so lead clients to a cloud, or name who they are there. Those of the caller are not passed on: a
/// test must not reach a real cloud because of one that was forgotten.
const LEADING_ELSEWHERE: [&str; 2] = ["OS_", "HUAWEICLOUD_SDK_"];
/// Where the control API is.
const CONTROL_URL: &str = "DCS_EMULATOR_CONTROL_URL";

/// Points the clients that a command may use to an emulator.
pub(super) fn point_to(command: &mut Command, emulator: &Emulator, config: &Config) {
    for (name, _) in std::env::vars_os() {
        if LEADING_ELSEWHERE.iter().any(|beginning| name.to_string_lossy().starts_with(beginning)) {
            command.env_remove(name);
        }
    }
    // That of the caller is another server's.
    command.env_remove(CONTROL_URL);
    command.envs(variables(emulator, config));
}

fn variables(emulator: &Emulator, config: &Config) -> Vec<(String, String)> {
    let url = emulator.url();
    let region = &config.region;
    let credentials = emulator.credentials();
    let project = credentials.project_id.to_string();
    // As the SDK looks for a region: its name in capitals, what is neither letter nor digit as an underscore.
    let sdk_region = region.to_uppercase().replace('-', "_");
    let mut variables = vec![
        ("DCS_EMULATOR_URL".to_owned(), url.clone()),
        ("DCS_EMULATOR_PROJECT_ID".to_owned(), project.clone()),
        ("OS_AUTH_URL".to_owned(), format!("{url}/v3")),
        ("OS_IDENTITY_API_VERSION".to_owned(), "3".to_owned()),
        ("OS_REGION_NAME".to_owned(), region.clone()),
        ("OS_PROJECT_ID".to_owned(), project.clone()),
        ("HUAWEICLOUD_SDK_PROJECT_ID".to_owned(), project),
        ("HUAWEICLOUD_SDK_IAM_ENDPOINT".to_owned(), url.clone()),
        (format!("HUAWEICLOUD_SDK_REGION_DCS_{sdk_region}"), url),
    ];
    if let Some(password) = &credentials.password {
        variables.extend([
            ("OS_USERNAME".to_owned(), credentials.user_name.clone()),
            ("OS_PASSWORD".to_owned(), password.expose().to_owned()),
            ("OS_USER_DOMAIN_NAME".to_owned(), credentials.domain.name.clone()),
        ]);
    }
    if let Some((access, secret)) = &credentials.access_key {
        variables.extend([
            ("HUAWEICLOUD_SDK_AK".to_owned(), access.clone()),
            ("HUAWEICLOUD_SDK_SK".to_owned(), secret.expose().to_owned()),
        ]);
    }
    variables.extend(emulator.control_url().map(|url| (CONTROL_URL.to_owned(), url)));
    if let Some(token) = &config.control_token {
        variables.push(("DCS_EMULATOR_CONTROL_TOKEN".to_owned(), token.expose().to_owned()));
    }
    variables
}
