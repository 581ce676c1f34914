//! How a box becomes a store, and stops being one.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use chrono::TimeDelta;
use ed25519_dalek::{Signature, SigningKey, Verifier as _, VerifyingKey};
use hkdf::Hkdf;
use serde_json::json;
use sha2::Sha256;
use sync_protocol::wire::{EnrolAnswer, SEAL_INFO, TimeAnswer, time_message};
use uuid::Uuid;

use crate::world::{World, enrolment, get, post};

#[tokio::test]
async fn a_code_is_good_once_and_the_same_request_gets_the_same_answer() {
    let world = World::new().await;
    let token = world.sign_in("demo").await;
    let code = world.code(&token, world.demo.stores[0]).await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let request = enrolment(&code, &key, Uuid::from_u128(1));
    let first = world.enrol(&request).await;
    assert_eq!(first.status, 200, "{}", first.json());
    let again = world.enrol(&request).await;
    for field in ["company_id", "store_id", "store_code", "incarnation", "letter", "key_id", "hq_key"] {
        assert_eq!(first.json()[field], again.json()[field], "{field}");
    }
    let other = SigningKey::from_bytes(&[2; 32]);
    assert_eq!(world.enrol(&enrolment(&code, &other, Uuid::from_u128(1))).await.status, 403);
    assert_eq!(world.enrol(&enrolment(&code, &key, Uuid::from_u128(2))).await.status, 403);
    assert_eq!(world.figure("select count(*) from store_key").await, 1);
    // Once it has delivered something, the same request comes from a box that has lost its database.
    sqlx::query("update journal_watermark set sequence = 1").execute(world.database.owner()).await.unwrap();
    assert_eq!(world.enrol(&request).await.status, 403);
}

#[tokio::test]
async fn the_pepper_opens_with_the_stores_key_and_with_no_other() {
    let world = World::new().await;
    let token = world.sign_in("demo").await;
    let code = world.code(&token, world.demo.stores[0]).await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let answer = world.enrol(&enrolment(&code, &key, Uuid::from_u128(1))).await;
    let answer: EnrolAnswer = serde_json::from_slice(&answer.bytes).unwrap();
    let open = |secret: [u8; 32]| {
        let secret = x25519_dalek::StaticSecret::from(secret);
        let (ephemeral, sealed) = answer.sealed_pepper.0.split_first_chunk::<32>().unwrap();
        let shared = secret.diffie_hellman(&x25519_dalek::PublicKey::from(*ephemeral));
        let own = x25519_dalek::PublicKey::from(&secret);
        let mut opener = [0; 32];
        let info = [SEAL_INFO, ephemeral, own.as_bytes()].concat();
        Hkdf::<Sha256>::new(None, shared.as_bytes()).expand(&info, &mut opener).unwrap();
        Aes256Gcm::new(&opener.into()).decrypt(&Nonce::from([0; 12]), sealed)
    };
    assert_eq!(open([1; 32]).unwrap().len(), 32);
    assert!(open([2; 32]).is_err());
}

#[tokio::test]
async fn a_new_code_ends_the_former_key_and_begins_a_life_with_the_next_letter() {
    let world = World::new().await;
    let store = world.demo.stores[0];
    let former = world.boxed("demo", store).await;
    assert_eq!(world.feed(&former, None).await.status, 200);
    let latter = world.boxed("demo", store).await;
    assert_eq!(world.feed(&former, None).await.status, 401);
    assert_eq!(world.feed(&latter, None).await.status, 200);
    let letters: Vec<String> =
        sqlx::query_scalar("select letter from store_key order by enrolled_at, letter")
            .fetch_all(world.database.owner())
            .await
            .unwrap();
    assert_eq!(letters, ["", "B"]);
}

