//! Adoptions and uploads.

use std::collections::{BTreeSet, HashSet, VecDeque};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use super::event::Event;
use super::ledger::OtherAccount;
use super::observe::ARRIVAL;
use super::outcome::Status;
use super::{INTERRUPTED, Run, unless_stopped};
use crate::account::retry::count_tries;
use crate::account::{
    BodyFault, Clock, Effect, Failure, FailureKind, Operation, ReadAccount, Row, SendError, WriteAccount, list_all,
};
use crate::names::KeyName;
use crate::plan::{AccountRow, Action, Change, NewKey, OldKey, Plan};
use crate::public_key::KeyBlob;
use crate::state::{Entry, Origin, Session};

/// An upload to be done.
#[derive(Debug, Clone, Copy)]
struct Job<'p> {
    /// Its place among the plan's actions.
    index: usize,
    name: &'p KeyName,
    key: &'p NewKey,
    /// Whether the action ends with it, and no old key has to go yet.
    is_whole: bool,
    /// How often it was tried already.
    attempt: u32,
}

/// The uploads of a plan: of new keys, and of those that replace others and are not there yet.
fn jobs(plan: &Plan) -> impl Iterator<Item = Job<'_>> {
    plan.actions.iter().enumerate().filter_map(|(index, action)| {
        let (key, is_whole) = match &action.change {
            Change::Upload(key) => (key, true),
            Change::Replace { key, row: None, .. } => (key, false),
            _ => return None,
        };
        Some(Job { index, name: &action.name, key, is_whole, attempt: 0 })
    })
}

impl<'a, R, W, C, S: Session> Run<'a, R, W, C, S> {
    /// Writes down durably what is about to be uploaded.
    pub(super) async fn intend(&mut self) {
        // What a run that died has uploaded is ours, and only its intent tells. It is recorded before another intent
        // for the same key takes the place of that one.
        let orphans = self.plan.actions.iter().filter_map(|action| match &action.change {
            Change::Delete(old) if !self.ledger.state().records.contains_key(&old.id) => Some(orphan_entry(old)),
            _ => None,
        });
        let orphans = orphans.collect();
        self.ledger.learn(orphans).await;
        let uploads: Vec<_> = jobs(self.plan).map(|job| (job.name, job.key.key.blob())).collect();
        self.ledger.intend(&uploads).await;
        // A plan that was limited has left out what became of other keys.
        if self.plan.refreshed && self.plan.left_out == 0 && self.halted().is_none() {
            // The plan has looked: what was pending, and is not dealt with now, is not there.
            let is_placed = |action: &&Action| {
                matches!(action.change, Change::Upload(_) | Change::Adopt { .. } | Change::Replace { .. })
            };
            let dealt_with: HashSet<_> =
                self.plan.actions.iter().filter(is_placed).map(|action| action.change.blob()).collect();
            let pending: BTreeSet<_> = self.ledger.state().pending.keys().collect();
            let settled = pending.into_iter().filter(|blob| !dealt_with.contains(blob)).map(settle_entry).collect();
            self.ledger.learn(settled).await;
        }
    }

    /// Records the rows that are there already.
    pub(super) async fn adopt(&mut self) {
        for (index, action) in self.plan.actions.iter().enumerate() {
            let (key, row, is_whole) = match &action.change {
                Change::Adopt { key, row } => (key, row, true),
                Change::Replace { key, row: Some(row), .. } => (key, row, false),
                _ => continue,
            };
            if let Some(why) = self.halted() {
                self.end(index, Status::Skipped { reason: why });
                continue;
            }
            self.ledger.place([(&action.name, key, row)]).await;
            (self.tools.observer)(&Event::Placed { action, id: &row.id });
            if is_whole {
                self.end(index, Status::Done { id: row.id.clone() });
            }
        }
    }

