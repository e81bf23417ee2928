//! Which tables belong to buckets, read from the database itself: a table with a column `bucket` and a primary
//! key moves, whichever migration made it.

use super::Trouble;
use super::batch::{list, text};
use tokio_postgres::Client;

/// Tables with a bucket that are not of a bucket: the fence, and the map where the metadata shares the database.
const NOT_OF_BUCKETS: [&str; 2] = ["bucket_homes", "buckets"];
/// Tables in which rows wait until their bucket is at home.
const ARRIVING: &str = "arriving_";

/// One table of which rows belong to buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Without a column that the database numbers itself.
    columns: Vec<String>,
    pub(super) key: Vec<String>,
    /// The column that the database numbers itself: such a table is only added to.
    pub(super) numbered: Option<String>,
    /// How long the chain of tables is that it refers to.
    depth: usize,
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Table {
    /// All of them, those that others refer to first.
    pub(super) async fn all(client: &Client) -> Result<Vec<Self>, Trouble> {
        let sql = "SELECT c.relname::text, \
            (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid \
             AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''), \
            (SELECT array_agg(a.attname::text ORDER BY k.place) FROM pg_index i \
             CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place) \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number \
             WHERE i.indrelid = c.oid AND i.indisprimary), \
            (SELECT min(a.attname::text) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> ''), \
            (SELECT array_agg(DISTINCT f.confrelid::regclass::text) FROM pg_constraint f \
             WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) \
            FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
            AND NOT c.relispartition AND NOT starts_with(c.relname, $1) AND NOT c.relname::text = ANY ($2) \
            AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'bucket' \
             AND NOT a.attisdropped) ORDER BY c.relname::text";
        let skipped: Vec<&str> = NOT_OF_BUCKETS.to_vec();
        let mut tables = Vec::new();
        let mut refers: Vec<Vec<String>> = Vec::new();
        for row in client.query(sql, &[&ARRIVING, &skipped]).await? {
            let name: String = row.try_get(0)?;
            let key: Option<Vec<String>> = row.try_get(2)?;
            let Some(key) = key else {
                return Err(Trouble::Impossible(format!("table {name} has buckets and no primary key")));
            };
            refers.push(row.try_get::<_, Option<Vec<String>>>(4)?.unwrap_or_default());
            tables.push(Self { name, columns: row.try_get(1)?, key, numbered: row.try_get(3)?, depth: 0 });
        }
        // as many rounds as the longest chain could have
        for _ in 0..tables.len() {
            let depths: Vec<(String, usize)> =
                tables.iter().map(|table| (table.name.clone(), table.depth)).collect();
            for (table, refers) in tables.iter_mut().zip(&refers) {
                let of = |name: &String| {
                    depths.iter().find(|(other, _)| other == name).map(|(_, depth)| depth + 1)
                };
                table.depth = refers.iter().filter_map(of).max().unwrap_or(0);
            }
        }
        tables.sort_by(|a, b| (a.depth, &a.name).cmp(&(b.depth, &b.name)));
        Ok(tables)
    }

    /// True when its rows wait beside it until the last step.
    pub(super) fn waits(&self) -> bool {
        self.numbered.is_none()
    }

    /// The table itself, as SQL.
    pub(super) fn own(&self) -> String {
        quoted(&self.name)
    }

    /// Where its rows arrive, as SQL.
    pub(super) fn landing(&self) -> String {
        if self.waits() { quoted(&format!("{ARRIVING}{}", self.name)) } else { self.own() }
    }

    fn columns(&self, of: &str) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|column| format!("{of}{}", quoted(column))).collect();
        columns.join(", ")
    }

    /// A number that stands for all that a row says, but for its own number.
    fn digest(&self, of: &str) -> String {
        format!("('x' || substr(md5(ROW({})::text), 1, 16))::bit(64)::bigint::numeric", self.columns(of))
    }

    fn order(&self) -> String {
        self.numbered.as_ref().map(|column| format!(" ORDER BY t.{}", quoted(column))).unwrap_or_default()
    }

    fn same_key(&self) -> String {
        let same = self.key.iter().map(|column| format!("t.{0} = k.{0}", quoted(column)));
        same.collect::<Vec<_>>().join(" AND ")
    }

    /// Makes the table in which rows wait anew.
    pub(super) fn make_landing(&self) -> String {
        let (landing, own) = (self.landing(), self.own());
        let key: Vec<String> = self.key.iter().map(|column| quoted(column)).collect();
        format!(
            "DROP TABLE IF EXISTS {landing}; CREATE TABLE {landing} (LIKE {own}); \
             ALTER TABLE {landing} ADD PRIMARY KEY ({})",
            key.join(", ")
        )
    }

    /// Sends all rows of some buckets.
    pub(super) fn copy_out(&self, buckets: &[i16]) -> String {
        let (columns, own, order, buckets) = (self.columns("t."), self.own(), self.order(), list(buckets));
        format!(
            "COPY (SELECT {columns} FROM {own} AS t WHERE t.bucket = ANY ({buckets}){order}) TO STDOUT (FORMAT binary)"
        )
    }

    /// How many rows of some buckets there are.
    pub(super) fn count_of(&self, buckets: &[i16]) -> String {
        format!("SELECT count(*) FROM {} WHERE bucket = ANY ({})", self.own(), list(buckets))
    }

    /// Takes rows in.
    pub(super) fn copy_in(&self) -> String {
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.landing(), self.columns(""))
    }

    /// Rows and digest of some buckets.
    pub(super) fn digest_of(&self, relation: &str, buckets: &[i16]) -> String {
        let (digest, buckets) = (self.digest("t."), list(buckets));
        format!(
            "SELECT count(*), COALESCE(sum({digest}), 0) FROM {relation} AS t WHERE t.bucket = ANY ({buckets})"
        )
    }

    /// Rows with these keys (a JSON list) in some buckets, as JSON, and their digests.
    pub(super) fn rows_of_keys(&self, keys: &str, buckets: &[i16]) -> String {
        let (keys, buckets) = (text(keys), list(buckets));
        let (own, digest, same, order) = (self.own(), self.digest("t."), self.same_key(), self.order());
        format!(
            "SELECT to_jsonb(t)::text, {digest} FROM {own} AS t \
             JOIN jsonb_populate_recordset(NULL::{own}, {keys}::jsonb) AS k ON {same} \
             WHERE t.bucket = ANY ({buckets}){order}"
        )
    }

    /// Takes out what arrived under these keys (a JSON list).
    pub(super) fn forget_keys(&self, keys: &str) -> String {
        let (own, landing, same, keys) = (self.own(), self.landing(), self.same_key(), text(keys));
        format!(
            "DELETE FROM {landing} AS t USING jsonb_populate_recordset(NULL::{own}, {keys}::jsonb) AS k WHERE {same}"
        )
    }

    /// Takes rows in (a JSON list), and tells their digests.
    pub(super) fn take_rows(&self, rows: &str) -> String {
        let rows = text(rows);
        let (own, landing, columns, given) =
            (self.own(), self.landing(), self.columns(""), self.columns("k."));
        let digest = self.digest("");
        format!(
            "INSERT INTO {landing} ({columns}) \
             SELECT {given} FROM jsonb_populate_recordset(NULL::{own}, {rows}::jsonb) AS k RETURNING {digest}"
        )
    }

    /// What waited becomes what is.
    pub(super) fn settle(&self, buckets: &[i16]) -> String {
        let (own, landing, columns, buckets) = (self.own(), self.landing(), self.columns(""), list(buckets));
        format!(
            "WITH waited AS (DELETE FROM {landing} WHERE bucket = ANY ({buckets}) RETURNING {columns}) \
             INSERT INTO {own} ({columns}) SELECT {columns} FROM waited"
        )
    }

    /// Deletes all rows of buckets.
    pub(super) fn leave(&self, buckets: &[i16]) -> String {
        format!("DELETE FROM {} WHERE bucket = ANY ({})", self.own(), list(buckets))
    }

    /// Deletes some rows of buckets.
    pub(super) fn delete_some(&self, relation: &str, buckets: &[i16], limit: u64) -> String {
        let buckets = list(buckets);
        let key: Vec<String> = self.key.iter().map(|column| quoted(column)).collect();
        let (key, same) = (key.join(", "), self.same_key());
        format!(
            "WITH k AS (SELECT {key} FROM {relation} WHERE bucket = ANY ({buckets}) LIMIT {limit}) \
             DELETE FROM {relation} AS t USING k WHERE {same}"
        )
    }

    /// The trigger that logs changes, with its arguments.
    pub(super) fn make_trigger(&self) -> String {
        let mut arguments = vec![text(&self.name)];
        arguments.extend(self.key.iter().map(|column| text(column)));
        format!(
            "CREATE TRIGGER bucket_change AFTER INSERT OR UPDATE OR DELETE ON {} \
             FOR EACH ROW EXECUTE FUNCTION log_bucket_change({})",
            self.own(),
            arguments.join(", ")
        )
    }
}
