//! Adoptions and uploads.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;

use super::event::Event;
use super::facts::OtherUser;
use super::gate::INTERRUPTED;
use super::outcome::Status;
use super::relisting::OpenQuestion;
use super::run::{Run, concerns_all};
use super::settling::{Sighting, sighting};
use super::sightings::{Sightings, Undecided};
use super::waiting::Waiting;
use crate::account::retry::count_tries;
use crate::account::{
    BodyFault, Clock, Dated, Effect, Failure, FailureKind, Listing, Operation, ReadAccount, Row, SendError,
    WriteAccount,
};
use crate::names::{KeyId, KeyName};
use crate::plan::{AccountRow, Action, Change, NewKey, Plan};
use crate::public_key::KeyBlob;
use crate::state::{JournalEntry, Origin, Pending, Session, State, UploadRequest};

/// How often a run waits for uncertain uploads. After that they stay pending.
const MAX_WAITS: u32 = 3;

/// An upload that has not ended.
#[derive(Debug, Clone, Copy)]
struct Upload<'p> {
    /// The index of its action.
    index: usize,
    action: &'p Action,
    key: &'p NewKey,
    /// How many retries are used up.
    attempt: u32,
}

/// An upload that may have been carried out, although its response does not say so.
struct Uncertain<'p> {
    upload: Upload<'p>,
    /// What came instead. An upload that the account declined is not repeated.
    failure: Failure,
    /// When its last request was sent.
    sent: Duration,
}

/// What listings decide about an uncertain upload.
enum UploadFate {
    Stored(Row),
    /// It was not carried out, and somebody else added the key as this row.
    Foreign(KeyId),
    Absent,
    /// A row shows no key and can be the one, so it stays pending.
    Unreadable,
    Open(Undecided),
}

impl<'a, A, C: Clock, S: Session> Run<'a, A, C, S> {
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
            let (name, public_key) = (upload.name().clone(), upload.blob().clone());
            let holding = listing.into_iter().flat_map(|listing| listing.holding(upload.blob()));
            let perhaps = unreadable.iter().copied().filter(|row| row.name == upload.sent_name());
            let before = holding.chain(perhaps).map(|row| row.id.clone()).collect();
            let sent_name = upload.sent_name().to_owned();
            JournalEntry::Intend(Pending { name, public_key, sent_name, before, requests: vec![request], id: None })
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

    /// Records the rows that the account has already, and changed attributes.
    pub(super) async fn adopt(&mut self) {
        let at = self.observation.as_ref().and_then(|observation| observation.listing.date());
        for (index, action) in self.facts.plan.actions.iter().enumerate() {
            let (Some(key), Some(row)) = (action.change.new_key(), action.change.row()) else { continue };
            if let Some(reason) = self.halted() {
                self.end(index, Status::skipped(reason));
                continue;
            }
            self.record_rows([(action, key, row)], at).await;
            // A replacement has old rows to delete.
            if matches!(action.change, Change::Adopt { .. } | Change::Update { .. }) {
                self.end(index, Status::Done { id: row.id.clone() });
            }
        }
    }

    /// Uploads what is missing. Uncertain uploads are settled by listings, and repeated if they were not carried out.
    pub(super) async fn upload(&mut self)
    where
        A: ReadAccount + WriteAccount,
    {
        let mut waiting: VecDeque<_> = uploads(self.facts.plan).collect();
        let mut uncertain = Vec::new();
        for waits in 0.. {
            uncertain.extend(self.send_uploads(&mut waiting).await);
            if uncertain.is_empty() || waits == MAX_WAITS || self.halted().is_some() {
                break;
            }
            uncertain = self.settle(uncertain, &mut waiting).await;
            if waiting.is_empty() {
                break;
            }
            self.learn_durably(waiting.iter().map(|upload| self.resend(*upload)).collect()).await;
        }
        for Uncertain { upload, failure, sent: _ } in uncertain {
            let is_declined = failure.effect == Effect::Refused;
            self.end(upload.index, if is_declined { Status::Failed(failure) } else { Status::Pending(failure) });
        }
        // The others were not sent, or not carried out.
        self.learn(waiting.iter().map(|upload| settle(upload.blob())).collect()).await;
        let reason = self.halted().unwrap_or(INTERRUPTED);
        for upload in waiting {
            self.end(upload.index, Status::skipped(reason));
        }
    }

    fn resend(&self, upload: Upload<'_>) -> JournalEntry {
        JournalEntry::Resend { public_key: upload.blob().clone(), request: self.request() }
    }

