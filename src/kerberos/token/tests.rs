use proptest::prelude::*;

use super::*;
use crate::kerberos::der::element;

fn string(text: &str) -> Vec<u8> {
    element(der::GENERAL_STRING, text.as_bytes())
}

fn number(value: u8) -> Vec<u8> {
    element(der::INTEGER, &[value])
}

fn sequence(fields: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let fields: Vec<_> =
        fields.iter().flat_map(|(number, field)| element(der::field(*number), field)).collect();
    element(der::SEQUENCE, &fields)
}

fn encrypted(cipher: &[u8]) -> Vec<u8> {
    sequence(&[(0, number(18)), (1, number(2)), (2, element(der::OCTET_STRING, cipher))])
}

/// The fields of an AP-REQ for `service`/`host`, with nothing real in its encrypted parts.
fn ap_req_fields(service: &str, authenticator: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let names = element(der::SEQUENCE, &[string(service), string("jira.example.test")].concat());
    let ticket = sequence(&[
        (0, number(5)),
        (1, string("EXAMPLE.TEST")),
        (2, sequence(&[(0, number(2)), (1, names)])),
        (3, encrypted(&[7; 300])),
    ]);
    vec![
        (0, number(5)),
        (1, number(14)),
        (2, element(der::BIT_STRING, &[0; 5])),
        (3, element(der::application(1), &ticket)),
        (4, encrypted(authenticator)),
    ]
}

fn framed(mechanism: &[u8], inner: &[u8]) -> Vec<u8> {
    let oid = element(der::OBJECT_IDENTIFIER, mechanism);
    element(der::application(0), &[&oid, inner].concat())
}

fn context_token(fields: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let message = element(der::application(14), &sequence(fields));
    framed(KERBEROS, &[&[1, 0], &message[..]].concat())
}

fn bare() -> Vec<u8> {
    context_token(&ap_req_fields("HTTP", b"authenticator"))
}

fn wrapped(mechanisms: &[&[u8]], token: Option<&[u8]>) -> Vec<u8> {
    let list: Vec<_> =
        mechanisms.iter().flat_map(|oid| element(der::OBJECT_IDENTIFIER, oid)).collect();
    let mut fields = vec![(0, element(der::SEQUENCE, &list))];
    fields.extend(token.map(|token| (2, element(der::OCTET_STRING, token))));
    framed(SPNEGO, &element(der::field(0), &sequence(&fields)))
}

/// A token that passes the first door.
pub(in crate::kerberos) fn sample() -> Token {
    Token::classify(&bare()).unwrap()
}

fn code(token: &[u8]) -> &'static str {
    Token::classify(token).unwrap_err().code()
}

const MS_KERBEROS: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";

#[test]
fn reads_the_clear_part_of_a_ticket() {
    let token = sample();
    let text = token.ticket().to_string();
    assert_eq!(text, "HTTP/jira.example.test@EXAMPLE.TEST kvno 2 aes256-cts-hmac-sha1-96");
    assert_eq!(token.context_token(), bare());
    assert!(!format!("{token:?}").contains("96, 130"), "no bytes of it in a log");
}

#[test]
fn what_is_around_an_authenticator_changes_neither_its_replay_key_nor_what_the_library_gets() {
    for mechanisms in [&[KERBEROS][..], &[MS_KERBEROS, KERBEROS, NTLM], &[KERBEROS, NTLM]] {
        let token = Token::classify(&wrapped(mechanisms, Some(&bare()))).unwrap();
        assert_eq!(token.replay_key(), sample().replay_key());
        assert_eq!(token.context_token(), bare());
    }
    // Nothing protects the options; whoever replays a token could change them.
    let mut fields = ap_req_fields("HTTP", b"authenticator");
    fields[2].1 = element(der::BIT_STRING, &[0, 0x20, 0, 0, 0]);
    let options = Token::classify(&context_token(&fields)).unwrap();
    assert_eq!(options.replay_key(), sample().replay_key());

    let other = context_token(&ap_req_fields("HTTP", b"Authenticator"));
    assert_ne!(Token::classify(&other).unwrap().replay_key(), sample().replay_key());
}

