//! What both sides keep, over real databases.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that cannot go on fails"
)]

mod world;

use chrono::{Days, NaiveDate};
use facts::reports::{GroupBy, SalesQuery, SalesReport, StoreLabel};
use facts::{FactsError, chain_months, figures, locks, reports, rollups, sales, sessions, stock};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rust_decimal::Decimal;
use shared_model::registers::{RegisterSessionClosed, TenderCount};
use sqlx::{Connection, Executor};
use world::{Shop, World, day};

fn query(shop: &Shop, group_by: GroupBy) -> SalesQuery {
    SalesQuery {
        from: day(0),
        to: day(2),
        stores: vec![StoreLabel {
            id: shop.place.store_id,
            code: "ST01".to_owned(),
            name: "Oxford Street".to_owned(),
        }],
        group_by,
        currency: "GBP".parse().unwrap(),
        limit: 1_000,
    }
}

#[tokio::test]
async fn hq_s_rollups_equal_the_store_s_facts_to_the_last_digit() {
    let world = World::start().await;
    for seed in [1, 2, 3] {
        let mut shop = Shop::new(seed);
        let place = shop.place;
        let mut store = world.app("store", place.company_id).await;
        let mut hq = world.app("hq", place.company_id).await;
        sessions::open(&mut store, place, &shop.sessions).await.unwrap();
        let sold = shop.sales(120);
        // One by one at the store, in batches of odd sizes at HQ.
        for sale in &sold {
            sales::write(&mut store, place, std::slice::from_ref(sale)).await.unwrap();
        }
        for batch in sold.chunks(37) {
            sales::write(&mut hq, place, batch).await.unwrap();
            rollups::add(&mut hq, place, batch).await.unwrap();
        }
        for group_by in GroupBy::ALL {
            let here =
                reports::from_facts(&mut store, place.company_id, &query(&shop, group_by)).await.unwrap();
            let there =
                reports::from_rollups(&mut hq, place.company_id, &query(&shop, group_by)).await.unwrap();
            assert_eq!(here, there, "seed {seed}, by {}", group_by.as_str());
            let facts_there =
                reports::from_facts(&mut hq, place.company_id, &query(&shop, group_by)).await.unwrap();
            assert_eq!(here, facts_there, "seed {seed}, by {}", group_by.as_str());
            assert!(!here.rows.is_empty());
            adds_up(&here, group_by);
            assert_eq!(here.totals.sales, 120);
            let gross = sold.iter().map(|sale| sale.total.decimal()).sum::<Decimal>();
            assert_eq!(here.totals.gross, gross, "seed {seed}");
        }
        assert_eq!(rollups::differences(&mut hq, place).await.unwrap(), []);
        assert_eq!(stock::differences(&mut hq, place).await.unwrap(), []);
        assert_eq!(stock::differences(&mut store, place).await.unwrap(), []);
    }
}