#[tokio::test]
async fn after_a_restore_of_hq_a_new_life_has_a_letter_that_no_receipt_bears() {
    let world = World::new().await;
    let store = world.demo.stores[0];
    let mut first = world.boxed("demo", store).await;
    first.open_session(Uuid::now_v7());
    assert_eq!(world.push(&first, 1, 1).await.status, 200);
    // HQ is put back to before that enrolment; other stores gave back what they had, and this one's session is here.
    let mut owner = world.database.owner().acquire().await.unwrap();
    for statement in [
        "set session_replication_role = replica",
        "delete from store_key",
        "delete from enrol_code",
        "update register_session set series = 'R01B'",
        "set session_replication_role = origin",
    ] {
        sqlx::query(statement).execute(&mut *owner).await.unwrap();
    }
    let token = world.sign_in("demo").await;
    // The journal's stream says that there was one without a letter, the session that there was a B, the box itself a C.
    let mut request =
        enrolment(&world.code(&token, store).await, &SigningKey::from_bytes(&[7; 32]), Uuid::now_v7());
    for (letters, pointer) in [
        (json!(["c"]), "/letters/0"),
        (json!(["C", "TOOLONG"]), "/letters/1"),
        (json!(vec!["C"; 1_001]), "/letters"),
    ] {
        request["letters"] = letters;
        let answer = world.enrol(&request).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)));
    }
    request["letters"] = json!(["C"]);
    let answer = world.enrol(&request).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["letter"], "D");
}

#[tokio::test]
async fn a_batch_that_waited_while_its_key_was_ended_is_not_taken() {
    let world = World::new().await;
    let store = world.demo.stores[0];
    let mut till = world.boxed("demo", store).await;
    till.open_session(Uuid::now_v7());
    // Another batch of the journal is being taken, and holds its row.
    let mut other = world.database.owner().begin().await.unwrap();
    sqlx::query("select from journal_watermark where store_id = $1 for update")
        .bind(store)
        .fetch_all(&mut *other)
        .await
        .unwrap();
    let token = world.sign_in("demo").await;
    let revoke = async {
        // The batch has been let in, and waits for the row.
        while world.figure("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()").await == 0 {
            tokio::task::yield_now().await;
        }
        let path = format!("/api/v1/stores/{store}/revoke-key");
        assert_eq!(world.send(post(&path, Some(&token), &json!({}))).await.status, 204);
        other.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(world.push(&till, 1, 1), revoke);
    assert_eq!(
        (answer.status.as_u16(), answer.json()["type"].as_str()),
        (401, Some("/problems/store-key-ended"))
    );
    assert_eq!(world.figure("select count(*) from received_entry").await, 0);
}

#[tokio::test]
async fn a_revoked_key_reads_and_delivers_nothing_more() {
    let world = World::new().await;
    let store = world.demo.stores[0];
    let mut till = world.boxed("demo", store).await;
    till.open_session(Uuid::now_v7());
    let token = world.sign_in("demo").await;
    let revoked =
        world.send(post(&format!("/api/v1/stores/{store}/revoke-key"), Some(&token), &json!({}))).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(world.feed(&till, None).await.status, 401);
    assert_eq!(world.push(&till, 1, 1).await.status, 401);
    assert_eq!(world.figure("select count(*) from received_entry").await, 0);
}

#[tokio::test]
async fn codes_expire_and_guessing_them_is_slowed_down() {
    let world = World::new().await;
    let token = world.sign_in("demo").await;
    let code = world.code(&token, world.demo.stores[0]).await;
    world.state.clock.advance(TimeDelta::hours(25)).unwrap();
    let key = SigningKey::from_bytes(&[1; 32]);
    assert_eq!(world.enrol(&enrolment(&code, &key, Uuid::from_u128(1))).await.status, 403);
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(world.enrol(&enrolment("ABCDEFGHJK", &key, Uuid::from_u128(1))).await.status.as_u16());
    }
    assert!(statuses.contains(&403) && statuses.last() == Some(&429), "{statuses:?}");
}

