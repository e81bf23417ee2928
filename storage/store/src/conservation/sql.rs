//! The statements of both databases. Only what a row is hashed by, and how new entries are found, differs.

use crate::ledger::within_retention;
use std::sync::LazyLock;

/// What differs between the databases.
pub(crate) struct Dialect {
    /// A number out of some values, evenly spread.
    pub(crate) hash: fn(&str) -> String,
    /// Kinds of purses as the type of the column.
    pub(crate) carried: &'static str,
    pub(crate) banked: &'static str,
    /// Rows of the ledger that are new, from `FROM` on.
    pub(crate) news: &'static str,
}

/// All statements of a database.
pub(crate) struct Statements {
    /// What new entries come to, by bucket.
    pub(crate) news: String,
    /// Buckets with a row that is not as the newest of the new entries says.
    pub(crate) touched: String,
    /// What rows come to, by bucket; the first bucket and the last one.
    pub(crate) rows: String,
    /// What all entries come to, by bucket, in one line or several; the first bucket and the last one. The only one that
    /// reads what was written long ago.
    pub(crate) base: String,
}

/// PostgreSQL: the lower and the upper ends of the gaps.
pub(crate) static POSTGRES: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of(&Dialect {
        hash: |values| format!("hash_record_extended(ROW({values}), 0)"),
        carried: "2::smallint",
        banked: "3::smallint",
        news: "FROM unnest($1::bigint[], $2::bigint[]) AS gap (low, high) \
               JOIN ledger ON ledger.entry BETWEEN gap.low AND gap.high \
               WHERE EXISTS (SELECT 1 FROM bucket_homes AS home WHERE home.bucket = ledger.bucket AND home.state <= 2)",
    })
});

/// SQLite: the last entry that was seen.
pub(crate) static SQLITE: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of(&Dialect {
        hash: |values| format!("conservation_hash({values})"),
        carried: "2",
        banked: "3",
        news: "FROM ledger WHERE entry > $1",
    })
});

impl Statements {
    fn of(dialect: &Dialect) -> Self {
        let book = book(dialect.hash);
        let (news, hash) = (dialect.news, dialect.hash);
        Self {
            news: format!("SELECT bucket, {book} {news} GROUP BY bucket"),
            base: base(&book, hash),
            rows: rows(hash, dialect.carried, dialect.banked),
            touched: touched(news),
        }
    }
}

/// What entries come to: items, gold, cash, digest. What is elsewhere (kind 8) is not here.
fn book(hash: fn(&str) -> String) -> String {
    let side = |is: &str| {
        format!("(CASE WHEN to_kind {is} THEN 1 ELSE 0 END - CASE WHEN from_kind {is} THEN 1 ELSE 0 END)")
    };
    let sum = |what: &str, side: &str| {
        format!("CAST(sum(CASE WHEN {what} IS NULL THEN 0 ELSE {side} END) AS BIGINT)")
    };
    // what is empty is nothing, whether it has a row or not
    let digest = |item: &str, of_item: &str, of_gold: &str, kind: &str, balance: &str| {
        let (item_hash, gold_hash) = (hash(of_item), hash(of_gold));
        format!(
            "sum(CASE WHEN item IS NOT NULL AND {item} THEN {item_hash} \
             WHEN amount IS NOT NULL AND {kind} <> 8 AND {balance} <> 0 THEN {gold_hash} ELSE 0 END)"
        )
    };
    let after = digest(
        "to_kind <> 8",
        "item, kind, effects_after, to_kind, to_owner, to_slot",
        "to_kind, to_owner, to_balance",
        "to_kind",
        "to_balance",
    );
    let before = digest(
        "from_kind <> 8",
        "item, kind, effects_before, from_kind, from_owner, from_slot",
        "from_kind, from_owner, from_balance + amount",
        "from_kind",
        "(from_balance + amount)",
    );
    let receiver_before = digest(
        "1 = 0",
        "to_kind",
        "to_kind, to_owner, to_balance - amount",
        "to_kind",
        "(to_balance - amount)",
    );
    let giver_after =
        digest("1 = 0", "from_kind", "from_kind, from_owner, from_balance", "from_kind", "from_balance");
    format!(
        "{}, {}, {}, CAST({after} + {giver_after} - {before} - {receiver_before} AS TEXT)",
        sum("item", &side("<> 8")),
        sum("amount", &format!("amount * {}", side("NOT IN (8, 9)"))),
        sum("amount", &format!("amount * {}", side("= 9"))),
    )
}

