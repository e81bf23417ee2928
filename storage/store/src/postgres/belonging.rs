//! Who is in a guild by its own row, over all shards.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use crate::guild;
use deadpool_postgres::Client;
use model::calls::database::{Belonging, Failure, ListBelonging};
use model::calls::ledger::ENTRIES_MAX;

impl Postgres {
    pub(super) async fn belonging_after(&self, request: &ListBelonging) -> Result<Vec<Belonging>, Failure> {
        let request = ListBelonging { limit: request.limit.clamp(1, ENTRIES_MAX), ..*request };
        let pages = self.everywhere(&request).await?;
        let mut all: Vec<Belonging> = pages.into_iter().flat_map(|(_, page)| page).collect();
        all.sort_by_key(|one| one.character);
        all.truncate(request.limit as usize);
        Ok(all)
    }
}

impl Step for ListBelonging {
    type Outcome = Vec<Belonging>;

    async fn run(&self, client: &mut Client) -> Result<Vec<Belonging>, Fault> {
        // what arrives here, or is not deleted yet, is told by the shard where its bucket is at home
        let sql = "SELECT id, account, name, guild, guild_rank FROM characters WHERE id > $1 AND guild <> 0 \
                   AND EXISTS (SELECT 1 FROM bucket_homes AS home WHERE home.bucket = characters.bucket \
                   AND home.state <= 2) ORDER BY id LIMIT $2";
        let statement = client.prepare_cached(sql).await?;
        let after = i64::try_from(self.after.0).unwrap_or(i64::MAX);
        let found = client.query(&statement, &[&after, &i64::from(self.limit)]).await?;
        Ok(found.iter().map(guild::belonging).collect::<Result<_, _>>()?)
    }
}
