//! The rules of [`Authorization::verify`], by the contract's vectors.

use proptest::prelude::*;

use super::canonical::canonical_requests;
use super::*;

mod recorded;

const SECRET_KEY: &str = "ExampleSecretKey00000000000000000000001";
/// 2026-01-02T03:04:05Z.
const SIGNED_AT: i64 = 1_767_323_045;
const POST_BY_ACCESS: Sample<'_> = Sample {
    method: "POST",
    path: "/v2/0123456789abcdef0123456789abcdef/instances/11111111-2222-4333-8444-555555555555/backups",
    query: "",
    headers: &[
        ("Content-Type", "application/json;charset=utf-8"),
        ("Host", "127.0.0.1:8080"),
        ("User-Agent", "example-agent/1.0"),
        ("X-Project-Id", "0123456789abcdef0123456789abcdef"),
        ("X-Sdk-Date", "20260102T030405Z"),
    ],
    body: br#"{"remark": "nightly"}"#,
    authorization: "SDK-HMAC-SHA256 Access=EXAMPLEAK0000000001, \
        SignedHeaders=content-type;host;user-agent;x-project-id;x-sdk-date, \
        Signature=fc3873b5c87489d649d281e56d09313c8c0c31d467b9a3c85c999d05b77fbf50",
};
const LIST_BY_ACCESS: Sample<'_> = Sample {
    method: "GET",
    path: "/v2/0123456789abcdef0123456789abcdef/instances",
    query: "limit=10&name=dcs%20emu&offset=0",
    headers: &[
        ("Content-Type", "application/json"),
        ("Host", "127.0.0.1:8080"),
        ("User-Agent", "example-agent/1.0"),
        ("X-Project-Id", "0123456789abcdef0123456789abcdef"),
        ("X-Sdk-Date", "20260102T030405Z"),
    ],
    body: b"",
    authorization: "SDK-HMAC-SHA256 Access=EXAMPLEAK0000000001, \
        SignedHeaders=content-type;host;user-agent;x-project-id;x-sdk-date, \
        Signature=689d8daea26f84cdc0631e17784b33a7cf8f5c0397ff3918fc820ac8b5dd9739",
};
const LIST_BY_CREDENTIAL: Sample<'_> = Sample {
    method: "GET",
    path: "/v1.0/0123456789abcdef0123456789abcdef/instances",
    query: "name=dcs+emu&limit=10",
    headers: &[
        ("Accept", "application/json"),
        ("Host", "127.0.0.1:8080"),
        ("User-Agent", "golangsdk/2.0.0"),
        ("X-Sdk-Date", "20260102T030405Z"),
    ],
    body: b"",
    authorization: "SDK-HMAC-SHA256 Credential=EXAMPLEAK0000000001/20260102///sdk_request, \
        SignedHeaders=accept;host;user-agent;x-sdk-date, \
        Signature=5268decd8323c278ad3cc965e35a631f58de1905d734818594faacd3a0bb966d",
};
const SAMPLES: [Sample<'_>; 3] = [POST_BY_ACCESS, LIST_BY_ACCESS, LIST_BY_CREDENTIAL];

#[derive(Clone, Copy)]
struct Sample<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    authorization: &'a str,
}

impl Sample<'_> {
    fn with_request<T>(&self, use_request: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
        let headers = |name: &str| {
            let named = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            named.map(|(_, value)| value.as_bytes()).collect()
        };
        let Self { method, path: raw_path, query: raw_query, body, .. } = *self;
        use_request(&SignedRequest { method, raw_path, raw_query, headers: &headers, body })
    }

    fn authorization(&self) -> Authorization<'_> {
        Authorization::parse(self.authorization).unwrap().unwrap()
    }

    fn verify_at(&self, now: i64) -> Result<(), SignatureError> {
        self.with_request(|request| self.authorization().verify(request, SECRET_KEY, now))
    }

    fn verify(&self) -> Result<(), SignatureError> {
        self.verify_at(SIGNED_AT)
    }

    fn canonical_requests(&self) -> Vec<String> {
        let texts = self.with_request(|request| canonical_requests(&self.authorization(), request)).unwrap();
        texts.into_iter().map(|text| String::from_utf8(text).unwrap()).collect()
    }
}

