//! Who may use whom: the arrows that `ARCHITECTURE.md` draws, read off the source.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The rooms, each with what it may use besides itself. A path stands for everything in it.
const ARROWS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("clock", &["domain"]),
    ("ids", &["domain"]),
    ("store", &["domain", "clock::Stopwatch"]),
    ("engine", &["domain", "clock", "ids", "store"]),
    ("http", &["domain", "engine", "clock::Stopwatch"]),
    // What the settings of a room are is the room's business; which there are is known here.
    ("config", &["domain", "engine", "http", "store::sqlite::Location"]),
    ("telemetry", &["config"]),
    // The whole put together.
    ("emulator", &["domain", "clock", "ids", "store", "engine", "http", "config", "telemetry"]),
    // Parts of the program, which sees the library as every other user does.
    ("cli", &[]),
    ("program", &["cli"]),
];
/// Parts of a room that are not used from outside, with the rooms that may all the same.
const PRIVATE_PARTS: [(&str, &[&str]); 1] = [("store::sqlite", &["config", "emulator"])];
/// Packages, and the rooms, or parts of rooms, in which alone they are named.
const PACKAGES: [(&str, &[&str]); 14] = [
    ("sqlx", &["store"]),
    ("refinery_core", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("actix_web", &["http"]),
    ("actix_http", &["http"]),
    ("actix_service", &["http"]),
    ("actix_server", &["http"]),
    ("h2", &["http"]),
    ("rcgen", &["http"]),
    ("rustls", &["http"]),
    ("tokio_rustls", &["http"]),
    ("http_types", &["http"]),
    // A fault has one document in the control API, in seeds and in the database: its schema stands with it.
    ("utoipa", &["http", "engine::faults"]),
    ("clap", &["cli", "config"]),
];
/// The packages that the domain may use.
const PACKAGES_OF_DOMAIN: [&str; 5] = ["uuid", "chrono", "thiserror", "serde", "ipnet"];
/// What asks the system for the time or for random bits, which only `clock` and `ids` do.
const SYSTEM_SOURCES: [&str; 8] = [
    "Utc::now",
    "Local::now",
    "SystemTime::now",
    "Instant::now",
    "OffsetDateTime::now",
    "Uuid::new_v4",
    "Uuid::now_v7",
    "rand::",
];
/// What reads the environment, and who may: the program, to clean it for the command that it runs.
const ENVIRONMENT: (&str, &[&str]) = ("env::var", &["cli", "config", "program"]);
/// At this length ask what second thing is in a file.
const MAX_LINES: usize = 600;

/// A source file, or as much of it as is compiled into the library.
struct Source {
    /// Its path from the top of the package.
    path: String,
    /// Its module, such as `["store", "sqlite"]`; empty for `lib.rs` and `main.rs`.
    module: Vec<String>,
    /// Its text with comments, literals and tests blanked, line by line as it was.
    code: String,
    /// Its text.
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let parts = path.trim_start_matches("src/").trim_end_matches(".rs").split('/');
        let module = parts.filter(|part| !matches!(*part, "lib" | "main" | "mod")).map(str::to_owned);
        let code = without_tests(&without_literals(text));
        Self { path: path.to_owned(), module: module.collect(), code, text: text.to_owned() }
    }

    /// Returns the room; none for what wires all of them.
    fn room(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    /// Says what is wrong at a place of the code.
    fn finding(&self, at: usize, problem: &str) -> String {
        let number = self.code[..at].matches('\n').count();
        let line = self.text.lines().nth(number).unwrap_or_default().trim();
        format!("{}:{}: {problem}: {line}", self.path, number + 1)
    }
}

/// Returns the source files of the package.
fn sources() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    let mut folders = vec![top.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
                sources.push(Source::new(&name, &std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

/// Blanks comments and the insides of text and character literals.
fn without_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal_length(rest, code.chars().last());
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            // As many bytes, so that places stay the same.
            code.extend(rest[..length].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// Returns the length of the comment or literal that `rest` begins with, in bytes; zero if it begins with none.
fn literal_length(rest: &str, before: Option<char>) -> usize {
    let until =
        |start: usize, end: &str| rest[start..].find(end).map_or(rest.len(), |at| start + at + end.len());
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return until(2, "*/");
    }
    let in_word = before.is_some_and(|before| before.is_alphanumeric() || before == '_');
    let raw = rest.strip_prefix('b').unwrap_or(rest);
    if !in_word && let Some(raw) = raw.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let start = rest.len() - raw.len() + hashes + 1;
            return until(start, &format!("\"{}", "#".repeat(hashes)));
        }
    }
    if rest.starts_with('"') {
        let mut escaped = false;
        for (at, character) in rest.char_indices().skip(1) {
            match character {
                '"' if !escaped => return at + 1,
                character => escaped = character == '\\' && !escaped,
            }
        }
        return rest.len();
    }
    if let Some(inside) = rest.strip_prefix('\'') {
        // A lifetime has no second quote behind its first letter.
        let mut characters = inside.char_indices();
        let (_, first) = characters.next().unwrap_or((0, ' '));
        if first == '\\' {
            return inside[2..].find('\'').map_or(0, |at| at + 4);
        }
        if let Some((at, '\'')) = characters.next() {
            return at + 2;
        }
    }
    0
}

/// Blanks modules of tests, which use what they like.
fn without_tests(code: &str) -> String {
    const TESTS: &str = "#[cfg(test)]\nmod ";
    let mut code = code.to_owned();
    while let Some(start) = code.find(TESTS) {
        let mut depth = 0_usize;
        let mut end = code.len();
        for (at, character) in code[start..].char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 1 => {
                    end = start + at + 1;
                    break;
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        let blank: String =
            code[start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    code
}

/// Returns the paths of a `use` tree, or the one path of an expression, that `text` begins with.
fn paths(text: &str) -> Vec<String> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let mut all = Vec::new();
        let (mut depth, mut start) = (0_usize, 0);
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    all.extend(paths(&group[start..at]));
                    start = at + 1;
                    if character == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
        return all;
    }
    let word: String = text.chars().take_while(|character| is_of_a_word(*character)).collect();
    if word.is_empty() {
        return Vec::new();
    }
    match text[word.len()..].trim_start().strip_prefix("::") {
        Some(rest) => {
            let inner = paths(rest);
            if inner.is_empty() {
                vec![word]
            } else {
                inner.iter().map(|path| format!("{word}::{path}")).collect()
            }
        }
        None => vec![word],
    }
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the places where a word begins.
fn places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(|at| !code[..*at].ends_with(is_of_a_word))
}

/// Returns each use of another module with its place: `crate::…`, and `super::…` from wherever it stands.
fn uses(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let mut uses = Vec::new();
    for at in places(code, "crate::") {
        // `pub(in crate::http)` says who may see something.
        if !code[..at].ends_with("in ") {
            uses.extend(paths(&code[at + "crate::".len()..]).into_iter().map(|path| (at, path)));
        }
    }
    for at in places(code, "super::") {
        if code[..at].ends_with("::") {
            continue;
        }
        let (mut rest, mut module) = (&code[at..], source.module.as_slice());
        while let Some(outer) = rest.strip_prefix("super::") {
            (rest, module) = (outer, module.split_last().map_or(&[][..], |(_, outer)| outer));
        }
        let absolute = |path: String| module.iter().cloned().chain([path]).collect::<Vec<_>>().join("::");
        uses.extend(paths(rest).into_iter().map(|path| (at, absolute(path))));
    }
    uses
}

fn lies_in(path: &str, whole: &str) -> bool {
    path == whole || path.strip_prefix(whole).is_some_and(|rest| rest.starts_with("::"))
}

/// Says which arrows of a file are wrong.
fn wrong_arrows(source: &Source) -> Vec<String> {
    let Some(room) = source.room() else { return Vec::new() };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}: {room} is no room", source.path)];
    };
    let mut wrong = Vec::new();
    for (at, path) in uses(source) {
        let is_private = PRIVATE_PARTS.iter().any(|(part, users)| {
            lies_in(&path, part) && !lies_in(room, part) && room != first(part) && !users.contains(&room)
        });
        if first(&path) != room && (is_private || !allowed.iter().any(|whole| lies_in(&path, whole))) {
            wrong.push(source.finding(at, &format!("{room} may not use {path}")));
        }
    }
    wrong
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// Says which packages a file must not name.
fn wrong_packages(source: &Source, packages: &BTreeSet<String>) -> Vec<String> {
    let (room, module) = (source.room().unwrap_or_default(), source.module.join("::"));
    let mut wrong = Vec::new();
    for package in packages {
        let owners = PACKAGES.iter().find(|(name, _)| name == package).map(|(_, owners)| *owners);
        let is_owner = |owners: &[&str]| owners.iter().any(|owner| lies_in(&module, owner));
        let is_wrong = owners.is_some_and(|owners| !is_owner(owners))
            || room == "domain" && !PACKAGES_OF_DOMAIN.contains(&package.as_str());
        if is_wrong {
            let named = format!("{package}::");
            // A module or field of that name is not the package.
            let places = places(&source.code, &named).filter(|at| !source.code[..*at].ends_with("::"));
            wrong.extend(places.map(|at| source.finding(at, &format!("{package} is not used here"))));
        }
    }
    wrong
}

/// Says where a file asks the system for what `clock`, `ids` and the configuration ask for.
fn wrong_sources(source: &Source) -> Vec<String> {
    let room = source.room().unwrap_or_default();
    let mut wrong = Vec::new();
    if !matches!(room, "clock" | "ids") {
        for call in SYSTEM_SOURCES {
            let places = places(&source.code, call);
            wrong.extend(places.map(|at| source.finding(at, "only clock and ids ask the system for that")));
        }
    }
    let (read, readers) = ENVIRONMENT;
    if !readers.contains(&room) {
        let places = places(&source.code, read);
        wrong.extend(places.map(|at| source.finding(at, "only the configuration reads the environment")));
    }
    wrong
}

/// Returns the names of the packages in a table of `Cargo.toml`, as code writes them.
fn packages() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    ["dependencies", "dev-dependencies"]
        .iter()
        .flat_map(|table| manifest[*table].as_table().unwrap().keys())
        .map(|name| name.replace('-', "_"))
        .collect()
}

fn assert_none(findings: &[String]) {
    let mut list = String::new();
    for finding in findings {
        writeln!(list, "{finding}").unwrap();
    }
    assert!(findings.is_empty(), "\n{list}");
}

#[test]
fn every_room_uses_only_the_rooms_it_may() {
    assert_none(&sources().iter().flat_map(wrong_arrows).collect::<Vec<_>>());
}

/// Returns the files that a file imports from, as places in `modules`: those named by `crate::…` and `super::…`, and the child
/// modules that it calls. A path counts for the module that it names, whatever that re-exports, and a re-export is no import.
fn imports(source: &Source, modules: &BTreeMap<String, usize>) -> BTreeSet<usize> {
    let own = source.module.join("::");
    let mut named: Vec<String> = uses(source).into_iter().map(|(_, path)| path).collect();
    for child in modules.keys().filter_map(|module| module.strip_prefix(&format!("{own}::"))) {
        let code = &source.code;
        let is_used = places(code, child).any(|at| {
            let line = code[..at].rsplit('\n').next().unwrap_or_default();
            let is_exported = line.starts_with("pub") && line.ends_with("use ");
            code[at + child.len()..].starts_with("::")
                && (!line.ends_with("::") || line.ends_with("self::"))
                && !is_exported
        });
        named.extend(is_used.then(|| format!("{own}::{child}")));
    }
    named.iter().filter_map(|path| file_of(path, modules)).collect()
}

/// Returns the place of the file in which a path is found.
fn file_of(path: &str, modules: &BTreeMap<String, usize>) -> Option<usize> {
    match (modules.get(path), path.rsplit_once("::")) {
        (Some(place), _) => Some(*place),
        (None, Some((outer, _))) => file_of(outer, modules),
        (None, None) => None,
    }
}

/// Returns what can be reached from a place by one import or several.
fn reached(from: usize, imports: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(place) = open.pop() {
        open.extend(imports[place].iter().filter(|next| reached.insert(**next)));
    }
    reached
}

/// Returns the shortest way by imports from a place back to itself.
fn shortest_cycle(from: usize, imports: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut ways = VecDeque::from([vec![from]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in way.last().into_iter().flat_map(|last| &imports[*last]) {
            let longer = [way.as_slice(), &[*next]].concat();
            if *next == from {
                return longer;
            }
            if seen.insert(*next) {
                ways.push_back(longer);
            }
        }
    }
    Vec::new()
}

#[test]
fn no_more_than_two_files_import_each_other_in_a_cycle() {
    let sources = sources();
    let sources: Vec<&Source> = sources
        .iter()
        .filter(|source| !source.module.is_empty() && !source.module.iter().any(|module| module == "tests"))
        .collect();
    let modules: BTreeMap<String, usize> =
        sources.iter().enumerate().map(|(place, source)| (source.module.join("::"), place)).collect();
    let imports: Vec<BTreeSet<usize>> = sources.iter().map(|source| imports(source, &modules)).collect();
    let reached: Vec<BTreeSet<usize>> = (0..sources.len()).map(|place| reached(place, &imports)).collect();
    let mut seen = BTreeSet::new();
    let mut cycles = Vec::new();
    for place in 0..sources.len() {
        let together: Vec<usize> = reached[place]
            .iter()
            .copied()
            .filter(|other| *other != place && reached[*other].contains(&place))
            .chain([place])
            .collect();
        if together.len() > 2 && seen.insert(*together.iter().min().unwrap()) {
            let way = shortest_cycle(place, &imports);
            let way: Vec<&str> = way.iter().map(|place| sources[*place].path.as_str()).collect();
            cycles.push(format!("{} files in a cycle, of which: {}", together.len(), way.join(" -> ")));
        }
    }
    assert_none(&cycles);
}

#[test]
fn packages_are_named_only_in_their_rooms() {
    let packages = packages();
    assert!(PACKAGES.iter().all(|(name, _)| packages.contains(*name)), "a package of the table is gone");
    assert_none(&sources().iter().flat_map(|source| wrong_packages(source, &packages)).collect::<Vec<_>>());
}

#[test]
fn only_clock_and_ids_ask_for_time_and_random_bits() {
    assert_none(&sources().iter().flat_map(wrong_sources).collect::<Vec<_>>());
}

/// Lines of code in `src`, without comments, blank lines and modules of tests; and files.
const MAX_CODE_LINES: usize = 53_700;
const MAX_FILES: usize = 399;

/// Counts what a reader has to read; `cargo test --test architecture code -- --nocapture` prints it.
#[test]
fn there_is_no_more_code_than_there_was() {
    let (mut lines, mut files) = (0, 0);
    for source in sources().iter().filter(|source| source.path.starts_with("src/")) {
        files += 1;
        let is_test = source.path.contains("/tests/") || source.path.ends_with("/tests.rs");
        let mut in_tests = is_test;
        let mut previous = "";
        for line in source.text.lines() {
            in_tests |= previous == "#[cfg(test)]" && line.starts_with("mod ") && line.ends_with('{');
            let code = line.trim();
            let is_code = !code.is_empty() && !code.starts_with("//") && !in_tests;
            lines += usize::from(is_code);
            in_tests &= is_test || line != "}";
            previous = line;
        }
    }
    eprintln!("src: {lines} lines of code in {files} files");
    assert!(lines <= MAX_CODE_LINES && files <= MAX_FILES, "{lines} lines in {files} files");
}

#[test]
fn no_file_is_longer_than_one_thing() {
    let longer: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.text.lines().count() > MAX_LINES)
        .map(|source| source.path)
        .collect();
    assert!(longer.is_empty(), "over {MAX_LINES} lines: {longer:?}");
}

#[test]
fn every_file_is_a_module_of_another() {
    let sources = sources();
    let is_declared = |source: &Source| {
        let (name, outer) = source.module.split_last().expect("it is not the top");
        // Modules of tests, too.
        let declares = |outer: &Source| without_literals(&outer.text).contains(&format!("mod {name};"));
        sources.iter().filter(|other| other.module == outer).any(declares)
    };
    let modules = sources.iter().filter(|source| !source.module.is_empty());
    let unknown: Vec<&str> =
        modules.filter(|source| !is_declared(source)).map(|source| source.path.as_str()).collect();
    assert!(unknown.is_empty(), "they are in no module: {unknown:?}");
}

#[test]
fn every_migration_is_in_the_list_and_the_list_has_no_others() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(top.join("migrations/sqlite")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    // What all of them make together.
    files.retain(|file| !file.ends_with("schema.sql"));
    let number = |path: &PathBuf| -> u32 {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        name.strip_prefix('V')
            .and_then(|name| name.split("__").next()?.parse().ok())
            .expect("V<number>__name")
    };
    files.sort_by_key(number);
    assert_eq!(files.iter().map(number).collect::<Vec<_>>(), (1..).take(files.len()).collect::<Vec<_>>());
    let mut expected = Vec::new();
    for file in &files {
        assert_eq!(file.extension().unwrap(), "sql");
        let name = file.file_stem().unwrap().to_string_lossy();
        expected.extend([name.to_string(), format!("../../migrations/sqlite/{name}.sql")]);
    }
    let list = std::fs::read_to_string(top.join("src/store/migrate.rs")).unwrap();
    let (_, list) = list.split_once("const MIGRATIONS").expect("the list is there");
    let (list, _) = list.split_once("];").expect("the list has an end");
    let texts: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(texts, expected, "name and file of each, oldest first; files on the right");
}

/// Words that this project does not use, each in two parts: where the field has a word, it says that.
const REPLACED_WORDS: [(&str, &str); 18] = [
    ("frin", "ge"),
    ("de", "ed"),
    ("de", "eds"),
    ("under", "taking"),
    ("under", "takings"),
    ("be", "longings"),
    ("pass", "age"),
    ("pass", "ages"),
    ("am", "bient"),
    ("surround", "ings"),
    ("sh", "elf"),
    ("he", "ed"),
    ("dec", "ider"),
    ("rul", "ing"),
    ("set", "tle"),
    ("set", "tles"),
    ("set", "tling"),
    ("wi", "sh"),
];

/// Says where a text uses a word of its own.
fn words_of_its_own(path: &str, text: &str) -> Vec<String> {
    let replaced: BTreeSet<String> =
        REPLACED_WORDS.iter().map(|(start, end)| format!("{start}{end}")).collect();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let words = line.split(|character: char| !is_of_a_word(character));
        for word in words.filter(|word| replaced.contains(&word.to_lowercase())) {
            found.push(format!("{path}:{}: {word}: {}", number + 1, line.trim()));
        }
    }
    found
}

