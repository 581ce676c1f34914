//! `hq-server export`.

use std::io::Write;

use clap::Args;
use futures_util::TryStreamExt;
use server_kit::config::DataArgs;
use server_kit::{Patience, Problem, read_within};

const PATIENCE: Patience = Patience::long(std::time::Duration::from_mins(10));

#[derive(Args, Debug)]
pub(super) struct Export {
    #[command(flatten)]
    data: DataArgs,
    /// The company's short code
    #[arg(long, value_name = "CODE")]
    company: String,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (database, state) = super::open(&self.data).await?;
        let done = async {
            let actor = super::acting_for(&state, &self.company).await?;
            let written = read_within(&state, &actor, PATIENCE, |tx, _| {
                Box::pin(async move {
                    let mut out = csv::Writer::from_writer(std::io::stdout());
                    out.write_record([
                        "sku",
                        "name",
                        "department_code",
                        "description",
                        "barcodes",
                        "price",
                        "tax_group_code",
                        "unit",
                        "quantity_decimals",
                        "discountable",
                    ])
                    .map_err(Problem::internal)?;
                    let mut rows = sqlx::query!(
                        r#"select v.sku, p.name, d.code as department_code, p.description,
                               (select coalesce(string_agg(b.code, '|' order by b.code), '') from barcode b
                                where b.company_id = v.company_id and b.variant_id = v.id) as "barcodes!",
                               coalesce((select trim_scale(c.amount)::text from price c
                                where c.company_id = v.company_id and c.variant_id = v.id and c.kind = 'regular' and c.min_quantity = 0
                                  and c.price_level_id is null and c.store_id is null and c.valid_from is null), '') as "price!",
                               coalesce(g.code, '') as "tax_group_code!", p.unit, p.quantity_decimals, p.discountable
                           from variant v
                           join product p on p.company_id = v.company_id and p.id = v.product_id
                           join department d on d.company_id = p.company_id and d.id = p.department_id
                           left join tax_group g on g.company_id = p.company_id and g.id = p.tax_group_id
                           where v.archived_at is null and p.archived_at is null
                           order by v.sku"#
                    )
                    .fetch(&mut **tx);
                    while let Some(row) = rows.try_next().await? {
                        let decimals = row.quantity_decimals.to_string();
                        let discountable = row.discountable.to_string();
                        out.write_record([
                            &row.sku,
                            &row.name,
                            &row.department_code,
                            &row.description,
                            &row.barcodes,
                            &row.price,
                            &row.tax_group_code,
                            &row.unit,
                            &decimals,
                            &discountable,
                        ])
                        .map_err(Problem::internal)?;
                    }
                    out.flush().map_err(Problem::internal)
                })
            })
            .await;
            written.map_err(|problem| super::told(&problem))
        }
        .await;
        database.close().await?;
        std::io::stdout().flush()?;
        done
    }
}