/// Copies the headers with one value replaced, or the header left out.
fn with_header<'a>(sample: &Sample<'a>, name: &str, value: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let headers = sample.headers.iter();
    headers
        .filter_map(
            |&(other, old)| if other == name { value.map(|new| (other, new)) } else { Some((other, old)) },
        )
        .collect()
}

#[test]
fn the_canonical_requests_of_the_contract_are_reproduced() {
    let table = [
        (
            POST_BY_ACCESS,
            "POST\n/v2/0123456789abcdef0123456789abcdef/instances/11111111-2222-4333-8444-555555555555/backups/\n\n\
             content-type:application/json;charset=utf-8\nhost:127.0.0.1:8080\nuser-agent:example-agent/1.0\n\
             x-project-id:0123456789abcdef0123456789abcdef\nx-sdk-date:20260102T030405Z\n\n\
             content-type;host;user-agent;x-project-id;x-sdk-date\n\
             61edf3a9e7804976555d6f93aaf2291cde3ee9dd5c333d470d87a7bbb1e2e3bf",
            "SDK-HMAC-SHA256\n20260102T030405Z\na21bb4e8a65c7c154a3524becbce3242f4373e288a7c99b3584b340285081c64",
        ),
        (
            LIST_BY_ACCESS,
            "GET\n/v2/0123456789abcdef0123456789abcdef/instances/\nlimit=10&name=dcs%20emu&offset=0\n\
             content-type:application/json\nhost:127.0.0.1:8080\nuser-agent:example-agent/1.0\n\
             x-project-id:0123456789abcdef0123456789abcdef\nx-sdk-date:20260102T030405Z\n\n\
             content-type;host;user-agent;x-project-id;x-sdk-date\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "SDK-HMAC-SHA256\n20260102T030405Z\n46dc5af0632bf14d9355dc8742318c088b7e9f28e94a98c3d19236ec2b766fd3",
        ),
        (
            LIST_BY_CREDENTIAL,
            "GET\n/v1.0/0123456789abcdef0123456789abcdef/instances/\nlimit=10&name=dcs%20emu\n\
             accept:application/json\nhost:127.0.0.1:8080\nuser-agent:golangsdk/2.0.0\n\
             x-sdk-date:20260102T030405Z\n\naccept;host;user-agent;x-sdk-date\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "SDK-HMAC-SHA256\n20260102T030405Z\n20260102///sdk_request\n\
             e600e69761b355b9adfd73277cd0036f71501d55f83a20a4a726d4994d9a1c8e",
        ),
    ];
    for (sample, canonical_request, to_sign) in table {
        assert_eq!(sample.canonical_requests(), [canonical_request]);
        let form = sample.authorization().form().clone();
        assert_eq!(string_to_sign(&form, "20260102T030405Z", canonical_request.as_bytes()), to_sign);
        assert_eq!(sample.verify(), Ok(()));
    }
}

#[test]
fn the_key_of_a_credential_is_the_contracts() {
    let key = signing_key(LIST_BY_CREDENTIAL.authorization().form(), SECRET_KEY);
    assert_eq!(hex::encode(key), "1138bbf5bfee910f4875f96cad158f8cabcd63070edfb6c1909dbecf1613730b");
}