/// Returns the texts below some folders and files, with their paths.
fn texts(roots: &[&str], endings: &[&str]) -> Vec<(String, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = roots.iter().map(|root| top.join(root)).collect();
    let mut texts = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| endings.iter().any(|ending| end == *ending)) {
            let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
            texts.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    texts
}

#[test]
fn the_words_are_the_fields() {
    let texts = texts(
        &["src", "tests", "benches", "examples", "docs", "README.md", "ARCHITECTURE.md"],
        &["rs", "md", "py", "js", "yaml", "html"],
    );
    assert!(texts.len() > 100, "the texts were not found");
    assert_none(&texts.iter().flat_map(|(path, text)| words_of_its_own(path, text)).collect::<Vec<_>>());
    let word: String = [REPLACED_WORDS[0].0, REPLACED_WORDS[0].1].concat();
    assert_eq!(words_of_its_own("a", &format!("a_{word} {word}")), [format!("a:1: {word}: a_{word} {word}")]);
}

#[test]
fn the_check_sees_what_it_looks_for() {
    let packages = packages();
    for (path, text, named) in [
        (
            "src/http/a.rs",
            "use crate::store::InstanceRef;",
            "src/http/a.rs:1: http may not use store::InstanceRef",
        ),
        ("src/engine/a.rs", "\nuse crate::store::{Store,\n    sqlite::{SqliteStore}};", "src/engine/a.rs:2"),
        ("src/engine/a.rs", "fn a() { crate::store::sqlite::open() }", "may not use store::sqlite::open"),
        ("src/engine/a.rs", "use crate::store::sqlite;", "may not use store::sqlite"),
        ("src/domain/a.rs", "fn a<'a>(x: &'a str) -> char { crate::ids::b('\\'') }", "ids::b"),
        ("src/domain/a/b.rs", "use super::super::super::store::Store;", "may not use store::Store"),
        ("src/store/a.rs", "use crate::clock::Clock;", "may not use clock::Clock"),
        ("src/http/a.rs", "use crate::config::Config;", "may not use config::Config"),
        ("src/telemetry.rs", "use crate::{config, engine::Engine};", "telemetry may not use engine::Engine"),
        ("src/utils/a.rs", "", "utils is no room"),
        ("src/engine/a.rs", "let a: sqlx::Error;", "sqlx is not used here"),
        ("src/main.rs", "use sqlx::Row;", "src/main.rs:1: sqlx"),
        ("src/store/a.rs", "use actix_web::web;", "actix_web is not used here"),
        ("src/domain/a.rs", "use rand::Rng;", "rand is not used here"),
        ("src/domain/a.rs", "#[derive(rand::Fill)]", "rand is not used here"),
        ("src/engine/a.rs", "let now = std::time::Instant::now();", "only clock"),
        ("src/store/a.rs", "\"\\\"\"; chrono::Utc::now()", "only clock"),
        ("src/http/a.rs", "r#\"\"\"#; rand::random()", "only clock"),
        ("src/http/a.rs", "std::env::var(\"A\")", "reads the environment"),
    ] {
        let source = Source::new(path, text);
        let found =
            [wrong_arrows(&source), wrong_packages(&source, &packages), wrong_sources(&source)].concat();
        assert!(found.iter().any(|found| found.contains(named)), "{text}: {found:?}");
    }
}

