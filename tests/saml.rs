//! Responses made when the test runs, good and hostile, each with the verdict it must get.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use chrono::{DateTime, TimeDelta, Utc};
use gatehouse::{
    clock::Clock,
    saml::{
        Assertion, Expectations, IdentityProvider, RequestId, ResponseError, ServiceProvider,
        decode_post, judge, self_test,
    },
};
use tempfile::TempDir;

const IDP: &str = "https://idp.example.test/metadata";
const SP: &str = "https://sp.example.test/saml/metadata";
const ACS: &str = "https://sp.example.test/saml/acs";

/// Every response, and what must become of it: the identity of a good one, the code of a bad one.
const VERDICTS: &str = include_str!("data/saml/verdicts.txt");

/// A directory of responses, with the metadata of who signed them.
pub struct Vectors {
    dir: TempDir,
}

impl Vectors {
    /// Runs the generators. The times in the responses are relative to now.
    pub fn generate(generators: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["idp", "sp", "evil"] {
            let (key, crt) = (format!("{name}.key"), format!("{name}.crt"));
            let subject = format!("/CN={name}");
            let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
            run(Command::new("openssl")
                .args(arguments)
                .args(["-keyout", &key, "-out", &crt, "-subj", &subject])
                .current_dir(dir.path()));
        }
        for generator in generators {
            let script =
                Path::new("tests/data/saml/generate").join(generator).canonicalize().unwrap();
            run(Command::new("/usr/bin/python3")
                .args(["-B", "-W", "ignore"])
                .arg(script)
                .env("SAMLV", format!("{}/", dir.path().display())));
        }
        Self { dir }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn idp(&self, metadata: &str) -> IdentityProvider {
        let metadata = fs::read(self.dir.path().join(metadata)).unwrap();
        IdentityProvider::from_metadata(&metadata, IDP, now()).unwrap()
    }

    /// Every response, by name.
    fn responses(&self) -> BTreeMap<String, PathBuf> {
        ["x", "x4", "x6"]
            .iter()
            .filter_map(|sub| fs::read_dir(self.dir.path().join(sub)).ok())
            .flatten()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
            .collect()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(&self.responses()[name]).unwrap()
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {problem} (have you run `make setup`?)");
}

fn now() -> DateTime<Utc> {
    Clock::System.now()
}

fn sp() -> ServiceProvider {
    ServiceProvider::new(SP.to_owned(), ACS.parse().unwrap())
}

fn expectations() -> Expectations<'static> {
    Expectations { request_id: Some("req1"), clock_skew: TimeDelta::seconds(60), allow_sha1: false }
}

fn verdict(response: &[u8], idp: &IdentityProvider) -> Result<Assertion, ResponseError> {
    judge(response, idp, &sp(), &expectations(), now())
}

fn in_words(verdict: &Result<Assertion, ResponseError>) -> String {
    match verdict {
        Ok(assertion) => format!("accepted {}", assertion.name_id.value),
        Err(refusal) => refusal.code().to_owned(),
    }
}

const ALL: [&str; 4] =
    ["signatures.py", "variations.py", "empty_issuer.py", "published_attacks.py"];

#[test]
fn every_good_response_is_accepted_and_every_hostile_one_refused() {
    let vectors = Vectors::generate(&ALL);
    let idp = vectors.idp("idp_md.xml");
    let mut expected: BTreeMap<&str, &str> = VERDICTS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .filter_map(|line| line.split_once(": "))
        .collect();
    let mut wrong = Vec::new();
    for (name, path) in vectors.responses() {
        let found = in_words(&verdict(&fs::read(path).unwrap(), &idp));
        let wanted = expected.remove(name.as_str()).unwrap_or("(no verdict is written down)");
        if found != wanted {
            wrong.push(format!("{name}: {found}\n    wanted: {wanted}"));
        }
    }
    wrong.extend(expected.keys().map(|name| format!("{name}: was not generated")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_accepted_response_says_who_and_which_groups() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let idp = vectors.idp("idp_md.xml");
    for name in ["ok_assertion", "ok_response", "ok_both"] {
        let assertion = verdict(&vectors.read(name), &idp).unwrap();
        assert_eq!(assertion.name_id.value, "alice@example.test");
        assert_eq!(assertion.attributes.len(), 1);
        assert_eq!(assertion.attributes[0].name, "groups");
        assert_eq!(assertion.attributes[0].values, ["g1", "g2"]);
        assert_eq!(
            (assertion.id.as_str(), assertion.session_index.as_deref()),
            ("_ass1", Some("_s1"))
        );
        assert!(assertion.replay_until > now() + TimeDelta::minutes(5));
    }
}

#[test]
fn a_response_that_answers_no_request_is_taken_only_where_none_was_sent() {
    let vectors = Vectors::generate(&["signatures.py", "variations.py"]);
    let idp = vectors.idp("idp_md.xml");
    let unsolicited = Expectations { request_id: None, ..expectations() };
    let judged = |name| judge(&vectors.read(name), &idp, &sp(), &unsolicited, now());
    assert!(judged("f_no_irt_as").is_ok());
    assert_eq!(judged("ok_both").unwrap_err().code(), "request-mismatch");
}

#[test]
fn any_certificate_of_the_metadata_will_do_and_no_other() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let rollover = vectors.idp("idp_md2.xml");
    assert!(verdict(&vectors.read("ok_both"), &rollover).is_ok());
    assert!(verdict(&vectors.read("evilkey"), &rollover).is_ok(), "it is the new key here");
    assert_eq!(
        in_words(&verdict(&vectors.read("evilkey"), &vectors.idp("idp_md.xml"))),
        "signature-invalid"
    );
}

#[test]
fn sha1_is_believed_only_where_it_is_allowed() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let idp = vectors.idp("idp_md.xml");
    let lenient = Expectations { allow_sha1: true, ..expectations() };
    assert!(judge(&vectors.read("sha1_assertion"), &idp, &sp(), &lenient, now()).is_ok());
}

#[test]
fn no_change_of_a_byte_makes_another_identity() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let idp = vectors.idp("idp_md.xml");
    let good = vectors.read("ok_assertion");
    for index in (0..good.len()).step_by(7) {
        for change in [1, 0x20, 0x80] {
            let mut changed = good.clone();
            changed[index] ^= change;
            if let Ok(assertion) = verdict(&changed, &idp) {
                assert_eq!(assertion.name_id.value, "alice@example.test", "byte {index}");
                assert_eq!(assertion.attributes[0].values, ["g1", "g2"], "byte {index}");
            }
        }
        assert!(verdict(&good[..index], &idp).is_err());
    }
}

