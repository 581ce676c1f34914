//! A department tree for a gift shop, and the words by which its goods find their place.

/// One department: its code, name, parent and whether UK VAT is zero there (in the demo's approximation).
pub struct Department {
    /// Its code.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The one above.
    pub parent: Option<&'static str>,
    /// Zero-rated.
    pub zero_rated: bool,
}

const fn root(code: &'static str, name: &'static str) -> Department {
    Department { code, name, parent: None, zero_rated: false }
}

const fn under(parent: &'static str, code: &'static str, name: &'static str) -> Department {
    Department { code, name, parent: Some(parent), zero_rated: false }
}

const fn zero(parent: &'static str, code: &'static str, name: &'static str) -> Department {
    Department { code, name, parent: Some(parent), zero_rated: true }
}

/// Parents before their children.
pub const DEPARTMENTS: &[Department] = &[
    root("kitchen", "Kitchen and table"),
    under("kitchen", "mugs", "Mugs and cups"),
    under("kitchen", "baking", "Baking and cake"),
    under("kitchen", "tableware", "Plates, bowls and cutlery"),
    under("kitchen", "lunch", "Lunch boxes and bottles"),
    under("kitchen", "kitchen-linen", "Aprons and tea towels"),
    root("home", "Home"),
    under("home", "candles", "Candles and lights"),
    under("home", "clocks", "Clocks and mirrors"),
    under("home", "frames", "Frames and pictures"),
    under("home", "signs", "Signs and hooks"),
    under("home", "storage", "Boxes, tins and drawers"),
    under("home", "textiles", "Cushions and throws"),
    under("home", "ornaments", "Ornaments"),
    root("garden", "Garden and outdoors"),
    root("paper", "Paper and party"),
    under("paper", "cards", "Cards and wrap"),
    under("paper", "stationery", "Stationery"),
    under("paper", "party", "Party"),
    root("bags", "Bags and travel"),
    root("jewellery", "Jewellery and accessories"),
    root("seasonal", "Christmas and Easter"),
    root("young", "Books and children"),
    zero("young", "books", "Books"),
    zero("young", "children", "Children's goods"),
    root("gifts", "Other gifts"),
];

/// The first row of which a word stands in the name decides; narrow words come before wide ones.
const WORDS: &[(&str, &[&str])] = &[
    (
        "seasonal",
        &["christmas", "xmas", "easter", "advent", "reindeer", "santa", "snowman", "bauble", "nativity"],
    ),
    ("bags", &["bag", "luggage", "passport", "suitcase", "purse", "tote", "shopper", "travel"]),
    ("lunch", &["lunch", "bottle", "flask", "snack", "picnic"]),
    (
        "baking",
        &[
            "cake",
            "baking",
            "cookie",
            "cutter",
            "jelly",
            "mould",
            "muffin",
            "bake",
            "recipe",
            "measuring",
            "mixing",
        ],
    ),
    ("mugs", &["mug", "cup", "teapot", "tea set", "coffee", "saucer"]),
    ("kitchen-linen", &["apron", "tea towel", "oven glove", "pot holder", "napkin", "tablecloth"]),
    (
        "tableware",
        &[
            "plate", "bowl", "cutlery", "spoon", "tray", "jug", "glass", "dish", "placemat", "coaster",
            "egg", "jar", "pantry", "kitchen",
        ],
    ),
    (
        "jewellery",
        &[
            "necklace", "bracelet", "earring", "ring", "brooch", "bead", "hair", "jewel", "bangle", "scarf",
            "umbrella", "charm", "pendant",
        ],
    ),
    ("books", &["book", "diary"]),
    (
        "children",
        &[
            "child",
            "kid",
            "toy",
            "baby",
            "doll",
            "game",
            "playhouse",
            "girl",
            "boy",
            "soldier",
            "circus",
            "dolly",
            "skittle",
            "puppet",
            "rabbit",
        ],
    ),
    ("candles", &["candle", "t-light", "light", "lantern", "lamp", "incense", "holder"]),
    ("clocks", &["clock", "mirror"]),
    ("frames", &["frame", "picture", "photo", "canvas", "poster", "print"]),
    ("signs", &["sign", "hook", "hanger", "door", "knob", "doormat"]),
    ("storage", &["box", "tin", "drawer", "basket", "crate", "cabinet", "rack", "storage", "chest", "stand"]),
    (
        "textiles",
        &[
            "cushion",
            "throw",
            "blanket",
            "quilt",
            "pillow",
            "hot water",
            "curtain",
            "rug",
            "fabric",
            "sewing",
            "knit",
        ],
    ),
    ("garden", &["garden", "plant", "flower", "bird", "watering", "parasol", "herb", "seed", "pot"]),
    ("cards", &["card", "wrap", "ribbon", "gift tape", "tag", "envelope"]),
    (
        "stationery",
        &[
            "pen",
            "pencil",
            "notebook",
            "paper",
            "ruler",
            "eraser",
            "stamp",
            "sticker",
            "tape",
            "magnet",
            "calculator",
            "chalk",
        ],
    ),
    ("party", &["party", "bunting", "balloon", "banner", "garland", "paper chain", "confetti", "cocktail"]),
    (
        "ornaments",
        &["heart", "ornament", "decoration", "angel", "butterfly", "figure", "vase", "wreath", "star"],
    ),
];

/// The department of a product by its name.
#[must_use]
pub fn of(name: &str) -> &'static str {
    let name = name.to_lowercase();
    WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| name.contains(word)))
        .map_or("gifts", |(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_to_a_department_that_exists() {
        for (code, _) in WORDS {
            assert!(DEPARTMENTS.iter().any(|department| department.code == *code), "{code}");
        }
    }

    #[test]
    fn parents_come_before_their_children() {
        for (place, department) in DEPARTMENTS.iter().enumerate() {
            if let Some(parent) = department.parent {
                assert!(DEPARTMENTS[..place].iter().any(|other| other.code == parent), "{}", department.code);
            }
        }
    }
}
