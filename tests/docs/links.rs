//! Links of the pages, and what comments of the code cite.

use std::path::{Path, PathBuf};

use crate::page;

/// How long the README may be, in bytes: what is not for the first ten minutes belongs into `docs/`.
const MAX_README: usize = 8192;

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files below a folder whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|end| end == ending) {
            found.push(path);
        }
    }
    found
}

pub(crate) fn the_readme_is_read_in_a_few_minutes() {
    let length = page("README.md").len();
    assert!(length <= MAX_README, "README.md has {length} bytes");
}

pub(crate) fn every_link_leads_somewhere() {
    let mut pages = files(&top().join("docs"), "md");
    pages.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| top().join(name)));
    assert!(pages.len() > 10);
    let mut seen = 0;
    for path in pages {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            let is_path = ["md", "tsv", "html"].iter().any(|end| target.ends_with(&format!(".{end}")));
            if is_path && !target.contains("://") {
                seen += 1;
                assert!(path.parent().unwrap().join(target).exists(), "{}: {target}", path.display());
            }
        }
    }
    assert!(seen > 20, "only {seen} links were found");
}

pub(crate) fn every_path_of_the_architecture_is_in_the_repository() {
    let text = page("ARCHITECTURE.md");
    let is_path = |word: &&str| {
        (word.contains('/') || [".rs", ".md", ".toml", ".sql"].iter().any(|end| word.ends_with(end)))
            && !word.starts_with('/')
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
    };
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_path).collect();
    let missing: Vec<_> = named
        .iter()
        .filter(|path| !top().join(path).exists() && !top().join("src").join(path).exists())
        .collect();
    assert!(missing.is_empty(), "neither at the top nor in src: {missing:?}");
    assert!(named.len() > 40, "only {} paths were found", named.len());
}

pub(crate) fn every_source_is_in_the_repository() {
    let mut seen = 0;
    for path in files(&top().join("src"), "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        for source in text.split("Source: ").skip(1) {
            for cited in
                source.lines().next().unwrap_or_default().split(|end: char| end == ';' || end.is_whitespace())
            {
                let cited = cited.trim_end_matches([',', '.']);
                if cited.starts_with("docs/") {
                    seen += 1;
                    assert!(top().join(cited).is_file(), "{}: {cited}", path.display());
                }
            }
        }
        assert!(
            !text.contains("Source: wire contract"),
            "{}: cite the page in docs/contract",
            path.display()
        );
    }
    assert!(seen > 50, "only {seen} sources were found");
}