/// Two shops sell from November into March, the sales arrive in any order, names change from day to day, and the chain's
/// months are added up at any time in between.
#[tokio::test]
async fn any_period_of_any_stores_in_whole_months_and_days_is_what_its_facts_come_to() {
    let world = World::start().await;
    for seed in 21..25 {
        let mut random = StdRng::seed_from_u64(seed);
        let first: NaiveDate = "2025-11-14".parse().unwrap();
        let days: Vec<NaiveDate> =
            (0..120).filter(|_| random.random_bool(0.3)).map(|day| first + Days::new(day)).collect();
        let mut shops = vec![Shop::over(seed, &days)];
        shops.push(shops[0].beside(seed + 100));
        let company = shops[0].place.company_id;
        let mut hq = world.app("hq", company).await;
        let mut batches = Vec::new();
        for shop in &mut shops {
            let mut sold = shop.sales(150);
            for sale in &mut sold {
                for line in &mut sale.lines {
                    line.name = format!("{} since {}", line.name, sale.business_date);
                    line.department_name = format!("{} of {}", line.department_name, sale.business_date);
                }
            }
            sold.shuffle(&mut random);
            batches.extend(sold.chunks(13).map(|batch| (shop.place, batch.to_vec())));
        }
        batches.shuffle(&mut random);
        let end = first + Days::new(120);
        for (at, (place, batch)) in batches.iter().enumerate() {
            sales::write(&mut hq, *place, batch).await.unwrap();
            rollups::add(&mut hq, *place, batch).await.unwrap();
            if random.random_bool(0.3) || at + 1 == batches.len() {
                for month in chain_months::outstanding(&mut hq, company, end, 2).await.unwrap() {
                    chain_months::add_up(&mut hq, company, month).await.unwrap();
                }
            }
            if at % 6 != 5 && at + 1 != batches.len() {
                continue;
            }
            let from = first + Days::new(random.random_range(0..70));
            let to = from + Days::new(random.random_range(0..80));
            for (from, to) in
                [(from, to), (first - Days::new(40), end), ("2025-12-01".parse().unwrap(), to.max(from))]
            {
                for stores in [&shops[..], &shops[..1]] {
                    for group_by in GroupBy::ALL {
                        let mut asked = query(&shops[0], group_by);
                        (asked.from, asked.to) = (from, to);
                        asked.stores = stores
                            .iter()
                            .enumerate()
                            .map(|(at, shop)| StoreLabel {
                                id: shop.place.store_id,
                                code: format!("ST0{at}"),
                                name: format!("Shop {at}"),
                            })
                            .collect();
                        let kept = reports::from_rollups(&mut hq, company, &asked).await.unwrap();
                        let raw = reports::from_facts(&mut hq, company, &asked).await.unwrap();
                        assert_eq!(kept, raw, "seed {seed}, {from} to {to}, by {}", group_by.as_str());
                    }
                }
            }
        }
        for shop in &shops {
            assert_eq!(rollups::differences(&mut hq, shop.place).await.unwrap(), []);
        }
        assert_eq!(chain_months::differences(&mut hq, company).await.unwrap(), []);
    }
}

/// As on a database that took sales before there were figures by month.
#[tokio::test]
async fn the_migration_fills_the_months_from_what_was_kept_before() {
    let world = World::start().await;
    let mut shop = Shop::over(32, &["2026-01-31".parse().unwrap(), "2026-02-10".parse().unwrap()]);
    let place = shop.place;
    let mut hq = world.app("hq", place.company_id).await;
    let sold = shop.sales(60);
    sales::write(&mut hq, place, &sold).await.unwrap();
    rollups::add(&mut hq, place, &sold).await.unwrap();
    let mut owner = world.owner("hq").await;
    owner
        .execute("drop table monthly_sales, daily_totals, chain_month, chain_month_product, chain_day")
        .await
        .unwrap();
    owner.execute(include_str!("../../migrations-hq/0040_monthly_figures.sql")).await.unwrap();
    assert_eq!(rollups::differences(&mut hq, place).await.unwrap(), []);
    let more = shop.sales(20);
    sales::write(&mut hq, place, &more).await.unwrap();
    rollups::add(&mut hq, place, &more).await.unwrap();
    assert_eq!(rollups::differences(&mut hq, place).await.unwrap(), []);
}

