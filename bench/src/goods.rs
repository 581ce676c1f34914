//! A hundred thousand products: imported at HQ, sent to a store that is there and to one that begins, and searched.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use chain::Chain;
use chain::api::{Api, Secret};
use chain::founding::{COMPANY, PASSWORD, in_house_ean};
use chain::goods::Goods;
use chain::processes::{Server, binary};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, Row};

use crate::measure::{Runs, per_second};
use crate::table::{Goal, Table};
use crate::{STORE, baseline, memory};

/// The tables that a product is made of.
const TABLES: [&str; 4] = ["product", "variant", "barcode", "price"];
const DATABASE: &str = "bench_goods";
const SEARCHES: usize = 400;

pub(crate) async fn import_bootstrap_search(
    table: &mut Table,
    chain: &Chain,
    folder: &Path,
    products: usize,
    say: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    say("importing");
    let hq = chain.at_hq().await?;
    let csv = csv(products)?;
    let begun = Instant::now();
    hq.post_bytes("/api/v1/import/products", "text/csv", csv.into_bytes()).await?;
    let imported = begun.elapsed();

    say("until the store that is there has them");
    let begun = Instant::now();
    caught_up(chain, chain.store(STORE)?).await?;
    table.alone(
        &format!("{products} new products at a running store"),
        begun.elapsed().as_secs_f64(),
        "s",
        None,
    );

    say("the same rows by COPY");
    let mut own = baseline::connect(&chain.hq, "hq").await?;
    let mut tables = Vec::new();
    for name in
        ["company", "price_level", "store", "tax", "tax_group", "department"].into_iter().chain(TABLES)
    {
        tables.push((name, baseline::rows(&mut own, name).await?));
    }
    own.close().await?;
    let mut bare = baseline::make(&chain.hq, DATABASE, &baseline::HQ).await?;
    let mut copied = Duration::ZERO;
    let mut tx = bare.begin().await?;
    for (name, rows) in &tables {
        let begun = Instant::now();
        baseline::put(&mut tx, name, rows).await?;
        if TABLES.contains(name) {
            copied += begun.elapsed();
        }
    }
    let begun = Instant::now();
    tx.commit().await?;
    copied += begun.elapsed();
    bare.close().await?;
    let mut conn = baseline::connect(&chain.hq, "postgres").await?;
    conn.execute("drop database bench_goods with (force)").await?;
    conn.close().await?;
    let copy =
        (per_second(products, copied), "COPY of the same rows into the same tables, feed's triggers on");
    table.against(
        &format!("import of {products} products"),
        per_second(products, imported),
        "/s",
        copy,
        None,
    );
    if let Some(mib) = memory::most_resident(&chain.hq) {
        table.alone("the most that HQ's server held, import included", mib, "MiB", Some(Goal::AtMost(500.0)));
    }

    say("a store begins");
    let (mut second, bootstrapped) = begin_store(chain, &hq, folder).await?;
    let plain = plain_copy(chain, &second).await?;
    table.against(
        &format!("bootstrap of {products} products"),
        per_second(products, bootstrapped),
        "/s",
        (per_second(products, plain), "COPY from HQ's tables into the store's with their indexes"),
        Some(Goal::AtLeast(0.5)),
    );
    if let Some(mib) = memory::most_resident(&second) {
        table.alone("the most that the store's server held meanwhile", mib, "MiB", None);
    }

    say("searching");
    second.run(&["password", "--login", "manager", "--password-stdin"], PASSWORD).await?;
    search(table, &second).await?;
    if let Some(mib) = memory::resident(&second) {
        table.alone("the store's server after the searches, resident", mib, "MiB", None);
    }
    second.stop().await
}

fn csv(products: usize) -> Result<String> {
    let goods = Goods::read()?;
    let mut csv = String::from("sku,name,department_code,price,barcodes\n");
    for number in 0..products {
        let good = goods.goods.get(number % goods.goods.len()).context("no goods")?;
        let name = good.name.replace('"', "\"\"");
        let barcode = in_house_ean(1_000_000 + number);
        let _ = writeln!(
            csv,
            "B{number:06},\"{name} No. {number}\",{},{},{barcode}",
            good.department, good.price
        );
    }
    Ok(csv)
}

