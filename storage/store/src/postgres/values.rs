//! Values on PostgreSQL's wire.

use crate::rows::Fields;
use bytes::{BufMut, BytesMut};
use model::calls::database::Failure;
use std::error::Error;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// Milliseconds since 1970 by the database's clock.
macro_rules! now_ms {
    () => {
        "(extract(epoch from clock_timestamp()) * 1000)::bigint"
    };
}
pub(super) use now_ms;

/// A 128-bit id as `uuid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id128(pub(super) u128);

impl ToSql for Id128 {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_u128(self.0);
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Id128 {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(u128::from_be_bytes(raw.try_into()?)))
    }

    accepts!(UUID);
}

/// Whether a value of any type is NULL.
struct Nothing(bool);

impl<'a> FromSql<'a> for Nothing {
    fn from_sql(_: &Type, _: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(false))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(true))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Fields for Row {
    fn int(&self, index: usize) -> Result<i64, Failure> {
        let kind = self.columns().get(index).map(|column| column.type_().clone());
        let value = match kind {
            Some(Type::INT2) => self.try_get::<_, i16>(index).map(i64::from),
            Some(Type::INT4) => self.try_get::<_, i32>(index).map(i64::from),
            _ => self.try_get::<_, i64>(index),
        };
        value.map_err(|error| Failure::Corrupt(error.to_string()))
    }

    fn maybe_text(&self, index: usize) -> Result<Option<String>, Failure> {
        self.try_get(index).map_err(|error| Failure::Corrupt(error.to_string()))
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, Failure> {
        self.try_get(index).map_err(|error| Failure::Corrupt(error.to_string()))
    }

    fn id128(&self, index: usize) -> Result<u128, Failure> {
        let id = self.try_get::<_, Id128>(index).map_err(|error| Failure::Corrupt(error.to_string()))?;
        Ok(id.0)
    }

    fn is_null(&self, index: usize) -> Result<bool, Failure> {
        let value = self.try_get::<_, Nothing>(index).map_err(|error| Failure::Corrupt(error.to_string()))?;
        Ok(value.0)
    }
}