#[tokio::test]
async fn bad_keys_and_unknown_fields_are_refused_and_named() {
    let world = World::new().await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let good = enrolment("ABCDEFGHJK", &key, Uuid::from_u128(1));
    for (field, value) in [
        ("signing_key", json!("AAAA")),
        ("sealing_key", json!("AAAA")),
        ("surprise", json!(1)),
        ("code", json!(5)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let answer = world.enrol(&bad).await;
        assert_eq!(answer.status, 422, "{field}: {}", answer.json());
    }
    let weak = [0_u8; 32];
    let mut bad = good.clone();
    bad["signing_key"] =
        json!(base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, weak));
    assert_eq!(world.enrol(&bad).await.status, 422);
}

#[tokio::test]
async fn tokens_are_good_once_for_a_minute_and_for_their_store_only() {
    let world = World::new().await;
    let [one, two] = world.demo.stores;
    let till = world.boxed("demo", one).await;
    let other = world.boxed("demo", two).await;
    let now = chrono::Utc::now().timestamp();
    let token = till.token();
    assert_eq!(world.send(get("/sync/v1/feed", &token)).await.status, 200);
    assert_eq!(world.send(get("/sync/v1/feed", &token)).await.status, 401, "a second time");
    let late = world.send(get("/sync/v1/feed", &till.token_at(now - 3600, one))).await;
    assert_eq!((late.status.as_u16(), late.json()["type"].as_str()), (401, Some("/problems/clock-skew")));
    for store in [two, world.rival.stores[0], Uuid::nil()] {
        assert_eq!(world.send(get("/sync/v1/feed", &till.token_at(now, store))).await.status, 401);
    }
    let mut thief = other.clone();
    thief.key_id = till.key_id;
    thief.store = one;
    assert_eq!(world.send(thief.get("/sync/v1/feed")).await.status, 401, "signed by another key");
    for path in ["/sync/v1/feed", "/sync/v1/live"] {
        assert_eq!(world.send(get(path, "nonsense")).await.status, 401);
    }
    let person = world.sign_in("demo").await;
    assert_eq!(world.send(get("/sync/v1/feed", &person)).await.status, 401);
    assert_eq!(world.send(get("/api/v1/sync/stores", &till.token())).await.status, 401);
}

#[tokio::test]
async fn a_store_with_a_wrong_clock_gets_the_time_signed_over_its_nonce() {
    let world = World::new().await;
    let token = world.sign_in("demo").await;
    let code = world.code(&token, world.demo.stores[0]).await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let enrolled = world.enrol(&enrolment(&code, &key, Uuid::from_u128(1))).await;
    let enrolled: EnrolAnswer = serde_json::from_slice(&enrolled.bytes).unwrap();
    let pinned = VerifyingKey::from_bytes(enrolled.hq_key.0.as_slice().try_into().unwrap()).unwrap();
    let answer = world.send(get("/sync/v1/time?nonce=0123456789abcdef", "")).await;
    let answer: TimeAnswer = serde_json::from_slice(&answer.bytes).unwrap();
    let signature = Signature::from_slice(&answer.signature.0).unwrap();
    assert!(pinned.verify(&time_message(answer.now, "0123456789abcdef"), &signature).is_ok());
    assert!(pinned.verify(&time_message(answer.now, "fedcba9876543210"), &signature).is_err());
    assert_eq!(world.send(get("/sync/v1/time?nonce=short", "")).await.status, 422);
}

#[tokio::test]
async fn another_company_makes_no_code_and_learns_nothing() {
    let world = World::new().await;
    let rival = world.sign_in("rival").await;
    let store = world.demo.stores[0];
    for path in ["enrol-code", "revoke-key", "pull", "resync"] {
        let answer =
            world.send(post(&format!("/api/v1/stores/{store}/{path}"), Some(&rival), &json!({}))).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let stores = world.send(get("/api/v1/sync/stores", &rival)).await.json();
    assert!(!stores.to_string().contains(&store.to_string()));
}
