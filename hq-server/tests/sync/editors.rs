//! Editors whose transactions commit in another order than they wrote, while a store pulls.

use std::collections::BTreeMap;

use sqlx::{Connection as _, Executor as _, PgConnection};
use uuid::Uuid;

use crate::world::World;

const ROUNDS: u32 = 1_000;

async fn editor(world: &World) -> PgConnection {
    let mut connection = PgConnection::connect(&world.database.url()).await.unwrap();
    let company = format!("set app.company_id = '{}'", world.demo.id);
    connection.execute(sqlx::AssertSqlSafe(company)).await.unwrap();
    connection
}

/// Two transactions of two records each: the first writes first and commits last. In between `look` reads what a store
/// would.
async fn rounds<L: AsyncFnMut(u32)>(world: &World, pairs: &[[Uuid; 2]; 2], mut look: L) {
    let (mut one, mut two) = (editor(world).await, editor(world).await);
    for round in 0..ROUNDS {
        let (mut late, mut early) = (one.begin().await.unwrap(), two.begin().await.unwrap());
        for (tx, pair) in [(&mut late, &pairs[0]), (&mut early, &pairs[1])] {
            for id in pair {
                sqlx::query("update department set name = $2 where id = $1")
                    .bind(id)
                    .bind(format!("round {round}"))
                    .execute(&mut **tx)
                    .await
                    .unwrap();
            }
        }
        early.commit().await.unwrap();
        look(round).await;
        late.commit().await.unwrap();
        if round % 2 == 1 {
            look(round).await;
        }
    }
}

async fn pairs(world: &World) -> [[Uuid; 2]; 2] {
    let ids: [Uuid; 4] = std::array::from_fn(|_| Uuid::now_v7());
    for (index, id) in ids.iter().enumerate() {
        sqlx::query("insert into department (company_id, id, code, name) values ($1, $2, $3, 'before')")
            .bind(world.demo.id)
            .bind(id)
            .bind(format!("pair-{index}"))
            .execute(world.database.owner())
            .await
            .unwrap();
    }
    [[ids[0], ids[1]], [ids[2], ids[3]]]
}

#[tokio::test]
async fn a_store_that_pulls_misses_nothing_and_never_sees_half_a_transaction() {
    let world = World::new().await;
    let pairs = pairs(&world).await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    let mut names: BTreeMap<Uuid, String> = BTreeMap::new();
    let mut cursor = None;
    let mut seen = 0;
    rounds(&world, &pairs, async |round| {
        let page = world.pull(&till, cursor.as_ref()).await;
        for record in page.records.iter().filter(|record| record.entity == "department") {
            let record = record.record.as_ref().unwrap().get();
            let record: shared_model::catalogue::DepartmentRecord = serde_json::from_str(record).unwrap();
            names.insert(record.id.uuid(), record.name);
            seen += 1;
        }
        cursor = Some(page.tail.next);
        for [a, b] in &pairs {
            assert_eq!(names[a], names[b], "half a transaction in round {round}");
        }
        assert_eq!(names[&pairs[1][0]], format!("round {round}"), "what is committed is there");
    })
    .await;
    for id in pairs.iter().flatten() {
        assert_eq!(names[id], format!("round {}", ROUNDS - 1), "a change was missed");
    }
    assert!(seen >= ROUNDS * 4);
}

/// The classic fault, so that the test above is known to be able to fail: the same editors over a feed whose positions
/// come from a sequence, and a reader that goes on from the last position it has seen.
#[tokio::test]
async fn a_feed_whose_positions_come_from_a_sequence_loses_what_commits_late() {
    let world = World::new().await;
    let pairs = pairs(&world).await;
    world
        .database
        .owner()
        .execute(
            "create sequence plain_position;
             create table plain_feed (entity_id uuid primary key, position bigint not null);
             grant select, insert, update on plain_feed to tradepost_app;
             grant usage on plain_position to tradepost_app;
             create function plain_touch() returns trigger language plpgsql as $$
             begin
                insert into plain_feed values (new.id, nextval('plain_position'))
                    on conflict (entity_id) do update set position = excluded.position;
                return null;
             end
             $$;
             create trigger plain after update on department for each row execute function plain_touch();",
        )
        .await
        .unwrap();
    let mut names: BTreeMap<Uuid, String> = BTreeMap::new();
    let mut last = 0_i64;
    let mut missed = 0;
    rounds(&world, &pairs, async |_| {
        let rows: Vec<(Uuid, i64, String)> = sqlx::query_as(
            "select f.entity_id, f.position, d.name from plain_feed f join department d on d.id = f.entity_id where f.position > $1",
        )
        .bind(last)
        .fetch_all(world.database.owner())
        .await
        .unwrap();
        for (id, position, name) in rows {
            last = last.max(position);
            names.insert(id, name);
        }
        let now: Vec<(Uuid, String)> = sqlx::query_as("select id, name from department where code like 'pair-%'")
            .fetch_all(world.database.owner())
            .await
            .unwrap();
        missed += now.iter().filter(|(id, name)| names.get(id) != Some(name)).count();
    })
    .await;
    assert!(missed > 500, "only {missed} changes were lost");
}
