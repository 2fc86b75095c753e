//! The JSON objects in responses.

use jiff::Timestamp;
use serde::Serialize;

use super::behaviour::{Behaviour, Omission};
use super::rows::StoredRow;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyObject<'a> {
    id: &'a str,
    user_id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<&'a str>,
    is_primary: bool,
    is_user_key: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team_id: Option<&'a str>,
}

/// A page of a listing. The envelope is in snake case, the keys in it are in camel case.
#[derive(Debug, Serialize)]
pub(super) struct PageObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_count: Option<usize>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    window: Option<PageWindow>,
    data: Vec<KeyObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct PageWindow {
    offset: u64,
    limit: u64,
    status: Option<&'static str>,
}

impl<'a> KeyObject<'a> {
    pub(super) fn new(row: &'a StoredRow, user_id: &'a str, behaviour: &Behaviour) -> Self {
        let StoredRow { id, name, public_key, is_primary, is_user_key, created_at, updated_at } = row;
        let timed = !behaviour.omits(Omission::Timestamps);
        Self {
            id,
            user_id,
            name,
            public_key: Some(public_key),
            is_primary: *is_primary,
            is_user_key: *is_user_key,
            created_at: timed.then_some(*created_at),
            updated_at: timed.then_some(*updated_at),
            team_id: behaviour.unknown_fields.then_some("cm4xteam"),
        }
    }
}

impl<'a> PageObject<'a> {
    pub(super) fn new(
        rows: &[&'a StoredRow],
        (total, offset, limit): (usize, u64, u64),
        user_id: &'a str,
        behaviour: &Behaviour,
    ) -> Self {
        let mut data: Vec<_> = rows.iter().map(|row| KeyObject::new(row, user_id, behaviour)).collect();
        if behaviour.omits(Omission::ListedPublicKey) {
            for key in &mut data {
                key.public_key = None;
            }
        }
        Self {
            total_count: (!behaviour.omits(Omission::TotalCount)).then_some(total),
            window: (!behaviour.omits(Omission::PageFields)).then_some(PageWindow { offset, limit, status: None }),
            data,
            next_cursor: behaviour.unknown_fields.then_some("eyJvIjoxfQ"),
        }
    }
}
