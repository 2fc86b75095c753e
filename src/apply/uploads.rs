//! Adoptions and uploads.

use std::collections::VecDeque;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use super::event::Event;
use super::facts::OtherUser;
use super::observe::ARRIVAL;
use super::outcome::Status;
use super::run::{INTERRUPTED, Run};
use super::settling::{Sighting, settle};
use super::tools::unless_stopped;
use crate::account::retry::count_tries;
use crate::account::{
    BodyFault, Clock, Dated, Effect, Failure, FailureKind, Operation, ReadAccount, Row, SendError, WriteAccount,
};
use crate::names::KeyName;
use crate::plan::{AccountRow, Action, Change, NewKey, Plan};
use crate::public_key::KeyBlob;
use crate::state::{JournalEntry, Origin, Session};

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

/// An upload that may have been carried out, although there was no valid response.
struct Uncertain<'p> {
    upload: Upload<'p>,
    failure: Failure,
}

impl<'a, A, C, S: Session> Run<'a, A, C, S> {
    /// Makes the intents to upload durable, before the first request. If that fails, nothing is sent.
    pub(super) async fn record_intents(&mut self) {
        self.learn(self.facts.orphans()).await;
        let intend = |upload: Upload<'_>| JournalEntry::Intend {
            name: upload.name().clone(),
            public_key: upload.blob().clone(),
        };
        self.learn_durably(uploads(self.facts.plan).map(intend).collect()).await;
        if self.halted().is_none() {
            self.learn(self.facts.settled_intents()).await;
        }
    }

    /// Records the rows that the account has already.
    pub(super) async fn adopt(&mut self) {
        for (index, action) in self.facts.plan.actions.iter().enumerate() {
            let (Some(key), Some(row)) = (action.change.new_key(), action.change.row()) else { continue };
            if let Some(reason) = self.halted() {
                self.end(index, Status::skipped(reason));
                continue;
            }
            self.record_rows([(action, key, row)]).await;
            // A replacement has old rows to delete.
            if matches!(action.change, Change::Adopt { .. }) {
                self.end(index, Status::Done { id: row.id.clone() });
            }
        }
    }

    /// Uploads what is missing. Uncertain uploads are settled by a listing, and repeated if they were not carried out.
    pub(super) async fn upload(&mut self)
    where
        A: ReadAccount + WriteAccount,
        C: Clock,
    {
        let mut waiting: VecDeque<_> = uploads(self.facts.plan).collect();
        let mut uncertain = Vec::new();
        loop {
            uncertain.extend(self.send_uploads(&mut waiting).await);
            if uncertain.is_empty() || self.halted().is_some() {
                break;
            }
            uncertain = self.settle(uncertain, &mut waiting).await;
            if waiting.is_empty() {
                break;
            }
        }
        for Uncertain { upload, failure } in uncertain {
            self.end(upload.index, Status::Pending(failure));
        }
        // The others were not sent.
        self.learn(waiting.iter().map(|upload| settle(upload.blob())).collect()).await;
        let reason = self.halted().unwrap_or(INTERRUPTED);
        for upload in waiting {
            self.end(upload.index, Status::skipped(reason));
        }
    }

    /// Sends uploads, several at a time, until all are answered or the run is halted. Returns the uncertain ones.
    async fn send_uploads(&mut self, waiting: &mut VecDeque<Upload<'a>>) -> Vec<Uncertain<'a>>
    where
        A: WriteAccount,
        C: Clock,
    {
        let tools = self.tools;
        let mut in_flight = FuturesUnordered::new();
        let mut stored = Vec::new();
        let mut uncertain = Vec::new();
        loop {
            // Until a response shows the owner of the account, one upload is sent at a time: on the wrong account it
            // leaves one key and not all of them.
            let limit = if self.facts.is_user_seen { tools.options.concurrency.max(1) } else { 1 };
            while in_flight.len() < limit && self.halted().is_none() {
                let Some(upload) = waiting.pop_front() else { break };
                let request = move || tools.account.upload(upload.name(), &upload.key.key);
                in_flight.push(async move {
                    (upload, tools.send(Operation::Upload, upload.name(), upload.attempt, request).await)
                });
            }
            // Results that are ready at the same time are journalled together. Waiting for more than are in flight
            // gains little, and a full disk would be noticed late.
            let ready = ready(&mut in_flight).await;
            if ready.is_none() || stored.len() >= limit {
                self.record_uploads(&std::mem::take(&mut stored)).await;
            }
            let next = if ready.is_some() { ready } else { in_flight.next().await };
            let Some((upload, result)) = next else { return uncertain };
            match result {
                Ok(Dated { value: row, .. }) => {
                    if self.confirm_account(upload, &row).await {
                        stored.push((upload, AccountRow::new(&row, Origin::Uploaded)));
                    }
                }
                Err(SendError::Failed(failure)) if failure.effect == Effect::Unknown => {
                    (tools.observer)(&Event::Uncertain { name: upload.name(), failure: &failure });
                    uncertain.push(Uncertain { upload, failure });
                }
                Err(SendError::Failed(failure)) => self.fail_upload(upload, failure).await,
                Err(SendError::Stopped(())) => waiting.push_front(upload),
            }
        }
    }

    /// Lists the account once for all uncertain uploads: those that are found are recorded, those that are absent wait
    /// to be sent again. Returns the ones that stay uncertain.
    async fn settle(&mut self, uncertain: Vec<Uncertain<'a>>, waiting: &mut VecDeque<Upload<'a>>) -> Vec<Uncertain<'a>>
    where
        A: ReadAccount,
        C: Clock,
    {
        let tools = self.tools;
        if tools.options.offline {
            return uncertain;
        }
        (tools.observer)(&Event::Settling { uploads: uncertain.len() });
        let attempt = uncertain.iter().map(|uncertain| uncertain.upload.attempt).max().unwrap_or_default();
        let pause = ARRIVAL.saturating_add(tools.throttle.backoff(attempt));
        if unless_stopped(tools.stop, tools.throttle.clock().sleep(pause)).await.is_none() {
            return uncertain;
        }
        let listing = match tools.list().await {
            None => return uncertain,
            Some(Ok(listing)) => listing,
            Some(Err(error)) => {
                let explain = |Uncertain { upload, failure }: Uncertain<'a>| {
                    let message = format!("{}; listing the account to find it failed too: {error}", failure.message);
                    Uncertain { upload, failure: Failure { message, ..failure } }
                };
                return uncertain.into_iter().map(explain).collect();
            }
        };
        let mut still_uncertain = Vec::new();
        let mut stored = Vec::new();
        for Uncertain { upload, failure } in uncertain {
            let name = upload.name();
            match self.facts.sighting(&listing, name, upload.blob()) {
                Sighting::Stored(row) => {
                    (tools.observer)(&Event::Settled { name, id: Some(&row.id) });
                    if self.confirm_account(upload, row).await {
                        stored.push((upload, AccountRow::new(row, Origin::Uploaded)));
                    }
                }
                Sighting::Unreadable => still_uncertain.push(Uncertain { upload, failure }),
                Sighting::Absent => {
                    (tools.observer)(&Event::Settled { name, id: None });
                    if upload.attempt < tools.options.retries.retries {
                        (tools.observer)(&Event::Retrying { name, failure: &failure });
                        waiting.push_back(Upload { attempt: upload.attempt + 1, ..upload });
                    } else {
                        self.fail_upload(upload, count_tries(failure, upload.attempt)).await;
                    }
                }
            }
        }
        self.record_uploads(&stored).await;
        still_uncertain
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

    async fn record_uploads(&mut self, uploads: &[(Upload<'a>, AccountRow)]) {
        self.record_rows(uploads.iter().map(|(upload, row)| (upload.action, upload.key, row))).await;
        for (upload, row) in uploads {
            if upload.completes_action() {
                self.end(upload.index, Status::Done { id: row.id.clone() });
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