#[test]
fn ntlm_is_known_in_every_dress() {
    let message = b"NTLMSSP\0\x01\0\0\0";
    let ntlm = |wrapped, message_type| NegotiateError::Ntlm { wrapped, message_type };
    let error = |token: &[u8]| Token::classify(token).unwrap_err();
    assert_eq!(error(message), ntlm(false, Some(1)));
    assert_eq!(error(b"NTLMSSP\0\x03"), ntlm(false, None));
    assert_eq!(error(&wrapped(&[NTLM], Some(message))), ntlm(true, Some(1)));
    assert_eq!(error(&wrapped(&[KERBEROS, NTLM], Some(message))), ntlm(true, Some(1)));
    assert_eq!(error(&wrapped(&[NTLM], None)), ntlm(true, None));
}

#[test]
fn only_kerberos_as_the_first_choice_passes() {
    assert_eq!(code(&wrapped(&[b"\x2b\x06\x01\x05\x02\x05"], Some(b"x"))), "no-kerberos-offered");
    assert_eq!(code(&wrapped(&[], Some(&bare()))), "no-kerberos-offered");
    assert_eq!(code(&wrapped(&[NTLM, KERBEROS], Some(&bare()))), "many-steps");
    assert_eq!(code(&wrapped(&[KERBEROS], None)), "many-steps");
    assert_eq!(code(&wrapped(&[KERBEROS; 17], Some(&bare()))), "token-malformed");
    assert_eq!(code(&[0xa1, 0]), "continuation-token");
    assert_eq!(code(b""), "token-empty");
    let nested = wrapped(&[KERBEROS], Some(&wrapped(&[KERBEROS], Some(&bare()))));
    assert_eq!(code(&nested), "token-malformed");
}

#[test]
fn only_web_services_pass() {
    let error = Token::classify(&context_token(&ap_req_fields("host", b"x"))).unwrap_err();
    assert!(error.to_string().contains("host/jira.example.test@EXAMPLE.TEST"), "{error}");
    assert!(matches!(error, NegotiateError::NotForHttp(_)));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let fields = ap_req_fields("HTTP", b"authenticator");
    let other = (4, encrypted(b"another"));

    let twice = [&fields[..], std::slice::from_ref(&other)].concat();
    let swapped = [&fields[..3], &[other], &fields[3..]].concat();
    let unknown = [&fields[..], &[(5, number(1))]].concat();
    for fields in [twice, swapped, unknown, fields[..4].to_vec()] {
        assert_eq!(code(&context_token(&fields)), "token-malformed");
    }
    for trailing in
        [[&bare()[..], &[0]].concat(), [&wrapped(&[KERBEROS], Some(&bare()))[..], &[0]].concat()]
    {
        assert_eq!(code(&trailing), "token-malformed");
    }
    for service in ["", "HT\nTP", "a/b", &"x".repeat(301)] {
        assert_eq!(code(&context_token(&ap_req_fields(service, b"x"))), "token-malformed");
    }
}

#[test]
fn reads_the_header_as_http_has_it() {
    let value = BASE64.encode(bare());
    for scheme in ["Negotiate", "negotiate", "NEGOTIATE "] {
        let header = format!("{scheme} {value} ");
        assert!(Token::from_header(header.as_bytes()).unwrap().is_some());
    }
    for other in ["", "Basic YTpi", "Bearer x", "Negotiated x", "NTLM TlRMTVNTUAAB"] {
        assert!(Token::from_header(other.as_bytes()).unwrap().is_none(), "{other}");
    }
    let code = |header: String| Token::from_header(header.as_bytes()).unwrap_err().code();
    assert_eq!(code("Negotiate".to_owned()), "token-empty");
    assert_eq!(code("Negotiate \t".to_owned()), "token-empty");
    assert_eq!(code("Negotiate !!".to_owned()), "token-not-base64");
    assert_eq!(code(format!("Negotiate {value} {value}")), "token-not-base64");
    assert_eq!(code(format!("Negotiate {}", "A".repeat(MAX_HEADER_BYTES))), "token-too-large");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = Token::classify(&bytes);
        let _ = Token::from_header(&bytes);
        let _ = Token::classify(&framed(KERBEROS, &bytes));
        let _ = Token::classify(&framed(SPNEGO, &bytes));
    }

    #[test]
    fn no_mutation_makes_it_panic(at in 0_usize..700, octet: u8, cut in 0_usize..700) {
        let mut token = wrapped(&[MS_KERBEROS, KERBEROS], Some(&bare()));
        let at = at % token.len();
        token[at] = octet;
        let _ = Token::classify(&token);
        token.truncate(cut);
        prop_assert!(cut >= token.len() || Token::classify(&token).is_err());
    }
}