#[test]
fn a_change_of_any_byte_is_a_mismatch() {
    for sample in SAMPLES {
        let mut changed = vec![
            ("method", Sample { method: "PUT", ..sample }.verify()),
            ("path", Sample { path: &sample.path.replace("instances", "instancez"), ..sample }.verify()),
            ("path, a slash more", Sample { path: &sample.path.replacen('/', "//", 1), ..sample }.verify()),
            (
                "query, a value more",
                Sample { query: &format!("{}&limit=11", sample.query), ..sample }.verify(),
            ),
            ("query, another name", Sample { query: &format!("{}&a", sample.query), ..sample }.verify()),
            ("body", Sample { body: &[sample.body, b" "].concat(), ..sample }.verify()),
        ];
        // A later value of the same name is not signed by the credential form.
        if matches!(sample.authorization().form(), Form::Credential(_)) {
            assert_eq!(changed.remove(3).1, Ok(()));
        }
        for &(name, value) in sample.headers {
            let value =
                if name == "X-Sdk-Date" { "20260102T030406Z".to_owned() } else { format!("{value}0") };
            let headers = with_header(&sample, name, Some(&value));
            changed.push((name, Sample { headers: &headers, ..sample }.verify()));
        }
        let signature_start = sample.authorization.len() - 64;
        for index in signature_start..sample.authorization.len() {
            let mut authorization = sample.authorization.to_owned();
            let digit = if authorization[index..].starts_with('0') { "1" } else { "0" };
            authorization.replace_range(index..=index, digit);
            changed.push(("signature", Sample { authorization: &authorization, ..sample }.verify()));
        }
        for (what, result) in changed {
            assert_eq!(result, Err(SignatureError::Mismatch), "{what}");
        }
    }
}

#[test]
fn the_method_is_signed_in_upper_case() {
    assert_eq!(Sample { method: "Get", ..LIST_BY_ACCESS }.verify(), Ok(()));
}

#[test]
fn a_content_hash_counts_only_if_it_is_signed() {
    for announced in ["", "UNSIGNED-PAYLOAD"] {
        let headers = [POST_BY_ACCESS.headers, &[("X-Sdk-Content-Sha256", announced)]].concat();
        assert_eq!(Sample { headers: &headers, ..POST_BY_ACCESS }.verify(), Ok(()), "{announced:?}");
        let changed = Sample { headers: &headers, body: b"{}", ..POST_BY_ACCESS };
        assert_eq!(changed.verify(), Err(SignatureError::Mismatch), "{announced:?}");
    }
}

#[test]
fn another_secret_key_is_a_mismatch() {
    for sample in SAMPLES {
        for secret_key in ["", "ExampleSecretKey00000000000000000000002"] {
            let verdict =
                sample.with_request(|request| sample.authorization().verify(request, secret_key, SIGNED_AT));
            assert_eq!(verdict, Err(SignatureError::Mismatch));
        }
    }
}

#[test]
fn every_byte_of_path_query_and_body_is_covered() {
    let changed_at = |text: &str, index| [&text[..index], "!", &text[index + 1..]].concat();
    for sample in SAMPLES {
        let Sample { path, query, body, .. } = sample;
        let paths = (0..path.len()).map(|index| Sample { path: &changed_at(path, index), ..sample }.verify());
        let queries =
            (0..query.len()).map(|index| Sample { query: &changed_at(query, index), ..sample }.verify());
        let bodies = (0..body.len()).map(|index| Sample { body: &body[..index], ..sample }.verify());
        for verdict in paths.chain(queries).chain(bodies) {
            assert_eq!(verdict, Err(SignatureError::Mismatch));
        }
    }
}

#[test]
fn a_request_is_good_for_fifteen_minutes_around_its_date() {
    for sample in SAMPLES {
        assert_eq!(sample.verify_at(SIGNED_AT + 900), Ok(()));
        assert_eq!(sample.verify_at(SIGNED_AT - 900), Ok(()));
        let skewed = Err(SignatureError::Skewed { seconds_off: 901 });
        assert_eq!(sample.verify_at(SIGNED_AT + 901), skewed);
        assert_eq!(sample.verify_at(SIGNED_AT - 901), skewed);
        assert!(matches!(sample.verify_at(i64::MIN), Err(SignatureError::Skewed { .. })));
        assert!(matches!(sample.verify_at(i64::MAX), Err(SignatureError::Skewed { .. })));
    }
}

