//! From the text of a setting to its value; an error says what the text must be.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::domain::identity::Secret;
use crate::domain::time::MAX_DURATION;

/// Where to listen: a host, by an address or a name that stands for one or several, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// The name, or the address without brackets.
    pub host: String,
    /// The port; 0 lets the system choose one.
    pub port: u16,
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

pub(super) fn address(text: &str) -> Result<ListenAddress, String> {
    let is_name = |host: &str| {
        let is_label = |label: &str| {
            label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                && !label.is_empty()
        };
        // What ends in a number is an address, if anything.
        let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        host.split('.').all(is_label) && !host.split('.').next_back().is_some_and(is_number)
    };
    let is_address = text.parse::<SocketAddr>().is_ok();
    let named = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match named {
        Some((host, port)) if is_address || is_name(host) => {
            Ok(ListenAddress { host: host.trim_matches(['[', ']']).to_owned(), port })
        }
        _ => {
            Err("must be an address or a name, and a port, such as 127.0.0.1:8637, [::1]:0 or localhost:8637"
                .to_owned())
        }
    }
}

/// One of some words.
pub(super) fn choice<T: Copy>(
    choices: &'static [(&'static str, T)],
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            format!("must be one of {}", words.join(", "))
        })
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let problem = "must be a duration of at most 100 years, such as 0s, 500ms, 5s or 2m 30s";
    // `0` alone needs no unit.
    let read = if text == "0" { Ok(Duration::ZERO) } else { humantime::parse_duration(text) };
    read.ok().filter(|duration| *duration <= MAX_DURATION).ok_or_else(|| problem.to_owned())
}

/// A time that somebody waits: more than none.
pub(super) fn patience(text: &str) -> Result<Duration, String> {
    let patience = duration(text)?;
    if patience.is_zero() { Err("must be more than no time, such as 30s".to_owned()) } else { Ok(patience) }
}

/// How many backups stay: all, or that many, at least one.
pub(super) fn retained(text: &str) -> Result<Option<u32>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Some).ok_or_else(|| "must be unlimited or a whole number of at least 1".to_owned())
}

/// A URL of scheme and host without anything behind.
pub(super) fn url(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host = host.map(|host| host.trim_end_matches('/'));
    match host {
        Some(host) if !host.is_empty() && !host.contains('/') => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("must be http:// or https:// and a host, without a path".to_owned()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "all that read a value have this form")]
pub(super) fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text.to_owned()))
}

/// A whole number up to `most`.
pub(super) fn up_to(most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| *number <= most);
        number.ok_or_else(|| format!("must be a whole number of at most {most}"))
    }
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
    text.parse::<tracing_subscriber::filter::Targets>().map(|_| text.to_owned()).map_err(|error| {
        format!("must be error, warn, info, debug, trace or such as warn,dcs_emulator=debug: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_no_path() {
        assert_eq!(url("https://dcs.test:8443/"), Ok("https://dcs.test:8443".to_owned()));
        for text in ["dcs.test", "ftp://dcs.test", "http://", "http://dcs.test/prefix"] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_to_listen_is_an_address_or_a_name_with_a_port() {
        for text in ["127.0.0.1:8637", "[::1]:0", "localhost:80", "dcs.example.test:1", "node-1:65535"] {
            assert_eq!(address(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "localhost",
            ":80",
            "localhost:",
            "localhost:65536",
            "127.0.0:1",
            "a b:1",
            "http://a:1",
            "::1",
            "a..b:1",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(duration("5").is_err());
        assert!(duration("200years").is_err());
        assert_eq!(patience("1ms"), Ok(Duration::from_millis(1)));
        assert!(patience("0s").is_err());
        assert_eq!(size("1MiB"), Ok(1_048_576));
        assert_eq!(size("64 KiB"), Ok(65_536));
        assert_eq!(size("10"), Ok(10));
        assert!(size("1GB").is_err());
        assert!(size("99999999999999999999").is_err());
    }
}