#[tokio::test]
async fn the_chain_s_months_are_added_up_when_they_are_over_and_forgotten_when_their_days_are_put_right() {
    let world = World::start().await;
    let mut shop = Shop::over(31, &["2026-01-31".parse().unwrap(), "2026-02-10".parse().unwrap()]);
    let (place, company) = (shop.place, shop.place.company_id);
    let mut hq = world.app("hq", company).await;
    let sold = shop.sales(60);
    sales::write(&mut hq, place, &sold).await.unwrap();
    rollups::add(&mut hq, place, &sold).await.unwrap();
    let january: NaiveDate = "2026-01-01".parse().unwrap();
    let february: NaiveDate = "2026-02-01".parse().unwrap();
    let outstanding = async |hq: &mut sqlx::PgConnection, day: &str| {
        chain_months::outstanding(hq, company, day.parse().unwrap(), 9).await.unwrap()
    };
    assert_eq!(outstanding(&mut hq, "2026-01-31").await, [] as [NaiveDate; 0]);
    assert_eq!(outstanding(&mut hq, "2026-02-20").await, [january]);
    assert_eq!(outstanding(&mut hq, "2026-03-02").await, [february, january]);
    chain_months::add_up(&mut hq, company, january).await.unwrap();
    chain_months::add_up(&mut hq, company, january).await.unwrap();
    assert_eq!(outstanding(&mut hq, "2026-03-02").await, [february]);

    // What is wrong in it is found, what was wrong in its days makes it be forgotten.
    let mut owner = world.owner("hq").await;
    owner.execute("update chain_month_product set gross = gross + 1").await.unwrap();
    assert!(!chain_months::differences(&mut hq, company).await.unwrap().is_empty());
    owner.execute("update chain_month_product set gross = gross - 1").await.unwrap();
    assert_eq!(chain_months::differences(&mut hq, company).await.unwrap(), []);
    owner.execute("update chain_day set sales = sales + 1").await.unwrap();
    let wrong = chain_months::differences(&mut hq, company).await.unwrap();
    assert_eq!(wrong[0].dimension, "the chain's month by day");
    owner.execute("update daily_totals set rounding = rounding + 1").await.unwrap();
    assert!(rollups::recompute(&mut hq, place).await.unwrap() > 0);
    assert_eq!(outstanding(&mut hq, "2026-03-02").await, [february, january]);

    chain_months::add_up(&mut hq, company, january).await.unwrap();
    assert_eq!(chain_months::differences(&mut hq, company).await.unwrap(), []);
    owner.execute("update daily_sales set gross = gross + 1 where dimension = 'product'").await.unwrap();
    assert!(rollups::recompute(&mut hq, place).await.unwrap() > 0);
    assert_eq!(chain_months::differences(&mut hq, company).await.unwrap(), []);
    assert_eq!(outstanding(&mut hq, "2026-03-02").await, [february, january]);
}

/// Where every receipt touches rows that share nothing, the rows come to the totals.
fn adds_up(report: &SalesReport, group_by: GroupBy) {
    let gross: Decimal = report.rows.iter().map(|row| row.gross).sum();
    match group_by {
        GroupBy::Tax => return,
        GroupBy::Tender => {
            assert_eq!(gross, report.totals.gross + report.totals.rounding);
            assert!(
                report
                    .rows
                    .iter()
                    .all(|row| row.net.is_none() && row.tax.is_none() && row.quantity.is_none())
            );
        }
        _ => assert_eq!(gross, report.totals.gross),
    }
    if matches!(group_by, GroupBy::Store | GroupBy::Register | GroupBy::Day | GroupBy::Hour) {
        assert_eq!(report.rows.iter().map(|row| row.sales).sum::<i64>(), report.totals.sales);
    }
}

#[tokio::test]
async fn a_sale_is_read_as_it_was_written() {
    let world = World::start().await;
    let mut shop = Shop::new(11);
    let place = shop.place;
    let mut store = world.app("store", place.company_id).await;
    sessions::open(&mut store, place, &shop.sessions).await.unwrap();
    let sold = shop.sales(20);
    sales::write(&mut store, place, &sold).await.unwrap();
    for sale in &sold {
        let read = sales::read(&mut store, place, sale.id).await.unwrap().unwrap();
        assert_eq!(&read, sale);
        assert_eq!(serde_json::to_string(&read).unwrap(), serde_json::to_string(sale).unwrap());
    }
    let unknown = shop.sale().id;
    assert!(sales::read(&mut store, place, unknown).await.unwrap().is_none());
}

#[tokio::test]
async fn a_kit_moves_the_stock_of_its_parts_and_none_of_its_own() {
    let world = World::start().await;
    let mut shop = Shop::new(5);
    let place = shop.place;
    let mut store = world.app("store", place.company_id).await;
    sessions::open(&mut store, place, &shop.sessions).await.unwrap();
    let mut sale = shop.sales(1).remove(0);
    let part = uuid::Uuid::from_u128(77).into();
    for line in &mut sale.lines {
        line.movement_id = None;
    }
    sale.kit_parts = vec![shared_model::selling::KitPartSold {
        line_id: sale.lines[0].id,
        variant_id: part,
        quantity: "2.5".parse().unwrap(),
        movement_id: Some(uuid::Uuid::from_u128(78).into()),
    }];
    let on_hand = sales::write(&mut store, place, std::slice::from_ref(&sale)).await.unwrap();
    assert_eq!(on_hand.len(), 1);
    assert_eq!(on_hand[&part], Decimal::new(-25, 1));
    assert_eq!(sales::read(&mut store, place, sale.id).await.unwrap(), Some(sale));
}