/// Waits until a store shows what HQ shows now.
async fn caught_up(chain: &Chain, store: &Server) -> Result<()> {
    let mut hq = baseline::connect(&chain.hq, "hq").await?;
    let head: i64 = sqlx::query_scalar("select max(position) from feed_head").fetch_one(&mut hq).await?;
    let until = Instant::now() + Duration::from_mins(10);
    while Instant::now() < until {
        if let Ok(mut conn) = baseline::connect(store, "store").await {
            let applied: Option<i64> = sqlx::query_scalar("select position from checkpoint")
                .fetch_optional(&mut conn)
                .await
                .unwrap_or_default();
            if applied.is_some_and(|applied| applied >= head) {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("{} has not caught up with HQ within ten minutes", store.name)
}

/// Makes a store at HQ and starts its server on an empty disk; how long until it shows what HQ shows, without the time in
/// which its PostgreSQL was made.
async fn begin_store(chain: &Chain, hq: &Api, folder: &Path) -> Result<(Server, Duration)> {
    let body =
        json!({"code": "ST09", "name": "Camden Market", "time_zone": "Europe/London", "currency": "GBP"});
    let made = hq.post("/api/v1/stores", &body).await?;
    let id = made.get("id").and_then(Value::as_str).ok_or_else(|| anyhow!("no id in {made}"))?;
    let users = hq.get("/api/v1/users?limit=100").await?;
    let roles = hq.get("/api/v1/roles?limit=100").await?;
    let named = |list: &Value, field: &str, wanted: &str| -> Result<String> {
        let items = list.get("items").and_then(Value::as_array).context("a list without items")?;
        items
            .iter()
            .find(|item| item.get(field).and_then(Value::as_str) == Some(wanted))
            .and_then(|item| item.get("id").and_then(Value::as_str))
            .map(str::to_owned)
            .ok_or_else(|| anyhow!("no {wanted} in {list}"))
    };
    let manager = named(&users, "login", "manager")?;
    let role = named(&roles, "code", "store-manager")?;
    hq.patch(&format!("/api/v1/users/{manager}"), &json!({"stores": [{"store_id": id, "role_id": role}]}))
        .await?;
    let answer = hq.post(&format!("/api/v1/stores/{id}/enrol-code"), &json!({})).await?;
    let code = answer.get("code").and_then(Value::as_str).ok_or_else(|| anyhow!("no code in {answer}"))?;
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let environment = [
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", port.to_string()),
        ("HQ_URL", chain.hq.address.clone()),
        ("STORE_CODE", code.to_owned()),
        ("LOG", "warn".to_owned()),
    ];
    let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut store = Server::new("ST09", binary("store-server")?, folder.join("ST09"), port, environment);
    store.start()?;
    store.wait("live").await?;
    let begun = Instant::now();
    caught_up(chain, &store).await?;
    Ok((store, begun.elapsed()))
}

/// How long it takes to copy the products' rows out of HQ's tables and into tables like the store's, with their indexes.
async fn plain_copy(chain: &Chain, store: &Server) -> Result<Duration> {
    let mut hq = baseline::connect(&chain.hq, "hq").await?;
    let mut bare = baseline::make(store, DATABASE, &baseline::STORE).await?;
    let mut own = baseline::connect(store, "store").await?;
    let mut took = Duration::ZERO;
    for name in TABLES {
        // The same columns on both sides; a record says `archived` where HQ has a time.
        let columns: Vec<String> = sqlx::query(
            "select column_name::text from information_schema.columns
             where table_schema = 'from_hq' and table_name = $1 and is_generated = 'NEVER' order by ordinal_position",
        )
        .bind(name)
        .fetch_all(&mut own)
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
        let selected: Vec<&str> = columns
            .iter()
            .map(|column| match column.as_str() {
                "archived" => "archived_at is not null",
                "deleted" => "false",
                other => other,
            })
            .collect();
        let begun = Instant::now();
        let rows = baseline::rows(&mut hq, &format!("(select {} from {name})", selected.join(", "))).await?;
        baseline::put(&mut bare, &format!("from_hq.{name} ({})", columns.join(", ")), &rows).await?;
        took += begun.elapsed();
    }
    bare.close().await?;
    let mut conn = baseline::connect(store, "postgres").await?;
    conn.execute("drop database bench_goods with (force)").await?;
    Ok(took)
}

async fn search(table: &mut Table, store: &Server) -> Result<()> {
    let manager =
        Api::sign_in(&store.address, &format!("manager@{COMPANY}"), Secret::Password(PASSWORD.to_owned()))
            .await?;
    let goods = Goods::read()?;
    let words: Vec<String> = goods
        .goods
        .iter()
        .filter_map(|good| good.name.split_whitespace().nth(1).map(str::to_lowercase))
        .filter(|word| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
        .take(SEARCHES)
        .collect();
    let mut conn = baseline::connect(store, "store").await?;
    let (mut ours, mut by_hand) = (Runs::default(), Runs::default());
    for word in &words {
        let begun = Instant::now();
        manager.get(&format!("/api/v1/products?q={word}&limit=20")).await?;
        ours.push(begun.elapsed());
        let begun = Instant::now();
        sqlx::query(
            "select id, name from from_hq.product
             where latinised(search_name) like latinised('% ' || folded($1) || '%') and not deleted and not archived
             order by search_name collate \"C\", id limit 20",
        )
        .bind(word)
        .fetch_all(&mut conn)
        .await?;
        by_hand.push(begun.elapsed());
    }
    table.alone("product search, what 99 % do not exceed", ours.within(990), "ms", Some(Goal::AtMost(30.0)));
    table.against(
        "the same, half of them",
        ours.within(500),
        "ms",
        (by_hand.within(500), "pg_trgm query by hand"),
        None,
    );
    Ok(())
}
