//! Ids of records: a UUID that says of what, so that a store is never looked up by the id of a register.
//!
//! An id is a UUID of version 7 (RFC 9562), made by whoever creates the record, so it is there before any server answers
//! and a retry names the same record. Any UUID is read; nothing here makes one, as this crate has no clock and no
//! randomness. In JSON and in PostgreSQL an id is its UUID.
//!
//! ```
//! use shared_model::ids::{IdError, SaleId, StoreId};
//!
//! let text = "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11";
//! let sale: SaleId = text.parse()?;
//! assert_eq!(sale.to_string(), text);
//! assert_eq!(serde_json::to_value(sale)?, text);
//! // The same UUID as the id of something else is another type, and said out loud.
//! assert_eq!(StoreId::new(sale.uuid()).uuid(), sale.uuid());
//! assert_eq!("R02".parse::<SaleId>(), Err(IdError));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use thiserror::Error;
use uuid::Uuid;

/// A text that is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an id is a UUID, such as 0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11")]
pub struct IdError;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        pub struct $name(Uuid);

        impl $name {
            /// The id that is this UUID.
            ///
            /// ```
            #[doc = concat!("use shared_model::ids::", stringify!($name), ";")]
            /// use uuid::Uuid;
            ///
            /// let uuid = Uuid::from_u128(7);
            #[doc = concat!("let id = ", stringify!($name), "::new(uuid);")]
            /// assert_eq!((id.uuid(), id.to_string()), (uuid, uuid.to_string()));
            #[doc = concat!("assert_eq!(\"00000000-0000-0000-0000-000000000007\".parse::<", stringify!($name), ">(), Ok(id));")]
            /// ```
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID alone.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .format(Some(utoipa::openapi::schema::SchemaFormat::KnownFormat(
                        utoipa::openapi::schema::KnownFormat::Uuid,
                    )))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

id! {
    /// A company: the wall between tenants of one HQ.
    CompanyId,
    /// A store.
    StoreId,
    /// A register: a till, with its receipt series.
    RegisterId,
    /// A person who signs in.
    UserId,
    /// A set of permissions and limits.
    RoleId,
    /// A department or category.
    DepartmentId,
    /// A product.
    ProductId,
    /// A variant of a product: what stock, prices and barcodes hang on.
    VariantId,
    /// A barcode of a variant.
    BarcodeId,
    /// A part of a kit.
    KitPartId,
    /// A rule about labels that bear a price or a weight.
    BarcodeRuleId,
    /// A place with its tax rules.
    TaxAreaId,
    /// A price, effective-dated.
    PriceId,
    /// A price level.
    PriceLevelId,
    /// One levy.
    TaxId,
    /// The set of taxes that a product bears.
    TaxGroupId,
    /// A way of paying.
    TenderId,
    /// A customer.
    CustomerId,
    /// Who gets the credit for a line or sale.
    SalesRepId,
    /// A sale, refund, exchange or void.
    SaleId,
    /// A line of a sale.
    SaleLineId,
    /// One use of a tender.
    PaymentId,
    /// A register's session, from float to count.
    RegisterSessionId,
    /// A stock movement.
    MovementId,
    /// An entry of a journal.
    EventId,
    /// One life of a store's database.
    IncarnationId,
    /// A dated rule over a cart.
    PromotionId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_uuid_as_text_in_json() {
        let text = "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11";
        let id: SaleId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<SaleId>(&format!("\"{text}\"")).unwrap(), id);
        assert_eq!("nonsense".parse::<SaleId>(), Err(IdError));
    }
}
