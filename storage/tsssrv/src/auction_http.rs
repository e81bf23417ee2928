//! The auction house over HTTP, for web sites: they know their players and act for them.
//!
//! | request | answer |
//! |---|---|
//! | `GET /auctions?words=&kind=&price_min=&price_max=&order=&page=` | 200 `{"lots", "found", "page", "pages"}`; order: `price`, `price_down`, `ending`, `name`; pages of 10, from 0 |
//! | `GET /auctions/{lot}` | 200 the lot, as the store has it now |
//! | `GET /accounts/{account}/auctions` | 200 `{"lots"}`: what the account sells or bids most on |
//! | `GET /accounts/{account}/bank` | 200 `{"account", "gold", "items"}` |
//! | `POST /auctions/{lot}/bid`, `{"operation", "account", "character", "gold"}` | 200 `{"lot", "bank_gold"}` |
//! | `POST /auctions/{lot}/buy`, `{"operation", "account", "price"}` | the same |
//! | `POST /auctions/{lot}/cancel`, `{"operation", "account"}` | the same; `bank_gold` is null |
//! | `POST /auctions`, `{"operation", "account", "character", "slot", "item", "name", "start", "buy_out", "hours"}` | 200 `{"lot", "bank_gold"}`: the item of that bank slot is listed |
//! | without the token, or with another | 401 |
//! | about a lot, an account that there is not | 404 |
//! | with a body or a query that is not that, too long, too slow | 400, 413, 408 |
//! | refused by the rules | 409 `{"error", "reason"}` |
//! | while the store does not answer | 503: nobody knows yet, send the same again |
//!
//! The player may be offline: gold is taken from the account's bank, and gold and goods go there. A lot is shown
//! by its number or its whole id; wishes name the id. An account is named by its name. The operation is the site's own id of the wish, a UUID or 32
//! hexadecimal digits: done once for each account and kind of wish, and one that was refused is never done later.
//! Every wish is a line of the audit log. Account names are shown to nobody: players know each other by characters.
#![allow(clippy::result_large_err, reason = "the error is the answer itself, and is sent at once")]