    /// Uploads what is missing, several at a time.
    pub(super) async fn upload(&mut self)
    where
        R: ReadAccount,
        W: WriteAccount,
        C: Clock,
    {
        let tools = self.tools;
        let mut waiting: VecDeque<Job<'a>> = jobs(self.plan).collect();
        let mut uncertain: Vec<(Job<'a>, Failure)> = Vec::new();
        let mut in_flight = FuturesUnordered::new();
        // What is done and not written down yet.
        let mut stored = Vec::new();
        loop {
            // Until the account has shown whose it is, one upload goes ahead of the others: if it is the wrong
            // account, one key went there and not all of them.
            let limit = if self.ledger.knows_user() { tools.options.concurrency.max(1) } else { 1 };
            while in_flight.len() < limit && self.halted().is_none() {
                let Some(job) = waiting.pop_front() else { break };
                let upload = || tools.writer.upload(job.name, &job.key.key);
                in_flight
                    .push(async move { (job, tools.send(Operation::Upload, job.name, job.attempt, upload).await) });
            }
            // As long as others are done just as fast, as many wait to be written down together as may be under way.
            // With 128 at once it was 4 % faster at 10 connections, and a full disk was noticed late.
            let ready = ready(&mut in_flight).await;
            if ready.is_none() || stored.len() >= limit {
                self.record(&std::mem::take(&mut stored)).await;
            }
            let ended = if ready.is_some() { ready } else { in_flight.next().await };
            match ended {
                Some((job, Ok(row))) => {
                    if self.is_ours(job, &row).await {
                        stored.push((job, AccountRow::new(&row, Origin::Uploaded)));
                    }
                }
                Some((job, Err(SendError::Failed(failure)))) if failure.effect == Effect::Unknown => {
                    (tools.observer)(&Event::Uncertain { name: job.name, failure: &failure });
                    uncertain.push((job, failure));
                }
                Some((job, Err(SendError::Failed(failure)))) => {
                    self.ledger.learn(vec![settle_entry(job.key.key.blob())]).await;
                    self.end(job.index, Status::Failed(failure));
                }
                Some((job, Err(SendError::Stopped(())))) => waiting.push_front(job),
                None if uncertain.is_empty() || self.halted().is_some() => break,
                None => {
                    uncertain = self.settle(uncertain, &mut waiting).await;
                    if waiting.is_empty() {
                        break;
                    }
                }
            }
        }
        for (job, failure) in uncertain {
            self.end(job.index, Status::Pending(failure));
        }
        // What was not sent is not pending.
        self.ledger.learn(waiting.iter().map(|job| settle_entry(job.key.key.blob())).collect()).await;
        let why = self.halted().unwrap_or_else(|| INTERRUPTED.to_owned());
        for job in waiting {
            self.end(job.index, Status::Skipped { reason: why.clone() });
        }
    }

    /// Whether an upload landed on the right account. If not, nothing more is started.
    async fn is_ours(&mut self, job: Job<'a>, row: &Row) -> bool {
        let Err(other) = self.ledger.meet(&row.user_id).await else { return true };
        self.halt = Some("the token opens the account of another user".to_owned());
        self.ledger.learn(vec![settle_entry(job.key.key.blob())]).await;
        self.end(job.index, Status::Failed(landed_elsewhere(&other, row)));
        false
    }

    /// Records uploads that are done.
    async fn record(&mut self, uploads: &[(Job<'a>, AccountRow)]) {
        self.ledger.place(uploads.iter().map(|(job, row)| (job.name, job.key, row))).await;
        for (job, row) in uploads {
            if let Some(action) = self.plan.actions.get(job.index) {
                (self.tools.observer)(&Event::Placed { action, id: &row.id });
            }
            if job.is_whole {
                self.end(job.index, Status::Done { id: row.id.clone() });
            }
        }
    }

    /// Looks once for all uploads that are uncertain: what is there is recorded, what is not there waits to be sent
    /// again. Returns those of which nothing could be found out.
    async fn settle(
        &mut self,
        uncertain: Vec<(Job<'a>, Failure)>,
        waiting: &mut VecDeque<Job<'a>>,
    ) -> Vec<(Job<'a>, Failure)>
    where
        R: ReadAccount,
        C: Clock,
    {
        let tools = self.tools;
        let Some(reader) = tools.reader else { return uncertain };
        (tools.observer)(&Event::Settling { uploads: uncertain.len() });
        let attempt = uncertain.iter().map(|(job, _)| job.attempt).max().unwrap_or_default();
        let pause = ARRIVAL.saturating_add(tools.throttle.backoff(attempt));
        if unless_stopped(tools.stop, tools.throttle.clock().sleep(pause)).await.is_none() {
            return uncertain;
        }
        let listing = unless_stopped(tools.stop, list_all(reader, tools.throttle, tools.options.retries)).await;
        let listing = match listing {
            None => return uncertain,
            Some(Ok(listing)) => listing,
            Some(Err(error)) => {
                let also = |(job, failure): (Job<'a>, Failure)| {
                    let message = format!("{}; looking for it failed too: {error}", failure.message);
                    (job, Failure { message, ..failure })
                };
                return uncertain.into_iter().map(also).collect();
            }
        };
        let mut unknown = Vec::new();
        let mut stored = Vec::new();
        for (job, failure) in uncertain {
            let blob = job.key.key.blob();
            let known = |row: &Row| self.ledger.state().records.contains_key(&row.id) || self.plan.knows_copy(&row.id);
            let fresh = listing.holding(blob).filter(|row| !known(row));
            if let Some(row) = fresh.min_by_key(|row| (row.name != job.name.as_str(), row.created_at, &row.id)) {
                (tools.observer)(&Event::Settled { name: job.name, id: Some(&row.id) });
                if self.is_ours(job, row).await {
                    stored.push((job, AccountRow::new(row, Origin::Uploaded)));
                }
            } else if listing.rows().iter().any(|row| row.blob.is_none() && row.name == job.name.as_str()) {
                // That row shows no key and may be the one: sending again could make a second.
                unknown.push((job, failure));
            } else if job.attempt < tools.options.retries.retries {
                (tools.observer)(&Event::Settled { name: job.name, id: None });
                (tools.observer)(&Event::Retrying { name: job.name, failure: &failure });
                waiting.push_back(Job { attempt: job.attempt + 1, ..job });
            } else {
                (tools.observer)(&Event::Settled { name: job.name, id: None });
                self.ledger.learn(vec![settle_entry(blob)]).await;
                self.end(job.index, Status::Failed(count_tries(failure, job.attempt)));
            }
        }
        self.record(&stored).await;
        unknown
    }
}

/// Gives one that is done, if there is any when all has been sent and received that could be.
async fn ready<F: Future>(in_flight: &mut FuturesUnordered<F>) -> Option<F::Output> {
    if let Some(Some(done)) = in_flight.next().now_or_never() {
        return Some(done);
    }
    tokio::task::yield_now().await;
    in_flight.next().now_or_never().flatten()
}

fn orphan_entry(old: &OldKey) -> Entry {
    let OldKey { name, id, blob, is_primary: _ } = old;
    let row = AccountRow { id: id.clone(), account_name: name.to_string(), created_at: None, origin: Origin::Uploaded };
    Entry::Record(row.record(name, blob))
}

fn settle_entry(blob: &KeyBlob) -> Entry {
    Entry::Settle { public_key: blob.clone() }
}

fn landed_elsewhere(other: &OtherAccount, row: &Row) -> Failure {
    Failure {
        effect: Effect::Unknown,
        kind: FailureKind::Body(BodyFault::Foreign),
        status: None,
        retry_after: None,
        message: format!(
            "it went to the account of user {}, where it is {} now, and not to that of {}",
            other.found, row.id, other.expected
        ),
        help: Some("delete it there, and use the token of the right account".to_owned()),
    }
}
