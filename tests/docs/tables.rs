//! The table of the settings. That of what is emulated is made and checked by the tests of the API.

use dcs_emulator::config::SETTINGS;

use crate::page;

pub(crate) fn the_table_of_settings_is_the_programs() {
    let page = page("docs/configuration.md");
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() >= 3).collect();
    let expected = SETTINGS.iter().map(|setting| {
        let default =
            if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let escaped = |text: &str| text.replace('|', "\\|");
        format!(
            "| `{}` | {} | {default} | {} |",
            setting.key,
            escaped(&setting.value),
            escaped(&setting.help)
        )
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}
