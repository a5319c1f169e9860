//! What people are called. A few are what real directories have and programs stumble over.

use crate::support::clouds::chance::Chance;

const GIVEN: [&str; 24] = [
    "Ada",
    "Björn",
    "Chloé",
    "Dmitri",
    "Elif",
    "Fatima",
    "Grace",
    "Haruto",
    "Ingrid",
    "José",
    "Katarzyna",
    "Liam",
    "Mei",
    "Noor",
    "Olu",
    "Priya",
    "Quentin",
    "Rosa",
    "Søren",
    "Thandiwe",
    "Uma",
    "Vusi",
    "Wren",
    "Zoë",
];
const FAMILY: [&str; 24] = [
    "Ångström",
    "Bianchi",
    "Çelik",
    "Dubois",
    "Eriksen",
    "Fernández",
    "García",
    "Hopper",
    "Iyer",
    "Jansen",
    "Kowalska",
    "Lovelace",
    "Müller",
    "Nguyễn",
    "Okafor",
    "Petrović",
    "Quinn",
    "Rossi",
    "Smith",
    "Tanaka",
    "Umarov",
    "Virtanen",
    "Wójcik",
    "Zhang",
];

/// A given name, a family name, and the two in plain letters.
pub struct Name {
    pub given: String,
    pub family: String,
    pub plain: String,
}

impl Name {
    pub fn any(chance: &mut Chance) -> Self {
        let (given, family) = (chance.pick(&GIVEN), chance.pick(&FAMILY));
        let plain = format!("{}.{}", plain(given), plain(family));
        Self { given: given.to_owned(), family: family.to_owned(), plain }
    }
}

/// What remains of a name in an address.
pub fn plain(name: &str) -> String {
    let letter = |c: char| match c {
        'å' | 'Å' | 'á' => "a",
        'ç' | 'Ç' | 'ć' => "c",
        'é' | 'ễ' | 'ë' => "e",
        'í' => "i",
        'ö' | 'ø' | 'ó' => "o",
        'ü' => "u",
        _ => "",
    };
    let plain = |c: char| {
        let kept = c.is_ascii_alphanumeric().then(|| c.to_ascii_lowercase().to_string());
        kept.unwrap_or_else(|| letter(c).to_owned())
    };
    name.chars().map(plain).collect()
}

/// Long, from right to left, with a letter in two pieces, with what is not one character, and with blanks around it.
pub const ODD: [&str; 8] = [
    "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff Adolph Charles David Earl Frederick Gerald \
     Irvin John Kenneth Lloyd Martin Nero Oliver Paul Quincy Randolph Sherman Thomas Uncas Victor \
     William Xerxes Yancy Zeus and as many more as fit into two hundred and fifty-",
    "مريم الفاسي",
    "Zoe\u{308} A\u{30a}ngstro\u{308}m",
    "👩‍👩‍👧 Family account",
    " Grace  Hopper ",
    "İpek Iğdır",
    "O'Brien, Seán \"Sé\" <sean@example.com>",
    "王 小明 (外部)",
];
