//! Ids of records: a UUID (version 7, made by whoever creates the record) that says of what.

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
    /// A till, with its receipt series.
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
    /// An effective-dated price.
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
