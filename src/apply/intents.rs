//! What a plan uploads, and the intents to do so, which are durable before the first request.

use jiff::Timestamp;

use super::run::Run;
use crate::account::{Clock, Listing};
use crate::names::{KeyId, KeyName};
use crate::plan::{Action, Change, NewKey, Plan};
use crate::public_key::KeyBlob;
use crate::state::{JournalEntry, Session, State, UploadRequest};

/// An upload that has not ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upload<'p> {
    /// The index of its action.
    pub(super) index: usize,
    pub(super) action: &'p Action,
    pub(super) key: &'p NewKey,
    /// How many retries are used up.
    pub(super) attempt: u32,
}

impl<A, C: Clock, S: Session> Run<'_, A, C, S> {
    /// Makes durable what was learned before the plan and the intents to upload, before the first request. If that fails,
    /// nothing is sent.
    pub(super) async fn record_intents(&mut self) {
        let settled = self.observation.as_ref().map(|observation| observation.settled.clone()).unwrap_or_default();
        self.learn(settled).await;
        self.forget_former_primary().await;
        let listing = self.observation.as_ref().map(|observation| &observation.listing);
        let unreadable: Vec<_> =
            listing.into_iter().flat_map(Listing::rows).filter(|row| row.content.is_unreadable()).collect();
        let request = self.request();
        let intend = |upload: Upload<'_>| {
            let holding = listing.into_iter().flat_map(|listing| listing.holding(upload.blob()));
            let perhaps = unreadable.iter().copied().filter(|row| row.name == upload.sent_name());
            let before = holding.chain(perhaps).map(|row| row.id.clone()).collect();
            JournalEntry::Intend(upload.key.intent(upload.name(), before, request))
        };
        let mut intents: Vec<_> = uploads(self.facts.plan).map(intend).collect();
        // What an interrupted run meant to restore counts, as long as it is on the account and the plan keeps it.
        let stays = |id: &KeyId| listing.is_some_and(|it| it.by_id(id).is_some()) && !self.facts.is_to_be_deleted(id);
        if !intents.is_empty()
            && let Some(primary) = listing.and_then(Listing::primary)
            && !self.facts.state.former_primary.as_ref().is_some_and(stays)
        {
            intents.push(JournalEntry::FormerPrimary { id: Some(primary.id.clone()) });
        }
        self.learn_durably(intents).await;
    }

    /// Forgets the primary before the uploads of an interrupted run, if they are settled and the manifest names another.
    async fn forget_former_primary(&mut self) {
        let State { pending, former_primary, .. } = &self.facts.state;
        if former_primary.is_some() && pending.is_empty() && self.facts.plan.primary.is_some() {
            self.learn(vec![JournalEntry::FormerPrimary { id: None }]).await;
        }
    }

    fn request(&self) -> UploadRequest {
        let timeout = self.tools.options.timeout;
        let timeout_seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        let now = self.tools.throttle.clock().timestamp();
        UploadRequest { at: Timestamp::from_second(now.as_second()).unwrap_or(now), timeout_seconds }
    }

    pub(super) fn resend(&self, upload: Upload<'_>) -> JournalEntry {
        JournalEntry::Resend { public_key: upload.blob().clone(), request: self.request() }
    }
}

impl<'p> Upload<'p> {
    pub(super) fn name(self) -> &'p KeyName {
        &self.action.name
    }

    /// The name that the key gets on the account.
    pub(super) fn sent_name(self) -> &'p str {
        self.key.name_to_send(&self.action.name)
    }

    pub(super) fn blob(self) -> &'p KeyBlob {
        self.key.key.blob()
    }

    /// Whether the action has no old rows to delete afterwards.
    pub(super) fn completes_action(self) -> bool {
        matches!(self.action.change, Change::Upload(_))
    }
}

/// Returns the uploads of a plan: of new keys, and of keys that replace others and that the account does not have.
pub(super) fn uploads(plan: &Plan) -> impl Iterator<Item = Upload<'_>> {
    plan.actions.iter().enumerate().filter_map(|(index, action)| {
        let key = action.change.new_key()?;
        action.change.row().is_none().then_some(Upload { index, action, key, attempt: 0 })
    })
}
