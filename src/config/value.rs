//! From the text of a setting to its value; an error says what the text must be.

use std::net::SocketAddr;
use std::time::Duration;

/// The longest duration a setting may have: a hundred years of 365 days.
const MAX_DURATION: Duration = Duration::from_hours(100 * 365 * 24);

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    // A name such as localhost is no address: which one it means would be decided elsewhere.
    text.parse().map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8637 or [::1]:0".to_owned())
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    choice(text, &[("true", true), ("false", false)])
}

pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        format!("must be one of {}", words.join(", "))
    })
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let problem = "must be a duration of at most 100 years, such as 0s, 500ms, 5s or 2m 30s";
    // `0` alone needs no unit.
    let read = if text == "0" { Ok(Duration::ZERO) } else { humantime::parse_duration(text) };
    read.ok().filter(|duration| *duration <= MAX_DURATION).ok_or_else(|| problem.to_owned())
}

pub(super) fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "must be a whole number".to_owned())
}

pub(super) fn size(text: &str) -> Result<usize, String> {
    let (digits, unit) = match (text.strip_suffix("KiB"), text.strip_suffix("MiB")) {
        (Some(digits), _) => (digits, 1024),
        (_, Some(digits)) => (digits, 1024 * 1024),
        _ => (text, 1),
    };
    digits
        .trim_end()
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "must be a number of bytes, alone or with KiB or MiB".to_owned())
}

pub(super) fn region(text: &str) -> Result<String, String> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_plain && (1..=32).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("must have 1 to 32 lower-case letters, digits and dashes, such as eu-de".to_owned())
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|error| format!("must be error, warn, info, debug, trace or a tracing filter: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(duration("5").is_err());
        assert!(duration("200years").is_err());
        assert_eq!(size("1MiB"), Ok(1_048_576));
        assert_eq!(size("64 KiB"), Ok(65_536));
        assert_eq!(size("10"), Ok(10));
        assert!(size("1GB").is_err());
        assert!(size("99999999999999999999").is_err());
    }
}
