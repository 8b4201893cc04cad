//! The web CLI: commands of Redis on what an instance holds, answered as a terminal shows them.
//!
//! There are no values, so that there are few commands; every other one is unknown.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 5.

use std::fmt::Write;
use std::time::Duration;

use crate::domain::account::AccountRole;
use crate::domain::contents::{Contents, Key, KeyType};
use crate::domain::instance::{Instance, InstanceStatus};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// How long a login lives after its last command.
pub const LOGIN_LIFETIME: Duration = Duration::from_mins(5);
/// How many logins an instance has at most: the one that would end first goes.
pub const MAX_LOGINS: u32 = 100;
/// The longest command, in bytes.
pub const MAX_COMMAND: usize = 4096;
/// What stands between the lines of an answer.
const LINE_END: &str = "\r\n";

/// Decides whether an instance has a web CLI now.
///
/// # Errors
/// `InstanceStateUnsupported` for the first generation, and unless the instance is RUNNING.
pub fn permit_web_cli(instance: &Instance) -> Result<(), Refusal> {
    let is_there =
        !instance.engine_version.is_first_generation() && instance.status == InstanceStatus::Running;
    if is_there { Ok(()) } else { Err(Refusal::InstanceStateUnsupported) }
}

/// Who types commands, and where.
#[derive(Clone, Copy, Debug)]
pub struct Console<'c> {
    /// The instance.
    pub instance: &'c Instance,
    /// The number of the database.
    pub database: u32,
    /// What the account may do that is logged in.
    pub role: AccountRole,
    /// The present.
    pub now: Timestamp,
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The text that is shown.
    pub text: String,
    /// The usual name of the command if it has changed what the instance holds.
    pub changed_by: Option<&'static str>,
}

/// The commands that there are.
const COMMANDS: &[(&str, Command)] = &[
    ("ping", Command { least: 0, most: 1, writes: false, run: ping }),
    ("echo", Command { least: 1, most: 1, writes: false, run: |_, _, words| words[0].clone() }),
    ("scan", Command { least: 1, most: usize::MAX, writes: false, run: scan }),
    (
        "keys",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| names(console.alive(held), |key| matches(&words[0], &key.name)),
        },
    ),
    (
        "dbsize",
        Command {
            least: 0,
            most: 0,
            writes: false,
            run: |console, held, _| console.alive(held).count().to_string(),
        },
    ),
    (
        "exists",
        Command {
            least: 1,
            most: usize::MAX,
            writes: false,
            run: |console, held, words| {
                words.iter().filter(|name| console.find(held, name).is_some()).count().to_string()
            },
        },
    ),
    (
        "type",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| {
                console.find(held, &words[0]).map_or("none", |key| key.kind.as_str()).to_owned()
            },
        },
    ),
    (
        "ttl",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| {
                time_to_live(console, held, &words[0], |left| (left.as_millis() + HALF_A_SECOND) / A_SECOND)
            },
        },
    ),
    (
        "pttl",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| time_to_live(console, held, &words[0], |left| left.as_millis()),
        },
    ),
    (
        "get",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| {
                of_type(console.find(held, &words[0]), KeyType::String, |_| NIL.to_owned(), NIL)
            },
        },
    ),
    (
        "strlen",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| {
                of_type(console.find(held, &words[0]), KeyType::String, |key| key.count().to_string(), "0")
            },
        },
    ),
    (
        "llen",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| {
                of_type(console.find(held, &words[0]), KeyType::List, |key| key.count().to_string(), "0")
            },
        },
    ),
    (
        "scard",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| {
                of_type(console.find(held, &words[0]), KeyType::Set, |key| key.count().to_string(), "0")
            },
        },
    ),
    (
        "zcard",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| {
                of_type(console.find(held, &words[0]), KeyType::Zset, |key| key.count().to_string(), "0")
            },
        },
    ),
    (
        "hlen",
        Command {
            least: 1,
            most: 1,
            writes: false,
            run: |console, held, words| {
                of_type(console.find(held, &words[0]), KeyType::Hash, |key| key.count().to_string(), "0")
            },
        },
    ),
    ("info", Command { least: 0, most: usize::MAX, writes: false, run: info }),
    (
        "del",
        Command {
            least: 1,
            most: usize::MAX,
            writes: true,
            run: |console, held, words| {
                let is_named = |key: &Key| key.db == console.database && words.contains(&key.name);
                let alive = console.alive(held).filter(|key| is_named(key)).count();
                held.keys.retain(|key| !is_named(key));
                alive.to_string()
            },
        },
    ),
    (
        "flushdb",
        Command {
            least: 0,
            most: 1,
            writes: true,
            run: |console, held, words| flush(words, held, |key| key.db != console.database),
        },
    ),
    (
        "flushall",
        Command { least: 0, most: 1, writes: true, run: |_, held, words| flush(words, held, |_| false) },
    ),
];

