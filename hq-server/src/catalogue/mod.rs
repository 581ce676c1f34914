//! What is sold: the tree of departments, products with their variants, barcodes and parts, and what labels bear.

mod barcode_rules;
mod departments;
mod kits;
mod products;
mod sql;

use products::Product;

use server_kit::Capability;

use crate::master;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "catalogue",
        routes: master::routes::<departments::Department>()
            .merge(master::routes::<Product>())
            .merge(master::routes::<barcode_rules::BarcodeRule>()),
        permissions: &["catalogue.read", "catalogue.write"],
        entities: &[],
        facts: &[],
    }
}

/// How long the texts of a product may be.
pub(crate) mod limits {
    pub(crate) use super::products::{LONGEST_DESCRIPTION, LONGEST_NAME, LONGEST_SKU, LONGEST_UNIT};
}