    /// Sends uploads, several at a time, until all are answered or the run is halted. Returns the uncertain ones.
    async fn send_uploads(&mut self, waiting: &mut VecDeque<Upload<'a>>) -> Vec<Uncertain<'a>>
    where
        A: WriteAccount,
    {
        let (tools, gate) = (self.tools, self.gate);
        let mut in_flight = FuturesUnordered::new();
        let mut stored = Vec::new();
        let mut uncertain = Vec::new();
        loop {
            // Until a response shows the owner of the account, one upload is sent at a time: on the wrong account it
            // leaves one key and not all of them.
            let limit = if self.facts.is_user_seen { tools.options.concurrency.max(1) } else { 1 };
            while in_flight.len() < limit && self.halted().is_none() {
                let Some(upload) = waiting.pop_front() else { break };
                in_flight.push(async move {
                    let sent = Cell::new(Duration::ZERO);
                    let request = || {
                        sent.set(tools.throttle.clock().now());
                        tools.account.upload(upload.sent_name(), &upload.key.key)
                    };
                    let name = upload.name().as_str();
                    let result = tools.send(gate, Operation::Upload, name, upload.attempt, request).await;
                    (upload, sent.get(), result)
                });
            }
            // Results that are ready at the same time are journalled together. Waiting for more than are in flight
            // gains little, and a full disk would be noticed late.
            let ready = ready(&mut in_flight).await;
            if ready.is_none() || stored.len() >= limit {
                self.record_uploads(std::mem::take(&mut stored)).await;
            }
            let next = if ready.is_some() { ready } else { in_flight.next().await };
            let Some((upload, sent, result)) = next else { return uncertain };
            match result {
                Ok(row) => {
                    if self.confirm_account(upload, &row.value).await {
                        stored.push((upload, row));
                    }
                }
                Err(SendError::Failed(failure)) if failure.effect == Effect::Unknown => {
                    (tools.observer)(&Event::Uncertain { name: upload.name(), failure: &failure });
                    if let Some(id) = failure.id.clone() {
                        self.learn(vec![JournalEntry::Answered { public_key: upload.blob().clone(), id }]).await;
                    }
                    uncertain.push(Uncertain { upload, failure, sent });
                }
                Err(SendError::Failed(failure)) if failure.status.is_none() || failure.effect == Effect::NotSent => {
                    self.fail_upload(upload, failure).await;
                }
                // A response that declines an upload is not proof: a proxy can have sent it. The intent stays pending
                // until a listing settles it.
                Err(SendError::Failed(failure))
                    if tools.options.offline || tools.options.fail_fast || concerns_all(&failure) =>
                {
                    self.end(upload.index, Status::Failed(failure));
                }
                Err(SendError::Failed(failure)) => uncertain.push(Uncertain { upload, failure, sent }),
                Err(SendError::Stopped(())) => waiting.push_front(upload),
            }
        }
    }

    /// Lists the account until every uncertain upload is decided. Those that were carried out are recorded, those that
    /// were not wait to be sent again. Returns the ones that stay uncertain.
    async fn settle(&mut self, uncertain: Vec<Uncertain<'a>>, waiting: &mut VecDeque<Upload<'a>>) -> Vec<Uncertain<'a>>
    where
        A: ReadAccount,
    {
        let tools = self.tools;
        if tools.options.offline {
            return uncertain;
        }
        (tools.observer)(&Event::Settling { uploads: uncertain.len() });
        let announce = |waiting: Waiting| (tools.observer)(&Event::Waiting(waiting));
        let mut relisting = self.relisting(&announce);
        let mut left = uncertain;
        let mut stays_uncertain = Vec::new();
        let mut open = Vec::new();
        loop {
            match self.gate.unless_closed(relisting.list_for(&open)).await {
                Some(Ok(())) => {}
                None => break,
                Some(Err(error)) => {
                    for Uncertain { failure, .. } in &mut left {
                        let heard = &failure.message;
                        failure.message = format!("{heard}; listing the account to find it failed too: {error}");
                    }
                    break;
                }
            }
            let mut stored = Vec::new();
            let mut undecided = Vec::new();
            for uncertain in std::mem::take(&mut left) {
                match self.decide(&uncertain, &relisting.sightings) {
                    UploadFate::Open(until) => {
                        undecided.push(until);
                        left.push(uncertain);
                    }
                    UploadFate::Unreadable => stays_uncertain.push(uncertain),
                    UploadFate::Stored(row) => {
                        let Uncertain { upload, .. } = uncertain;
                        self.facts.is_primary_uncertain = true;
                        (tools.observer)(&Event::Settled { name: upload.name(), id: Some(&row.id) });
                        if self.confirm_account(upload, &row).await {
                            stored.push((upload, Dated { value: row, date: relisting.sightings.latest().date() }));
                        }
                    }
                    UploadFate::Foreign(id) => {
                        self.fail_upload(uncertain.upload, taken_by(uncertain.failure, &id)).await;
                    }
                    UploadFate::Absent => self.repeat(uncertain, waiting).await,
                }
            }
            self.record_uploads(stored).await;
            open = OpenQuestion::uncertain(undecided.into_iter()).into_iter().collect();
            if open.is_empty() {
                break;
            }
        }
        stays_uncertain.extend(left);
        stays_uncertain
    }

    fn decide(&self, uncertain: &Uncertain<'a>, sightings: &Sightings) -> UploadFate {
        let Uncertain { upload, failure: _, sent } = uncertain;
        let Some(pending) = self.facts.state.pending.get(upload.blob()) else { return UploadFate::Absent };
        let options = &self.tools.options;
        let since = sent.saturating_add(options.lateness.effect_after(options.timeout));
        match (sighting(pending, sightings, &self.facts.state), sightings.is_without_effect(since)) {
            (Sighting::Stored(row), _) => UploadFate::Stored(row.clone()),
            (_, Err(undecided)) => UploadFate::Open(undecided),
            (Sighting::Foreign(row), Ok(())) => UploadFate::Foreign(row.id.clone()),
            (Sighting::Unreadable, Ok(())) => UploadFate::Unreadable,
            (Sighting::Absent, Ok(())) => UploadFate::Absent,
        }
    }

    /// Lets an upload that was not carried out be sent again, if it has retries left.
    async fn repeat(&mut self, uncertain: Uncertain<'a>, waiting: &mut VecDeque<Upload<'a>>) {
        let Uncertain { upload, failure, sent: _ } = uncertain;
        (self.tools.observer)(&Event::Settled { name: upload.name(), id: None });
        if failure.effect == Effect::Refused {
            self.fail_upload(upload, failure).await;
        } else if upload.attempt < self.tools.options.retries.retries {
            (self.tools.observer)(&Event::Retrying { name: upload.name().as_str(), failure: &failure });
            waiting.push_back(Upload { attempt: upload.attempt + 1, ..upload });
        } else {
            self.fail_upload(upload, count_tries(failure, upload.attempt)).await;
        }
    }

    /// Compares the owner of the row with the expected user, and returns whether the upload went to the right account.
    /// If not, the upload fails and the run is halted.
    async fn confirm_account(&mut self, upload: Upload<'a>, row: &Row) -> bool {
        if let Err(other) = self.facts.check_user(&row.user_id) {
            self.halt("the token belongs to another user");
            self.fail_upload(upload, other_account(&other, row)).await;
            return false;
        }
        self.facts.is_user_seen = true;
        if self.facts.state.user_id.is_none() {
            self.learn(vec![JournalEntry::Account { user_id: row.user_id.clone() }]).await;
        }
        true
    }

    async fn record_uploads(&mut self, uploads: Vec<(Upload<'a>, Dated<Row>)>) {
        // The latest is the last write.
        let at = uploads.iter().map(|(_, row)| row.date).reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
        for (_, Dated { value: row, .. }) in &uploads {
            self.facts.uploaded.insert(row.id.clone());
            self.facts.is_primary_taken |= row.is_primary;
        }
        let rows: Vec<_> = uploads.iter().map(|(_, row)| AccountRow::new(&row.value, Origin::Uploaded)).collect();
        let recorded = uploads.iter().zip(&rows).map(|((upload, _), row)| (upload.action, upload.key, row));
        self.record_rows(recorded, at).await;
        for ((upload, _), row) in uploads.iter().zip(rows) {
            if upload.completes_action() {
                self.end(upload.index, Status::Done { id: row.id });
            }
        }
    }

    async fn fail_upload(&mut self, upload: Upload<'a>, failure: Failure) {
        self.learn(vec![settle(upload.blob())]).await;
        self.end(upload.index, Status::Failed(failure));
    }
}

impl<'p> Upload<'p> {
    fn name(self) -> &'p KeyName {
        &self.action.name
    }

    /// The name that the key gets on the account.
    fn sent_name(self) -> &'p str {
        self.key.name_to_send(&self.action.name)
    }