#[tokio::test]
async fn what_cannot_be_written_says_why_and_writes_nothing() {
    let world = World::start().await;
    let mut shop = Shop::new(12);
    let place = shop.place;
    let mut store = world.app("store", place.company_id).await;
    assert!(matches!(sales::write(&mut store, place, &[shop.sale()]).await, Err(FactsError::SessionUnknown)));
    sessions::open(&mut store, place, &shop.sessions).await.unwrap();
    assert!(matches!(
        sessions::open(&mut store, place, &shop.sessions[..1]).await,
        Err(FactsError::SessionKnown)
    ));
    let (first, other) = (shop.sale(), shop.sale());
    sales::write(&mut store, place, std::slice::from_ref(&first)).await.unwrap();
    let refused = async |store: &mut sqlx::PgConnection,
                         change: &dyn Fn(&mut shared_model::selling::SaleCompleted)| {
        let mut sale = other.clone();
        change(&mut sale);
        // A good one beside it falls with it.
        let refused = sales::write(store, place, &[sale]).await.unwrap_err();
        assert!(refused.is_the_facts_own_fault(), "{refused:?}");
        refused
    };
    let same_id = refused(&mut store, &|sale| sale.id = first.id).await;
    assert!(matches!(same_id, FactsError::SaleKnown), "{same_id:?}");
    let same_number = refused(&mut store, &|sale| {
        sale.series.clone_from(&first.series);
        sale.number = first.number;
    })
    .await;
    assert!(matches!(same_number, FactsError::NumberTaken), "{same_number:?}");
    let same_movement =
        refused(&mut store, &|sale| sale.lines[0].movement_id = first.lines[0].movement_id).await;
    assert!(matches!(same_movement, FactsError::IdTaken { table: "stock_movement" }), "{same_movement:?}");
    let nul = refused(&mut store, &|sale| sale.lines[0].name = "a\0b".to_owned()).await;
    assert!(matches!(nul, FactsError::BadText), "{nul:?}");
    let hour = refused(&mut store, &|sale| sale.local_hour = 24).await;
    assert!(matches!(hour, FactsError::OutOfBounds), "{hour:?}");
    let report =
        reports::from_facts(&mut store, place.company_id, &query(&shop, GroupBy::Store)).await.unwrap();
    assert_eq!(report.totals.sales, 1);
    assert_eq!(report.totals.gross, first.total.decimal());
    assert_eq!(stock::differences(&mut store, place).await.unwrap(), []);
}