#[test]
fn an_absent_or_unreadable_date_is_malformed() {
    let dates = [
        None,
        Some(""),
        Some("20260102T030405"),
        Some("20260102 030405Z"),
        Some("20260102T03040Z5"),
        Some("2026-1-2T030405Z"),
        Some("+2260102T030405Z"),
        Some("20260230T030405Z"),
        Some("20260102T240000Z"),
        Some("20260102T030460Z"),
        Some("20260102T030405Z0"),
        Some("202601023T030405Z"),
        Some("20260102T0304056Z"),
        Some("２０２６T030405Z"),
        Some("Fri, 02 Jan 2026 03:04:05 GMT"),
    ];
    for sample in SAMPLES {
        for date in dates {
            let headers = with_header(&sample, "X-Sdk-Date", date);
            let verdict = Sample { headers: &headers, ..sample }.verify();
            assert_eq!(verdict, Err(Malformation::Date.into()), "{date:?}");
        }
        let twice = [sample.headers, &[("x-sdk-date", "20260102T030405Z")]].concat();
        assert_eq!(Sample { headers: &twice, ..sample }.verify(), Err(Malformation::Date.into()));
    }
}

#[test]
fn an_absent_signed_header_is_malformed() {
    for sample in SAMPLES {
        let headers = with_header(&sample, "Host", None);
        let verdict = Sample { headers: &headers, ..sample }.verify();
        assert_eq!(verdict, Err(Malformation::HeaderAbsent { name: "host".to_owned() }.into()));
    }
}

#[test]
fn the_scope_has_the_date_of_the_request() {
    let authorization = LIST_BY_CREDENTIAL.authorization.replace("/20260102/", "/20260103/");
    let verdict = Sample { authorization: &authorization, ..LIST_BY_CREDENTIAL }.verify();
    assert_eq!(verdict, Err(Malformation::ScopeDate.into()));
}

#[test]
fn a_key_is_named_also_where_the_rest_cannot_be_read() {
    for (header, key) in [
        ("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host", Some("AK")),
        ("SDK-HMAC-SHA256 Credential=AK/20260102///x, Signature=1", Some("AK")),
        ("SDK-HMAC-SHA256 Signature=1, Access=AK", None),
        ("SDK-HMAC-SHA256", None),
    ] {
        assert_eq!(Authorization::claimed_key(header), key, "{header}");
    }
}

// No input panics, and none is accepted by accident.
proptest! {
    #[test]
    fn parsing_never_panics(value in any::<String>(), parts in any::<String>()) {
        let _ = Authorization::parse(&value);
        let _ = Authorization::parse(&format!("SDK-HMAC-SHA256 {parts}"));
        let _ = Authorization::parse(&format!("SDK-HMAC-SHA256 Credential={parts}, SignedHeaders={value}, Signature={value}"));
    }

    #[test]
    fn verifying_never_panics(
        method in any::<String>(),
        path in "\\PC*|(/|%|[0-9a-fA-F+;.]|é)*",
        query in "\\PC*|(&|=|%|[0-9a-fA-F+;]|é)*",
        host in any::<String>(),
        date in "\\PC*|[0-9]{8}T[0-9]{6}Z",
        content_hash in proptest::option::of(any::<String>()),
        body in any::<Vec<u8>>(),
        secret_key in any::<String>(),
        now in any::<i64>(),
    ) {
        for sample in SAMPLES {
            let mut headers = with_header(&sample, "Host", Some(&host));
            headers.extend(content_hash.as_deref().map(|value| ("X-Sdk-Content-Sha256", value)));
            let stranger = Sample { method: &method, path: &path, query: &query, body: &body, headers: &headers, ..sample };
            let authorization = stranger.authorization();
            let verdict = stranger.with_request(|request| authorization.verify(request, &secret_key, SIGNED_AT));
            prop_assert!(verdict.is_err());
            let headers = with_header(&sample, "X-Sdk-Date", Some(&date));
            let verdict = Sample { headers: &headers, ..sample }.verify_at(now);
            prop_assert!(verdict.is_err());
        }
    }
}