#[test]
fn what_is_deep_or_large_is_refused() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let idp = vectors.idp("idp_md.xml");
    let good = String::from_utf8(vectors.read("ok_assertion")).unwrap();
    let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    let inside = good.replace("</saml:Subject>", &format!("{deep}</saml:Subject>"));
    assert!(verdict(inside.as_bytes(), &idp).is_err());
    let large = format!("{good}{}", " ".repeat(3 * 1024 * 1024));
    assert_eq!(verdict(large.as_bytes(), &idp).unwrap_err().code(), "too-large");
}

#[test]
fn metadata_without_a_name_a_certificate_or_an_address_is_refused() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let good = fs::read_to_string(vectors.dir.path().join("idp_md.xml")).unwrap();
    let none = fs::read_to_string(vectors.dir.path().join("idp_md0.xml")).unwrap();
    let problem = |text: &str| {
        IdentityProvider::from_metadata(text.as_bytes(), IDP, now()).unwrap_err().to_string()
    };
    let aggregate = |inner: &str| {
        format!(
            r#"<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">{inner}</md:EntitiesDescriptor>"#
        )
    };
    assert!(IdentityProvider::from_metadata(aggregate(&good).as_bytes(), IDP, now()).is_ok());
    assert!(problem(&none).contains("no certificate"));
    assert!(
        problem(&good.replace(IDP, "https://other")).contains("describes no identity provider")
    );
    assert!(problem(&aggregate(&format!("{good}{good}"))).contains("more than once"));
    assert!(
        problem(&good.replace("https://idp.example.test/sso", "http://idp.example.test/sso"))
            .contains("https")
    );
    assert!(
        problem(&good.replace(" entityID=", " validUntil=\"2020-01-01T00:00:00Z\" entityID="))
            .contains("2020")
    );
    assert!(problem(&good.replace("MII", "MIJ")).contains("cannot be read"));
    assert!(problem("<!DOCTYPE a><a/>").contains("not well-formed"));
    assert!(problem("no xml").contains("not well-formed"));
}

