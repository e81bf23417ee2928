//! The query of a search: `words=dragon+sword&price_max=5000&order=ending&page=1`. An unknown key is an error, as in
//! every file of settings: a site that misspells one would be shown everything.

use model::ItemKind;
use model::calls::market::{LotOrder, SearchLots};

/// Longest query in bytes.
const LONGEST: usize = 512;
/// Most words.
const WORDS_MAX: usize = 16;

/// Reads a query, or says in one line what was found and what was expected.
pub(super) fn search(query: &str) -> Result<SearchLots, String> {
    if query.len() > LONGEST {
        return Err(format!("the query has {} bytes; expected at most {LONGEST}", query.len()));
    }
    let mut search = SearchLots::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value).ok_or_else(|| format!("{} is not encoded as a URL is", shown(key)))?;
        let value = value.trim();
        match key {
            _ if value.is_empty() => {}
            "words" if value.split_whitespace().count() > WORDS_MAX => {
                return Err(format!("words has more than {WORDS_MAX} words"));
            }
            "words" => search.words = value.to_owned(),
            "kind" => search.kind = Some(ItemKind(number(key, value)?)),
            "price_min" => search.price_min = Some(number(key, value)?),
            "price_max" => search.price_max = Some(number(key, value)?),
            "page" => search.page = number(key, value)?,
            "order" => search.order = order(value)?,
            other => {
                let expected = "words, kind, price_min, price_max, order or page";
                return Err(format!("found {}, expected {expected}", shown(other)));
            }
        }
    }
    Ok(search)
}

fn order(text: &str) -> Result<LotOrder, String> {
    match text {
        "price" => Ok(LotOrder::Price),
        "price_down" => Ok(LotOrder::PriceDown),
        "ending" => Ok(LotOrder::Ending),
        "name" => Ok(LotOrder::Name),
        other => Err(format!("order is {}; expected price, price_down, ending or name", shown(other))),
    }
}

fn number<T: std::str::FromStr>(key: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{key} is {}; expected a number", shown(text)))
}

fn shown(text: &str) -> String {
    let text: String = text.escape_debug().take(32).collect();
    format!("'{text}'")
}

/// `+` and `%20` are blanks.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                bytes.push(u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_words_a_kind_prices_an_order_and_a_page() {
        let found = search("words=Drag%C3%A3o+sword&kind=412&price_min=5&price_max=900&order=ending&page=2");
        let expected = SearchLots {
            words: "Dragão sword".to_owned(),
            kind: Some(ItemKind(412)),
            price_min: Some(5),
            price_max: Some(900),
            order: LotOrder::Ending,
            page: 2,
        };
        assert_eq!(found, Ok(expected));
        assert_eq!(search(""), Ok(SearchLots::default()));
        assert_eq!(search("words=&kind="), Ok(SearchLots::default()), "a form that was not filled in");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (query, named) in [
            ("word=x", "found 'word', expected words"),
            ("kind=sword", "kind is 'sword'"),
            ("kind=70000", "kind is '70000'"),
            ("page=-1", "page is '-1'"),
            ("order=best", "order is 'best'; expected price"),
            ("words=%zz", "not encoded"),
            ("words=%ff", "not encoded"),
        ] {
            let error = search(query).err().unwrap_or_default();
            assert!(error.contains(named), "{query}: {error}");
        }
        assert!(search(&format!("words={}", "x".repeat(600))).is_err());
        assert!(search(&format!("words={}", "x+".repeat(20))).is_err());
    }
}
