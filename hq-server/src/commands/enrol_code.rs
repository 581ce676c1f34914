//! `hq-server enrol-code`.

use clap::Args;
use server_kit::config::DataArgs;
use server_kit::{Problem, transact};

use crate::sync::enrol::make_code;

#[derive(Args, Debug)]
pub(super) struct EnrolCode {
    #[command(flatten)]
    data: DataArgs,
    /// The company's short code
    #[arg(long, value_name = "CODE")]
    company: String,
    /// The store's code, such as ST01
    store: String,
}

impl EnrolCode {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (database, state) = super::open(&self.data).await?;
        let made = async {
            let actor = super::acting_for(&state, &self.company).await?;
            let keys = state.keys.clone();
            let code = self.store.clone();
            transact(&state, &actor, move |tx, cx| {
                Box::pin(async move {
                    let store = sqlx::query_scalar!("select id from store where code = $1", code)
                        .fetch_optional(&mut **tx)
                        .await?
                        .ok_or_else(|| Problem::not_found("store"))?;
                    make_code(tx, cx, &keys, store).await
                })
            })
            .await
            .map_err(|problem| super::told(&problem))
        };
        let made = made.await;
        database.close().await?;
        let made = made?;
        println!(
            "{} (for {}, until {})",
            made.code,
            self.store,
            made.expires_at.format("%Y-%m-%d %H:%M UTC")
        );
        Ok(())
    }
}