#[test]
fn a_request_goes_where_the_metadata_says_with_a_fresh_id() {
    let vectors = Vectors::generate(&[]);
    run(Command::new("/usr/bin/python3")
        .args(["-B", "-c", "from build import *; md()"])
        .env("PYTHONPATH", "tests/data/saml/generate")
        .env("SAMLV", format!("{}/", vectors.dir.path().display())));
    let path = vectors.dir.path().join("idp_md.xml");
    let metadata = fs::read_to_string(&path).unwrap().replace("/sso\"", "/sso?idpid=C0\"");
    let idp = IdentityProvider::from_metadata(metadata.as_bytes(), IDP, now()).unwrap();

    let (one, other) = (RequestId::random(), RequestId::random());
    assert_ne!(one, other);
    assert_eq!(one.as_str().len(), 33);
    let url = sp().authn_request_url(&idp, &one, "handle", now());
    assert!(
        url.as_str().starts_with("https://idp.example.test/sso?idpid=C0&SAMLRequest="),
        "{url}"
    );
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query["RelayState"], "handle");
    let packed = decode_post(&query["SAMLRequest"]).unwrap();
    let mut request = String::new();
    let mut inflate = flate2::read::DeflateDecoder::new(&packed[..]);
    std::io::Read::read_to_string(&mut inflate, &mut request).unwrap();
    assert!(request.contains(&format!("ID=\"{one}\"")), "{request}");
    assert!(request.contains(ACS) && request.contains(SP), "{request}");
    roxmltree::Document::parse(&request).unwrap();
    roxmltree::Document::parse(&sp().metadata()).unwrap();
}

#[test]
fn the_self_test_passes() {
    self_test().unwrap();
}

/// The child of the next test: judges every response in a directory, and says when it begins.
#[test]
#[ignore = "is run by the test that watches it"]
#[expect(clippy::disallowed_methods, reason = "the parent says where the responses are")]
fn judges_while_being_watched() {
    let dir = std::env::var("GATEHOUSE_RESPONSES").unwrap();
    let metadata = fs::read(Path::new(&dir).join("idp_md.xml")).unwrap();
    let idp = IdentityProvider::from_metadata(&metadata, IDP, now()).unwrap();
    let mut responses = Vec::new();
    for sub in ["x", "x4", "x6"] {
        for entry in fs::read_dir(Path::new(&dir).join(sub)).unwrap() {
            responses.push(fs::read(entry.unwrap().path()).unwrap());
        }
    }
    // The first judgement loads the libraries' own settings; what comes after is what is watched.
    let _ = self_test();
    let _ = fs::metadata("/gatehouse-begins-to-judge");
    for response in &responses {
        let _ = verdict(response, &idp);
        // The gate apart, nothing a response says may reach a file or a host.
        let text = String::from_utf8_lossy(response);
        for uri in ["file:///etc/hostname", "http://127.0.0.1:18080/"] {
            let _ =
                verdict(text.replace("URI=\"#_ass1\"", &format!("URI=\"{uri}\"")).as_bytes(), &idp);
        }
    }
    let _ = fs::metadata("/gatehouse-has-judged");
}

#[test]
fn judging_opens_no_file_and_no_connection() {
    let vectors = Vectors::generate(&ALL);
    let trace = vectors.dir.path().join("trace");
    run(Command::new("strace")
        .args(["-f", "-e", "trace=network,%file", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "saml::judges_while_being_watched"])
        .env("GATEHOUSE_RESPONSES", vectors.dir.path()));
    let trace = fs::read_to_string(trace).unwrap();
    let (_, judging) = trace.split_once("gatehouse-begins-to-judge").unwrap();
    let (judging, _) = judging.split_once("gatehouse-has-judged").unwrap();
    // glibc asks the kernel once how memory is given out; the last line begins the call that ends it.
    let calls: Vec<&str> =
        judging.lines().skip(1).filter(|call| !call.contains("overcommit_memory")).collect();
    assert_eq!(calls.len(), 1, "{}", calls.join("\n"));
}
