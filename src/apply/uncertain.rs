//! Uploads that may have been carried out, although no response says so: listings settle them.

use std::collections::VecDeque;
use std::time::Duration;

use super::event::Event;
use super::intents::Upload;
use super::relisting::OpenQuestion;
use super::run::Run;
use super::settling::{Sighting, sighting};
use super::sightings::{Sightings, Undecided};
use super::waiting::Waiting;
use crate::account::retry::count_tries;
use crate::account::{Clock, Dated, Effect, Failure, ReadAccount, Row};
use crate::names::KeyId;
use crate::state::Session;

/// An upload that may have been carried out, although its response does not say so.
pub(super) struct Uncertain<'p> {
    pub(super) upload: Upload<'p>,
    /// What came instead. An upload that the account declined is not repeated.
    pub(super) failure: Failure,
    /// When its last request was sent.
    pub(super) sent: Duration,
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
    /// Lists the account until every uncertain upload is decided. Those that were carried out are recorded, those that
    /// were not wait to be sent again. Returns the ones that stay uncertain.
    pub(super) async fn settle(
        &mut self,
        uncertain: Vec<Uncertain<'a>>,
        waiting: &mut VecDeque<Upload<'a>>,
    ) -> Vec<Uncertain<'a>>
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
}

/// Explains that an upload is not repeated, because somebody else added the key.
fn taken_by(failure: Failure, id: &KeyId) -> Failure {
    let message = format!("{}; meanwhile someone else added this key with another name, id {id}", failure.message);
    Failure { message, help: Some("run apply again to manage that key".to_owned()), ..failure }
}
