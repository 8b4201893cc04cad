//! The README tells the truth about the settings.

use dcs_emulator::config::SETTINGS;

const README: &str = include_str!("../README.md");

#[test]
fn the_table_of_settings_is_the_programs() {
    let rows: Vec<&str> =
        README.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() >= 3).collect();
    let expected = SETTINGS.iter().map(|setting| {
        let default =
            if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let escaped = |text: &str| text.replace('|', "\\|");
        format!("| `{}` | {} | {default} | {} |", setting.key, escaped(setting.value), escaped(setting.help))
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}