/// A command.
#[derive(Clone, Copy)]
struct Command {
    /// How many words follow it at least.
    least: usize,
    /// How many do at most.
    most: usize,
    /// Whether it needs the right to write.
    writes: bool,
    run: fn(&Console<'_>, &mut Contents, &[String]) -> String,
}

const NIL: &str = "nil";
const SYNTAX_ERROR: &str = "ERR syntax error";
const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const A_SECOND: u128 = 1_000;
const HALF_A_SECOND: u128 = 500;

impl Console<'_> {
    /// Carries out a line on what the instance holds.
    pub fn run(&self, line: &str, held: &mut Contents) -> Reply {
        let says = |text: String| Reply { text, changed_by: None };
        let Some(words) = words(line) else { return says("Invalid argument(s)".to_owned()) };
        let Some((typed, arguments)) = words.split_first() else { return says(String::new()) };
        let Some((name, command)) = self.command(&typed.to_lowercase()) else {
            return says(format!("ERR unknown command '{typed}'"));
        };
        if !(command.least..=command.most).contains(&arguments.len()) {
            return says(format!("ERR wrong number of arguments for '{name}' command"));
        }
        if command.writes && self.role == AccountRole::Read {
            return says(format!(
                "NOPERM this user has no permissions to run the '{name}' command or its subcommand"
            ));
        }
        let before = held.keys.len();
        let text = (command.run)(self, held, arguments);
        Reply { text, changed_by: (held.keys.len() != before).then_some(name) }
    }

    /// Returns the command that goes by a name on the instance, with its usual name: what was renamed has its new name only.
    fn command(&self, typed: &str) -> Option<(&'static str, &'static Command)> {
        let renamed = self.instance.rename_commands.as_map();
        let usual = renamed
            .iter()
            .find(|(_, new)| new.to_lowercase() == typed)
            .map(|(usual, _)| usual.to_lowercase());
        let is_given_away = renamed.keys().any(|usual| usual.to_lowercase() == typed);
        let usual = match usual {
            Some(usual) => usual,
            None if is_given_away => return None,
            None => typed.to_owned(),
        };
        COMMANDS.iter().find(|(name, _)| *name == usual).map(|(name, command)| (*name, command))
    }

    /// Returns the keys of the database whose time is not over.
    fn alive<'h>(&self, held: &'h Contents) -> impl Iterator<Item = &'h Key> + use<'h> {
        let (database, now) = (self.database, self.now);
        held.keys.iter().filter(move |key| key.db == database && !key.is_expired(now))
    }

    fn find<'h>(&self, held: &'h Contents, name: &str) -> Option<&'h Key> {
        self.alive(held).find(|key| key.name == name)
    }
}

fn ping(_: &Console<'_>, _: &mut Contents, words: &[String]) -> String {
    words.first().map_or("PONG", String::as_str).to_owned()
}

/// All keys come at once, whatever the cursor.
fn scan(console: &Console<'_>, held: &mut Contents, words: &[String]) -> String {
    if words[0].parse::<u64>().is_err() {
        return "ERR invalid cursor".to_owned();
    }
    let (mut pattern, mut kind) = (None, None);
    for option in words[1..].chunks(2) {
        let [name, value] = option else { return SYNTAX_ERROR.to_owned() };
        match name.to_lowercase().as_str() {
            "match" => pattern = Some(value),
            "type" => kind = Some(value.to_lowercase()),
            "count" if value.parse::<i64>().is_ok_and(|count| count > 0) => {}
            "count" if value.parse::<i64>().is_err() => {
                return "ERR value is not an integer or out of range".to_owned();
            }
            _ => return SYNTAX_ERROR.to_owned(),
        }
    }
    names(console.alive(held), |key| {
        pattern.is_none_or(|pattern| matches(pattern, &key.name))
            && kind.as_ref().is_none_or(|kind| kind == key.kind.as_str())
    })
}

fn names<'k>(keys: impl Iterator<Item = &'k Key>, is_wanted: impl Fn(&Key) -> bool) -> String {
    let names: Vec<&str> = keys.filter(|key| is_wanted(key)).map(|key| key.name.as_str()).collect();
    names.join(LINE_END)
}

fn time_to_live(
    console: &Console<'_>,
    held: &Contents,
    name: &str,
    shown: impl Fn(Duration) -> u128,
) -> String {
    match console.find(held, name).map(|key| key.expires_at) {
        None => "-2".to_owned(),
        Some(None) => "-1".to_owned(),
        Some(Some(at)) => shown(at.saturating_since(console.now)).to_string(),
    }
}

/// Answers for a key of a type, for one of another type, or for none.
fn of_type(key: Option<&Key>, kind: KeyType, answer: impl Fn(&Key) -> String, absent: &str) -> String {
    match key {
        Some(key) if key.kind != kind => WRONG_TYPE.to_owned(),
        Some(key) => answer(key),
        None => absent.to_owned(),
    }
}