#[tokio::test]
async fn a_session_s_figures_are_its_float_and_what_was_kept() {
    let world = World::start().await;
    let mut shop = Shop::new(13);
    let place = shop.place;
    let mut store = world.app("store", place.company_id).await;
    sessions::open(&mut store, place, &shop.sessions).await.unwrap();
    let sold = shop.sales(80);
    sales::write(&mut store, place, &sold).await.unwrap();
    let session = &shop.sessions[4];
    let (cash, code, _) = shop.tenders[0];
    let drawer = figures::FloatTender { id: cash, code: code.to_owned(), name: "CASH".to_owned() };
    let figures = figures::session(&mut store, place, session.id, Some(&drawer)).await.unwrap().unwrap();
    let mine: Vec<_> = sold.iter().filter(|sale| sale.register_session_id == session.id).collect();
    assert_eq!(usize::try_from(figures.sales).unwrap(), mine.len());
    assert_eq!(figures.gross.decimal(), mine.iter().map(|sale| sale.total.decimal()).sum::<Decimal>());
    let kept: Decimal = mine
        .iter()
        .flat_map(|sale| &sale.payments)
        .filter(|payment| payment.tender_id == cash)
        .map(|payment| payment.amount.decimal() - payment.change.decimal())
        .sum();
    let in_drawer = figures.tenders.iter().find(|tender| tender.tender_id == cash).unwrap();
    assert_eq!(in_drawer.kept.decimal(), kept);
    assert_eq!(in_drawer.expected.decimal(), kept + Decimal::from(100));
    let everything: Decimal = figures.tenders.iter().map(|tender| tender.kept.decimal()).sum();
    assert_eq!(everything, figures.gross.decimal() + figures.rounding.decimal());
    let taxes: Decimal = figures.taxes.iter().map(|tax| tax.amount.decimal()).sum();
    assert_eq!(taxes, figures.tax.decimal());

    // A session without a sale has its float.
    let mut quiet = session.clone();
    quiet.id = uuid::Uuid::from_u128(99).into();
    sessions::open(&mut store, place, std::slice::from_ref(&quiet)).await.unwrap();
    let figures = figures::session(&mut store, place, quiet.id, Some(&drawer)).await.unwrap().unwrap();
    assert_eq!(figures.tenders.len(), 1);
    assert_eq!(figures.tenders[0].expected.to_string(), "100.00");
    assert_eq!(figures.gross.to_string(), "0.00");
    assert!(
        figures::session(&mut store, place, uuid::Uuid::from_u128(98).into(), None).await.unwrap().is_none()
    );

    let close = RegisterSessionClosed {
        register_session_id: quiet.id,
        series: quiet.series.clone(),
        z_number: 1,
        business_date: quiet.business_date,
        closed_at: quiet.opened_at,
        closed_by: quiet.opened_by,
        closed_by_name: quiet.opened_by_name.clone(),
        sales: figures.sales,
        net: figures.net,
        tax: figures.tax,
        gross: figures.gross,
        rounding: figures.rounding,
        tenders: figures
            .tenders
            .iter()
            .map(|tender| TenderCount {
                tender_id: tender.tender_id,
                tender_code: tender.tender_code.clone(),
                tender_name: tender.tender_name.clone(),
                payments: tender.payments,
                expected: tender.expected,
                counted: Some(tender.expected),
            })
            .collect(),
    };
    sessions::close(&mut store, place, std::slice::from_ref(&close)).await.unwrap();
    let twice = sessions::close(&mut store, place, std::slice::from_ref(&close)).await;
    assert!(matches!(twice, Err(FactsError::SessionClosedAlready)), "{twice:?}");
    let mut again = close;
    again.register_session_id = session.id;
    assert!(matches!(sessions::close(&mut store, place, &[again]).await, Err(FactsError::ZNumberTaken)));
}

#[tokio::test]
async fn what_was_tampered_with_is_found_and_put_right() {
    let world = World::start().await;
    let mut shop = Shop::new(14);
    let place = shop.place;
    let mut hq = world.app("hq", place.company_id).await;
    let sold = shop.sales(50);
    sales::write(&mut hq, place, &sold).await.unwrap();
    rollups::add(&mut hq, place, &sold).await.unwrap();
    let right =
        reports::from_rollups(&mut hq, place.company_id, &query(&shop, GroupBy::Product)).await.unwrap();

    let mut owner = world.owner("hq").await;
    owner
        .execute(
            "update stock set on_hand = on_hand + 3 where ctid in (select ctid from stock limit 2);
             delete from stock where ctid in (select ctid from stock order by variant_id desc limit 1);
             update daily_sales set gross = gross + 0.01 where dimension = 'product';
             delete from daily_sales where dimension = 'tender';
             update monthly_sales set net = net + 1 where dimension = 'department';
             delete from monthly_sales where dimension = 'hour';
             update daily_totals set tax = tax - 1;
             update hourly_sales set sales = sales + 1 where ctid in (select ctid from hourly_sales limit 1);
             insert into hourly_sales select company_id, store_id, date '2020-01-01', 3, register_id, 'R09', 1, 1, 1, 1, 1, 1
                 from hourly_sales limit 1",
        )
        .await
        .unwrap();
    assert_eq!(stock::differences(&mut hq, place).await.unwrap().len(), 3);
    let differences = rollups::differences(&mut hq, place).await.unwrap();
    assert_eq!(differences.iter().filter(|row| row.dimension == "hour").count(), 2);
    assert_eq!(differences.iter().filter(|row| row.dimension == "day").count(), 3);
    assert_eq!(differences.iter().filter(|row| row.dimension == "month by department").count(), 3);
    assert!(differences.iter().any(|row| row.dimension == "month by hour" && row.kept == "0 0 0 0 0 0"));
    assert!(differences.iter().any(|row| row.dimension == "tender" && row.kept == "0 0 0 0 0 0"));

    assert_eq!(stock::recompute(&mut hq, place).await.unwrap(), 3);
    assert_eq!(rollups::recompute(&mut hq, place).await.unwrap(), differences.len() as u64);
    assert_eq!(stock::differences(&mut hq, place).await.unwrap(), []);
    assert_eq!(rollups::differences(&mut hq, place).await.unwrap(), []);
    let put_right =
        reports::from_rollups(&mut hq, place.company_id, &query(&shop, GroupBy::Product)).await.unwrap();
    assert_eq!(put_right, right);
}

