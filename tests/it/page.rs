//! Tables of the documentation that test runs fill.

use std::fs;

const BEGIN: &str = "<!-- table -->\n";
const END: &str = "<!-- end of table -->";

/// Proves that a page has a table between its marks. With `ROSTERD_FILL_TABLES` set, it has from then on.
pub fn holds(page: &str, table: &str) {
    let path = format!("{}/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).expect(page);
    let begin = text.find(BEGIN).expect("the page has a mark") + BEGIN.len();
    let end = begin + text[begin..].find(END).expect("the table ends");
    if std::env::var_os("ROSTERD_FILL_TABLES").is_some() {
        fs::write(&path, [&text[..begin], table, &text[end..]].concat()).expect("written");
        return;
    }
    assert_eq!(
        &text[begin..end],
        table,
        "{page}: fill it again with ROSTERD_FILL_TABLES=1 cargo test --test it the_page_of"
    );
}