use crate::market::{Early, Market, SiteDone, SiteOrder, SiteWish};
use crate::settings::Settings;
use axum::extract::{ConnectInfo, Path, RawQuery, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use model::calls::database::{FindAccount, LoadCargo};
use model::calls::market::{LOTS_PER_PAGE, Lot, MarketRefusal, Reply, Request, SearchLots};
use model::{AccountId, AccountName, Item, ItemId, LotId, OperationId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use telemetry::{api, web};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_128;

mod query;

/// Digits of a whole id.
const ID_DIGITS: usize = 16;
/// Longest text in a path.
const NAME_MAX: usize = 64;

/// What the pages need.
#[derive(Clone)]
struct Site {
    market: Arc<Market>,
    settings: settings::Live<Settings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BidBody {
    operation: String,
    account: String,
    character: String,
    gold: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuyBody {
    operation: String,
    account: String,
    price: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    operation: String,
    account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListBody {
    operation: String,
    account: String,
    character: String,
    slot: u8,
    item: String,
    name: String,
    start: i64,
    buy_out: Option<i64>,
    hours: Option<u32>,
}

/// Serves until `stop`.
pub async fn serve(
    market: Arc<Market>,
    settings: settings::Live<Settings>,
    listener: TcpListener,
    stop: CancellationToken,
) {
    let router = Router::new()
        .route("/auctions", get(search).post(list))
        .route("/auctions/{lot}", get(show))
        .route("/auctions/{lot}/bid", post(bid))
        .route("/auctions/{lot}/buy", post(buy))
        .route("/auctions/{lot}/cancel", post(cancel))
        .route("/accounts/{account}/auctions", get(own))
        .route("/accounts/{account}/bank", get(bank))
        .with_state(Site { market, settings });
    web::serve(listener, router, api::BOUNDS, stop).await;
}

type Answer = Result<Response, Response>;

fn either(answer: Answer) -> Response {
    answer.unwrap_or_else(|refusal| refusal)
}

impl Site {
    fn admit(&self, headers: &HeaderMap) -> Result<(), Response> {
        api::admit(headers, &self.settings.get().auctions_token)
    }

    async fn account(&self, name: &str) -> Result<AccountId, Response> {
        let name = AccountName::new(name).map_err(|_| api::no_account())?;
        let found = self.market.store().find_account(FindAccount { key: name.key() }).await;
        let found = found.map_err(|_| api::unavailable())?;
        found.map(|account| account.id).ok_or_else(api::no_account)
    }

    /// The lot that a wish is about: by its whole id, which stands for the same lot when the wish is sent again and
    /// the lot is over.
    fn lot(&self, text: &str) -> Result<LotId, Response> {
        let whole = Some(text).filter(|text| text.len() == ID_DIGITS);
        whole.and_then(|text| text.parse().ok()).ok_or_else(|| {
            api::bad(
                "the lot is no whole id; expected 16 hexadecimal digits, as `lot` of a search shows them",
            )
        })
    }

    async fn ask(&self, request: Request) -> Answer {
        match self.market.handle(request).await {
            Reply::Lots { lots, found } => {
                let lots: Vec<Value> = lots.iter().map(lot_in_json).collect();
                Ok(Json(json!({ "lots": lots, "found": found })).into_response())
            }
            Reply::Refused(why) => Err(refused(&why)),
            _ => Err(api::unavailable()),
        }
    }

    /// Does a wish once, and writes down that it was asked for.
    async fn wish(&self, asked: &Asked<'_>, wish: SiteWish) -> Answer {
        let account = self.account(asked.account).await?;
        let id = api::operation(asked.operation)?;
        let operation = operation(asked.verb, account, id);
        let done = self.market.site(SiteOrder { operation, account }, &wish).await;
        let outcome: String = match &done {
            Ok(SiteDone { lot, .. }) => format!("done: lot {lot}"),
            Err(Early::Refused(why)) => format!("refused: {why}"),
            Err(Early::Unavailable) => "not known yet".to_owned(),
        };
        let (peer, who) = (asked.peer, &self.settings.get().auctions_name);
        tracing::info!(target: "audit", %who, %peer, what = asked.verb, account = asked.account, %operation, site = %format_args!("{id:032x}"), ?wish, outcome, "a web site acts at the auction");
        match done {
            Ok(SiteDone { lot, gold }) => {
                Ok(Json(json!({ "lot": id_of(lot.0), "bank_gold": gold })).into_response())
            }
            Err(Early::Refused(why)) => Err(refused(&why)),
            Err(Early::Unavailable) => Err(api::unavailable()),
        }
    }
}

/// Who asks for what.
struct Asked<'a> {
    verb: &'static str,
    operation: &'a str,
    account: &'a str,
    peer: SocketAddr,
}

/// The operation of a site's id for one account and one kind of wish.
fn operation(verb: &str, account: AccountId, id: u128) -> OperationId {
    let name = format!("auction site {verb} {:016x} {id:032x}", account.0);
    OperationId(xxh3_128(name.as_bytes()))
}

async fn search(State(site): State<Site>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    either(searched(&site, query.as_deref().unwrap_or_default(), &headers).await)
}

async fn searched(site: &Site, query: &str, headers: &HeaderMap) -> Answer {
    site.admit(headers)?;
    let search: SearchLots = query::search(query).map_err(|error| api::bad(&error))?;
    let page = search.page;
    match site.market.handle(Request::SearchLots(search)).await {
        Reply::Lots { lots, found } => {
            let lots: Vec<Value> = lots.iter().map(lot_in_json).collect();
            let pages = found.div_ceil(LOTS_PER_PAGE);
            Ok(Json(json!({ "lots": lots, "found": found, "page": page, "pages": pages })).into_response())
        }
        _ => Err(api::unavailable()),
    }
}

async fn show(State(site): State<Site>, Path(lot): Path<String>, headers: HeaderMap) -> Response {
    let shown = async {
        site.admit(&headers)?;
        match site.market.show_lot(&short(&lot)?).await {
            Ok(lot) => Ok(Json(lot_in_json(&lot)).into_response()),
            Err(Early::Refused(why)) => Err(refused(&why)),
            Err(Early::Unavailable) => Err(api::unavailable()),
        }
    };
    either(shown.await)
}

async fn own(State(site): State<Site>, Path(account): Path<String>, headers: HeaderMap) -> Response {
    let owned = async {
        site.admit(&headers)?;
        let account = site.account(&account).await?;
        site.ask(Request::OwnLots { account }).await
    };
    either(owned.await)
}

async fn bank(State(site): State<Site>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let kept = async {
        site.admit(&headers)?;
        let account = site.account(&name).await?;
        let cargo = site.market.store().load_cargo(LoadCargo { account }).await;
        let cargo = cargo.map_err(|_| api::unavailable())?.ok_or_else(api::no_account)?;
        let slots = cargo.items.iter().enumerate();
        let items: Vec<Value> = slots
            .filter_map(|(slot, item)| item.map(|item| json!({ "slot": slot, "item": item_in_json(&item) })))
            .collect();
        Ok(Json(json!({ "account": name, "gold": cargo.gold, "items": items })).into_response())
    };
    either(kept.await)
}

async fn bid(
    State(site): State<Site>,
    Path(lot): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: HttpRequest,
) -> Response {
    let wished = async {
        let body: BidBody = body(&site, request, "operation, account, character and gold").await?;
        let BidBody { operation, account, character, gold } = body;
        let lot = site.lot(&lot)?;
        let asked = Asked { verb: "bid", operation: &operation, account: &account, peer };
        site.wish(&asked, SiteWish::Bid { lot, gold, character }).await
    };
    either(wished.await)
}

async fn buy(
    State(site): State<Site>,
    Path(lot): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: HttpRequest,
) -> Response {
    let wished = async {
        let body: BuyBody = body(&site, request, "operation, account and price").await?;
        let BuyBody { operation, account, price } = body;
        let lot = site.lot(&lot)?;
        let asked = Asked { verb: "buy", operation: &operation, account: &account, peer };
        site.wish(&asked, SiteWish::Buy { lot, price }).await
    };
    either(wished.await)
}

async fn cancel(
    State(site): State<Site>,
    Path(lot): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: HttpRequest,
) -> Response {
    let wished = async {
        let CancelBody { operation, account } = body(&site, request, "operation and account").await?;
        let lot = site.lot(&lot)?;
        let asked = Asked { verb: "cancel", operation: &operation, account: &account, peer };
        site.wish(&asked, SiteWish::Cancel { lot }).await
    };
    either(wished.await)
}

async fn list(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: HttpRequest,
) -> Response {
    let wished = async {
        let expected =
            "operation, account, character, slot, item, name, start, and buy_out and hours if wanted";
        let body: ListBody = body(&site, request, expected).await?;
        let ListBody { operation, account, character, slot, item, name, start, buy_out, hours } = body;
        let item: ItemId = item.parse().map_err(|_| {
            api::bad("item is no id of an item; expected 32 hexadecimal digits, as the bank shows them")
        })?;
        let asked = Asked { verb: "list", operation: &operation, account: &account, peer };
        site.wish(&asked, SiteWish::List { slot, item, name, character, start, buy_out, hours }).await
    };
    either(wished.await)
}

/// The body of a request that shows the token.
async fn body<T: DeserializeOwned>(site: &Site, request: HttpRequest, expected: &str) -> Result<T, Response> {
    let (head, body) = request.into_parts();
    site.admit(&head.headers)?;
    api::read(body, expected).await
}

/// A name out of a path.
fn short(text: &str) -> Result<String, Response> {
    match text.len() <= NAME_MAX {
        true => Ok(text.to_owned()),
        false => Err(refused(&MarketRefusal::NoSuchLot)),
    }
}

fn id_of(id: u64) -> String {
    format!("{id:016x}")
}

fn item_in_json(item: &Item) -> Value {
    let effects = item.effects.map(|effect| [effect.code, effect.value]);
    json!({ "id": format!("{:032x}", item.id.0), "kind": item.kind.0, "effects": effects })
}

fn lot_in_json(lot: &Lot) -> Value {
    json!({
        "lot": id_of(lot.lot.0),
        "number": lot.number,
        "item": item_in_json(&lot.item),
        "name": lot.name,
        "seller": lot.seller_name,
        "bid": lot.bid.map(|(_, gold)| gold),
        "next_bid": lot.next_bid,
        "buy_out": lot.buy_out,
        "until_ms": lot.until_ms,
    })
}

fn refused(why: &MarketRefusal) -> Response {
    use MarketRefusal as R;
    let (status, reason) = match why {
        R::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
        R::NoSuchLot => (StatusCode::NOT_FOUND, "no_lot"),
        R::Ambiguous => (StatusCode::CONFLICT, "ambiguous"),
        R::BidTooLow(_) => (StatusCode::CONFLICT, "bid_too_low"),
        R::HasBids => (StatusCode::CONFLICT, "has_bids"),
        R::OwnLot => (StatusCode::CONFLICT, "own_lot"),
        R::TooManyLots(_) => (StatusCode::CONFLICT, "too_many_lots"),
        R::NotEnough => (StatusCode::CONFLICT, "not_enough"),
        R::TooMuch => (StatusCode::CONFLICT, "too_much"),
        R::Frozen => (StatusCode::CONFLICT, "frozen"),
        R::ItemGone => (StatusCode::CONFLICT, "item_gone"),
        R::OfferChanged => (StatusCode::CONFLICT, "changed"),
        R::NotDone => (StatusCode::CONFLICT, "not_done"),
        _ => (StatusCode::CONFLICT, "refused"),
    };
    api::refuse(status, &why.to_string(), reason)
}