fn flush(words: &[String], held: &mut Contents, stays: impl Fn(&Key) -> bool) -> String {
    let is_said_well = words.iter().all(|word| matches!(word.to_lowercase().as_str(), "async" | "sync"));
    if !is_said_well {
        return SYNTAX_ERROR.to_owned();
    }
    held.keys.retain(stays);
    "OK".to_owned()
}

/// Answers with a few lines that follow from the instance.
fn info(console: &Console<'_>, held: &mut Contents, _: &[String]) -> String {
    let instance = console.instance;
    let mut text = format!(
        "# Server{LINE_END}redis_version:{}{LINE_END}tcp_port:{}{LINE_END}{LINE_END}# Replication{LINE_END}role:master\
         {LINE_END}{LINE_END}# Keyspace",
        instance.engine_version.as_str(),
        instance.port,
    );
    for database in 0..instance.topology().db_number {
        let keys = || Console { database, ..*console }.alive(held);
        let (count, expires) = (keys().count(), keys().filter(|key| key.expires_at.is_some()).count());
        if count > 0 {
            // Writing to a text never fails.
            let _ = write!(text, "{LINE_END}db{database}:keys={count},expires={expires},avg_ttl=0");
        }
    }
    text
}

/// Returns the words of a line, which may be in quotes; none if a quote is not closed, or followed by more.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut characters = line.chars().peekable();
    loop {
        while characters.next_if(|character| character.is_whitespace()).is_some() {}
        let Some(first) = characters.next() else { return Some(words) };
        let mut word = String::new();
        if matches!(first, '"' | '\'') {
            loop {
                match characters.next()? {
                    '\\' => word.push(characters.next()?),
                    quote if quote == first => break,
                    character => word.push(character),
                }
            }
            if characters.peek().is_some_and(|next| !next.is_whitespace()) {
                return None;
            }
        } else {
            word.push(first);
            while let Some(next) = characters.next_if(|next| !next.is_whitespace()) {
                word.push(next);
            }
        }
        words.push(word);
    }
}

/// Returns whether a name is as a pattern of Redis says: `*`, `?`, `[a-c]`, `[^x]`, `\` before what stands for itself.
///
/// Only the last `*` is tried again, so that no pattern takes more steps than it has characters, times those of the name.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while place < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, place));
            at += 1;
            continue;
        }
        if let Some(next) = one_matches(&pattern, at, name[place]) {
            (at, place) = (next, place + 1);
            continue;
        }
        let Some((behind, begun)) = star else { return false };
        star = Some((behind, begun + 1));
        (at, place) = (behind, begun + 1);
    }
    pattern[at.min(pattern.len())..].iter().all(|rest| *rest == '*')
}

/// Returns where a pattern goes on behind the part at `at`, if a character is as that part says.
fn one_matches(pattern: &[char], at: usize, character: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '\\' if at + 1 < pattern.len() => (pattern[at + 1] == character).then_some(at + 2),
        '[' => {
            let mut place = at + 1;
            let is_negated = pattern.get(place) == Some(&'^');
            place += usize::from(is_negated);
            let mut is_among = false;
            while let Some(mut from) = pattern.get(place).filter(|it| **it != ']').copied() {
                if from == '\\' && place + 1 < pattern.len() {
                    place += 1;
                    from = pattern[place];
                }
                let mut to = from;
                if pattern.get(place + 1) == Some(&'-') && place + 2 < pattern.len() {
                    to = pattern[place + 2];
                    place += 2;
                }
                is_among |= (from.min(to)..=from.max(to)).contains(&character);
                place += 1;
            }
            (is_among != is_negated).then_some(place + 1)
        }
        itself => (*itself == character).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_those_of_redis() {
        for (pattern, name, is_match) in [
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("user:*:name", "user:1:2:name", true),
            ("user:*:name", "user:1:names", false),
            ("*a*b", "xaxaxb", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h[", "hx", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("\\", "\\", true),
            ("ä?", "äö", true),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
        let slow = format!("{}b", "*a".repeat(50));
        assert!(!matches(&slow, &"a".repeat(10_000)));
    }

    #[test]
    fn words_may_be_in_quotes() {
        let split = |line: &str| words(line).map(|words| words.join("|"));
        for (line, expected) in [
            ("", Some("")),
            ("  get   a ", Some("get|a")),
            (r#"get "a b""#, Some("get|a b")),
            (r#"get "a \" b" 'c'"#, Some(r#"get|a " b|c"#)),
            (r#"get "a"#, None),
            (r#"get "a"b"#, None),
            ("get ''", Some("get|")),
        ] {
            assert_eq!(split(line).as_deref(), expected, "{line}");
        }
    }
}
