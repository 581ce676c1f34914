//! The roles that a company begins with.

use super::KNOWN;

/// A role that every company begins with.
pub(crate) struct ReadyMade {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) permissions: &'static [&'static str],
    /// The most that it may take off by hand, in percent; none: no limit.
    pub(crate) max_reduction_percent: Option<i64>,
    /// The most that it may give back, in the company's currency; none: no limit.
    pub(crate) max_refund: Option<i64>,
}

/// The code of the role that may do everything.
pub(crate) const ADMIN: &str = "hq-admin";

pub(crate) const READY_MADE: &[ReadyMade] = &[
    ReadyMade {
        code: ADMIN,
        name: "HQ admin",
        permissions: KNOWN,
        max_reduction_percent: None,
        max_refund: None,
    },
    ReadyMade {
        code: "hq-manager",
        name: "HQ manager",
        permissions: &[
            "audit.read",
            "catalogue.read",
            "catalogue.write",
            "customer.read",
            "customer.write",
            "import.run",
            "price.publish",
            "price.read",
            "product.read",
            "promotion.read",
            "promotion.write",
            "report.read",
            "sale.override_price",
            "sale.reduce",
            "sale.ring_up",
            "session.close",
            "session.open",
            "session.see_expected",
            "session.x",
            "stock.read",
            "store.read",
            "sync.now",
            "sync.read",
            "tender.write",
            "try_out.run",
            "user.read",
            "user.write",
        ],
        max_reduction_percent: Some(100),
        max_refund: None,
    },
    ReadyMade {
        code: "hq-clerk",
        name: "HQ clerk",
        permissions: &[
            "catalogue.read",
            "catalogue.write",
            "customer.read",
            "customer.write",
            "price.read",
            "product.read",
            "promotion.read",
            "store.read",
            "try_out.run",
            "user.read",
        ],
        max_reduction_percent: Some(0),
        max_refund: Some(0),
    },
    ReadyMade {
        code: "store-manager",
        name: "Store manager",
        permissions: &[
            "product.read",
            "report.read",
            "sale.override_price",
            "sale.reduce",
            "sale.ring_up",
            "session.close",
            "session.open",
            "session.see_expected",
            "session.x",
            "stock.read",
            "sync.now",
            "sync.read",
        ],
        max_reduction_percent: Some(50),
        max_refund: Some(500),
    },
    ReadyMade {
        code: "supervisor",
        name: "Supervisor",
        permissions: &[
            "product.read",
            "sale.override_price",
            "sale.reduce",
            "sale.ring_up",
            "session.close",
            "session.open",
            "session.x",
            "stock.read",
            "sync.read",
        ],
        max_reduction_percent: Some(20),
        max_refund: Some(100),
    },
    ReadyMade {
        code: "cashier",
        name: "Cashier",
        permissions: &[
            "product.read",
            "sale.reduce",
            "sale.ring_up",
            "session.close",
            "session.open",
            "session.x",
        ],
        max_reduction_percent: Some(10),
        max_refund: Some(50),
    },
    // All health, no money.
    ReadyMade {
        code: "ops",
        name: "Operations",
        permissions: &["store.enrol", "store.read", "sync.manage", "sync.now", "sync.read"],
        max_reduction_percent: Some(0),
        max_refund: Some(0),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_made_roles_have_known_permissions_in_order() {
        for role in READY_MADE {
            assert!(role.permissions.iter().all(|word| KNOWN.contains(word)), "{}", role.code);
            assert!(role.permissions.is_sorted(), "{}", role.code);
        }
    }

    #[test]
    fn operations_see_no_money() {
        let ops = READY_MADE.iter().find(|role| role.code == "ops").unwrap();
        for word in ops.permissions {
            assert!(
                !word.starts_with("report.") && !word.starts_with("sale.") && !word.starts_with("price."),
                "{word}"
            );
        }
    }
}
