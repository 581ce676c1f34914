//! What older releases journalled is taken by this one.

use std::path::PathBuf;

use serde_json::Value;

use crate::world::World;

#[tokio::test]
async fn what_was_journalled_once_is_taken_for_ever() {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journalled"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let world = World::new().await;
        let mut till = world.boxed("demo", world.demo.stores[0]).await;
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in &files {
            let entry: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let version = i32::try_from(entry["version"].as_i64().unwrap()).unwrap();
            till.write_version(entry["kind"].as_str().unwrap(), version, &entry["payload"]);
            let last = till.journal.last_mut().unwrap();
            last.business_date = entry["payload"]["business_date"].as_str().unwrap().parse().unwrap();
            last.occurred_at = format!("{}T12:00:00Z", last.business_date).parse().unwrap();
        }
        till.rehash();
        let answer = world.push(&till, 1, files.len()).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let aside: Vec<(i64, String)> =
            sqlx::query_as("select sequence, reason from incident order by sequence")
                .fetch_all(world.database.owner())
                .await
                .unwrap();
        assert!(aside.is_empty(), "{}: {aside:#?}", folder.display());
        let documents = i64::try_from(files.len()).unwrap() - 2;
        assert_eq!(world.figure("select count(*) from sale").await, documents);
        assert_eq!(world.figure("select count(*) from register_session_close").await, 1);
    }
}
