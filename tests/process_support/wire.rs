//! A client that is nothing but a socket: it repeats nothing, hides nothing, and can leave a request half sent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_mins(1);
/// How many records a page holds at most.
const PAGE: usize = 1000;

/// The project of the demo, and of [`instances_seed`].
pub(crate) const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
/// The master/standby instance of the demo.
pub(crate) const DEMO_INSTANCE: &str = "5560df16-cebf-4473-95c4-d1b573c16e79";

/// Returns the path of an instance's backups.
pub(crate) fn backups_path(instance: &str) -> String {
    format!("/v1.0/{PROJECT}/instances/{instance}/backups")
}

/// Returns the path of an instance's restores.
pub(crate) fn restores_path(instance: &str) -> String {
    format!("/v1.0/{PROJECT}/instances/{instance}/restores")
}

/// Returns the ids of the instances of [`instances_seed`].
pub(crate) fn instance_ids(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("00000000-0000-4000-8000-{number:012}")).collect()
}

/// Returns a seed of `count` master/standby instances.
pub(crate) fn instances_seed(count: usize) -> String {
    let mut seed = format!("projects:\n  - id: {PROJECT}\n    instances:\n");
    for (number, id) in instance_ids(count).iter().enumerate() {
        seed.push_str("      - ");
        seed.push_str(
            &serde_json::json!({ "id": id, "name": format!("load-{number}"), "cache_mode": "ha" })
                .to_string(),
        );
        seed.push('\n');
    }
    seed
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header lines, in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns a member of the body that is a text.
    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no text {member}: {self:?}")).to_owned()
    }
}

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        self.begin(method, path, body)?;
        self.read_answer()
    }

    /// Sends a request whose answer is read later.
    fn begin(&mut self, method: &str, path: &str, body: &str) -> Result<()> {
        let length = body.len();
        self.write(&format!(
            "{method} {path} HTTP/1.1\r\nHost: emulator\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Asks for a file, and returns its length.
    pub(crate) fn length_of(&mut self, path: &str) -> Result<usize> {
        self.begin("GET", path, "")?;
        let (status, _, bytes) = self.read_bytes()?;
        if status == 200 { Ok(bytes.len()) } else { Err(Error::other(format!("{status}"))) }
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask("GET", path, "")
    }

    /// Records a backup.
    pub(crate) fn create(&mut self, instance: &str, remark: &str) -> Result<Answer> {
        let body = serde_json::json!({ "remark": remark }).to_string();
        self.ask("POST", &backups_path(instance), &body)
    }

    /// Asks for a backup to be recorded; the answer is read later.
    pub(crate) fn begin_create(&mut self, instance: &str, remark: &str) -> Result<()> {
        let body = serde_json::json!({ "remark": remark }).to_string();
        self.begin("POST", &backups_path(instance), &body)
    }

    /// Restores an instance from one of its backups.
    pub(crate) fn restore(&mut self, instance: &str, backup: &str, remark: &str) -> Result<Answer> {
        let body = serde_json::json!({ "backup_id": backup, "remark": remark }).to_string();
        self.ask("POST", &restores_path(instance), &body)
    }

    /// Deletes a backup.
    pub(crate) fn delete(&mut self, instance: &str, backup: &str) -> Result<Answer> {
        self.ask("DELETE", &format!("{}/{backup}", backups_path(instance)), "")
    }

    /// Returns every backup of an instance by id; ids must be unique and the total right.
    pub(crate) fn list(&mut self, instance: &str) -> BTreeMap<String, Value> {
        self.list_all(&backups_path(instance), "backup")
    }

    /// Returns every restore of an instance by id; ids must be unique and the total right.
    pub(crate) fn list_restores(&mut self, instance: &str) -> BTreeMap<String, Value> {
        self.list_all(&restores_path(instance), "restore")
    }

    fn list_all(&mut self, path: &str, kind: &str) -> BTreeMap<String, Value> {
        let mut listed = BTreeMap::new();
        loop {
            let start = listed.len() + 1;
            let path = format!("{path}?start={start}&limit={PAGE}");
            let answer = self.get(&path).expect("the server answers");
            assert_eq!(answer.status, 200, "{answer:?}");
            let page = answer.json();
            for record in page[format!("{kind}_record_response")].as_array().expect("a list") {
                let id = record[format!("{kind}_id")].as_str().expect("an id").to_owned();
                let other = listed.insert(id, record.clone());
                assert!(other.is_none(), "listed twice: {other:?}");
            }
            let total = page["total_num"].as_u64().and_then(|total| usize::try_from(total).ok());
            if total == Some(listed.len()) {
                return listed;
            }
            assert!(listed.len() >= start, "{total:?} {kind}s, but listed are {}", listed.len());
        }
    }

    pub(crate) fn write(&mut self, text: &str) -> Result<()> {
        self.stream.get_mut().write_all(text.as_bytes())
    }

    /// Reads one line, such as `HTTP/1.1 100 Continue`.
    pub(crate) fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        Ok(line.trim_end().to_owned())
    }

    /// Reads an answer, whole or not at all.
    pub(crate) fn read_answer(&mut self) -> Result<Answer> {
        let (status, headers, body) = self.read_bytes()?;
        let body = String::from_utf8(body).map_err(|_| Error::new(ErrorKind::InvalidData, "no text"))?;
        Ok(Answer { status, headers, body })
    }

    fn read_bytes(&mut self) -> Result<(u16, Vec<String>, Vec<u8>)> {
        let malformed = || Error::new(ErrorKind::InvalidData, "no answer of HTTP/1.1");
        let status = self.read_line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(malformed)?;
        let (mut length, mut headers) = (0, Vec::new());
        loop {
            let line = self.read_line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| malformed())?;
            }
            headers.push(line);
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, headers, body))
    }
}