#[test]
fn the_check_lets_pass_what_is_right() {
    let packages = packages();
    for (path, text) in [
        (
            "src/http/a.rs",
            "// use crate::store::Store;\nconst A: &str = \"crate::store::Store, rand::random()\";",
        ),
        ("src/http/a.rs", "pub(in crate::http) fn a() { let operand::b = 1; }"),
        ("src/engine/a.rs", "use crate::store::{InstanceRef, Store};"),
        ("src/store/sqlite/a.rs", "use super::super::row; use super::file; use crate::store::sqlite::b;"),
        (
            "src/domain/a.rs",
            "use uuid::Uuid;\n#[cfg(test)]\nmod tests {\n    use proptest::prelude::*;\n    fn a() { }\n}\n",
        ),
        ("src/emulator/parts.rs", "use crate::store::sqlite::{Location, SqliteStore};"),
        ("src/clock.rs", "rand::rng(); Instant::now()"),
    ] {
        let source = Source::new(path, text);
        assert_none(&wrong_arrows(&source));
        assert_none(&wrong_packages(&source, &packages));
        assert_none(&wrong_sources(&source));
    }
    // What follows tests is code again.
    let source =
        Source::new("src/domain/a.rs", "#[cfg(test)]\nmod tests {\n    use serde::A;\n}\nuse rand::B;\n");
    assert_eq!(
        wrong_packages(&source, &packages),
        ["src/domain/a.rs:5: rand is not used here: use rand::B;"]
    );
}
