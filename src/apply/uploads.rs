//! Adoptions and uploads.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use super::event::Event;
use super::facts::OtherUser;
use super::gate::INTERRUPTED;
use super::intents::{Upload, uploads};
use super::outcome::Status;
use super::run::{Run, concerns_all};
use super::uncertain::Uncertain;
use crate::account::{
    BodyFault, Clock, Dated, Effect, Failure, FailureKind, Operation, ReadAccount, Row, SendError, WriteAccount,
};
use crate::plan::{AccountRow, Change};
use crate::public_key::KeyBlob;
use crate::state::{JournalEntry, Origin, Session};

/// How often a run waits for uncertain uploads. After that they stay pending.
const MAX_WAITS: u32 = 3;

impl<'a, A, C: Clock, S: Session> Run<'a, A, C, S> {
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

    /// Compares the owner of the row with the expected user, and returns whether the upload went to the right account.
    /// If not, the upload fails and the run is halted.
    pub(super) async fn confirm_account(&mut self, upload: Upload<'a>, row: &Row) -> bool {
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

    pub(super) async fn record_uploads(&mut self, uploads: Vec<(Upload<'a>, Dated<Row>)>) {
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

    pub(super) async fn fail_upload(&mut self, upload: Upload<'a>, failure: Failure) {
        self.learn(vec![settle(upload.blob())]).await;
        self.end(upload.index, Status::Failed(failure));
    }
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
