//! What matches, and that the index misses nothing that does.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn visit(name: &str, phone: &str, email: &str, table: &str) -> Searchable {
    let contact = Contact {
        name: name.to_owned(),
        phone: phone.to_owned(),
        email: email.to_owned(),
        ..Contact::default()
    };
    // The code 7QK2M9.
    let id = ReservationId(Uuid::from_u128(0b00111_10111_10011_00010_10100_01001));
    Searchable::new(id, &[table.parse().unwrap()], Some(&contact))
}

fn sari() -> Searchable {
    visit("Sari Wulandari", "+6281234567890", "sari.w+meja@example.com", "T4")
}

fn found(visit: &Searchable, query: &str, known: Known) -> bool {
    SearchQuery::parse(query).unwrap().matches(visit, known)
}

#[test]
fn each_word_is_the_beginning_of_something() {
    for (query, expected) in [
        ("sari", true),
        ("SAR", true),
        ("wul sar", true),
        ("sari budi", false),
        ("ari", false),
        ("t4", true),
        ("sari T4", true),
        ("sari t5", false),
        ("7qk2m9", true),
        ("7QK-2M9", true),
        ("7QK2", true),
        ("2m9", true),
        ("7Q", false),
        ("sari.w", true),
        ("meja", true),
        ("sari.w+meja@example.com", true),
        ("SARI.W+meja@exa", true),
        ("sari.w@example.com", false),
        ("example", false),
        ("+62 812 3456 7890", true),
        ("0812-3456-7890", true),
        ("(0812) 34567890", true),
        ("+62 (0) 812 3456", true),
        ("0062 812 34", true),
        ("62812345", true),
        ("81234", true),
        ("0812 3457", false),
        ("0812", true),
        ("081", false),
        ("7890", true),
        ("67890", false),
        ("sari 0812", true),
        ("4 0812 3456", false),
        ("t4 0812 3456 wul", true),
    ] {
        assert_eq!(found(&sari(), query, Known::Beginning), expected, "{query}");
    }
}

#[test]
fn accents_and_scripts_do_not_matter() {
    for (name, query) in [
        ("Jürgen Groß", "jurgen gross"),
        ("Jurgen Gross", "Jürg groß"),
        ("Łukasz Ørsted", "lukasz orsted"),
        ("Nguyễn Thị Ánh", "nguyen anh"),
        ("D'Angelo", "dangelo"),
        ("D'Angelo", "angelo"),
        ("D’Angelo", "d'ang"),
        ("Anne-Marie", "anne-marie"),
        ("Anne-Marie", "marie"),
        ("王小明", "王小"),
        ("王小明", "wang"),
        ("محمد", "محم"),
        ("Ελένη", "ελενη"),
    ] {
        assert!(found(&visit(name, "", "", "1"), query, Known::Whole), "{name} by {query}");
    }
}

#[test]
fn without_the_right_to_read_contacts_only_whole_numbers_and_addresses_are_found() {
    for (query, expected) in [
        ("sari wul t4 7qk2m9", true),
        ("0812 3456 7890", true),
        ("+6281234567890", true),
        ("81234567890", true),
        ("0812 3456 789", false),
        ("7890", false),
        ("sari.w+meja@example.com", true),
        ("sari.w+meja@example.co", false),
        ("meja", false),
    ] {
        assert_eq!(found(&sari(), query, Known::Whole), expected, "{query}");
    }
}

#[test]
fn numbers_of_other_countries_are_found_as_they_are_dialled_there() {
    let italian = visit("A", "+390669884857", "", "1");
    for query in ["06 69884857", "+39 06 6988", "0039 06 69884857", "39066"] {
        assert!(found(&italian, query, Known::Beginning), "{query}");
    }
    let german = visit("A", "+491711234567", "", "1");
    for query in ["0171/1234567", "+49 (0)171 12", "171 1234567"] {
        assert!(found(&german, query, Known::Beginning), "{query}");
    }
}

#[test]
fn a_query_must_have_words_and_not_too_many() {
    assert_eq!(
        SearchQuery::parse(" - "),
        Err("this has no letter and no digit that can be searched for".to_owned())
    );
    let many = SearchQuery::parse("a b c d e f g h i");
    assert_eq!(many, Err("this has 9 words; 8 are allowed".to_owned()));
}

fn keys(visit: &Searchable) -> BTreeSet<(Kind, String)> {
    let mut keys = BTreeSet::new();
    visit.each_key(|kind, text| {
        keys.insert((kind, text.to_owned()));
    });
    keys
}

#[test]
fn a_right_beginning_of_a_number_leads_nowhere_without_the_right_to_read_contacts() {
    let keys_for = |query: &str, known| {
        let query = SearchQuery::parse(query).unwrap();
        query.keys(known).into_iter().flatten().filter(|key| keys(&sari()).contains(key)).count()
    };
    for query in ["0812", "08123456", "081234567", "7890", "meja", "sari.w@exa"] {
        assert_eq!(keys_for(query, Known::Whole), 0, "{query}");
        assert!(keys_for(query, Known::Beginning) > 0, "{query}");
    }
    for query in ["0812 3456 7890", "sari.w+meja@example.com", "sari"] {
        assert!(keys_for(query, Known::Whole) > 0, "{query}");
    }
}

fn query() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-c]{1,3}",
        "[a-c]{10,16}",
        "[0-9]{1,9}",
        "\\+?62 ?81[0-3]{1,9}",
        "0?81[0-3]{1,10}",
        "[a-c]{1,2}[.'+-][a-c]{1,3}(@[a-c]{0,3})?",
        "t[0-9]{0,2}",
        "7[qQ][kK]-?2?[mM]?9?",
        "[oil01]{3,6}",
        "[äöß王]{1,3}",
    ];
    proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The index misses nothing that matches.
    #[test]
    fn a_visit_that_matches_has_a_key_of_each_group(
        name in "[a-c']{1,3}( [a-c]{1,16})?( [äöß王-]{1,3})?",
        phone in "\\+(6281[0-3]{5,9}|390[0-9]{6,8}|1[0-9]{7,10})|",
        email in "([a-c]{1,5}[.+']?[a-c]{1,16}@[a-c]{1,3})?",
        table in "(t[0-9]{1,2}|[a-c]{1,14}|[0-9]{1,4})",
        id in prop_oneof![Just(0b00111_10111_10011_00010_10100_01001), 0_u128..1 << 30],
        query in query(),
    ) {
        let contact = Contact { name, phone, email, ..Contact::default() };
        let visit = Searchable::new(ReservationId(Uuid::from_u128(id)), &[table.parse().unwrap()], Some(&contact));
        let Ok(query) = SearchQuery::parse(&query) else { return Ok(()) };
        let keys = keys(&visit);
        for known in [Known::Beginning, Known::Whole] {
            let groups = query.keys(known);
            let leads = groups.iter().all(|group| group.iter().any(|key| keys.contains(key)));
            if query.matches(&visit, known) {
                prop_assert!(leads, "{:?} has none of {:?}", keys, groups);
            }
        }
    }
}
