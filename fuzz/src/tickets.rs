//! What comes after `Authorization: Negotiate`.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use gatehouse::kerberos::Token;

/// Only tokens for web services have the shape of a login; what stands around one changes nothing.
pub fn tickets(data: &[u8]) {
    let header = format!("Negotiate {}", BASE64.encode(data));
    let Ok(token) = Token::from_header(header.as_bytes()) else { return };
    let token = token.unwrap();
    let service = token.ticket().spn.get(..5).map(str::to_ascii_lowercase);
    assert_eq!(service.as_deref(), Some("http/"));

    let spaced = format!(" {}  ", header.replace("Negotiate ", "NEGOTIATE\t "));
    let again = Token::from_header(spaced.as_bytes()).unwrap().unwrap();
    assert_eq!(again.replay_key(), token.replay_key());
    let basic = header.replace("Negotiate", "Basic");
    assert!(Token::from_header(basic.as_bytes()).unwrap().is_none());
}
