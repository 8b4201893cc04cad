//! Users, their logins, and requests with credentials.

use serde_json::{Value, json};

use super::answer::{Answer, Call};
use super::seed::{HA, OTHER_PROJECT, OTHERS_HA, PROJECT, SECOND_HA};
use super::server::{REAL_START, TestServer};
use super::signer::{Form, ToSign};
use super::text;

/// The built-in user's domain.
pub(crate) const DOMAIN: &str = "emulator-domain";
/// The id of that domain.
pub(crate) const DOMAIN_ID: &str = "d78cbac186b744899480f25bd022f468";
/// The built-in user.
pub(crate) const USER: &str = "emulator";
/// The id of that user.
pub(crate) const USER_ID: &str = "9bfac09d9bcd4eb7bb1465a7bcff815b";
/// The password of that user.
pub(crate) const PASSWORD: &str = "emulator-password";

/// An access key with its secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key(pub(crate) &'static str, pub(crate) &'static str);

/// The key of the built-in user.
pub(crate) const KEY: Key = Key("EMULATORACCESSKEY000", "emulator-secret-key");
/// The key of `alice`, an administrator of [`PROJECT`].
pub(crate) const ALICE: Key = Key("AKALICE", "secret-of-alice");
/// The key of `bob`, an administrator of [`OTHER_PROJECT`].
pub(crate) const BOB: Key = Key("AKBOB", "secret-of-bob");
/// The key of `reader`, who reads in [`PROJECT`].
pub(crate) const READER: Key = Key("AKREADER", "secret-of-reader");
/// The key of `member`, who has no rights in [`PROJECT`].
pub(crate) const MEMBER: Key = Key("AKMEMBER", "secret-of-member");
/// The key of `denied`, who may do everything but what is denied.
pub(crate) const DENIED: Key = Key("AKDENIED", "secret-of-denied");

/// A temporary key, as it was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemporaryKey {
    /// Its name.
    pub(crate) access: String,
    /// Its secret.
    pub(crate) secret: String,
    /// Its security token.
    pub(crate) token: String,
}

impl TemporaryKey {
    /// Reads the answer of `securitytokens`.
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{}", answer.text());
        let given = &answer.json()["credential"];
        Self {
            access: text(&given["access"]),
            secret: text(&given["secret"]),
            token: text(&given["securitytoken"]),
        }
    }
}

/// How a request carries its security token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Signed, as huaweicloudsdkcore does it.
    Signed,
    /// Added after signing, as the Go clients do it.
    Added,
    /// Not at all.
    Not,
}

/// A domain of two projects and users with different rights in them. Each password is `password-of-` and the name.
pub(crate) fn users() -> String {
    format!(
        r#"
domain: {{id: 0123456789abcdef0123456789abcdef, name: acme}}
users:
  - {{name: alice, password: password-of-alice, roles: {{{PROJECT}: dcs_admin}}, access_keys: [{{access: AKALICE, secret: secret-of-alice}}]}}
  - {{name: bob, password: password-of-bob, roles: {{{OTHER_PROJECT}: dcs_admin}}, access_keys: [{{access: AKBOB, secret: secret-of-bob}}]}}
  - {{name: reader, password: password-of-reader, roles: {{{PROJECT}: dcs_reader}}, access_keys: [{{access: AKREADER, secret: secret-of-reader}}]}}
  - {{name: member, password: password-of-member, roles: {{{PROJECT}: none}}, access_keys: [{{access: AKMEMBER, secret: secret-of-member}}]}}
  - name: denied
    password: password-of-denied
    roles: {{"*": dcs_admin}}
    access_keys: [{{access: AKDENIED, secret: secret-of-denied}}]
    deny: [dcs:instance:deleteDataBackupFile, dcs:instance:list]
projects:
  - id: {PROJECT}
    name: eu-de
    instances:
      - {{id: {HA}, cache_mode: ha, name: dcs-ha}}
      - {{id: {SECOND_HA}, cache_mode: ha, name: dcs-second}}
  - id: {OTHER_PROJECT}
    name: eu-de_other
    instances:
      - {{id: {OTHERS_HA}, cache_mode: ha, name: dcs-ha}}
"#
    )
}

/// Returns the body of a login by name and password.
pub(crate) fn login(user: &str, domain: &str, password: &str) -> Value {
    let user = json!({"name": user, "domain": {"name": domain}, "password": password});
    json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
}

/// Returns the body with a scope.
pub(crate) fn scoped(mut login: Value, scope: Value) -> Value {
    login["auth"]["scope"] = scope;
    login
}

/// The scope of a project by its id.
pub(crate) fn project(id: &str) -> Value {
    json!({"project": {"id": id}})
}

/// Returns the text of the token in an answer.
#[track_caller]
pub(crate) fn token_in(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("x-subject-token").expect("a token").to_owned()
}

impl TestServer {
    /// Logs in.
    pub(crate) async fn log_in(&self, body: &Value) -> Answer {
        self.post("/v3/auth/tokens", body).await
    }

    /// Returns a token of one of [`users`] for a project.
    pub(crate) async fn token_of(&self, user: &str, project_id: &str) -> String {
        let body = login(user, "acme", &format!("password-of-{user}"));
        token_in(&self.log_in(&scoped(body, project(project_id))).await)
    }

    /// Returns a token of the built-in user for [`PROJECT`].
    pub(crate) async fn built_in_token(&self) -> String {
        token_in(&self.log_in(&scoped(login(USER, DOMAIN, PASSWORD), project(PROJECT))).await)
    }

    /// Prepares a request that a key signs now.
    pub(crate) fn signed(&self, form: Form, key: Key, method: &str, path: &str, body: &[u8]) -> Call {
        self.signed_at(REAL_START, form, key, method, path, body)
    }

    /// Prepares a request that says it was signed at `date`.
    pub(crate) fn signed_at(
        &self,
        date: &str,
        form: Form,
        Key(access, secret): Key,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Call {
        let host = self.address().to_string();
        let headers = [("host", host.as_str()), ("x-sdk-date", date)];
        let request = ToSign { method, path_and_query: path, headers: &headers, body };
        let authorization = form.sign(access, secret, &request);
        let call = self.call(method, path).header("x-sdk-date", date).header("authorization", &authorization);
        if body.is_empty() { call } else { call.body(body) }
    }

    /// Prepares a request that a temporary key signs at `date`.
    pub(crate) fn signed_for_a_while(
        &self,
        date: &str,
        (form, carried): (Form, Carried),
        key: &TemporaryKey,
        (method, path, body): (&str, &str, &[u8]),
    ) -> Call {
        let host = self.address().to_string();
        let mut headers = vec![("host", host.as_str()), ("x-sdk-date", date)];
        if carried == Carried::Signed {
            headers.push(("x-security-token", key.token.as_str()));
        }
        let request = ToSign { method, path_and_query: path, headers: &headers, body };
        let authorization = form.sign(&key.access, &key.secret, &request);
        let call = self.call(method, path).header("x-sdk-date", date).header("authorization", &authorization);
        let call = if carried == Carried::Not { call } else { call.header("x-security-token", &key.token) };
        if body.is_empty() { call } else { call.body(body) }
    }
}