#[tokio::test]
async fn many_registers_at_once_neither_lose_stock_nor_lock_each_other_out() {
    let world = World::start().await;
    let mut shop = Shop::new(15);
    let place = shop.place;
    let mut store = world.app("store", place.company_id).await;
    sessions::open(&mut store, place, &shop.sessions).await.unwrap();
    let mut writers = Vec::new();
    for _ in 0..6 {
        let mine = shop.sales(40);
        let mut conn = world.app("store", place.company_id).await;
        writers.push(tokio::spawn(async move {
            for pair in mine.chunks(2) {
                let mut tx = conn.begin().await.unwrap();
                let on_hand = sales::write(&mut tx, place, pair).await.unwrap();
                assert!(!on_hand.is_empty());
                tx.commit().await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(stock::differences(&mut store, place).await.unwrap(), []);
    let mut tx = store.begin().await.unwrap();
    let sold = shop.sale();
    let variants: Vec<_> = sold.lines.iter().map(|line| line.variant_id).collect();
    let before = locks::stock(&mut tx, place, &variants).await.unwrap();
    let after = sales::write(&mut tx, place, std::slice::from_ref(&sold)).await.unwrap();
    for (variant, on_hand) in after {
        let moved: Decimal = sold
            .lines
            .iter()
            .filter(|line| line.variant_id == variant)
            .map(|line| line.quantity.decimal())
            .sum();
        assert_eq!(on_hand, before.get(&variant).unwrap().on_hand - moved);
    }
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn another_company_sees_and_adds_nothing() {
    let world = World::start().await;
    let mut shop = Shop::new(16);
    let place = shop.place;
    let mut hq = world.app("hq", place.company_id).await;
    let sold = shop.sales(5);
    sales::write(&mut hq, place, &sold).await.unwrap();
    rollups::add(&mut hq, place, &sold).await.unwrap();
    let mut stranger = world.app("hq", uuid::Uuid::from_u128(5).into()).await;
    let seen =
        reports::from_rollups(&mut stranger, place.company_id, &query(&shop, GroupBy::Day)).await.unwrap();
    assert!(seen.rows.is_empty());
    assert_eq!(seen.totals.sales, 0);
    let more = shop.sales(1);
    assert!(sales::write(&mut stranger, place, &more).await.is_err());
    assert!(rollups::add(&mut stranger, place, &more).await.is_err());
}

#[tokio::test]
async fn rows_beyond_the_limit_are_counted_and_stay_in_the_totals() {
    let world = World::start().await;
    let mut shop = Shop::new(17);
    let place = shop.place;
    let mut hq = world.app("hq", place.company_id).await;
    let sold = shop.sales(60);
    sales::write(&mut hq, place, &sold).await.unwrap();
    rollups::add(&mut hq, place, &sold).await.unwrap();
    let mut few = query(&shop, GroupBy::Product);
    few.limit = 4;
    let report = reports::from_rollups(&mut hq, place.company_id, &few).await.unwrap();
    assert_eq!(report, reports::from_facts(&mut hq, place.company_id, &few).await.unwrap());
    assert_eq!(report.rows.len(), 4);
    assert_eq!(report.left_out, Some(5));
    assert_eq!(report.totals.sales, 60);
}

/// Without statistics PostgreSQL takes the youngest of the indexes that look alike; another one than the key's would make
/// each line walk through every sale of the store.
#[tokio::test]
async fn a_line_finds_its_sale_by_the_key_in_a_database_without_statistics() {
    let world = World::start().await;
    for database in ["hq", "store"] {
        let mut conn = world.owner(database).await;
        let plan: Vec<String> = sqlx::query_scalar(
            "explain select 1 from only sale
             where company_id = '0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11' and store_id = '0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11'
                 and id = '0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11' for key share",
        )
        .fetch_all(&mut conn)
        .await
        .unwrap();
        assert!(plan.iter().any(|line| line.contains("sale_pkey")), "{database}: {plan:#?}");
    }
}