    fn blob(self) -> &'p KeyBlob {
        self.key.key.blob()
    }

    /// Whether the action has no old rows to delete afterwards.
    fn completes_action(self) -> bool {
        matches!(self.action.change, Change::Upload(_))
    }
}

/// Returns the uploads of a plan: of new keys, and of keys that replace others and that the account does not have.
fn uploads(plan: &Plan) -> impl Iterator<Item = Upload<'_>> {
    plan.actions.iter().enumerate().filter_map(|(index, action)| {
        let key = action.change.new_key()?;
        action.change.row().is_none().then_some(Upload { index, action, key, attempt: 0 })
    })
}

/// Returns a result that is ready, after giving other tasks one turn to send and receive.
async fn ready<F: Future>(in_flight: &mut FuturesUnordered<F>) -> Option<F::Output> {
    if let Some(Some(result)) = in_flight.next().now_or_never() {
        return Some(result);
    }
    tokio::task::yield_now().await;
    in_flight.next().now_or_never().flatten()
}

fn settle(blob: &KeyBlob) -> JournalEntry {
    JournalEntry::Settle { public_key: blob.clone() }
}

/// Explains that an upload is not repeated, because somebody else added the key.
fn taken_by(failure: Failure, id: &KeyId) -> Failure {
    let message = format!("{}; meanwhile someone else added this key with another name, id {id}", failure.message);
    Failure { message, help: Some("run apply again to manage that key".to_owned()), ..failure }
}

fn other_account(other: &OtherUser, row: &Row) -> Failure {
    Failure {
        effect: Effect::Unknown,
        kind: FailureKind::Body(BodyFault::Foreign),
        status: None,
        retry_after: None,
        id: None,
        message: format!(
            "the key was uploaded to the account of user {} as {}, not to that of {}",
            other.found, row.id, other.expected
        ),
        help: Some("delete it there, and use a token of the right account".to_owned()),
    }
}