/// What all entries come to: those past the retention by what they led to.
fn base(book: &str, hash: fn(&str) -> String) -> String {
    let item = hash("item, kind, effects, place_kind, place_owner, place_slot");
    let purse = hash("kind, owner, balance");
    let within = within_retention!();
    format!(
        "SELECT bucket, {book} FROM ledger WHERE bucket BETWEEN $1 AND $2 AND {within} GROUP BY bucket \
         UNION ALL SELECT bucket, count(*), 0, 0, CAST(sum({item}) AS TEXT) \
         FROM ledger_base_items WHERE bucket BETWEEN $1 AND $2 GROUP BY bucket \
         UNION ALL SELECT bucket, 0, CAST(sum(CASE WHEN kind = 9 THEN 0 ELSE balance END) AS BIGINT), \
         CAST(sum(CASE WHEN kind = 9 THEN balance ELSE 0 END) AS BIGINT), CAST(sum({purse}) AS TEXT) \
         FROM ledger_base_purses WHERE balance <> 0 AND bucket BETWEEN $1 AND $2 GROUP BY bucket"
    )
}

/// What rows come to, in the same columns; a bucket may have several lines.
fn rows(hash: fn(&str) -> String, carried: &str, banked: &str) -> String {
    let item = hash("id, kind, effects, place_kind, place_owner, place_slot");
    let of_character = hash(&format!("{carried}, id, gold"));
    let of_account = hash(&format!("{banked}, id, cargo_gold"));
    let purse = hash("kind, owner, balance");
    format!(
        "SELECT bucket, count(*), 0, 0, CAST(sum({item}) AS TEXT) \
         FROM items WHERE bucket BETWEEN $1 AND $2 GROUP BY bucket \
         UNION ALL SELECT bucket, 0, CAST(sum(gold) AS BIGINT), 0, CAST(sum({of_character}) AS TEXT) \
         FROM characters WHERE gold <> 0 AND bucket BETWEEN $1 AND $2 GROUP BY bucket \
         UNION ALL SELECT bucket, 0, CAST(sum(cargo_gold) AS BIGINT), 0, CAST(sum({of_account}) AS TEXT) \
         FROM accounts WHERE cargo_gold <> 0 AND bucket BETWEEN $1 AND $2 GROUP BY bucket \
         UNION ALL SELECT bucket, 0, CAST(sum(CASE WHEN kind = 9 THEN 0 ELSE balance END) AS BIGINT), \
         CAST(sum(CASE WHEN kind = 9 THEN balance ELSE 0 END) AS BIGINT), CAST(sum({purse}) AS TEXT) \
         FROM purses WHERE balance <> 0 AND bucket BETWEEN $1 AND $2 GROUP BY bucket"
    )
}

/// The newest entry of an item or a purse is the one with the highest number.
fn touched(news: &str) -> String {
    format!(
        "WITH news AS (SELECT entry, bucket, item, kind, effects_after, from_kind, from_owner, from_balance, \
         to_kind, to_owner, to_slot, to_balance, amount {news}), \
         lives AS (SELECT news.*, row_number() OVER (PARTITION BY bucket, item ORDER BY entry DESC) AS nth \
         FROM news WHERE item IS NOT NULL), \
         sides AS (SELECT entry, bucket, from_kind AS kind, from_owner AS owner, from_balance AS balance FROM news \
         WHERE amount IS NOT NULL AND from_kind <> 8 \
         UNION ALL SELECT entry, bucket, to_kind, to_owner, to_balance FROM news \
         WHERE amount IS NOT NULL AND to_kind <> 8), \
         held AS (SELECT sides.*, row_number() OVER (PARTITION BY bucket, kind, owner ORDER BY entry DESC) AS nth FROM sides) \
         SELECT lives.bucket FROM lives LEFT JOIN items ON items.id = lives.item AND items.bucket = lives.bucket \
         WHERE nth = 1 AND CASE WHEN to_kind <> 8 THEN items.id IS NULL OR items.kind <> lives.kind \
         OR effects <> effects_after OR place_kind <> to_kind OR place_owner <> to_owner OR place_slot <> to_slot \
         ELSE items.id IS NOT NULL END \
         UNION SELECT held.bucket FROM held WHERE nth = 1 AND balance <> COALESCE(CASE held.kind \
         WHEN 2 THEN (SELECT gold FROM characters AS c WHERE c.id = held.owner AND c.bucket = held.bucket) \
         WHEN 3 THEN (SELECT cargo_gold FROM accounts AS a WHERE a.id = held.owner AND a.bucket = held.bucket) \
         ELSE (SELECT p.balance FROM purses AS p \
         WHERE p.kind = held.kind AND p.owner = held.owner AND p.bucket = held.bucket) END, 0)"
    )
}
