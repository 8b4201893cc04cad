//! The API's notations of time, both ways.
//!
//! Source: docs/contract/dcs-v1.0.md, section 1.5.

use chrono::NaiveDateTime;

use crate::domain::page::TimeWindow;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::http::extract::Query;

/// Milliseconds by which the last instant of a second lies behind its first.
const REST_OF_SECOND_MS: i64 = 999;

/// Writes a time: UTC, exactly three fractional digits, a literal `Z`.
pub(super) fn rfc3339(time: Timestamp) -> String {
    time.to_rfc3339()
}

/// Reads the window of time that a list is asked for: 14 digits each, UTC, both ends included, the end with its whole
/// second. All spellings of the names are taken; the camel-case one wins.
///
/// # Errors
/// `InvalidQuery` with the name used unless the text is 14 digits that name a date.
pub(super) fn window(query: &Query) -> Result<TimeWindow, Refusal> {
    let read = |names: &[&'static str]| {
        let given = query.first_of(names);
        given.map(|(name, text)| compact(text).ok_or(Refusal::InvalidQuery { name })).transpose()
    };
    let from = read(&["beginTime", "begin_time", "start_time"])?;
    let until = read(&["endTime", "end_time"])?;
    Ok(TimeWindow { from, until: until.map(end_of_second) })
}

/// Reads `yyyyMMddHHmmss`; times before 1970 become its beginning.
fn compact(text: &str) -> Option<Timestamp> {
    const DIGITS: usize = 14;
    if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // chrono reads 60 as a leap second, which the API's dates do not have.
    let is_leap_second = text.ends_with("60");
    let time = NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").ok().filter(|_| !is_leap_second)?;
    Some(Timestamp::from_utc(time.and_utc()))
}

fn end_of_second(time: Timestamp) -> Timestamp {
    Timestamp::from_millis(time.as_millis() + REST_OF_SECOND_MS).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_fractional_digits_and_a_z() {
        for (millis, text) in
            [(0, "1970-01-01T00:00:00.000Z"), (1_583_130_904_512, "2020-03-02T06:35:04.512Z")]
        {
            assert_eq!(rfc3339(Timestamp::from_millis(millis).unwrap()), text);
        }
    }

    #[test]
    fn a_window_covers_the_whole_last_second() {
        let window = window(&Query::parse("beginTime=20200302063504&end_time=20200302063504")).unwrap();
        let bounds = [window.from, window.until].map(|time| time.unwrap().as_millis());
        assert_eq!(bounds, [1_583_130_904_000, 1_583_130_904_999]);
    }

    #[test]
    fn the_camel_case_spelling_wins_and_errors_name_the_one_used() {
        let query = Query::parse("begin_time=x&beginTime=20200302063504");
        assert!(window(&query).is_ok());
        for (query, name) in [
            ("begin_time=2020", "begin_time"),
            ("beginTime=20201302063504", "beginTime"),
            ("endTime=20200230000000", "endTime"),
            ("end_time=2020030206350x", "end_time"),
            ("beginTime=20200302063560", "beginTime"),
        ] {
            assert_eq!(window(&Query::parse(query)), Err(Refusal::InvalidQuery { name }), "{query}");
        }
    }
}
